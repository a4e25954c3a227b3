-- Who has to answer a command about a queue (NULL: all queues): everybody alive whose file declares it or whose workers
-- hear it. `slots` says how many workers of its own it keeps there, NULL when that is not its business (a solo worker).
SELECT s.id, s.host, s.pid, s.declares -> 'slots' AS slots
FROM qsup.supervisors AS s
WHERE s.beat_at > clock_timestamp() - interval '30 seconds'
  AND (%(queue)s::text IS NULL OR %(queue)s = ANY (s.listens) OR s.declares -> 'slots' ? %(queue)s)
ORDER BY s.host, s.pid
