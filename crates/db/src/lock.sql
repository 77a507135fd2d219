-- Locks the hot rows in the order of their keys and reads what they are worth; and which days are closed or about to be, and
-- what is being sealed. Its lock on the table, taken before anything is read, tells who is posting (see Db::postings_ended).
SELECT greatest(t.closed_through, t.closing_through) AS closed_through, t.sealing_through, t.sealing_until, w.site_id AS "site_id?", w.item_id AS "item_id?", w.quantity AS "quantity?", w.value AS "value?"
FROM db.tenant t LEFT JOIN LATERAL (
    SELECT w.site_id, w.item_id, w.quantity, w.value
    FROM stock.worth w JOIN unnest($2::uuid[], $3::uuid[]) AS k (site_id, item_id) ON k.site_id = w.site_id AND k.item_id = w.item_id
    WHERE w.tenant_id = $1 ORDER BY w.site_id, w.item_id FOR UPDATE OF w) w ON true
WHERE t.id = $1
