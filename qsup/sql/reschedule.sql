-- Run these again: later (scheduled) or, with no delay, at once at the end of the queue. One event each.
-- give_back: attempts returned (a crash is not an attempt); crashes: added.
WITH due AS (
    SELECT d.* FROM unnest(%(ids)s::bigint[], %(claims)s::int[], %(delays)s::float8[], %(give_back)s::int[],
                           %(crashes)s::int[], %(kinds)s::text[], %(details)s::text[])
           AS d (id, claim, delay, give_back, crashes, kind, detail)
), locked AS (
    SELECT j.id FROM qsup.jobs AS j
    WHERE j.id = ANY (%(ids)s::bigint[]) AND j.state = 'running'
      AND (j.id, j.claim_number) IN (SELECT d.id, d.claim FROM due AS d)
    FOR UPDATE SKIP LOCKED
), moved AS (
    UPDATE qsup.jobs AS j
    SET state = CASE WHEN d.delay > 0 THEN 'scheduled' ELSE 'ready' END, seq = nextval('qsup.ready_order'),
        available_at = clock_timestamp() + make_interval(secs => d.delay),
        attempts = greatest(0, j.attempts - d.give_back), crashes = j.crashes + d.crashes,
        reserved_at = NULL, reserved_by = NULL, lease_until = NULL
    FROM due AS d
    WHERE j.id = d.id AND j.id = ANY (ARRAY(SELECT l.id FROM locked AS l))
    RETURNING j.id, d.claim, d.kind, d.detail, d.delay, j.queue
), told AS (
    INSERT INTO qsup.job_events (job_id, claim, kind, detail, value)
    SELECT m.id, m.claim, m.kind, m.detail, m.delay FROM moved AS m
)
SELECT m.id, m.queue, m.delay FROM moved AS m
