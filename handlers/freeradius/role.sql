-- What FreeRADIUS may do in the database: psql -f handlers/freeradius/role.sql, again at any time. Give the role a password
-- (\password radius) unless the server knows it by its socket.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'radius') THEN
        CREATE ROLE radius LOGIN;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;
END
$$;
ALTER ROLE radius SET search_path = radius;
GRANT USAGE ON SCHEMA radius TO radius;
GRANT SELECT ON radius.radcheck, radius.radreply, radius.radgroupcheck, radius.radgroupreply, radius.radusergroup,
    radius.clients TO radius;
GRANT SELECT, INSERT, UPDATE ON radius.radacct TO radius;
GRANT INSERT ON radius.radpostauth TO radius;
GRANT USAGE ON SEQUENCE radius.radacct_radacctid_seq, radius.radpostauth_id_seq TO radius;
