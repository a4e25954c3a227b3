-- How far a running job is.
INSERT INTO qsup.job_events (job_id, claim, kind, detail, value)
SELECT p.id, p.claim, 'progress', p.note, p.percent
FROM unnest(%(ids)s::bigint[], %(claims)s::int[], %(notes)s::text[], %(percents)s::float8[]) AS p (id, claim, note, percent)
