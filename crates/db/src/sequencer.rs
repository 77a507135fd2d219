//! One sequencer of the whole installation numbers committed log entries per tenant, chains their hashes
//! and wakes readers on every node.

use std::time::Duration;

use kernel::{Error, Result, TenantId};
use sqlx::postgres::PgListener;
use tokio::sync::watch;
use uuid::Uuid;

use crate::{
    Db, System,
    live::Head,
    trail::{Chained, Hash, genesis},
};

/// The advisory lock of whoever leads: sequencer and periodic work.
const LEADER: i64 = 0x4845_4152_5448;
/// Commits on other nodes poke nobody here; so often is looked.
const GLANCE: Duration = Duration::from_millis(50);
/// How long commits gather before the next ones are numbered: a round is a transaction of its own,
/// whether it numbers one entry or a hundred. The first commit after a pause is numbered at once.
const BREATH: Duration = Duration::from_millis(30);
/// The same where commits come thick and fast: each round flushes to the disk beside them.
const DEEP_BREATH: Duration = Duration::from_millis(60);
/// So many in a round are thick and fast.
const THICK: u64 = 6;
/// How long to rest after a failure or while another node leads.
const REST: Duration = Duration::from_secs(1);
/// How many entries are numbered at once.
const BATCH: i64 = 5_000;
/// Where readers of all nodes hear of new numbers.
const CHANNEL: &str = "hearth_log";

/// A committed entry that has no number yet, and where its tenant's chain ends.
struct Taken {
    entry: Chained,
    head: i64,
    hash: Option<Vec<u8>>,
    chained_after: i64,
}

/// The oldest committed entries, each tenant's together and in the order of their numbers.
async fn take(system: &mut System) -> Result<Vec<Taken>> {
    let rows = sqlx::query!(
        r#"SELECT i.tenant_id, i.id, i.at, i.actor_kind, i.actor_id, i.actor_name, i.request_id, i.address, i.action, i.kind, i.target_id,
            i.before::text AS before, i.after::text AS after, i.reason,
            coalesce(h.n, 0) AS "head!", h.hash AS "hash?", coalesce(h.chained_after, 0) AS "chained_after!"
        FROM (SELECT * FROM db.log_inbox ORDER BY id LIMIT $1) i LEFT JOIN db.log_head h ON h.tenant_id = i.tenant_id
        ORDER BY i.tenant_id, i.at, i.id"#,
        BATCH
    )
    .fetch_all(system.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|r| Taken {
            entry: Chained {
                tenant_id: r.tenant_id,
                n: 0,
                id: r.id,
                at: r.at,
                actor_kind: r.actor_kind,
                actor_id: r.actor_id,
                actor_name: r.actor_name,
                request_id: r.request_id,
                address: r.address,
                action: r.action,
                kind: r.kind,
                target_id: r.target_id,
                before: r.before,
                after: r.after,
                reason: r.reason,
                hash: None,
            },
            head: r.head,
            hash: r.hash,
            chained_after: r.chained_after,
        })
        .collect())
}

/// Numbers and hashes of a batch, column by column.
#[derive(Default)]
struct Batch {
    tenants: Vec<Uuid>,
    ids: Vec<Uuid>,
    numbers: Vec<i64>,
    hashes: Vec<Vec<u8>>,
    ends: Ends,
}

/// Where each tenant's chain went to, and from where.
#[derive(Default)]
struct Ends {
    tenants: Vec<Uuid>,
    began: Vec<i64>,
    numbers: Vec<i64>,
    hashes: Vec<Vec<u8>>,
}

impl Batch {
    fn of(taken: Vec<Taken>) -> Self {
        let mut batch = Self::default();
        let mut end: Option<(Uuid, i64, Hash)> = None;
        for Taken { mut entry, head, hash, chained_after } in taken {
            let (n, previous) = match end {
                Some((tenant, n, hash)) if tenant == entry.tenant_id => (n, hash),
                _ => {
                    batch.ends.end(end);
                    batch.ends.tenants.push(entry.tenant_id);
                    batch.ends.began.push(head);
                    let kept = hash.and_then(|hash| Hash::try_from(hash.as_slice()).ok());
                    (head, kept.unwrap_or_else(|| genesis(entry.tenant_id, chained_after)))
                }
            };
            entry.n = n + 1;
            let hash = entry.hashed(&previous);
            batch.tenants.push(entry.tenant_id);
            batch.ids.push(entry.id);
            batch.numbers.push(entry.n);
            batch.hashes.push(hash.to_vec());
            end = Some((entry.tenant_id, entry.n, hash));
        }
        batch.ends.end(end);
        batch
    }
}

impl Ends {
    fn end(&mut self, end: Option<(Uuid, i64, Hash)>) {
        if let Some((_, n, hash)) = end {
            self.numbers.push(n);
            self.hashes.push(hash.to_vec());
        }
    }
}

impl Db {
    /// Numbers what is committed and not numbered yet; returns how many. Only the leader calls it (and stories do).
    pub async fn sequence(&self) -> Result<u64> {
        let mut total = 0;
        loop {
            let done = self.sequence_batch().await?;
            total += done;
            if done < BATCH.unsigned_abs() {
                return Ok(total);
            }
        }
    }

    /// Reads what waits and where each chain ends, works out numbers and hashes, and moves the rows: they never leave the
    /// database and come back, so what was hashed is what is kept. Another leader at the same time would find its rows gone,
    /// or a chain that went on: then nothing of it is done.
    async fn sequence_batch(&self) -> Result<u64> {
        let mut system = self.system("sequencer").await?;
        let taken = take(&mut system).await?;
        if taken.is_empty() {
            system.commit_unannounced().await?;
            return Ok(0);
        }
        let batch = Batch::of(taken);
        let done = sqlx::query!(
            r#"WITH given AS (
                SELECT tenant_id, id, n, hash FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bytea[]) AS g (tenant_id, id, n, hash)
            ), moved AS (
                DELETE FROM db.log_inbox i USING given g WHERE i.tenant_id = g.tenant_id AND i.id = g.id RETURNING i.*, g.n, g.hash
            ), numbered AS (
                INSERT INTO db.log (tenant_id, n, id, at, actor_kind, actor_id, actor_name, request_id, address, action, kind, target_id, before, after, reason, hash)
                SELECT m.tenant_id, m.n, m.id, m.at, m.actor_kind, m.actor_id, m.actor_name, m.request_id, m.address, m.action, m.kind, m.target_id,
                    m.before, m.after, m.reason, m.hash
                FROM moved m
                RETURNING 1
            ), ends AS (
                SELECT tenant_id, began, n, hash FROM unnest($5::uuid[], $6::bigint[], $7::bigint[], $8::bytea[]) AS e (tenant_id, began, n, hash)
            ), gone_on AS (
                UPDATE db.log_head h SET n = e.n, hash = e.hash FROM ends e WHERE h.tenant_id = e.tenant_id AND h.n = e.began RETURNING 1
            ), begun AS (
                INSERT INTO db.log_head (tenant_id, n, hash) SELECT e.tenant_id, e.n, e.hash FROM ends e WHERE e.began = 0
                ON CONFLICT (tenant_id) DO NOTHING RETURNING 1
            )
            SELECT (SELECT count(*) FROM numbered) AS "numbered!", (SELECT count(*) FROM gone_on) + (SELECT count(*) FROM begun) AS "ended!",
                (SELECT count(pg_notify($9, e.tenant_id || ' ' || e.n)) FROM ends e) AS "told!""#,
            &batch.tenants,
            &batch.ids,
            &batch.numbers,
            &batch.hashes,
            &batch.ends.tenants,
            &batch.ends.began,
            &batch.ends.numbers,
            &batch.ends.hashes,
            CHANNEL
        )
        .fetch_one(system.conn())
        .await?;
        if done.numbered.unsigned_abs() != batch.ids.len() as u64 || done.ended.unsigned_abs() != batch.ends.tenants.len() as u64 {
            return Err(Error::Unavailable(1, "another node is numbering the log".into()));
        }
        system.commit_unannounced().await?;
        Ok(done.numbered.unsigned_abs())
    }

    /// Leads when no other node does: numbers the log until told to stop, and says whether it leads.
    pub async fn lead(&self, leads: watch::Sender<bool>, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            tokio::select! {
                _ = stop.changed() => return,
                ended = self.lead_once(&leads) => {
                    let _ = leads.send(false);
                    if let Err(error) = ended {
                        tracing::warn!(%error, "the sequencer rests");
                    }
                }
            }
            tokio::select! { _ = stop.changed() => return, () = tokio::time::sleep(REST) => {} }
        }
    }

    async fn lead_once(&self, leads: &watch::Sender<bool>) -> Result<()> {
        // The lock lives with this connection: losing it is losing the lead.
        let mut lock = self.system.acquire().await?;
        let mine: bool = sqlx::query_scalar("SELECT pg_try_advisory_lock($1)").bind(LEADER).fetch_one(&mut *lock).await?;
        if !mine {
            return Ok(());
        }
        let _ = leads.send(true);
        let result = self.lead_while(&mut lock).await;
        // Given back with its lock released, whatever happened; a broken connection releases it by itself.
        let _ = sqlx::query("SELECT pg_advisory_unlock($1)").bind(LEADER).execute(&mut *lock).await;
        result
    }

    async fn lead_while(&self, lock: &mut sqlx::PgConnection) -> Result<()> {
        let mut glances = 0_u32;
        loop {
            let _ = tokio::time::timeout(GLANCE, self.committed.notified()).await;
            match self.sequence().await? {
                0 => {}
                1..THICK => tokio::time::sleep(BREATH).await,
                THICK.. => tokio::time::sleep(DEEP_BREATH).await,
            }
            glances += 1;
            if glances.is_multiple_of(100) {
                sqlx::query("SELECT 1").execute(&mut *lock).await?;
            }
        }
    }

    /// Hears of new numbers from whichever node leads, and wakes this node's readers.
    pub async fn listen(&self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            tokio::select! {
                _ = stop.changed() => return,
                ended = self.listen_once() => if let Err(error) = ended {
                    tracing::warn!(%error, "not hearing of new log entries");
                },
            }
            tokio::select! { _ = stop.changed() => return, () = tokio::time::sleep(REST) => {} }
        }
    }

    async fn listen_once(&self) -> Result<()> {
        let mut listener = PgListener::connect_with(&self.system).await?;
        listener.listen(CHANNEL).await?;
        while let Some(told) = listener.try_recv().await? {
            if let Some((tenant, n)) = told.payload().split_once(' ')
                && let (Ok(tenant), Ok(n)) = (tenant.parse::<TenantId>(), n.parse())
            {
                let _ = self.heads.send(Head { tenant, n });
            }
        }
        Err(kernel::Error::Unavailable(1, "the database closed the line".into()))
    }
}
