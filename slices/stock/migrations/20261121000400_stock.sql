-- Stock: where things lie, how they moved, what they are worth.
SELECT db.slice_schema('stock');

CREATE TABLE stock.location (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    site_id uuid NOT NULL,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    kind text NOT NULL CHECK (kind IN ('store', 'bakehouse', 'shop', 'vehicle', 'in-transit', 'customer', 'waste')),
    -- The location that the site's till sells from.
    sells boolean NOT NULL DEFAULT false,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT location_name_key UNIQUE (tenant_id, site_id, name),
    FOREIGN KEY (tenant_id, site_id) REFERENCES identity.site (tenant_id, id)
);
SELECT db.tenant_table('stock.location');

CREATE TABLE stock.lot (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    item_id uuid NOT NULL,
    code text NOT NULL CHECK (length(code) BETWEEN 1 AND 100),
    best_before date,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT lot_code_key UNIQUE (tenant_id, item_id, code),
    FOREIGN KEY (tenant_id, item_id) REFERENCES catalog.item (tenant_id, id)
);
SELECT db.tenant_table('stock.lot');

-- The stock ledger. Written by db's commit alone, only ever added to.
CREATE TABLE stock.movement (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    item_id uuid NOT NULL,
    site_id uuid NOT NULL,
    location_id uuid NOT NULL,
    lot_id uuid,
    -- Millionths of the base unit, in positive, out negative.
    quantity bigint NOT NULL CHECK (quantity <> 0),
    -- Minor units, with the sign of the quantity.
    value bigint NOT NULL CHECK (value = 0 OR sign(value) = sign(quantity)),
    currency text NOT NULL,
    cause text NOT NULL CHECK (cause IN ('received', 'made', 'sold', 'returned', 'corrected')),
    document_kind text NOT NULL,
    document_id uuid NOT NULL,
    document_line int NOT NULL,
    effective_at timestamptz NOT NULL,
    day date NOT NULL,
    corrects uuid,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, item_id) REFERENCES catalog.item (tenant_id, id),
    FOREIGN KEY (tenant_id, location_id) REFERENCES stock.location (tenant_id, id),
    FOREIGN KEY (tenant_id, lot_id) REFERENCES stock.lot (tenant_id, id),
    FOREIGN KEY (tenant_id, corrects) REFERENCES stock.movement (tenant_id, id)
);
SELECT db.tenant_table('stock.movement', append_only => true);
CREATE INDEX movement_item ON stock.movement (tenant_id, item_id, effective_at, id);
CREATE INDEX movement_time ON stock.movement (tenant_id, effective_at, id);
CREATE INDEX movement_document ON stock.movement (tenant_id, document_id, document_line);

-- Quantity and value of an item at a site. A unit cost is derived from them, never stored.
CREATE TABLE stock.worth (
    tenant_id uuid NOT NULL,
    site_id uuid NOT NULL,
    item_id uuid NOT NULL,
    quantity bigint NOT NULL CONSTRAINT stock_short CHECK (quantity >= 0),
    value bigint NOT NULL,
    currency text NOT NULL,
    PRIMARY KEY (tenant_id, site_id, item_id),
    CONSTRAINT worth_residue_check CHECK (quantity <> 0 OR value = 0),
    FOREIGN KEY (tenant_id, item_id) REFERENCES catalog.item (tenant_id, id),
    FOREIGN KEY (tenant_id, site_id) REFERENCES identity.site (tenant_id, id)
);
SELECT db.tenant_table('stock.worth');

-- Quantity of an item (and lot; the nil UUID where none is kept) at a location.
CREATE TABLE stock.on_hand (
    tenant_id uuid NOT NULL,
    location_id uuid NOT NULL,
    item_id uuid NOT NULL,
    lot_id uuid NOT NULL,
    quantity bigint NOT NULL CONSTRAINT stock_short CHECK (quantity >= 0),
    PRIMARY KEY (tenant_id, location_id, item_id, lot_id),
    FOREIGN KEY (tenant_id, item_id) REFERENCES catalog.item (tenant_id, id),
    FOREIGN KEY (tenant_id, location_id) REFERENCES stock.location (tenant_id, id)
);
SELECT db.tenant_table('stock.on_hand');
CREATE INDEX on_hand_item ON stock.on_hand (tenant_id, item_id);

-- Something came in: from a supplier, or made by ourselves.
CREATE TABLE stock.receipt (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('delivery', 'made', 'opening')),
    site_id uuid NOT NULL,
    location_id uuid NOT NULL,
    -- Who delivered, as written on the note.
    supplier text CHECK (length(supplier) BETWEEN 1 AND 200),
    supplier_id uuid,
    reference text CHECK (length(reference) BETWEEN 1 AND 100),
    currency text NOT NULL,
    total bigint NOT NULL CHECK (total >= 0),
    effective_at timestamptz NOT NULL,
    day date NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, site_id) REFERENCES identity.site (tenant_id, id),
    FOREIGN KEY (tenant_id, location_id) REFERENCES stock.location (tenant_id, id)
);
SELECT db.tenant_table('stock.receipt', append_only => true);
CREATE INDEX receipt_time ON stock.receipt (tenant_id, effective_at, id);

CREATE TABLE stock.receipt_line (
    tenant_id uuid NOT NULL,
    receipt_id uuid NOT NULL,
    n int NOT NULL,
    item_id uuid NOT NULL,
    lot_id uuid,
    quantity bigint NOT NULL CHECK (quantity > 0),
    -- As entered: so many millionths of a unit, one of which was numerator/denominator base units.
    entered_quantity bigint NOT NULL,
    unit text NOT NULL,
    numerator bigint NOT NULL,
    denominator bigint NOT NULL,
    -- Minor units for the whole line.
    amount bigint NOT NULL CHECK (amount >= 0),
    PRIMARY KEY (tenant_id, receipt_id, n),
    FOREIGN KEY (tenant_id, receipt_id) REFERENCES stock.receipt (tenant_id, id),
    FOREIGN KEY (tenant_id, item_id) REFERENCES catalog.item (tenant_id, id),
    FOREIGN KEY (tenant_id, lot_id) REFERENCES stock.lot (tenant_id, id)
);
SELECT db.tenant_table('stock.receipt_line', append_only => true);
