-- The account plane, whole: how an account is proved, what guards it, what acts for it.

ALTER TABLE identity.account
    ADD COLUMN platform_roles text[] NOT NULL DEFAULT '{}' CHECK (platform_roles <@ ARRAY['ADMIN', 'SUPPORT', 'BILLING_ADMIN']),
    ADD COLUMN locked_at timestamptz,
    ADD COLUMN lock_reason text CHECK (length(lock_reason) <= 500),
    -- Sealed by the keyring; a code is asked for from the moment in totp_since on.
    ADD COLUMN totp_sealed bytea,
    ADD COLUMN totp_since timestamptz,
    -- The last step whose code was taken: no step is taken twice.
    ADD COLUMN totp_step bigint,
    -- A new address that waits to be confirmed.
    ADD COLUMN version int NOT NULL DEFAULT 1;
CREATE INDEX account_email_order ON identity.account (email COLLATE "C", id);
CREATE INDEX account_created ON identity.account (created_at, id);

-- Wrong guesses, counted before each guess is checked, by what is guessed: a password of an address (known or not), one from
-- a device known to the account, a second factor. The key is a SHA-256.
CREATE TABLE identity.guess (
    key bytea PRIMARY KEY CHECK (length(key) = 32),
    failures int NOT NULL,
    shut_until timestamptz,
    -- Whether the last guess could be checked.
    allowed boolean NOT NULL,
    at timestamptz NOT NULL
);
CREATE INDEX guess_at ON identity.guess (at);
GRANT SELECT, INSERT, UPDATE, DELETE ON identity.guess TO hearth_system;

-- Somebody asks to register an address. An account is made when the address is confirmed, and not before.
CREATE TABLE identity.registration (
    id uuid PRIMARY KEY,
    email text NOT NULL CHECK (length(email) BETWEEN 3 AND 320),
    password_hash text NOT NULL,
    -- Of the browser that asked: only there, or with the password, does the confirmation take over the password.
    browser_hash bytea CHECK (length(browser_hash) = 32),
    token_hash bytea UNIQUE CHECK (length(token_hash) = 32),
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    spent_at timestamptz
);
CREATE INDEX registration_email ON identity.registration (email, created_at);
CREATE INDEX registration_expires ON identity.registration (expires_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON identity.registration TO hearth_system;

-- A way to choose a new password: by a link, or by a code of six digits that three wrong tries void.
CREATE TABLE identity.reset (
    id uuid PRIMARY KEY,
    account_id uuid NOT NULL REFERENCES identity.account (id),
    token_hash bytea NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    code_hash bytea CHECK (length(code_hash) = 32),
    code_tries int NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    spent_at timestamptz
);
CREATE INDEX reset_account ON identity.reset (account_id, created_at);
CREATE INDEX reset_expires ON identity.reset (expires_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON identity.reset TO hearth_system;

-- The first factor was given, the second one is awaited. And the mailed code of a re-authentication.
CREATE TABLE identity.challenge (
    token_hash bytea PRIMARY KEY CHECK (length(token_hash) = 32),
    account_id uuid NOT NULL REFERENCES identity.account (id),
    kind text NOT NULL CHECK (kind IN ('second', 'reauth', 'totp', 'email')),
    -- Re-authentication: the session that asks. A new address: the address.
    session_id uuid,
    email text,
    code_hash bytea CHECK (length(code_hash) = 32),
    -- A secret that is being set up, sealed.
    sealed bytea,
    tries int NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    spent_at timestamptz
);
CREATE INDEX challenge_account ON identity.challenge (account_id, kind, created_at);
CREATE INDEX challenge_expires ON identity.challenge (expires_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON identity.challenge TO hearth_system;

CREATE TABLE identity.recovery_code (
    account_id uuid NOT NULL REFERENCES identity.account (id),
    code_hash bytea NOT NULL CHECK (length(code_hash) = 32),
    used_at timestamptz,
    PRIMARY KEY (account_id, code_hash)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON identity.recovery_code TO hearth_system;

-- A device from which an account signed in before: a stranger's wrong guesses elsewhere do not shut it out.
CREATE TABLE identity.known_device (
    token_hash bytea NOT NULL CHECK (length(token_hash) = 32),
    account_id uuid NOT NULL REFERENCES identity.account (id),
    seen_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, token_hash)
);
CREATE INDEX known_device_seen ON identity.known_device (seen_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON identity.known_device TO hearth_system;

-- A session is a browser's (a cookie) or a program's (tokens: its refresh tokens are a family).
ALTER TABLE identity.session
    ADD COLUMN kind text NOT NULL DEFAULT 'browser' CHECK (kind IN ('browser', 'tokens')),
    -- When the person last gave a password, a code or a passkey.
    ADD COLUMN proved_at timestamptz,
    -- Whether a second factor was given.
    ADD COLUMN second boolean NOT NULL DEFAULT false,
    -- What the session is bound to: the family of the browser, and its network.
    ADD COLUMN family text,
    ADD COLUMN network text,
    -- What the person recognises it by.
    ADD COLUMN device text,
    ADD COLUMN address text,
    ADD COLUMN ended_why text,
    -- Sign-in by an identity provider: whose session it was, to end it there too.
    ADD COLUMN provider text,
    ADD COLUMN id_token_sealed bytea;
UPDATE identity.session SET proved_at = created_at;
ALTER TABLE identity.session ALTER COLUMN proved_at SET NOT NULL;
CREATE INDEX session_ended ON identity.session (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE identity.refresh (
    token_hash bytea PRIMARY KEY CHECK (length(token_hash) = 32),
    session_id uuid NOT NULL REFERENCES identity.session (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    -- The token that this one was changed into, sealed: a lost answer is given again for some seconds.
    successor bytea
);
CREATE INDEX refresh_session ON identity.refresh (session_id);
GRANT SELECT, INSERT, UPDATE, DELETE ON identity.refresh TO hearth_system;

-- The keys that sign access tokens. A new one is published before it signs, an old one until its last token ended.
CREATE TABLE identity.signing_key (
    kid text PRIMARY KEY,
    public_key bytea NOT NULL,
    -- PKCS #8, sealed.
    private_key bytea NOT NULL,
    created_at timestamptz NOT NULL,
    signs_from timestamptz NOT NULL,
    retires_at timestamptz
);
GRANT SELECT, INSERT, UPDATE, DELETE ON identity.signing_key TO hearth_system;

-- Keys for programs of a business: hashed, with the beginning that people recognise them by.
CREATE TABLE identity.api_key (
    tenant_id uuid NOT NULL REFERENCES db.tenant (id),
    id uuid NOT NULL,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    prefix text NOT NULL,
    key_hash bytea NOT NULL CHECK (length(key_hash) = 32),
    permissions text[] NOT NULL,
    created_by uuid NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    used_at timestamptz,
    revoked_at timestamptz,
    PRIMARY KEY (tenant_id, id)
);
SELECT db.tenant_table('identity.api_key');
CREATE INDEX api_key_hash ON identity.api_key (key_hash);

-- Roles of a business's own, beside the seven.
CREATE TABLE identity.role (
    tenant_id uuid NOT NULL REFERENCES db.tenant (id),
    id uuid NOT NULL,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    permissions text[] NOT NULL,
    created_at timestamptz NOT NULL,
    version int NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT role_name_key UNIQUE (tenant_id, name)
);
SELECT db.tenant_table('identity.role');

ALTER TABLE identity.member
    ADD COLUMN own_roles uuid[] NOT NULL DEFAULT '{}',
    -- Somebody who asked to join waits without roles until an owner or manager approves.
    ADD COLUMN state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'asked', 'left'));

CREATE TABLE identity.invitation (
    tenant_id uuid NOT NULL REFERENCES db.tenant (id),
    id uuid NOT NULL,
    email text NOT NULL CHECK (length(email) BETWEEN 3 AND 320),
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    roles text[] NOT NULL,
    own_roles uuid[] NOT NULL DEFAULT '{}',
    token_hash bytea NOT NULL CHECK (length(token_hash) = 32),
    invited_by uuid NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    used_by uuid,
    revoked_at timestamptz,
    version int NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, id)
);
SELECT db.tenant_table('identity.invitation');
CREATE INDEX invitation_token ON identity.invitation (token_hash);
CREATE INDEX invitation_created ON identity.invitation (tenant_id, created_at, id);

-- How long sessions last in a business, within bounds.
CREATE TABLE identity.policy (
    tenant_id uuid PRIMARY KEY REFERENCES db.tenant (id),
    idle_minutes int NOT NULL CHECK (idle_minutes BETWEEN 5 AND 720),
    reauth_hours int NOT NULL CHECK (reauth_hours BETWEEN 1 AND 168),
    version int NOT NULL DEFAULT 1
);
SELECT db.tenant_table('identity.policy');

-- What every node must stop believing within a second: an ended session, an account or a business whose members' rights
-- changed. Read by the transaction that wrote it: what was committed since the last look, whatever the clock said.
CREATE TABLE identity.revocation (
    tenant_id uuid NOT NULL REFERENCES db.tenant (id),
    id uuid NOT NULL,
    -- One of the account plane (tenant_id is the platform) names an account or a session; one of a business a member, or all.
    account_id uuid,
    session_id uuid,
    key_id uuid,
    at timestamptz NOT NULL,
    written_by xid8 NOT NULL DEFAULT pg_current_xact_id(),
    PRIMARY KEY (tenant_id, id)
);
SELECT db.tenant_table('identity.revocation', append_only => true);
GRANT DELETE ON identity.revocation TO hearth_system;
CREATE INDEX revocation_written ON identity.revocation (written_by);

-- What an active member may do, and what pages show of them and of the business.
CREATE VIEW identity.standing WITH (security_invoker = true) AS
    SELECT m.tenant_id, m.account_id, t.name AS business, t.slug, m.name, m.roles,
        ARRAY(SELECT DISTINCT p FROM identity.role r, unnest(r.permissions) p WHERE r.tenant_id = m.tenant_id AND r.id = ANY (m.own_roles)) AS own_permissions,
        (SELECT jsonb_agg(jsonb_build_array(i.id, i.name, i.time_zone, i.day_start, i.currency) ORDER BY i.created_at, i.id)
            FROM identity.site i WHERE i.tenant_id = m.tenant_id) AS sites,
        p.idle_minutes, p.reauth_hours
    FROM identity.member m JOIN db.tenant t ON t.id = m.tenant_id LEFT JOIN identity.policy p ON p.tenant_id = m.tenant_id
    WHERE m.state = 'active';
GRANT SELECT ON identity.standing TO hearth_app, hearth_system;

-- What the operator's list of accounts is filtered by, where few of many have it.
CREATE INDEX account_locked ON identity.account (email COLLATE "C", id) WHERE locked_at IS NOT NULL;
CREATE INDEX account_second ON identity.account (email COLLATE "C", id) WHERE totp_since IS NOT NULL;
CREATE INDEX account_platform ON identity.account (email COLLATE "C", id) WHERE platform_roles <> '{}';

-- A link that whoever runs the installation made vouches for the address.
ALTER TABLE identity.password_link ADD COLUMN vouched boolean NOT NULL DEFAULT false;

-- Letters that strangers asked for and that were written: a job that comes twice writes once.
CREATE TABLE identity.wish (
    id uuid PRIMARY KEY,
    at timestamptz NOT NULL
);
GRANT SELECT, INSERT, DELETE ON identity.wish TO hearth_system;
