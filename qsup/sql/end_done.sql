-- End what is finished, when nothing is to be claimed with it: the same rows as claim_and_record.sql ends.
DELETE FROM qsup.jobs
WHERE id = ANY (ARRAY(
    SELECT j.id FROM qsup.jobs AS j
    WHERE j.id = ANY (%(done)s::bigint[])
      AND j.claim_number = (%(done_claims)s::int[])[array_position(%(done)s::bigint[], j.id)]
    FOR UPDATE SKIP LOCKED))
RETURNING id
