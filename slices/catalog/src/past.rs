//! Items of a past that is imported: found by SKU or name, made where they are missing.

use std::collections::HashMap;

use db::Tx;
use kernel::{Change, Day, Error, ItemId, PriceListId, Result};
use serde::Serialize;
use uuid::Uuid;

use crate::{ItemKind, StockRule};

/// An item as a file names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PastItem {
    /// Its name, 1 to 200 characters.
    pub name: String,
    /// Its SKU, if the file has one; at most 60 characters.
    pub sku: Option<String>,
    /// Its category; at most 100 characters.
    pub category: Option<String>,
    /// Minor units a piece of the list's currency, where the price is to be laid down, too.
    pub unit_price: Option<i64>,
    /// Minor units a piece.
    pub standard_cost: i64,
}

impl PastItem {
    fn check(&self, n: usize) -> Result<()> {
        let long = |text: &str, most| text.chars().count() > most;
        let wrong = |part: &str, code| Err(Error::field(format!("items.{n}.{part}"), code));
        match self {
            Self { name, .. } if name.is_empty() => wrong("name", "text.needed"),
            Self { name, .. } if long(name, 200) => wrong("name", "text.too_long"),
            Self { sku: Some(sku), .. } if sku.is_empty() || long(sku, 60) => wrong("sku", "text.too_long"),
            Self { category: Some(category), .. } if category.is_empty() || long(category, 100) => wrong("category", "text.too_long"),
            Self { standard_cost, .. } if *standard_cost < 0 => wrong("standardCost", "number.not_negative"),
            Self { unit_price: Some(price), .. } if *price < 0 => wrong("unitPrice", "number.not_negative"),
            _ => Ok(()),
        }
    }
}

/// Known items by what files know them by.
#[derive(Default)]
struct Known {
    by_sku: HashMap<String, Uuid>,
    by_name: HashMap<String, Uuid>,
}

impl Known {
    fn of(&self, item: &PastItem) -> Option<Uuid> {
        item.sku.as_ref().and_then(|sku| self.by_sku.get(sku)).or_else(|| self.by_name.get(&item.name)).copied()
    }

    fn learn(&mut self, id: Uuid, name: String, sku: Option<String>) {
        if let Some(sku) = sku {
            self.by_sku.insert(sku, id);
        }
        self.by_name.insert(name, id);
    }

    async fn read(tx: &mut Tx, items: &[PastItem]) -> Result<Self> {
        let tenant = tx.tenant().uuid();
        let names: Vec<String> = items.iter().map(|item| item.name.clone()).collect();
        let skus: Vec<String> = items.iter().filter_map(|item| item.sku.clone()).collect();
        let rows = sqlx::query!(
            r#"SELECT id AS "id!", name AS "name!", sku FROM catalog.item WHERE tenant_id = $1 AND name = ANY($2)
            UNION SELECT id, name, sku FROM catalog.item WHERE tenant_id = $1 AND sku = ANY($3)"#,
            tenant,
            &names,
            &skus
        )
        .fetch_all(tx.conn())
        .await?;
        let mut known = Self::default();
        for row in rows {
            known.learn(row.id, row.name, row.sku);
        }
        Ok(known)
    }
}

/// The items of a past in the order given: found by SKU, then by exact name, else made. What is made is a product counted
/// in pieces, made as it is sold, in the usual tax category, priced on the list from `from_day` on; without a list, it has no price.
/// Somebody who makes the same item at the same moment wins; theirs is taken then.
pub async fn match_or_make(tx: &mut Tx, items: &[PastItem], list: Option<PriceListId>, from_day: Day) -> Result<Vec<ItemId>> {
    for (n, item) in items.iter().enumerate() {
        item.check(n)?;
    }
    let mut known = Known::read(tx, items).await?;
    let mut missing: Vec<(Uuid, &PastItem)> = Vec::new();
    for item in items {
        if known.of(item).is_none() {
            let id = tx.op().source.uuid();
            known.learn(id, item.name.clone(), item.sku.clone());
            missing.push((id, item));
        }
    }
    if !missing.is_empty() {
        let made = make(tx, &missing, list, from_day).await?;
        if made < missing.len() {
            known = Known::read(tx, items).await?;
        }
    }
    let unseen = || Error::Conflict("an item was taken away while it was looked for".into());
    items.iter().map(|item| known.of(item).map(ItemId::new).ok_or_else(unseen)).collect()
}

/// Writes items and their prices; answers how many were new.
async fn make(tx: &mut Tx, missing: &[(Uuid, &PastItem)], list: Option<PriceListId>, from_day: Day) -> Result<usize> {
    let tenant = tx.tenant().uuid();
    let now = tx.now();
    let price_ids: Vec<Uuid> = missing.iter().map(|_| tx.op().source.uuid()).collect();
    let rows = sqlx::query!(
        r#"WITH wanted AS (
            SELECT t.id AS tenant_id, u.* FROM db.tenant t, unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::uuid[])
                AS u (id, name, sku, category, standard_cost, unit_price, price_id) WHERE t.id = $1
        ), made AS (
            INSERT INTO catalog.item (tenant_id, id, kind, name, sku, category, base_unit, stock_rule, standard_cost, tax_category_id, created_at)
            SELECT w.tenant_id, w.id, $9, w.name, w.sku, w.category, 'pc', $10, w.standard_cost, c.id, $11
            FROM wanted w JOIN catalog.tax_category c ON c.tenant_id = w.tenant_id AND c.usual
            ORDER BY w.name ON CONFLICT DO NOTHING RETURNING id
        ), priced AS (
            INSERT INTO catalog.price (tenant_id, id, list_id, item_id, from_day, unit_price)
            SELECT w.tenant_id, w.price_id, l.id, w.id, $12, w.unit_price FROM wanted w JOIN made m ON m.id = w.id,
                (SELECT d.id FROM catalog.price_list d WHERE d.tenant_id = $1 AND d.id = $13 FOR KEY SHARE) l
            WHERE w.unit_price IS NOT NULL
        )
        SELECT id AS "id!" FROM made"#,
        tenant,
        &missing.iter().map(|(id, _)| *id).collect::<Vec<_>>(),
        &missing.iter().map(|(_, item)| item.name.clone()).collect::<Vec<_>>(),
        &missing.iter().map(|(_, item)| item.sku.clone()).collect::<Vec<_>>() as &[Option<String>],
        &missing.iter().map(|(_, item)| item.category.clone()).collect::<Vec<_>>() as &[Option<String>],
        &missing.iter().map(|(_, item)| item.standard_cost).collect::<Vec<_>>(),
        &missing.iter().map(|(_, item)| item.unit_price).collect::<Vec<_>>() as &[Option<i64>],
        &price_ids,
        ItemKind::Product.code(),
        StockRule::MadeToOrder.code(),
        now as kernel::At,
        from_day as Day,
        list.map(PriceListId::uuid)
    )
    .fetch_all(tx.conn())
    .await?;
    for row in &rows {
        if let Some((_, item)) = missing.iter().find(|(id, _)| *id == row.id) {
            tx.log(Change::of("item.created", "item", ItemId::new(row.id), item));
        }
    }
    Ok(rows.len())
}
