//! Counts by key over windows of time: in this node's memory, or in a Redis that several nodes share.

mod memory;
mod shared;

use futures::future::BoxFuture;
use kernel::At;
use sha2::{Digest, Sha256};

pub use memory::Memory;
pub use shared::Redis;

/// What is counted, as a digest: neither memory nor Redis holds anybody's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key([u8; 16]);

impl Key {
    /// The key of a value under a rule.
    pub fn of(rule: &str, value: &str) -> Self {
        let digest = Sha256::new().chain_update(rule).chain_update([0]).chain_update(value).finalize();
        let mut key = [0; 16];
        key.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
        Self(key)
    }
}

/// One count that is asked for. Its window begins with the first that is counted.
#[derive(Clone, Copy, Debug)]
pub struct Ask {
    /// What is counted.
    pub key: Key,
    /// How many there may be in a window.
    pub most: u32,
    /// The length of the window in seconds.
    pub seconds: u32,
}

/// What is done to the counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// Counts one more of each; or of none, where one of them is at its most.
    Take,
    /// Counts one more of each, whatever there is.
    Add,
    /// Looks.
    Look,
    /// Forgets all of them.
    Forget,
}

/// One count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// How many there are now.
    pub n: u32,
    /// When they are forgotten.
    pub ends: At,
}

/// The counts that were asked for, in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// Whether one of them was at its most before.
    pub full: bool,
    /// The counts.
    pub counts: Vec<Count>,
}

/// The counts can't be reached.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct Lost(pub String);

/// Where counts are kept. All that is asked for at once is done at once: nobody comes between the look and the count.
pub trait Counters: Send + Sync {
    /// Counts.
    fn count<'a>(&'a self, how: How, asks: &'a [Ask], now: At) -> BoxFuture<'a, Result<Counted, Lost>>;
}
