-- Wake who sleeps on these queues, as dispatch does: only when somebody waits, at the end of this transaction.
SELECT pg_notify('qsup', w.queue)
FROM (SELECT DISTINCT w.queue FROM qsup.waiting AS w WHERE w.queue = ANY (%(queues)s::text[])) AS w
