-- A supervisor that has been silent and has nothing left running.
WITH gone AS (
    DELETE FROM qsup.supervisors AS s
    WHERE s.id = %(supervisor)s AND s.beat_at < clock_timestamp() - interval '30 seconds'
      AND NOT EXISTS (SELECT FROM qsup.jobs AS j WHERE j.state = 'running' AND starts_with(j.reserved_by, s.id || '/'))
    RETURNING s.id
)
DELETE FROM qsup.waiting AS w USING gone AS g WHERE w.supervisor = g.id
