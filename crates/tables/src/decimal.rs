//! Exact decimal numbers, as a table writes them.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// `units` divided by ten to the power of `scale`: 3.20 is 320 at scale 2. Equal values are equal whatever their scale.
#[derive(Debug, Clone, Copy)]
pub struct Decimal {
    units: i128,
    scale: u8,
}

/// 10^38 is the largest power of ten in an i128.
const MAX_SCALE: u8 = 38;

impl Decimal {
    /// 0.
    pub const ZERO: Self = Self { units: 0, scale: 0 };
    /// 1.
    pub const ONE: Self = Self { units: 1, scale: 0 };

    /// `units` at `scale`; nothing when the scale is over 38.
    pub fn new(units: i128, scale: u8) -> Option<Self> {
        (scale <= MAX_SCALE).then_some(Self { units, scale })
    }

    /// The digits without the decimal mark.
    pub fn units(self) -> i128 {
        self.units
    }

    /// The number of digits behind the decimal mark.
    pub fn scale(self) -> u8 {
        self.scale
    }

    /// Below zero.
    pub fn is_negative(self) -> bool {
        self.units < 0
    }

    /// Equal to zero.
    pub fn is_zero(self) -> bool {
        self.units == 0
    }

    /// The same value with as few digits behind the mark as it needs.
    #[must_use]
    pub fn normalized(self) -> Self {
        let Self { mut units, mut scale } = self;
        while scale > 0 && units % 10 == 0 {
            units /= 10;
            scale -= 1;
        }
        Self { units, scale }
    }

    /// The value in units of `scale` digits (minor units of money, millionths of a quantity); nothing when that loses a digit or overflows.
    pub fn units_at(self, scale: u8) -> Option<i128> {
        let exact = self.normalized();
        let missing = scale.checked_sub(exact.scale)?;
        exact.units.checked_mul(10i128.checked_pow(u32::from(missing))?)
    }

    /// The value in units of `scale` digits, rounded half away from zero; nothing on overflow.
    pub fn units_rounded(self, scale: u8) -> Option<i128> {
        if let Some(exact) = self.units_at(scale) {
            return Some(exact);
        }
        let power = 10i128.checked_pow(u32::from(self.scale.checked_sub(scale)?))?;
        let (whole, rest) = (self.units / power, self.units % power);
        let up = rest.unsigned_abs() >= power.unsigned_abs() - rest.unsigned_abs();
        Some(if up { whole + rest.signum() } else { whole })
    }

    /// The sum; nothing on overflow.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        let scale = self.scale.max(other.scale);
        let lift = |d: Self| d.units.checked_mul(10i128.checked_pow(u32::from(scale - d.scale))?);
        Some(Self { units: lift(self)?.checked_add(lift(other)?)?, scale })
    }

    /// The difference; nothing on overflow.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.checked_add(Self { units: other.units.checked_neg()?, scale: other.scale })
    }

    /// The product; nothing on overflow.
    pub fn checked_mul(self, other: Self) -> Option<Self> {
        let (a, b) = (self.normalized(), other.normalized());
        Self::new(a.units.checked_mul(b.units)?, a.scale + b.scale)
    }

    /// The value without its sign.
    #[must_use]
    pub fn abs(self) -> Self {
        Self { units: self.units.saturating_abs(), scale: self.scale }
    }
}

impl PartialEq for Decimal {
    fn eq(&self, other: &Self) -> bool {
        let (a, b) = (self.normalized(), other.normalized());
        a.units == b.units && a.scale == b.scale
    }
}

impl Eq for Decimal {}

impl Hash for Decimal {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let exact = self.normalized();
        (exact.units, exact.scale).hash(state);
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        // The whole parts decide; the fractions are below 10^38 at any common scale, so nothing overflows.
        let split = |d: &Self| {
            let power = 10i128.pow(u32::from(d.scale));
            (d.units / power, d.units % power * 10i128.pow(u32::from(MAX_SCALE - d.scale)))
        };
        split(self).cmp(&split(other))
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let power = 10u128.pow(u32::from(self.scale));
        let size = self.units.unsigned_abs();
        let digits = if self.scale == 0 {
            size.to_string()
        } else {
            format!("{}.{:0width$}", size / power, size % power, width = usize::from(self.scale))
        };
        f.pad_integral(self.units >= 0, "", &digits)
    }
}

/// The text is not a number such as `-12.50`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a decimal number")]
pub struct NotDecimal;

impl FromStr for Decimal {
    type Err = NotDecimal;

    fn from_str(text: &str) -> Result<Self, NotDecimal> {
        let (negative, body) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let plain = body.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        let value = plain.then(|| crate::number::read_body(body, crate::Mark::Dot)).flatten().ok_or(NotDecimal)?;
        Ok(if negative { Self { units: -value.units, ..value } } else { value })
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn d(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn equal_values_are_equal_whatever_their_scale() {
        assert_eq!(d("1.50"), d("1.5"));
        assert!(d("-0.5") < d("-0.49"));
        assert!(d("12") > d("11.999999999999999999"));
        assert_eq!(d("3.20").to_string(), "3.20");
        assert_eq!(d("-0.05").to_string(), "-0.05");
    }

    #[test]
    fn minor_units_are_exact_or_refused() {
        assert_eq!(d("12.950").units_at(2), Some(1295));
        assert_eq!(d("12.955").units_at(2), None);
        assert_eq!(d("12.955").units_rounded(2), Some(1296));
        assert_eq!(d("-12.955").units_rounded(2), Some(-1296));
        assert_eq!(d("12.954").units_rounded(2), Some(1295));
        assert_eq!(d("1200").units_at(0), Some(1200));
    }

    #[test]
    fn overflow_is_refused() {
        let huge = Decimal::new(i128::MAX, 0).unwrap();
        assert_eq!(huge.checked_add(Decimal::ONE), None);
        assert_eq!(huge.checked_mul(d("2")), None);
        assert_eq!(huge.units_at(2), None);
        assert_eq!(Decimal::new(1, 39), None);
    }

    proptest! {
        #[test]
        fn text_round_trips(units in -10i128.pow(28)..10i128.pow(28), scale in 0u8..=18) {
            let value = Decimal::new(units, scale).unwrap();
            prop_assert_eq!(value.to_string().parse::<Decimal>().unwrap(), value);
        }

        #[test]
        fn sums_and_order_agree(a in -10i128.pow(15)..10i128.pow(15), b in -10i128.pow(15)..10i128.pow(15), sa in 0u8..8, sb in 0u8..8) {
            let (x, y) = (Decimal::new(a, sa).unwrap(), Decimal::new(b, sb).unwrap());
            prop_assert_eq!(x.checked_sub(y).unwrap().checked_add(y).unwrap(), x);
            prop_assert_eq!(x.cmp(&y), x.checked_sub(y).unwrap().units().cmp(&0));
        }
    }
}
