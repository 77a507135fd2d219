//! What a business transaction leaves behind beside its document: movements of stock, transfers of money, entries of
//! the log, jobs. `Tx` collects them; commit writes them together.

use serde::Serialize;
use uuid::Uuid;

use crate::{At, BookId, Currency, Day, Error, ItemId, LocationId, LotId, MovementId, Quantity, Result, SiteId, quantity::round_half_away};

/// The document (and its line) behind a posting: what a figure opens down to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Source {
    /// The kind's word: `order`, `receipt`, `payment`, `import`.
    pub kind: &'static str,
    /// The document.
    pub id: Uuid,
    /// Its line, from 1; 0 for the whole.
    pub line: i32,
}

/// Why stock moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the words of the trade")]
pub enum Cause {
    Received,
    Made,
    Sold,
    Returned,
    Corrected,
}

impl Cause {
    /// The stored word.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Made => "made",
            Self::Sold => "sold",
            Self::Returned => "returned",
            Self::Corrected => "corrected",
        }
    }
}

/// What a movement is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Valuation {
    /// An issue takes value × quantity / quantity on hand; the last one takes all.
    Average,
    /// The value is known (a receipt's price, a batch's cost), in minor units, with the sign of the quantity.
    Given(i64),
    /// Made and used up at once (a coffee, a past sale): one of two movements that cancel out, so what is on hand
    /// neither changes nor is locked. In minor units, with the sign of the quantity.
    InPassing(i64),
}

/// One line of the stock ledger, and the booking that keeps the inventory account equal to it.
#[derive(Clone, Debug)]
pub struct Movement {
    /// The id.
    pub id: MovementId,
    /// Of what.
    pub item: ItemId,
    /// Where (site and location in it).
    pub site: SiteId,
    /// The location.
    pub location: LocationId,
    /// The lot, where lots are kept.
    pub lot: Option<LotId>,
    /// Base units, in positive, out negative, never zero.
    pub quantity: Quantity,
    /// What it is worth.
    pub valuation: Valuation,
    /// Currency of the value: the site's.
    pub currency: Currency,
    /// Why.
    pub cause: Cause,
    /// The document behind it.
    pub document: Source,
    /// When it happened.
    pub effective_at: At,
    /// The business day it belongs to.
    pub day: Day,
    /// The other account of the booking: what inventory is exchanged with.
    pub contra: BookId,
    /// The movement that this one corrects.
    pub corrects: Option<MovementId>,
}

impl Movement {
    /// The value that an issue of `quantity` (positive) takes from a stock of `on_hand` worth `value`: in proportion,
    /// rounded half away from zero; the last one takes all, so that no value remains without stock.
    pub fn issue_value(quantity: Quantity, on_hand: Quantity, value: i64) -> Result<i64> {
        if quantity > on_hand {
            return Err(Error::rule("stock.short"));
        }
        if quantity == on_hand {
            return Ok(value);
        }
        round_half_away(i128::from(value) * i128::from(quantity.micros()), i128::from(on_hand.micros()))
    }
}

/// One booking of money. An unbalanced one can't be written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// The account that receives.
    pub debit: BookId,
    /// The account that gives.
    pub credit: BookId,
    /// Minor units, more than zero.
    pub amount: i64,
    /// Of which currency.
    pub currency: Currency,
    /// The document behind it.
    pub document: Source,
    /// When it happened.
    pub effective_at: At,
    /// The business day it belongs to.
    pub day: Day,
}

impl Transfer {
    /// A booking of `amount` from `credit` to `debit`; a negative amount turns round, zero books nothing.
    pub fn signed(self) -> Option<Self> {
        match self.amount {
            0 => None,
            amount if amount < 0 => Some(Self { debit: self.credit, credit: self.debit, amount: -amount, ..self }),
            _ => Some(self),
        }
    }
}

/// The accounts that Hearth itself books on. Every business has them under these ids; it may add others and rename these.
pub mod account {
    use super::{BookId, Uuid};

    const fn book(n: u128) -> BookId {
        BookId::new(Uuid::from_u128(0x0000_0000_0000_7000_8000_0000_0000_0000 + n))
    }
    /// Cash in drawers.
    pub const CASH: BookId = book(1000);
    /// Card takings on their way.
    pub const CARD: BookId = book(1010);
    /// Mobile money.
    pub const MOBILE: BookId = book(1020);
    /// What customers owe.
    pub const RECEIVABLE: BookId = book(1100);
    /// Stock at cost.
    pub const INVENTORY: BookId = book(1200);
    /// What suppliers are owed.
    pub const PAYABLE: BookId = book(2000);
    /// Tax collected and owed.
    pub const TAX: BookId = book(2100);
    /// The owner's capital and the stock brought in.
    pub const OPENING: BookId = book(3000);
    /// Sales without tax, after discounts.
    pub const SALES: BookId = book(4000);
    /// Cost of goods sold.
    pub const COST_OF_SALES: BookId = book(5000);
    /// What production absorbed at standard cost.
    pub const MADE: BookId = book(5100);
    /// Differences of stock.
    pub const STOCK_DIFFERENCE: BookId = book(5200);
    /// Differences of rounding.
    pub const ROUNDING: BookId = book(5900);
    /// Expenses.
    pub const EXPENSES: BookId = book(6000);
}

/// One entry of the log: what was done to which thing, and what it looked like before and after.
#[derive(Clone, Debug)]
pub struct Change {
    /// `thing.happened`: `order.paid`.
    pub action: &'static str,
    /// The kind of the thing: `order`.
    pub kind: &'static str,
    /// Which one.
    pub id: Uuid,
    /// What changed, as it was.
    pub before: Option<serde_json::Value>,
    /// What changed, as it is.
    pub after: Option<serde_json::Value>,
    /// Why, where a reason is asked for.
    pub reason: Option<String>,
    /// What is kept apart, because a person may ask for it to be forgotten.
    pub personal: Vec<Personal>,
}

/// A value in an entry of the log that belongs to a person: the log itself keeps a salted digest of it.
#[derive(Clone, Debug)]
pub struct Personal {
    /// Whose it is.
    pub subject: Uuid,
    /// The field of the entry.
    pub field: &'static str,
    /// What stands in it.
    pub value: serde_json::Value,
    /// Whether it is what was, not what is.
    pub was: bool,
}

impl Change {
    /// Something came to be or happened.
    pub fn of<T>(action: &'static str, kind: &'static str, id: crate::Id<T>, after: &impl Serialize) -> Self {
        Self { action, kind, id: id.uuid(), before: None, after: serde_json::to_value(after).ok(), reason: None, personal: Vec::new() }
    }

    /// Something changed: what it was is kept beside what it is.
    #[must_use]
    pub fn from(mut self, before: &impl Serialize) -> Self {
        self.before = serde_json::to_value(before).ok();
        self
    }

    /// A field that says something of a person, as it is now: a name, an address. Leave it out of what [`Self::of`] is given.
    #[must_use]
    pub fn personal<T>(self, subject: crate::Id<T>, field: &'static str, value: &impl Serialize) -> Self {
        self.kept_apart(subject.uuid(), field, value, false)
    }

    /// The same as it was before.
    #[must_use]
    pub fn personal_from<T>(self, subject: crate::Id<T>, field: &'static str, value: &impl Serialize) -> Self {
        self.kept_apart(subject.uuid(), field, value, true)
    }

    fn kept_apart(mut self, subject: Uuid, field: &'static str, value: &impl Serialize, was: bool) -> Self {
        let value = serde_json::to_value(value).unwrap_or_default();
        self.personal.push(Personal { subject, field, value, was });
        self
    }
}

/// Work for later, queued in the same transaction.
#[derive(Clone, Debug)]
pub struct Job {
    /// The registered name: `sales.import`.
    pub name: &'static str,
    /// What it works on.
    pub payload: serde_json::Value,
    /// Not before.
    pub run_at: At,
}
