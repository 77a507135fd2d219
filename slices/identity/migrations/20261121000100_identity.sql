-- Who may do what. Accounts and sessions are global and seen by the system role alone; members and sites are a tenant's.
SELECT db.slice_schema('identity');

CREATE TABLE identity.account (
    id uuid PRIMARY KEY,
    -- NFC, small letters.
    email text NOT NULL CONSTRAINT account_email_key UNIQUE CHECK (length(email) BETWEEN 3 AND 320),
    -- Argon2id in PHC form.
    password_hash text,
    verified_at timestamptz,
    created_at timestamptz NOT NULL,
    -- What members of a business point at, so that a changed address is changed there too.
    CONSTRAINT account_id_email_key UNIQUE (id, email)
);
GRANT SELECT, INSERT, UPDATE ON identity.account TO hearth_system;

-- A way to choose the first password of an account that somebody else made: a random token, kept as its SHA-256.
CREATE TABLE identity.password_link (
    token_hash bytea PRIMARY KEY CHECK (length(token_hash) = 32),
    account_id uuid NOT NULL REFERENCES identity.account (id),
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);
CREATE INDEX password_link_account ON identity.password_link (account_id);
GRANT SELECT, INSERT, UPDATE, DELETE ON identity.password_link TO hearth_system;

-- A browser's sign-in: the cookie holds a random token, the table its SHA-256.
CREATE TABLE identity.session (
    token_hash bytea PRIMARY KEY CHECK (length(token_hash) = 32),
    id uuid NOT NULL UNIQUE,
    account_id uuid NOT NULL REFERENCES identity.account (id),
    -- The active business.
    tenant_id uuid,
    created_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL,
    ended_at timestamptz
);
CREATE INDEX session_account ON identity.session (account_id, created_at);
CREATE INDEX session_created ON identity.session (created_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON identity.session TO hearth_system;

CREATE TABLE identity.member (
    tenant_id uuid NOT NULL REFERENCES db.tenant (id),
    account_id uuid NOT NULL,
    -- The account's address, kept the same by the foreign key: a business sees its members' addresses and no others.
    email text NOT NULL,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    roles text[] NOT NULL CHECK (roles <@ ARRAY['owner', 'manager', 'accountant', 'baker', 'storekeeper', 'seller', 'driver']),
    created_at timestamptz NOT NULL,
    version int NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, account_id),
    CONSTRAINT member_account FOREIGN KEY (account_id, email) REFERENCES identity.account (id, email) ON UPDATE CASCADE
);
SELECT db.tenant_table('identity.member');
CREATE INDEX member_account ON identity.member (account_id, email);

CREATE TABLE identity.site (
    tenant_id uuid NOT NULL REFERENCES db.tenant (id),
    id uuid NOT NULL,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    time_zone text NOT NULL,
    -- Minutes after midnight at which the business day begins.
    day_start int NOT NULL CHECK (day_start BETWEEN 0 AND 1439),
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    created_at timestamptz NOT NULL,
    version int NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, id)
);
SELECT db.tenant_table('identity.site');
