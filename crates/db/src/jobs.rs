//! Work for later: queued in the transaction that asks for it, done at least once, tried again with back-off, and laid
//! aside for a person when it keeps failing. A job runs as its tenant under the same row security.

use std::{collections::HashMap, sync::Arc, time::Duration};

use futures::future::BoxFuture;
use kernel::{Actor, Error, Op, Permissions, Result, TenantId};
use serde::Serialize;
use serde_json::Value;
use tokio::{sync::watch, task::JoinHandle};
use uuid::Uuid;

use crate::{Db, SealFn};

/// Does one job. It may come twice; what it did the first time it must not do again.
pub type Run = fn(Db, Op, Value) -> BoxFuture<'static, Result<()>>;

/// A kind of job by its name.
#[derive(Clone, Copy)]
pub struct Later {
    /// `sales.import`.
    pub name: &'static str,
    /// What does it.
    pub run: Run,
}

/// Work that the leading node does again and again.
#[derive(Clone, Copy)]
pub struct Periodic {
    /// For logs.
    pub name: &'static str,
    /// How often.
    pub every: Duration,
    /// What does it.
    pub run: fn(Db) -> BoxFuture<'static, Result<()>>,
}

/// A job that a person must look at.
#[derive(Clone, Debug, Serialize)]
pub struct DeadJob {
    /// Its id.
    pub id: Uuid,
    /// Its kind.
    pub name: String,
    /// How often it was tried.
    pub attempts: i32,
    /// The last refusal.
    pub error: Option<String>,
}

/// Everything that runs beside requests.
#[derive(Clone)]
pub struct Jobs {
    db: Db,
    later: Arc<HashMap<&'static str, Run>>,
    periodic: Arc<Vec<Periodic>>,
    seals: Arc<Vec<SealFn>>,
}

/// Work of the house itself, whichever slices there are.
const OWN: &[Periodic] = &[Periodic {
    name: "db.intents",
    every: Duration::from_secs(24 * 3600),
    run: |db| Box::pin(async move { db.forget_intents().await.map(|_| ()) }),
}];

/// A job that was tried so often is laid aside.
const ATTEMPTS: i32 = 8;
/// Another worker may take over a running job after this many seconds without a word of its worker.
const HOLD: i64 = 20;
/// How often a worker says that it is still at a job.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// How often the queue is looked at.
const GLANCE: Duration = Duration::from_millis(250);
/// How often days are sealed.
const SEAL: Duration = Duration::from_secs(60);

impl Jobs {
    /// The registered kinds.
    pub fn new(db: Db, later: Vec<Later>, periodic: Vec<Periodic>, seals: Vec<SealFn>) -> Self {
        Self {
            db,
            later: Arc::new(later.into_iter().map(|l| (l.name, l.run)).collect()),
            periodic: Arc::new(periodic.into_iter().chain(OWN.iter().copied()).collect()),
            seals: Arc::new(seals),
        }
    }

    /// Works the queue until told to stop; what is running is finished first.
    pub async fn work(&self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            match self.work_one(None).await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => tracing::warn!(%error, "the job queue can't be read"),
            }
            tokio::select! { _ = stop.changed() => return, () = tokio::time::sleep(GLANCE) => {} }
        }
    }

    /// Does periodic work while this node leads, until told to stop.
    pub async fn lead(&self, leads: watch::Receiver<bool>, mut stop: watch::Receiver<bool>) {
        let mut due: Vec<(kernel::At, Duration, Option<Periodic>)> =
            self.periodic.iter().map(|p| (self.db.now(), p.every, Some(*p))).collect();
        due.push((self.db.now(), SEAL, None));
        loop {
            tokio::select! { _ = stop.changed() => return, () = tokio::time::sleep(Duration::from_secs(1)) => {} }
            if !*leads.borrow() {
                continue;
            }
            for (next, every, what) in &mut due {
                if *next <= self.db.now() {
                    *next = self.db.now().plus_seconds(i64::try_from(every.as_secs()).unwrap_or(60));
                    let result = match what {
                        Some(periodic) => (periodic.run)(self.db.clone()).await,
                        None => self.seal_all().await,
                    };
                    if let Err(error) = result {
                        tracing::warn!(%error, work = what.map_or("seal", |p| p.name), "periodic work failed");
                    }
                }
            }
        }
    }

    /// Seals the days of all tenants now.
    pub async fn seal_all(&self) -> Result<()> {
        self.db.seal_all(&self.seals).await
    }

    /// Seals one tenant's days now.
    pub async fn seal(&self, tenant: TenantId, through: kernel::Day) -> Result<()> {
        self.db.seal(tenant, through, &self.seals).await
    }

    /// Works until nothing is due for one tenant. For the command line, and for stories, which share a database.
    pub async fn work_all(&self, tenant: TenantId) -> Result<u32> {
        let mut done = 0;
        while self.work_one(Some(tenant)).await? {
            done += 1;
        }
        Ok(done)
    }

    /// Takes one due job (of one tenant) and does it; false when none is due.
    async fn work_one(&self, only: Option<TenantId>) -> Result<bool> {
        let now = self.db.now();
        let mut system = self.db.system("jobs.take").await?;
        let Some(job) = sqlx::query!(
            "UPDATE db.job j SET state = 'running', attempts = j.attempts + 1, held_until = $2
            FROM (SELECT tenant_id, id FROM db.job WHERE state <> 'dead' AND run_at <= $1 AND (state = 'queued' OR held_until < $1)
                AND (tenant_id = $3 OR $3 IS NULL)
                ORDER BY run_at LIMIT 1 FOR UPDATE SKIP LOCKED) f
            WHERE j.tenant_id = f.tenant_id AND j.id = f.id
            RETURNING j.tenant_id, j.id, j.name, j.payload, j.attempts, j.account_id, j.actor_kind, j.actor_name",
            now as kernel::At,
            now.plus_seconds(HOLD) as kernel::At,
            only.map(TenantId::uuid)
        )
        .fetch_optional(system.conn())
        .await?
        else {
            return Ok(false);
        };
        system.commit_unannounced().await?;
        let mut op = Op::program(&self.db.source, "job", Some(TenantId::new(job.tenant_id)));
        // One that was queued before jobs said it is a person's.
        if let Some(actor) = Actor::read(job.actor_kind.as_deref().unwrap_or("account"), job.account_id, job.actor_name.as_deref()) {
            op = Op { actor, permissions: Permissions::ALL, ..op };
        }
        let result = match self.later.get(job.name.as_str()) {
            // In a task of its own, so that a panic of one job is not the end of the worker.
            Some(run) => self.hold(job.tenant_id, job.id, tokio::spawn(run(self.db.clone(), op, job.payload))).await,
            None => Err(Error::Internal(format!("no such job: {}", job.name))),
        };
        self.settle(job.tenant_id, job.id, job.attempts, result).await?;
        Ok(true)
    }

    /// Waits for a running job and says again and again that somebody is at it, so that only a dead worker's is taken over.
    async fn hold(&self, tenant: Uuid, id: Uuid, mut running: JoinHandle<Result<()>>) -> Result<()> {
        loop {
            tokio::select! {
                ended = &mut running => return ended.unwrap_or_else(|e| Err(Error::Internal(e.to_string()))),
                () = tokio::time::sleep(HEARTBEAT) => {
                    let until = self.db.now().plus_seconds(HOLD);
                    let kept = sqlx::query!("UPDATE db.job SET held_until = $3 WHERE tenant_id = $1 AND id = $2", tenant, id, until as kernel::At)
                        .execute(&self.db.system)
                        .await;
                    if let Err(error) = kept {
                        tracing::warn!(%error, job = %id, "could not say that a job is still at work");
                    }
                }
            }
        }
    }

    async fn settle(&self, tenant: Uuid, id: Uuid, attempts: i32, result: Result<()>) -> Result<()> {
        let mut system = self.db.system("jobs.settle").await?;
        match result {
            Ok(()) => {
                sqlx::query!("DELETE FROM db.job WHERE tenant_id = $1 AND id = $2", tenant, id).execute(system.conn()).await?;
            }
            Err(error) => {
                tracing::warn!(%error, job = %id, attempts, "a job failed");
                let state = if attempts >= ATTEMPTS { "dead" } else { "queued" };
                let jitter = i64::from(u16::from_be_bytes(self.db.source.bytes::<2>())) % 5;
                let wait = 2_i64.saturating_pow(u32::try_from(attempts).unwrap_or(1)) + jitter;
                sqlx::query!(
                    "UPDATE db.job SET state = $3, run_at = $4, error = $5 WHERE tenant_id = $1 AND id = $2",
                    tenant,
                    id,
                    state,
                    self.db.now().plus_seconds(wait) as kernel::At,
                    error.to_string()
                )
                .execute(system.conn())
                .await?;
            }
        }
        system.commit_unannounced().await
    }
}
