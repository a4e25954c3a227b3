-- The tables that FreeRADIUS 3.2 expects (rlm_sql_postgresql), by its column names and types, in a schema of their own:
-- the role it connects with needs `ALTER ROLE … SET search_path = radius`. New here are only the unique indexes that make
-- writing them twice the same as once.
CREATE SCHEMA radius;

CREATE TABLE radius.radcheck (
    id serial PRIMARY KEY,
    username text NOT NULL DEFAULT '',
    attribute text NOT NULL DEFAULT '',
    op varchar(2) NOT NULL DEFAULT '==',
    value text NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX radcheck_once ON radius.radcheck (username, attribute);

CREATE TABLE radius.radreply (
    id serial PRIMARY KEY,
    username text NOT NULL DEFAULT '',
    attribute text NOT NULL DEFAULT '',
    op varchar(2) NOT NULL DEFAULT '=',
    value text NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX radreply_once ON radius.radreply (username, attribute);

CREATE TABLE radius.radgroupcheck (
    id serial PRIMARY KEY,
    groupname text NOT NULL DEFAULT '',
    attribute text NOT NULL DEFAULT '',
    op varchar(2) NOT NULL DEFAULT '==',
    value text NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX radgroupcheck_once ON radius.radgroupcheck (groupname, attribute);

CREATE TABLE radius.radgroupreply (
    id serial PRIMARY KEY,
    groupname text NOT NULL DEFAULT '',
    attribute text NOT NULL DEFAULT '',
    op varchar(2) NOT NULL DEFAULT '=',
    value text NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX radgroupreply_once ON radius.radgroupreply (groupname, attribute);

CREATE TABLE radius.radusergroup (
    id serial PRIMARY KEY,
    username text NOT NULL DEFAULT '',
    groupname text NOT NULL DEFAULT '',
    priority integer NOT NULL DEFAULT 0
);
-- A customer is in the group of one package at a time.
CREATE UNIQUE INDEX radusergroup_once ON radius.radusergroup (username);

CREATE TABLE radius.radacct (
    radacctid bigserial PRIMARY KEY,
    acctsessionid text NOT NULL,
    acctuniqueid text NOT NULL UNIQUE,
    username text,
    realm text,
    nasipaddress inet NOT NULL,
    nasportid text,
    nasporttype text,
    acctstarttime timestamptz,
    acctupdatetime timestamptz,
    acctstoptime timestamptz,
    acctinterval bigint,
    acctsessiontime bigint,
    acctauthentic text,
    connectinfo_start text,
    connectinfo_stop text,
    acctinputoctets bigint,
    acctoutputoctets bigint,
    calledstationid text,
    callingstationid text,
    acctterminatecause text,
    servicetype text,
    framedprotocol text,
    framedipaddress inet,
    framedipv6address inet,
    framedipv6prefix inet,
    framedinterfaceid text,
    delegatedipv6prefix inet,
    class text
);
CREATE INDEX radacct_open_session ON radius.radacct (acctuniqueid) WHERE acctstoptime IS NULL;
CREATE INDEX radacct_open_by_router ON radius.radacct (nasipaddress, acctstarttime) WHERE acctstoptime IS NULL;
CREATE INDEX radacct_by_start ON radius.radacct (acctstarttime, username);

CREATE TABLE radius.radpostauth (
    id bigserial PRIMARY KEY,
    username text NOT NULL,
    -- FreeRADIUS's shipped query writes the clear text password here: blank it in queries.conf.
    pass text,
    reply text,
    calledstationid text,
    callingstationid text,
    authdate timestamptz NOT NULL DEFAULT now(),
    class text
);

CREATE TABLE radius.nas (
    id serial PRIMARY KEY,
    nasname text NOT NULL,
    shortname text NOT NULL,
    type text NOT NULL DEFAULT 'other',
    ports integer,
    secret text NOT NULL,
    server text,
    community text,
    description text
);
CREATE UNIQUE INDEX nas_once ON radius.nas (nasname);

CREATE TABLE radius.nasreload (
    nasipaddress inet PRIMARY KEY,
    reloadtime timestamptz NOT NULL
);
