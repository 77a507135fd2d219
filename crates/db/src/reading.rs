//! What people read across slices: a document's history and documents by number.

use kernel::{At, Result};
use uuid::Uuid;

use crate::Tx;

/// One entry of a document's history.
#[derive(Clone, Debug)]
pub struct Told {
    /// `order.paid`.
    pub action: String,
    /// When.
    pub at: At,
    /// The member's name, or the program's part that did it.
    pub who: String,
    /// Why, if said.
    pub reason: Option<String>,
}

/// The last hundred entries about a document, newest first.
pub async fn history(tx: &mut Tx, document: Uuid) -> Result<Vec<Told>> {
    let tenant = tx.tenant().uuid();
    let rows = sqlx::query!(
        r#"SELECT t.action AS "action!", t.at AS "at!", t.reason, coalesce(b.who, m.name, t.actor_name, '') AS "who!"
        FROM db.trail t LEFT JOIN identity.member m ON m.tenant_id = t.tenant_id AND m.account_id = t.actor_id
            LEFT JOIN identity.on_behalf b ON b.tenant_id = t.tenant_id AND b.id = CASE WHEN t.actor_kind = 'support' THEN t.actor_name::uuid END
        WHERE t.tenant_id = $1 AND t.target_id = $2 ORDER BY t.at DESC, t.id DESC LIMIT 100"#,
        tenant,
        document
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().map(|r| Told { action: r.action, at: r.at, who: r.who, reason: r.reason }).collect())
}

/// A document found by its number.
#[derive(Clone, Debug)]
pub struct Numbered {
    /// S-2026-000123.
    pub number: String,
    /// `order`.
    pub kind: &'static str,
    /// Where it opens.
    pub href: String,
}

/// Documents whose number begins with `wanted`.
pub async fn documents_by_number(tx: &mut Tx, wanted: &str) -> Result<Vec<Numbered>> {
    let tenant = tx.tenant().uuid();
    let from = wanted.to_uppercase();
    let rows = sqlx::query!(
        r#"SELECT number, kind, document_id FROM db.number
        WHERE tenant_id = $1 AND number COLLATE "C" >= $2 AND number COLLATE "C" < $3 ORDER BY number COLLATE "C" LIMIT 20"#,
        tenant,
        from,
        format!("{from}\u{10ffff}")
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|r| {
            let (kind, place) = match r.kind.as_str() {
                "receipt" => ("receipt", "receipts"),
                "import" => ("import", "import"),
                "payment" => ("payment", "payments"),
                _ => ("order", "orders"),
            };
            Numbered { number: r.number, kind, href: format!("/{place}/{}", r.document_id) }
        })
        .collect())
}
