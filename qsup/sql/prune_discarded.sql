-- Failed jobs that were discarded more than a day ago, in short batches: from now on there is no undo.
DELETE FROM qsup.failed_jobs AS f
WHERE f.id = ANY (ARRAY(
    SELECT o.id FROM qsup.failed_jobs AS o
    WHERE o.discarded_at < clock_timestamp() - interval '24 hours'
    ORDER BY o.discarded_at LIMIT 1000
    FOR UPDATE SKIP LOCKED))
