-- Jobs of this supervisor whose lease is over: whoever had them is dead, or stopped before it began.
SELECT j.id, j.claim_number FROM qsup.jobs AS j
WHERE j.state = 'running' AND j.lease_until < clock_timestamp() AND starts_with(j.reserved_by, %(supervisor)s || '/')
LIMIT 1000
