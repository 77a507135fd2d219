-- Totals by item of months: a report of a year reads twelve of them instead of every day. A row is the sum of the kept days of its
-- month, written with them, whether the month is over or not.
CREATE TABLE reports.month_item (
    tenant_id uuid NOT NULL REFERENCES db.tenant (id),
    -- Its first day.
    month date NOT NULL CHECK (extract(day FROM month) = 1),
    site_id uuid NOT NULL,
    item_id uuid NOT NULL,
    lines bigint NOT NULL,
    -- Millionths of the item's base unit.
    quantity bigint NOT NULL,
    -- Minor units of the site's currency.
    net bigint NOT NULL,
    tax bigint NOT NULL,
    total bigint NOT NULL,
    cost bigint NOT NULL,
    PRIMARY KEY (tenant_id, month, site_id, item_id)
);

-- The owner sees no business's rows, except here, where the months of all of them are summed.
ALTER TABLE reports.day_item NO FORCE ROW LEVEL SECURITY;
INSERT INTO reports.month_item (tenant_id, month, site_id, item_id, lines, quantity, net, tax, total, cost)
SELECT k.tenant_id, date_trunc('month', k.day::timestamp)::date, k.site_id, k.item_id, sum(k.lines), sum(k.quantity), sum(k.net), sum(k.tax), sum(k.total), sum(k.cost)
FROM reports.day_item k GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4;
ALTER TABLE reports.day_item FORCE ROW LEVEL SECURITY;

SELECT db.tenant_table('reports.month_item');
