-- A job that waits for its time need not wait any longer.
WITH moved AS (
    UPDATE qsup.jobs AS j SET state = 'ready', seq = nextval('qsup.ready_order'), available_at = clock_timestamp()
    WHERE j.id = %(job)s::bigint AND j.state = 'scheduled'
    RETURNING j.id, j.queue, j.claim_number
), told AS (
    INSERT INTO qsup.job_events (job_id, claim, kind, detail)
    SELECT m.id, m.claim_number, 'released', %(reason)s FROM moved AS m
)
SELECT pg_notify('qsup', m.queue) FROM moved AS m
