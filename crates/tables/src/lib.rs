//! Reads tables that other programs wrote (CSV in any of its dialects, plain or gzip) and guesses what they mean.
//!
//! The way through: a [`Source`] names a file, [`profile`] reads it once and says what it is, [`guess`] turns the profiles of
//! the files that were given together into a [`Mapping`] that a person may change, and [`read`] gives the [`Lines`].
//! Nothing is kept in memory but the lookup files; nothing is computed with floating point; no database, no clock.

mod column;
mod decimal;
mod dialect;
mod encoding;
mod error;
mod export;
mod guess;
mod header;
mod join;
mod kind;
mod lines;
mod lookup;
mod mapping;
mod moment;
mod number;
mod profile;
mod resolve;
mod rows;
mod said;
mod source;
mod text;

pub use column::{ColumnProfile, Kind, Sure};
pub use decimal::Decimal;
pub use dialect::Dialect;
pub use encoding::Encoding;
pub use error::{CODES, RefusedLine, TableError};
pub use export::csv_safe;
pub use guess::{Decision, Guess, guess};
pub use lines::{Lines, SaleLine, read};
pub use mapping::{Assigned, ColumnRef, FilePart, Format, Mapping, Part, Role};
pub use moment::DateOrder;
pub use number::Mark;
pub use profile::{FileProfile, profile, profile_as};
pub use said::Said;
pub use source::{Limits, Source};
