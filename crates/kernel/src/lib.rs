//! What every part of Hearth agrees on: ids, money, quantities, time, who asks, what may go wrong.
//! No input or output happens here; the crate also compiles to WebAssembly for the till.

mod codes;
mod error;
mod id;
mod money;
mod op;
mod permission;
mod posting;
mod quantity;
mod source;
mod time;

pub use codes::{Code, TABLE as CODES, TEXTS as CODE_TEXTS, by_constraint as code_of_constraint, find as code};
pub use error::{Error, FieldError, Result};
pub use id::*;
pub use money::{Currency, Money, split};
pub use op::{Actor, Op};
pub use permission::{Permission, Permissions, PlatformRole, Role};
pub use posting::{Cause, Change, Job, Movement, Personal, Source as DocumentRef, Transfer, Valuation, account};
pub use quantity::{Dimension, Entered, Quantity, Ratio, Unit};
pub use source::Source;
pub use time::{At, Day, DayStart, LocalTime, Zone};
