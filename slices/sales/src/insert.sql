-- One order with its lines, taxes, payments and allocations.
WITH placed AS (
    INSERT INTO sales.orders (tenant_id, id, kind, state, site_id, seller_id, device_id, customer_id, channel, placed_at, day, hour, currency,
        gross, discount, net, tax, total, rounding, prices_include_tax, refund_of, note, lines, owed)
    SELECT t.id, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12::smallint, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, cardinality($23::uuid[]), $46
    FROM db.tenant t WHERE t.id = $1
), lined AS (
    INSERT INTO sales.order_line (tenant_id, order_id, n, item_id, name, quantity, entered_quantity, unit, numerator, denominator, unit_price, parent_n,
        gross, discount, net, tax, total, refund_of_n, placed_at)
    SELECT t.id, $2, u.n, u.item_id, u.name, u.quantity, u.entered, u.unit, u.numerator, u.denominator, u.unit_price, u.parent_n,
        u.gross, u.discount, u.net, u.tax, u.total, u.refund_of_n, $10
    FROM db.tenant t, unnest($23::uuid[], $24::text[], $25::bigint[], $26::bigint[], $27::text[], $28::bigint[], $29::bigint[], $30::bigint[], $31::int[],
        $32::bigint[], $33::bigint[], $34::bigint[], $35::bigint[], $36::bigint[], $37::int[]) WITH ORDINALITY
        AS u (item_id, name, quantity, entered, unit, numerator, denominator, unit_price, parent_n, gross, discount, net, tax, total, refund_of_n, n)
    WHERE t.id = $1
), taxed AS (
    INSERT INTO sales.line_tax (tenant_id, order_id, n, line_n, tax_id, base, amount)
    SELECT t.id, $2, u.n, u.line_n, u.tax_id, u.base, u.amount
    FROM db.tenant t, unnest($38::int[], $39::uuid[], $40::bigint[], $41::bigint[]) WITH ORDINALITY AS u (line_n, tax_id, base, amount, n)
    WHERE t.id = $1
), paid AS (
    INSERT INTO sales.payment (tenant_id, id, method, amount, currency, reference, paid_at, day, document_id, n, site_id, customer_id, taken_by, device_id)
    SELECT t.id, u.id, u.method, u.amount, $13, u.reference, $10, $11, $2, u.n, $5, $8, $6, $7
    FROM db.tenant t, unnest($42::uuid[], $43::text[], $44::bigint[], $45::text[]) WITH ORDINALITY AS u (id, method, amount, reference, n)
    WHERE t.id = $1
)
INSERT INTO sales.allocation (tenant_id, payment_id, n, order_id, amount)
SELECT t.id, u.id, 1, $2, u.amount FROM db.tenant t, unnest($42::uuid[], $44::bigint[]) AS u (id, amount) WHERE t.id = $1
