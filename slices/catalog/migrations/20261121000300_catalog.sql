-- What is counted and what it costs: items, units, taxes, price lists.
SELECT db.slice_schema('catalog');

CREATE TABLE catalog.tax_category (
    tenant_id uuid NOT NULL REFERENCES db.tenant (id),
    id uuid NOT NULL,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    -- The one that items get unless told otherwise.
    usual boolean NOT NULL DEFAULT false,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT tax_category_name_key UNIQUE (tenant_id, name)
);
SELECT db.tenant_table('catalog.tax_category');
CREATE UNIQUE INDEX tax_category_usual ON catalog.tax_category (tenant_id) WHERE usual;

-- The taxes of a category from a day on; several on one line are applied in order.
CREATE TABLE catalog.tax (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    category_id uuid NOT NULL,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    -- Parts per million: 200000 is 20 %.
    rate_ppm bigint NOT NULL CHECK (rate_ppm BETWEEN 0 AND 10000000),
    compound boolean NOT NULL DEFAULT false,
    position int NOT NULL DEFAULT 1,
    from_day date NOT NULL,
    until_day date,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, category_id) REFERENCES catalog.tax_category (tenant_id, id)
);
SELECT db.tenant_table('catalog.tax');
CREATE INDEX tax_of_category ON catalog.tax (tenant_id, category_id, from_day);

CREATE TABLE catalog.item (
    tenant_id uuid NOT NULL REFERENCES db.tenant (id),
    id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('ingredient', 'packaging', 'semi-finished', 'product', 'returnable', 'service')),
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    -- By which lists are sorted and searched.
    sort_name text COLLATE "C" NOT NULL GENERATED ALWAYS AS (lower(name)) STORED,
    sku text CHECK (length(sku) BETWEEN 1 AND 60),
    category text CHECK (length(category) BETWEEN 1 AND 100),
    base_unit text NOT NULL CHECK (base_unit IN ('pc', 'g', 'ml')),
    -- stocked: what is sold must be there; made_to_order: made when it is sold, at its standard cost; none: a service.
    stock_rule text NOT NULL CHECK (stock_rule IN ('stocked', 'made_to_order', 'none')),
    -- Standard cost: minor units of the tenant's currency for so many millionths of the base unit.
    standard_cost bigint NOT NULL DEFAULT 0 CHECK (standard_cost >= 0),
    standard_quantity bigint NOT NULL DEFAULT 1000000 CHECK (standard_quantity > 0),
    tax_category_id uuid NOT NULL,
    active boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL,
    version int NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT item_name_key UNIQUE (tenant_id, name),
    CONSTRAINT item_sku_key UNIQUE (tenant_id, sku),
    FOREIGN KEY (tenant_id, tax_category_id) REFERENCES catalog.tax_category (tenant_id, id)
);
SELECT db.tenant_table('catalog.item');
CREATE INDEX item_sort_name ON catalog.item (tenant_id, sort_name, id);
CREATE INDEX item_created ON catalog.item (tenant_id, created_at, id);

-- Alternative units: one `code` is numerator/denominator base units.
CREATE TABLE catalog.item_unit (
    tenant_id uuid NOT NULL,
    item_id uuid NOT NULL,
    n int NOT NULL,
    code text NOT NULL CHECK (length(code) BETWEEN 1 AND 20),
    numerator bigint NOT NULL CHECK (numerator > 0),
    denominator bigint NOT NULL CHECK (denominator > 0),
    PRIMARY KEY (tenant_id, item_id, n),
    CONSTRAINT item_unit_code_key UNIQUE (tenant_id, item_id, code),
    FOREIGN KEY (tenant_id, item_id) REFERENCES catalog.item (tenant_id, id)
);
SELECT db.tenant_table('catalog.item_unit');

CREATE TABLE catalog.price_list (
    tenant_id uuid NOT NULL REFERENCES db.tenant (id),
    id uuid NOT NULL,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    includes_tax boolean NOT NULL,
    -- Lists are asked in this order; the default one is 100.
    position int NOT NULL DEFAULT 100,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT price_list_name_key UNIQUE (tenant_id, name)
);
SELECT db.tenant_table('catalog.price_list');

-- Minor units per base unit, from a day, by quantity break (millionths). Append a new row to change a price.
CREATE TABLE catalog.price (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    list_id uuid NOT NULL,
    item_id uuid NOT NULL,
    from_day date NOT NULL,
    min_quantity bigint NOT NULL DEFAULT 0 CHECK (min_quantity >= 0),
    unit_price bigint NOT NULL CHECK (unit_price >= 0),
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT price_key UNIQUE (tenant_id, item_id, list_id, from_day, min_quantity),
    FOREIGN KEY (tenant_id, list_id) REFERENCES catalog.price_list (tenant_id, id),
    FOREIGN KEY (tenant_id, item_id) REFERENCES catalog.item (tenant_id, id)
);
SELECT db.tenant_table('catalog.price');
