-- Selling: customers, orders (the document), payments.
SELECT db.slice_schema('sales');

CREATE TABLE sales.customer (
    tenant_id uuid NOT NULL REFERENCES db.tenant (id),
    id uuid NOT NULL,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    email text CHECK (length(email) <= 320),
    phone text CHECK (length(phone) <= 40),
    created_at timestamptz NOT NULL,
    version int NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, id)
);
SELECT db.tenant_table('sales.customer');

-- "order" is a word of SQL's own, hence the plural.
CREATE TABLE sales.orders (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('sale', 'refund')),
    state text NOT NULL CHECK (state IN ('open', 'paid', 'partly_refunded', 'refunded', 'voided')),
    site_id uuid NOT NULL,
    seller_id uuid,
    device_id uuid,
    customer_id uuid,
    channel text NOT NULL CHECK (channel IN ('counter', 'phone', 'web', 'delivery', 'import')),
    -- When it happened, the business day, and the hour on the site's wall clock.
    placed_at timestamptz NOT NULL,
    day date NOT NULL,
    hour smallint NOT NULL CHECK (hour BETWEEN 0 AND 23),
    currency text NOT NULL,
    -- Minor units. gross: at list price; net: without tax; total: what is to be paid before cash rounding.
    gross bigint NOT NULL,
    discount bigint NOT NULL,
    net bigint NOT NULL,
    tax bigint NOT NULL,
    total bigint NOT NULL,
    rounding bigint NOT NULL DEFAULT 0,
    prices_include_tax boolean NOT NULL,
    refund_of uuid,
    import_id uuid,
    -- The number that the source of an imported order gave it.
    external_number text CHECK (length(external_number) <= 100),
    note text CHECK (length(note) <= 1000),
    version int NOT NULL DEFAULT 1,
    CONSTRAINT orders_pkey PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, site_id) REFERENCES identity.site (tenant_id, id),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES sales.customer (tenant_id, id),
    FOREIGN KEY (tenant_id, refund_of) REFERENCES sales.orders (tenant_id, id),
    CHECK (net + tax = total)
);
SELECT db.tenant_table('sales.orders');
CREATE INDEX orders_day ON sales.orders (tenant_id, day, placed_at, id);
CREATE INDEX orders_placed ON sales.orders (tenant_id, placed_at, id);
CREATE INDEX orders_refund ON sales.orders (tenant_id, refund_of) WHERE refund_of IS NOT NULL;
CREATE INDEX orders_import ON sales.orders (tenant_id, import_id) WHERE import_id IS NOT NULL;

CREATE TABLE sales.order_line (
    tenant_id uuid NOT NULL,
    order_id uuid NOT NULL,
    n int NOT NULL,
    -- The line that this one belongs to (a modifier, a part of a combo).
    parent_n int,
    item_id uuid NOT NULL,
    -- What the customer read.
    name text NOT NULL,
    -- Millionths of the base unit; negative on a refund.
    quantity bigint NOT NULL CHECK (quantity <> 0),
    entered_quantity bigint NOT NULL,
    unit text NOT NULL,
    numerator bigint NOT NULL,
    denominator bigint NOT NULL,
    -- Minor units per base unit.
    unit_price bigint NOT NULL,
    gross bigint NOT NULL,
    discount bigint NOT NULL,
    net bigint NOT NULL,
    tax bigint NOT NULL,
    total bigint NOT NULL,
    -- On a refund: the line that is paid back.
    refund_of_n int,
    PRIMARY KEY (tenant_id, order_id, n),
    FOREIGN KEY (tenant_id, order_id) REFERENCES sales.orders (tenant_id, id),
    FOREIGN KEY (tenant_id, order_id, parent_n) REFERENCES sales.order_line (tenant_id, order_id, n),
    FOREIGN KEY (tenant_id, item_id) REFERENCES catalog.item (tenant_id, id),
    CHECK (net + tax = total)
);
SELECT db.tenant_table('sales.order_line', append_only => true);

-- The taxes of each line, as rows.
CREATE TABLE sales.line_tax (
    tenant_id uuid NOT NULL,
    order_id uuid NOT NULL,
    n int NOT NULL,
    line_n int NOT NULL,
    tax_id uuid NOT NULL,
    base bigint NOT NULL,
    amount bigint NOT NULL,
    PRIMARY KEY (tenant_id, order_id, n),
    FOREIGN KEY (tenant_id, order_id, line_n) REFERENCES sales.order_line (tenant_id, order_id, n),
    FOREIGN KEY (tenant_id, tax_id) REFERENCES catalog.tax (tenant_id, id)
);
SELECT db.tenant_table('sales.line_tax', append_only => true);

-- Money received (or, negative, paid back).
CREATE TABLE sales.payment (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    method text NOT NULL CHECK (method IN ('cash', 'card', 'mobile', 'on_account')),
    amount bigint NOT NULL CHECK (amount <> 0),
    currency text NOT NULL,
    reference text CHECK (length(reference) <= 200),
    paid_at timestamptz NOT NULL,
    day date NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
SELECT db.tenant_table('sales.payment', append_only => true);

-- Which orders a payment pays.
CREATE TABLE sales.allocation (
    tenant_id uuid NOT NULL,
    payment_id uuid NOT NULL,
    n int NOT NULL,
    order_id uuid NOT NULL,
    amount bigint NOT NULL CHECK (amount <> 0),
    PRIMARY KEY (tenant_id, payment_id, n),
    FOREIGN KEY (tenant_id, payment_id) REFERENCES sales.payment (tenant_id, id),
    FOREIGN KEY (tenant_id, order_id) REFERENCES sales.orders (tenant_id, id)
);
SELECT db.tenant_table('sales.allocation', append_only => true);
CREATE INDEX allocation_order ON sales.allocation (tenant_id, order_id);

-- What reports read: one row a line with its day, hour, site and cost (what the stock ledger took for it).
CREATE VIEW sales.sold_line WITH (security_invoker = true) AS
    SELECT l.tenant_id, o.day, o.hour, o.site_id, o.id AS order_id, o.kind, l.n, l.item_id, l.quantity, l.gross, l.discount, l.net, l.tax, l.total,
        coalesce((SELECT -sum(m.value) FROM stock.movement m
            WHERE m.tenant_id = l.tenant_id AND m.document_id = l.order_id AND m.document_line = l.n AND m.cause IN ('sold', 'returned')), 0)::bigint AS cost
    FROM sales.orders o JOIN sales.order_line l ON l.tenant_id = o.tenant_id AND l.order_id = o.id
    WHERE o.state IN ('paid', 'partly_refunded', 'refunded');
GRANT SELECT ON sales.sold_line TO hearth_app, hearth_system;
CREATE INDEX customer_name ON sales.customer (tenant_id, name, id);
CREATE INDEX orders_customer ON sales.orders (tenant_id, customer_id, placed_at, id) WHERE customer_id IS NOT NULL;
CREATE INDEX order_line_item ON sales.order_line (tenant_id, item_id, order_id);
