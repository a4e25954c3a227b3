-- End finished jobs of a queue that keeps its history.
WITH ended AS (
    DELETE FROM qsup.jobs
    WHERE id = ANY (ARRAY(
        SELECT j.id FROM qsup.jobs AS j
        WHERE j.id = ANY (%(ids)s::bigint[])
          AND (j.id, j.claim_number) IN (SELECT * FROM unnest(%(ids)s::bigint[], %(claims)s::int[]))
        FOR UPDATE SKIP LOCKED))
    RETURNING *
), kept AS (
    INSERT INTO qsup.history (id, queue, type, payload, attempts, crashes, created_at, started_at, finished_at)
    SELECT e.id, e.queue, e.type, e.payload, e.attempts, e.crashes, e.created_at, e.reserved_at, clock_timestamp()
    FROM ended AS e WHERE e.step = 'run'
)
SELECT e.id FROM ended AS e
