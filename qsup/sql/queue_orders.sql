-- Queues that are paused or scaled.
SELECT q.name, extract(epoch FROM q.paused_at)::float8 AS paused_at, q.paused_by, q.scale, q.scaled_from
FROM qsup.queues AS q
WHERE q.paused_at IS NOT NULL OR q.scale IS NOT NULL
ORDER BY q.name
