//! Money in whole minor units with its currency beside it.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// A currency of ISO 4217.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency(iso_currency::Currency);

impl Currency {
    /// Pounds, dollars, euros, shillings: the ones that Hearth's own data names.
    pub const GBP: Self = Self(iso_currency::Currency::GBP);
    /// The US dollar.
    pub const USD: Self = Self(iso_currency::Currency::USD);

    /// The three letters.
    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// How many decimal places the minor unit stands for: 2 for GBP, 0 for JPY, 3 for KWD.
    pub fn decimals(self) -> u32 {
        u32::from(self.0.exponent().unwrap_or(0))
    }

    /// The sign that people write before an amount: `£`, or the code and a space where there is none of its own.
    pub fn sign(self) -> &'static str {
        match self.code() {
            "GBP" => "£",
            "USD" => "$",
            "EUR" => "€",
            "JPY" => "¥",
            code => code,
        }
    }
}
impl FromStr for Currency {
    type Err = &'static str;
    fn from_str(code: &str) -> Result<Self, Self::Err> {
        iso_currency::Currency::from_code(code).map(Self).ok_or("name a currency by its three letters, such as GBP")
    }
}
impl TryFrom<String> for Currency {
    type Error = &'static str;
    fn try_from(code: String) -> Result<Self, Self::Error> {
        code.parse()
    }
}
impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.code().to_owned()
    }
}
impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// An amount in minor units (pence, cents, whole yen) of one currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct Money {
    /// Whole minor units; what is sent is at most a trillion of them.
    #[serde(deserialize_with = "bounded")]
    pub minor: i64,
    /// The currency's three letters.
    #[cfg_attr(feature = "utoipa", schema(value_type = String, example = "GBP"))]
    pub currency: Currency,
}

/// The largest amount that may be sent, in minor units: sums over the documents of a lifetime still fit.
const MOST: i64 = 1_000_000_000_000;

fn bounded<'de, D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<i64, D::Error> {
    let minor = i64::deserialize(deserializer)?;
    if (-MOST..=MOST).contains(&minor) { Ok(minor) } else { Err(serde::de::Error::custom("an amount is at most a trillion minor units")) }
}

impl Money {
    /// An amount of minor units.
    pub const fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// The sum; refuses another currency (`money.currency`) and what no longer fits (`number.too_large`).
    pub fn plus(self, other: Self) -> Result<Self> {
        if self.currency != other.currency {
            return Err(Error::rule("money.currency"));
        }
        let minor = self.minor.checked_add(other.minor).ok_or(Error::rule("number.too_large"))?;
        Ok(Self { minor, ..self })
    }

    /// Reads what a person typed in a field of this currency: `3.20`, `1,234.50`, `3`, with or without the sign.
    /// More decimals than the currency has are refused (`money.format`).
    pub fn parse(text: &str, currency: Currency) -> Result<Self> {
        let wrong = || Error::rule("money.format");
        // The sign stands after the minus where Hearth writes it (−£3.00); people write it before, too.
        fn unsigned(text: &str, currency: Currency) -> &str {
            text.strip_prefix(currency.sign()).unwrap_or(text).trim()
        }
        let text = unsigned(text.trim(), currency);
        let (negative, digits) = match text.strip_prefix(['-', '\u{2212}']) {
            Some(rest) => (true, unsigned(rest, currency)),
            None => (false, text),
        };
        let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
        let whole: String = whole.chars().filter(|c| !matches!(c, ',' | ' ' | '\u{a0}')).collect();
        let decimals = currency.decimals() as usize;
        let plain = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || whole.len() > 15 || part.len() > decimals || !plain(&whole) || !plain(part) {
            return Err(wrong());
        }
        let minor: i64 = format!("{whole}{part:0<decimals$}").parse().map_err(|_| wrong())?;
        if minor > MOST {
            return Err(Error::rule("number.too_large"));
        }
        Ok(Self { minor: if negative { -minor } else { minor }, currency })
    }

    /// The digits without a sign of currency: `1234.50`, a hyphen before a negative one. For files and fields.
    pub fn digits(self) -> String {
        let decimals = self.currency.decimals() as usize;
        let sign = if self.minor < 0 { "-" } else { "" };
        let digits = format!("{:0>width$}", self.minor.unsigned_abs(), width = decimals + 1);
        let (whole, part) = digits.split_at(digits.len() - decimals);
        if decimals == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{part}") }
    }
}

impl fmt::Display for Money {
    /// As people read it: `£1,234.50`, `−£3.00`, `KES 1,200.00`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = Self { minor: self.minor.checked_abs().unwrap_or(i64::MAX), ..*self }.digits();
        let (whole, part) = digits.split_once('.').map_or((digits.as_str(), None), |(w, p)| (w, Some(p)));
        if self.minor < 0 {
            f.write_str("\u{2212}")?;
        }
        f.write_str(self.currency.sign())?;
        if self.currency.sign().len() == 3 && self.currency.sign().is_ascii() {
            f.write_str("\u{a0}")?;
        }
        for (i, digit) in whole.chars().enumerate() {
            if i > 0 && (whole.len() - i).is_multiple_of(3) {
                f.write_str(",")?;
            }
            write!(f, "{digit}")?;
        }
        part.map_or(Ok(()), |part| write!(f, ".{part}"))
    }
}

/// Splits `total` in proportion to `weights` by largest remainder: the parts always sum to the total, and equal
/// weights differ by at most one. Weights below zero count as zero; with no weight at all the first part takes everything.
pub fn split(total: i64, weights: &[i64]) -> Vec<i64> {
    let sum: i128 = weights.iter().map(|w| i128::from((*w).max(0))).sum();
    if sum == 0 {
        return weights.iter().enumerate().map(|(i, _)| if i == 0 { total } else { 0 }).collect();
    }
    let size = i128::from(total).abs();
    let mut parts: Vec<(i128, i128)> = weights
        .iter()
        .map(|w| {
            let p = size * i128::from((*w).max(0));
            (p / sum, p % sum)
        })
        .collect();
    let rest = size - parts.iter().map(|p| p.0).sum::<i128>();
    let mut order: Vec<usize> = (0..parts.len()).collect();
    order.sort_by(|a, b| parts[*b].1.cmp(&parts[*a].1).then(a.cmp(b)));
    for i in order.into_iter().take(usize::try_from(rest).unwrap_or_default()) {
        parts[i].0 += 1;
    }
    // Each part is at most |total|, so it fits; the smallest i64 has no positive twin, hence the saturation.
    let signed = |p: i128| i64::try_from(if total < 0 { -p } else { p }).unwrap_or(total);
    parts.into_iter().map(|(p, _)| signed(p)).collect()
}
