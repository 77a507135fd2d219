-- A person's rights over their account, and support that looks in with the owner's consent.

ALTER TABLE identity.account
    -- Asked to be deleted: not before this. A sign-in until then stops it.
    ADD COLUMN erase_at timestamptz,
    -- When its owner was told that the time is over; some time later it is done.
    ADD COLUMN erase_told_at timestamptz,
    -- Since then a pseudonym: what the log and the books point at, without a name or an address.
    ADD COLUMN erased_at timestamptz;
CREATE INDEX account_erase ON identity.account (erase_at) WHERE erase_at IS NOT NULL;

-- An owner lets support look in: why, for how long, and whether support may also act. One stands at a time.
CREATE TABLE identity.consent (
    tenant_id uuid NOT NULL REFERENCES db.tenant (id),
    id uuid NOT NULL,
    given_by uuid NOT NULL,
    reason text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
    acting boolean NOT NULL,
    given_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    revoked_by uuid,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT consent_hours CHECK (expires_at > given_at AND expires_at <= given_at + interval '72 hours')
);
SELECT db.tenant_table('identity.consent');
CREATE UNIQUE INDEX consent_open ON identity.consent (tenant_id) WHERE revoked_at IS NULL;
CREATE INDEX consent_given ON identity.consent (tenant_id, given_at, id);

-- Somebody of support at work in a business, on behalf of the owner who let them in. The business reads it, support writes it.
CREATE TABLE identity.assistance (
    tenant_id uuid NOT NULL REFERENCES db.tenant (id),
    id uuid NOT NULL,
    consent_id uuid NOT NULL,
    account_id uuid NOT NULL,
    -- As the business sees them.
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 320),
    on_behalf uuid NOT NULL,
    reason text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
    begun_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    ended_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT assistance_consent FOREIGN KEY (tenant_id, consent_id) REFERENCES identity.consent (tenant_id, id)
);
SELECT db.tenant_table('identity.assistance');
REVOKE INSERT, UPDATE, DELETE ON identity.assistance FROM hearth_app;
CREATE INDEX assistance_begun ON identity.assistance (tenant_id, begun_at, id);
CREATE INDEX assistance_account ON identity.assistance (account_id);

-- A browser's session in which support works; its business is the session's.
ALTER TABLE identity.session ADD COLUMN assistance_id uuid;

-- How the trail says who worked on whose behalf.
CREATE VIEW identity.on_behalf WITH (security_invoker = true) AS
    SELECT s.tenant_id, s.id, s.name || ' for ' || coalesce(o.name, '–') AS who
    FROM identity.assistance s LEFT JOIN identity.member o ON o.tenant_id = s.tenant_id AND o.account_id = s.on_behalf;
GRANT SELECT ON identity.on_behalf TO hearth_app, hearth_system;
