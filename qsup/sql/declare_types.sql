-- Declared job classes, the queue of each and the payload limit.
INSERT INTO qsup.job_types (name, queue, payload_limit)
SELECT t.name, t.queue, %(payload_limit)s::int FROM unnest(%(names)s::text[], %(queues)s::text[]) AS t (name, queue)
ON CONFLICT (name) DO UPDATE SET queue = excluded.queue, payload_limit = excluded.payload_limit, retired_at = NULL
WHERE (job_types.queue, job_types.payload_limit, job_types.retired_at IS NULL)
    IS DISTINCT FROM (excluded.queue, excluded.payload_limit, true)
