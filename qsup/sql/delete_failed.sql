-- Delete a batch of failed jobs for good, discarded ones too, that failed before a time.
DELETE FROM qsup.failed_jobs AS f
WHERE f.id = ANY (ARRAY(
    SELECT o.id FROM qsup.failed_jobs AS o
    WHERE o.failed_at <= %(until)s::timestamptz
    ORDER BY o.failed_at, o.id LIMIT 1000
    FOR UPDATE SKIP LOCKED))
