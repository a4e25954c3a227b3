-- Events older than a month whose job is long gone, in short batches.
DELETE FROM qsup.job_events AS e
WHERE e.id = ANY (ARRAY(
    SELECT o.id FROM qsup.job_events AS o
    WHERE o.at < clock_timestamp() - interval '30 days'
      AND NOT EXISTS (SELECT FROM qsup.jobs AS j WHERE j.id = o.job_id)
      AND NOT EXISTS (SELECT FROM qsup.failed_jobs AS f WHERE f.id = o.job_id)
    ORDER BY o.at LIMIT 1000))
