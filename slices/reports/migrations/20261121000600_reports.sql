-- Totals kept for sealed days. The tail that is not sealed is added from the lines when a report is read.
SELECT db.slice_schema('reports');

CREATE TABLE reports.day_item (
    tenant_id uuid NOT NULL REFERENCES db.tenant (id),
    day date NOT NULL,
    site_id uuid NOT NULL,
    item_id uuid NOT NULL,
    lines bigint NOT NULL,
    quantity bigint NOT NULL,
    net bigint NOT NULL,
    tax bigint NOT NULL,
    total bigint NOT NULL,
    cost bigint NOT NULL,
    PRIMARY KEY (tenant_id, day, site_id, item_id)
);
SELECT db.tenant_table('reports.day_item');

CREATE TABLE reports.day_hour (
    tenant_id uuid NOT NULL REFERENCES db.tenant (id),
    day date NOT NULL,
    site_id uuid NOT NULL,
    hour smallint NOT NULL,
    -- Orders that are sales; refunds are counted beside them.
    orders bigint NOT NULL,
    refunds bigint NOT NULL,
    lines bigint NOT NULL,
    net bigint NOT NULL,
    tax bigint NOT NULL,
    total bigint NOT NULL,
    cost bigint NOT NULL,
    PRIMARY KEY (tenant_id, day, site_id, hour)
);
SELECT db.tenant_table('reports.day_hour');
