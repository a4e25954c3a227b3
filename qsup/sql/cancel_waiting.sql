-- Jobs that open commands cancel and that wait at this moment: each moves to failed_jobs in this statement, or, with a
-- failed hook, stays as the step `failed` so that the hook is run.
WITH locked AS (
    SELECT j.*, c.id AS command, t.hook AND j.step = 'run' AS hooked,
           format('cancelled by %%s (command %%s)', c.who, c.id) AS reason
    FROM qsup.commands AS c
    JOIN qsup.jobs AS j ON j.id = (c.arguments ->> 'job')::bigint AND j.step = c.arguments ->> 'step'
    JOIN qsup.job_types AS t ON t.name = j.type
    WHERE c.done_at IS NULL AND c.verb = 'cancel' AND j.state IN ('ready', 'scheduled')
    FOR UPDATE OF j SKIP LOCKED
), hooked AS (
    UPDATE qsup.jobs AS j
    SET step = 'failed', error = l.reason, state = 'ready', seq = nextval('qsup.ready_order'), attempts = 0, crashes = 0,
        available_at = clock_timestamp()
    FROM locked AS l
    WHERE j.id = l.id AND l.hooked AND j.id = ANY (ARRAY(SELECT l.id FROM locked AS l))
), removed AS (
    DELETE FROM qsup.jobs AS j
    USING locked AS l
    WHERE j.id = l.id AND NOT l.hooked AND j.id = ANY (ARRAY(SELECT l.id FROM locked AS l))
), stored AS (
    INSERT INTO qsup.failed_jobs AS f (id, queue, type, payload, attempts, crashes, cause, message, symptom, claim_number,
                                       unique_key, created_at)
    SELECT l.id, l.queue, l.type, l.payload, l.attempts, l.crashes, 'cancelled', l.reason, 'cancelled', l.claim_number,
           l.unique_key, l.created_at
    FROM locked AS l WHERE l.step = 'run'
    ON CONFLICT (id) DO UPDATE
    SET queue = excluded.queue, attempts = excluded.attempts, crashes = excluded.crashes, cause = excluded.cause,
        exception = '', message = excluded.message, traceback = '', frame = '', symptom = excluded.symptom,
        claim_number = excluded.claim_number, unique_key = excluded.unique_key, failed_at = clock_timestamp(),
        discarded_at = NULL, discarded_by = NULL
), told AS (
    INSERT INTO qsup.job_events (job_id, claim, kind, detail)
    SELECT l.id, l.claim_number, CASE l.step WHEN 'run' THEN 'cancelled' ELSE 'hook failed' END, l.reason FROM locked AS l
), closed AS (
    UPDATE qsup.commands AS c SET done_at = clock_timestamp(), result = 'cancelled while it waited'
    FROM locked AS l WHERE c.id = l.command
    RETURNING c.id
)
SELECT c.id, pg_notify('qsup_answer', '') FROM closed AS c
