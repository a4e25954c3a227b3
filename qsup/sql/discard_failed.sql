-- Discard failed jobs: marked with the command that did it, deleted for good by housekeeping a day later.
WITH picked AS (
    SELECT f.id FROM qsup.failed_jobs AS f
    WHERE f.id = ANY (%(ids)s::bigint[]) AND f.discarded_at IS NULL
    FOR UPDATE SKIP LOCKED
), marked AS (
    UPDATE qsup.failed_jobs AS f SET discarded_at = clock_timestamp(), discarded_by = %(command)s::bigint
    WHERE f.id = ANY (ARRAY(SELECT p.id FROM picked AS p))
    RETURNING f.id
), told AS (
    INSERT INTO qsup.job_events (job_id, kind, detail) SELECT m.id, 'forgotten', %(note)s::text FROM marked AS m
)
SELECT m.id FROM marked AS m
