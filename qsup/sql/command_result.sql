-- Whether a command is closed, and what came of it.
SELECT c.done_at IS NOT NULL AS done, c.result FROM qsup.commands AS c WHERE c.id = %(command)s::bigint
