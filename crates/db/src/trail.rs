//! The log as a chain that can't be changed unseen, and what proves it: hashes, signed checkpoints, verification, exports,
//! and personal values that can be forgotten without breaking it.

mod chain;
mod checkpoint;
mod export;
mod personal;
mod verify;

pub use chain::{Chained, Hash, genesis, hex};
pub use checkpoint::{Checkpoint, Deliver};
pub use export::{Head, Line, head_line, lines, parse};
pub(crate) use personal::enter;
pub use personal::{erase, erase_everywhere, resolve};
pub use verify::{Fault, Trust, Verdict, Verifier};
