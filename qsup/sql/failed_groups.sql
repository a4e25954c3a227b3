-- Failed jobs that match a filter, one row per fingerprint (and per queue when `by_queue`), with its newest as example.
WITH found AS (
    SELECT f.id, f.queue, f.fingerprint, f.failed_at
    FROM qsup.failed_jobs AS f
    WHERE (%(discarded)s::bool IS NULL OR (f.discarded_at IS NOT NULL) = %(discarded)s)
  AND (%(queue)s::text IS NULL OR f.queue = %(queue)s) AND (%(job)s::text IS NULL OR f.type = %(job)s)
  AND (%(fingerprint)s::text IS NULL OR f.fingerprint = %(fingerprint)s)
  AND (%(since)s::timestamptz IS NULL OR f.failed_at >= %(since)s)
  AND (%(until)s::timestamptz IS NULL OR f.failed_at <= %(until)s)
      AND (%(ids)s::bigint[] IS NULL OR f.id = ANY (%(ids)s::bigint[]))
), counted AS (
    SELECT o.fingerprint, CASE WHEN %(by_queue)s::bool THEN o.queue END AS of_queue, count(*) AS jobs,
           min(o.failed_at) AS first_at, max(o.failed_at) AS last_at,
           (array_agg(o.id ORDER BY o.failed_at DESC, o.id DESC))[1] AS example
    FROM found AS o GROUP BY 1, 2
)
SELECT c.fingerprint, c.jobs, c.first_at, c.last_at, c.example, e.queue, e.type AS job, e.exception, e.message, e.frame,
       e.symptom
FROM counted AS c JOIN qsup.failed_jobs AS e ON e.id = c.example
ORDER BY c.jobs DESC, c.last_at DESC, c.fingerprint
LIMIT %(limit)s::bigint
