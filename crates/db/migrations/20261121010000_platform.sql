-- The installation itself stands among the tenants: the log and the mails of the account plane are its own. It is no
-- business: it has no members, sells nothing, and its currency is none.
ALTER TABLE db.tenant NO FORCE ROW LEVEL SECURITY;
INSERT INTO db.tenant (id, name, slug, currency, time_zone, created_at)
VALUES ('00000000-0000-7000-8000-000000000001', 'Hearth', 'hearth', 'XXX', 'UTC', now());
ALTER TABLE db.tenant FORCE ROW LEVEL SECURITY;

-- A key for programs acts, too.
ALTER TABLE db.log_inbox DROP CONSTRAINT log_inbox_actor_kind_check;
ALTER TABLE db.log_inbox ADD CONSTRAINT log_inbox_actor_kind_check CHECK (actor_kind IN ('account', 'program', 'nobody', 'key'));
