-- I am alive, and this is what my workers hear.
INSERT INTO qsup.supervisors (id, host, pid, code, config_file, generation, listens, declares)
VALUES (%(supervisor)s, %(host)s, %(pid)s::int, %(code)s, %(config_file)s, %(generation)s::int, %(listens)s::text[],
        %(declares)s::jsonb)
ON CONFLICT (id) DO UPDATE
SET beat_at = clock_timestamp(), host = excluded.host, pid = excluded.pid, code = excluded.code,
    config_file = excluded.config_file, generation = excluded.generation, listens = excluded.listens,
    declares = excluded.declares
