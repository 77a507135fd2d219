//! What `hearth check` recomputes of stock from raw lines. Movements made and used up at once cancel out in every sum.

use db::Tx;
use futures::future::BoxFuture;
use kernel::{Quantity, Result, account};
use web::Finding;

/// Findings of one check, at most.
const MOST: i64 = 100;

/// On hand equals the sum of movements, per location, item and lot.
pub(crate) fn on_hand(tx: &mut Tx) -> BoxFuture<'_, Result<Vec<Finding>>> {
    Box::pin(async move {
        let tenant = tx.tenant().uuid();
        let rows = sqlx::query!(
            r#"SELECT item_id AS "item_id!", i.name, l.name AS location, coalesce(h.quantity, 0) AS "kept!", coalesce(m.quantity, 0) AS "raw!"
            FROM (SELECT location_id, item_id, lot_id, quantity FROM stock.on_hand WHERE tenant_id = $1) h
            FULL JOIN (SELECT location_id, item_id, coalesce(lot_id, '00000000-0000-0000-0000-000000000000') AS lot_id, sum(quantity)::bigint AS quantity
                FROM stock.movement WHERE tenant_id = $1 GROUP BY 1, 2, 3) m USING (location_id, item_id, lot_id)
            JOIN catalog.item i ON i.tenant_id = $1 AND i.id = item_id JOIN stock.location l ON l.tenant_id = $1 AND l.id = location_id
            WHERE coalesce(h.quantity, 0) <> coalesce(m.quantity, 0) ORDER BY i.name, l.name LIMIT $2"#,
            tenant,
            MOST
        )
        .fetch_all(tx.conn())
        .await?;
        let said = Quantity::from_micros;
        Ok(rows
            .into_iter()
            .map(|r| Finding {
                check: "stock.on_hand",
                kind: "item".into(),
                id: r.item_id,
                text: format!("{} at {}: kept on hand {}, its movements sum to {}", r.name, r.location, said(r.kept), said(r.raw)),
            })
            .collect())
    })
}

/// Quantity and value of an item at a site equal the sums of its movements, and nothing is worth anything where nothing is.
pub(crate) fn worth(tx: &mut Tx) -> BoxFuture<'_, Result<Vec<Finding>>> {
    Box::pin(async move {
        let tenant = tx.tenant().uuid();
        let rows = sqlx::query!(
            r#"SELECT item_id AS "item_id!", i.name, s.name AS site, coalesce(w.quantity, 0) AS "kept!", coalesce(w.value, 0) AS "kept_value!",
                coalesce(m.quantity, 0) AS "raw!", coalesce(m.value, 0) AS "raw_value!"
            FROM (SELECT site_id, item_id, quantity, value FROM stock.worth WHERE tenant_id = $1) w
            FULL JOIN (SELECT site_id, item_id, sum(quantity)::bigint AS quantity, sum(value)::bigint AS value
                FROM stock.movement WHERE tenant_id = $1 GROUP BY 1, 2) m USING (site_id, item_id)
            JOIN catalog.item i ON i.tenant_id = $1 AND i.id = item_id JOIN identity.site s ON s.tenant_id = $1 AND s.id = site_id
            WHERE coalesce(w.quantity, 0) <> coalesce(m.quantity, 0) OR coalesce(w.value, 0) <> coalesce(m.value, 0)
            OR (coalesce(w.quantity, 0) = 0 AND coalesce(w.value, 0) <> 0)
            ORDER BY i.name, s.name LIMIT $2"#,
            tenant,
            MOST
        )
        .fetch_all(tx.conn())
        .await?;
        let said = Quantity::from_micros;
        Ok(rows
            .into_iter()
            .map(|r| Finding {
                check: "stock.worth",
                kind: "item".into(),
                id: r.item_id,
                text: format!(
                    "{} at {}: kept {} worth {}, its movements sum to {} worth {} (minor units)",
                    r.name,
                    r.site,
                    said(r.kept),
                    r.kept_value,
                    said(r.raw),
                    r.raw_value
                ),
            })
            .collect())
    })
}

/// What all stock is worth equals the inventory account, per currency.
pub(crate) fn inventory(tx: &mut Tx) -> BoxFuture<'_, Result<Vec<Finding>>> {
    Box::pin(async move {
        let tenant = tx.tenant().uuid();
        let rows = sqlx::query!(
            r#"SELECT currency AS "currency!", coalesce(w.value, 0) AS "worth!", coalesce(a.value, 0) AS "booked!"
            FROM (SELECT currency, sum(value)::bigint AS value FROM stock.worth WHERE tenant_id = $1 GROUP BY currency) w
            FULL JOIN (SELECT currency, sum(debit - credit)::bigint AS value FROM ledger.line WHERE tenant_id = $1 AND book_id = $2 GROUP BY currency) a
                USING (currency)
            WHERE coalesce(w.value, 0) <> coalesce(a.value, 0) ORDER BY currency LIMIT $3"#,
            tenant,
            account::INVENTORY.uuid(),
            MOST
        )
        .fetch_all(tx.conn())
        .await?;
        Ok(rows
            .into_iter()
            .map(|r| Finding {
                check: "stock.inventory",
                kind: "book".into(),
                id: account::INVENTORY.uuid(),
                text: format!("stock is worth {} {} (minor units), the inventory account holds {}", r.worth, r.currency, r.booked),
            })
            .collect())
    })
}

/// What a document moved is worth what it booked on the inventory account.
pub(crate) fn documents(tx: &mut Tx) -> BoxFuture<'_, Result<Vec<Finding>>> {
    Box::pin(async move {
        let tenant = tx.tenant().uuid();
        let rows = sqlx::query!(
            r#"SELECT document_id AS "document_id!", coalesce(m.kind, a.kind) AS "kind!", coalesce(m.value, 0) AS "moved!", coalesce(a.value, 0) AS "booked!"
            FROM (SELECT document_id, min(document_kind) AS kind, sum(value)::bigint AS value FROM stock.movement WHERE tenant_id = $1
                GROUP BY document_id) m
            FULL JOIN (SELECT document_id, min(document_kind) AS kind, sum(debit - credit)::bigint AS value FROM ledger.line
                WHERE tenant_id = $1 AND book_id = $2 GROUP BY document_id) a USING (document_id)
            WHERE coalesce(m.value, 0) <> coalesce(a.value, 0) ORDER BY document_id LIMIT $3"#,
            tenant,
            account::INVENTORY.uuid(),
            MOST
        )
        .fetch_all(tx.conn())
        .await?;
        Ok(rows
            .into_iter()
            .map(|r| Finding {
                check: "stock.document",
                kind: r.kind,
                id: r.document_id,
                text: format!("its movements are worth {} (minor units), it booked {} on the inventory account", r.moved, r.booked),
            })
            .collect())
    })
}

/// A receipt's total is the sum of its lines, and each line is the movement that it posted.
pub(crate) fn receipts(tx: &mut Tx) -> BoxFuture<'_, Result<Vec<Finding>>> {
    Box::pin(async move {
        let tenant = tx.tenant().uuid();
        let totals = sqlx::query!(
            r#"SELECT r.id, r.total, coalesce(l.amount, 0) AS "lines!"
            FROM stock.receipt r LEFT JOIN (SELECT receipt_id, sum(amount)::bigint AS amount FROM stock.receipt_line WHERE tenant_id = $1
                GROUP BY receipt_id) l ON l.receipt_id = r.id
            WHERE r.tenant_id = $1 AND r.total <> coalesce(l.amount, 0) ORDER BY r.id LIMIT $2"#,
            tenant,
            MOST
        )
        .fetch_all(tx.conn())
        .await?;
        let lines = sqlx::query!(
            r#"SELECT document_id AS "id!", n AS "n!" FROM
            (SELECT receipt_id AS document_id, n, quantity, amount, item_id FROM stock.receipt_line WHERE tenant_id = $1) l
            FULL JOIN (SELECT document_id, document_line AS n, quantity, value, item_id FROM stock.movement
                WHERE tenant_id = $1 AND document_kind = 'receipt') m USING (document_id, n)
            WHERE (l.item_id, l.quantity, l.amount) IS DISTINCT FROM (m.item_id, m.quantity, m.value) ORDER BY document_id, n LIMIT $2"#,
            tenant,
            MOST
        )
        .fetch_all(tx.conn())
        .await?;
        let finding = |id, text| Finding { check: "stock.receipt", kind: "receipt".into(), id, text };
        let wrong_totals =
            totals.into_iter().map(|r| finding(r.id, format!("its total is {}, its lines sum to {} (minor units)", r.total, r.lines)));
        let wrong_lines = lines.into_iter().map(|r| finding(r.id, format!("line {} is not the movement that was posted for it", r.n)));
        Ok(wrong_totals.chain(wrong_lines).collect())
    })
}
