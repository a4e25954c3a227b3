CREATE TABLE hotspot.users (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    phone text NOT NULL UNIQUE CHECK (phone ~ '^254[17][0-9]{8}$'),
    -- A plus sign is escaped by FreeRADIUS and never found again.
    username text NOT NULL UNIQUE CHECK (username ~ '^[a-z0-9._-]{1,64}$'),
    -- librouteros reads a password of digits back as a number; RADIUS needs the clear text.
    password text NOT NULL CHECK (password ~ '^[a-z][a-z0-9]{5,31}$'),
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE hotspot.packages (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- The name of the RADIUS group and, behind "qsup-", of the router's user profile.
    code text NOT NULL UNIQUE CHECK (code ~ '^[a-z0-9-]{1,40}$'),
    name text NOT NULL,
    price numeric(10, 2) NOT NULL CHECK (price > 0),
    duration interval NOT NULL CHECK (duration > interval '0'),
    rate_limit text NOT NULL CHECK (rate_limit <> ''),
    shared_users integer NOT NULL DEFAULT 1 CHECK (shared_users > 0),
    active boolean NOT NULL DEFAULT true
);

CREATE TABLE hotspot.routers (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    address text NOT NULL UNIQUE,
    reach text NOT NULL DEFAULT 'unknown' CHECK (reach IN ('unknown', 'online', 'offline')),
    reach_at timestamptz,
    -- Two facts that were one column once: a router that answers is not a router that is set up.
    deploy text NOT NULL DEFAULT 'none' CHECK (deploy IN ('none', 'pending', 'deploying', 'verifying', 'active', 'failed')),
    verified_at timestamptz,
    problem text,
    problem_detail text,
    problem_at timestamptz,
    CHECK (deploy <> 'active' OR verified_at IS NOT NULL),
    CHECK ((problem IS NULL) = (problem_at IS NULL))
);

CREATE TABLE hotspot.stk_requests (
    checkout_request_id text PRIMARY KEY,
    merchant_request_id text,
    phone text NOT NULL CHECK (phone ~ '^254[17][0-9]{8}$'),
    amount numeric(10, 2) NOT NULL CHECK (amount > 0),
    package_id bigint NOT NULL REFERENCES hotspot.packages,
    state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'paid', 'underpaid', 'failed')),
    result_code integer,
    failure text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CHECK ((state = 'failed') = (failure IS NOT NULL))
);
CREATE INDEX stk_requests_phone ON hotspot.stk_requests (phone);

-- Every delivery, before anything is made of it: one row per delivery, also for the same bytes again.
CREATE TABLE hotspot.mpesa_inbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL,
    body text NOT NULL,
    -- Tells repetitions for people; what makes them harmless are the receipt and the request.
    dedupe_key text NOT NULL,
    received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    outcome text CHECK (outcome IN ('paid', 'already-paid', 'failed', 'unmatched', 'underpaid', 'malformed')),
    failure text,
    note text,
    payment_id bigint,
    processed_at timestamptz,
    CHECK ((outcome IS NULL) = (processed_at IS NULL))
);
CREATE INDEX mpesa_inbox_dedupe ON hotspot.mpesa_inbox (dedupe_key);
CREATE INDEX mpesa_inbox_for_people ON hotspot.mpesa_inbox (received_at) WHERE outcome IN ('unmatched', 'underpaid', 'malformed');

CREATE TABLE hotspot.payments (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    receipt text NOT NULL UNIQUE,
    -- No foreign key: money for a request that we do not know is kept too.
    checkout_request_id text UNIQUE,
    state text NOT NULL CHECK (state IN ('applied', 'underpaid', 'unmatched')),
    amount numeric(10, 2) NOT NULL CHECK (amount > 0),
    phone text,
    account text,
    user_id bigint REFERENCES hotspot.users,
    package_id bigint REFERENCES hotspot.packages,
    paid_at timestamptz NOT NULL,
    reason text,
    created_at timestamptz NOT NULL DEFAULT now(),
    CHECK (state <> 'applied' OR (user_id IS NOT NULL AND package_id IS NOT NULL))
);
ALTER TABLE hotspot.mpesa_inbox ADD FOREIGN KEY (payment_id) REFERENCES hotspot.payments;

CREATE TABLE hotspot.subscriptions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id bigint NOT NULL REFERENCES hotspot.users,
    package_id bigint NOT NULL REFERENCES hotspot.packages,
    payment_id bigint NOT NULL UNIQUE REFERENCES hotspot.payments,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'ended', 'cancelled')),
    provisioned_at timestamptz,
    CHECK (starts_at < ends_at),
    -- `user_id WITH =` would need the extension btree_gist, which the embedded PostgreSQL does not have; a range of one
    -- number needs nothing.
    CONSTRAINT subscriptions_no_overlap EXCLUDE USING gist (
        int8range(user_id, user_id, '[]') WITH &&, tstzrange(starts_at, ends_at) WITH &&
    ) WHERE (state <> 'cancelled')
);

CREATE TABLE hotspot.sms_outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dedupe_key text NOT NULL UNIQUE,
    subscription_id bigint NOT NULL REFERENCES hotspot.subscriptions,
    phone text NOT NULL CHECK (phone ~ '^254[17][0-9]{8}$'),
    -- Fixed when it is first rendered: a second message with another password would lock the customer out.
    body text,
    state text NOT NULL DEFAULT 'pending'
        CHECK (state IN ('pending', 'sending', 'sent', 'unknown', 'delivered', 'failed', 'parked')),
    message_id text UNIQUE,
    resends integer NOT NULL DEFAULT 0 CHECK (resends BETWEEN 0 AND 1),
    claimed_by text,
    changed_at timestamptz NOT NULL DEFAULT now(),
    detail text,
    CHECK (state NOT IN ('sent', 'delivered') OR message_id IS NOT NULL),
    CHECK (state NOT IN ('sending', 'sent', 'delivered') OR body IS NOT NULL)
);
CREATE INDEX sms_outbox_unknown ON hotspot.sms_outbox (phone) WHERE state = 'unknown';
