-- Our file says another number than the one that was scaled from: it is over, unless another live supervisor's file still
-- says it.
UPDATE qsup.queues AS q SET scale = NULL, scaled_from = NULL
WHERE q.name = %(queue)s AND NOT %(workers)s::int = ANY (q.scaled_from)
  AND NOT EXISTS (SELECT FROM qsup.supervisors AS s
                  WHERE s.id <> %(supervisor)s AND s.beat_at > clock_timestamp() - interval '60 seconds'
                    AND (s.declares -> 'slots' ->> q.name)::int = ANY (q.scaled_from))
