-- oldest code: 1
-- What reports and dashboards ask for: the settings of each queue as its file says them, and two views.

-- {"priority", "sleep", "tries", "timeout", "purpose"}; times in seconds. Empty until a file is applied by code that writes it.
ALTER TABLE qsup.queues ADD COLUMN settings jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(settings) = 'object');

-- Every process that works: `qsup run` with its slots, or a solo worker, which is one slot.
CREATE VIEW qsup.process_overview AS
SELECT s.id, s.host, s.pid, s.started_at, s.beat_at,
       s.beat_at > clock_timestamp() - interval '30 seconds' AS alive,
       CASE WHEN coalesce(s.declares -> 'slots', '{}') = '{}' THEN 1
            ELSE (SELECT sum(v.value::numeric)::bigint FROM jsonb_each_text(s.declares -> 'slots') AS v) END AS slots,
       coalesce(s.declares -> 'slots', '{}') = '{}' AS solo,
       s.listens, s.config_file
FROM qsup.supervisors AS s;

-- One row for each queue that is declared, or has jobs or failed jobs.
CREATE VIEW qsup.queue_overview AS
WITH live AS (
    SELECT j.queue, count(*) FILTER (WHERE j.state = 'ready') AS ready,
           count(*) FILTER (WHERE j.state = 'running') AS running,
           count(*) FILTER (WHERE j.state = 'scheduled') AS scheduled,
           count(*) FILTER (WHERE j.state = 'running' AND j.lease_until < clock_timestamp()) AS overdue,
           min(j.available_at) FILTER (WHERE j.state = 'ready') AS oldest_ready_at
    FROM qsup.jobs AS j GROUP BY j.queue
), dead AS (
    SELECT f.queue, count(*) AS failed, max(f.failed_at) AS last_failed_at,
           count(*) FILTER (WHERE f.failed_at > clock_timestamp() - interval '1 hour') AS failed_last_hour
    FROM qsup.failed_jobs AS f WHERE f.discarded_at IS NULL GROUP BY f.queue
), heard AS (
    SELECT l.queue, count(*) AS processes,
           sum(CASE WHEN coalesce(s.declares -> 'slots', '{}') = '{}' THEN 1
                    ELSE coalesce((s.declares -> 'slots' ->> l.queue)::bigint, 0) END)::bigint AS slots
    FROM qsup.supervisors AS s CROSS JOIN LATERAL (SELECT DISTINCT unnest(s.listens) AS queue) AS l
    WHERE s.beat_at > clock_timestamp() - interval '30 seconds' GROUP BY l.queue
), names AS (
    SELECT q.name AS queue FROM qsup.queues AS q UNION SELECT live.queue FROM live UNION SELECT dead.queue FROM dead
)
SELECT n.queue, q.name IS NOT NULL AND q.retired_at IS NULL AS declared, coalesce(q.workers, 0) AS workers,
       (q.settings ->> 'priority')::int AS priority, (q.settings ->> 'sleep')::float8 AS sleep_s,
       (q.settings ->> 'tries')::int AS tries, (q.settings ->> 'timeout')::float8 AS timeout_s,
       coalesce(q.settings ->> 'purpose', '') AS purpose,
       q.scale, q.paused_at, q.paused_by,
       coalesce(heard.processes, 0) AS processes, coalesce(heard.slots, 0) AS slots,
       coalesce(live.ready, 0) AS ready, coalesce(live.running, 0) AS running, coalesce(live.scheduled, 0) AS scheduled,
       coalesce(live.overdue, 0) AS overdue, live.oldest_ready_at,
       coalesce(dead.failed, 0) AS failed, coalesce(dead.failed_last_hour, 0) AS failed_last_hour, dead.last_failed_at
FROM names AS n
LEFT JOIN qsup.queues AS q ON q.name = n.queue
LEFT JOIN live ON live.queue = n.queue
LEFT JOIN dead ON dead.queue = n.queue
LEFT JOIN heard ON heard.queue = n.queue;

REVOKE ALL ON qsup.process_overview, qsup.queue_overview FROM PUBLIC;
