//! Discounts on a line and on the whole order.

use kernel::{Error, Result, split};
use serde::{Deserialize, Serialize};

use crate::{Mode, fit, sum, tax::Taxed};

/// What is taken off. Never below zero and never more than what it is taken off from (`order.discount`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Discount {
    /// So many minor units.
    Amount(i64),
    /// A part of the amount: 10 % = 100,000. Rounded half away from zero.
    PartsPerMillion(i64),
}

impl Discount {
    /// What it takes off `amount`, with the sign of `amount`: when goods come back, so does the discount.
    pub(crate) fn of(self, amount: i64) -> Result<i64> {
        let (given, size) = match self {
            Self::Amount(minor) => (minor, i128::from(minor)),
            Self::PartsPerMillion(parts) => {
                let exact = i128::from(amount).abs() * i128::from(parts);
                (parts, Mode::HalfAway.divide(exact, 1_000_000))
            }
        };
        if given < 0 {
            return Err(Error::rule("number.not_negative"));
        }
        if size > i128::from(amount).abs() {
            return Err(Error::rule("order.discount"));
        }
        fit(size * i128::from(amount.signum()))
    }
}

/// Each line's part of a discount on the order, by largest remainder in proportion to the lines' amounts.
/// In an order that sells and takes back, only the lines on the side of its sum bear it.
pub(crate) fn spread(discount: Discount, lines: &[Taxed<'_>]) -> Result<Vec<i64>> {
    let amount = sum(lines.iter().map(|line| line.amount))?;
    let off = discount.of(amount)?;
    // The odd minor unit goes by what the lines are, not by where they stand: the order of lines changes no total.
    let mut order: Vec<usize> = (0..lines.len()).collect();
    order.sort_by(|a, b| (lines[*b].amount.abs(), lines[*b].taxes).cmp(&(lines[*a].amount.abs(), lines[*a].taxes)));
    let bears = |line: &Taxed<'_>| if line.amount.signum() == amount.signum() { line.amount.abs() } else { 0 };
    let weights: Vec<i64> = order.iter().map(|i| bears(&lines[*i])).collect();
    let mut parts = vec![0; lines.len()];
    for (i, part) in order.into_iter().zip(split(off, &weights)) {
        parts[i] = part;
    }
    Ok(parts)
}
