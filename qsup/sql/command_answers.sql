-- What was answered to a command so far; `silent_s` is NULL for a supervisor that has signed off or was forgotten.
SELECT a.supervisor, coalesce(s.host, '') AS host, coalesce(s.pid, 0) AS pid, a.state, a.detail,
       extract(epoch FROM clock_timestamp() - s.beat_at)::float8 AS silent_s
FROM qsup.command_answers AS a LEFT JOIN qsup.supervisors AS s ON s.id = a.supervisor
WHERE a.command = %(command)s::bigint
ORDER BY s.host, s.pid, a.supervisor
