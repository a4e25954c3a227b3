-- Back to the queue at once, the attempt given back: the job was not (or not to its end) run, through no fault of its own.
WITH given AS (
    SELECT g.* FROM unnest(%(ids)s::bigint[], %(claims)s::int[], %(details)s::text[]) AS g (id, claim, detail)
), locked AS (
    SELECT j.id FROM qsup.jobs AS j
    WHERE j.id = ANY (%(ids)s::bigint[]) AND j.state = 'running'
      AND (j.id, j.claim_number) IN (SELECT g.id, g.claim FROM given AS g)
    FOR UPDATE SKIP LOCKED
), moved AS (
    UPDATE qsup.jobs AS j
    SET state = 'ready', seq = nextval('qsup.ready_order'), attempts = greatest(0, j.attempts - 1),
        reserved_at = NULL, reserved_by = NULL, lease_until = NULL
    WHERE j.id = ANY (ARRAY(SELECT l.id FROM locked AS l))
    RETURNING j.id, j.queue
), told AS (
    INSERT INTO qsup.job_events (job_id, claim, kind, detail)
    SELECT m.id, g.claim, 'released', g.detail FROM moved AS m JOIN given AS g USING (id)
)
SELECT m.id, m.queue FROM moved AS m
