-- A payment is a document: it has a number, it is found, and it opens. And what is on account can be paid later.
ALTER TABLE sales.payment
    -- The document whose number it follows: the order that it was taken with; of a past without numbers, the import that brought
    -- it. None for what was received later: that has a number of its own, as every document that is made by itself.
    ADD COLUMN document_id uuid,
    -- Which one of that document: S-2026-000123/1.
    ADD COLUMN n int,
    -- Where, from or to whom, by whom and on which device: as its order says. The order's references hold for both, so that a sale
    -- is checked once.
    ADD COLUMN site_id uuid,
    ADD COLUMN customer_id uuid,
    ADD COLUMN taken_by uuid,
    ADD COLUMN device_id uuid;

-- What is still owed of it on account.
ALTER TABLE sales.orders ADD COLUMN owed bigint NOT NULL DEFAULT 0;

-- The owner sees no business's rows, except here, where all of them get what they are to say.
ALTER TABLE sales.orders NO FORCE ROW LEVEL SECURITY;
ALTER TABLE sales.payment NO FORCE ROW LEVEL SECURITY;
ALTER TABLE sales.allocation NO FORCE ROW LEVEL SECURITY;

-- The payments of an order are counted in the order of their ids. Of a past each order was paid once: what its ticket sold is its
-- first payment, what it gave back its second; and where tickets have no number, orders are counted over the whole import.
UPDATE sales.payment p
SET document_id = w.document_id, n = w.n, site_id = w.site_id, customer_id = w.customer_id, taken_by = w.seller_id, device_id = w.device_id
FROM (
    SELECT a.tenant_id, a.payment_id, o.site_id, o.customer_id, o.seller_id, o.device_id,
        CASE WHEN o.import_id IS NOT NULL AND o.external_number IS NULL THEN o.import_id ELSE o.id END AS document_id,
        CASE WHEN o.import_id IS NULL THEN row_number() OVER (PARTITION BY a.tenant_id, o.id ORDER BY a.payment_id)
            WHEN o.external_number IS NULL THEN row_number() OVER (PARTITION BY a.tenant_id, o.import_id, o.external_number IS NULL ORDER BY o.placed_at, o.id)
            WHEN o.kind = 'refund' THEN 2 ELSE 1 END AS n
    FROM sales.allocation a JOIN sales.orders o ON o.tenant_id = a.tenant_id AND o.id = a.order_id
) w
WHERE w.tenant_id = p.tenant_id AND w.payment_id = p.id;

-- What was put on account, less what was taken off it again: until now nothing of it could be paid.
UPDATE sales.orders o SET owed = greatest(w.owed, 0)
FROM (
    SELECT a.tenant_id, coalesce(b.refund_of, b.id) AS order_id, sum(a.amount)::bigint AS owed
    FROM sales.payment p
    JOIN sales.allocation a ON a.tenant_id = p.tenant_id AND a.payment_id = p.id
    JOIN sales.orders b ON b.tenant_id = a.tenant_id AND b.id = a.order_id
    WHERE p.method = 'on_account' GROUP BY 1, 2
) w
WHERE w.tenant_id = o.tenant_id AND w.order_id = o.id AND w.owed > 0;

ALTER TABLE sales.orders FORCE ROW LEVEL SECURITY;
ALTER TABLE sales.payment FORCE ROW LEVEL SECURITY;
ALTER TABLE sales.allocation FORCE ROW LEVEL SECURITY;

ALTER TABLE sales.orders ADD CONSTRAINT orders_owed_check CHECK (owed >= 0);
ALTER TABLE sales.payment ALTER COLUMN site_id SET NOT NULL, ADD CONSTRAINT payment_number_whole CHECK ((document_id IS NULL) = (n IS NULL));
CREATE UNIQUE INDEX payment_number ON sales.payment (tenant_id, document_id, n) WHERE document_id IS NOT NULL;
CREATE INDEX payment_paid ON sales.payment (tenant_id, paid_at, id);
CREATE INDEX payment_customer ON sales.payment (tenant_id, customer_id, paid_at, id) WHERE customer_id IS NOT NULL;
-- The open accounts: few rows of many, oldest first.
CREATE INDEX orders_owed ON sales.orders (tenant_id, placed_at, id) WHERE owed > 0;
CREATE INDEX orders_owed_customer ON sales.orders (tenant_id, customer_id, placed_at, id) WHERE owed > 0;

-- Payments as people call them: by a number of their own; or by their document's (of a past order the one that its till gave it) and
-- which one of it they are.
CREATE VIEW sales.payment_called WITH (security_invoker = true) AS
    SELECT p.tenant_id, p.id, coalesce(d.number, o.external_number) || coalesce('/' || p.n, '') AS number
    FROM sales.payment p
    -- A coalesce may not look into an index past row security, a case may.
    LEFT JOIN db.number d ON d.tenant_id = p.tenant_id AND d.document_id = CASE WHEN p.document_id IS NULL THEN p.id ELSE p.document_id END
    LEFT JOIN sales.orders o ON o.tenant_id = p.tenant_id AND o.id = p.document_id;
GRANT SELECT ON sales.payment_called TO hearth_app, hearth_system;

-- The payments that are called so: one of that number, or all of the order of that number. (An import's are too many to be one answer.)
CREATE FUNCTION sales.payments_called(tenant uuid, called text) RETURNS SETOF uuid LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT d.document_id FROM db.number d WHERE d.tenant_id = tenant AND d.number COLLATE "C" = upper(called) AND d.kind = 'payment'
    UNION ALL
    SELECT p.id FROM db.number d JOIN sales.payment p ON p.tenant_id = d.tenant_id AND p.document_id = d.document_id
    WHERE d.tenant_id = tenant AND d.number COLLATE "C" = upper(called) AND d.kind = 'order'
    UNION ALL
    SELECT p.id FROM db.number d JOIN sales.payment p ON p.tenant_id = d.tenant_id AND p.document_id = d.document_id
    WHERE d.tenant_id = tenant AND d.number COLLATE "C" = upper(regexp_replace(called, '/\d+$', '')) AND p.n = substring(called FROM '/(\d{1,9})$')::int
    UNION ALL
    SELECT p.id FROM sales.orders o JOIN sales.payment p ON p.tenant_id = o.tenant_id AND p.document_id = o.id
    WHERE o.tenant_id = tenant AND o.import_id IS NOT NULL AND o.external_number = called
    UNION ALL
    SELECT p.id FROM sales.orders o JOIN sales.payment p ON p.tenant_id = o.tenant_id AND p.document_id = o.id
    WHERE o.tenant_id = tenant AND o.import_id IS NOT NULL AND o.external_number = regexp_replace(called, '/\d+$', '')
        AND p.n = substring(called FROM '/(\d{1,9})$')::int;
END;
GRANT EXECUTE ON FUNCTION sales.payments_called(uuid, text) TO hearth_app, hearth_system;
