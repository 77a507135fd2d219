-- What most commands leave: log entries, jobs, a number, an intent. The same statement as settle.sql without postings.
WITH
logged AS (
    INSERT INTO db.log_inbox (tenant_id, id, at, actor_kind, actor_id, actor_name, request_id, address, action, kind, target_id, before, after, reason)
    SELECT t.id, u.id, $2, $4, $5, $6, $3, $7, u.action, u.kind, u.target_id, u.before, u.after, u.reason
    FROM db.tenant t, unnest($8::uuid[], $9::text[], $10::text[], $11::uuid[], $12::jsonb[], $13::jsonb[], $14::text[])
        AS u (id, action, kind, target_id, before, after, reason)
    WHERE t.id = $1
), queued AS (
    INSERT INTO db.job (tenant_id, id, name, payload, state, run_at, account_id, actor_kind, actor_name, created_at)
    SELECT t.id, u.id, u.name, u.payload, 'queued', u.run_at, $5, $4, $6, $2
    FROM db.tenant t, unnest($15::uuid[], $16::text[], $17::jsonb[], $18::timestamptz[]) AS u (id, name, payload, run_at)
    WHERE t.id = $1
), counted AS (
    INSERT INTO db.series AS s (tenant_id, series, year, next)
    SELECT t.id, $19::text, $20::int, 2 FROM db.tenant t WHERE t.id = $1 AND $19::text IS NOT NULL
    ON CONFLICT (tenant_id, series, year) DO UPDATE SET next = s.next + 1
    RETURNING series, year, next - 1 AS n
), numbered AS (
    INSERT INTO db.number (tenant_id, document_id, kind, series, year, n, number)
    SELECT t.id, $21::uuid, $22::text, c.series, c.year, c.n, c.series || '-' || c.year || '-' || lpad(c.n::text, 6, '0')
    FROM db.tenant t, counted c WHERE t.id = $1
    RETURNING number
), intended AS (
    INSERT INTO db.intent (tenant_id, id, digest, answer, at)
    SELECT t.id, $23::uuid, $24::bytea,
        CASE WHEN jsonb_typeof($25::jsonb) = 'object' AND n.number IS NOT NULL THEN $25::jsonb || jsonb_build_object('number', n.number) ELSE $25::jsonb END, $2
    FROM db.tenant t LEFT JOIN numbered n ON true WHERE t.id = $1 AND $23::uuid IS NOT NULL
)
SELECT (SELECT number FROM numbered) AS number
