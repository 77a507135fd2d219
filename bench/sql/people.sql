-- Accounts of many businesses: every business with as many members, all with one password (whose hash is given), so that they
-- can sign in. Placeholders: {businesses} {members} {hash}.
SET session_replication_role = replica;
SET synchronous_commit = off;

INSERT INTO db.tenant (id, name, slug, currency, time_zone, created_at)
SELECT ('0190aaaa-0000-7000-8000-' || lpad(to_hex(b), 12, '0'))::uuid, 'Business ' || b, 'bench-people-' || b, 'GBP', 'Europe/London', now()
FROM generate_series(1, {businesses}) b ON CONFLICT DO NOTHING;

INSERT INTO identity.account (id, email, password_hash, verified_at, created_at)
SELECT ('0190bbbb-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'person-' || n || '@bench.example', '{hash}', now(), now() - n * interval '1 second'
FROM generate_series(1, {businesses} * {members}) n ON CONFLICT DO NOTHING;

INSERT INTO identity.member (tenant_id, account_id, email, name, roles, created_at)
SELECT ('0190aaaa-0000-7000-8000-' || lpad(to_hex(1 + (n - 1) / {members}), 12, '0'))::uuid,
    ('0190bbbb-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'person-' || n || '@bench.example', 'Person ' || n,
    ARRAY[CASE WHEN n % {members} = 1 THEN 'owner' ELSE 'seller' END], now()
FROM generate_series(1, {businesses} * {members}) n ON CONFLICT DO NOTHING;

UPDATE identity.account SET locked_at = now() WHERE id IN (SELECT id FROM identity.account ORDER BY id DESC LIMIT 100);
ANALYZE db.tenant, identity.account, identity.member;
