-- Several price lists: each may be taken out of use, and is changed by its version.
ALTER TABLE catalog.price_list
    ADD COLUMN active boolean NOT NULL DEFAULT true,
    ADD COLUMN version int NOT NULL DEFAULT 1,
    ADD CONSTRAINT price_list_position_check CHECK (position BETWEEN 0 AND 10000);
CREATE INDEX price_list_position ON catalog.price_list (tenant_id, position, id);
CREATE INDEX price_of_list ON catalog.price (tenant_id, list_id, item_id);

-- The list that was chosen for a site; the others sell by the first list of their currency.
CREATE TABLE catalog.site_price_list (
    tenant_id uuid NOT NULL,
    site_id uuid NOT NULL,
    list_id uuid NOT NULL,
    PRIMARY KEY (tenant_id, site_id),
    FOREIGN KEY (tenant_id, site_id) REFERENCES identity.site (tenant_id, id),
    FOREIGN KEY (tenant_id, list_id) REFERENCES catalog.price_list (tenant_id, id)
);
SELECT db.tenant_table('catalog.site_price_list');

-- By which list each site sells: the chosen one, else the first in use of the site's currency. A site whose currency has no
-- list has no row.
CREATE VIEW catalog.list_of_site WITH (security_invoker = true) AS
    SELECT s.tenant_id, s.id AS site_id, l.id AS list_id, l.name, l.includes_tax, l.chosen
    FROM identity.site s
    CROSS JOIN LATERAL (
        SELECT d.id, d.name, d.includes_tax, c.list_id IS NOT NULL AS chosen
        FROM catalog.price_list d
        LEFT JOIN catalog.site_price_list c ON c.tenant_id = s.tenant_id AND c.site_id = s.id AND c.list_id = d.id
        WHERE d.tenant_id = s.tenant_id AND d.currency = s.currency AND d.active
        ORDER BY c.list_id IS NULL, d.position, d.id LIMIT 1
    ) l;
GRANT SELECT ON catalog.list_of_site TO hearth_app, hearth_system;

-- The usual list of each business: the first in use of its own currency.
CREATE VIEW catalog.usual_list WITH (security_invoker = true) AS
    SELECT t.id AS tenant_id, l.id, l.name, l.currency, l.includes_tax
    FROM db.tenant t
    CROSS JOIN LATERAL (
        SELECT d.id, d.name, d.currency, d.includes_tax FROM catalog.price_list d
        WHERE d.tenant_id = t.id AND d.currency = t.currency AND d.active ORDER BY d.position, d.id LIMIT 1
    ) l;
GRANT SELECT ON catalog.usual_list TO hearth_app, hearth_system;
