//! Making and changing items.

use db::{Command, Tx};
use kernel::{Change, Currency, Error, FieldError, ItemId, Money, Permission, Quantity, Ratio, Result, Unit};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{Item, ItemKind, ItemUnit, StandardCost, StockRule, item::item, price::today, sellable::unit_ratio};

/// The most units of its own that an item has.
const UNITS: usize = 50;

/// Makes an item.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateItem {
    /// An id of the client's own choice, so that one made twice is one.
    pub id: Option<ItemId>,
    /// What kind of thing it is.
    pub kind: ItemKind,
    /// Its name, at most 200 characters.
    pub name: String,
    /// Its SKU, at most 60 characters.
    pub sku: Option<String>,
    /// Its category, at most 100 characters.
    pub category: Option<String>,
    /// What it is counted in: `pc`, `g` or `ml`. It stays so.
    pub base_unit: String,
    /// Its own units beside the common ones.
    #[serde(default)]
    pub units: Vec<ItemUnit>,
    /// How stock follows its sale; as usual for its kind unless given.
    pub stock_rule: Option<StockRule>,
    /// What it costs as a standard; nothing unless given.
    pub standard_cost: Option<StandardCost>,
    /// How it is taxed; in the usual category unless given.
    pub tax_category_id: Option<Uuid>,
    /// Its price on the usual list from today on.
    pub price: Option<Money>,
    /// The unit that the price is for; the base unit unless given.
    pub price_unit: Option<String>,
}

/// Changes an item. What is not sent stays as it is; an empty SKU or category is taken away. Prices have their own call.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangeItem {
    /// Which.
    pub id: ItemId,
    /// The version that was read.
    pub version: i32,
    /// Its name.
    pub name: Option<String>,
    /// Its SKU.
    pub sku: Option<String>,
    /// Its category.
    pub category: Option<String>,
    /// All of its own units.
    pub units: Option<Vec<ItemUnit>>,
    /// How stock follows its sale.
    pub stock_rule: Option<StockRule>,
    /// What it costs as a standard.
    pub standard_cost: Option<StandardCost>,
    /// How it is taxed.
    pub tax_category_id: Option<Uuid>,
    /// Whether it is still used.
    pub active: Option<bool>,
}

/// Complaints, gathered so that all come out together.
#[derive(Default)]
struct Complaints(Vec<FieldError>);

impl Complaints {
    fn add(&mut self, field: impl Into<String>, code: &str) {
        if let Error::Invalid(mut errors) = Error::field(field, code) {
            self.0.append(&mut errors);
        }
    }

    /// A value, or its refusal noted.
    fn take<T>(&mut self, field: impl Into<String>, result: Result<T>) -> Option<T> {
        result.map_err(|error| self.add(field, error.code())).ok()
    }

    /// Trimmed text of 1 to `most` characters.
    fn text(&mut self, field: &str, text: &str, most: usize) -> String {
        let text = text.trim();
        if text.is_empty() {
            self.add(field, "text.needed");
        } else if text.chars().count() > most {
            self.add(field, "text.too_long");
        } else if text.chars().any(char::is_control) {
            self.add(field, "text.control");
        }
        text.to_owned()
    }

    /// The same where nothing but spaces means none.
    fn optional(&mut self, field: &str, text: Option<&str>, most: usize) -> Option<String> {
        text.map(str::trim).filter(|text| !text.is_empty()).map(|text| self.text(field, text, most))
    }

    /// Units of an item counted in `base`.
    fn units(&mut self, units: &[ItemUnit], base: Unit) -> Vec<(String, Ratio)> {
        if units.len() > UNITS {
            self.add("units", "lines.too_many");
            return Vec::new();
        }
        let mut taken: Vec<(String, Ratio)> = Vec::new();
        for (n, unit) in units.iter().enumerate() {
            let field = format!("units.{n}.code");
            let code = self.text(&field, &unit.code, 20);
            let common = Unit::find(&code).is_ok_and(|common| common.dimension == base.dimension);
            if common || taken.iter().any(|(other, _)| *other == code) {
                self.add(field, "unit.exists");
            }
            if let Some(ratio) = self.take(format!("units.{n}.numerator"), Ratio::new(unit.numerator, unit.denominator)) {
                taken.push((code, ratio));
            }
        }
        taken
    }

    /// Minor units and the millionths of the base unit that they are for.
    fn cost(&mut self, cost: &StandardCost, base: Unit, units: &[(String, Ratio)], currency: Currency) -> (i64, i64) {
        if cost.amount.currency != currency {
            self.add("standardCost.amount", "money.currency");
        }
        if cost.amount.minor < 0 {
            self.add("standardCost.amount", "number.not_negative");
        }
        let unit = cost.unit.as_deref().unwrap_or(base.code);
        let ratio = self.take("standardCost.unit", unit_ratio(base.code, units, unit)).unwrap_or(Ratio::ONE);
        let per = self.take("standardCost.per", cost.per.by(ratio)).unwrap_or(Quantity::ONE);
        if per <= Quantity::ZERO {
            self.add("standardCost.per", "number.positive");
        }
        (cost.amount.minor, per.micros())
    }

    fn done(self) -> Result<()> {
        if self.0.is_empty() { Ok(()) } else { Err(Error::Invalid(self.0)) }
    }
}

/// A price of one `unit` as minor units per base unit; refused where that is no whole number.
pub(crate) fn per_base(price: Money, base_unit: &str, units: &[(String, Ratio)], unit: Option<&str>) -> Result<i64> {
    if price.minor < 0 {
        return Err(Error::rule("number.not_negative").at("price"));
    }
    let ratio = unit_ratio(base_unit, units, unit.unwrap_or(base_unit)).map_err(|error| error.at("priceUnit"))?;
    let over = i128::from(price.minor) * i128::from(ratio.denominator());
    let under = i128::from(ratio.numerator());
    if over % under != 0 {
        return Err(Error::rule("price.not_whole").at("price"));
    }
    i64::try_from(over / under).map_err(|_| Error::rule("number.too_large").at("price"))
}

/// What a new or changed item is checked against.
struct Ground {
    currency: Currency,
    list_id: Uuid,
    list_currency: Currency,
    /// The category that was named, or the usual one; none if there is none of that id.
    tax_id: Option<Uuid>,
}

async fn ground(tx: &mut Tx, tax_category: Option<Uuid>) -> Result<Ground> {
    let tenant = tx.tenant().uuid();
    let row = sqlx::query!(
        r#"SELECT t.currency, l.id AS list_id, l.currency AS list_currency,
            (SELECT c.id FROM catalog.tax_category c WHERE c.tenant_id = $1 AND (c.id = $2 OR ($2::uuid IS NULL AND c.usual))) AS tax_id
        FROM db.tenant t JOIN catalog.price_list l ON l.tenant_id = t.id
        WHERE t.id = $1 AND l.id = (SELECT u.id FROM catalog.usual_list u WHERE u.tenant_id = $1) FOR KEY SHARE OF l"#,
        tenant,
        tax_category
    )
    .fetch_one(tx.conn())
    .await?;
    let currency = |code: &str| code.parse().map_err(|_| Error::rule("currency.unknown"));
    Ok(Ground {
        currency: currency(&row.currency)?,
        list_id: row.list_id,
        list_currency: currency(&row.list_currency)?,
        tax_id: row.tax_id,
    })
}

/// A new item, checked.
struct Checked {
    name: String,
    sku: Option<String>,
    category: Option<String>,
    base: Unit,
    units: Vec<(String, Ratio)>,
    cost: (i64, i64),
    unit_price: Option<i64>,
}

impl CreateItem {
    fn check(&self, ground: &Ground) -> Result<Checked> {
        let mut wrong = Complaints::default();
        let name = wrong.text("name", &self.name, 200);
        let sku = wrong.optional("sku", self.sku.as_deref(), 60);
        let category = wrong.optional("category", self.category.as_deref(), 100);
        let base = match Unit::find(&self.base_unit) {
            Ok(unit) if unit.base == 1 => unit,
            _ => {
                wrong.add("baseUnit", "choice.unknown");
                wrong.done()?;
                return Err(Error::field("baseUnit", "choice.unknown"));
            }
        };
        let units = wrong.units(&self.units, base);
        let cost = self.standard_cost.as_ref().map_or((0, Quantity::ONE.micros()), |cost| wrong.cost(cost, base, &units, ground.currency));
        if ground.tax_id.is_none() {
            wrong.add("taxCategoryId", "tax.unknown");
        }
        if self.price.is_some_and(|price| price.currency != ground.list_currency) {
            wrong.add("price", "money.currency");
        }
        wrong.done()?;
        let unit_price = self.price.map(|price| per_base(price, base.code, &units, self.price_unit.as_deref())).transpose()?;
        Ok(Checked { name, sku, category, base, units, cost, unit_price })
    }
}

impl Command for CreateItem {
    const NEEDS: Permission = Permission::ItemWrite;
    type Out = Item;

    fn intent_id(&self) -> Option<Uuid> {
        self.id.map(ItemId::uuid)
    }

    async fn run(self, tx: &mut Tx) -> Result<Item> {
        let ground = ground(tx, self.tax_category_id).await?;
        let checked = self.check(&ground)?;
        let today = today(tx).await?;
        let id = self.id.unwrap_or_else(|| tx.op().id());
        let (tenant, now, price_id) = (tx.tenant().uuid(), tx.now(), tx.op().source.uuid());
        let (codes, over, under) = columns(&checked.units);
        sqlx::query!(
            r#"WITH made AS (
                INSERT INTO catalog.item (tenant_id, id, kind, name, sku, category, base_unit, stock_rule, standard_cost, standard_quantity,
                    tax_category_id, created_at)
                SELECT t.id, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12 FROM db.tenant t WHERE t.id = $1
            ), measured AS (
                INSERT INTO catalog.item_unit (tenant_id, item_id, n, code, numerator, denominator)
                SELECT t.id, $2, u.n, u.code, u.numerator, u.denominator
                FROM db.tenant t, unnest($13::text[], $14::bigint[], $15::bigint[]) WITH ORDINALITY AS u (code, numerator, denominator, n)
                WHERE t.id = $1
            )
            INSERT INTO catalog.price (tenant_id, id, list_id, item_id, from_day, unit_price)
            SELECT t.id, $16, $17, $2, $18, $19::bigint FROM db.tenant t WHERE t.id = $1 AND $19::bigint IS NOT NULL"#,
            tenant,
            id.uuid(),
            self.kind.code(),
            checked.name,
            checked.sku,
            checked.category,
            checked.base.code,
            self.stock_rule.unwrap_or(self.kind.usual_rule()).code(),
            checked.cost.0,
            checked.cost.1,
            ground.tax_id,
            now as kernel::At,
            &codes,
            &over,
            &under,
            price_id,
            ground.list_id,
            today as kernel::Day,
            checked.unit_price
        )
        .execute(tx.conn())
        .await
        .map_err(|error| taken(error.into()))?;
        let made = item(tx, id).await?;
        tx.log(Change::of("item.created", "item", id, &made));
        Ok(made.seen_with(tx.op().permissions))
    }
}

/// Units as the columns of an insert.
fn columns(units: &[(String, Ratio)]) -> (Vec<String>, Vec<i64>, Vec<i64>) {
    let codes = units.iter().map(|(code, _)| code.clone()).collect();
    (codes, units.iter().map(|(_, ratio)| ratio.numerator()).collect(), units.iter().map(|(_, ratio)| ratio.denominator()).collect())
}

/// Blames the field whose uniqueness was hurt.
fn taken(error: Error) -> Error {
    match error.code() {
        "item.name_taken" => error.at("name"),
        "item.sku_taken" => error.at("sku"),
        _ => error,
    }
}

/// A changed item, checked: what is written.
struct Changed {
    name: String,
    sku: Option<String>,
    category: Option<String>,
    units: Option<Vec<(String, Ratio)>>,
    cost: Option<(i64, i64)>,
}

impl ChangeItem {
    fn check(&self, before: &Item, ground: &Ground) -> Result<Changed> {
        let mut wrong = Complaints::default();
        let base = Unit::find(&before.base_unit)?;
        let name = self.name.as_deref().map_or_else(|| before.name.clone(), |name| wrong.text("name", name, 200));
        let sku = wrong.optional("sku", self.sku.as_deref().or(before.sku.as_deref()), 60);
        let category = wrong.optional("category", self.category.as_deref().or(before.category.as_deref()), 100);
        let units = self.units.as_ref().map(|units| wrong.units(units, base));
        let known = units.clone().map_or_else(|| before.ratios(), Ok)?;
        let cost = self.standard_cost.as_ref().map(|cost| wrong.cost(cost, base, &known, ground.currency));
        if ground.tax_id.is_none() {
            wrong.add("taxCategoryId", "tax.unknown");
        }
        wrong.done()?;
        Ok(Changed { name, sku, category, units, cost })
    }
}

impl Command for ChangeItem {
    const NEEDS: Permission = Permission::ItemWrite;
    type Out = Item;

    async fn run(self, tx: &mut Tx) -> Result<Item> {
        let before = item(tx, self.id).await?;
        if before.version != self.version {
            return Err(Error::Stale);
        }
        let ground = ground(tx, self.tax_category_id).await?;
        let changed = self.check(&before, &ground)?;
        let tenant = tx.tenant().uuid();
        let updated = sqlx::query!(
            r#"UPDATE catalog.item SET name = $4, sku = $5, category = $6, stock_rule = coalesce($7, stock_rule),
                standard_cost = coalesce($8, standard_cost), standard_quantity = coalesce($9, standard_quantity),
                tax_category_id = coalesce($10, tax_category_id), active = coalesce($11, active), version = version + 1
            WHERE tenant_id = $1 AND id = $2 AND version = $3"#,
            tenant,
            self.id.uuid(),
            self.version,
            changed.name,
            changed.sku,
            changed.category,
            self.stock_rule.map(StockRule::code),
            changed.cost.map(|cost| cost.0),
            changed.cost.map(|cost| cost.1),
            self.tax_category_id,
            self.active
        )
        .execute(tx.conn())
        .await
        .map_err(|error| taken(error.into()))?;
        if updated.rows_affected() == 0 {
            return Err(Error::Stale);
        }
        if let Some(units) = &changed.units {
            replace_units(tx, self.id, units).await?;
        }
        let after = item(tx, self.id).await?;
        tx.log(Change::of("item.changed", "item", self.id, &after).from(&before));
        Ok(after.seen_with(tx.op().permissions))
    }
}

async fn replace_units(tx: &mut Tx, id: ItemId, units: &[(String, Ratio)]) -> Result<()> {
    let tenant = tx.tenant().uuid();
    let (codes, over, under) = columns(units);
    sqlx::query!("DELETE FROM catalog.item_unit WHERE tenant_id = $1 AND item_id = $2", tenant, id.uuid()).execute(tx.conn()).await?;
    sqlx::query!(
        "INSERT INTO catalog.item_unit (tenant_id, item_id, n, code, numerator, denominator)
        SELECT t.id, $2, u.n, u.code, u.numerator, u.denominator
        FROM db.tenant t, unnest($3::text[], $4::bigint[], $5::bigint[]) WITH ORDINALITY AS u (code, numerator, denominator, n)
        WHERE t.id = $1",
        tenant,
        id.uuid(),
        &codes,
        &over,
        &under
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_must_come_out_whole_per_base_unit() {
        let pounds = |minor| Money::new(minor, Currency::GBP);
        let tray = [("tray".to_owned(), Ratio::new(30, 1).unwrap())];
        assert_eq!(per_base(pounds(320), "pc", &tray, None).unwrap(), 320);
        assert_eq!(per_base(pounds(9_000), "pc", &tray, Some("tray")).unwrap(), 300);
        assert_eq!(per_base(pounds(100), "pc", &tray, Some("tray")).unwrap_err().code(), "price.not_whole");
        assert_eq!(per_base(pounds(120), "g", &[], Some("kg")).unwrap_err().code(), "price.not_whole");
        assert_eq!(per_base(pounds(2_000), "g", &[], Some("kg")).unwrap(), 2);
        assert_eq!(per_base(pounds(2_000), "g", &[], Some("l")).unwrap_err().code(), "unit.dimension");
        assert_eq!(per_base(pounds(-1), "pc", &[], None).unwrap_err().code(), "number.not_negative");
    }

    #[test]
    fn units_are_refused_by_name() {
        let unit = |code: &str, numerator| ItemUnit { code: code.into(), numerator, denominator: 1 };
        let mut wrong = Complaints::default();
        wrong.units(&[unit("bag", 25_000), unit("bag", 1), unit("kg", 5), unit("", 1), unit("sack", 0)], Unit::find("g").unwrap());
        let fields: Vec<_> = wrong.0.iter().map(|w| (w.field.as_str(), w.code)).collect();
        assert_eq!(
            fields,
            [
                ("units.1.code", "unit.exists"),
                ("units.2.code", "unit.exists"),
                ("units.3.code", "text.needed"),
                ("units.4.numerator", "unit.ratio"),
            ]
        );
    }
}
