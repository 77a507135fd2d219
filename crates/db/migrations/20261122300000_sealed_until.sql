-- Totals are kept not only of whole days: of a day that still runs, of what happened before a moment that moves on every quarter
-- of an hour. So whoever reads a busy day adds the lines of the last minutes, not those since the morning.
ALTER TABLE db.tenant
    -- Totals of what happened before are kept, or about to be: a posting of before marks its day (see db.dirty_day).
    ADD COLUMN sealing_until timestamptz,
    -- Totals of what happened before are kept.
    ADD COLUMN sealed_until timestamptz;

-- When what was posted happened. A mark of what no kept total holds yet (a sale of nothing, which no transfer tells of) only
-- reminds the sealer of its day.
ALTER TABLE db.dirty_day ADD COLUMN at timestamptz NOT NULL DEFAULT '-infinity';

-- Days whose kept totals are not to be used.
CREATE VIEW db.spoiled_day WITH (security_invoker = true) AS
    SELECT DISTINCT d.tenant_id, d.day FROM db.dirty_day d JOIN db.tenant t ON t.id = d.tenant_id
    WHERE d.day <= t.sealed_through OR d.at < t.sealed_until;
GRANT SELECT ON db.spoiled_day TO hearth_app, hearth_system;
