-- The import of a past: what was given, what it was taken for, what came of it. The orders that it made name it.

CREATE TABLE sales.import (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    -- The files' names, for people.
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 500),
    -- ready: understood, waits for a person. running: a job works on it. tried: read to its end, nothing kept. refused: lines
    -- were refused, nothing kept. already: imported before, nothing new. done: kept. failed: could not be read to its end.
    state text NOT NULL CHECK (state IN ('ready', 'running', 'tried', 'refused', 'already', 'done', 'failed')),
    site_id uuid NOT NULL,
    -- Which till or program the files come from: its own ids are unique within it.
    source text NOT NULL CHECK (length(source) BETWEEN 1 AND 200),
    mapping jsonb NOT NULL,
    -- What was found in the files, and why it was taken so.
    profiles jsonb NOT NULL DEFAULT '[]',
    decisions jsonb NOT NULL DEFAULT '[]',
    problems jsonb NOT NULL DEFAULT '[]',
    -- The first lines as they were read.
    sample jsonb NOT NULL DEFAULT '[]',
    -- Of items that it makes: standard cost in percent of the price.
    cost_percent int NOT NULL DEFAULT 0 CHECK (cost_percent BETWEEN 0 AND 100),
    -- How orders were paid whose lines do not say so.
    method text NOT NULL DEFAULT 'cash' CHECK (method IN ('cash', 'card', 'mobile')),
    dry_run boolean NOT NULL DEFAULT false,
    skip_refused boolean NOT NULL DEFAULT false,
    -- Lines read so far, and in all files.
    progress bigint NOT NULL DEFAULT 0,
    progress_of bigint NOT NULL DEFAULT 0,
    lines bigint NOT NULL DEFAULT 0,
    accepted bigint NOT NULL DEFAULT 0,
    skipped bigint NOT NULL DEFAULT 0,
    refused bigint NOT NULL DEFAULT 0,
    left_out bigint NOT NULL DEFAULT 0,
    rounded bigint NOT NULL DEFAULT 0,
    documents bigint NOT NULL DEFAULT 0,
    items_made bigint NOT NULL DEFAULT 0,
    -- Minor units.
    total bigint NOT NULL DEFAULT 0,
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    -- The first and the last business day.
    first_day date,
    last_day date,
    -- The import that took these files before.
    already uuid,
    error text CHECK (length(error) <= 2000),
    created_by uuid,
    created_at timestamptz NOT NULL,
    finished_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, site_id) REFERENCES identity.site (tenant_id, id)
);
SELECT db.tenant_table('sales.import');
CREATE INDEX import_created ON sales.import (tenant_id, created_at, id);
CREATE INDEX import_source_name ON sales.import (tenant_id, source) WHERE state = 'done';

CREATE TABLE sales.import_file (
    tenant_id uuid NOT NULL,
    import_id uuid NOT NULL,
    n int NOT NULL,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    -- SHA-256 of its bytes.
    digest bytea NOT NULL CHECK (length(digest) = 32),
    bytes bigint NOT NULL CHECK (bytes >= 0),
    -- Where it lies until it was read; none for files of the command line, and once it was read.
    path text CHECK (length(path) <= 2000),
    PRIMARY KEY (tenant_id, import_id, n),
    FOREIGN KEY (tenant_id, import_id) REFERENCES sales.import (tenant_id, id)
);
SELECT db.tenant_table('sales.import_file');

-- Files whose sale lines were imported: a file is known by its digest, never by what stands in it.
CREATE TABLE sales.imported_file (
    tenant_id uuid NOT NULL,
    digest bytea NOT NULL CHECK (length(digest) = 32),
    import_id uuid NOT NULL,
    PRIMARY KEY (tenant_id, digest),
    FOREIGN KEY (tenant_id, import_id) REFERENCES sales.import (tenant_id, id)
);
SELECT db.tenant_table('sales.imported_file', append_only => true);

-- Lines that were not taken, each with its reason.
CREATE TABLE sales.import_refused (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    import_id uuid NOT NULL,
    n bigint NOT NULL,
    file text NOT NULL,
    line_no bigint NOT NULL,
    code text NOT NULL,
    reason text NOT NULL,
    -- The beginning of the line as it was read.
    raw text NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, import_id) REFERENCES sales.import (tenant_id, id)
);
SELECT db.tenant_table('sales.import_refused');
CREATE INDEX import_refused_n ON sales.import_refused (tenant_id, import_id, n, id);

-- By which a longer export of the same till finds the tickets that are here already.
CREATE INDEX orders_external ON sales.orders (tenant_id, external_number, placed_at) WHERE import_id IS NOT NULL;

-- What the planner knows of the tables that an import fills. While it runs, nothing of it counts as there, so a look of
-- autovacuum's in that time leaves the planner with empty tables until its next one; reports and checks would crawl.
-- Only an owner may look, hence the definer; it reads no row for its caller.
CREATE FUNCTION sales.look_again() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    ANALYZE sales.orders, sales.order_line, sales.line_tax, sales.payment, sales.allocation, stock.movement, ledger.transfer;
END $$;
REVOKE ALL ON FUNCTION sales.look_again() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sales.look_again() TO hearth_app, hearth_system;
