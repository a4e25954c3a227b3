-- The next ids behind `after` of the failed jobs that match a filter: for commands that work in batches.
SELECT f.id
FROM qsup.failed_jobs AS f
WHERE (%(discarded)s::bool IS NULL OR (f.discarded_at IS NOT NULL) = %(discarded)s) AND f.id > %(after)s::bigint
  AND (%(queue)s::text IS NULL OR f.queue = %(queue)s) AND (%(job)s::text IS NULL OR f.type = %(job)s)
  AND (%(fingerprint)s::text IS NULL OR f.fingerprint = %(fingerprint)s)
  AND (%(since)s::timestamptz IS NULL OR f.failed_at >= %(since)s)
  AND (%(until)s::timestamptz IS NULL OR f.failed_at <= %(until)s)
ORDER BY f.id
LIMIT %(limit)s::bigint
