-- What there is to do, asked once a second: the queues that have a ready row, the seconds until the next scheduled one is
-- due (NULL: there is none), and whether an operator's command is open.
SELECT ARRAY(SELECT q.name FROM unnest(%(queues)s::text[]) AS q (name)
             WHERE EXISTS (SELECT FROM qsup.jobs AS j WHERE j.queue = q.name AND j.state = 'ready')) AS ready,
       (SELECT extract(epoch FROM min(n.available_at) - clock_timestamp())::float8
        FROM unnest(%(queues)s::text[]) AS q (name)
        CROSS JOIN LATERAL (
            SELECT j.available_at FROM qsup.jobs AS j
            WHERE j.queue = q.name AND j.state = 'scheduled'
            ORDER BY j.available_at LIMIT 1) AS n) AS due_in,
       EXISTS (SELECT FROM qsup.commands AS c WHERE c.done_at IS NULL) AS commands
