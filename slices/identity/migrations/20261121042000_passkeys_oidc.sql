-- Passkeys, and sign-in through identity providers.

CREATE TABLE identity.passkey (
    id uuid PRIMARY KEY,
    account_id uuid NOT NULL REFERENCES identity.account (id),
    credential_id bytea NOT NULL CONSTRAINT passkey_credential_key UNIQUE CHECK (octet_length(credential_id) BETWEEN 1 AND 1023),
    -- Public key, flags and count. Nothing of it is secret.
    credential jsonb NOT NULL,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    -- How often the authenticator says that it signed; 0 where it does not count.
    signs bigint NOT NULL,
    created_at timestamptz NOT NULL,
    used_at timestamptz,
    -- Its count went back: it may have been copied, and signs nobody in any more.
    doubted_at timestamptz
);
CREATE INDEX passkey_account ON identity.passkey (account_id, created_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON identity.passkey TO hearth_system;

-- A passkey that is being added or shown: the challenge stays here, sealed, and is used once.
CREATE TABLE identity.ceremony (
    token_hash bytea PRIMARY KEY CHECK (length(token_hash) = 32),
    kind text NOT NULL CHECK (kind IN ('register', 'login')),
    account_id uuid REFERENCES identity.account (id),
    sealed bytea NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT ceremony_account CHECK ((kind = 'register') = (account_id IS NOT NULL))
);
CREATE INDEX ceremony_expires ON identity.ceremony (expires_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON identity.ceremony TO hearth_system;

-- Whom an identity provider knows as which account. The provider is its issuer, not the name that the configuration gives it.
CREATE TABLE identity.identity (
    provider text NOT NULL CHECK (length(provider) BETWEEN 1 AND 500),
    subject text NOT NULL CHECK (length(subject) BETWEEN 1 AND 255),
    account_id uuid NOT NULL REFERENCES identity.account (id),
    created_at timestamptz NOT NULL,
    PRIMARY KEY (provider, subject),
    CONSTRAINT identity_account_key UNIQUE (account_id, provider)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON identity.identity TO hearth_system;

-- A sign-in that is under way at a provider, bound to the browser that began it. Used once.
CREATE TABLE identity.oidc_state (
    state_hash bytea PRIMARY KEY CHECK (length(state_hash) = 32),
    provider text NOT NULL,
    browser_hash bytea NOT NULL CHECK (length(browser_hash) = 32),
    sealed bytea NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX oidc_state_expires ON identity.oidc_state (expires_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON identity.oidc_state TO hearth_system;

-- A sign-in through a provider that awaits the second factor: whose session it is there. Its token lies in `sealed`.
ALTER TABLE identity.challenge ADD COLUMN provider text;
