-- The log becomes a chain: each entry's hash is that of the entry and the hash before it (crates/db/src/trail.rs says how).
ALTER TABLE db.log_head
    -- Of the last entry; none before the first one that is chained.
    ADD COLUMN hash bytea,
    -- Entries up to this number were written before there was a chain.
    ADD COLUMN chained_after bigint NOT NULL DEFAULT 0,
    -- Up to this entry checkpoints have left the machine.
    ADD COLUMN witnessed bigint NOT NULL DEFAULT 0;
ALTER TABLE db.log_head NO FORCE ROW LEVEL SECURITY;
UPDATE db.log_head SET chained_after = n;
ALTER TABLE db.log_head FORCE ROW LEVEL SECURITY;

-- Programs with a key of their own, and the operator's people on behalf of somebody, are actors too.
ALTER TABLE db.log_inbox DROP CONSTRAINT log_inbox_actor_kind_check;
ALTER TABLE db.log_inbox ADD CONSTRAINT log_inbox_actor_kind_check CHECK (actor_kind IN ('account', 'program', 'nobody', 'key', 'support'));

-- What the trail is filtered by, in the order in which it is read.
CREATE INDEX log_at ON db.log (tenant_id, at, id);
CREATE INDEX log_actor ON db.log (tenant_id, actor_id, at, id) WHERE actor_id IS NOT NULL;
CREATE INDEX log_action ON db.log (tenant_id, action, at, id);
CREATE INDEX log_kind ON db.log (tenant_id, kind, at, id);
CREATE INDEX log_address ON db.log (tenant_id, address, at, id) WHERE address IS NOT NULL;
-- The operator reads across businesses.
CREATE INDEX log_at_all ON db.log (at, id);
CREATE UNIQUE INDEX log_id ON db.log (tenant_id, id);

-- The keys that sign checkpoints. The private half is sealed; a key without one that opens is nobody's.
CREATE TABLE db.trail_key (
    kid text PRIMARY KEY,
    public_key bytea NOT NULL,
    private_key bytea NOT NULL,
    created_at timestamptz NOT NULL,
    retired_at timestamptz
);
ALTER TABLE db.trail_key ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY system ON db.trail_key TO hearth_system USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE (private_key, retired_at) ON db.trail_key TO hearth_system;

-- Signed words that a tenant's log ended so at that moment.
CREATE TABLE db.checkpoint (
    tenant_id uuid NOT NULL REFERENCES db.tenant (id),
    n bigint NOT NULL,
    hash bytea NOT NULL,
    chained_after bigint NOT NULL,
    at timestamptz NOT NULL,
    -- The checkpoint before this one, and the digest of its text and signature.
    previous_n bigint,
    previous_digest bytea,
    kid text NOT NULL,
    public_key bytea NOT NULL,
    signature bytea NOT NULL,
    PRIMARY KEY (tenant_id, n)
);
SELECT db.tenant_table('db.checkpoint', append_only => true);
REVOKE INSERT ON db.checkpoint FROM hearth_app;

-- What people's names and addresses in the log stand for: the log holds a salted digest and the id of a row here.
CREATE TABLE db.personal (
    tenant_id uuid NOT NULL REFERENCES db.tenant (id),
    id uuid NOT NULL,
    -- Whose it is; their rows are deleted when they ask to be forgotten.
    subject_id uuid NOT NULL,
    salt bytea NOT NULL,
    value jsonb NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
SELECT db.tenant_table('db.personal');
REVOKE UPDATE ON db.personal FROM hearth_app, hearth_system;
CREATE INDEX personal_subject ON db.personal (tenant_id, subject_id);
CREATE INDEX personal_subject_all ON db.personal (subject_id);
