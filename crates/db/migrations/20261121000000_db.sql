-- The ground on which every slice stands: tenants, the log, intents, jobs, numbers, sealed days.
-- Roles are made before this by db::bootstrap: hearth_owner (runs migrations), hearth_app (requests), hearth_system.

CREATE SCHEMA db;
GRANT USAGE ON SCHEMA db TO hearth_app, hearth_system;

-- The tenant that the running transaction works for; null when none is set, and then no row is seen.
CREATE FUNCTION db.current_tenant() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
RETURN nullif(current_setting('hearth.tenant', true), '')::uuid;

-- Makes a slice's schema and lets the program's roles in.
CREATE FUNCTION db.slice_schema(name text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE SCHEMA %I', name);
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO hearth_app, hearth_system', name);
END $$;

-- Makes a table a tenant's: forced row security, a policy per role, the grants, and a look at its keys.
-- The policy spells its setting out: a function call in it would hide the constant from the planner.
CREATE FUNCTION db.tenant_table(name regclass, append_only boolean DEFAULT false) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    first_key text;
BEGIN
    SELECT a.attname INTO first_key
    FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
    WHERE i.indrelid = name AND i.indisprimary;
    IF first_key IS DISTINCT FROM 'tenant_id' THEN
        RAISE EXCEPTION 'the primary key of % must begin with tenant_id', name;
    END IF;
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', name);
    EXECUTE format($p$CREATE POLICY tenant ON %s TO hearth_app
        USING (tenant_id = nullif(current_setting('hearth.tenant', true), '')::uuid)
        WITH CHECK (tenant_id = nullif(current_setting('hearth.tenant', true), '')::uuid)$p$, name);
    EXECUTE format('CREATE POLICY system ON %s TO hearth_system USING (true) WITH CHECK (true)', name);
    EXECUTE format('GRANT SELECT, INSERT ON %s TO hearth_app, hearth_system', name);
    IF NOT append_only THEN
        EXECUTE format('GRANT UPDATE, DELETE ON %s TO hearth_app, hearth_system', name);
    END IF;
END $$;

-- One business. Only the system role makes one.
CREATE TABLE db.tenant (
    id uuid PRIMARY KEY,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    slug text NOT NULL CONSTRAINT tenant_slug_key UNIQUE CHECK (slug ~ '^[a-z][a-z0-9-]{1,39}$'),
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    time_zone text NOT NULL,
    -- No posting on or before this day.
    closed_through date,
    -- Totals of these days are kept, or about to be: a posting on such a day marks it (see db.dirty_day).
    sealing_through date,
    -- Totals of these days are kept.
    sealed_through date,
    created_at timestamptz NOT NULL,
    version int NOT NULL DEFAULT 1
);
ALTER TABLE db.tenant ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON db.tenant TO hearth_app
    USING (id = nullif(current_setting('hearth.tenant', true), '')::uuid)
    WITH CHECK (id = nullif(current_setting('hearth.tenant', true), '')::uuid);
CREATE POLICY system ON db.tenant TO hearth_system USING (true) WITH CHECK (true);
GRANT SELECT ON db.tenant TO hearth_app;
GRANT UPDATE (name, closed_through, version) ON db.tenant TO hearth_app;
GRANT SELECT, INSERT, UPDATE ON db.tenant TO hearth_system;

-- The log as business transactions write it: without a number. The sequencer moves committed rows to db.log.
CREATE TABLE db.log_inbox (
    tenant_id uuid NOT NULL REFERENCES db.tenant (id),
    id uuid NOT NULL,
    at timestamptz NOT NULL,
    actor_kind text NOT NULL CHECK (actor_kind IN ('account', 'program', 'nobody')),
    actor_id uuid,
    actor_name text,
    request_id uuid NOT NULL,
    address text,
    action text NOT NULL,
    kind text NOT NULL,
    target_id uuid NOT NULL,
    before jsonb,
    after jsonb,
    reason text,
    PRIMARY KEY (tenant_id, id)
);
SELECT db.tenant_table('db.log_inbox', append_only => true);
GRANT DELETE ON db.log_inbox TO hearth_system;
CREATE INDEX log_inbox_target ON db.log_inbox (tenant_id, target_id);

-- The log: one commit-ordered record per tenant, numbered without gaps. Written by the sequencer alone.
CREATE TABLE db.log (
    tenant_id uuid NOT NULL REFERENCES db.tenant (id),
    n bigint NOT NULL,
    id uuid NOT NULL,
    at timestamptz NOT NULL,
    actor_kind text NOT NULL,
    actor_id uuid,
    actor_name text,
    request_id uuid NOT NULL,
    address text,
    action text NOT NULL,
    kind text NOT NULL,
    target_id uuid NOT NULL,
    before jsonb,
    after jsonb,
    reason text,
    -- Of this entry and the hash before it.
    hash bytea,
    PRIMARY KEY (tenant_id, n)
);
SELECT db.tenant_table('db.log', append_only => true);
REVOKE INSERT ON db.log FROM hearth_app;
CREATE INDEX log_target ON db.log (tenant_id, target_id, n);

-- The last number given in each tenant's log.
CREATE TABLE db.log_head (
    tenant_id uuid PRIMARY KEY REFERENCES db.tenant (id),
    n bigint NOT NULL
);
SELECT db.tenant_table('db.log_head');
REVOKE INSERT, UPDATE, DELETE ON db.log_head FROM hearth_app;

-- What people read: the numbered log and, after it, what was committed a moment ago and has no number yet.
CREATE VIEW db.trail WITH (security_invoker = true) AS
    SELECT tenant_id, n, id, at, actor_kind, actor_id, actor_name, request_id, address, action, kind, target_id, before, after, reason FROM db.log
    UNION ALL
    SELECT tenant_id, NULL, id, at, actor_kind, actor_id, actor_name, request_id, address, action, kind, target_id, before, after, reason FROM db.log_inbox;
GRANT SELECT ON db.trail TO hearth_app, hearth_system;

-- What was asked once: the same id is answered with the same answer.
CREATE TABLE db.intent (
    tenant_id uuid NOT NULL REFERENCES db.tenant (id),
    id uuid NOT NULL,
    digest bytea NOT NULL,
    answer jsonb NOT NULL,
    at timestamptz NOT NULL,
    CONSTRAINT intent_pkey PRIMARY KEY (tenant_id, id)
);
SELECT db.tenant_table('db.intent', append_only => true);

-- Work for later. Dead ones wait for a person.
CREATE TABLE db.job (
    tenant_id uuid NOT NULL REFERENCES db.tenant (id),
    id uuid NOT NULL,
    name text NOT NULL,
    payload jsonb NOT NULL,
    state text NOT NULL CHECK (state IN ('queued', 'running', 'dead')),
    attempts int NOT NULL DEFAULT 0,
    run_at timestamptz NOT NULL,
    -- While running: another worker may take it after this.
    held_until timestamptz,
    error text,
    account_id uuid,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
SELECT db.tenant_table('db.job');
CREATE INDEX job_due ON db.job (run_at) WHERE state <> 'dead';

-- The next number of each series, without gaps.
CREATE TABLE db.series (
    tenant_id uuid NOT NULL REFERENCES db.tenant (id),
    series text NOT NULL,
    year int NOT NULL,
    next bigint NOT NULL,
    PRIMARY KEY (tenant_id, series, year)
);
SELECT db.tenant_table('db.series');

-- The number of each document.
CREATE TABLE db.number (
    tenant_id uuid NOT NULL REFERENCES db.tenant (id),
    document_id uuid NOT NULL,
    kind text NOT NULL,
    series text NOT NULL,
    year int NOT NULL,
    n bigint NOT NULL,
    -- As people say it: S-2026-000123.
    number text NOT NULL,
    PRIMARY KEY (tenant_id, document_id),
    UNIQUE (tenant_id, series, year, n)
);
SELECT db.tenant_table('db.number', append_only => true);
CREATE INDEX number_text ON db.number (tenant_id, number COLLATE "C");

-- Days on or before sealing_through that something was posted on since: their kept totals are not to be used.
CREATE TABLE db.dirty_day (
    tenant_id uuid NOT NULL REFERENCES db.tenant (id),
    id uuid NOT NULL,
    day date NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
SELECT db.tenant_table('db.dirty_day');
CREATE INDEX dirty_day_day ON db.dirty_day (tenant_id, day);

-- So that a start can tell pending migrations from none.
DO $$ BEGIN
    IF to_regclass('public._sqlx_migrations') IS NOT NULL THEN
        GRANT SELECT ON public._sqlx_migrations TO hearth_app, hearth_system;
    END IF;
END $$;
