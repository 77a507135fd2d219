-- Who sells to us, and at what price.
SELECT db.slice_schema('suppliers');

CREATE TABLE suppliers.supplier (
    tenant_id uuid NOT NULL REFERENCES db.tenant (id),
    id uuid NOT NULL,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    email text CHECK (length(email) BETWEEN 3 AND 320),
    phone text CHECK (length(phone) BETWEEN 1 AND 40),
    created_at timestamptz NOT NULL,
    version int NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT supplier_name_key UNIQUE (tenant_id, name)
);
SELECT db.tenant_table('suppliers.supplier');

-- What a supplier asks for so many of a unit, from a day on. A new price is a new row; the old one stays.
CREATE TABLE suppliers.price (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    supplier_id uuid NOT NULL,
    item_id uuid NOT NULL,
    from_day date NOT NULL,
    -- As the supplier writes it: so many millionths of a unit, one of which is numerator/denominator base units.
    quantity bigint NOT NULL CHECK (quantity > 0),
    unit text NOT NULL CHECK (length(unit) BETWEEN 1 AND 20),
    numerator bigint NOT NULL CHECK (numerator > 0),
    denominator bigint NOT NULL CHECK (denominator > 0),
    -- Minor units for that quantity.
    amount bigint NOT NULL CHECK (amount >= 0),
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT supplier_price_key UNIQUE (tenant_id, supplier_id, item_id, from_day),
    FOREIGN KEY (tenant_id, supplier_id) REFERENCES suppliers.supplier (tenant_id, id),
    FOREIGN KEY (tenant_id, item_id) REFERENCES catalog.item (tenant_id, id)
);
SELECT db.tenant_table('suppliers.price');
CREATE INDEX price_item ON suppliers.price (tenant_id, item_id, from_day);
CREATE INDEX price_supplier ON suppliers.price (tenant_id, supplier_id, from_day, id);
