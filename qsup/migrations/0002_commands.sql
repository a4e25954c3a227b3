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
    result     text NOT NULL DEFAULT '',
    -- Every house reads these: a row that somebody wrote by hand must not stop them.
    CHECK (verb NOT IN ('cancel', 'release')
           OR coalesce(arguments ->> 'job', '') ~ '^[0-9]{1,18}$' AND coalesce(arguments ->> 'claim', '0') ~ '^[0-9]{1,9}$')
);
CREATE INDEX commands_open ON qsup.commands (id) WHERE done_at IS NULL;
CREATE INDEX commands_at ON qsup.commands (at);

-- What each supervisor concerned says to a command. A row is made with the command, for each that is asked.
CREATE TABLE qsup.command_answers (
    command    bigint NOT NULL REFERENCES qsup.commands ON DELETE CASCADE,
    supervisor text NOT NULL,
    at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    state      text NOT NULL DEFAULT 'asked' CHECK (state IN ('asked', 'taken', 'done', 'refused')),
    detail     text NOT NULL DEFAULT '',
    PRIMARY KEY (command, supervisor)
);

-- A pause holds for all hosts and outlives every process. So does another number of workers than the file's: it holds
-- for supervisors whose file says one of the numbers that it was made from, so an edit of `workers` ends it.
ALTER TABLE qsup.queues
    ADD COLUMN paused_at timestamptz,
    ADD COLUMN paused_by text,
    ADD COLUMN scale int CHECK (scale > 0),
    ADD COLUMN scaled_from int[],
    ADD CHECK (num_nulls(paused_at, paused_by) <> 1),
    ADD CHECK (num_nulls(scale, scaled_from) <> 1);

-- Whether a job that is cancelled while it waits has a failed hook to run: the file says so, and not every host has it.
ALTER TABLE qsup.job_types ADD COLUMN hook boolean NOT NULL DEFAULT false;

ALTER TABLE qsup.failed_jobs
    DROP CONSTRAINT failed_jobs_cause_check,
    ADD CONSTRAINT failed_jobs_cause_check
        CHECK (cause IN ('tries', 'discarded', 'quarantined', 'unstorable', 'cancelled'));

-- As before, but for the warning about a paused queue.
CREATE OR REPLACE FUNCTION qsup.dispatch(
    job text, payload jsonb, queue text DEFAULT NULL, delay interval DEFAULT NULL, at timestamptz DEFAULT NULL,
    unique_key text DEFAULT NULL, OUT id bigint, OUT created boolean, OUT warning text
)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    declared qsup.job_types;
    target qsup.queues;
    due timestamptz := coalesce(dispatch.at, clock_timestamp() + dispatch.delay);
BEGIN
    IF dispatch.at IS NOT NULL AND dispatch.delay IS NOT NULL THEN
        RAISE EXCEPTION 'delay and at exclude each other' USING ERRCODE = 'QS007', HINT = 'Give one of them.';
    END IF;
    IF NOT isfinite(due) THEN
        RAISE EXCEPTION 'a job cannot wait for ever' USING ERRCODE = 'QS007', HINT = 'Give a finite delay or at.';
    END IF;
    IF length(dispatch.unique_key) NOT BETWEEN 1 AND 500 THEN
        RAISE EXCEPTION 'the unique key has % characters, expected 1 to 500', length(dispatch.unique_key)
            USING ERRCODE = 'QS007', HINT = 'Shorten it, for example to a hash; leave it out for none.';
    END IF;
    SELECT * INTO declared FROM qsup.job_types AS t WHERE t.name = dispatch.job;
    IF declared.name IS NULL OR declared.retired_at IS NOT NULL THEN
        PERFORM qsup.refuse_type(dispatch.job);
    END IF;
    SELECT * INTO target FROM qsup.queues AS q WHERE q.name = coalesce(dispatch.queue, declared.queue);
    IF target.name IS NULL OR target.retired_at IS NOT NULL OR target.workers = 0 THEN
        PERFORM qsup.refuse_queue(coalesce(dispatch.queue, declared.queue));
    END IF;
    IF dispatch.payload IS NULL OR jsonb_typeof(dispatch.payload) <> 'object' THEN
        RAISE EXCEPTION 'the payload of % is not a JSON object', dispatch.job
            USING ERRCODE = 'QS004', HINT = 'A payload is an object with the fields of the job class, {} when it has none.';
    END IF;
    IF octet_length(dispatch.payload::text) > declared.payload_limit THEN
        RAISE EXCEPTION 'the payload of % has % bytes, the limit is %',
            dispatch.job, octet_length(dispatch.payload::text), declared.payload_limit
            USING ERRCODE = 'QS005', HINT = 'Store the data elsewhere and dispatch its key, or raise payload_limit in queues.yaml.';
    END IF;
    created := true;
    IF dispatch.unique_key IS NULL THEN
        INSERT INTO qsup.jobs (queue, type, payload, state, available_at)
        VALUES (target.name, declared.name, dispatch.payload,
                CASE WHEN due > clock_timestamp() THEN 'scheduled' ELSE 'ready' END, coalesce(due, now()))
        RETURNING jobs.id INTO dispatch.id;
    ELSE
        LOOP
            INSERT INTO qsup.jobs (queue, type, payload, state, available_at, unique_key)
            VALUES (target.name, declared.name, dispatch.payload,
                    CASE WHEN due > clock_timestamp() THEN 'scheduled' ELSE 'ready' END, coalesce(due, now()),
                    dispatch.unique_key)
            ON CONFLICT (type, unique_key) WHERE unique_key IS NOT NULL AND step = 'run' DO NOTHING
            RETURNING jobs.id INTO dispatch.id;
            EXIT WHEN dispatch.id IS NOT NULL;
            created := false;
            SELECT j.id INTO dispatch.id FROM qsup.jobs AS j
            WHERE j.type = declared.name AND j.unique_key = dispatch.unique_key AND j.step = 'run';
            EXIT WHEN dispatch.id IS NOT NULL;
            -- The other one ended between the two statements: the key is free, try again.
            created := true;
        END LOOP;
    END IF;
    IF created AND (due IS NULL OR due <= clock_timestamp())
       AND EXISTS (SELECT FROM qsup.waiting AS w WHERE w.queue = target.name) THEN
        -- Only when somebody waits: NOTIFY takes a global lock at commit (40 % of the inserts at four connections).
        PERFORM pg_notify('qsup', target.name);
    END IF;
    IF target.paused_at IS NOT NULL THEN
        warning := format('%s is paused by %s since %s: the job waits until it is resumed', target.name, target.paused_by,
                          to_char(target.paused_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"'));
    ELSIF NOT EXISTS (SELECT FROM qsup.supervisors AS s
                      WHERE target.name = ANY (s.listens) AND s.beat_at > clock_timestamp() - interval '30 seconds') THEN
        warning := format('nobody listens to %s at the moment: the job waits until a worker starts', target.name);
    END IF;
END
$$;

REVOKE ALL ON qsup.commands, qsup.command_answers FROM PUBLIC;
REVOKE ALL ON SEQUENCE qsup.commands_id_seq FROM PUBLIC;
