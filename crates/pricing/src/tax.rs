//! Taxes of a line, included in its price or added to it, as rows that sum to the document's tax.

use std::collections::BTreeMap;

use kernel::{Error, Result, TaxId};
use serde::{Deserialize, Serialize};

use crate::{Mode, Rounding, fit, too_large};

/// A tax as it stood on the day of supply.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TaxRate {
    /// Which tax.
    pub id: TaxId,
    /// What the receipt calls it.
    pub name: String,
    /// The rate: 20 % = 200,000.
    pub parts_per_million: i64,
    /// Whether the taxes before it on the line are taxed too.
    pub compound: bool,
}

/// One tax of one line, in minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxRow {
    /// Which tax.
    pub tax: TaxId,
    /// What it was levied on.
    pub base: i64,
    /// How much it is.
    pub amount: i64,
}

/// What a line is taxed on: its amount after all discounts, and by what.
pub(crate) struct Taxed<'a> {
    pub amount: i64,
    pub taxes: &'a [TaxRate],
}

/// `over / under` with `under` above zero, in lowest terms where it is a rate.
#[derive(Clone, Copy)]
struct Fraction {
    over: i128,
    under: i128,
}

impl Fraction {
    const ONE: Self = Self { over: 1, under: 1 };

    fn reduced(over: i128, under: i128) -> Self {
        let common = gcd(over.abs(), under);
        Self { over: over / common, under: under / common }
    }

    fn plus(self, other: Self) -> Result<Self> {
        let left = self.over.checked_mul(other.under).ok_or_else(too_large)?;
        let right = other.over.checked_mul(self.under).ok_or_else(too_large)?;
        let under = self.under.checked_mul(other.under).ok_or_else(too_large)?;
        Ok(Self::reduced(left.checked_add(right).ok_or_else(too_large)?, under))
    }

    fn times(self, other: Self) -> Result<Self> {
        let over = self.over.checked_mul(other.over).ok_or_else(too_large)?;
        let under = self.under.checked_mul(other.under).ok_or_else(too_large)?;
        Ok(Self::reduced(over, under))
    }

    /// Turned over; the value is above zero.
    fn inverted(self) -> Self {
        Self { over: self.under, under: self.over }
    }
}

fn gcd(a: i128, b: i128) -> i128 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Which part of the line's amount each of its taxes is, exactly. What is not rounded yet is what a compound tax taxes.
fn shares(taxes: &[TaxRate], included: bool) -> Result<Vec<Fraction>> {
    let mut with_tax = Fraction::ONE;
    let mut shares = Vec::with_capacity(taxes.len());
    for tax in taxes {
        if tax.parts_per_million < 0 {
            return Err(Error::rule("number.not_negative"));
        }
        let rate = Fraction::reduced(i128::from(tax.parts_per_million), 1_000_000);
        let share = if tax.compound { rate.times(with_tax)? } else { rate };
        with_tax = with_tax.plus(share)?;
        shares.push(share);
    }
    if included {
        for share in &mut shares {
            *share = share.times(with_tax.inverted())?;
        }
    }
    Ok(shares)
}

/// The whole minor units of each tax of each line.
pub(crate) fn amounts(lines: &[Taxed<'_>], included: bool, rounding: Rounding, mode: Mode) -> Result<Vec<Vec<i64>>> {
    let mut exact = Vec::with_capacity(lines.len());
    for (i, line) in lines.iter().enumerate() {
        let of = |share: Fraction| {
            let over = share.over.checked_mul(i128::from(line.amount)).ok_or_else(too_large)?;
            Ok(Fraction { over, under: share.under })
        };
        let shares = shares(line.taxes, included).map_err(|error| error.at(format!("lines.{i}.taxes")))?;
        exact.push(shares.into_iter().map(of).collect::<Result<Vec<_>>>()?);
    }
    match rounding {
        Rounding::PerLine => exact.iter().map(|line| line.iter().map(|tax| fit(mode.divide(tax.over, tax.under))).collect()).collect(),
        Rounding::PerDocument => per_document(lines, &exact, mode),
    }
}

/// Rounds each tax (at each of its rates) once over all lines.
fn per_document(lines: &[Taxed<'_>], exact: &[Vec<Fraction>], mode: Mode) -> Result<Vec<Vec<i64>>> {
    let mut taxes: BTreeMap<(TaxId, i64), Vec<(usize, usize)>> = BTreeMap::new();
    for (i, line) in lines.iter().enumerate() {
        for (n, tax) in line.taxes.iter().enumerate() {
            taxes.entry((tax.id, tax.parts_per_million)).or_default().push((i, n));
        }
    }
    let mut rounded: Vec<Vec<i64>> = exact.iter().map(|line| vec![0; line.len()]).collect();
    for places in taxes.into_values() {
        let parts: Vec<Fraction> = places.iter().map(|(i, n)| exact[*i][*n]).collect();
        for ((i, n), part) in places.into_iter().zip(distribute(&parts, mode)?) {
            rounded[i][n] = part;
        }
    }
    Ok(rounded)
}

/// Rounds the sum of `exact` and gives each part its whole minor units, the rest by largest remainder.
fn distribute(exact: &[Fraction], mode: Mode) -> Result<Vec<i64>> {
    let under = exact.iter().try_fold(1_i128, |all, part| all.checked_mul(part.under / gcd(all, part.under)).ok_or_else(too_large))?;
    let over = |part: &Fraction| part.over.checked_mul(under / part.under).ok_or_else(too_large);
    let overs: Vec<i128> = exact.iter().map(over).collect::<Result<_>>()?;
    let sum = overs.iter().try_fold(0_i128, |sum, over| sum.checked_add(*over)).ok_or_else(too_large)?;
    // Counted on the side of the sum, so that the negative of every part gives the negative of every result.
    let side = [sum].iter().chain(&overs).find(|over| **over != 0).map_or(1, |over| over.signum());
    let mut parts: Vec<i128> = overs.iter().map(|over| (over * side).div_euclid(under)).collect();
    let rest = mode.divide(sum, under) * side - parts.iter().sum::<i128>();
    let mut order: Vec<usize> = (0..parts.len()).collect();
    order.sort_by_key(|i| (std::cmp::Reverse((overs[*i] * side).rem_euclid(under)), *i));
    for i in order.into_iter().take(usize::try_from(rest).unwrap_or_default()) {
        parts[i] += 1;
    }
    parts.into_iter().map(|part| fit(part * side)).collect()
}

/// The rows of a line whose amount without tax is `net`.
pub(crate) fn rows(net: i64, taxes: impl IntoIterator<Item = (TaxId, bool, i64)>) -> Result<Vec<TaxRow>> {
    let mut with_tax = i128::from(net);
    let mut rows = Vec::new();
    for (tax, compound, amount) in taxes {
        let base = if compound { fit(with_tax)? } else { net };
        with_tax += i128::from(amount);
        rows.push(TaxRow { tax, base, amount });
    }
    Ok(rows)
}
