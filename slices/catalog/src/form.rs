//! The form of an item: what it shows of an item, and how what was typed is read.

use kernel::{Currency, Error, ItemId, Money, Permission, Quantity, Ratio, Result, Unit};
use maud::{Markup, html};
use web::{
    Cx, Fields, Reader, Refused, t,
    ui::{self, Choice, Field, Kind},
};

use crate::{ChangeItem, CreateItem, Item, ItemKind, ItemUnit, StandardCost, StockRule, tax::TaxCategory};

/// Rows for own units that a form offers beside those that are filled.
const SPARE: usize = 2;

/// Choices by their codes, said by the texts `prefix-code`.
pub(crate) fn choices(prefix: &str, codes: impl Iterator<Item = &'static str>) -> Vec<Choice> {
    codes.map(|code| Choice::new(code, t(&format!("{prefix}-{}", code.replace('_', "-"))))).collect()
}

/// The common units, as they are written.
fn units() -> Vec<Choice> {
    Unit::ALL.iter().map(|unit| Choice::new(unit.code, unit.code)).collect()
}

/// What stands in the form of a new item: a product, counted in pieces.
pub(crate) fn usual() -> Result<Fields> {
    Fields::of([("kind", "product"), ("baseUnit", "pc")].map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec())
}

/// What stands in the form of an item that exists.
pub(crate) fn of(item: &Item) -> Result<Fields> {
    let text = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let mut all = vec![
        text("version", &item.version.to_string()),
        text("name", &item.name),
        text("sku", item.sku.as_deref().unwrap_or_default()),
        text("category", item.category.as_deref().unwrap_or_default()),
        text("kind", item.kind.code()),
        text("stockRule", item.stock_rule.code()),
        text("taxCategoryId", &item.tax_category_id.to_string()),
    ];
    if let Some(cost) = &item.standard_cost {
        all.push(text("standardCost.amount", &cost.amount.digits()));
        all.push(text("standardCost.per", &cost.per.to_string()));
        all.push(text("standardCost.unit", cost.unit.as_deref().unwrap_or_default()));
    }
    for (n, unit) in item.units.iter().enumerate() {
        let size = if unit.denominator == 1 { unit.numerator.to_string() } else { format!("{}/{}", unit.numerator, unit.denominator) };
        all.push(text(&format!("units.{n}.code"), &unit.code));
        all.push(text(&format!("units.{n}.size"), &size));
        all.push(text(&format!("units.{n}.unit"), &item.base_unit));
    }
    if item.active {
        all.push(text("active", "true"));
    }
    Fields::of(all)
}

/// The numbers of the unit rows in which something was typed.
fn filled(fields: &Fields) -> Vec<usize> {
    let typed = |n: &usize| ["code", "size"].iter().any(|part| !fields.get(&format!("units.{n}.{part}")).trim().is_empty());
    (0..fields.rows("units")).filter(typed).collect()
}

/// The fields, with what was typed and what was refused. A new item also asks for base unit and price; what it costs is
/// left to those who may see it.
pub(crate) fn fields(cx: &Cx, typed: &Fields, taxes: &[TaxCategory], new: bool, refused: Option<&Refused>) -> Result<Vec<Field>> {
    let currency = cx.site()?.currency;
    let taxes = taxes.iter().map(|category| Choice::new(category.id.to_string(), category.name.as_str())).collect();
    let sign = || Kind::Money { currency: currency.sign().to_owned() };
    let field = |name: &str, label: &str, kind| Field::new(name, t(label), kind);
    let mut all = vec![field("name", "item-name", Kind::Text).focus()];
    if new {
        all.push(field("kind", "item-kind", Kind::Select(choices("kind-of", ItemKind::ALL.iter().map(|kind| kind.code())))));
        all.push(
            field("baseUnit", "item-base-unit", Kind::Select(choices("unit", ["pc", "g", "ml"].into_iter())))
                .help(t("item-base-unit-help")),
        );
    } else {
        all.push(Field::hidden("version", ""));
    }
    all.push(field("sku", "item-sku", Kind::Text).optional());
    all.push(field("category", "item-category", Kind::Text).optional());
    let rules = Kind::Select(choices("rule", StockRule::ALL.iter().map(|rule| rule.code())));
    let rule = field("stockRule", "item-stock-rule", rules).help(t("item-stock-rule-help"));
    all.push(if new { rule.optional() } else { rule });
    if cx.op.permissions.has(Permission::CostRead) {
        all.push(field("standardCost.amount", "item-standard-cost", sign()).optional().help(t("item-standard-cost-help")));
        all.push(field("standardCost.per", "item-standard-per", Kind::Number).optional());
        all.push(field("standardCost.unit", "item-standard-unit", Kind::Text).optional().help(t("item-unit-help")));
    }
    let tax = field("taxCategoryId", "item-tax", Kind::Select(taxes));
    all.push(if new { tax.optional() } else { tax });
    if new {
        all.push(field("price", "item-price", sign()).optional());
        all.push(field("priceUnit", "item-price-unit", Kind::Text).optional().help(t("item-unit-help")));
    } else {
        all.push(field("active", "item-active", Kind::Checkbox));
        // A box that may stay empty.
        if let Some(last) = all.last_mut() {
            last.required = false;
        }
    }
    unit_rows(&mut all, typed);
    let rows = filled(typed);
    for one in &mut all {
        one.value = typed.get(&one.name).to_owned();
        one.error = refused.and_then(|refused| refused.of(&one.name).or_else(|| unit_error(refused, &one.name, &rows)));
    }
    Ok(all)
}

/// The fields as they stand on the page: first what every item needs, then what few do.
pub(crate) fn laid_out(all: &[Field], new: bool) -> Markup {
    let named = |names: &[&str]| all.iter().filter(|one| names.contains(&one.name.as_str())).cloned().collect::<Vec<_>>();
    let (cost, rest) = (named(&["standardCost.amount", "standardCost.per", "standardCost.unit"]), named(&["stockRule", "priceUnit"]));
    let units: Vec<Field> = all.iter().filter(|one| one.name.starts_with("units.")).cloned().collect();
    let wrong = [&cost, &rest, &units].into_iter().flatten().any(|one| one.error.is_some());
    let further = html! {
        @if !cost.is_empty() { (ui::field_line(&cost)) }
        (ui::field_line(&rest))
        (ui::line_set(&t("item-own-units"), Some(&t("item-own-units-help")), &units.chunks(3).map(<[Field]>::to_vec).collect::<Vec<_>>()))
    };
    html! {
        (ui::mend(all))
        (ui::fields(&named(&["version", "name"])))
        (ui::field_line(&named(&["kind", "baseUnit"])))
        (ui::field_line(&named(&["price", "taxCategoryId"])))
        (ui::field_line(&named(&["sku", "category"])))
        (ui::fields(&named(&["active"])))
        (ui::fold(&t("item-further"), wrong || !new, &further))
    }
}

fn unit_rows(all: &mut Vec<Field>, typed: &Fields) {
    for n in 0..filled(typed).last().map_or(0, |last| last + 1) + SPARE {
        let number = (n + 1).to_string();
        let label = |key: &str| web::tf(key, &[("n", &number)]);
        all.push(Field::text(format!("units.{n}.code"), label("item-own-unit")).optional());
        all.push(Field::new(format!("units.{n}.size"), label("item-own-unit-size"), Kind::Number).optional());
        all.push(Field::new(format!("units.{n}.unit"), label("item-own-unit-of"), Kind::Select(units())).optional());
    }
}

/// What the command said of a unit; it counts only the rows that are filled.
fn unit_error(refused: &Refused, name: &str, rows: &[usize]) -> Option<String> {
    let (row, part) = name.strip_prefix("units.")?.split_once('.')?;
    let n = rows.iter().position(|filled| filled.to_string() == row)?;
    let part = if part == "size" { "numerator" } else { part };
    refused.of(&format!("units.{n}.{part}"))
}

/// How many base units one own unit is: `25`, `0.5`, `1/3` of a common unit.
fn size(text: &str, ratio: Ratio) -> Result<(i64, i64)> {
    let wrong = || Error::rule("unit.ratio");
    let (over, under): (i64, i64) = match text.split_once('/') {
        Some((over, under)) => (over.trim().parse().map_err(|_| wrong())?, under.trim().parse().map_err(|_| wrong())?),
        None => (text.trim().parse::<Quantity>()?.micros(), 1_000_000),
    };
    let over = i128::from(over) * i128::from(ratio.numerator());
    let under = i128::from(under) * i128::from(ratio.denominator());
    let common = gcd(over.abs(), under.abs()).max(1);
    let fit = |part: i128| i64::try_from(part / common).map_err(|_| wrong());
    let ratio = Ratio::new(fit(over)?, fit(under)?)?;
    Ok((ratio.numerator(), ratio.denominator()))
}

fn gcd(a: i128, b: i128) -> i128 {
    if b == 0 { a } else { gcd(b, a % b) }
}

fn own_units(reader: &mut Reader<'_>, typed: &Fields, base_unit: &str) -> Vec<ItemUnit> {
    let mut own = Vec::new();
    for n in filled(typed) {
        let code = reader.text(&format!("units.{n}.code"), 20);
        let (size_name, of) = (format!("units.{n}.size"), typed.get(&format!("units.{n}.unit")).trim());
        let of = if of.is_empty() { base_unit } else { of };
        let ratio = Unit::find(of).and_then(|unit| unit.ratio_to(Unit::find(base_unit)?));
        match ratio.and_then(|ratio| size(typed.get(&size_name), ratio)) {
            Ok((numerator, denominator)) => own.push(ItemUnit { code, numerator, denominator }),
            Err(error) => reader.refuse(&size_name, error.code()),
        }
    }
    own
}

fn cost(reader: &mut Reader<'_>, typed: &Fields, currency: Currency) -> Option<StandardCost> {
    if typed.get("standardCost.amount").trim().is_empty() {
        return None;
    }
    let amount = reader.money("standardCost.amount", currency)?;
    let per = reader.optional_quantity("standardCost.per").unwrap_or(Quantity::ONE);
    Some(StandardCost { amount, per, unit: reader.optional_text("standardCost.unit", 20) })
}

/// The command that a filled form for a new item stands for.
pub(crate) fn create(typed: &Fields, currency: Currency) -> Result<CreateItem> {
    let mut reader = typed.reader();
    let name = reader.text("name", 200);
    let kind = reader.parse("kind", "choice.unknown");
    let base_unit = reader.text("baseUnit", 20);
    let sku = reader.optional_text("sku", 60);
    let category = reader.optional_text("category", 100);
    let stock_rule = reader.optional("stockRule", "choice.unknown");
    let standard_cost = cost(&mut reader, typed, currency);
    let tax_category_id = reader.optional("taxCategoryId", "tax.unknown");
    let price: Option<Money> = if typed.get("price").trim().is_empty() { None } else { reader.money("price", currency) };
    let price_unit = reader.optional_text("priceUnit", 20);
    let units = if base_unit.is_empty() { Vec::new() } else { own_units(&mut reader, typed, &base_unit) };
    reader.done(|| {
        let kind = kind?;
        Some(CreateItem {
            id: None,
            kind,
            name,
            sku,
            category,
            base_unit,
            units,
            stock_rule,
            standard_cost,
            tax_category_id,
            price,
            price_unit,
        })
    })
}

/// The command that a filled form for an item stands for. What the form leaves empty is taken away; a form without the
/// fields of the cost, as those have it who may not see it, leaves the cost as it is.
pub(crate) fn change(typed: &Fields, id: ItemId, base_unit: &str, currency: Currency) -> Result<ChangeItem> {
    let mut reader = typed.reader();
    let version = reader.parse("version", "stale");
    let name = reader.text("name", 200);
    let sku = reader.optional_text("sku", 60).unwrap_or_default();
    let category = reader.optional_text("category", 100).unwrap_or_default();
    let stock_rule = reader.parse("stockRule", "choice.unknown");
    let nothing = || StandardCost { amount: Money::new(0, currency), per: Quantity::ONE, unit: None };
    let asked = typed.every("standardCost.amount").next().is_some();
    let standard_cost = asked.then(|| cost(&mut reader, typed, currency).unwrap_or_else(nothing));
    let tax_category_id = reader.parse("taxCategoryId", "tax.unknown");
    let active = reader.flag("active");
    let units = own_units(&mut reader, typed, base_unit);
    reader.done(|| {
        Some(ChangeItem {
            id,
            version: version?,
            name: Some(name),
            sku: Some(sku),
            category: Some(category),
            units: Some(units),
            stock_rule: Some(stock_rule?),
            standard_cost,
            tax_category_id: Some(tax_category_id?),
            active: Some(active),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_own_unit_is_typed_in_a_common_one() {
        let of = |text: &str, unit: &str, base: &str| {
            size(text, Unit::find(unit).unwrap().ratio_to(Unit::find(base).unwrap()).unwrap()).map_err(|error| error.code())
        };
        assert_eq!(of("25", "kg", "g"), Ok((25_000, 1)));
        assert_eq!(of("0.5", "g", "g"), Ok((1, 2)));
        assert_eq!(of("1/3", "kg", "g"), Ok((1_000, 3)));
        assert_eq!(of("0", "kg", "g"), Err("unit.ratio"));
        assert_eq!(of("1/0", "kg", "g"), Err("unit.ratio"));
        assert_eq!(of("-2", "kg", "g"), Err("unit.ratio"));
        assert_eq!(of("much", "kg", "g"), Err("quantity.format"));
    }
}
