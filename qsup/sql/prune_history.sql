-- Finished jobs older than the `keep:` of their queue, in short batches. The first condition leaves out whole partitions.
DELETE FROM qsup.history AS h
WHERE h.id = ANY (ARRAY(
    SELECT o.id FROM qsup.history AS o LEFT JOIN qsup.queues AS q ON q.name = o.queue
    WHERE o.finished_at < now() - make_interval(secs => (
            SELECT coalesce(min(k.keep), 0) FROM qsup.queues AS k WHERE k.keep > 0))
      AND o.finished_at < now() - make_interval(secs => coalesce(q.keep, 0))
    LIMIT 1000))
