-- A command that the one who gave it has carried out.
UPDATE qsup.commands AS c SET done_at = clock_timestamp(), result = %(result)s
WHERE c.id = %(command)s::bigint AND c.done_at IS NULL
