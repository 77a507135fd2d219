-- When each fact happened, so that a day that still runs is read from the moment until which its totals are kept.
CREATE OR REPLACE VIEW reports.fact WITH (security_invoker = true) AS
    SELECT o.tenant_id, o.day, o.hour, o.site_id, l.item_id, 1::bigint AS lines, l.quantity, l.net, l.tax, l.total, 0::bigint AS cost, o.placed_at
    FROM sales.orders o
    JOIN sales.order_line l ON l.tenant_id = o.tenant_id AND l.order_id = o.id
    WHERE o.state IN ('paid', 'partly_refunded', 'refunded')
    UNION ALL
    SELECT o.tenant_id, o.day, o.hour, o.site_id, m.item_id, 0, 0, 0, 0, 0, -m.value, o.placed_at
    FROM sales.orders o
    JOIN stock.movement m ON m.tenant_id = o.tenant_id AND m.document_id = o.id
    WHERE o.state IN ('paid', 'partly_refunded', 'refunded') AND m.cause IN ('sold', 'returned');

CREATE OR REPLACE VIEW reports.hour_fact WITH (security_invoker = true) AS
    SELECT o.tenant_id, o.day, o.hour, o.site_id, CASE WHEN o.kind = 'sale' THEN 1 ELSE 0 END::bigint AS orders,
        CASE WHEN o.kind = 'refund' THEN 1 ELSE 0 END::bigint AS refunds, o.lines::bigint, o.net, o.tax, o.total, 0::bigint AS cost, o.placed_at
    FROM sales.orders o
    WHERE o.state IN ('paid', 'partly_refunded', 'refunded')
    UNION ALL
    SELECT o.tenant_id, o.day, o.hour, o.site_id, 0, 0, 0, 0, 0, 0, -m.value, o.placed_at
    FROM sales.orders o
    JOIN stock.movement m ON m.tenant_id = o.tenant_id AND m.document_id = o.id
    WHERE o.state IN ('paid', 'partly_refunded', 'refunded') AND m.cause IN ('sold', 'returned');
