-- The site that is named, else the device's, else the first; its day; the location it sells from; the list that prices the sale
-- (the customer's where it is in the site's currency, else the site's own, else the first of the currency); each item with its
-- prices on that list and its taxes. What is laid down in the business's currency costs a site of another one nothing.
SELECT s.id AS "site_id!", s.currency AS "currency!", l.id AS "location_id!", d.day AS "day!", d.hour AS "hour!",
    f.id AS "list_id?", f.name AS "list_name?", f.includes_tax AS "includes_tax?",
    i.id AS "item_id?", i.name AS "name?", i.active AS "active?", i.base_unit AS "base_unit?", i.stock_rule AS "stock_rule?",
    CASE WHEN s.currency = s.own_currency THEN i.standard_cost ELSE 0 END AS "standard_cost?", i.standard_quantity AS "standard_quantity?",
    u.units, p.prices, x.taxes
FROM (
    SELECT o.id, o.currency, o.time_zone, o.day_start, (SELECT t.currency FROM db.tenant t WHERE t.id = $1) AS own_currency
    FROM identity.site o WHERE o.tenant_id = $1 AND ($2::uuid IS NULL OR o.id = $2)
    ORDER BY o.id = (SELECT v.site_id FROM identity.device v WHERE v.tenant_id = $1 AND v.id = $5) DESC NULLS LAST, o.created_at, o.id LIMIT 1
) s
JOIN LATERAL (
    SELECT id FROM stock.location WHERE tenant_id = $1 AND site_id = s.id AND sells ORDER BY name LIMIT 1
) l ON true
CROSS JOIN LATERAL (
    SELECT (($3::timestamptz AT TIME ZONE s.time_zone) - make_interval(mins => s.day_start))::date AS day,
        extract(hour FROM $3::timestamptz AT TIME ZONE s.time_zone)::smallint AS hour
) d
LEFT JOIN LATERAL (
    SELECT o.id, o.name, o.includes_tax FROM catalog.price_list o
    WHERE o.tenant_id = $1 AND o.currency = s.currency AND o.active
    ORDER BY o.id = (SELECT c.price_list_id FROM sales.customer c WHERE c.tenant_id = $1 AND c.id = $6) DESC NULLS LAST,
        o.id = (SELECT c.list_id FROM catalog.site_price_list c WHERE c.tenant_id = $1 AND c.site_id = s.id) DESC NULLS LAST, o.position, o.id LIMIT 1
) f ON true
LEFT JOIN catalog.item i ON i.tenant_id = $1 AND i.id = ANY ($4::uuid[])
LEFT JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_array(code, numerator, denominator)) AS units FROM catalog.item_unit WHERE tenant_id = $1 AND item_id = i.id
) u ON true
LEFT JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_object('min', q.min_quantity, 'from', q.from_day, 'price', q.unit_price)) AS prices
    FROM (
        SELECT DISTINCT ON (c.min_quantity) c.min_quantity, c.from_day, c.unit_price FROM catalog.price c
        WHERE c.tenant_id = $1 AND c.item_id = i.id AND c.list_id = f.id AND c.from_day <= d.day
        ORDER BY c.min_quantity, c.from_day DESC
    ) q
) p ON true
LEFT JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_object('id', t.id, 'name', t.name, 'ppm', t.rate_ppm, 'compound', t.compound) ORDER BY t.position, t.id) AS taxes
    FROM catalog.tax t
    WHERE t.tenant_id = $1 AND t.category_id = i.tax_category_id AND t.from_day <= d.day AND (t.until_day IS NULL OR t.until_day >= d.day)
) x ON true
