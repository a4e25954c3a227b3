-- Make scheduled jobs of one queue whose time has come ready, at most 1,000 at once (the index ends the search early).
WITH due AS (
    SELECT j.id, j.available_at FROM qsup.jobs AS j
    WHERE j.queue = %(queue)s::text AND j.state = 'scheduled' AND j.available_at <= clock_timestamp()
    ORDER BY j.available_at
    LIMIT 1000
    FOR UPDATE SKIP LOCKED
)
UPDATE qsup.jobs AS j
SET state = 'ready', seq = nextval('qsup.ready_order')
WHERE j.id = ANY (ARRAY(SELECT d.id FROM due AS d))
