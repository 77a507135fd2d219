//! What one person, one address or one business may take up at once on this node: live streams, files, uploads and their room.
//! Counted in memory; a place is given back when it is dropped.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use kernel::{AccountId, Actor, Error, Op, Result, TenantId};
use uuid::Uuid;

/// Live streams of one account.
const STREAMS_OF_ACCOUNT: u64 = 10;
/// Live streams from one address.
const STREAMS_OF_ADDRESS: u64 = 100;
/// Live streams of all.
const STREAMS: u64 = 1_000;
/// Files that one actor takes out at the same time. Each holds a connection to the database, for as long as its reader takes.
const FILES_OF_ACTOR: u64 = 2;
/// Files that all take out: some connections are always left for everything else.
const FILES: u64 = 6;
/// Uploads of one business at the same time.
const UPLOADS: u64 = 4;

/// Who takes up what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum What {
    Streams,
    StreamsOf(AccountId),
    StreamsFrom(IpAddr),
    Files,
    FilesOf(Option<Uuid>),
    Uploads(TenantId),
    /// Bytes of uploads that are coming in.
    Room(TenantId),
}

/// What is taken up now. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Bounds {
    taken: Arc<Mutex<HashMap<What, u64>>>,
}

/// So much of something, until it is dropped.
#[derive(Debug)]
#[must_use = "it is given back when it is dropped"]
pub struct Held {
    bounds: Bounds,
    what: What,
    amount: u64,
}

impl Bounds {
    fn taken(&self) -> MutexGuard<'_, HashMap<What, u64>> {
        // Counts are whole at every moment, also when somebody panicked.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place among `most`, if one is free.
    fn place(&self, what: What, most: u64) -> Option<Held> {
        let mut held = Held { bounds: self.clone(), what, amount: 0 };
        held.grow(1, most).then_some(held)
    }

    /// Places for a live stream: among those of the account, of the address, of all; else `limit.streams`.
    pub fn stream(&self, op: &Op) -> Result<Vec<Held>> {
        let account = match op.actor {
            Actor::Account(account) | Actor::Support { account, .. } => Some((What::StreamsOf(account), STREAMS_OF_ACCOUNT)),
            _ => None,
        };
        let address = op.address.map(|address| (What::StreamsFrom(address), STREAMS_OF_ADDRESS));
        let all = [account, address, Some((What::Streams, STREAMS))];
        let held = all.into_iter().flatten().map(|(what, most)| self.place(what, most)).collect::<Option<_>>();
        held.ok_or_else(|| Error::rule("limit.streams"))
    }

    /// Places for a file that is taken out: among those of whoever asks, and of all; else `limit.files`.
    pub fn file(&self, op: &Op) -> Result<Vec<Held>> {
        let all = [(What::FilesOf(op.actor.stored().1), FILES_OF_ACTOR), (What::Files, FILES)];
        let held = all.into_iter().map(|(what, most)| self.place(what, most)).collect::<Option<_>>();
        held.ok_or_else(|| Error::rule("limit.files"))
    }

    /// A place for an upload of a business; else `limit.uploads`.
    pub fn upload(&self, tenant: TenantId) -> Result<Held> {
        self.place(What::Uploads(tenant), UPLOADS).ok_or_else(|| Error::rule("limit.uploads"))
    }

    /// No room yet for an upload of a business; it grows with what comes.
    pub fn room(&self, tenant: TenantId) -> Held {
        Held { bounds: self.clone(), what: What::Room(tenant), amount: 0 }
    }
}

impl Held {
    /// Takes more, if all that is taken of this stays within `most`.
    #[must_use]
    pub fn grow(&mut self, by: u64, most: u64) -> bool {
        let mut taken = self.bounds.taken();
        let now = taken.get(&self.what).copied().unwrap_or(0);
        match now.checked_add(by).filter(|sum| *sum <= most) {
            Some(sum) => {
                taken.insert(self.what, sum);
                self.amount += by;
                true
            }
            None => false,
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut taken = self.bounds.taken();
        match taken.get(&self.what).copied().unwrap_or(0).saturating_sub(self.amount) {
            0 => taken.remove(&self.what),
            left => taken.insert(self.what, left),
        };
    }
}

#[cfg(test)]
mod tests {
    use kernel::Source;

    use super::*;

    fn op(source: &Source, account: AccountId, address: &str) -> Op {
        Op { actor: Actor::Account(account), address: address.parse().ok(), ..Op::nobody(source) }
    }

    #[test]
    fn an_account_has_ten_streams_an_address_a_hundred() {
        let (bounds, source) = (Bounds::default(), Source::real());
        let ada = source.id();
        let mut open: Vec<_> = (0..10).map(|_| bounds.stream(&op(&source, ada, "192.0.2.1")).unwrap()).collect();
        assert_eq!(bounds.stream(&op(&source, ada, "192.0.2.2")).unwrap_err().code(), "limit.streams");
        open.pop();
        open.push(bounds.stream(&op(&source, ada, "192.0.2.1")).unwrap());
        open.extend((0..90).map(|_| bounds.stream(&op(&source, source.id(), "192.0.2.1")).unwrap()));
        assert_eq!(bounds.stream(&op(&source, source.id(), "192.0.2.1")).unwrap_err().code(), "limit.streams");
        drop(bounds.stream(&op(&source, source.id(), "192.0.2.2")).unwrap());
        drop(open);
        assert!(bounds.taken().is_empty(), "all of it was given back, also what was refused half way");
    }

    #[test]
    fn somebody_takes_out_two_files_at_once_and_all_together_six() {
        let (bounds, source) = (Bounds::default(), Source::real());
        let ada = source.id();
        let mut open: Vec<_> = (0..2).map(|_| bounds.file(&op(&source, ada, "192.0.2.1")).unwrap()).collect();
        assert_eq!(bounds.file(&op(&source, ada, "192.0.2.9")).unwrap_err().code(), "limit.files");
        open.extend((0..4).map(|_| bounds.file(&op(&source, source.id(), "192.0.2.1")).unwrap()));
        assert_eq!(bounds.file(&op(&source, source.id(), "192.0.2.1")).unwrap_err().code(), "limit.files");
        drop(open);
        assert!(bounds.taken().is_empty());
    }

    #[test]
    fn a_thousand_streams_are_all() {
        let (bounds, source) = (Bounds::default(), Source::real());
        let nobodys = Op::program(&source, "test", None);
        let open: Vec<_> = (0..1_000).map(|_| bounds.stream(&nobodys).unwrap()).collect();
        assert_eq!(bounds.stream(&nobodys).unwrap_err().status(), 429);
        drop(open);
        drop(bounds.stream(&nobodys).unwrap());
    }

    #[test]
    fn uploads_of_a_business_share_its_room() {
        let (bounds, source) = (Bounds::default(), Source::real());
        let (one, other) = (source.id(), source.id());
        let open: Vec<_> = (0..4).map(|_| bounds.upload(one).unwrap()).collect();
        assert_eq!(bounds.upload(one).unwrap_err().code(), "limit.uploads");
        drop((bounds.upload(other).unwrap(), open));
        let (mut first, mut second) = (bounds.room(one), bounds.room(one));
        assert!(first.grow(60, 100) && second.grow(40, 100) && !second.grow(1, 100));
        drop(first);
        assert!(second.grow(60, 100) && bounds.room(other).grow(100, 100));
        drop(second);
        assert!(bounds.taken().is_empty());
    }
}
