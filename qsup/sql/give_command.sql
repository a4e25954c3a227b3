-- An operator's command: who gives it, what it is about, and who is to answer. Everybody concerned is woken.
WITH given AS (
    INSERT INTO qsup.commands (who, verb, subject, arguments)
    VALUES (%(who)s, %(verb)s, %(subject)s, %(arguments)s::jsonb)
    RETURNING id
), asked AS (
    INSERT INTO qsup.command_answers (command, supervisor)
    SELECT g.id, s.id FROM given AS g, unnest(%(supervisors)s::text[]) AS s (id)
)
SELECT g.id, pg_notify('qsup_command', '') FROM given AS g
