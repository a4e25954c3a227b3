-- End what is finished, when nothing is to be claimed with it: the same rows as claim_and_record.sql ends.
DELETE FROM qsup.jobs
WHERE id = ANY (ARRAY(
    SELECT j.id FROM unnest(%(done)s::bigint[], %(done_claims)s::int[]) AS d (id, claim)
    JOIN qsup.jobs AS j ON j.id = d.id AND j.claim_number = d.claim
    FOR UPDATE OF j SKIP LOCKED))
RETURNING id
