-- Commands that somebody still has to answer or to pursue, with what this supervisor (NULL: it is not asked) said so far.
SELECT c.id, c.who, c.verb, c.subject, c.arguments,
       extract(epoch FROM clock_timestamp() - c.at)::float8 AS age, a.state
FROM qsup.commands AS c
LEFT JOIN qsup.command_answers AS a ON a.command = c.id AND a.supervisor = %(supervisor)s
WHERE c.done_at IS NULL
ORDER BY c.id
