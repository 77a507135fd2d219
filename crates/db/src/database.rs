//! Two pools: `hearth_app` for requests and jobs, `hearth_system` (small) for work across tenants.

use std::{sync::Arc, time::Duration};

use kernel::{Change, Error, Job, Op, Result, Source, TenantId};
use sqlx::{
    AssertSqlSafe, PgConnection, PgPool, Postgres, Transaction,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::sync::{Notify, broadcast};
use vault::Keyring;

use crate::{
    Tx,
    activity::{self, Notes},
    live::Head,
    trail,
};

/// Where the database is, per role, and how many connections.
#[derive(Clone, Debug)]
pub struct Config {
    /// As `hearth_app`.
    pub app: PgConnectOptions,
    /// As `hearth_system`.
    pub system: PgConnectOptions,
    /// At most so many connections for requests and jobs.
    pub connections: u32,
    /// The keys that seal what whoever reads the database must not read.
    pub vault: Arc<Keyring>,
}

/// The database of one installation. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Db {
    pub(crate) app: PgPool,
    pub(crate) system: PgPool,
    pub(crate) source: Source,
    /// Poked after each commit, so that the sequencer needs no waiting.
    pub(crate) committed: Arc<Notify>,
    /// Where each tenant's log stands now.
    pub(crate) heads: broadcast::Sender<Head>,
    vault: Arc<Keyring>,
    /// What happened, waiting to be written.
    pub(crate) notes: Arc<Notes>,
    pub(crate) trail: Keeping,
}

/// How the trail and the activity are kept.
#[derive(Clone)]
pub struct Keeping {
    /// Takes checkpoints off this machine, where the configuration says so.
    pub deliver: Option<trail::Deliver>,
    /// Months of activity, the present one included.
    pub activity_months: u32,
}

impl Default for Keeping {
    fn default() -> Self {
        Self { deliver: None, activity_months: activity::MONTHS }
    }
}

impl std::fmt::Debug for Keeping {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keeping({} months)", self.activity_months)
    }
}

/// How long a request waits for a connection before the answer is 503.
const ACQUIRE: Duration = Duration::from_secs(5);
/// How long a statement waits for a lock.
const LOCK_TIMEOUT: &str = "5s";
/// How statements are planned on every connection. Requests are short and many, and what they read is mostly in memory: by the
/// server's own costs, which are a spinning disk's, a sale would read whole small tables, dead rows and all, and be planned anew
/// each time; to share one out among several processes would cost more than it gains.
pub const PLANNING: [(&str, &str); 3] = [("random_page_cost", "1.1"), ("jit", "off"), ("max_parallel_workers_per_gather", "0")];

impl Db {
    /// Opens the pools; connects when first needed.
    pub fn open(config: &Config, source: Source) -> Self {
        let pool = |options: &PgConnectOptions, most: u32| {
            PgPoolOptions::new()
                .max_connections(most)
                .min_connections(0)
                .acquire_timeout(ACQUIRE)
                // A broken connection shows at BEGIN, which is tried again; a ping before each use would cost a round trip.
                .test_before_acquire(false)
                .idle_timeout(Duration::from_secs(300))
                .connect_lazy_with(options.clone().options(PLANNING))
        };
        Self {
            app: pool(&config.app.clone().application_name("hearth"), config.connections),
            system: pool(&config.system.clone().application_name("hearth-system"), 4),
            source,
            committed: Arc::new(Notify::new()),
            heads: broadcast::channel(1024).0,
            vault: config.vault.clone(),
            notes: Arc::default(),
            trail: Keeping::default(),
        }
    }

    /// The same with other rules for keeping trail and activity.
    #[must_use]
    pub fn keeping(self, trail: Keeping) -> Self {
        Self { trail, ..self }
    }

    /// The keys that seal.
    pub fn vault(&self) -> &Arc<Keyring> {
        &self.vault
    }

    /// Clock and random numbers.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// Opens a transaction for an op that has a tenant: one round trip.
    pub async fn begin(&self, op: Op) -> Result<Tx> {
        let tenant = op.tenant()?;
        let begin = format!("BEGIN; SET LOCAL hearth.tenant = '{tenant}'; SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'");
        let inner = begin_with(&self.app, &begin).await?;
        Ok(Tx::new(self.clone(), op, tenant, inner))
    }

    /// Opens a transaction in which several reads see one state of the database.
    pub async fn snapshot(&self, op: Op) -> Result<Tx> {
        let tenant = op.tenant()?;
        let begin = format!("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL hearth.tenant = '{tenant}'");
        let inner = begin_with(&self.app, &begin).await?;
        Ok(Tx::new(self.clone(), op, tenant, inner))
    }

    /// Opens a transaction across tenants. Named, rare and logged: sign-in, opening a business, the operator.
    pub async fn system(&self, name: &'static str) -> Result<System> {
        tracing::debug!(name, "system transaction");
        let inner = begin_with(&self.system, &format!("BEGIN; SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")).await?;
        Ok(System { inner, source: self.source.clone(), committed: self.committed.clone() })
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<()> {
        Ok(begin_with(&self.app, "BEGIN").await?.rollback().await?)
    }

    /// Connections (in use, open, most) of the request pool.
    pub fn pool(&self) -> (u32, u32, u32) {
        let open = self.app.size();
        let idle = u32::try_from(self.app.num_idle()).unwrap_or(0);
        (open.saturating_sub(idle), open, self.app.options().get_max_connections())
    }

    /// Closes all connections.
    pub async fn close(&self) {
        self.app.close().await;
        self.system.close().await;
    }
}

/// Begins; a connection that died while idle (the database was restarted) is thrown away and the next one tried.
async fn begin_with(pool: &PgPool, begin: &str) -> Result<Transaction<'static, Postgres>> {
    let most = pool.options().get_max_connections() + 1;
    let mut last = Error::Unavailable(1, "no connection".into());
    for _ in 0..most {
        let stale = pool.num_idle() > 0;
        // In a task of its own: a request that is given up while BEGIN is under way would else give the connection back inside
        // the transaction that it began, and the next one would find itself in it.
        let (pool_of_task, statement) = (pool.clone(), AssertSqlSafe(begin.to_owned()));
        let begun = tokio::spawn(async move { pool_of_task.begin_with(statement).await }).await;
        match begun.unwrap_or(Err(sqlx::Error::WorkerCrashed)) {
            Ok(transaction) => return Ok(transaction),
            Err(error @ (sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed)) => return Err(error.into()),
            Err(error) => {
                last = error.into();
                // A connection that was made for this has no excuse.
                if !matches!(last, Error::Unavailable(..)) || !stale {
                    return Err(last);
                }
            }
        }
    }
    Err(last)
}

/// A transaction of the system role: sees all tenants, collects nothing.
pub struct System {
    inner: Transaction<'static, Postgres>,
    source: Source,
    committed: Arc<Notify>,
}

impl System {
    /// The connection, for the SQL of the slice that opened it.
    pub fn conn(&mut self) -> &mut PgConnection {
        &mut self.inner
    }

    /// Clock and random numbers.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// Enters the log of a business, or of the account plane (`kernel::PLATFORM`), in this transaction.
    pub async fn log(&mut self, op: &Op, tenant: TenantId, change: &Change) -> Result<()> {
        let mut change = change.clone();
        trail::enter(&mut self.inner, &self.source, tenant, std::slice::from_mut(&mut change)).await?;
        let (kind, actor, name) = op.actor.stored();
        sqlx::query!(
            "INSERT INTO db.log_inbox (tenant_id, id, at, actor_kind, actor_id, actor_name, request_id, address, action, kind, target_id, before, after, reason)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
            tenant.uuid(),
            self.source.uuid(),
            op.at,
            kind,
            actor,
            name,
            op.request.uuid(),
            op.address.map(|a| a.to_string()),
            change.action,
            change.kind,
            change.id,
            change.before,
            change.after,
            change.reason
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Queues work for a tenant in this transaction.
    pub async fn queue(&mut self, tenant: TenantId, job: &Job) -> Result<()> {
        sqlx::query!(
            "INSERT INTO db.job (tenant_id, id, name, payload, state, run_at, created_at) VALUES ($1, $2, $3, $4, 'queued', $5, $6)",
            tenant.uuid(),
            self.source.uuid(),
            job.name,
            job.payload,
            job.run_at,
            self.source.now()
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Makes it so.
    pub async fn commit(self) -> Result<()> {
        self.inner.commit().await?;
        self.committed.notify_one();
        Ok(())
    }

    /// Makes it so without waking the sequencer: for the sequencer itself.
    pub(crate) async fn commit_unannounced(self) -> Result<()> {
        Ok(self.inner.commit().await?)
    }
}
