-- How many jobs are in which state, per queue, with the age in seconds of the one that has been ready longest. What was
-- discarded does not count as failed.
SELECT c.queue, c.pending, c.reserved, c.delayed, c.failed, c.oldest_s
FROM (
    SELECT coalesce(j.queue, f.queue) AS queue, coalesce(j.pending, 0) AS pending, coalesce(j.reserved, 0) AS reserved,
           coalesce(j.delayed, 0) AS delayed, coalesce(f.failed, 0) AS failed, j.oldest_s
    FROM (
        SELECT queue, count(*) FILTER (WHERE state = 'ready') AS pending,
               count(*) FILTER (WHERE state = 'running') AS reserved, count(*) FILTER (WHERE state = 'scheduled') AS delayed,
               extract(epoch FROM clock_timestamp() - min(available_at) FILTER (WHERE state = 'ready'))::float8 AS oldest_s
        FROM qsup.jobs GROUP BY queue) AS j
    FULL JOIN (SELECT queue, count(*) AS failed FROM qsup.failed_jobs WHERE discarded_at IS NULL GROUP BY queue) AS f USING (queue)
) AS c
ORDER BY c.queue
