-- FreeRADIUS asks which routers it may listen to. It gets their addresses; the secret stands in a file of its own, never
-- in a row: so the tables that FreeRADIUS would read secrets from go.
DROP TABLE radius.nas;
DROP TABLE radius.nasreload;

-- Where a router's RADIUS packets come from, and where a Disconnect-Request goes, when that is not its API's address.
ALTER TABLE hotspot.routers ADD COLUMN radius_address inet;

-- `10.0.0.1:8728`, `10.0.0.1`, `[fd00::1]:8728`, `fd00::1` → the address; NULL for a name, which RADIUS cannot use.
CREATE FUNCTION radius.host_address(address text) RETURNS inet LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN coalesce(
        substring(address FROM '^\[(.+)\](?::[0-9]+)?$'),
        substring(address FROM '^([0-9.]+)(?::[0-9]+)?$'),
        address
    )::inet;
EXCEPTION WHEN invalid_text_representation THEN
    RETURN NULL;
END
$$;

CREATE VIEW radius.clients AS
    SELECT id AS router_id, coalesce(name, address) AS name,
        coalesce(radius_address, radius.host_address(address)) AS address,
        -- Its settings begin so; its secret is ROUTER_NAME_RADIUS_SECRET, if it has one of its own.
        'ROUTER_' || regexp_replace(upper(coalesce(name, '')), '[^A-Z0-9]', '_', 'g') AS setting
    FROM hotspot.routers WHERE retired_at IS NULL;

-- Which rows of radacct are to be looked at. A mark is written in the transaction that changes the row, so whoever sees
-- the mark sees the change: no clock and no order of commits has a say.
CREATE TABLE radius.radacct_changed (
    acctuniqueid text PRIMARY KEY,
    changes bigint NOT NULL DEFAULT 1
);

-- DO UPDATE, not DO NOTHING: it waits for a reader who is taking the mark away at this moment, and then marks anew.
CREATE FUNCTION radius.mark_changed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    INSERT INTO radius.radacct_changed AS c (acctuniqueid) VALUES (NEW.acctuniqueid)
        ON CONFLICT (acctuniqueid) DO UPDATE SET changes = c.changes + 1;
    RETURN NULL;
END
$$;
CREATE TRIGGER radacct_changed AFTER INSERT OR UPDATE ON radius.radacct
    FOR EACH ROW EXECUTE FUNCTION radius.mark_changed();
INSERT INTO radius.radacct_changed (acctuniqueid) SELECT acctuniqueid FROM radius.radacct;
-- Simultaneous-Use and whoever disconnects a customer look for his open sessions.
CREATE INDEX radacct_open_by_user ON radius.radacct (username) WHERE acctstoptime IS NULL;

CREATE TABLE hotspot.sessions (
    acct_unique_id text PRIMARY KEY,
    session_id text NOT NULL,
    username text NOT NULL,
    user_id bigint REFERENCES hotspot.users,
    router_address inet NOT NULL,
    mac text,
    address inet,
    started_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    ended_at timestamptz,
    seconds bigint NOT NULL CHECK (seconds >= 0),
    -- Uploaded and downloaded: RADIUS counts from the router's side, input is what came from the customer.
    bytes_in bigint NOT NULL CHECK (bytes_in >= 0),
    bytes_out bigint NOT NULL CHECK (bytes_out >= 0),
    cause text
);
CREATE INDEX sessions_of_user ON hotspot.sessions (user_id, started_at);
CREATE INDEX sessions_open ON hotspot.sessions (router_address) WHERE ended_at IS NULL;

-- What a customer used of each subscription: a session belongs to the one that it began in, NULL to none.
CREATE VIEW hotspot.usage AS
    SELECT s.user_id, b.id AS subscription_id, count(*) AS sessions, sum(s.seconds)::bigint AS seconds,
        sum(s.bytes_in)::bigint AS bytes_in, sum(s.bytes_out)::bigint AS bytes_out, max(s.updated_at) AS updated_at
    FROM hotspot.sessions s
    LEFT JOIN hotspot.subscriptions b
        ON b.user_id = s.user_id AND b.state <> 'cancelled' AND b.starts_at <= s.started_at AND s.started_at < b.ends_at
    WHERE s.user_id IS NOT NULL
    GROUP BY s.user_id, b.id;

CREATE TABLE hotspot.disconnects (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- 'expired:SUBSCRIPTION', 'session:ACCTUNIQUEID' or 'operator:…': the same wish twice is one row.
    key text NOT NULL UNIQUE,
    user_id bigint NOT NULL REFERENCES hotspot.users,
    -- NULL: wherever he is.
    router_id bigint REFERENCES hotspot.routers,
    reason text NOT NULL,
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'done', 'failed')),
    requested_at timestamptz NOT NULL DEFAULT now(),
    done_at timestamptz,
    detail text,
    CHECK ((state = 'waiting') = (done_at IS NULL))
);
CREATE INDEX disconnects_of_user ON hotspot.disconnects (user_id);
-- What expiry looks for, every minute.
CREATE INDEX subscriptions_to_end ON hotspot.subscriptions (ends_at) WHERE state = 'active';
