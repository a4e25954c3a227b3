-- Fail these for good: the row moves to failed_jobs in the same statement that removes it. A job with a failed hook
-- keeps its row as the step `failed`, so that the hook is run even if this courier dies now. A job that was run again
-- and fails again is stored again: its newest failure counts.
WITH doomed AS (
    SELECT d.* FROM unnest(%(ids)s::bigint[], %(claims)s::int[], %(hooks)s::bool[], %(crashes)s::int[], %(causes)s::text[],
                           %(exceptions)s::text[], %(messages)s::text[], %(tracebacks)s::text[], %(frames)s::text[],
                           %(symptoms)s::text[])
           AS d (id, claim, hook, crashes, cause, exception, message, traceback, frame, symptom)
), locked AS (
    SELECT j.* FROM qsup.jobs AS j
    WHERE j.id = ANY (%(ids)s::bigint[]) AND j.state = 'running'
      AND (j.id, j.claim_number) IN (SELECT d.id, d.claim FROM doomed AS d)
    FOR UPDATE SKIP LOCKED
), hooked AS (
    UPDATE qsup.jobs AS j
    SET step = 'failed', error = d.message, state = 'ready', seq = nextval('qsup.ready_order'), attempts = 0, crashes = 0,
        available_at = clock_timestamp(), reserved_at = NULL, reserved_by = NULL, lease_until = NULL
    FROM doomed AS d
    WHERE j.id = d.id AND j.claim_number = d.claim AND d.hook AND j.step = 'run'
      AND j.id = ANY (ARRAY(SELECT l.id FROM locked AS l))
), removed AS (
    DELETE FROM qsup.jobs AS j
    USING doomed AS d
    WHERE j.id = d.id AND j.claim_number = d.claim AND (j.step = 'failed' OR NOT d.hook)
      AND j.id = ANY (ARRAY(SELECT l.id FROM locked AS l))
), stored AS (
    INSERT INTO qsup.failed_jobs AS f (id, queue, type, payload, attempts, crashes, cause, exception, message, traceback,
                                       frame, symptom, claim_number, unique_key, created_at)
    SELECT l.id, l.queue, l.type, l.payload, l.attempts, l.crashes + d.crashes, d.cause, d.exception, d.message, d.traceback,
           d.frame, d.symptom, l.claim_number, l.unique_key, l.created_at
    FROM locked AS l JOIN doomed AS d ON d.id = l.id AND d.claim = l.claim_number
    WHERE l.step = 'run'
    ON CONFLICT (id) DO UPDATE
    SET queue = excluded.queue, attempts = excluded.attempts, crashes = excluded.crashes, cause = excluded.cause,
        exception = excluded.exception, message = excluded.message, traceback = excluded.traceback, frame = excluded.frame,
        symptom = excluded.symptom, claim_number = excluded.claim_number, unique_key = excluded.unique_key,
        failed_at = clock_timestamp(), discarded_at = NULL, discarded_by = NULL
), told AS (
    INSERT INTO qsup.job_events (job_id, claim, kind, detail)
    SELECT l.id, d.claim, CASE l.step WHEN 'run' THEN d.cause ELSE 'hook failed' END, d.message
    FROM locked AS l JOIN doomed AS d ON d.id = l.id AND d.claim = l.claim_number
)
SELECT l.id, l.queue FROM locked AS l
