-- oldest code: 1
-- As before, but it looks up what is declared, and who listens, in one statement instead of three.
CREATE OR REPLACE FUNCTION qsup.dispatch(
    job text, payload jsonb, queue text DEFAULT NULL, delay interval DEFAULT NULL, at timestamptz DEFAULT NULL,
    unique_key text DEFAULT NULL, OUT id bigint, OUT created boolean, OUT warning text
)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    known record;
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
    SELECT t.name AS type, t.retired_at AS type_retired_at, t.payload_limit, q.name AS queue, q.retired_at, q.workers,
           coalesce(dispatch.queue, t.queue) AS asked, q.paused_at, q.paused_by,
           EXISTS (SELECT FROM qsup.supervisors AS s
                   WHERE q.name = ANY (s.listens) AND s.beat_at > clock_timestamp() - interval '30 seconds') AS heard
    INTO known
    FROM qsup.job_types AS t LEFT JOIN qsup.queues AS q ON q.name = coalesce(dispatch.queue, t.queue)
    WHERE t.name = dispatch.job;
    IF known.type IS NULL OR known.type_retired_at IS NOT NULL THEN
        PERFORM qsup.refuse_type(dispatch.job);
    END IF;
    IF known.queue IS NULL OR known.retired_at IS NOT NULL OR known.workers = 0 THEN
        PERFORM qsup.refuse_queue(known.asked);
    END IF;
    IF dispatch.payload IS NULL OR jsonb_typeof(dispatch.payload) <> 'object' THEN
        RAISE EXCEPTION 'the payload of % is not a JSON object', dispatch.job
            USING ERRCODE = 'QS004', HINT = 'A payload is an object with the fields of the job class, {} when it has none.';
    END IF;
    IF octet_length(dispatch.payload::text) > known.payload_limit THEN
        RAISE EXCEPTION 'the payload of % has % bytes, the limit is %',
            dispatch.job, octet_length(dispatch.payload::text), known.payload_limit
            USING ERRCODE = 'QS005', HINT = 'Store the data elsewhere and dispatch its key, or raise payload_limit in queues.yaml.';
    END IF;
    created := true;
    IF dispatch.unique_key IS NULL THEN
        INSERT INTO qsup.jobs (queue, type, payload, state, available_at)
        VALUES (known.queue, known.type, dispatch.payload,
                CASE WHEN due > clock_timestamp() THEN 'scheduled' ELSE 'ready' END, coalesce(due, now()))
        RETURNING jobs.id INTO dispatch.id;
    ELSE
        LOOP
            INSERT INTO qsup.jobs (queue, type, payload, state, available_at, unique_key)
            VALUES (known.queue, known.type, dispatch.payload,
                    CASE WHEN due > clock_timestamp() THEN 'scheduled' ELSE 'ready' END, coalesce(due, now()),
                    dispatch.unique_key)
            ON CONFLICT (type, unique_key) WHERE unique_key IS NOT NULL AND step = 'run' DO NOTHING
            RETURNING jobs.id INTO dispatch.id;
            EXIT WHEN dispatch.id IS NOT NULL;
            created := false;
            SELECT j.id INTO dispatch.id FROM qsup.jobs AS j
            WHERE j.type = known.type AND j.unique_key = dispatch.unique_key AND j.step = 'run';
            EXIT WHEN dispatch.id IS NOT NULL;
            -- The other one ended between the two statements: the key is free, try again.
            created := true;
        END LOOP;
    END IF;
    IF created AND (due IS NULL OR due <= clock_timestamp())
       AND EXISTS (SELECT FROM qsup.waiting AS w WHERE w.queue = known.queue) THEN
        -- Only when somebody waits: NOTIFY takes a global lock at commit (40 % of the inserts at four connections).
        -- Asked last: on a standby the table cannot be read, and the INSERT's refusal says so better.
        PERFORM pg_notify('qsup', known.queue);
    END IF;
    IF known.paused_at IS NOT NULL THEN
        warning := format('%s is paused by %s since %s: the job waits until it is resumed', known.queue, known.paused_by,
                          to_char(known.paused_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"'));
    ELSIF NOT known.heard THEN
        warning := format('nobody listens to %s at the moment: the job waits until a worker starts', known.queue);
    END IF;
END
$$;
