//! How money is received.

use std::{fmt, str::FromStr};

use kernel::{BookId, Error, Result, account};
use serde::{Deserialize, Serialize};

/// How a customer pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Coins and notes.
    Cash,
    /// A card.
    Card,
    /// Mobile money.
    Mobile,
    /// Later: the customer owes it.
    OnAccount,
}

impl Method {
    /// All of them.
    pub const ALL: &[Self] = &[Self::Cash, Self::Card, Self::Mobile, Self::OnAccount];

    /// The stored word.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Cash => "cash",
            Self::Card => "card",
            Self::Mobile => "mobile",
            Self::OnAccount => "on_account",
        }
    }

    /// The account that a payment debits and a refund credits.
    pub const fn account(self) -> BookId {
        match self {
            Self::Cash => account::CASH,
            Self::Card => account::CARD,
            Self::Mobile => account::MOBILE,
            Self::OnAccount => account::RECEIVABLE,
        }
    }
}
impl FromStr for Method {
    type Err = Error;
    fn from_str(code: &str) -> Result<Self> {
        Self::ALL.iter().find(|method| method.code() == code).copied().ok_or_else(|| Error::rule("choice.unknown"))
    }
}
impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}
