-- From now on a dispatch to these queues notifies us.
INSERT INTO qsup.waiting (queue, supervisor)
SELECT q.name, %(supervisor)s FROM unnest(%(queues)s::text[]) AS q (name)
ON CONFLICT DO NOTHING
