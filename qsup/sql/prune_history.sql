-- Finished jobs of one queue that are older than its `keep:`, in short batches.
DELETE FROM qsup.history AS h
WHERE (h.tableoid, h.ctid) IN (
    SELECT o.tableoid, o.ctid FROM qsup.history AS o
    WHERE o.queue = %(queue)s::text AND o.finished_at < clock_timestamp() - make_interval(secs => %(keep)s::float8)
    LIMIT 1000)
