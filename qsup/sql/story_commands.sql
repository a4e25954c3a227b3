-- Operators' commands that name a job.
SELECT c.id, c.at, c.who, c.verb, c.subject, c.done_at, c.result
FROM qsup.commands AS c
WHERE c.subject IN (%(id)s::bigint::text, 'job ' || %(id)s::bigint)
   OR c.arguments @> jsonb_build_object('ids', jsonb_build_array(%(id)s::bigint))
   OR c.arguments ->> 'job' = %(id)s::bigint::text
   OR c.id = (SELECT f.discarded_by FROM qsup.failed_jobs AS f WHERE f.id = %(id)s::bigint)
ORDER BY c.id
