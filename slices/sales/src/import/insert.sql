-- A chunk of imported orders with their lines, taxes, payments and allocations.
WITH placed AS (
    INSERT INTO sales.orders (tenant_id, id, kind, state, site_id, channel, placed_at, day, hour, currency,
        gross, discount, net, tax, total, prices_include_tax, import_id, external_number, lines)
    SELECT t.id, u.id, CASE WHEN u.back THEN 'refund' ELSE 'sale' END, 'paid', $2, 'import', u.placed_at, u.day, u.hour, $3,
        u.gross, u.discount, u.net, u.tax, u.total, $4, $5, u.external_number, u.lines
    FROM db.tenant t, unnest($6::uuid[], $7::boolean[], $8::timestamptz[], $9::date[], $10::smallint[], $11::bigint[], $12::bigint[], $13::bigint[],
        $14::bigint[], $15::bigint[], $16::text[], $41::int[])
        AS u (id, back, placed_at, day, hour, gross, discount, net, tax, total, external_number, lines)
    WHERE t.id = $1
), lined AS (
    INSERT INTO sales.order_line (tenant_id, order_id, n, item_id, name, quantity, entered_quantity, unit, numerator, denominator, unit_price,
        gross, discount, net, tax, total, placed_at)
    SELECT t.id, u.order_id, u.n, u.item_id, u.name, u.quantity, u.quantity, u.unit, 1, 1, u.unit_price, u.gross, u.discount, u.net, u.tax, u.total, u.placed_at
    FROM db.tenant t, unnest($17::uuid[], $18::int[], $19::uuid[], $20::text[], $21::bigint[], $22::text[], $23::bigint[], $24::bigint[], $25::bigint[],
        $26::bigint[], $27::bigint[], $28::bigint[], $42::timestamptz[])
        AS u (order_id, n, item_id, name, quantity, unit, unit_price, gross, discount, net, tax, total, placed_at)
    WHERE t.id = $1
), taxed AS (
    INSERT INTO sales.line_tax (tenant_id, order_id, n, line_n, tax_id, base, amount)
    SELECT t.id, u.order_id, u.n, u.line_n, u.tax_id, u.base, u.amount
    FROM db.tenant t, unnest($29::uuid[], $30::int[], $31::int[], $32::uuid[], $33::bigint[], $34::bigint[]) AS u (order_id, n, line_n, tax_id, base, amount)
    WHERE t.id = $1
), paid AS (
    INSERT INTO sales.payment (tenant_id, id, method, amount, currency, paid_at, day, document_id, n, site_id)
    SELECT t.id, u.id, u.method, u.amount, $3, u.paid_at, u.day, u.document_id, u.n, $2
    FROM db.tenant t, unnest($35::uuid[], $36::text[], $37::bigint[], $38::timestamptz[], $39::date[], $43::uuid[], $44::int[])
        AS u (id, method, amount, paid_at, day, document_id, n)
    WHERE t.id = $1
)
INSERT INTO sales.allocation (tenant_id, payment_id, n, order_id, amount)
SELECT t.id, u.id, 1, u.order_id, u.amount FROM db.tenant t, unnest($35::uuid[], $40::uuid[], $37::bigint[]) AS u (id, order_id, amount) WHERE t.id = $1
