-- Declared queues and how many workers hear them; a retired one is back.
INSERT INTO qsup.queues (name, workers)
SELECT * FROM unnest(%(names)s::text[], %(workers)s::int[])
ON CONFLICT (name) DO UPDATE SET workers = excluded.workers, retired_at = NULL
WHERE queues.workers <> excluded.workers OR queues.retired_at IS NOT NULL
