-- What the jobs for operators write: reach with its evidence, what routers report, the dashboard's numbers, reports.
ALTER TABLE hotspot.routers
    -- When the last miss was counted: two looks into the same silence are one miss.
    ADD COLUMN missed_at timestamptz,
    -- Why the last look found no answer.
    ADD COLUMN reach_detail text;

-- What a router said of itself, at as_of; only ever replaced by something later. NULL: it did not say.
CREATE TABLE hotspot.router_data (
    router_id bigint PRIMARY KEY REFERENCES hotspot.routers ON DELETE CASCADE,
    as_of timestamptz NOT NULL,
    identity text,
    version text,
    board text,
    architecture text,
    uptime_seconds bigint,
    cpu_load bigint,
    free_memory bigint,
    total_memory bigint,
    hotspot_active bigint NOT NULL CHECK (hotspot_active >= 0),
    hotspot_hosts bigint NOT NULL CHECK (hotspot_hosts >= 0),
    interfaces jsonb NOT NULL CHECK (jsonb_typeof(interfaces) = 'array')
);

-- One row. It holds everything that was committed before as_of, and as_of only goes forward.
CREATE TABLE hotspot.dashboard_stats (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    as_of timestamptz NOT NULL,
    customers bigint NOT NULL,
    active_subscriptions bigint NOT NULL,
    -- Days and months as they are in Nairobi; applied payments only.
    revenue_today numeric(14, 2) NOT NULL,
    revenue_month numeric(14, 2) NOT NULL,
    payments_by_state jsonb NOT NULL,
    routers_by_reach jsonb NOT NULL,
    routers_by_deploy jsonb NOT NULL,
    sms_by_state jsonb NOT NULL,
    sessions_online bigint NOT NULL,
    -- Over all sessions. In: from the customers.
    usage_seconds numeric NOT NULL,
    usage_bytes_in numeric NOT NULL,
    usage_bytes_out numeric NOT NULL,
    jobs_by_queue jsonb NOT NULL
);

CREATE TABLE hotspot.reports (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- The job that wrote it: its second run replaces its first.
    job_id bigint NOT NULL UNIQUE,
    as_of timestamptz NOT NULL,
    markdown text NOT NULL
);
CREATE INDEX reports_newest ON hotspot.reports (as_of DESC, id DESC);
