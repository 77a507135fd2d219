//! What the till must know to ring: the site and its day, the location it sells from, the price list, and each item with its
//! prices and taxes of that day. One statement reads it all; it reads the tables of the slices below and writes nothing.

use std::collections::HashMap;

use db::Tx;
use kernel::{
    At, Currency, CustomerId, Day, DeviceId, Error, ItemId, LocationId, PriceListId, Quantity, Ratio, Result, SiteId, TaxId, Unit,
};
use pricing::{Price, TaxRate};
use serde::Deserialize;
use uuid::Uuid;
use web::tf;

/// The till's view of a site at a moment.
pub(crate) struct Till {
    pub site: SiteId,
    pub location: LocationId,
    pub currency: Currency,
    /// The business day and the hour on the wall clock.
    pub day: Day,
    pub hour: i16,
    /// The list that prices the sale; none where no list in use is in the site's currency.
    pub list: Option<PriceList>,
    pub items: HashMap<ItemId, Item>,
}

impl Till {
    /// The price list, or the refusal (`price_list.none`) of a site that has none to sell by.
    pub fn list(&self) -> Result<&PriceList> {
        self.list.as_ref().ok_or_else(|| Error::rule("price_list.none").at("siteId"))
    }
}

/// The price list of a sale.
pub(crate) struct PriceList {
    pub id: PriceListId,
    pub name: String,
    pub includes_tax: bool,
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
    pub taxes: Vec<TaxRate>,
}

impl Item {
    /// The price per base unit for so many on the sale's list.
    pub fn price(&self, id: ItemId, list: PriceListId, day: Day, quantity: Quantity) -> Option<i64> {
        pricing::choose(&self.prices, &[list], id, day, quantity).map(|price| price.unit_price_minor)
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
        Err(Error::rule("quantity.whole").because(tf("sale-why-whole", &[("item", &self.name)])))
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
    list_id: Option<Uuid>,
    list_name: Option<String>,
    includes_tax: Option<bool>,
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

/// Reads the till's view of a site (where none is named, the one at which the device stands, else the first) at a moment for
/// these items, as this customer buys them.
pub(crate) async fn view(tx: &mut Tx, site: Option<SiteId>, at: At, items: &[ItemId], customer: Option<CustomerId>) -> Result<Till> {
    let (tenant, device) = (tx.tenant().uuid(), tx.op().device.map(DeviceId::uuid));
    let items: Vec<Uuid> = items.iter().map(|i| i.uuid()).collect();
    let (site, customer) = (site.map(SiteId::uuid), customer.map(CustomerId::uuid));
    let rows = sqlx::query_file_as!(Row, "src/till.sql", tenant, site, at as At, &items, device, customer).fetch_all(tx.conn()).await?;
    let first = rows.first().ok_or_else(|| Error::rule("site.unknown").at("siteId"))?;
    let mut till = Till {
        site: SiteId::new(first.site_id),
        location: LocationId::new(first.location_id),
        currency: first.currency.parse().map_err(|e: &str| Error::Internal(e.into()))?,
        day: first.day,
        hour: first.hour,
        list: first.list_id.zip(first.list_name.clone()).zip(first.includes_tax).map(|((id, name), includes_tax)| PriceList {
            id: PriceListId::new(id),
            name,
            includes_tax,
        }),
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
    let list = PriceListId::new(row.list_id.unwrap_or_default());
    let price = |p: PriceRow| Price { item: id, list, from: p.from, min_quantity: Quantity::from_micros(p.min), unit_price_minor: p.price };
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
