-- A job that is done, of a queue that keeps its history.
SELECT h.id, h.queue, h.type AS job, h.attempts, h.crashes, h.payload, h.created_at, h.started_at, h.finished_at
FROM qsup.history AS h
WHERE h.id = %(id)s::bigint
ORDER BY h.finished_at
