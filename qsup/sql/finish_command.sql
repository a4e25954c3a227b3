-- What has come of a command so far.
UPDATE qsup.commands SET result = %(result)s::text, done_at = clock_timestamp() WHERE id = %(id)s::bigint
