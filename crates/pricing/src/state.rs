//! The states of an order, as a table: it gives the buttons, the refusals and the documentation.

use std::{fmt, str::FromStr};

use kernel::{Error, Permission, Permissions, Result};
use serde::{Deserialize, Serialize};

/// Where an order stands. One placed for later is open; a sale is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Placed, not paid.
    Open,
    /// Paid in full, or put on the customer's account.
    Paid,
    /// Some of it was paid back.
    PartlyRefunded,
    /// All of it was paid back.
    Refunded,
    /// Given up before it was paid.
    Voided,
}

impl State {
    /// All of them.
    pub const ALL: &[Self] = &[Self::Open, Self::Paid, Self::PartlyRefunded, Self::Refunded, Self::Voided];

    /// The stored word.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Paid => "paid",
            Self::PartlyRefunded => "partly_refunded",
            Self::Refunded => "refunded",
            Self::Voided => "voided",
        }
    }
}
impl FromStr for State {
    type Err = Error;
    fn from_str(code: &str) -> Result<Self> {
        Self::ALL.iter().find(|state| state.code() == code).copied().ok_or_else(|| Error::rule("choice.unknown"))
    }
}
impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// What is done to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// Pay it in full.
    Pay,
    /// Pay back some of it; something is left.
    RefundPart,
    /// Pay back all that is left.
    Refund,
    /// Give it up unpaid.
    Void,
}

impl Act {
    /// All of them.
    pub const ALL: &[Self] = &[Self::Pay, Self::RefundPart, Self::Refund, Self::Void];

    /// The word in addresses and the log.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Pay => "pay",
            Self::RefundPart => "refund_part",
            Self::Refund => "refund",
            Self::Void => "void",
        }
    }
}
impl FromStr for Act {
    type Err = Error;
    fn from_str(code: &str) -> Result<Self> {
        Self::ALL.iter().find(|act| act.code() == code).copied().ok_or_else(|| Error::rule("choice.unknown"))
    }
}
impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// From which state which act leads to which state, and who may do it.
pub const MOVES: &[(State, Act, State, Permission)] = &[
    (State::Open, Act::Pay, State::Paid, Permission::OrderSell),
    (State::Open, Act::Void, State::Voided, Permission::OrderSell),
    (State::Paid, Act::RefundPart, State::PartlyRefunded, Permission::OrderRefund),
    (State::Paid, Act::Refund, State::Refunded, Permission::OrderRefund),
    (State::PartlyRefunded, Act::RefundPart, State::PartlyRefunded, Permission::OrderRefund),
    (State::PartlyRefunded, Act::Refund, State::Refunded, Permission::OrderRefund),
];

/// The state after an act, or `order.state`.
pub fn after(state: State, act: Act) -> Result<State> {
    let found = MOVES.iter().find(|(from, with, ..)| *from == state && *with == act);
    found.map(|(_, _, to, _)| *to).ok_or_else(|| Error::rule("order.state"))
}

/// What somebody with these permissions can do in this state.
pub fn acts(state: State, permissions: Permissions) -> Vec<Act> {
    MOVES.iter().filter(|(from, _, _, needs)| *from == state && permissions.has(*needs)).map(|(_, act, ..)| *act).collect()
}
