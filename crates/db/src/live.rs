//! Reading the log as it grows: every reader asks for what comes after a number, and is woken when there is more.

use kernel::{At, Error, Op, Result, TenantId};
use serde::Serialize;
use tokio::sync::broadcast;
use uuid::Uuid;

use crate::Db;

/// A tenant's log now ends at this number.
#[derive(Clone, Copy, Debug)]
pub struct Head {
    pub(crate) tenant: TenantId,
    pub(crate) n: i64,
}

/// One numbered entry of the log, without its before and after.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// Its number in the tenant's log.
    pub n: i64,
    /// When the op began.
    pub at: At,
    /// `order.paid`.
    pub action: String,
    /// `order`.
    pub kind: String,
    /// Which one.
    pub target: Uuid,
}

/// At most so many entries at once.
const BATCH: i64 = 200;

/// A reader of one tenant's log from a number on. Nothing is missed and nothing comes twice.
pub struct Live {
    db: Db,
    op: Op,
    tenant: TenantId,
    after: i64,
    heads: broadcast::Receiver<Head>,
}

impl Db {
    /// Reads the log after entry `after`; `None` begins at its present end.
    pub async fn live(&self, op: Op, after: Option<i64>) -> Result<Live> {
        let tenant = op.tenant()?;
        let heads = self.heads.subscribe();
        let after = match after {
            Some(after) => after,
            None => self.head(op.clone()).await?,
        };
        Ok(Live { db: self.clone(), op, tenant, after, heads })
    }

    /// The last number of the tenant's log; 0 before the first entry.
    pub async fn head(&self, op: Op) -> Result<i64> {
        let mut tx = self.begin(op).await?;
        let tenant = tx.tenant().uuid();
        Ok(sqlx::query_scalar!("SELECT n FROM db.log_head WHERE tenant_id = $1", tenant).fetch_optional(tx.conn()).await?.unwrap_or(0))
    }
}

impl Live {
    /// The next entries, at least one; waits until there are some.
    pub async fn next(&mut self) -> Result<Vec<Entry>> {
        loop {
            let entries = self.read().await?;
            if let Some(last) = entries.last() {
                self.after = last.n;
                return Ok(entries);
            }
            self.wait().await?;
        }
    }

    async fn wait(&mut self) -> Result<()> {
        loop {
            match self.heads.recv().await {
                Ok(head) if head.tenant == self.tenant && head.n > self.after => return Ok(()),
                Ok(_) => {}
                Err(broadcast::error::RecvError::Lagged(_)) => return Ok(()),
                Err(broadcast::error::RecvError::Closed) => return Err(Error::Unavailable(1, "shutting down".into())),
            }
        }
    }

    async fn read(&self) -> Result<Vec<Entry>> {
        let mut tx = self.db.begin(self.op.clone()).await?;
        Ok(sqlx::query_as!(
            Entry,
            "SELECT n, at, action, kind, target_id AS target FROM db.log WHERE tenant_id = $1 AND n > $2 ORDER BY n LIMIT $3",
            self.tenant.uuid(),
            self.after,
            BATCH
        )
        .fetch_all(tx.conn())
        .await?)
    }
}
