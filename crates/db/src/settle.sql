-- Everything that a business transaction with postings leaves, in one statement. Rows that others wait for come from
-- arrays in the order of their keys; the rows that fall were locked by the statement before this one.
WITH worth_up AS (
    INSERT INTO stock.worth AS w (tenant_id, site_id, item_id, quantity, value, currency)
    SELECT t.id, u.site_id, u.item_id, u.quantity, u.value, u.currency
    FROM db.tenant t, unnest($26::uuid[], $27::uuid[], $28::bigint[], $29::bigint[], $30::text[]) AS u (site_id, item_id, quantity, value, currency)
    WHERE t.id = $1
    ON CONFLICT (tenant_id, site_id, item_id) DO UPDATE SET quantity = w.quantity + excluded.quantity, value = w.value + excluded.value
), worth_down AS (
    UPDATE stock.worth w SET quantity = w.quantity + u.quantity, value = w.value + u.value
    FROM unnest($31::uuid[], $32::uuid[], $33::bigint[], $34::bigint[]) AS u (site_id, item_id, quantity, value)
    WHERE w.tenant_id = $1 AND w.site_id = u.site_id AND w.item_id = u.item_id
    RETURNING 1
), hand_up AS (
    INSERT INTO stock.on_hand AS h (tenant_id, location_id, item_id, lot_id, quantity)
    SELECT t.id, u.location_id, u.item_id, u.lot_id, u.quantity
    FROM db.tenant t, unnest($35::uuid[], $36::uuid[], $37::uuid[], $38::bigint[]) AS u (location_id, item_id, lot_id, quantity)
    WHERE t.id = $1
    ON CONFLICT (tenant_id, location_id, item_id, lot_id) DO UPDATE SET quantity = h.quantity + excluded.quantity
), hand_down AS (
    UPDATE stock.on_hand h SET quantity = h.quantity + u.quantity
    FROM unnest($39::uuid[], $40::uuid[], $41::uuid[], $42::bigint[]) AS u (location_id, item_id, lot_id, quantity)
    WHERE h.tenant_id = $1 AND h.location_id = u.location_id AND h.item_id = u.item_id AND h.lot_id = u.lot_id
    RETURNING 1
), moved AS (
    INSERT INTO stock.movement (tenant_id, id, item_id, site_id, location_id, lot_id, quantity, value, currency, cause,
        document_kind, document_id, document_line, effective_at, day, corrects)
    SELECT t.id, u.id, u.item_id, u.site_id, u.location_id, u.lot_id, u.quantity, u.value, u.currency, u.cause,
        u.document_kind, u.document_id, u.document_line, u.effective_at, u.day, u.corrects
    FROM db.tenant t, unnest($43::uuid[], $44::uuid[], $45::uuid[], $46::uuid[], $47::uuid[], $48::bigint[], $49::bigint[], $50::text[], $51::text[],
        $52::text[], $53::uuid[], $54::int[], $55::timestamptz[], $56::date[], $57::uuid[])
        AS u (id, item_id, site_id, location_id, lot_id, quantity, value, currency, cause, document_kind, document_id, document_line, effective_at, day, corrects)
    WHERE t.id = $1
), booked AS (
    INSERT INTO ledger.transfer (tenant_id, id, debit_id, credit_id, amount, currency, document_kind, document_id, document_line, effective_at, day)
    SELECT t.id, u.id, u.debit_id, u.credit_id, u.amount, u.currency, u.document_kind, u.document_id, u.document_line, u.effective_at, u.day
    FROM db.tenant t, unnest($58::uuid[], $59::uuid[], $60::uuid[], $61::bigint[], $62::text[], $63::text[], $64::uuid[], $65::int[], $66::timestamptz[], $67::date[])
        AS u (id, debit_id, credit_id, amount, currency, document_kind, document_id, document_line, effective_at, day)
    WHERE t.id = $1
), marked AS (
    INSERT INTO db.dirty_day (tenant_id, id, day, at)
    SELECT t.id, u.id, u.day, u.at FROM db.tenant t, unnest($68::uuid[], $69::date[], $70::timestamptz[]) AS u (id, day, at) WHERE t.id = $1
),
logged AS (
    INSERT INTO db.log_inbox (tenant_id, id, at, actor_kind, actor_id, actor_name, request_id, address, action, kind, target_id, before, after, reason)
    SELECT t.id, u.id, $2, $4, $5, $6, $3, $7, u.action, u.kind, u.target_id, u.before, u.after, u.reason
    FROM db.tenant t, unnest($8::uuid[], $9::text[], $10::text[], $11::uuid[], $12::jsonb[], $13::jsonb[], $14::text[])
        AS u (id, action, kind, target_id, before, after, reason)
    WHERE t.id = $1
), queued AS (
    INSERT INTO db.job (tenant_id, id, name, payload, state, run_at, account_id, actor_kind, actor_name, created_at)
    SELECT t.id, u.id, u.name, u.payload, 'queued', u.run_at, $5, $4, $6, $2
    FROM db.tenant t, unnest($15::uuid[], $16::text[], $17::jsonb[], $18::timestamptz[]) AS u (id, name, payload, run_at)
    WHERE t.id = $1
), counted AS (
    INSERT INTO db.series AS s (tenant_id, series, year, next)
    SELECT t.id, $19::text, $20::int, 2 FROM db.tenant t WHERE t.id = $1 AND $19::text IS NOT NULL
    ON CONFLICT (tenant_id, series, year) DO UPDATE SET next = s.next + 1
    RETURNING series, year, next - 1 AS n
), numbered AS (
    INSERT INTO db.number (tenant_id, document_id, kind, series, year, n, number)
    SELECT t.id, $21::uuid, $22::text, c.series, c.year, c.n, c.series || '-' || c.year || '-' || lpad(c.n::text, 6, '0')
    FROM db.tenant t, counted c WHERE t.id = $1
    RETURNING number
), intended AS (
    INSERT INTO db.intent (tenant_id, id, digest, answer, at)
    SELECT t.id, $23::uuid, $24::bytea,
        CASE WHEN jsonb_typeof($25::jsonb) = 'object' AND n.number IS NOT NULL THEN $25::jsonb || jsonb_build_object('number', n.number) ELSE $25::jsonb END, $2
    FROM db.tenant t LEFT JOIN numbered n ON true WHERE t.id = $1 AND $23::uuid IS NOT NULL
)
SELECT (SELECT number FROM numbered) AS number,
    (SELECT count(*) FROM worth_down) AS "worth_down!",
    (SELECT count(*) FROM hand_down) AS "hand_down!"
