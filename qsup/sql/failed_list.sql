-- Failed jobs that match a filter, newest first. Without payloads, which may hold what is nobody's business.
SELECT f.id, f.queue, f.type AS job, f.cause, f.exception, f.message, f.frame, f.symptom, f.fingerprint, f.attempts,
       f.crashes, f.created_at, f.failed_at, f.discarded_at, f.discarded_by
FROM qsup.failed_jobs AS f
WHERE (%(discarded)s::bool IS NULL OR (f.discarded_at IS NOT NULL) = %(discarded)s)
  AND (%(queue)s::text IS NULL OR f.queue = %(queue)s) AND (%(job)s::text IS NULL OR f.type = %(job)s)
  AND (%(fingerprint)s::text IS NULL OR f.fingerprint = %(fingerprint)s)
  AND (%(since)s::timestamptz IS NULL OR f.failed_at >= %(since)s)
  AND (%(until)s::timestamptz IS NULL OR f.failed_at <= %(until)s)
ORDER BY f.failed_at DESC, f.id DESC
LIMIT %(limit)s::bigint
