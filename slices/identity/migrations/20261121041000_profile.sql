-- What a business keeps of each person who works in it.
CREATE TABLE identity.profile (
    tenant_id uuid NOT NULL REFERENCES db.tenant (id),
    account_id uuid NOT NULL,
    first_name text CHECK (length(first_name) BETWEEN 1 AND 100),
    middle_name text CHECK (length(middle_name) BETWEEN 1 AND 100),
    last_name text CHECK (length(last_name) BETWEEN 1 AND 100),
    -- The country whose id it is, and the id, sealed by the keyring.
    id_country text CHECK (id_country ~ '^[A-Z]{2}$'),
    id_sealed bytea,
    -- E.164.
    phones text[] NOT NULL DEFAULT '{}' CHECK (cardinality(phones) <= 3),
    job_title text CHECK (length(job_title) BETWEEN 1 AND 100),
    employed_since date,
    -- Basis, minor units, currency and way of what they are paid: all or none.
    pay_basis text CHECK (pay_basis IN ('hour', 'month', 'year')),
    pay_minor bigint CHECK (pay_minor >= 0),
    pay_currency text CHECK (pay_currency ~ '^[A-Z]{3}$'),
    pay_method text CHECK (pay_method IN ('bank', 'cash', 'mobile', 'cheque')),
    emergency_name text CHECK (length(emergency_name) BETWEEN 1 AND 200),
    emergency_phone text,
    emergency_relation text CHECK (length(emergency_relation) BETWEEN 1 AND 100),
    version int NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, account_id),
    CONSTRAINT profile_member FOREIGN KEY (tenant_id, account_id) REFERENCES identity.member (tenant_id, account_id),
    CONSTRAINT profile_id_whole CHECK ((id_country IS NULL) = (id_sealed IS NULL)),
    CONSTRAINT profile_pay_whole CHECK (num_nulls(pay_basis, pay_minor, pay_currency, pay_method) IN (0, 4)),
    CONSTRAINT profile_emergency_whole CHECK (num_nulls(emergency_name, emergency_phone) IN (0, 2))
);
SELECT db.tenant_table('identity.profile');

-- A small square, encoded anew by the program.
CREATE TABLE identity.photo (
    tenant_id uuid NOT NULL REFERENCES db.tenant (id),
    account_id uuid NOT NULL,
    jpeg bytea NOT NULL CHECK (octet_length(jpeg) <= 1048576),
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, account_id),
    CONSTRAINT photo_member FOREIGN KEY (tenant_id, account_id) REFERENCES identity.member (tenant_id, account_id)
);
SELECT db.tenant_table('identity.photo');

-- National ids as they were and became, sealed: not everybody who reads the trail may see them. An entry of the log names a row
-- here; the row can be erased and, when keys change, sealed anew.
CREATE TABLE identity.profile_past (
    tenant_id uuid NOT NULL REFERENCES db.tenant (id),
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    sealed bytea NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
SELECT db.tenant_table('identity.profile_past');
CREATE INDEX profile_past_account ON identity.profile_past (tenant_id, account_id);

-- One open invitation for an address: an older one is sent again instead.
CREATE UNIQUE INDEX invitation_open ON identity.invitation (tenant_id, email) WHERE used_at IS NULL AND revoked_at IS NULL;
CREATE INDEX member_state ON identity.member (tenant_id, state);
