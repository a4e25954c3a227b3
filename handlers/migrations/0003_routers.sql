-- Several routers: each has a name, variables for its deployment, and counts of its own. Credentials are never in a row.
ALTER TABLE hotspot.routers
    ADD COLUMN name text UNIQUE CHECK (name ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$'),
    -- Values of handlers/data/hotspot_commands.json's variables that differ for this router; secrets come from settings.
    ADD COLUMN vars jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(vars) = 'object' AND NOT vars ? 'radius_secret'),
    -- Checks in a row that found no answer: a router is offline only after several.
    ADD COLUMN misses integer NOT NULL DEFAULT 0 CHECK (misses >= 0),
    ADD COLUMN wanted_hash text,
    ADD COLUMN verified_hash text,
    ADD COLUMN retired_at timestamptz;

-- Where a customer bought: his package runs there. Without one, the router of the setting ROUTER.
ALTER TABLE hotspot.stk_requests ADD COLUMN router_id bigint REFERENCES hotspot.routers;
ALTER TABLE hotspot.subscriptions ADD COLUMN router_id bigint REFERENCES hotspot.routers;

-- Who lets a customer in: the router's own table (a local user wins over RADIUS) or RADIUS alone. One of them per package.
ALTER TABLE hotspot.packages
    ADD COLUMN authority text NOT NULL DEFAULT 'router' CHECK (authority IN ('router', 'radius'));
