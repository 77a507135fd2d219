-- The list by which a customer buys where its currency is the site's; the others buy by the site's.
ALTER TABLE sales.customer ADD COLUMN price_list_id uuid;
ALTER TABLE sales.customer
    ADD CONSTRAINT customer_price_list_fkey FOREIGN KEY (tenant_id, price_list_id) REFERENCES catalog.price_list (tenant_id, id);
