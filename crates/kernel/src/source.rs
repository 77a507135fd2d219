//! The one place where the program reads a clock or draws a random number.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use uuid::Uuid;

use crate::{At, Id};

/// Clock and random numbers. Stories set the clock; the program uses the machine's.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// Microseconds since 1970 when set by a story.
    set: Option<Arc<AtomicI64>>,
}

impl Source {
    /// The machine's clock and randomness.
    pub fn real() -> Self {
        Self::default()
    }

    /// A clock that stands still until it is moved.
    pub fn at(start: At) -> Self {
        Self { set: Some(Arc::new(AtomicI64::new(start.micros()))) }
    }

    /// Moves a story's clock; the machine's clock can't be moved and stays as it is.
    pub fn set(&self, now: At) {
        if let Some(set) = &self.set {
            set.store(now.micros(), Ordering::SeqCst);
        }
    }

    /// The present moment.
    #[expect(clippy::disallowed_methods, reason = "the one reading of the clock")]
    pub fn now(&self) -> At {
        match &self.set {
            Some(set) => At::from_micros(set.load(Ordering::SeqCst)),
            None => At::from(jiff::Timestamp::now()),
        }
    }

    /// Fills `bytes` from the operating system. Without randomness nothing may go on, so it aborts the request by panic.
    #[expect(clippy::panic, reason = "a program without randomness must stop")]
    pub fn fill(&self, bytes: &mut [u8]) {
        if let Err(error) = getrandom::fill(bytes) {
            panic!("the operating system gives no random numbers: {error}");
        }
    }

    /// `N` random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }

    /// A new UUID version 7 at the present moment.
    pub fn uuid(&self) -> Uuid {
        self.uuid_at(self.now())
    }

    /// A new UUID version 7 that sorts by `at`.
    pub fn uuid_at(&self, at: At) -> Uuid {
        let millis = u64::try_from(at.micros().max(0) / 1000).unwrap_or_default();
        uuid::Builder::from_unix_timestamp_millis(millis, &self.bytes::<10>()).into_uuid()
    }

    /// A new id.
    pub fn id<T>(&self) -> Id<T> {
        Id::new(self.uuid())
    }
}
