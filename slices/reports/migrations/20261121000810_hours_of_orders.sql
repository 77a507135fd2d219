-- Figures without items come from the orders' own sums; only the cost is looked up.
CREATE OR REPLACE VIEW reports.hour_fact WITH (security_invoker = true) AS
    SELECT o.tenant_id, o.day, o.hour, o.site_id, CASE WHEN o.kind = 'sale' THEN 1 ELSE 0 END::bigint AS orders,
        CASE WHEN o.kind = 'refund' THEN 1 ELSE 0 END::bigint AS refunds, o.lines::bigint, o.net, o.tax, o.total, 0::bigint AS cost
    FROM sales.orders o
    WHERE o.state IN ('paid', 'partly_refunded', 'refunded')
    UNION ALL
    SELECT o.tenant_id, o.day, o.hour, o.site_id, 0, 0, 0, 0, 0, 0, -m.value
    FROM sales.orders o
    JOIN stock.movement m ON m.tenant_id = o.tenant_id AND m.document_id = o.id
    WHERE o.state IN ('paid', 'partly_refunded', 'refunded') AND m.cause IN ('sold', 'returned');
