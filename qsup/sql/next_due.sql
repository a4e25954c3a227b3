-- When the next scheduled job of each queue is due, in seconds from now; queues with none are left out.
SELECT q.name, extract(epoch FROM n.available_at - clock_timestamp())::float8 AS due_in
FROM unnest(%(queues)s::text[]) AS q (name)
CROSS JOIN LATERAL (
    SELECT j.available_at FROM qsup.jobs AS j
    WHERE j.queue = q.name AND j.state = 'scheduled'
    ORDER BY j.available_at LIMIT 1) AS n
