-- A closing on its way: what was being posted when it was announced ends before it, and what begins later is refused already.
ALTER TABLE db.tenant
    -- No posting on or before this day while the closing is on its way.
    ADD COLUMN closing_through date,
    -- Which closing announced it, and when: one that was left behind may be taken over, and then closes nothing itself.
    ADD COLUMN closing_id uuid,
    ADD COLUMN closing_at timestamptz,
    ADD CONSTRAINT tenant_closing CHECK (num_nonnulls(closing_through, closing_id, closing_at) IN (0, 3));
GRANT UPDATE (closing_through, closing_id, closing_at) ON db.tenant TO hearth_app;
