//! Quantities in millionths of an item's base unit, units and exact ratios between them.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Error, Result};

/// Millionths of the item's base unit. One piece is 1,000,000; 2.5 kg of an item counted in g is 2,500,000,000.
/// On the wire it is a decimal text in base units, `"2.5"`; whole JSON numbers are read too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quantity(i64);

impl Quantity {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// One base unit.
    pub const ONE: Self = Self(1_000_000);
    /// The most that one line may hold: a billion base units.
    pub const MOST: i64 = 1_000_000_000_000_000;

    /// So many millionths.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// So many whole base units.
    pub const fn whole(units: i32) -> Self {
        Self(units as i64 * 1_000_000)
    }

    /// The millionths.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Whether it is so many whole ones: no part of a piece.
    pub const fn is_whole(self) -> bool {
        self.0 % 1_000_000 == 0
    }

    /// The sum, refused (`number.too_large`) where it no longer fits.
    pub fn plus(self, other: Self) -> Result<Self> {
        self.0.checked_add(other.0).map(Self).ok_or(Error::rule("number.too_large"))
    }

    /// The same amount with the other sign.
    pub const fn negated(self) -> Self {
        Self(-self.0)
    }

    /// `price` minor units per base unit × this quantity, rounded half away from zero to whole minor units.
    pub fn times_price(self, price_minor: i64) -> Result<i64> {
        round_half_away(i128::from(self.0) * i128::from(price_minor), 1_000_000)
    }

    /// The quantity converted by an exact ratio; refused (`quantity.not_exact`) if millionths can't hold it exactly.
    pub fn by(self, ratio: Ratio) -> Result<Self> {
        let product = i128::from(self.0) * i128::from(ratio.numerator);
        let denominator = i128::from(ratio.denominator);
        if product % denominator != 0 {
            return Err(Error::rule("quantity.not_exact"));
        }
        let micros = i64::try_from(product / denominator).map_err(|_| too_large())?;
        if micros.abs() > Self::MOST { Err(too_large()) } else { Ok(Self(micros)) }
    }
}

fn too_large() -> Error {
    Error::rule("quantity.too_large")
}

/// `numerator / denominator` rounded half away from zero.
pub(crate) fn round_half_away(numerator: i128, denominator: i128) -> Result<i64> {
    let half = denominator / 2;
    let rounded = if numerator >= 0 { (numerator + half) / denominator } else { (numerator - half) / denominator };
    i64::try_from(rounded).map_err(|_| Error::rule("number.too_large"))
}

impl FromStr for Quantity {
    type Err = Error;
    /// Reads `2`, `2.5`, `-0.25`, at most six decimals (else `quantity.format`) and a billion units (else `quantity.too_large`).
    fn from_str(text: &str) -> Result<Self> {
        let wrong = || Error::rule("quantity.format");
        let text = text.trim();
        let (negative, digits) = match text.strip_prefix(['-', '\u{2212}']) {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
        let plain = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || part.len() > 6 || !plain(whole) || !plain(part) {
            return Err(wrong());
        }
        // Zeros before it say nothing; ten digits hold the most there may be.
        let whole = whole.trim_start_matches('0');
        if whole.len() > 10 {
            return Err(too_large());
        }
        let micros: i64 = format!("{whole}{part:0<6}").parse().map_err(|_| wrong())?;
        if micros > Self::MOST {
            return Err(too_large());
        }
        Ok(Self(if negative { -micros } else { micros }))
    }
}
impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, part) = (self.0.unsigned_abs() / 1_000_000, self.0.unsigned_abs() % 1_000_000);
        let sign = if self.0 < 0 { "-" } else { "" };
        if part == 0 { write!(f, "{sign}{whole}") } else { write!(f, "{sign}{whole}.{}", format!("{part:06}").trim_end_matches('0')) }
    }
}
impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Quantity;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a quantity such as \"2.5\"")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Quantity, E> {
                // The code's own text, by which whoever reads the body finds the code again.
                text.parse().map_err(|refused: Error| E::custom(refused.row().text()))
            }
            fn visit_u64<E: serde::de::Error>(self, whole: u64) -> Result<Quantity, E> {
                self.visit_str(&whole.to_string())
            }
            fn visit_i64<E: serde::de::Error>(self, whole: i64) -> Result<Quantity, E> {
                self.visit_str(&whole.to_string())
            }
            fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Quantity, E> {
                // The shortest text of a double is what the sender wrote, so 0.1 stays 0.1.
                self.visit_str(&number.to_string())
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// An exact ratio of two positive integers: one bag = 50,000/1 g.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "(i64, i64)", into = "(i64, i64)")]
pub struct Ratio {
    numerator: i64,
    denominator: i64,
}

impl Ratio {
    /// One to one.
    pub const ONE: Self = Self { numerator: 1, denominator: 1 };

    /// A ratio; both parts are 1 to a trillion.
    pub fn new(numerator: i64, denominator: i64) -> Result<Self> {
        let sane = |n: i64| (1..=1_000_000_000_000).contains(&n);
        if sane(numerator) && sane(denominator) { Ok(Self { numerator, denominator }) } else { Err(Error::rule("unit.ratio")) }
    }
    /// The part above the line.
    pub const fn numerator(self) -> i64 {
        self.numerator
    }
    /// The part below the line.
    pub const fn denominator(self) -> i64 {
        self.denominator
    }
    /// This ratio turned over.
    pub const fn inverted(self) -> Self {
        Self { numerator: self.denominator, denominator: self.numerator }
    }
}
impl TryFrom<(i64, i64)> for Ratio {
    type Error = &'static str;
    fn try_from((numerator, denominator): (i64, i64)) -> Result<Self, Self::Error> {
        Self::new(numerator, denominator).map_err(|_| "both parts of a ratio are whole numbers above zero")
    }
}
impl From<Ratio> for (i64, i64) {
    fn from(ratio: Ratio) -> Self {
        (ratio.numerator, ratio.denominator)
    }
}

/// What a unit measures. Only units of one dimension convert into each other without knowing the item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dimension {
    /// Weighed; base gram.
    Mass,
    /// Poured; base millilitre.
    Volume,
    /// Counted; base piece.
    Count,
}

/// A unit of measure known to every business. An item may add its own (a bag, a tray) with a ratio of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Unit {
    /// What is stored and typed: `kg`.
    pub code: &'static str,
    /// What it measures.
    pub dimension: Dimension,
    /// How many of the dimension's base unit one of these is.
    pub base: i64,
}

impl Unit {
    /// The common units.
    pub const ALL: &[Self] = &[
        Self { code: "pc", dimension: Dimension::Count, base: 1 },
        Self { code: "dozen", dimension: Dimension::Count, base: 12 },
        Self { code: "g", dimension: Dimension::Mass, base: 1 },
        Self { code: "kg", dimension: Dimension::Mass, base: 1_000 },
        Self { code: "t", dimension: Dimension::Mass, base: 1_000_000 },
        Self { code: "ml", dimension: Dimension::Volume, base: 1 },
        Self { code: "cl", dimension: Dimension::Volume, base: 10 },
        Self { code: "l", dimension: Dimension::Volume, base: 1_000 },
    ];

    /// The unit of this code.
    pub fn find(code: &str) -> Result<Self> {
        Self::ALL.iter().find(|u| u.code == code).copied().ok_or(Error::rule("unit.unknown"))
    }

    /// Whether it is counted, so that only whole ones change hands.
    pub fn is_counted(self) -> bool {
        self.dimension == Dimension::Count
    }

    /// How many `base` one of these is; refuses another dimension (`unit.dimension`).
    pub fn ratio_to(self, base: Self) -> Result<Ratio> {
        if self.dimension != base.dimension {
            return Err(Error::rule("unit.dimension"));
        }
        Ratio::new(self.base, base.base)
    }
}

/// What a person entered: so many of a unit, with the ratio to the base unit as it was then. Shown as it was typed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entered {
    /// The number that was typed.
    pub quantity: Quantity,
    /// The unit beside it.
    pub unit: String,
    /// How many base units one of that unit was.
    pub ratio: Ratio,
}

impl Entered {
    /// The quantity in base units.
    pub fn base(&self) -> Result<Quantity> {
        self.quantity.by(self.ratio)
    }
}

#[cfg(feature = "utoipa")]
mod described {
    use super::Quantity;
    use utoipa::openapi::{
        ObjectBuilder, RefOr,
        schema::{Schema, Type},
    };

    impl utoipa::PartialSchema for Quantity {
        fn schema() -> RefOr<Schema> {
            ObjectBuilder::new()
                .schema_type(Type::String)
                .description(Some("A decimal number with at most six decimals; whole JSON numbers are read too"))
                .pattern(Some(r"^-?\d{1,10}(\.\d{1,6})?$"))
                .into()
        }
    }
    impl utoipa::ToSchema for Quantity {}
}
