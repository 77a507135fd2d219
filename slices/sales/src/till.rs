//! What the till must know to ring: the site and its day, the location it sells from, and each item with its prices and
//! taxes of that day. One statement reads it all; it reads the tables of the slices below and writes nothing.

use std::collections::HashMap;

use db::Tx;
use kernel::{At, Currency, Day, Error, ItemId, LocationId, PriceListId, Quantity, Ratio, Result, SiteId, TaxId, Unit};
use pricing::{Price, TaxRate};
use serde::Deserialize;
use uuid::Uuid;

/// The till's view of a site at a moment.
pub(crate) struct Till {
    pub site: SiteId,
    pub location: LocationId,
    pub currency: Currency,
    /// The business day and the hour on the wall clock.
    pub day: Day,
    pub hour: i16,
    pub items: HashMap<ItemId, Item>,
}

/// Whether what is sold must be on hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StockRule {
    Stocked,
    MadeToOrder,
    None,
}

/// An item as the till sells it.
pub(crate) struct Item {
    pub name: String,
    pub active: bool,
    pub base_unit: String,
    pub stock_rule: StockRule,
    standard_cost: i64,
    standard_quantity: i64,
    units: Vec<(String, i64, i64)>,
    prices: Vec<Price>,
    lists: Vec<(PriceListId, bool)>,
    pub taxes: Vec<TaxRate>,
}

impl Item {
    /// The price per base unit for so many, and whether it holds the tax.
    pub fn price(&self, id: ItemId, day: Day, quantity: Quantity) -> Option<(i64, bool)> {
        let order: Vec<PriceListId> = self.lists.iter().map(|(list, _)| *list).collect();
        let price = pricing::choose(&self.prices, &order, id, day, quantity)?;
        let includes_tax = self.lists.iter().find(|(list, _)| *list == price.list).is_none_or(|(_, includes)| *includes);
        Some((price.unit_price_minor, includes_tax))
    }

    /// How many base units one `unit` is: the item's own unit or a common one of the same dimension.
    pub fn ratio(&self, unit: &str) -> Result<Ratio> {
        match self.units.iter().find(|(code, ..)| code == unit) {
            Some((_, numerator, denominator)) => Ratio::new(*numerator, *denominator),
            None => Unit::find(unit)?.ratio_to(Unit::find(&self.base_unit)?),
        }
    }

    /// Refuses (`quantity.whole`) a part of what is counted: half a loaf. A part that is a unit of the item's own is one
    /// of something: a slice of a cake.
    pub fn whole(&self, entered: Quantity, ratio: Ratio, base: Quantity) -> Result<()> {
        let own_part = ratio.denominator() > 1 && entered.is_whole();
        if base.is_whole() || own_part || !self.is_counted() {
            return Ok(());
        }
        Err(Error::rule("quantity.whole").because(format!("{} is sold in whole pieces.", self.name)))
    }

    /// Whether it is counted in pieces.
    pub fn is_counted(&self) -> bool {
        Unit::find(&self.base_unit).is_ok_and(Unit::is_counted)
    }

    /// What so many cost by the standard, in minor units.
    pub fn standard_value(&self, quantity: Quantity) -> Result<i64> {
        catalog::standard_value(self.standard_cost, self.standard_quantity, quantity)
    }
}

#[derive(Deserialize)]
struct PriceRow {
    list: Uuid,
    includes: bool,
    position: i32,
    min: i64,
    from: Day,
    price: i64,
}

#[derive(Deserialize)]
struct TaxRow {
    id: Uuid,
    name: String,
    ppm: i64,
    compound: bool,
}

struct Row {
    site_id: Uuid,
    currency: String,
    location_id: Uuid,
    day: Day,
    hour: i16,
    item_id: Option<Uuid>,
    name: Option<String>,
    active: Option<bool>,
    base_unit: Option<String>,
    stock_rule: Option<String>,
    standard_cost: Option<i64>,
    standard_quantity: Option<i64>,
    units: Option<serde_json::Value>,
    prices: Option<serde_json::Value>,
    taxes: Option<serde_json::Value>,
}

/// Reads the till's view of a site (the first one, when none is named) at a moment for these items.
pub(crate) async fn view(tx: &mut Tx, site: Option<SiteId>, at: At, items: &[ItemId]) -> Result<Till> {
    let tenant = tx.tenant().uuid();
    let items: Vec<Uuid> = items.iter().map(|i| i.uuid()).collect();
    let rows = sqlx::query_file_as!(Row, "src/till.sql", tenant, site.map(SiteId::uuid), at as At, &items).fetch_all(tx.conn()).await?;
    let first = rows.first().ok_or_else(|| Error::rule("site.unknown").at("siteId"))?;
    let mut till = Till {
        site: SiteId::new(first.site_id),
        location: LocationId::new(first.location_id),
        currency: first.currency.parse().map_err(|e: &str| Error::Internal(e.into()))?,
        day: first.day,
        hour: first.hour,
        items: HashMap::new(),
    };
    for row in rows {
        if let Some((id, item)) = item(row)? {
            till.items.insert(id, item);
        }
    }
    Ok(till)
}

fn item(row: Row) -> Result<Option<(ItemId, Item)>> {
    let Some(id) = row.item_id.map(ItemId::new) else { return Ok(None) };
    let units: Vec<(String, i64, i64)> = read(row.units)?;
    let prices: Vec<PriceRow> = read(row.prices)?;
    let taxes: Vec<TaxRow> = read(row.taxes)?;
    let mut lists: Vec<(i32, PriceListId, bool)> = prices.iter().map(|p| (p.position, PriceListId::new(p.list), p.includes)).collect();
    lists.sort_unstable();
    lists.dedup();
    let price = |p: PriceRow| Price {
        item: id,
        list: PriceListId::new(p.list),
        from: p.from,
        min_quantity: Quantity::from_micros(p.min),
        unit_price_minor: p.price,
    };
    let item = Item {
        name: row.name.unwrap_or_default(),
        active: row.active.unwrap_or(false),
        base_unit: row.base_unit.unwrap_or_default(),
        stock_rule: match row.stock_rule.as_deref() {
            Some("stocked") => StockRule::Stocked,
            Some("made_to_order") => StockRule::MadeToOrder,
            _ => StockRule::None,
        },
        standard_cost: row.standard_cost.unwrap_or(0),
        standard_quantity: row.standard_quantity.unwrap_or(1_000_000),
        units,
        prices: prices.into_iter().map(price).collect(),
        lists: lists.into_iter().map(|(_, list, includes)| (list, includes)).collect(),
        taxes: taxes
            .into_iter()
            .map(|t| TaxRate { id: TaxId::new(t.id), name: t.name, parts_per_million: t.ppm, compound: t.compound })
            .collect(),
    };
    Ok(Some((id, item)))
}

fn read<T: serde::de::DeserializeOwned>(value: Option<serde_json::Value>) -> Result<Vec<T>> {
    value.map_or(Ok(Vec::new()), |v| serde_json::from_value(v).map_err(|e| Error::Internal(e.to_string())))
}
