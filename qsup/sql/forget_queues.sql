-- Retired queues that no row and no job class uses.
DELETE FROM qsup.queues AS q
WHERE q.retired_at IS NOT NULL
  AND NOT EXISTS (SELECT FROM qsup.jobs AS j WHERE j.queue = q.name)
  AND NOT EXISTS (SELECT FROM qsup.job_types AS t WHERE t.queue = q.name)
RETURNING q.name
