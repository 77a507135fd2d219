//! An item as it is read: the document, the list, the palette.

use db::{
    Tx,
    list::{Column, Filter, Kind, List, Sort},
};
use futures::future::BoxFuture;
use kernel::{At, Currency, Day, Error, ItemId, Money, Permission, Permissions, PriceListId, Quantity, Ratio, Result};
use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use utoipa::ToSchema;
use uuid::Uuid;
use web::{Cx, Found};

use crate::{ItemKind, StockRule, price::today};

/// A unit of an item's own: one `code` is numerator / denominator base units.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ItemUnit {
    /// What is typed: `bag`.
    pub code: String,
    /// Whole, from 1.
    pub numerator: i64,
    /// Whole, from 1; 1 unless given.
    #[serde(default = "one")]
    pub denominator: i64,
}

const fn one() -> i64 {
    1
}

/// What so many of a unit cost as a standard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StandardCost {
    /// The cost, in the business's currency.
    pub amount: Money,
    /// Of how many; 1 unless given.
    #[serde(default = "whole")]
    pub per: Quantity,
    /// Of which unit; the base unit unless given.
    pub unit: Option<String>,
}

const fn whole() -> Quantity {
    Quantity::ONE
}

impl StandardCost {
    /// As stored (minor units for so many base units), said in the largest common unit that comes out whole.
    pub(crate) fn stored(amount: Money, quantity: i64, base_unit: &str) -> Self {
        let (per, unit) = match base_unit {
            "g" if quantity % 1_000_000_000 == 0 => (quantity / 1_000, "kg"),
            "ml" if quantity % 1_000_000_000 == 0 => (quantity / 1_000, "l"),
            base => (quantity, base),
        };
        Self { amount, per: Quantity::from_micros(per), unit: Some(unit.to_owned()) }
    }
}

/// A price of an item on one list from a day on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ItemPrice {
    /// The list.
    pub list_id: PriceListId,
    /// Its name.
    pub list: String,
    /// From this business day on.
    pub from_day: Day,
    /// From so many base units on.
    pub min_quantity: Quantity,
    /// Per base unit.
    pub price: Money,
    /// Whether the taxes are in it.
    pub includes_tax: bool,
}

/// An item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Item {
    /// The id.
    pub id: ItemId,
    /// What kind of thing it is.
    pub kind: ItemKind,
    /// Its name; no two items share one.
    pub name: String,
    /// Its SKU, if it has one; no two items share one.
    pub sku: Option<String>,
    /// Where it stands among the others.
    pub category: Option<String>,
    /// What it is counted in: `pc`, `g` or `ml`.
    pub base_unit: String,
    /// Its own units beside the common ones.
    pub units: Vec<ItemUnit>,
    /// How stock follows its sale.
    pub stock_rule: StockRule,
    /// What it costs as a standard; missing for those who may not see what things cost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub standard_cost: Option<StandardCost>,
    /// How it is taxed.
    pub tax_category_id: Uuid,
    /// The name of that category.
    pub tax_category: String,
    /// Its prices by list, the newest first, at most 100 of a list and 1,000 in all.
    pub prices: Vec<ItemPrice>,
    /// The usual list's price per base unit today.
    pub price: Option<Money>,
    /// Whether it is still used.
    pub active: bool,
    /// When it was made.
    pub created_at: At,
    /// Goes up with every change; send it with the next one.
    pub version: i32,
}

impl Item {
    /// The item as somebody may see it.
    #[must_use]
    pub fn seen_with(mut self, permissions: Permissions) -> Self {
        self.standard_cost.take_if(|_| !permissions.has(Permission::CostRead));
        self
    }

    /// Its own units as ratios.
    pub(crate) fn ratios(&self) -> Result<Vec<(String, Ratio)>> {
        self.units.iter().map(|unit| Ok((unit.code.clone(), Ratio::new(unit.numerator, unit.denominator)?))).collect()
    }
}

/// A price as the statement's JSON has it: list, its name and currency, whether the taxes are in it, day, least quantity, price per base unit.
type PriceRow = (PriceListId, String, Currency, bool, Day, i64, i64);

/// One item as it is today, with what it costs; [`Item::seen_with`] leaves out what somebody may not see.
pub async fn item(tx: &mut Tx, id: ItemId) -> Result<Item> {
    let today = today(tx).await?;
    let tenant = tx.tenant().uuid();
    let row = sqlx::query!(
        r#"SELECT i.id, i.kind, i.name, i.sku, i.category, i.base_unit, i.stock_rule, i.standard_cost, i.standard_quantity, i.tax_category_id,
            i.active, i.created_at, i.version, t.currency, c.name AS tax_category,
            (SELECT json_agg(json_build_array(u.code, u.numerator, u.denominator) ORDER BY u.n) FROM catalog.item_unit u
                WHERE u.tenant_id = $1 AND u.item_id = i.id) AS "units: Json<Vec<(String, i64, i64)>>",
            (SELECT u.id FROM catalog.usual_list u WHERE u.tenant_id = $1) AS usual_list,
            (SELECT json_agg(json_build_array(p.list_id, p.name, p.currency, p.includes_tax, p.from_day, p.min_quantity, p.unit_price)
                    ORDER BY p.position, p.list_id, p.n) FROM (
                SELECT p.list_id, l.name, l.currency, l.includes_tax, l.position, p.from_day, p.min_quantity, p.unit_price,
                    row_number() OVER (PARTITION BY p.list_id ORDER BY p.from_day DESC, p.min_quantity) AS n
                FROM catalog.price p JOIN catalog.price_list l ON l.tenant_id = p.tenant_id AND l.id = p.list_id
                WHERE p.tenant_id = $1 AND p.item_id = i.id ORDER BY n LIMIT 1000) p WHERE p.n <= 100) AS "prices: Json<Vec<PriceRow>>"
        FROM catalog.item i JOIN db.tenant t ON t.id = i.tenant_id
        JOIN catalog.tax_category c ON c.tenant_id = i.tenant_id AND c.id = i.tax_category_id
        WHERE i.tenant_id = $1 AND i.id = $2"#,
        tenant,
        id.uuid()
    )
    .fetch_optional(tx.conn())
    .await?
    .ok_or(Error::NotFound)?;
    let currency: Currency = row.currency.parse().map_err(|_| Error::rule("currency.unknown"))?;
    let prices: Vec<ItemPrice> = row.prices.map_or_else(Vec::new, |json| json.0).into_iter().map(priced).collect();
    let usual = row.usual_list.map(PriceListId::new);
    let now = prices.iter().find(|p| Some(p.list_id) == usual && p.from_day <= today && p.min_quantity == Quantity::ZERO);
    Ok(Item {
        id,
        kind: row.kind.parse()?,
        name: row.name,
        sku: row.sku,
        category: row.category,
        standard_cost: Some(StandardCost::stored(Money::new(row.standard_cost, currency), row.standard_quantity, &row.base_unit)),
        base_unit: row.base_unit,
        units: row.units.map_or_else(Vec::new, |json| json.0).into_iter().map(unit).collect(),
        stock_rule: row.stock_rule.parse()?,
        tax_category_id: row.tax_category_id,
        tax_category: row.tax_category,
        price: now.map(|price| price.price),
        prices,
        active: row.active,
        created_at: row.created_at,
        version: row.version,
    })
}

fn priced((list_id, list, currency, includes_tax, from_day, min, unit_price): PriceRow) -> ItemPrice {
    let (min_quantity, price) = (Quantity::from_micros(min), Money::new(unit_price, currency));
    ItemPrice { list_id, list, from_day, min_quantity, price, includes_tax }
}

fn unit((code, numerator, denominator): (String, i64, i64)) -> ItemUnit {
    ItemUnit { code, numerator, denominator }
}

/// `GET /v1/items/{id}`.
pub(crate) async fn answer(cx: Cx) -> Result<Item> {
    Ok(item(&mut cx.tx().await?, cx.id("id")?).await?.seen_with(cx.op.permissions))
}

/// All items, by name. Their prices are those of the list that is asked for, else of the usual one.
pub(crate) const ITEMS: List = List {
    name: "items",
    sql: "SELECT i.id, i.name, i.sort_name, i.kind, i.sku, i.category, i.base_unit AS unit, i.active, i.created_at, l.id AS list_id, l.currency, \
          (SELECT p.unit_price FROM catalog.price p WHERE p.tenant_id = i.tenant_id AND p.item_id = i.id AND p.list_id = l.id \
            AND p.min_quantity = 0 AND p.from_day <= (now() AT TIME ZONE t.time_zone)::date ORDER BY p.from_day DESC LIMIT 1) AS price \
          FROM catalog.item i JOIN db.tenant t ON t.id = i.tenant_id \
          CROSS JOIN (SELECT d.id, d.currency FROM catalog.price_list d WHERE d.tenant_id = $1 \
            AND d.id = coalesce({list}, (SELECT u.id FROM catalog.usual_list u WHERE u.tenant_id = $1))) l \
          WHERE i.tenant_id = $1",
    columns: &[
        Column::shown("name", Kind::Text, "item-name"),
        Column::shown("kind", Kind::Text, "item-kind"),
        Column::shown("sku", Kind::Text, "item-sku"),
        Column::shown("category", Kind::Text, "item-category"),
        Column::shown("unit", Kind::Text, "item-base-unit"),
        Column::shown("price", Kind::Money, "item-price"),
        Column::shown("currency", Kind::Text, "item-currency"),
        Column::shown("active", Kind::Flag, "item-active"),
        Column::hidden("id", Kind::Id),
        Column::hidden("list_id", Kind::Id),
        Column::hidden("sort_name", Kind::Text),
        Column::hidden("created_at", Kind::Time),
    ],
    filters: &[
        Filter { name: "q", sql: "sort_name >= lower({}) AND sort_name < lower({}) || U&'\\+10FFFF'", kind: Kind::Text },
        Filter { name: "kind", sql: "kind = {}", kind: Kind::Text },
        Filter { name: "category", sql: "category = {}", kind: Kind::Text },
        Filter { name: "active", sql: "active = {}", kind: Kind::Flag },
        Filter { name: "list", sql: "list_id = {}", kind: Kind::Id },
    ],
    sorts: &[
        Sort { name: "name", column: "sort_name", kind: Kind::Text },
        Sort { name: "created", column: "created_at", kind: Kind::Time },
    ],
    newest_first: false,
    key: "id",
};

/// Items whose name begins with what was typed.
pub(crate) fn search<'a>(tx: &'a mut Tx, typed: &'a str) -> BoxFuture<'a, Result<Vec<Found>>> {
    Box::pin(async move {
        if !tx.op().permissions.has(Permission::ItemRead) {
            return Ok(Vec::new());
        }
        let tenant = tx.tenant().uuid();
        let rows = sqlx::query!(
            r"SELECT id, name FROM catalog.item WHERE tenant_id = $1 AND sort_name >= lower($2) AND sort_name < lower($2) || U&'\+10FFFF'
            ORDER BY sort_name, id LIMIT 10",
            tenant,
            typed
        )
        .fetch_all(tx.conn())
        .await?;
        Ok(rows.into_iter().map(|row| Found { label: row.name, kind: "item", href: format!("/items/{}", row.id) }).collect())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standard_cost_is_said_in_a_unit_that_people_use() {
        let said = |quantity, base| {
            let cost = StandardCost::stored(Money::new(120, Currency::GBP), quantity, base);
            format!("{} {}", cost.per, cost.unit.unwrap())
        };
        assert_eq!(said(1_000_000_000, "g"), "1 kg");
        assert_eq!(said(25_000_000_000, "g"), "25 kg");
        assert_eq!(said(50_000_000, "g"), "50 g");
        assert_eq!(said(1_000_000_000, "ml"), "1 l");
        assert_eq!(said(1_000_000, "pc"), "1 pc");
    }
}
