-- Customers in the order in which they came: the list by time reads a page of them and sorts nothing.
CREATE INDEX customer_created ON sales.customer (tenant_id, created_at, id);
