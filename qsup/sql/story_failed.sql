-- A job that has failed for good.
SELECT f.id, f.queue, f.type AS job, f.attempts, f.crashes, f.claim_number AS claim, f.unique_key, f.payload, f.cause,
       f.exception, f.message, f.traceback, f.frame, f.symptom, f.fingerprint, f.created_at, f.failed_at, f.discarded_at,
       f.discarded_by, f.discarded_at + interval '24 hours' AS deleted_at
FROM qsup.failed_jobs AS f
WHERE f.id = %(id)s::bigint
