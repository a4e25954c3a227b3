-- Jobs of supervisors that are gone: only when the lease is over too. `alive` are the supervisors with a fresh heartbeat.
-- A claim that outlived its supervisor counts as a crash: the job may be what killed the host.
WITH lost AS (
    SELECT j.id, j.claim_number, j.reserved_by FROM qsup.jobs AS j
    WHERE j.state = 'running' AND j.lease_until < clock_timestamp()
      AND NOT split_part(j.reserved_by, '/', 1) = ANY (%(alive)s::text[])
    LIMIT 1000
    FOR UPDATE SKIP LOCKED
), moved AS (
    UPDATE qsup.jobs AS j
    SET state = 'ready', seq = nextval('qsup.ready_order'), attempts = greatest(0, j.attempts - 1), crashes = j.crashes + 1,
        reserved_at = NULL, reserved_by = NULL, lease_until = NULL
    WHERE j.id = ANY (ARRAY(SELECT l.id FROM lost AS l))
    RETURNING j.id, j.queue
), told AS (
    INSERT INTO qsup.job_events (job_id, claim, kind, detail)
    SELECT l.id, l.claim_number, 'rescued', 'the supervisor of ' || l.reserved_by || ' is gone and the lease is over'
    FROM lost AS l
)
SELECT m.id, m.queue FROM moved AS m
