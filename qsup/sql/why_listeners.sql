-- Everybody who has signed on: how long silent, whether he hears a queue, how many workers his file gives it, whether it
-- routes a job class; `slots` counts his workers by queue, as operators have scaled them, and is empty for a solo worker.
SELECT s.id, s.host, s.pid, s.config_file AS file, s.beat_at,
       extract(epoch FROM clock_timestamp() - s.beat_at)::float8 AS silent_s,
       s.beat_at > clock_timestamp() - interval '30 seconds' AS alive,
       %(queue)s::text = ANY (s.listens) AS hears,
       (s.declares -> 'queues' ->> %(queue)s::text)::int AS declared,
       coalesce(s.declares -> 'jobs' ? %(job)s::text, false) AS routes,
       coalesce(s.declares -> 'pools', '{}') AS pools,
       coalesce((SELECT jsonb_object_agg(n.queue, coalesce(q.scale, n.workers))
                 FROM (SELECT key AS queue, value::int AS workers FROM jsonb_each_text(s.declares -> 'slots')) AS n
                 LEFT JOIN qsup.queues AS q ON q.name = n.queue AND n.workers = ANY (q.scaled_from)), '{}') AS slots
FROM qsup.supervisors AS s
ORDER BY s.beat_at DESC, s.id
