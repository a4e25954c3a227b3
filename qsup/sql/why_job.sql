-- A job that waits or runs: its row, what the claim's own conditions say of it, its queue, and who holds its row (the lock
-- that the claim would skip; of several holders none is named, for xmax is then no transaction's number).
SELECT j.id, j.queue, j.type AS job, j.state, j.step, j.attempts, j.crashes, j.claim_number AS claim, j.seq, j.available_at,
       j.reserved_at, j.lease_until, j.lease_until < clock_timestamp() AS lease_over,
       extract(epoch FROM j.available_at - clock_timestamp())::float8 AS due_in,
       coalesce(split_part(j.reserved_by, '/', 1), '') AS supervisor, coalesce(split_part(j.reserved_by, '/', 2), '') AS slot,
       ({claim:ready}) AS ready, ({claim:unpaused}) AS unpaused,
       q.workers, q.retired_at, q.paused_at, q.paused_by, (q.settings ->> 'tries')::int AS tries,
       h.pid AS held_by, h.who AS holder, h.since AS held_since
FROM qsup.jobs AS j
JOIN qsup.queues AS q ON q.name = j.queue
LEFT JOIN LATERAL (
    SELECT l.pid, concat_ws(' ', a.usename, nullif(a.application_name, '')) AS who, a.xact_start AS since
    FROM pg_locks AS l LEFT JOIN pg_stat_activity AS a ON a.pid = l.pid
    WHERE l.locktype = 'transactionid' AND l.transactionid = j.xmax AND l.granted AND l.pid <> pg_backend_pid()
    LIMIT 1) AS h ON true
WHERE j.id = %(id)s::bigint
