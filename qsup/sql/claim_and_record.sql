-- End what is finished and claim for every free slot: one statement, one commit.
-- done/done_claims: jobs that are done. queues/counts/after/firsts: take `count` jobs of `queue` with seq > after; the
-- n-th goes to slots[first + n]. CROSS JOIN LATERAL per queue: `queue = ANY (...) ORDER BY` sorts the backlog (25 claims/s).
-- Rows are ended and taken by primary key: a predicate on state would let the planner use a small bloated index.
-- A paused queue gives nothing, and it is asked here, so that no courier needs to have heard of the pause.
-- A line that ends in `-- condition: NAME` is one that a job must meet to be taken; why_*.sql ask the same lines by name.
-- `picked` is joined, not asked by subqueries in SET: those read all of it for each row (180 slots: 6 ms instead of 3).
WITH ended AS (
    DELETE FROM qsup.jobs
    WHERE id = ANY (ARRAY(
        SELECT j.id FROM qsup.jobs AS j
        WHERE j.id = ANY (%(done)s::bigint[])
          AND (j.id, j.claim_number) IN (SELECT * FROM unnest(%(done)s::bigint[], %(done_claims)s::int[]))
        FOR UPDATE SKIP LOCKED))
    RETURNING id
), picked AS (
    SELECT p.id, w.timeout, w.slack, w.first + row_number() OVER (PARTITION BY w.queue ORDER BY p.seq) AS place
    FROM unnest(%(queues)s::text[], %(counts)s::int[], %(after)s::bigint[], %(firsts)s::int[],
                %(timeouts)s::float8[], %(slacks)s::float8[]) AS w (queue, n, after, first, timeout, slack)
    JOIN qsup.queues AS q ON q.name = w.queue
        AND q.paused_at IS NULL -- condition: unpaused
    CROSS JOIN LATERAL (
        SELECT j.id, j.seq FROM qsup.jobs AS j
        WHERE j.queue = w.queue AND j.seq > w.after
            AND j.state = 'ready' -- condition: ready
        ORDER BY j.seq LIMIT w.n
        FOR UPDATE SKIP LOCKED) AS p
), claimed AS (
    UPDATE qsup.jobs AS j
    SET state = 'running', claim_number = j.claim_number + 1, attempts = j.attempts + 1,
        reserved_at = clock_timestamp(),
        reserved_by = %(supervisor)s || '/' || (%(slots)s::text[])[p.place],
        lease_until = clock_timestamp() + make_interval(
            secs => p.slack + coalesce((%(job_timeouts)s::jsonb ->> j.type)::float8, p.timeout))
    FROM picked AS p
    WHERE j.id = p.id AND j.id = ANY (ARRAY(SELECT p.id FROM picked AS p))
    RETURNING j.id, j.claim_number, j.queue, j.type, j.payload::text AS payload, j.attempts, j.crashes, j.step, j.error, j.seq,
              (%(slots)s::text[])[p.place] AS slot
)
SELECT NULL::bigint AS ended, c.* FROM claimed AS c
UNION ALL
SELECT e.id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM ended AS e
ORDER BY seq
