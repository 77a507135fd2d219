-- What happened and changed no business data: sign-ins, failures, mails, exports. One table in months.
CREATE TABLE db.activity (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    at timestamptz NOT NULL,
    actor_kind text NOT NULL,
    actor_id uuid,
    actor_name text,
    request_id uuid,
    address text,
    action text NOT NULL,
    kind text NOT NULL,
    target_id uuid,
    detail jsonb,
    PRIMARY KEY (tenant_id, at, id)
) PARTITION BY RANGE (at);
SELECT db.tenant_table('db.activity', append_only => true);
CREATE INDEX activity_actor ON db.activity (tenant_id, actor_id, at, id) WHERE actor_id IS NOT NULL;
CREATE INDEX activity_action ON db.activity (tenant_id, action, at, id);
CREATE INDEX activity_kind ON db.activity (tenant_id, kind, at, id);
CREATE INDEX activity_target ON db.activity (tenant_id, target_id, at, id) WHERE target_id IS NOT NULL;
CREATE INDEX activity_address ON db.activity (tenant_id, address, at, id) WHERE address IS NOT NULL;
CREATE INDEX activity_at_all ON db.activity (at, id);

-- What no month takes; empty as long as months are made ahead.
CREATE TABLE db.activity_rest PARTITION OF db.activity DEFAULT;
SELECT db.tenant_table('db.activity_rest', append_only => true);
GRANT TRUNCATE ON db.activity_rest TO hearth_system;

-- Makes the partition of a month, and moves there what waits for it among the rest. The owner's alone.
CREATE FUNCTION db.activity_month(month date) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    name text := 'activity_' || to_char(month, 'YYYY_MM');
    begins timestamptz := date_trunc('month', month)::timestamp AT TIME ZONE 'UTC';
    ends timestamptz := (date_trunc('month', month)::timestamp + interval '1 month') AT TIME ZONE 'UTC';
BEGIN
    IF to_regclass('db.' || name) IS NOT NULL THEN
        RETURN;
    END IF;
    EXECUTE format('CREATE TABLE db.%I (LIKE db.activity INCLUDING ALL)', name);
    ALTER TABLE db.activity_rest NO FORCE ROW LEVEL SECURITY;
    EXECUTE format('WITH moved AS (DELETE FROM db.activity_rest WHERE at >= $1 AND at < $2 RETURNING *) INSERT INTO db.%I SELECT * FROM moved', name)
        USING begins, ends;
    ALTER TABLE db.activity_rest FORCE ROW LEVEL SECURITY;
    EXECUTE format('ALTER TABLE db.activity ATTACH PARTITION db.%I FOR VALUES FROM (%L) TO (%L)', name, begins, ends);
    PERFORM db.tenant_table(format('db.%I', name)::regclass, append_only => true);
    EXECUTE format('GRANT TRUNCATE ON db.%I TO hearth_system', name);
END $$;
REVOKE EXECUTE ON FUNCTION db.activity_month(date) FROM PUBLIC;

-- The months from the last one to a year ahead.
CREATE FUNCTION db.activity_months() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM db.activity_month((date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => i))::date) FROM generate_series(-1, 12) i;
END $$;
REVOKE EXECUTE ON FUNCTION db.activity_months() FROM PUBLIC;
SELECT db.activity_months();

-- Drops the months before one. The owner's alone; between its visits the leader empties them, which is all it may do.
CREATE FUNCTION db.activity_forget(before date) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    part text;
BEGIN
    FOR part IN
        SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'db.activity'::regclass AND c.relname ~ '^activity_\d{4}_\d{2}$' AND c.relname < 'activity_' || to_char(before, 'YYYY_MM')
    LOOP
        EXECUTE format('DROP TABLE db.%I', part);
    END LOOP;
END $$;
REVOKE EXECUTE ON FUNCTION db.activity_forget(date) FROM PUBLIC;
GRANT DELETE ON db.activity_rest TO hearth_system;
