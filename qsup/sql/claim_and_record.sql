-- End what is finished and claim for every free slot: one statement, one commit.
-- done/done_claims: jobs that are done. queues/counts/after/firsts: take `count` jobs of `queue` with seq > after; the
-- n-th goes to slots[first + n]. One ARRAY per queue: `queue = ANY (...) ORDER BY` sorts the backlog (25 claims/s).
-- Rows are ended and taken by primary key: a predicate on state would let the planner use a small bloated index.
-- A paused queue gives nothing, and it is asked here, so that no courier needs to have heard of the pause.
-- A line that ends in `-- condition: NAME` is one that a job must meet to be taken; why_*.sql ask the same lines by name.
-- MATERIALIZED: pulled up, the ARRAY would be read once for each place that names it, and be empty the second time.
-- What belongs to a row comes with it, by unnest: to look it up by array_position, and in an array of texts, walks both
-- for each row. Four workers who end and take 350 jobs at a time ran 9 percent more without (medians of 5 and 7, in turns).
-- No order: to sort its few rows cost PostgreSQL 20 microseconds of 650 (200 claims each in turns); Python has them at hand.
WITH ended AS (
    DELETE FROM qsup.jobs
    WHERE id = ANY (ARRAY(
        SELECT j.id FROM unnest(%(done)s::bigint[], %(done_claims)s::int[]) AS d (id, claim)
        JOIN qsup.jobs AS j ON j.id = d.id AND j.claim_number = d.claim
        FOR UPDATE OF j SKIP LOCKED))
    RETURNING id
), picked AS MATERIALIZED (
    SELECT w.timeout, w.slack, (%(slots)s::text[])[w.first + 1 : w.first + w.n] AS slots, ARRAY(
        SELECT j.id FROM qsup.jobs AS j
        WHERE j.queue = w.queue AND j.seq > w.after
            AND j.state = 'ready' -- condition: ready
        ORDER BY j.seq LIMIT w.n
        FOR UPDATE SKIP LOCKED) AS ids
    FROM unnest(%(queues)s::text[], %(counts)s::int[], %(after)s::bigint[], %(firsts)s::int[],
                %(timeouts)s::float8[], %(slacks)s::float8[]) AS w (queue, n, after, first, timeout, slack)
    JOIN qsup.queues AS q ON q.name = w.queue
        AND q.paused_at IS NULL -- condition: unpaused
), claimed AS (
    UPDATE qsup.jobs AS j
    SET state = 'running', claim_number = j.claim_number + 1, attempts = j.attempts + 1,
        reserved_at = clock_timestamp(),
        reserved_by = %(supervisor)s || '/' || i.slot,
        lease_until = clock_timestamp() + make_interval(
            secs => p.slack + coalesce((%(job_timeouts)s::jsonb ->> j.type)::float8, p.timeout))
    FROM picked AS p, unnest(p.ids, p.slots) AS i (id, slot)
    WHERE j.id = i.id
    RETURNING j.id, j.claim_number, j.queue, j.type, j.payload::text AS payload, j.attempts, j.crashes, j.step, j.error, j.seq,
              i.slot AS slot
)
SELECT NULL::bigint AS ended, c.* FROM claimed AS c
UNION ALL
SELECT e.id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM ended AS e
