-- What a supervisor says to a command. Its last word counts; a command that was pruned meanwhile needs no answer.
WITH told AS (
    INSERT INTO qsup.command_answers AS a (command, supervisor, state, detail)
    SELECT c.id, %(supervisor)s, %(state)s, %(detail)s FROM qsup.commands AS c WHERE c.id = %(command)s::bigint
    ON CONFLICT (command, supervisor) DO UPDATE
    SET state = excluded.state, detail = excluded.detail, at = clock_timestamp()
    WHERE a.state IN ('asked', 'taken')
    RETURNING 1
)
SELECT pg_notify('qsup_answer', '') FROM told
