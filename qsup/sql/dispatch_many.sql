-- Put many jobs on their queues in one statement; see the function.
SELECT qsup.dispatch_many(%(jobs)s::text[], %(payloads)s::jsonb[], queue => %(queue)s::text,
                          delay => make_interval(secs => %(delay)s::float8), at => %(at)s::timestamptz)
