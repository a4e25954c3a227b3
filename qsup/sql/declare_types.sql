-- Declared job classes, the queue of each, whether it has a failed hook, and the payload limit.
INSERT INTO qsup.job_types (name, queue, hook, payload_limit)
SELECT t.name, t.queue, t.hook, %(payload_limit)s::int
FROM unnest(%(names)s::text[], %(queues)s::text[], %(hooks)s::bool[]) AS t (name, queue, hook)
ON CONFLICT (name) DO UPDATE
SET queue = excluded.queue, hook = excluded.hook, payload_limit = excluded.payload_limit, retired_at = NULL
WHERE (job_types.queue, job_types.hook, job_types.payload_limit, job_types.retired_at IS NULL)
    IS DISTINCT FROM (excluded.queue, excluded.hook, excluded.payload_limit, true)
