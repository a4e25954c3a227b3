-- Commands about a job that are over: it is not there any more (or at another step), or the claim to release has ended.
WITH over AS (
    SELECT c.id, c.verb, f.cause, f.id IS NOT NULL AS failed, j.id IS NOT NULL AS there,
           EXISTS (SELECT FROM qsup.job_events AS e
                   WHERE e.job_id = (c.arguments ->> 'job')::bigint AND e.kind = 'released'
                     AND e.claim = (c.arguments ->> 'claim')::int AND e.at >= c.at) AS released
    FROM qsup.commands AS c
    LEFT JOIN qsup.jobs AS j ON j.id = (c.arguments ->> 'job')::bigint AND j.step = c.arguments ->> 'step'
    LEFT JOIN qsup.failed_jobs AS f ON f.id = (c.arguments ->> 'job')::bigint AND f.failed_at >= c.at
    WHERE c.done_at IS NULL AND c.verb IN ('cancel', 'release')
      AND (j.id IS NULL OR c.verb = 'release'
           AND (j.state <> 'running' OR j.claim_number <> (c.arguments ->> 'claim')::int))
), closed AS (
    UPDATE qsup.commands AS c
    SET done_at = clock_timestamp(),
        result = CASE
            WHEN o.verb = 'release' THEN CASE WHEN o.released THEN 'released' ELSE 'its run had ended before' END
            WHEN o.cause = 'cancelled' THEN 'cancelled while it ran'
            WHEN o.failed THEN 'it had failed before: ' || o.cause
            WHEN c.arguments ->> 'step' = 'failed' THEN 'its failed hook has ended'
            ELSE 'it had ended before' END
    FROM over AS o WHERE c.id = o.id
    RETURNING c.id
)
SELECT c.id, pg_notify('qsup_answer', '') FROM closed AS c
