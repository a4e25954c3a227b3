-- Move failed jobs back to their queue (or to `target`): same id, same unique key, tries and crashes counted anew. Each id
-- is answered: refused is empty for what was moved, else why not. The row leaves failed_jobs only if it is in jobs.
-- The claim number goes on above every claim there was. The claims of its failed hook are not in failed_jobs, but each of
-- them except the last one has left an event; hence the highest one of both, and one more.
WITH asked AS (
    SELECT f.*, coalesce(%(target)s::text, f.queue) AS target FROM qsup.failed_jobs AS f
    WHERE f.id = ANY (%(ids)s::bigint[]) AND f.discarded_at IS NULL
    FOR UPDATE SKIP LOCKED
), judged AS (
    SELECT a.*, rival.id AS rival,
           CASE WHEN t.name IS NULL OR t.retired_at IS NOT NULL THEN 'class'
                WHEN q.name IS NULL OR q.retired_at IS NOT NULL OR q.workers = 0 THEN 'queue'
                WHEN hook.id IS NOT NULL THEN 'hook'
                WHEN rival.id IS NOT NULL THEN 'key'
                ELSE '' END AS refused
    FROM asked AS a
    LEFT JOIN qsup.job_types AS t ON t.name = a.type
    LEFT JOIN qsup.queues AS q ON q.name = a.target
    LEFT JOIN qsup.jobs AS hook ON hook.id = a.id
    LEFT JOIN qsup.jobs AS rival ON rival.type = a.type AND rival.unique_key = a.unique_key AND rival.step = 'run'
), stored AS (
    INSERT INTO qsup.jobs (id, queue, type, payload, unique_key, created_at, claim_number)
    OVERRIDING SYSTEM VALUE
    SELECT j.id, j.target, j.type, j.payload, j.unique_key, j.created_at,
           1 + greatest(j.claim_number, (SELECT max(e.claim) FROM qsup.job_events AS e WHERE e.job_id = j.id))
    FROM judged AS j WHERE j.refused = ''
    ORDER BY j.failed_at, j.id
    ON CONFLICT DO NOTHING
    RETURNING id, queue, claim_number
), removed AS (
    DELETE FROM qsup.failed_jobs AS f USING stored AS s WHERE f.id = s.id
), told AS (
    INSERT INTO qsup.job_events (job_id, claim, kind, detail)
    SELECT s.id, s.claim_number, 'retried', %(note)s::text FROM stored AS s
)
SELECT i.id, coalesce(s.queue, j.target, f.queue) AS queue, coalesce(j.type, f.type) AS job,
       CASE WHEN s.id IS NOT NULL THEN ''
            WHEN j.refused <> '' THEN j.refused
            WHEN j.id IS NOT NULL THEN 'key'
            WHEN f.discarded_at IS NOT NULL THEN 'discarded'
            WHEN f.id IS NOT NULL THEN 'held'
            WHEN live.id IS NOT NULL THEN 'live'
            ELSE 'unknown' END AS refused, j.rival
FROM (SELECT DISTINCT unnest(%(ids)s::bigint[])) AS i (id)
LEFT JOIN stored AS s ON s.id = i.id
LEFT JOIN judged AS j ON j.id = i.id
LEFT JOIN qsup.failed_jobs AS f ON f.id = i.id
LEFT JOIN qsup.jobs AS live ON live.id = i.id
ORDER BY i.id
