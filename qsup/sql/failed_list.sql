-- Failed jobs that match a filter, newest first. Without payloads, which may hold what is nobody's business.
SELECT f.id, f.queue, f.type AS job, f.cause, f.exception, f.message, f.frame, f.symptom, f.fingerprint, f.attempts,
       f.crashes, f.created_at, f.failed_at, f.discarded_at, f.discarded_by
FROM qsup.failed_jobs AS f
WHERE (f.discarded_at IS NOT NULL) = coalesce(%(discarded)s::bool, f.discarded_at IS NOT NULL)
  AND f.queue = coalesce(%(queue)s::text, f.queue) AND f.type = coalesce(%(job)s::text, f.type)
  AND f.fingerprint = coalesce(%(fingerprint)s::text, f.fingerprint)
  AND f.failed_at >= coalesce(%(since)s::timestamptz, '-infinity') AND f.failed_at <= coalesce(%(until)s::timestamptz, 'infinity')
ORDER BY f.failed_at DESC, f.id DESC
LIMIT %(limit)s::bigint
