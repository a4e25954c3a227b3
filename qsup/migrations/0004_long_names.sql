-- oldest code: 1
-- A refusal looks at no more than the first 150 characters of a name: over a name of 100 kB the search for the nearest
-- declared one took minutes of the server's time, and repeated the name in its message.

CREATE FUNCTION qsup.shortened(name text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN octet_length(name) > 150 AND length(name) > 150 THEN left(name, 150) || '...' ELSE name END
$$;

CREATE OR REPLACE FUNCTION qsup.refuse_type(job text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    near text := qsup.nearest(qsup.shortened(coalesce(job, '')), array(SELECT name FROM qsup.job_types WHERE retired_at IS NULL));
    retired boolean := EXISTS (SELECT FROM qsup.job_types WHERE name = job);
BEGIN
    RAISE EXCEPTION USING
        ERRCODE = CASE WHEN retired THEN 'QS003' ELSE 'QS001' END,
        MESSAGE = format(CASE WHEN retired THEN 'the job class %s is retired: no applied queues.yaml declares it any more'
                              ELSE 'no queue is declared for the job class %s' END, coalesce(qsup.shortened(job), 'NULL')),
        HINT = coalesce('Did you mean ' || near || '? ', '')
            || format('Add %s to jobs: in queues.yaml (with its queue and handler); `qsup run` or `qsup apply` makes it known.', coalesce(qsup.shortened(job), 'it'));
END
$$;

CREATE OR REPLACE FUNCTION qsup.refuse_queue(queue text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    near text := qsup.nearest(qsup.shortened(queue), array(SELECT q.name FROM qsup.queues AS q WHERE q.retired_at IS NULL AND q.workers > 0));
    found qsup.queues;
BEGIN
    SELECT * INTO found FROM qsup.queues AS q WHERE q.name = refuse_queue.queue;
    RAISE EXCEPTION USING
        ERRCODE = CASE WHEN found.name IS NULL THEN 'QS002' WHEN found.retired_at IS NOT NULL THEN 'QS003' ELSE 'QS006' END,
        MESSAGE = format(CASE WHEN found.name IS NULL THEN 'the queue %s is not declared'
                              WHEN found.retired_at IS NOT NULL THEN 'the queue %s is retired: no applied queues.yaml declares it any more'
                              ELSE 'the queue %s is declared without workers: the job would never run' END, qsup.shortened(queue)),
        HINT = coalesce('Did you mean ' || near || '? ', '')
            || format(CASE WHEN found.workers = 0 THEN 'Give %s workers' ELSE 'Declare %s with workers' END, qsup.shortened(queue))
            || ' under queues: in queues.yaml; `qsup run` or `qsup apply` makes it known.';
END
$$;

REVOKE ALL ON FUNCTION qsup.shortened(text) FROM PUBLIC;
