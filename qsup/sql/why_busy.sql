-- Slots at work, each with the job that it took first: what comes after it waits in the worker's socket.
SELECT DISTINCT ON (j.reserved_by) split_part(j.reserved_by, '/', 1) AS supervisor, split_part(j.reserved_by, '/', 2) AS slot,
       j.id, j.type AS job, j.queue, j.reserved_at AS since
FROM qsup.jobs AS j
WHERE j.state = 'running'
ORDER BY j.reserved_by, j.reserved_at, j.seq
