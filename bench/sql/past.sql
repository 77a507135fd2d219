-- A past of so many orders, as sales rung one by one would have left it: orders, lines, taxes, payments, allocations, what was
-- made and sold, bookings, numbers, the log. Everything comes from the number of the order and of the line, so two runs make
-- the same. `hearth check` proves it afterwards. Placeholders: {tenant} {site} {location} {seller} {tax} {orders} {days} {items}
-- {price} {cost} {zone}.
SET session_replication_role = replica;
SET timezone = '{zone}';
SET work_mem = '256MB';
SET synchronous_commit = off;

CREATE SCHEMA bench;

-- A version 7 UUID of a moment, unique by kind and number.
CREATE FUNCTION bench.id(at timestamptz, kind int, n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
    (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7' || lpad(to_hex(kind), 3, '0') || '8' || lpad(to_hex(n), 15, '0'))::uuid;

-- The same spread every time.
CREATE FUNCTION bench.spread(n bigint, of int) RETURNS int LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
    ((hashint8(n)::bigint + 2147483648) % of)::int;

-- The account of a code.
CREATE FUNCTION bench.book(code int) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
    ('00000000-0000-7000-8000-' || lpad(to_hex(code), 12, '0'))::uuid;

-- Orders: evenly over the days up to today, from 7 to 17 o'clock, one to four lines each.
CREATE UNLOGGED TABLE bench.o AS
SELECT k, at, at::date AS day, extract(hour FROM at)::smallint AS hour, bench.id(at, 1, k) AS id, 1 + bench.spread(k, 4) AS lines,
    CASE WHEN bench.spread(k, 3) = 0 THEN 'cash' ELSE 'card' END AS method
FROM (
    SELECT k, (current_date - {days}::int + 1 + (k * {days} / {orders})::int)::timestamp + interval '7 hours'
        + (k * {days} % {orders}) * interval '11 hours' / {orders} AS at
    FROM generate_series(0, {orders}::bigint - 1) k
) g;
ALTER TABLE bench.o ALTER COLUMN at TYPE timestamptz;

-- Lines: one or two of an item; the few sell much, the many little.
CREATE UNLOGGED TABLE bench.l AS
SELECT o.k, o.id, o.at, o.day, n, o.k * 8 + n AS line,
    ('01900000-0000-7000-8000-' || lpad(to_hex(1 + bench.spread(o.k * 8 + n, {items}) * bench.spread(o.k * 16 + n, {items}) / {items}), 12, '0'))::uuid AS item_id,
    1 + bench.spread(o.k * 32 + n, 2) AS pieces
FROM bench.o o, generate_series(1, o.lines) n;

CREATE UNLOGGED TABLE bench.s AS SELECT k, sum(pieces)::bigint AS pieces FROM bench.l GROUP BY k;
CREATE UNIQUE INDEX ON bench.s (k);
ANALYZE bench.o, bench.l, bench.s;

INSERT INTO sales.orders (tenant_id, id, kind, state, site_id, seller_id, channel, placed_at, day, hour, currency, gross, discount, net, tax, total,
    rounding, prices_include_tax, lines)
SELECT '{tenant}', o.id, 'sale', 'paid', '{site}', '{seller}', 'counter', o.at, o.day, o.hour, 'GBP', s.pieces * {price}, 0, s.pieces * {price} * 5 / 6,
    s.pieces * {price} / 6, s.pieces * {price}, 0, true, o.lines
FROM bench.o o JOIN bench.s s USING (k) ORDER BY o.k;

INSERT INTO sales.order_line (tenant_id, order_id, n, item_id, name, quantity, entered_quantity, unit, numerator, denominator, unit_price, gross,
    discount, net, tax, total, placed_at)
SELECT '{tenant}', id, n, item_id, 'Item of the past', pieces * 1000000, pieces * 1000000, 'pc', 1, 1, {price}, pieces * {price}, 0,
    pieces * {price} * 5 / 6, pieces * {price} / 6, pieces * {price}, at
FROM bench.l ORDER BY line;

INSERT INTO sales.line_tax (tenant_id, order_id, n, line_n, tax_id, base, amount)
SELECT '{tenant}', id, n, n, '{tax}', pieces * {price} * 5 / 6, pieces * {price} / 6 FROM bench.l ORDER BY line;

INSERT INTO sales.payment (tenant_id, id, method, amount, currency, paid_at, day, document_id, n, site_id, taken_by)
SELECT '{tenant}', bench.id(o.at, 2, o.k), o.method, s.pieces * {price}, 'GBP', o.at, o.day, o.id, 1, '{site}', '{seller}' FROM bench.o o JOIN bench.s s USING (k) ORDER BY o.k;

INSERT INTO sales.allocation (tenant_id, payment_id, n, order_id, amount)
SELECT '{tenant}', bench.id(o.at, 2, o.k), 1, o.id, s.pieces * {price} FROM bench.o o JOIN bench.s s USING (k) ORDER BY o.k;

-- Made and sold at once, at standard cost.
INSERT INTO stock.movement (tenant_id, id, item_id, site_id, location_id, quantity, value, currency, cause, document_kind, document_id, document_line,
    effective_at, day)
SELECT '{tenant}', bench.id(l.at, 3, l.line * 2 + v.n), l.item_id, '{site}', '{location}', v.sign * l.pieces * 1000000, v.sign * l.pieces * {cost}, 'GBP', v.cause,
    'order', l.id, l.n, l.at, l.day
FROM bench.l l, (VALUES (0, 1, 'made'), (1, -1, 'sold')) v (n, sign, cause) ORDER BY l.line, v.n;

INSERT INTO ledger.transfer (tenant_id, id, debit_id, credit_id, amount, currency, document_kind, document_id, document_line, effective_at, day)
SELECT '{tenant}', bench.id(o.at, 4, o.k * 8 + v.n), bench.book(CASE WHEN v.n = 5 AND o.method = 'card' THEN 1010 ELSE v.debit END), bench.book(v.credit), CASE v.n
        WHEN 3 THEN s.pieces * {price} * 5 / 6 WHEN 4 THEN s.pieces * {price} / 6 WHEN 5 THEN s.pieces * {price} ELSE s.pieces * {cost} END,
    'GBP', 'order', o.id, 0, o.at, o.day
FROM bench.o o JOIN bench.s s USING (k), (VALUES (1, 1200, 5100), (2, 5000, 1200), (3, 1100, 4000), (4, 1100, 2100), (5, 1000, 1100)) v (n, debit, credit)
ORDER BY o.k, v.n;

-- Numbers without gaps by year, and the log after what stands in it.
CREATE UNLOGGED TABLE bench.n AS SELECT id, extract(year FROM day)::int AS year, row_number() OVER (PARTITION BY extract(year FROM day) ORDER BY k) AS n FROM bench.o;
INSERT INTO db.number (tenant_id, document_id, kind, series, year, n, number)
SELECT '{tenant}', id, 'order', 'S', year, n, 'S-' || year || '-' || lpad(n::text, 6, '0') FROM bench.n;
INSERT INTO db.series (tenant_id, series, year, next) SELECT '{tenant}', 'S', year, max(n) + 1 FROM bench.n GROUP BY year;

WITH head AS (SELECT n FROM db.log_head WHERE tenant_id = '{tenant}' FOR UPDATE), logged AS (
    INSERT INTO db.log (tenant_id, n, id, at, actor_kind, actor_id, request_id, address, action, kind, target_id, after)
    SELECT '{tenant}', h.n + 1 + o.k, bench.id(o.at, 5, o.k), o.at, 'account', '{seller}', bench.id(o.at, 6, o.k), '127.0.0.1', 'order.paid', 'order', o.id,
        jsonb_build_object('lines', o.lines, 'day', o.day, 'total', jsonb_build_object('minor', s.pieces * {price}, 'currency', 'GBP'))
    FROM head h, bench.o o JOIN bench.s s USING (k) ORDER BY o.k
)
UPDATE db.log_head SET n = n + {orders} WHERE tenant_id = '{tenant}';

-- Days that are sealed already are marked, as every posting marks them.
INSERT INTO db.dirty_day (tenant_id, id, day, at)
SELECT t.id, bench.id(d.day, 7, 0), d.day, d.at FROM db.tenant t, (SELECT day, min(at) AS at FROM bench.o GROUP BY day) d
WHERE t.id = '{tenant}' AND (d.day <= t.sealing_through OR d.at < t.sealing_until);

-- As after an import.
ANALYZE sales.orders, sales.order_line, sales.line_tax, sales.payment, sales.allocation, stock.movement, ledger.transfer, db.number, db.log;

DROP SCHEMA bench CASCADE;
