-- Totals kept for sealed days. The tail that is not sealed is added from the lines when a report is read.
SELECT db.slice_schema('reports');

-- The raw facts that every figure is a sum of: a line (with its amounts), and what the stock ledger took for an item that
-- an order sold or took back (its cost). Sealing, live reading and checking all read this one view. Its parts are joined by
-- keys and summed afterwards, so that the planner may loop over one day's orders and hash a whole past.
CREATE VIEW reports.fact WITH (security_invoker = true) AS
    SELECT o.tenant_id, o.day, o.hour, o.site_id, l.item_id, 1::bigint AS lines, l.quantity, l.net, l.tax, l.total, 0::bigint AS cost
    FROM sales.orders o
    JOIN sales.order_line l ON l.tenant_id = o.tenant_id AND l.order_id = o.id
    WHERE o.state IN ('paid', 'partly_refunded', 'refunded')
    UNION ALL
    SELECT o.tenant_id, o.day, o.hour, o.site_id, m.item_id, 0, 0, 0, 0, 0, -m.value
    FROM sales.orders o
    JOIN stock.movement m ON m.tenant_id = o.tenant_id AND m.document_id = o.id
    WHERE o.state IN ('paid', 'partly_refunded', 'refunded') AND m.cause IN ('sold', 'returned');
GRANT SELECT ON reports.fact TO hearth_app, hearth_system;

-- The same without items, and the orders counted.
CREATE VIEW reports.hour_fact WITH (security_invoker = true) AS
    SELECT f.tenant_id, f.day, f.hour, f.site_id, 0::bigint AS orders, 0::bigint AS refunds, f.lines, f.net, f.tax, f.total, f.cost
    FROM reports.fact f
    UNION ALL
    SELECT o.tenant_id, o.day, o.hour, o.site_id, CASE WHEN o.kind = 'sale' THEN 1 ELSE 0 END, CASE WHEN o.kind = 'refund' THEN 1 ELSE 0 END, 0, 0, 0, 0, 0
    FROM sales.orders o
    WHERE o.state IN ('paid', 'partly_refunded', 'refunded');
GRANT SELECT ON reports.hour_fact TO hearth_app, hearth_system;

-- The days come first in both keys: a report reads a stretch of neighbouring rows.
CREATE TABLE reports.day_item (
    tenant_id uuid NOT NULL REFERENCES db.tenant (id),
    day date NOT NULL,
    site_id uuid NOT NULL,
    item_id uuid NOT NULL,
    lines bigint NOT NULL,
    -- Millionths of the item's base unit.
    quantity bigint NOT NULL,
    -- Minor units of the site's currency.
    net bigint NOT NULL,
    tax bigint NOT NULL,
    total bigint NOT NULL,
    cost bigint NOT NULL,
    PRIMARY KEY (tenant_id, day, site_id, item_id)
);
SELECT db.tenant_table('reports.day_item');

CREATE TABLE reports.day_hour (
    tenant_id uuid NOT NULL REFERENCES db.tenant (id),
    day date NOT NULL,
    site_id uuid NOT NULL,
    -- On the wall clock of the site.
    hour smallint NOT NULL CHECK (hour BETWEEN 0 AND 23),
    -- Orders that are sales; refunds are counted beside them.
    orders bigint NOT NULL,
    refunds bigint NOT NULL,
    lines bigint NOT NULL,
    net bigint NOT NULL,
    tax bigint NOT NULL,
    total bigint NOT NULL,
    cost bigint NOT NULL,
    PRIMARY KEY (tenant_id, day, site_id, hour)
);
SELECT db.tenant_table('reports.day_hour');
