-- oldest code: 1
-- The closed schema: jobs, what may be put into them, and what became of them.

CREATE SCHEMA qsup;

CREATE TABLE qsup.schema_versions (
    version     int PRIMARY KEY,
    name        text NOT NULL,
    -- The newest migration that code must know to be allowed to work on a schema of this version.
    oldest_code int NOT NULL,
    applied_at  timestamptz NOT NULL DEFAULT now()
);

-- What the applied queues.yaml declares. Both tables keep jobs closed: see the foreign keys below (ADR 0004).
CREATE TABLE qsup.queues (
    name       text PRIMARY KEY CHECK (name ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$'),
    workers    int NOT NULL CHECK (workers >= 0),
    -- Seconds that finished jobs stay in the history; 0 = they do not enter it.
    keep       float8 NOT NULL DEFAULT 0 CHECK (keep >= 0),
    declared_at timestamptz NOT NULL DEFAULT now(),
    retired_at timestamptz
);

CREATE TABLE qsup.job_types (
    name          text PRIMARY KEY CHECK (name ~ '^[A-Za-z_][A-Za-z0-9_]{0,127}$'),
    queue         text NOT NULL REFERENCES qsup.queues,
    payload_limit int NOT NULL CHECK (payload_limit > 0),
    declared_at   timestamptz NOT NULL DEFAULT now(),
    retired_at    timestamptz
);

CREATE SEQUENCE qsup.ready_order;

CREATE TABLE qsup.jobs (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- The place in its queue: new whenever the row becomes ready.
    seq          bigint NOT NULL DEFAULT nextval('qsup.ready_order'),
    queue        text NOT NULL REFERENCES qsup.queues,
    type         text NOT NULL REFERENCES qsup.job_types,
    state        text NOT NULL DEFAULT 'ready' CHECK (state IN ('ready', 'scheduled', 'running')),
    -- run: the handler; failed: the job has failed for good and its failed hook is still to run.
    step         text NOT NULL DEFAULT 'run' CHECK (step IN ('run', 'failed')),
    attempts     int NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    crashes      int NOT NULL DEFAULT 0 CHECK (crashes >= 0),
    -- The fence: +1 at every claim, never lowered.
    claim_number int NOT NULL DEFAULT 0,
    payload      jsonb NOT NULL CHECK (jsonb_typeof(payload) = 'object'),
    unique_key   text CHECK (length(unique_key) BETWEEN 1 AND 500),
    error        text,
    created_at   timestamptz NOT NULL DEFAULT now(),
    available_at timestamptz NOT NULL DEFAULT now(),
    reserved_at  timestamptz,
    reserved_by  text,
    lease_until  timestamptz,
    CHECK (num_nulls(reserved_at, reserved_by, lease_until) = CASE state WHEN 'running' THEN 0 ELSE 3 END)
) WITH (
    -- Rows live for milliseconds: vacuum by count, not by share of the table, and without pauses.
    fillfactor = 80, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
    autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 5000
);

CREATE INDEX jobs_ready ON qsup.jobs (queue, seq) WHERE state = 'ready';
CREATE INDEX jobs_scheduled ON qsup.jobs (queue, available_at) WHERE state = 'scheduled';
-- The key is free again as soon as the row is gone.
CREATE UNIQUE INDEX jobs_unique ON qsup.jobs (type, unique_key) WHERE unique_key IS NOT NULL AND step = 'run';

CREATE TABLE qsup.failed_jobs (
    id         bigint PRIMARY KEY,
    queue      text NOT NULL,
    type       text NOT NULL,
    payload    jsonb NOT NULL,
    attempts   int NOT NULL,
    crashes    int NOT NULL,
    cause      text NOT NULL CHECK (cause IN ('tries', 'discarded', 'quarantined', 'unstorable')),
    exception  text NOT NULL DEFAULT '',
    message    text NOT NULL DEFAULT '',
    traceback  text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL,
    failed_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX failed_jobs_queue ON qsup.failed_jobs (queue, failed_at);

-- Finished jobs of queues that say `keep:`; one partition a day, made and dropped by housekeeping.
CREATE TABLE qsup.history (
    id          bigint NOT NULL,
    queue       text NOT NULL,
    type        text NOT NULL,
    payload     jsonb NOT NULL,
    attempts    int NOT NULL,
    crashes     int NOT NULL,
    created_at  timestamptz NOT NULL,
    started_at  timestamptz,
    finished_at timestamptz NOT NULL
) PARTITION BY RANGE (finished_at);
CREATE TABLE qsup.history_default PARTITION OF qsup.history DEFAULT;
CREATE INDEX history_id ON qsup.history (id);

-- A row for each retry, crash, time limit, release and progress; none for a clean success.
CREATE TABLE qsup.job_events (
    id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    job_id bigint NOT NULL,
    at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    kind   text NOT NULL,
    claim  int,
    detail text NOT NULL DEFAULT '',
    value  double precision
);
CREATE INDEX job_events_job ON qsup.job_events (job_id, id);
CREATE INDEX job_events_at ON qsup.job_events (at);

-- Who is alive, what it hears, what its file declares.
CREATE TABLE qsup.supervisors (
    id          text PRIMARY KEY,
    host        text NOT NULL,
    pid         int NOT NULL,
    code        text NOT NULL,
    config_file text NOT NULL,
    generation  int NOT NULL,
    listens     text[] NOT NULL DEFAULT '{}',
    declares    jsonb NOT NULL,
    started_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    beat_at     timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Who sleeps, waiting for a queue: dispatch notifies only then. Unlogged: after a crash everybody says it again.
CREATE UNLOGGED TABLE qsup.waiting (
    queue      text NOT NULL,
    supervisor text NOT NULL,
    PRIMARY KEY (queue, supervisor)
);

CREATE FUNCTION qsup.nearest(word text, candidates text[]) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    -- The candidate that shares the most trigrams, the shorter of equals; NULL when none shares a third of them.
    SELECT c.name
    FROM (SELECT DISTINCT unnest(candidates) AS name) AS c,
         LATERAL (SELECT array(SELECT DISTINCT substr('  ' || lower(word) || ' ', i, 3)
                               FROM generate_series(1, length(word) + 1) AS i) AS mine,
                         array(SELECT DISTINCT substr('  ' || lower(c.name) || ' ', i, 3)
                               FROM generate_series(1, length(c.name) + 1) AS i) AS theirs) AS t,
         LATERAL (SELECT count(*)::float8 AS shared
                  FROM unnest(t.mine) AS m(gram) WHERE m.gram = ANY (t.theirs)) AS s
    WHERE s.shared * 3 >= least(cardinality(t.mine), cardinality(t.theirs))
    ORDER BY s.shared / (cardinality(t.mine) + cardinality(t.theirs) - s.shared) DESC, length(c.name), c.name
    LIMIT 1
$$;

CREATE FUNCTION qsup.refuse_type(job text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    near text := qsup.nearest(coalesce(job, ''), array(SELECT name FROM qsup.job_types WHERE retired_at IS NULL));
    retired boolean := EXISTS (SELECT FROM qsup.job_types WHERE name = job);
BEGIN
    RAISE EXCEPTION USING
        ERRCODE = CASE WHEN retired THEN 'QS003' ELSE 'QS001' END,
        MESSAGE = format(CASE WHEN retired THEN 'the job class %s is retired: no applied queues.yaml declares it any more'
                              ELSE 'no queue is declared for the job class %s' END, coalesce(job, 'NULL')),
        HINT = coalesce('Did you mean ' || near || '? ', '')
            || format('Add %s to jobs: in queues.yaml (with its queue and handler); `qsup run` or `qsup apply` makes it known.', coalesce(job, 'it'));
END
$$;

CREATE FUNCTION qsup.refuse_queue(queue text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    near text := qsup.nearest(queue, array(SELECT q.name FROM qsup.queues AS q WHERE q.retired_at IS NULL AND q.workers > 0));
    found qsup.queues;
BEGIN
    SELECT * INTO found FROM qsup.queues AS q WHERE q.name = refuse_queue.queue;
    RAISE EXCEPTION USING
        ERRCODE = CASE WHEN found.name IS NULL THEN 'QS002' WHEN found.retired_at IS NOT NULL THEN 'QS003' ELSE 'QS006' END,
        MESSAGE = format(CASE WHEN found.name IS NULL THEN 'the queue %s is not declared'
                              WHEN found.retired_at IS NOT NULL THEN 'the queue %s is retired: no applied queues.yaml declares it any more'
                              ELSE 'the queue %s is declared without workers: the job would never run' END, queue),
        HINT = coalesce('Did you mean ' || near || '? ', '')
            || format(CASE WHEN found.workers = 0 THEN 'Give %s workers' ELSE 'Declare %s with workers' END, queue)
            || ' under queues: in queues.yaml; `qsup run` or `qsup apply` makes it known.';
END
$$;

CREATE FUNCTION qsup.dispatch(
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
    IF NOT EXISTS (SELECT FROM qsup.supervisors AS s
                   WHERE target.name = ANY (s.listens) AND s.beat_at > clock_timestamp() - interval '30 seconds') THEN
        warning := format('nobody listens to %s at the moment: the job waits until a worker starts', target.name);
    END IF;
END
$$;

CREATE FUNCTION qsup.dispatch_many(
    jobs text[], payloads jsonb[], queue text DEFAULT NULL, delay interval DEFAULT NULL, at timestamptz DEFAULT NULL
) RETURNS bigint[]
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    due timestamptz := coalesce(dispatch_many.at, clock_timestamp() + dispatch_many.delay);
    bad record;
    ids bigint[];
BEGIN
    IF dispatch_many.at IS NOT NULL AND dispatch_many.delay IS NOT NULL THEN
        RAISE EXCEPTION 'delay and at exclude each other' USING ERRCODE = 'QS007', HINT = 'Give one of them.';
    END IF;
    IF NOT isfinite(due) THEN
        RAISE EXCEPTION 'a job cannot wait for ever' USING ERRCODE = 'QS007', HINT = 'Give a finite delay or at.';
    END IF;
    IF cardinality(jobs) IS DISTINCT FROM cardinality(payloads) THEN
        RAISE EXCEPTION '% jobs and % payloads', coalesce(cardinality(jobs), 0), coalesce(cardinality(payloads), 0)
            USING ERRCODE = 'QS004', HINT = 'Give one payload for each job.';
    END IF;
    SELECT j.name INTO bad FROM (SELECT DISTINCT unnest(dispatch_many.jobs) AS name) AS j
    LEFT JOIN qsup.job_types AS t ON t.name = j.name AND t.retired_at IS NULL WHERE t.name IS NULL LIMIT 1;
    IF FOUND THEN
        PERFORM qsup.refuse_type(bad.name);
    END IF;
    SELECT k.name INTO bad
    FROM (SELECT DISTINCT coalesce(dispatch_many.queue, t.queue) AS name
          FROM qsup.job_types AS t WHERE t.name = ANY (dispatch_many.jobs)) AS k
    LEFT JOIN qsup.queues AS q ON q.name = k.name AND q.retired_at IS NULL AND q.workers > 0
    WHERE q.name IS NULL LIMIT 1;
    IF FOUND THEN
        PERFORM qsup.refuse_queue(bad.name);
    END IF;
    SELECT p.ord, p.name, t.payload_limit, octet_length(p.body::text) AS size, jsonb_typeof(p.body) AS kind INTO bad
    FROM unnest(dispatch_many.jobs, dispatch_many.payloads) WITH ORDINALITY AS p(name, body, ord)
    JOIN qsup.job_types AS t ON t.name = p.name
    WHERE p.body IS NULL OR jsonb_typeof(p.body) <> 'object' OR octet_length(p.body::text) > t.payload_limit
    ORDER BY p.ord LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'payload % of % (%): % with % bytes, expected an object of at most % bytes',
            bad.ord, cardinality(dispatch_many.jobs), bad.name, coalesce(bad.kind, 'NULL'), coalesce(bad.size, 0), bad.payload_limit
            USING ERRCODE = CASE WHEN bad.kind = 'object' THEN 'QS005' ELSE 'QS004' END,
                  HINT = 'Nothing of this call was stored.';
    END IF;
    WITH stored AS (
        INSERT INTO qsup.jobs (queue, type, payload, state, available_at)
        SELECT coalesce(dispatch_many.queue, t.queue), t.name, p.body,
               CASE WHEN due > clock_timestamp() THEN 'scheduled' ELSE 'ready' END, coalesce(due, now())
        FROM unnest(dispatch_many.jobs, dispatch_many.payloads) WITH ORDINALITY AS p(name, body, ord)
        JOIN qsup.job_types AS t ON t.name = p.name
        ORDER BY p.ord
        RETURNING id
    )
    SELECT coalesce(array_agg(s.id ORDER BY s.id), '{}') INTO ids FROM stored AS s;
    IF due IS NULL OR due <= clock_timestamp() THEN
        PERFORM pg_notify('qsup', w.queue) FROM (
            SELECT DISTINCT w.queue FROM qsup.waiting AS w
            WHERE w.queue IN (SELECT coalesce(dispatch_many.queue, t.queue) FROM qsup.job_types AS t
                              WHERE t.name = ANY (dispatch_many.jobs))) AS w;
    END IF;
    RETURN ids;
END
$$;

-- Partitions are dropped when they are older than the longest keep of any declared queue, whoever declares it.
-- Dropping needs the whole history for itself, and a job's own transaction may hold it for minutes: everybody who
-- archives would queue up behind us. So it waits for a moment only, and comes again at the next housekeeping.
CREATE FUNCTION qsup.roll_history() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '200ms' AS $$
DECLARE
    longest interval := make_interval(secs => (SELECT coalesce(max(q.keep), 0) FROM qsup.queues AS q));
    today timestamp := date_trunc('day', clock_timestamp() AT TIME ZONE 'UTC');
    day timestamp;
    part text;
BEGIN
    IF NOT pg_try_advisory_xact_lock('qsup.history'::regclass::oid::bigint) THEN
        RETURN;
    END IF;
    FOR ahead IN 0..1 LOOP
        day := today + make_interval(days => ahead);
        part := 'history_' || to_char(day, 'YYYYMMDD');
        CONTINUE WHEN to_regclass('qsup.' || part) IS NOT NULL;
        BEGIN
            EXECUTE format('CREATE TABLE qsup.%I PARTITION OF qsup.history FOR VALUES FROM (%L) TO (%L)',
                           part, day AT TIME ZONE 'UTC', (day + interval '1 day') AT TIME ZONE 'UTC');
        EXCEPTION
            -- Nobody kept house at midnight: this day's rows are in the default partition and are pruned there.
            WHEN check_violation OR lock_not_available THEN NULL;
        END;
    END LOOP;
    FOR part IN SELECT c.relname FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
                WHERE i.inhparent = 'qsup.history'::regclass AND c.relname ~ '^history_[0-9]{8}$'
                  AND to_timestamp(substr(c.relname, 9), 'YYYYMMDD') + interval '2 days' < clock_timestamp() - longest
    LOOP
        BEGIN
            EXECUTE format('DROP TABLE qsup.%I', part);
        EXCEPTION
            WHEN lock_not_available THEN RETURN;
        END;
    END LOOP;
END
$$;

-- The seeds' diagnostic queries, in Laravel's columns: epoch seconds, NULL reserved_at for what waits.
CREATE VIEW qsup.laravel_jobs AS
SELECT id, queue, payload::text AS payload, attempts::smallint AS attempts,
       extract(epoch FROM reserved_at)::int AS reserved_at,
       extract(epoch FROM available_at)::int AS available_at,
       extract(epoch FROM created_at)::int AS created_at
FROM qsup.jobs;

CREATE VIEW qsup.laravel_failed_jobs AS
SELECT id, id::text AS uuid, 'qsup'::text AS connection, queue, payload::text AS payload,
       concat_ws(E'\n', nullif(concat_ws(': ', nullif(exception, ''), nullif(message, '')), ''), nullif(traceback, ''))
           AS exception, failed_at
FROM qsup.failed_jobs;

REVOKE ALL ON SCHEMA qsup FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA qsup FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA qsup FROM PUBLIC;

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'qsup_dispatcher') THEN
        CREATE ROLE qsup_dispatcher NOLOGIN;
    END IF;
EXCEPTION
    -- Roles belong to the whole server: another database's migration may be making it at this moment.
    WHEN duplicate_object OR unique_violation THEN NULL;
    WHEN insufficient_privilege THEN
        RAISE NOTICE 'the role qsup_dispatcher was not created (no CREATEROLE): create it and grant it USAGE on the schema qsup '
            'and EXECUTE on its functions dispatch and dispatch_many, if programs are to dispatch that may do nothing else';
END
$$;

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'qsup_dispatcher') THEN
        GRANT USAGE ON SCHEMA qsup TO qsup_dispatcher;
        GRANT EXECUTE ON FUNCTION qsup.dispatch(text, jsonb, text, interval, timestamptz, text) TO qsup_dispatcher;
        GRANT EXECUTE ON FUNCTION qsup.dispatch_many(text[], jsonb[], text, interval, timestamptz) TO qsup_dispatcher;
    END IF;
END
$$;
