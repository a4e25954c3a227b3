-- The row of a command that an operator carries out at once; its result is completed while it goes on.
INSERT INTO qsup.commands (who, verb, subject, arguments, done_at, result)
VALUES (%(who)s::text, %(verb)s::text, %(subject)s::text, %(arguments)s::jsonb, clock_timestamp(), %(result)s::text)
RETURNING id
