-- Undo a batch of what one command has discarded, as far as housekeeping has not deleted it.
WITH picked AS (
    SELECT f.id FROM qsup.failed_jobs AS f
    WHERE f.discarded_by = %(command)s::bigint
    LIMIT %(limit)s::bigint
    FOR UPDATE SKIP LOCKED
), back AS (
    UPDATE qsup.failed_jobs AS f SET discarded_at = NULL, discarded_by = NULL
    WHERE f.id = ANY (ARRAY(SELECT p.id FROM picked AS p))
    RETURNING f.id
), told AS (
    INSERT INTO qsup.job_events (job_id, kind, detail) SELECT b.id, 'brought back', %(note)s::text FROM back AS b
)
SELECT b.id FROM back AS b
