-- What a deployment is doing or why it failed, apart from `problem`: other jobs that reach the router clear that one.
ALTER TABLE hotspot.routers
    ADD COLUMN deploy_detail text,
    ADD COLUMN deploy_at timestamptz,
    -- The job that last began: only its failed hook may take the deployment back.
    ADD COLUMN deploy_job bigint;

CREATE TABLE hotspot.router_journal (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    router_id bigint NOT NULL REFERENCES hotspot.routers,
    job_id bigint NOT NULL,
    -- The number in handlers/data/hotspot_commands.json; none for a surplus row that is removed.
    command integer,
    path text NOT NULL,
    action text NOT NULL CHECK (action IN ('add', 'set', 'remove')),
    -- begun: perhaps done, the answer was not seen. refused: certainly not done. kept: verified. undone: taken back.
    state text NOT NULL DEFAULT 'begun' CHECK (state IN ('begun', 'done', 'refused', 'kept', 'undone')),
    row_id text,
    find jsonb NOT NULL,
    wrote jsonb NOT NULL,
    was jsonb NOT NULL,
    beside jsonb NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK (NOT wrote ?| array['secret', 'password'] AND NOT was ?| array['secret', 'password'])
);
CREATE INDEX router_journal_open ON hotspot.router_journal (router_id, id) WHERE state IN ('begun', 'done');
CREATE INDEX router_journal_by_router ON hotspot.router_journal (router_id, at);
