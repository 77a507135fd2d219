//! Items as sales and stock need them: units, price, taxes and standard cost on a day, many items in one round trip.

use std::collections::HashMap;

use db::Tx;
use kernel::{Currency, Day, Error, ItemId, PriceListId, Quantity, Ratio, Result, TaxId, Unit};
use pricing::{Price, TaxRate};
use sqlx::types::Json;
use uuid::Uuid;

use crate::{ItemKind, StockRule};

/// An item as it may be sold on a day.
#[derive(Clone, Debug)]
pub struct Sellable {
    /// Which.
    pub id: ItemId,
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: ItemKind,
    /// `pc`, `g` or `ml`.
    pub base_unit: String,
    /// How stock follows its sale.
    pub stock_rule: StockRule,
    /// Minor units of the tenant's currency that `standard_quantity` costs.
    pub standard_cost: i64,
    /// Millionths of the base unit.
    pub standard_quantity: i64,
    /// Its own units: how many base units one is.
    pub units: Vec<(String, Ratio)>,
    /// Minor units per base unit on the usual list, from any quantity on.
    pub unit_price: Option<i64>,
    /// The prices of the usual list that apply on the day, quantity breaks included.
    pub prices: Vec<Price>,
    /// Whether the prices include the taxes.
    pub includes_tax: bool,
    /// The usual list's currency.
    pub list_currency: Currency,
    /// The taxes of the day, in the order in which they are applied.
    pub taxes: Vec<TaxRate>,
    /// Whether it is still sold.
    pub active: bool,
}

impl Sellable {
    /// How many base units one `unit` is: a unit of its own, or a common one that measures the same.
    pub fn ratio(&self, unit: &str) -> Result<Ratio> {
        unit_ratio(&self.base_unit, &self.units, unit)
    }

    /// Minor units per base unit for this quantity, by the quantity breaks.
    pub fn price_for(&self, quantity: Quantity, day: Day) -> Option<i64> {
        let list = self.prices.first()?.list;
        pricing::choose(&self.prices, &[list], self.id, day, quantity).map(|price| price.unit_price_minor)
    }

    /// What `quantity` costs by its standard, in minor units of the tenant's currency.
    pub fn standard_value(&self, quantity: Quantity) -> Result<i64> {
        standard_value(self.standard_cost, self.standard_quantity, quantity)
    }
}

/// How many `base_unit` one `unit` is; the item's own units come before the common ones.
pub fn unit_ratio(base_unit: &str, own: &[(String, Ratio)], unit: &str) -> Result<Ratio> {
    if let Some((_, ratio)) = own.iter().find(|(code, _)| code == unit) {
        return Ok(*ratio);
    }
    Unit::find(unit)?.ratio_to(Unit::find(base_unit)?)
}

/// What `quantity` costs where `standard_quantity` millionths cost `standard_cost`: rounded half away from zero.
pub fn standard_value(standard_cost: i64, standard_quantity: i64, quantity: Quantity) -> Result<i64> {
    let (over, under) = (i128::from(standard_cost) * i128::from(quantity.micros()), i128::from(standard_quantity.max(1)));
    let half = if over < 0 { -(under / 2) } else { under / 2 };
    i64::try_from((over + half) / under).map_err(|_| Error::rule("number.too_large"))
}

/// A tax as the statement's JSON has it: id, name, parts per million, whether it is compound.
pub type TaxOfItem = (TaxId, String, i64, bool);

/// A [`Sellable`] as statements answer it: units, prices and taxes are JSON arrays of arrays, null where there are none.
/// Statements of other slices that read items together with something of their own fill it, too.
#[derive(Debug)]
#[expect(missing_docs, reason = "the columns of catalog.item, catalog.price_list and of the arrays, under their names")]
pub struct SellableRow {
    pub id: Uuid,
    pub name: String,
    pub kind: String,
    pub base_unit: String,
    pub stock_rule: String,
    pub standard_cost: i64,
    pub standard_quantity: i64,
    pub active: bool,
    pub list_id: Uuid,
    pub currency: String,
    pub includes_tax: bool,
    /// `[code, numerator, denominator]`
    pub units: Option<Json<Vec<(String, i64, i64)>>>,
    /// `[from_day, min_quantity, unit_price]`
    pub prices: Option<Json<Vec<(Day, i64, i64)>>>,
    /// `[id, name, rate_ppm, compound]`
    pub taxes: Option<Json<Vec<TaxOfItem>>>,
}

impl TryFrom<SellableRow> for Sellable {
    type Error = Error;
    fn try_from(row: SellableRow) -> Result<Self> {
        let (item, list) = (ItemId::new(row.id), PriceListId::new(row.list_id));
        let units = row.units.map_or_else(Vec::new, |json| json.0);
        let prices = row.prices.map_or_else(Vec::new, |json| json.0);
        let taxes = row.taxes.map_or_else(Vec::new, |json| json.0);
        let price = |(from, min, unit_price_minor)| Price { item, list, from, min_quantity: Quantity::from_micros(min), unit_price_minor };
        let tax = |(id, name, parts_per_million, compound)| TaxRate { id, name, parts_per_million, compound };
        Ok(Self {
            id: item,
            name: row.name,
            kind: row.kind.parse()?,
            base_unit: row.base_unit,
            stock_rule: row.stock_rule.parse()?,
            standard_cost: row.standard_cost,
            standard_quantity: row.standard_quantity,
            units: units.into_iter().map(|(code, over, under)| Ok((code, Ratio::new(over, under)?))).collect::<Result<_>>()?,
            unit_price: prices.iter().find(|price| price.1 == 0).map(|price| price.2),
            prices: prices.into_iter().map(price).collect(),
            includes_tax: row.includes_tax,
            list_currency: row.currency.parse().map_err(|_| Error::rule("currency.unknown"))?,
            taxes: taxes.into_iter().map(tax).collect(),
            active: row.active,
        })
    }
}

/// Items by id as they may be sold on `day`; those that do not exist are left out.
pub async fn sellables(tx: &mut Tx, items: &[ItemId], day: Day) -> Result<HashMap<ItemId, Sellable>> {
    let tenant = tx.tenant().uuid();
    let ids: Vec<Uuid> = items.iter().map(|item| item.uuid()).collect();
    let rows = sqlx::query_as!(
        SellableRow,
        r#"SELECT i.id, i.name, i.kind, i.base_unit, i.stock_rule, i.standard_cost, i.standard_quantity, i.active,
            l.id AS "list_id!", l.currency AS "currency!", l.includes_tax AS "includes_tax!",
            (SELECT json_agg(json_build_array(u.code, u.numerator, u.denominator) ORDER BY u.n) FROM catalog.item_unit u
                WHERE u.tenant_id = $1 AND u.item_id = i.id) AS "units: Json<Vec<(String, i64, i64)>>",
            (SELECT json_agg(json_build_array(b.from_day, b.min_quantity, b.unit_price)) FROM (
                SELECT DISTINCT ON (p.min_quantity) p.from_day, p.min_quantity, p.unit_price FROM catalog.price p
                WHERE p.tenant_id = $1 AND p.item_id = i.id AND p.list_id = l.id AND p.from_day <= $3
                ORDER BY p.min_quantity, p.from_day DESC) b) AS "prices: Json<Vec<(Day, i64, i64)>>",
            (SELECT json_agg(json_build_array(x.id, x.name, x.rate_ppm, x.compound) ORDER BY x.position, x.id) FROM catalog.tax x
                WHERE x.tenant_id = $1 AND x.category_id = i.tax_category_id AND x.from_day <= $3
                AND (x.until_day IS NULL OR x.until_day >= $3)) AS "taxes: Json<Vec<TaxOfItem>>"
        FROM catalog.item i, catalog.usual_list l WHERE l.tenant_id = $1 AND i.tenant_id = $1 AND i.id = ANY($2)"#,
        tenant,
        &ids,
        day as Day
    )
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter().map(|row| Ok((ItemId::new(row.id), row.try_into()?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standard_values_round_half_away_from_zero() {
        // 1.20 for a kilogram counted in grams.
        let of = |grams: &str| standard_value(120, 1_000_000_000, grams.parse().unwrap()).unwrap();
        assert_eq!(of("1000"), 120);
        assert_eq!(of("4.166666"), 0);
        assert_eq!(of("4.166667"), 1);
        assert_eq!(of("12.5"), 2);
        assert_eq!(of("-12.5"), -2);
        assert!(standard_value(i64::MAX, 1, Quantity::from_micros(Quantity::MOST)).is_err());
    }

    #[test]
    fn an_items_own_unit_comes_first_and_dimensions_do_not_mix() {
        let own = vec![("bag".to_owned(), Ratio::new(25_000, 1).unwrap()), ("pc".to_owned(), Ratio::new(50, 1).unwrap())];
        assert_eq!(unit_ratio("g", &own, "bag").unwrap().numerator(), 25_000);
        assert_eq!(unit_ratio("g", &own, "kg").unwrap().numerator(), 1_000);
        assert_eq!(unit_ratio("g", &own, "pc").unwrap().numerator(), 50);
        assert_eq!(unit_ratio("g", &own, "l").unwrap_err().code(), "unit.dimension");
        assert_eq!(unit_ratio("g", &own, "sack").unwrap_err().code(), "unit.unknown");
    }
}
