//! What a past line comes to, exactly: quantity, amount and discount with their signs. Pure, but for the words of a refusal.

use kernel::{Currency, Error, Money, Quantity, Result};
use tables::{Decimal, SaleLine};
use web::{t, tf};

/// Why a line is not taken: a code and a sentence.
pub(super) type Fault = (&'static str, String);

/// A line in millionths and minor units, all with the sign of the line: below zero when it was given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Measured {
    pub quantity: Quantity,
    /// Before the discount; none where the file has no price.
    pub gross: Option<i64>,
    pub discount: i64,
    /// Minor units of one, never below zero; none where the file has no price.
    pub unit_price: Option<i64>,
    /// The amount had more decimals than the currency.
    pub rounded: bool,
}

/// An amount in minor units, rounded half away from zero.
pub(super) fn minor(amount: Decimal, currency: Currency) -> Result<i64, Fault> {
    let decimals = decimals(currency);
    amount.units_rounded(decimals).and_then(|units| i64::try_from(units).ok()).filter(|units| units.abs() <= MOST).ok_or_else(too_large)
}

fn decimals(currency: Currency) -> u8 {
    u8::try_from(currency.decimals()).unwrap_or(0)
}

/// The largest amount of a line in minor units; sums of a whole import stay far from the edge.
const MOST: i64 = 1_000_000_000_000;

pub(super) fn too_large() -> Fault {
    ("number.too_large", t("import-why-too-large"))
}

/// Reads quantity and amounts of a line in a currency.
///
/// A line total is what was paid, so its discount was taken off already, unless quantity × price says otherwise; a price
/// without a total is before the discount.
pub(super) fn measure(line: &SaleLine, currency: Currency) -> Result<Measured, Fault> {
    let size = line.quantity.abs().units_at(6).and_then(|q| i64::try_from(q).ok());
    let size = size.ok_or_else(|| ("quantity.format", tf("import-why-decimals", &[("quantity", &line.quantity.to_string())])))?;
    if size == 0 {
        return Err(("line.no_quantity", t("import-why-no-quantity")));
    }
    if size > Quantity::MOST {
        return Err(too_large());
    }
    let paid_back = |d: Option<Decimal>| d.is_some_and(Decimal::is_negative);
    let back = line.is_refund() || (line.line_total.is_none() && paid_back(line.unit_price));
    let off = minor(line.discount.map_or(Decimal::ZERO, Decimal::abs), currency)?;
    let unit = line.unit_price.map(Decimal::abs);
    let product = unit.map(|unit| line.quantity.abs().checked_mul(unit).ok_or_else(too_large)).transpose()?;
    let exact = line.line_total.map(Decimal::abs).or(product);
    let gross = match (line.line_total.map(Decimal::abs), product) {
        (Some(total), Some(product)) if off > 0 && total == product => Some(minor(total, currency)?),
        (Some(total), _) => Some(minor(total, currency)?.checked_add(off).ok_or_else(too_large)?),
        (None, Some(product)) => Some(minor(product, currency)?),
        (None, None) => None,
    };
    if let Some(gross) = gross.filter(|gross| *gross < off) {
        let money = |minor| Money::new(minor, currency).to_string();
        let said = tf("import-why-discount-of", &[("off", &money(off)), ("gross", &money(gross))]);
        return Err(("order.discount", said));
    }
    let unit_price = match (unit, gross) {
        (Some(unit), _) => Some(minor(unit, currency)?),
        (None, Some(gross)) => Some(per_unit(gross, size)?),
        (None, None) => None,
    };
    let sign = if back { -1 } else { 1 };
    Ok(Measured {
        quantity: Quantity::from_micros(sign * size),
        gross: gross.map(|gross| sign * gross),
        discount: sign * off,
        unit_price,
        rounded: exact.is_some_and(|exact| exact.units_at(decimals(currency)).is_none()),
    })
}

/// The price of one, rounded half away from zero; `size` is above zero.
fn per_unit(gross: i64, size: i64) -> Result<i64, Fault> {
    let (over, under) = (i128::from(gross) * 1_000_000, i128::from(size));
    i64::try_from((over + under / 2) / under).map_err(|_| too_large())
}

/// Fills a line without a price from the price of one.
pub(super) fn at_price(measured: Measured, price: i64) -> Result<Measured, Fault> {
    let gross = measured.quantity.times_price(price).map_err(|_: Error| too_large())?;
    if gross.abs() > MOST {
        return Err(too_large());
    }
    if gross.abs() < measured.discount.abs() {
        return Err(("order.discount", t("import-why-discount")));
    }
    Ok(Measured { gross: Some(gross), unit_price: Some(price), ..measured })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn line(quantity: &str, unit: Option<&str>, total: Option<&str>, discount: Option<&str>) -> SaleLine {
        let d = |text: &str| text.parse::<Decimal>().unwrap();
        SaleLine {
            file: Arc::from("a.csv"),
            line_no: 2,
            source_line_id: None,
            ticket: None,
            at: jiff::civil::datetime(2017, 1, 1, 10, 0, 0, 0),
            time_known: true,
            offset: None,
            item: "Bread".into(),
            item_code: None,
            category: None,
            quantity: d(quantity),
            unit_price: unit.map(d),
            line_total: total.map(d),
            discount: discount.map(d),
            tax: None,
            customer: None,
            seller: None,
            site: None,
            channel: None,
            payment_method: None,
        }
    }

    fn amounts(quantity: &str, unit: Option<&str>, total: Option<&str>, discount: Option<&str>) -> (i64, i64, i64) {
        let m = measure(&line(quantity, unit, total, discount), Currency::GBP).unwrap();
        (m.quantity.micros(), m.gross.unwrap(), m.discount)
    }

    #[test]
    fn prices_and_totals_agree_on_what_was_paid() {
        assert_eq!(amounts("2", Some("3.20"), None, None), (2_000_000, 640, 0));
        assert_eq!(amounts("2", None, Some("6.40"), None), (2_000_000, 640, 0));
        assert_eq!(amounts("2", Some("3.20"), None, Some("0.40")), (2_000_000, 640, 40));
        // The total is after the discount, unless quantity × price says that it is before.
        assert_eq!(amounts("2", Some("3.20"), Some("6.00"), Some("-0.40")), (2_000_000, 640, 40));
        assert_eq!(amounts("2", Some("3.20"), Some("6.40"), Some("0.40")), (2_000_000, 640, 40));
        assert_eq!(amounts("0.25", Some("3.21"), None, None), (250_000, 80, 0));
    }

    #[test]
    fn what_came_back_is_below_zero_however_it_is_written() {
        assert_eq!(amounts("-1", Some("3.20"), None, None), (-1_000_000, -320, 0));
        assert_eq!(amounts("1", None, Some("-3.20"), None), (-1_000_000, -320, 0));
        assert_eq!(amounts("1", Some("-3.20"), None, None), (-1_000_000, -320, 0));
        assert_eq!(amounts("-2", Some("3.20"), Some("-6.00"), Some("0.40")), (-2_000_000, -640, -40));
    }

    #[test]
    fn a_part_of_a_minor_unit_is_rounded_and_told() {
        let m = measure(&line("1", Some("1.005"), None, None), Currency::GBP).unwrap();
        assert_eq!((m.gross, m.rounded), (Some(101), true));
        let m = measure(&line("3", Some("1.015"), None, None), Currency::GBP).unwrap();
        assert_eq!((m.gross, m.unit_price), (Some(305), Some(102)), "the line is rounded, not the price");
        assert!(!measure(&line("1", Some("120"), None, None), "JPY".parse().unwrap()).unwrap().rounded);
    }

    #[test]
    fn what_can_not_be_is_refused() {
        let code = |quantity, unit, discount| measure(&line(quantity, unit, None, discount), Currency::GBP).unwrap_err().0;
        assert_eq!(code("0", Some("1"), None), "line.no_quantity");
        assert_eq!(code("0.0000001", Some("1"), None), "quantity.format");
        assert_eq!(code("99999999999", Some("1"), None), "number.too_large");
        assert_eq!(code("1", Some("99999999999999"), None), "number.too_large");
        assert_eq!(code("1", Some("1"), Some("2")), "order.discount");
    }

    #[test]
    fn a_line_without_a_price_takes_the_lists() {
        let m = measure(&line("-1.5", None, None, None), Currency::GBP).unwrap();
        assert_eq!((m.gross, m.unit_price), (None, None));
        let m = at_price(m, 333).unwrap();
        assert_eq!((m.gross, m.unit_price), (Some(-500), Some(333)));
    }
}
