-- oldest code: 1
-- Operators' commands: each is a row (who, when, what, result), also those that are carried out at once.
CREATE TABLE qsup.commands (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    who        text NOT NULL,                  -- user@host
    verb       text NOT NULL,
    subject    text NOT NULL DEFAULT '',       -- a queue, a job's id, a filter in words
    arguments  jsonb NOT NULL DEFAULT '{}',
    done_at    timestamptz,
    result     text NOT NULL DEFAULT ''
);
CREATE INDEX commands_open ON qsup.commands (id) WHERE done_at IS NULL;
