SELECT s.id AS "site_id!", s.currency AS "currency!", l.id AS "location_id!", d.day AS "day!", d.hour AS "hour!",
    i.id AS "item_id?", i.name AS "name?", i.active AS "active?", i.base_unit AS "base_unit?", i.stock_rule AS "stock_rule?",
    i.standard_cost AS "standard_cost?", i.standard_quantity AS "standard_quantity?", u.units, p.prices, x.taxes
FROM (
    SELECT id, currency, time_zone, day_start FROM identity.site
    WHERE tenant_id = $1 AND ($2::uuid IS NULL OR id = $2) ORDER BY created_at, id LIMIT 1
) s
JOIN LATERAL (
    SELECT id FROM stock.location WHERE tenant_id = $1 AND site_id = s.id AND sells ORDER BY name LIMIT 1
) l ON true
CROSS JOIN LATERAL (
    SELECT (($3::timestamptz AT TIME ZONE s.time_zone) - make_interval(mins => s.day_start))::date AS day,
        extract(hour FROM $3::timestamptz AT TIME ZONE s.time_zone)::smallint AS hour
) d
LEFT JOIN catalog.item i ON i.tenant_id = $1 AND i.id = ANY ($4::uuid[])
LEFT JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_array(code, numerator, denominator)) AS units FROM catalog.item_unit WHERE tenant_id = $1 AND item_id = i.id
) u ON true
LEFT JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_object('list', q.list_id, 'includes', q.includes_tax, 'position', q.position, 'min', q.min_quantity, 'from', q.from_day, 'price', q.unit_price)) AS prices
    FROM (
        SELECT DISTINCT ON (c.list_id, c.min_quantity) c.list_id, c.min_quantity, c.from_day, c.unit_price, f.includes_tax, f.position
        FROM catalog.price c JOIN catalog.price_list f ON f.tenant_id = c.tenant_id AND f.id = c.list_id
        WHERE c.tenant_id = $1 AND c.item_id = i.id AND c.from_day <= d.day AND f.currency = s.currency
        ORDER BY c.list_id, c.min_quantity, c.from_day DESC
    ) q
) p ON true
LEFT JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_object('id', t.id, 'name', t.name, 'ppm', t.rate_ppm, 'compound', t.compound) ORDER BY t.position, t.id) AS taxes
    FROM catalog.tax t
    WHERE t.tenant_id = $1 AND t.category_id = i.tax_category_id AND t.from_day <= d.day AND (t.until_day IS NULL OR t.until_day >= d.day)
) x ON true
