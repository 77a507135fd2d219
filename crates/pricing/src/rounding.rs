//! The named ways of rounding tax.

use std::{fmt, str::FromStr};

use kernel::{Error, Result};
use serde::{Deserialize, Serialize};

/// Where tax is rounded to whole minor units; the law of the place says which.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rounding {
    /// Each tax of each line by itself.
    PerLine,
    /// Each tax once for the document; the result is then spread over the lines by largest remainder.
    PerDocument,
}

impl Rounding {
    /// Both.
    pub const ALL: &[Self] = &[Self::PerLine, Self::PerDocument];

    /// The stored word.
    pub const fn code(self) -> &'static str {
        match self {
            Self::PerLine => "per_line",
            Self::PerDocument => "per_document",
        }
    }
}
impl FromStr for Rounding {
    type Err = Error;
    fn from_str(code: &str) -> Result<Self> {
        Self::ALL.iter().find(|rounding| rounding.code() == code).copied().ok_or_else(|| Error::rule("choice.unknown"))
    }
}
impl fmt::Display for Rounding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// Which way a part of a minor unit goes. Each treats a negative amount as the mirror of the positive one, so that
/// what is paid back is what was paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// To the nearest; the half away from zero.
    HalfAway,
    /// To the nearest; the half to the even one.
    HalfEven,
    /// Towards zero.
    Down,
}

impl Mode {
    /// All three.
    pub const ALL: &[Self] = &[Self::HalfAway, Self::HalfEven, Self::Down];

    /// The stored word.
    pub const fn code(self) -> &'static str {
        match self {
            Self::HalfAway => "half_away",
            Self::HalfEven => "half_even",
            Self::Down => "down",
        }
    }

    /// `over / under` rounded to a whole number; `under` is above zero.
    pub(crate) fn divide(self, over: i128, under: i128) -> i128 {
        let (whole, rest) = (over / under, (over % under).abs());
        // `rest` against what is missing to the next whole one; twice the rest could overflow.
        let missing = under - rest;
        let up = match self {
            Self::HalfAway => rest >= missing,
            Self::HalfEven => rest > missing || (rest == missing && whole % 2 != 0),
            Self::Down => false,
        };
        if up { whole + over.signum() } else { whole }
    }
}
impl FromStr for Mode {
    type Err = Error;
    fn from_str(code: &str) -> Result<Self> {
        Self::ALL.iter().find(|mode| mode.code() == code).copied().ok_or_else(|| Error::rule("choice.unknown"))
    }
}
impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}
