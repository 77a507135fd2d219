-- An entry's business is looked up once with its head, not once for each entry while a sale holds its rows and again when it is
-- numbered: a business that has an entry has a head, and the head its business.
ALTER TABLE db.log_inbox DROP CONSTRAINT log_inbox_tenant_id_fkey;
ALTER TABLE db.log DROP CONSTRAINT log_tenant_id_fkey;
