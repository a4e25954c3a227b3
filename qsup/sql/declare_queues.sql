-- Declared queues, how many workers hear them, how long they keep finished jobs and what else their file says of them; a
-- retired one is back.
INSERT INTO qsup.queues (name, workers, keep, settings)
SELECT * FROM unnest(%(names)s::text[], %(workers)s::int[], %(keeps)s::float8[], %(settings)s::jsonb[])
ON CONFLICT (name) DO UPDATE
SET workers = excluded.workers, keep = excluded.keep, settings = excluded.settings, retired_at = NULL
WHERE (queues.workers, queues.keep, queues.settings, queues.retired_at IS NULL)
      IS DISTINCT FROM (excluded.workers, excluded.keep, excluded.settings, true)
