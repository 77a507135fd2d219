-- Registered devices, and the PINs by which members sign in on them.

-- A till, tablet, wall screen or phone of the business. It waits for its code, then holds a key that can't be copied out of it.
CREATE TABLE identity.device (
    tenant_id uuid NOT NULL REFERENCES db.tenant (id),
    id uuid NOT NULL,
    site_id uuid NOT NULL,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    kind text NOT NULL CHECK (kind IN ('till', 'tablet', 'wall_screen', 'phone')),
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'registered', 'revoked')),
    -- Minutes without use after which the PIN is asked for again.
    pause_minutes int NOT NULL CHECK (pause_minutes BETWEEN 5 AND 60),
    code_hash bytea CHECK (length(code_hash) = 32),
    code_expires_at timestamptz,
    -- A point of P-256, uncompressed.
    public_key bytea CHECK (octet_length(public_key) = 65),
    -- Who is signed in on it.
    account_id uuid,
    created_by uuid NOT NULL,
    created_at timestamptz NOT NULL,
    registered_at timestamptz,
    -- When it last showed its key.
    seen_at timestamptz,
    revoked_at timestamptz,
    version int NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT device_site FOREIGN KEY (tenant_id, site_id) REFERENCES identity.site (tenant_id, id),
    CONSTRAINT device_waiting CHECK ((state = 'waiting') = (num_nonnulls(code_hash, code_expires_at) = 2)),
    CONSTRAINT device_registered CHECK (state <> 'registered' OR num_nonnulls(public_key, registered_at) = 2)
);
SELECT db.tenant_table('identity.device');
-- The program makes the ids, so one is of one business.
CREATE INDEX device_id ON identity.device (id);
CREATE INDEX device_code ON identity.device (code_hash) WHERE code_hash IS NOT NULL;
CREATE INDEX device_created ON identity.device (tenant_id, created_at, id);

-- A member's PIN in a business: its Argon2id hash, sealed, as so few digits can be guessed from a hash alone.
CREATE TABLE identity.pin (
    tenant_id uuid NOT NULL REFERENCES db.tenant (id),
    account_id uuid NOT NULL,
    sealed bytea NOT NULL,
    set_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, account_id),
    CONSTRAINT pin_member FOREIGN KEY (tenant_id, account_id) REFERENCES identity.member (tenant_id, account_id)
);
SELECT db.tenant_table('identity.pin');
-- Requests see who has one, and take it away; the hash is the account plane's.
REVOKE SELECT, INSERT, UPDATE ON identity.pin FROM hearth_app;
GRANT SELECT (tenant_id, account_id, set_at, expires_at) ON identity.pin TO hearth_app;

-- What a device is asked to sign, once, within two minutes.
CREATE TABLE identity.device_challenge (
    token_hash bytea PRIMARY KEY CHECK (length(token_hash) = 32),
    device_id uuid NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX device_challenge_expires ON identity.device_challenge (expires_at);
GRANT SELECT, INSERT, DELETE ON identity.device_challenge TO hearth_system;

-- A session on a device is bound to its key, which it shows again and again; each time its cookie is another one.
ALTER TABLE identity.session DROP CONSTRAINT session_kind_check;
ALTER TABLE identity.session
    ADD COLUMN device_id uuid,
    -- When the key was last shown.
    ADD COLUMN shown_at timestamptz,
    -- The cookie until then: for some seconds what was sent with it still counts.
    ADD COLUMN former_hash bytea CHECK (length(former_hash) = 32),
    -- What forms carry; it stays when the cookie changes.
    ADD COLUMN csrf text,
    -- Locked: the PIN is asked for.
    ADD COLUMN held_at timestamptz,
    ADD CONSTRAINT session_kind_check CHECK (kind IN ('browser', 'tokens', 'device')),
    ADD CONSTRAINT session_device_whole CHECK ((kind = 'device') = (num_nonnulls(device_id, shown_at, csrf) = 3));
-- Sessions on devices that stand: as long as the device is registered and the PIN by which they were begun is the member's.
CREATE VIEW identity.on_device WITH (security_invoker = true) AS
    SELECT s.id AS session_id, d.tenant_id, d.id AS device_id, d.name, d.pause_minutes, d.public_key
    FROM identity.session s
        JOIN identity.device d ON d.tenant_id = s.tenant_id AND d.id = s.device_id AND d.state = 'registered'
        JOIN identity.pin p ON p.tenant_id = s.tenant_id AND p.account_id = s.account_id AND p.set_at <= s.proved_at
    WHERE s.kind = 'device';
GRANT SELECT ON identity.on_device TO hearth_system;
CREATE INDEX session_former ON identity.session (former_hash) WHERE former_hash IS NOT NULL;
