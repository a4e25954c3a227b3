-- Job classes that neither this file nor any other live supervisor declares: dispatch refuses them from now on.
UPDATE qsup.job_types AS t SET retired_at = clock_timestamp()
WHERE t.retired_at IS NULL AND NOT t.name = ANY (%(names)s::text[])
  AND NOT EXISTS (SELECT FROM qsup.supervisors AS s
                  WHERE s.id <> %(supervisor)s AND s.beat_at > clock_timestamp() - interval '60 seconds'
                    AND s.declares -> 'jobs' ? t.name)
RETURNING t.name
