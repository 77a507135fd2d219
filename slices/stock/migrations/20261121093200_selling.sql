-- A site that nothing is sold from can't trade. Sites that were added before each site got its shop get it here; where a
-- location of that name is there already, it becomes the one that sells.
ALTER TABLE stock.location NO FORCE ROW LEVEL SECURITY;
ALTER TABLE identity.site NO FORCE ROW LEVEL SECURITY;
INSERT INTO stock.location (tenant_id, id, site_id, name, kind, sells)
SELECT s.tenant_id, gen_random_uuid(), s.id, 'Shop', 'shop', true FROM identity.site s
WHERE NOT EXISTS (SELECT 1 FROM stock.location l WHERE l.tenant_id = s.tenant_id AND l.site_id = s.id AND l.sells)
ON CONFLICT (tenant_id, site_id, name) DO UPDATE SET sells = true;
ALTER TABLE stock.location FORCE ROW LEVEL SECURITY;
ALTER TABLE identity.site FORCE ROW LEVEL SECURITY;
