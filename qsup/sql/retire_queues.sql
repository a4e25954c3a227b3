-- Queues that neither this file nor any other live supervisor declares: dispatch refuses them from now on.
UPDATE qsup.queues AS q SET retired_at = clock_timestamp(), workers = 0
WHERE q.retired_at IS NULL AND NOT q.name = ANY (%(names)s::text[])
  AND NOT EXISTS (SELECT FROM qsup.supervisors AS s
                  WHERE s.id <> %(supervisor)s AND s.beat_at > clock_timestamp() - interval '60 seconds'
                    AND s.declares -> 'queues' ? q.name)
RETURNING q.name
