-- Money: the chart of accounts (books) and the transfers between them.
SELECT db.slice_schema('ledger');

CREATE TABLE ledger.book (
    tenant_id uuid NOT NULL REFERENCES db.tenant (id),
    id uuid NOT NULL,
    code text NOT NULL CHECK (length(code) BETWEEN 1 AND 20),
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    kind text NOT NULL CHECK (kind IN ('asset', 'liability', 'equity', 'income', 'expense')),
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT book_code_key UNIQUE (tenant_id, code)
);
SELECT db.tenant_table('ledger.book');

-- A journal row: an unbalanced entry can't be written down. Written by db's commit alone.
CREATE TABLE ledger.transfer (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    debit_id uuid NOT NULL,
    credit_id uuid NOT NULL,
    amount bigint NOT NULL CHECK (amount > 0),
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    document_kind text NOT NULL,
    document_id uuid NOT NULL,
    document_line int NOT NULL,
    effective_at timestamptz NOT NULL,
    day date NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CHECK (debit_id <> credit_id),
    FOREIGN KEY (tenant_id, debit_id) REFERENCES ledger.book (tenant_id, id),
    FOREIGN KEY (tenant_id, credit_id) REFERENCES ledger.book (tenant_id, id)
);
SELECT db.tenant_table('ledger.transfer', append_only => true);
CREATE INDEX transfer_document ON ledger.transfer (tenant_id, document_id);
CREATE INDEX transfer_day ON ledger.transfer (tenant_id, day, id);

-- What accountants call lines.
CREATE VIEW ledger.line WITH (security_invoker = true) AS
    SELECT tenant_id, id AS transfer_id, debit_id AS book_id, amount AS debit, 0::bigint AS credit, currency, document_kind, document_id, document_line, effective_at, day FROM ledger.transfer
    UNION ALL
    SELECT tenant_id, id, credit_id, 0, amount, currency, document_kind, document_id, document_line, effective_at, day FROM ledger.transfer;
GRANT SELECT ON ledger.line TO hearth_app, hearth_system;

-- Kept for sealed days.
CREATE TABLE ledger.day_balance (
    tenant_id uuid NOT NULL REFERENCES db.tenant (id),
    day date NOT NULL,
    book_id uuid NOT NULL,
    currency text NOT NULL,
    debit bigint NOT NULL,
    credit bigint NOT NULL,
    PRIMARY KEY (tenant_id, day, book_id, currency),
    FOREIGN KEY (tenant_id, book_id) REFERENCES ledger.book (tenant_id, id)
);
SELECT db.tenant_table('ledger.day_balance');
