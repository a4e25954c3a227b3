-- What we put into the account field of an STK push. A C2B confirmation carries it back, so that money is matched to its
-- request also when the STK callback never comes; without one (a request that another program made) phone and amount
-- have to do.
ALTER TABLE hotspot.stk_requests
    ADD COLUMN reference text UNIQUE CHECK (reference ~ '^[A-Z0-9-]{1,12}$'),
    -- When Daraja is asked next what became of the request, and how often it was.
    ADD COLUMN ask_at timestamptz NOT NULL DEFAULT now() + interval '2 minutes',
    ADD COLUMN asked integer NOT NULL DEFAULT 0 CHECK (asked >= 0),
    ADD COLUMN asked_detail text,
    DROP CONSTRAINT stk_requests_state_check,
    -- sending: stored, but Daraja has not said its CheckoutRequestID yet; until then it is called unsent:REFERENCE.
    ADD CONSTRAINT stk_requests_state_check CHECK (state IN ('sending', 'pending', 'paid', 'underpaid', 'failed'));
CREATE INDEX stk_requests_to_ask ON hotspot.stk_requests (ask_at) WHERE state IN ('pending', 'failed');

-- An STK query says that money came, and not under which receipt: the receipt is filled in when it comes.
ALTER TABLE hotspot.payments
    ALTER COLUMN receipt DROP NOT NULL,
    ADD CONSTRAINT payments_known_by_something CHECK (receipt IS NOT NULL OR checkout_request_id IS NOT NULL);

-- Two limits more that a package may have. Bytes, both directions together.
ALTER TABLE hotspot.packages
    ADD COLUMN data_limit bigint CHECK (data_limit > 0),
    ADD COLUMN idle_timeout interval DEFAULT interval '5 minutes' CHECK (idle_timeout >= interval '1 second');

-- Why the customer of this subscription is not on the router, when it is not the router's fault.
ALTER TABLE hotspot.subscriptions ADD COLUMN problem text;

-- One row: what all workers share about the account at the SMS gateway.
CREATE TABLE hotspot.sms_account (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    -- The bucket: the next message may go out then.
    next_at timestamptz NOT NULL DEFAULT now(),
    parked_at timestamptz,
    parked_because text,
    CHECK ((parked_at IS NULL) = (parked_because IS NULL))
);

CREATE FUNCTION hotspot.unpark_sms() RETURNS bigint LANGUAGE sql AS $$
    UPDATE hotspot.sms_account SET parked_at = NULL, parked_because = NULL;
    WITH waiting AS (
        UPDATE hotspot.sms_outbox SET state = 'pending', detail = NULL, changed_at = clock_timestamp()
        WHERE state = 'parked' RETURNING subscription_id
    ), jobs AS (
        SELECT d.id FROM waiting CROSS JOIN LATERAL
            qsup.dispatch('SendCredentialsSMSJob', jsonb_build_object('subscription_id', subscription_id)) d
    )
    SELECT count(*) FROM jobs;
$$;
COMMENT ON FUNCTION hotspot.unpark_sms() IS 'After the account was mended: sends what was parked. Returns how many.';

-- The package that each customer uses now, else the one that he uses next.
CREATE VIEW hotspot.current_packages AS
    SELECT DISTINCT ON (s.user_id) s.user_id, u.username, p.code, p.data_limit, p.rate_limit, p.shared_users, p.idle_timeout
    FROM hotspot.subscriptions s
    JOIN hotspot.users u ON u.id = s.user_id
    JOIN hotspot.packages p ON p.id = s.package_id
    WHERE s.state <> 'cancelled' AND s.ends_at > clock_timestamp()
    ORDER BY s.user_id, s.starts_at;

-- What RADIUS is to know of that package's group; no value: no row.
CREATE VIEW hotspot.wanted_group_rows AS
    SELECT c.user_id, c.code, v.place, v.attribute, v.value
    FROM hotspot.current_packages c CROSS JOIN LATERAL (VALUES
        ('radgroupreply', 'Mikrotik-Rate-Limit', c.rate_limit),
        ('radgroupreply', 'Idle-Timeout', extract(epoch FROM c.idle_timeout)::bigint::text),
        ('radgroupcheck', 'Simultaneous-Use', c.shared_users::text)
    ) v(place, attribute, value);

-- Bytes that are left of what a customer bought: the sum over his packages with a limit that are not over, less the
-- sessions since the first of them began. No row: his package has no limit. Never 0, which would mean no limit.
CREATE VIEW hotspot.data_left AS
    SELECT c.user_id, c.username, greatest(1, b.bytes - (
        SELECT coalesce(sum(coalesce(a.acctinputoctets, 0) + coalesce(a.acctoutputoctets, 0)), 0)
        FROM radius.radacct a WHERE a.username = c.username AND a.acctstarttime >= b.since
    ))::bigint AS bytes
    FROM hotspot.current_packages c CROSS JOIN LATERAL (
        SELECT sum(p.data_limit) AS bytes, min(s.starts_at) AS since
        FROM hotspot.subscriptions s JOIN hotspot.packages p ON p.id = s.package_id
        WHERE s.user_id = c.user_id AND s.state <> 'cancelled' AND s.ends_at > clock_timestamp()
            AND p.data_limit IS NOT NULL
    ) b WHERE c.data_limit IS NOT NULL;
