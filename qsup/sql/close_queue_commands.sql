-- Commands about queues that everybody who still lives has answered.
WITH closed AS (
    UPDATE qsup.commands AS c
    SET done_at = clock_timestamp(),
        result = coalesce((SELECT string_agg(t.state || ' by ' || t.n, ', ' ORDER BY t.state)
                           FROM (SELECT CASE WHEN a.state IN ('asked', 'taken') THEN 'not finished' ELSE a.state END AS state,
                                        count(*) AS n
                                 FROM qsup.command_answers AS a WHERE a.command = c.id GROUP BY 1) AS t),
                          'stored; no supervisor was there to answer')
    WHERE c.done_at IS NULL AND c.verb IN ('pause', 'resume', 'restart', 'scale')
      AND NOT EXISTS (
          SELECT FROM qsup.command_answers AS a
          JOIN qsup.supervisors AS s ON s.id = a.supervisor AND s.beat_at > clock_timestamp() - interval '60 seconds'
          WHERE a.command = c.id AND a.state IN ('asked', 'taken'))
    RETURNING c.id
)
SELECT c.id, pg_notify('qsup_answer', '') FROM closed AS c
