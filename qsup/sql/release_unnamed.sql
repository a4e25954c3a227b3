-- After a new connection: everything that this supervisor had claimed and that no live worker named. Uncharged.
-- Not of the slots in `skip`: their workers are in the middle of a job, and say what else they have when they say hello;
-- then it is asked for `only` that slot. A row that a dying transaction still holds is returned as not released: ask again.
WITH unnamed AS (
    SELECT j.id, j.queue, j.claim_number FROM qsup.jobs AS j
    WHERE j.state = 'running' AND starts_with(j.reserved_by, %(supervisor)s || '/')
      AND NOT split_part(j.reserved_by, '/', 2) = ANY (%(skip)s::text[])
      AND split_part(j.reserved_by, '/', 2) = coalesce(%(only)s::text, split_part(j.reserved_by, '/', 2))
      AND NOT (j.id, j.claim_number) IN (SELECT * FROM unnest(%(ids)s::bigint[], %(claims)s::int[]))
), lost AS (
    SELECT j.id FROM qsup.jobs AS j
    WHERE j.id = ANY (ARRAY(SELECT u.id FROM unnamed AS u)) AND j.state = 'running'
      AND (j.id, j.claim_number) IN (SELECT u.id, u.claim_number FROM unnamed AS u)
    FOR UPDATE SKIP LOCKED
), moved AS (
    UPDATE qsup.jobs AS j
    SET state = 'ready', seq = nextval('qsup.ready_order'), attempts = greatest(0, j.attempts - 1),
        reserved_at = NULL, reserved_by = NULL, lease_until = NULL
    WHERE j.id = ANY (ARRAY(SELECT l.id FROM lost AS l))
    RETURNING j.id, j.claim_number
), told AS (
    INSERT INTO qsup.job_events (job_id, claim, kind, detail)
    SELECT m.id, m.claim_number, 'released', 'its courier lost the database; no worker has it' FROM moved AS m
)
SELECT u.id, u.queue, u.id IN (SELECT m.id FROM moved AS m) AS released FROM unnamed AS u
