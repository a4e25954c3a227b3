-- Declared queues, how many workers hear them and how long they keep finished jobs; a retired one is back.
INSERT INTO qsup.queues (name, workers, keep)
SELECT * FROM unnest(%(names)s::text[], %(workers)s::int[], %(keeps)s::float8[])
ON CONFLICT (name) DO UPDATE SET workers = excluded.workers, keep = excluded.keep, retired_at = NULL
WHERE (queues.workers, queues.keep, queues.retired_at IS NULL) IS DISTINCT FROM (excluded.workers, excluded.keep, true)
