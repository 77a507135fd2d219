//! What belongs to a person: everything that is kept of them, as a file; and the deletion of their account.

mod erase;
mod export;

pub(crate) use erase::{EraseAccount, Erasing, ask, post_erase, stopped_by_sign_in};
pub use erase::{erase_due, erase_now};
pub(crate) use export::get_export;
pub use export::{KEPT, Kept, by_operator};
