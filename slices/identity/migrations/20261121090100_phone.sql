-- A telephone to which codes go instead of to the address.
ALTER TABLE identity.account ADD COLUMN phone text CHECK (phone ~ '^\+[1-9][0-9]{6,14}$');

-- A number that is being confirmed; one at a time.
CREATE TABLE identity.phone_code (
    account_id uuid PRIMARY KEY REFERENCES identity.account (id),
    phone text NOT NULL CHECK (phone ~ '^\+[1-9][0-9]{6,14}$'),
    code_hash bytea NOT NULL CHECK (length(code_hash) = 32),
    tries int NOT NULL DEFAULT 0,
    expires_at timestamptz NOT NULL
);
CREATE INDEX phone_code_expires ON identity.phone_code (expires_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON identity.phone_code TO hearth_system;
