-- Letters that the program writes, kept until a mail server has taken them.
SELECT db.slice_schema('post');

CREATE TABLE post.letter (
    tenant_id uuid NOT NULL REFERENCES db.tenant (id),
    -- Made by the program in the order of time: lists go by it. The letter's Message-ID is made of it.
    id uuid NOT NULL,
    -- Whom it is about, where that is an account.
    account_id uuid,
    kind text NOT NULL CHECK (length(kind) BETWEEN 1 AND 40),
    recipient text NOT NULL CHECK (length(recipient) BETWEEN 3 AND 320),
    -- Sender's name, subject, HTML and plain text, sealed for this id. Gone once nobody needs it.
    body bytea CHECK (length(body) BETWEEN 1 AND 262144),
    state text NOT NULL CHECK (state IN ('queued', 'sending', 'sent', 'dead', 'cancelled')),
    attempts int NOT NULL DEFAULT 0,
    -- Queued: not before this. Sending: another worker may take it up after this.
    run_at timestamptz NOT NULL,
    -- What the mail server said last.
    answer text CHECK (length(answer) <= 500),
    created_at timestamptz NOT NULL,
    sent_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT letter_body CHECK ((body IS NULL) = (state IN ('sent', 'cancelled')))
);
SELECT db.tenant_table('post.letter');

-- What is due, whoever's it is: few rows, however many were sent.
CREATE INDEX letter_due ON post.letter (run_at) WHERE state IN ('queued', 'sending');
-- The operator's list, whole and by state.
CREATE INDEX letter_newest ON post.letter (id);
CREATE INDEX letter_state ON post.letter (state, id);
