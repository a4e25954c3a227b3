-- Jobs that the claim would take from these queues, those before the place `before` in each: counted up to 1,000.
SELECT w.queue, ({claim:unpaused}) AS unpaused, p.jobs, p.oldest
FROM unnest(%(queues)s::text[], %(before)s::bigint[]) WITH ORDINALITY AS w (queue, before, place)
JOIN qsup.queues AS q ON q.name = w.queue
CROSS JOIN LATERAL (
    SELECT count(*) AS jobs, (array_agg(f.id ORDER BY f.seq))[1] AS oldest
    FROM (SELECT j.id, j.seq FROM qsup.jobs AS j
          WHERE j.queue = w.queue AND j.seq < w.before AND {claim:ready}
          ORDER BY j.seq LIMIT 1000) AS f) AS p
ORDER BY w.place
