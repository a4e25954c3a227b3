-- In the handler's own transaction: end this job. No row = the claim is lost.
DELETE FROM qsup.jobs WHERE id = %(id)s::bigint AND claim_number = %(claim)s::int RETURNING id
