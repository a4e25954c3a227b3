-- The runs that open commands are to end and that a slot of this supervisor has: a cancelled job whatever its claim, a
-- released one under the claim that was seen.
SELECT c.id AS command, j.id AS job, j.claim_number, split_part(j.reserved_by, '/', 2) AS slot
FROM qsup.commands AS c
JOIN qsup.jobs AS j ON j.id = (c.arguments ->> 'job')::bigint
WHERE c.done_at IS NULL AND c.verb IN ('cancel', 'release')
  AND j.state = 'running' AND starts_with(j.reserved_by, %(supervisor)s || '/') AND j.step = c.arguments ->> 'step'
  AND (c.verb = 'cancel' OR j.claim_number = (c.arguments ->> 'claim')::int)
ORDER BY c.id
