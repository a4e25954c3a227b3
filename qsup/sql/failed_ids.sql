-- The next ids behind `after` of the failed jobs that match a filter: for commands that work in batches.
SELECT f.id
FROM qsup.failed_jobs AS f
WHERE (f.discarded_at IS NOT NULL) = coalesce(%(discarded)s::bool, f.discarded_at IS NOT NULL) AND f.id > %(after)s::bigint
  AND f.queue = coalesce(%(queue)s::text, f.queue) AND f.type = coalesce(%(job)s::text, f.type)
  AND f.fingerprint = coalesce(%(fingerprint)s::text, f.fingerprint)
  AND f.failed_at >= coalesce(%(since)s::timestamptz, '-infinity') AND f.failed_at <= coalesce(%(until)s::timestamptz, 'infinity')
ORDER BY f.id
LIMIT %(limit)s::bigint
