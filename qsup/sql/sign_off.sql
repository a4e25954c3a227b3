-- Stopped in order: nothing of this supervisor is to be rescued or waited for.
WITH waits AS (
    DELETE FROM qsup.waiting WHERE supervisor = %(supervisor)s
)
DELETE FROM qsup.supervisors WHERE id = %(supervisor)s
