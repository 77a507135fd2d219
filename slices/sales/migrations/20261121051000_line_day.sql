-- A line's business day stands beside it, so that the orders of a period with an item are found by the item.
ALTER TABLE sales.order_line ADD COLUMN day date;
ALTER TABLE sales.orders NO FORCE ROW LEVEL SECURITY;
ALTER TABLE sales.order_line NO FORCE ROW LEVEL SECURITY;
UPDATE sales.order_line l SET day = o.day FROM sales.orders o WHERE o.tenant_id = l.tenant_id AND o.id = l.order_id;
ALTER TABLE sales.orders FORCE ROW LEVEL SECURITY;
ALTER TABLE sales.order_line FORCE ROW LEVEL SECURITY;
ALTER TABLE sales.order_line ALTER COLUMN day SET NOT NULL;
DROP INDEX sales.order_line_item;
CREATE INDEX order_line_item ON sales.order_line (tenant_id, item_id, day, order_id);
