//! What something costs: prices, discounts, taxes, rounding, refunds, and the states of an order.
//!
//! No input or output happens here and nothing depends on a clock or on chance. The server and the till run this same
//! code, so the two can't disagree. All amounts are whole minor units of the one currency of the document.

mod discount;
mod method;
mod price;
mod quote;
mod refund;
mod rounding;
mod state;
mod tax;

pub use discount::Discount;
pub use method::Method;
pub use price::{Price, choose};
pub use quote::{Quote, QuoteLine, Quoted, QuotedLine, Totals, quote};
pub use refund::refund;
pub use rounding::{Mode, Rounding};
pub use state::{Act, MOVES, State, acts, after};
pub use tax::{TaxRate, TaxRow};

/// An amount that fits, or `number.too_large`. The smallest `i64` is left out, so that every amount has its negative.
fn fit(amount: i128) -> kernel::Result<i64> {
    i64::try_from(amount).ok().filter(|amount| *amount != i64::MIN).ok_or_else(too_large)
}

/// The sum of amounts, or `number.too_large`.
fn sum(amounts: impl IntoIterator<Item = i64>) -> kernel::Result<i64> {
    fit(amounts.into_iter().map(i128::from).sum())
}

fn too_large() -> kernel::Error {
    kernel::Error::rule("number.too_large")
}
