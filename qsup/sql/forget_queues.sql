-- Retired queues that no row and no job class uses, and whose history is over.
DELETE FROM qsup.queues AS q
WHERE q.retired_at <= clock_timestamp() - make_interval(secs => q.keep)
  AND NOT EXISTS (SELECT FROM qsup.jobs AS j WHERE j.queue = q.name)
  AND NOT EXISTS (SELECT FROM qsup.job_types AS t WHERE t.queue = q.name)
RETURNING q.name
