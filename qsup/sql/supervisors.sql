-- Everybody who has said that he is alive, and how many seconds ago.
SELECT s.id, s.host, s.pid, s.code, s.config_file, s.generation, s.listens,
       extract(epoch FROM clock_timestamp() - s.beat_at)::float8 AS silent_s
FROM qsup.supervisors AS s
ORDER BY s.started_at
