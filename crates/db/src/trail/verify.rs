//! Proving that a log is whole: every hash worked out again, every number there, every checkpoint met. The same steps for
//! the database and for an export; memory holds one chunk, and the checkpoints that are still to be met.

use std::collections::{BTreeMap, HashSet};

use kernel::{Result, TenantId};
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    chain::{Chained, Hash, genesis, hex},
    checkpoint::Checkpoint,
};
use crate::Db;

/// How many entries are read at once.
pub(super) const CHUNK: i64 = 2_000;

/// Something that is not as it was written; the first of its kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// `altered`, `missing`, `order`, `unchained`, `tail`, `head`, `checkpoint`, `checkpoint_missing`, `unreadable`.
    pub kind: &'static str,
    /// The entry's number, where there is one.
    pub n: Option<i64>,
    /// What is wrong, for people.
    pub text: String,
}

/// Which keys may have signed. Without a list, any key that fits its checkpoint: the verdict names them, to be compared.
#[derive(Clone, Debug, Default)]
pub struct Trust(pub Option<HashSet<String>>);

/// What came out for one tenant.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// Whose log.
    pub tenant: Uuid,
    /// Its short name.
    pub slug: String,
    /// Entries read.
    pub entries: u64,
    /// The last number.
    pub last: i64,
    /// The hash of the last entry, to be compared with one that was written down elsewhere.
    pub hash: Option<String>,
    /// Entries up to this one were written before there was a chain; only their numbers are checked.
    pub chained_after: i64,
    /// Checkpoints met.
    pub checkpoints: u64,
    /// The last entry under a checkpoint.
    pub signed_through: i64,
    /// The keys that signed them.
    pub kids: Vec<String>,
    /// The first fault of each kind.
    pub faults: Vec<Fault>,
}

struct Awaited {
    checkpoint: Checkpoint,
    /// Whether it was kept with the log, or only came from elsewhere.
    inside: bool,
}

/// Reads one tenant's log in the order of its numbers; a checkpoint is given before the entry that it signs.
pub struct Verifier {
    verdict: Verdict,
    next: i64,
    /// Of the entry before; none where it is not known, because that entry is missing.
    hash: Option<Hash>,
    awaited: BTreeMap<i64, Awaited>,
    before: Option<(i64, Hash)>,
    trust: Trust,
}

impl Verifier {
    /// Begins with a tenant's log.
    pub fn new(tenant: Uuid, slug: &str, chained_after: i64, trust: Trust) -> Self {
        let verdict = Verdict {
            tenant,
            slug: slug.to_owned(),
            entries: 0,
            last: 0,
            hash: None,
            chained_after,
            checkpoints: 0,
            signed_through: 0,
            kids: Vec::new(),
            faults: Vec::new(),
        };
        let hash = (chained_after == 0).then(|| genesis(tenant, 0));
        Self { verdict, next: 1, hash, awaited: BTreeMap::new(), before: None, trust }
    }

    /// Notes a fault, if it is the first of its kind.
    pub fn fault(&mut self, kind: &'static str, n: Option<i64>, text: impl Into<String>) {
        if !self.verdict.faults.iter().any(|fault| fault.kind == kind) {
            self.verdict.faults.push(Fault { kind, n, text: text.into() });
        }
    }

    /// Takes a checkpoint; `inside` if it was kept with the log.
    pub fn checkpoint(&mut self, checkpoint: Checkpoint, inside: bool) {
        let n = checkpoint.n;
        let from = if inside { "the checkpoint" } else { "the checkpoint that was kept elsewhere" };
        if let Some(fault) = checkpoint.fault() {
            return self.fault("checkpoint", Some(n), format!("{from} of entry {n} is not genuine: {fault}"));
        }
        if self.trust.0.as_ref().is_some_and(|kids| !kids.contains(&checkpoint.kid)) {
            return self.fault("checkpoint", Some(n), format!("{from} of entry {n} is signed by the unknown key {}", checkpoint.kid));
        }
        if checkpoint.tenant_id != self.verdict.tenant || checkpoint.chained_after != self.verdict.chained_after {
            return self.fault(
                "checkpoint",
                Some(n),
                format!("{from} of entry {n} is of another log, or of another beginning of this one"),
            );
        }
        if n < self.next {
            return self.fault("order", Some(n), format!("{from} of entry {n} comes after that entry"));
        }
        match self.awaited.get_mut(&n) {
            Some(known) if known.checkpoint.digest() == checkpoint.digest() => known.inside |= inside,
            Some(_) => self.fault("checkpoint", Some(n), format!("there are two different checkpoints of entry {n}")),
            None => drop(self.awaited.insert(n, Awaited { checkpoint, inside })),
        }
    }

    /// Takes the next entry.
    pub fn entry(&mut self, entry: &Chained) {
        let n = entry.n;
        self.verdict.entries += 1;
        if n < self.next {
            return self.fault("order", Some(n), format!("entry {n} comes after entry {}", self.next - 1));
        }
        if n > self.next {
            let gone =
                if n == self.next + 1 { format!("entry {} is", self.next) } else { format!("entries {} to {} are", self.next, n - 1) };
            self.fault("missing", Some(self.next), format!("{gone} missing"));
            self.hash = None;
        }
        self.next = n + 1;
        if n <= self.verdict.chained_after {
            self.hash = (n == self.verdict.chained_after).then(|| genesis(self.verdict.tenant, n));
            return;
        }
        let kept = entry.hash.as_deref().and_then(|hash| Hash::try_from(hash).ok());
        match (kept, self.hash) {
            (None, _) => self.fault("unchained", Some(n), format!("entry {n} has no hash")),
            (Some(kept), Some(previous)) if entry.hashed(&previous) != kept => {
                let text =
                    format!("entry {n} ({} of {}) is not what was written, or does not follow entry {}", entry.action, entry.at, n - 1);
                self.fault("altered", Some(n), text);
            }
            _ => {}
        }
        self.hash = kept;
        self.meet(n);
    }

    /// Compares the checkpoint of this entry, if there is one, with what the log says.
    fn meet(&mut self, n: i64) {
        while let Some((at, awaited)) = self.awaited.pop_first() {
            if at > n {
                self.awaited.insert(at, awaited);
                return;
            }
            let Awaited { checkpoint, inside } = awaited;
            if at == n && self.hash.as_ref().is_some_and(|hash| hash.as_slice() != checkpoint.hash) {
                self.fault("checkpoint", Some(n), format!("entry {n} is not the one that the checkpoint of {} signed", checkpoint.at));
            }
            if !inside {
                self.fault(
                    "checkpoint_missing",
                    Some(at),
                    format!("the checkpoint of entry {at} was kept elsewhere and is no longer kept here"),
                );
            } else if checkpoint.previous_n.zip(checkpoint.previous_digest.clone()) != self.before.map(|(n, digest)| (n, digest.to_vec())) {
                self.fault("checkpoint_missing", Some(at), format!("the checkpoint before that of entry {at} is missing or was changed"));
            }
            self.before = Some((at, checkpoint.digest()));
            self.verdict.checkpoints += 1;
            self.verdict.signed_through = at;
            if !self.verdict.kids.contains(&checkpoint.kid) {
                self.verdict.kids.push(checkpoint.kid);
            }
        }
    }

    /// Ends the log; `head` is what is kept of its end beside the entries.
    pub fn finish(mut self, head: Option<(i64, Option<Vec<u8>>)>) -> Verdict {
        let last = self.next - 1;
        if let Some((n, awaited)) = self.awaited.pop_last() {
            let at = awaited.checkpoint.at;
            self.fault("tail", Some(last + 1), format!("entries {} to {n} are missing: a checkpoint of {at} signed entry {n}", last + 1));
        }
        if let Some((n, hash)) = head {
            if n > last {
                self.fault("tail", Some(last + 1), format!("entries {} to {n} are missing: the log went to entry {n}", last + 1));
            } else if n < last {
                self.fault("head", Some(n), format!("the log is said to end with entry {n}, and there are entries up to {last}"));
            } else if last > self.verdict.chained_after && hash.as_deref() != self.hash.as_ref().map(|hash| hash.as_slice()) {
                self.fault("head", Some(n), format!("the last entry {n} is not the one that was written last"));
            }
        }
        self.verdict.last = last;
        self.verdict.hash = self.hash.map(|hash| hex(&hash));
        self.verdict
    }
}

/// The entries after a number.
pub(super) async fn entries(conn: &mut PgConnection, tenant: Uuid, after: i64) -> Result<Vec<Chained>> {
    Ok(sqlx::query_as!(
        Chained,
        "SELECT tenant_id, n, id, at, actor_kind, actor_id, actor_name, request_id, address, action, kind, target_id,
            before::text AS before, after::text AS after, reason, hash
        FROM db.log WHERE tenant_id = $1 AND n > $2 ORDER BY n LIMIT $3",
        tenant,
        after,
        CHUNK
    )
    .fetch_all(conn)
    .await?)
}

/// The checkpoints of entries after one number through another.
pub(super) async fn checkpoints(conn: &mut PgConnection, tenant: Uuid, after: i64, through: i64) -> Result<Vec<Checkpoint>> {
    Ok(sqlx::query_as!(
        Checkpoint,
        "SELECT tenant_id, n, hash, chained_after, at, previous_n, previous_digest, kid, public_key, signature
        FROM db.checkpoint WHERE tenant_id = $1 AND n > $2 AND n <= $3 ORDER BY n",
        tenant,
        after,
        through
    )
    .fetch_all(conn)
    .await?)
}

impl Db {
    /// Proves a tenant's log in one moment of the database; `elsewhere` are checkpoints that left the machine. Where no key is
    /// named that may have signed, the installation's own may, as they are in that same moment: a key is kept before it signs,
    /// so that of every checkpoint that is read the key is read too, however young it is.
    pub async fn verify_trail(
        &self,
        tenant: TenantId,
        slug: &str,
        elsewhere: &[Checkpoint],
        named: Option<&HashSet<String>>,
    ) -> Result<Verdict> {
        let mut system = self.system("trail.verify").await?;
        let conn = system.conn();
        sqlx::query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY").execute(&mut *conn).await?;
        let head = sqlx::query!("SELECT n, hash, chained_after FROM db.log_head WHERE tenant_id = $1", tenant.uuid())
            .fetch_optional(&mut *conn)
            .await?;
        let kids = match named {
            Some(named) => named.clone(),
            None => self.trail_kids(&mut *conn).await?,
        };
        let mut verifier = Verifier::new(tenant.uuid(), slug, head.as_ref().map_or(0, |h| h.chained_after), Trust(Some(kids)));
        for checkpoint in elsewhere.iter().filter(|c| c.tenant_id == tenant.uuid()) {
            verifier.checkpoint(checkpoint.clone(), false);
        }
        let mut after = 0;
        loop {
            let chunk = entries(&mut *conn, tenant.uuid(), after).await?;
            let through = chunk.last().map_or(i64::MAX, |entry| entry.n);
            for checkpoint in checkpoints(&mut *conn, tenant.uuid(), after, through).await? {
                verifier.checkpoint(checkpoint, true);
            }
            chunk.iter().for_each(|entry| verifier.entry(entry));
            if chunk.is_empty() {
                // Entries without a head are more than the head's nothing.
                return Ok(verifier.finish(Some(head.map_or((0, None), |h| (h.n, h.hash)))));
            }
            after = through;
        }
    }
}
