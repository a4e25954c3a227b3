-- Where a job is: waiting or running (with its owner), else among the failed ones, else in the history.
SELECT coalesce(j.state, CASE WHEN f.id IS NOT NULL THEN 'failed' WHEN h.id IS NOT NULL THEN 'finished' ELSE 'unknown' END)
           AS state,
       coalesce(j.queue, f.queue, h.queue, '') AS queue, coalesce(j.step, 'run') AS step,
       coalesce(j.claim_number, 0) AS claim, coalesce(split_part(j.reserved_by, '/', 1), '') AS supervisor,
       coalesce(split_part(j.reserved_by, '/', 2), '') AS slot, coalesce(s.host, '') AS host,
       extract(epoch FROM clock_timestamp() - s.beat_at)::float8 AS silent_s,
       extract(epoch FROM j.lease_until - clock_timestamp())::float8 AS lease_s
FROM (SELECT %(job)s::bigint AS id) AS asked
LEFT JOIN qsup.jobs AS j ON j.id = asked.id
LEFT JOIN qsup.failed_jobs AS f ON f.id = asked.id
LEFT JOIN LATERAL (SELECT k.id, k.queue FROM qsup.history AS k WHERE k.id = asked.id LIMIT 1) AS h ON true
LEFT JOIN qsup.supervisors AS s ON s.id = split_part(j.reserved_by, '/', 1)
