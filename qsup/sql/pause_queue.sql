-- From now on nobody claims from this queue. A second pause leaves the first one's time and name.
UPDATE qsup.queues AS q
SET paused_at = coalesce(q.paused_at, clock_timestamp()), paused_by = coalesce(q.paused_by, %(who)s)
WHERE q.name = %(queue)s
