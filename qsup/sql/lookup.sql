-- What is stored about these claims: for outcomes that arrive from a worker that an earlier courier had fed.
SELECT j.id, j.claim_number, j.queue, j.type, j.payload::text AS payload, j.attempts, j.crashes, j.step, j.error, j.seq,
       split_part(j.reserved_by, '/', 2) AS slot
FROM qsup.jobs AS j
WHERE j.id = ANY (%(ids)s::bigint[]) AND j.state = 'running'
  AND (j.id, j.claim_number) IN (SELECT * FROM unnest(%(ids)s::bigint[], %(claims)s::int[]))
