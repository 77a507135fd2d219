//! What an order comes to: line discounts first, then the discount on the order, then tax.

use kernel::{Currency, Error, ItemId, Quantity, Result};
use serde::{Deserialize, Serialize};

use crate::{
    Discount, Mode, Rounding, TaxRate, TaxRow, discount, fit, sum,
    tax::{self, Taxed},
};

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    /// The lines.
    pub lines: Vec<QuoteLine>,
    /// Whether unit prices hold the tax already.
    pub prices_include_tax: bool,
    /// Of every amount here.
    pub currency: Currency,
    /// Where tax is rounded.
    pub rounding: Rounding,
    /// How tax is rounded.
    pub mode: Mode,
    /// Off the whole order, after the lines' own discounts.
    pub order_discount: Option<Discount>,
    /// The smallest coin in minor units, given only when the order is paid in cash: 5 where nothing smaller is minted.
    pub cash_rounding: Option<i64>,
}

/// One line asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuoteLine {
    /// What.
    pub item: ItemId,
    /// The earlier line (from 0) that this one belongs to: a modifier of a dish, a part of a menu.
    pub parent: Option<usize>,
    /// Base units; below zero when it comes back.
    pub quantity: Quantity,
    /// Minor units per base unit.
    pub unit_price_minor: i64,
    /// Its taxes, in the order in which compound ones count them.
    pub taxes: Vec<TaxRate>,
    /// Off this line.
    pub discount: Option<Discount>,
}

/// What it comes to; the lines are those of the request, in its order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quoted {
    /// Line by line.
    pub lines: Vec<QuotedLine>,
    /// All lines together.
    pub totals: Totals,
    /// Of every amount here.
    pub currency: Currency,
}

/// The amounts of one line, in minor units. `net` and the taxes make up `total`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuotedLine {
    /// Quantity × unit price, before any discount, rounded half away from zero.
    pub gross: i64,
    /// The line's own discount and its part of the order's.
    pub discount: i64,
    /// Without tax.
    pub net: i64,
    /// Tax by tax.
    pub taxes: Vec<TaxRow>,
    /// With tax.
    pub total: i64,
}

impl QuotedLine {
    /// All its taxes together.
    pub fn tax(&self) -> Result<i64> {
        sum(self.taxes.iter().map(|row| row.amount))
    }
}

/// The amounts of the document, in minor units, each the sum of its lines'.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Before any discount.
    pub gross: i64,
    /// All discounts.
    pub discount: i64,
    /// Without tax.
    pub net: i64,
    /// All taxes.
    pub tax: i64,
    /// With tax.
    pub total: i64,
    /// What the customer pays: the total, or in cash the nearest amount that coins can make.
    pub to_pay: i64,
    /// What rounding to coins added to the total.
    pub rounding_difference: i64,
}

/// Works out an order.
///
/// Refuses a discount larger than what it is taken off from (`order.discount`), anything below zero that can't be
/// (`number.not_negative`), and whatever no longer fits (`number.too_large`). It blames a line's own field as
/// `lines.0.quantity`, and the discount on the order as `discount`, as the order itself names it.
pub fn quote(request: &Quote) -> Result<Quoted> {
    let mut lines = Vec::with_capacity(request.lines.len());
    for (i, line) in request.lines.iter().enumerate() {
        lines.push(before_tax(i, line)?);
    }
    if let Some(off) = request.order_discount {
        let taxed = taxed(request, &lines);
        let parts = discount::spread(off, &taxed).map_err(|error| error.at("discount"))?;
        for (line, part) in lines.iter_mut().zip(parts) {
            // No part is larger than what was left of its line, so this stays within the line's gross.
            line.discount += part;
        }
    }
    let taxed = taxed(request, &lines);
    let taxes = tax::amounts(&taxed, request.prices_include_tax, request.rounding, request.mode)?;
    for ((line, asked), taxes) in lines.iter_mut().zip(&request.lines).zip(taxes) {
        with_tax(line, asked, &taxes, request.prices_include_tax)?;
    }
    let totals = totals(&lines, request.cash_rounding)?;
    Ok(Quoted { lines, totals, currency: request.currency })
}

/// Gross and the line's own discount.
fn before_tax(i: usize, line: &QuoteLine) -> Result<QuotedLine> {
    let at = |field: &'static str| move |error: Error| error.at(format!("lines.{i}.{field}"));
    if line.parent.is_some_and(|parent| parent >= i) {
        return Err(at("parent")(Error::rule("choice.unknown")));
    }
    if line.quantity.micros().unsigned_abs() > Quantity::MOST.unsigned_abs() {
        return Err(at("quantity")(crate::too_large()));
    }
    let gross = line.quantity.times_price(line.unit_price_minor).and_then(|gross| fit(i128::from(gross))).map_err(at("quantity"))?;
    let discount = line.discount.map_or(Ok(0), |discount| discount.of(gross)).map_err(at("discount"))?;
    Ok(QuotedLine { gross, discount, ..QuotedLine::default() })
}

fn taxed<'a>(request: &'a Quote, lines: &[QuotedLine]) -> Vec<Taxed<'a>> {
    let one = |(line, asked): (&QuotedLine, &'a QuoteLine)| Taxed { amount: line.gross - line.discount, taxes: &asked.taxes };
    lines.iter().zip(&request.lines).map(one).collect()
}

/// Completes a line: a price with tax keeps its total, a price without keeps its net.
fn with_tax(line: &mut QuotedLine, asked: &QuoteLine, taxes: &[i64], included: bool) -> Result<()> {
    let amount = line.gross - line.discount;
    let tax = i128::from(sum(taxes.iter().copied())?);
    (line.net, line.total) = match included {
        true => (fit(i128::from(amount) - tax)?, amount),
        false => (amount, fit(i128::from(amount) + tax)?),
    };
    line.taxes = tax::rows(line.net, asked.taxes.iter().zip(taxes).map(|(rate, amount)| (rate.id, rate.compound, *amount)))?;
    Ok(())
}

fn totals(lines: &[QuotedLine], cash_rounding: Option<i64>) -> Result<Totals> {
    let total = sum(lines.iter().map(|line| line.total))?;
    let to_pay = match cash_rounding {
        None => total,
        Some(coin) if coin > 0 => {
            let coins = Mode::HalfAway.divide(i128::from(total), i128::from(coin));
            fit(coins * i128::from(coin))?
        }
        Some(_) => return Err(Error::rule("number.positive").at("cash_rounding")),
    };
    Ok(Totals {
        gross: sum(lines.iter().map(|line| line.gross))?,
        discount: sum(lines.iter().map(|line| line.discount))?,
        net: sum(lines.iter().map(|line| line.net))?,
        tax: sum(lines.iter().flat_map(|line| &line.taxes).map(|row| row.amount))?,
        total,
        to_pay,
        rounding_difference: fit(i128::from(to_pay) - i128::from(total))?,
    })
}
