-- Put one job on its queue; see the function.
SELECT d.id, d.created, d.warning
FROM qsup.dispatch(%(job)s::text, %(payload)s::jsonb, queue => %(queue)s::text, delay => make_interval(secs => %(delay)s::float8),
                   at => %(at)s::timestamptz, unique_key => %(unique)s::text) AS d
