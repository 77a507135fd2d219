//! Paying back part of what was sold.

use kernel::{Error, Quantity, Result};

use crate::{Mode, QuotedLine, TaxRow, fit, tax};

/// What a refund of `quantity` pays back of a sold line, with the sign of the sale.
///
/// `sold` is the line's quantity and `already` what earlier refunds took back of it. The amounts follow from how much
/// has come back in all, so that refunds in any steps sum exactly to the sale and no step pays a minor unit twice.
/// More than is left is refused (`order.refund_more`).
pub fn refund(line: &QuotedLine, sold: Quantity, already: Quantity, quantity: Quantity) -> Result<QuotedLine> {
    if quantity <= Quantity::ZERO {
        return Err(Error::rule("number.positive").at("quantity"));
    }
    if already < Quantity::ZERO {
        return Err(Error::rule("number.not_negative"));
    }
    let back = already.plus(quantity)?;
    if back > sold {
        return Err(Error::rule("order.refund_more").at("quantity"));
    }
    difference(line, &up_to(line, sold, back)?, &up_to(line, sold, already)?)
}

/// The amounts of the line's first `back` of `sold`.
fn up_to(line: &QuotedLine, sold: Quantity, back: Quantity) -> Result<QuotedLine> {
    if back == sold {
        return Ok(line.clone());
    }
    let (back, sold) = (i128::from(back.micros()), i128::from(sold.micros()));
    let total = share(line.total, back, sold)?;
    // Tax follows the total and each tax the rest of the tax, so that nothing is taxed that was not paid back.
    let mut tax_left_of = i128::from(line.tax()?);
    let mut tax_left = i128::from(share(line.tax()?, total.into(), line.total.into())?);
    let net = fit(i128::from(total) - tax_left)?;
    let mut taxes = Vec::with_capacity(line.taxes.len());
    for row in &line.taxes {
        let amount = share(row.amount, tax_left, tax_left_of)?;
        (tax_left, tax_left_of) = (tax_left - i128::from(amount), tax_left_of - i128::from(row.amount));
        taxes.push(TaxRow { amount, ..*row });
    }
    let discount = share(line.discount, back, sold)?;
    let paid = if prices_include_tax(line) { total } else { net };
    Ok(QuotedLine { gross: fit(i128::from(paid) + i128::from(discount))?, discount, net, taxes, total })
}

/// `later` without `earlier`; the bases of the taxes follow from what they are levied on.
fn difference(line: &QuotedLine, later: &QuotedLine, earlier: &QuotedLine) -> Result<QuotedLine> {
    let minus = |later: i64, earlier: i64| fit(i128::from(later) - i128::from(earlier));
    let net = minus(later.net, earlier.net)?;
    let mut taxes = Vec::with_capacity(line.taxes.len());
    for ((row, later), earlier) in line.taxes.iter().zip(&later.taxes).zip(&earlier.taxes) {
        taxes.push((row.tax, row.base != line.net, minus(later.amount, earlier.amount)?));
    }
    Ok(QuotedLine {
        gross: minus(later.gross, earlier.gross)?,
        discount: minus(later.discount, earlier.discount)?,
        net,
        taxes: tax::rows(net, taxes)?,
        total: minus(later.total, earlier.total)?,
    })
}

/// Whether the line's price held its tax: then what was left after the discount is the total, else it is the net.
fn prices_include_tax(line: &QuotedLine) -> bool {
    i128::from(line.gross) - i128::from(line.discount) == i128::from(line.total)
}

/// `amount × part / whole`, rounded half away from zero; nothing of a whole that is nothing.
fn share(amount: i64, part: i128, whole: i128) -> Result<i64> {
    if whole == 0 {
        return Ok(0);
    }
    // The divisor is kept above zero; the sign goes to the part.
    fit(Mode::HalfAway.divide(i128::from(amount) * part * whole.signum(), whole.abs()))
}
