//! One sequencer of the whole installation numbers committed log entries per tenant and wakes readers on every node.

use std::time::Duration;

use kernel::{Result, TenantId};
use sqlx::postgres::PgListener;
use tokio::sync::watch;

use crate::{Db, live::Head};

/// The advisory lock of whoever leads: sequencer and periodic work.
const LEADER: i64 = 0x4845_4152_5448;
/// Commits on other nodes poke nobody here; so often is looked.
const GLANCE: Duration = Duration::from_millis(50);
/// How long commits gather before the next ones are numbered: a round for each commit would slow the commits down.
const BREATH: Duration = Duration::from_millis(10);
/// How long to rest after a failure or while another node leads.
const REST: Duration = Duration::from_secs(1);
/// How many entries are numbered at once.
const BATCH: i64 = 5_000;
/// Where readers of all nodes hear of new numbers.
const CHANNEL: &str = "hearth_log";

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

    async fn sequence_batch(&self) -> Result<u64> {
        let mut system = self.system("sequencer").await?;
        let heads = sqlx::query!(
            r#"WITH taken AS (
                DELETE FROM db.log_inbox i USING (SELECT tenant_id, id FROM db.log_inbox ORDER BY id LIMIT $1) f
                WHERE i.tenant_id = f.tenant_id AND i.id = f.id RETURNING i.*
            ), numbered AS (
                INSERT INTO db.log (tenant_id, n, id, at, actor_kind, actor_id, actor_name, request_id, address, action, kind, target_id, before, after, reason)
                SELECT k.tenant_id, coalesce(h.n, 0) + row_number() OVER (PARTITION BY k.tenant_id ORDER BY k.at, k.id),
                    k.id, k.at, k.actor_kind, k.actor_id, k.actor_name, k.request_id, k.address, k.action, k.kind, k.target_id, k.before, k.after, k.reason
                FROM taken k LEFT JOIN db.log_head h ON h.tenant_id = k.tenant_id
                RETURNING tenant_id, n
            ), heads AS (
                INSERT INTO db.log_head AS h (tenant_id, n) SELECT tenant_id, max(n) FROM numbered GROUP BY tenant_id
                ON CONFLICT (tenant_id) DO UPDATE SET n = excluded.n RETURNING h.tenant_id, h.n
            )
            SELECT h.tenant_id AS "tenant_id!", h.n AS "n!", (SELECT count(*) FROM numbered) AS "count!", pg_notify($2, h.tenant_id || ' ' || h.n) AS "told"
            FROM heads h"#,
            BATCH,
            CHANNEL
        )
        .fetch_all(system.conn())
        .await?;
        system.commit_unannounced().await?;
        Ok(heads.first().map_or(0, |h| h.count.unsigned_abs()))
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
            if self.sequence().await? > 0 {
                tokio::time::sleep(BREATH).await;
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
