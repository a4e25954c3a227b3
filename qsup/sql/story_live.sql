-- A job that is not at its end: its row, who runs it, and what it waits for (rows before it: counted up to 1,000).
SELECT j.id, j.queue, j.type AS job, j.state, j.step, j.attempts, j.crashes, j.claim_number AS claim, j.unique_key, j.payload,
       j.created_at, j.available_at, j.reserved_at, j.lease_until, split_part(j.reserved_by, '/', 2) AS slot, s.host, s.pid,
       j.lease_until < clock_timestamp() AS lease_over,
       extract(epoch FROM j.available_at - clock_timestamp())::float8 AS due_in,
       (q.retired_at IS NOT NULL) AS retired, q.workers, q.paused_by,
       EXISTS (SELECT FROM qsup.supervisors AS l
               WHERE j.queue = ANY (l.listens) AND l.beat_at > clock_timestamp() - interval '30 seconds') AS heard,
       CASE j.state WHEN 'ready' THEN (
           SELECT count(*) FROM (SELECT FROM qsup.jobs AS b
                                 WHERE b.queue = j.queue AND b.state = 'ready' AND b.seq < j.seq LIMIT 1000) AS b) END AS before
FROM qsup.jobs AS j
JOIN qsup.queues AS q ON q.name = j.queue
LEFT JOIN qsup.supervisors AS s ON s.id = split_part(j.reserved_by, '/', 1)
WHERE j.id = %(id)s::bigint
