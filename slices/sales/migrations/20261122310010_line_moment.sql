-- A line's moment stands beside it in place of its day: the orders with an item are then found newest first by the item alone, as
-- many as a page has.
DROP INDEX sales.order_line_item;
-- The owner sees no business's rows, except here, where all of them get their moment.
ALTER TABLE sales.orders NO FORCE ROW LEVEL SECURITY;
ALTER TABLE sales.order_line NO FORCE ROW LEVEL SECURITY;
ALTER TABLE sales.order_line ADD COLUMN placed_at timestamptz;
UPDATE sales.order_line l SET placed_at = o.placed_at FROM sales.orders o WHERE o.tenant_id = l.tenant_id AND o.id = l.order_id;
ALTER TABLE sales.orders FORCE ROW LEVEL SECURITY;
ALTER TABLE sales.order_line FORCE ROW LEVEL SECURITY;
ALTER TABLE sales.order_line ALTER COLUMN placed_at SET NOT NULL;
ALTER TABLE sales.order_line DROP COLUMN day;
CREATE INDEX order_line_item ON sales.order_line (tenant_id, item_id, placed_at, order_id);
ANALYZE sales.order_line;
