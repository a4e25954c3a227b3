-- What happened to a job, the newest 1,000 in their order.
SELECT e.id, e.at, e.kind, e.claim, e.detail, e.value
FROM (SELECT * FROM qsup.job_events AS n WHERE n.job_id = %(id)s::bigint ORDER BY n.id DESC LIMIT 1000) AS e
ORDER BY e.id
