//! Work for later: queued in the transaction that asks for it, done at least once, tried again with back-off, and laid
//! aside for a person when it keeps failing. A job runs as its tenant under the same row security.

use std::{collections::HashMap, sync::Arc, time::Duration};

use futures::future::BoxFuture;
use kernel::{Actor, At, Change, Error, Id, Op, PLATFORM, Permissions, Result, TenantId, of};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::{
    sync::watch,
    task::{self, JoinError, JoinHandle, JoinSet},
};
use uuid::Uuid;

use crate::{Db, Reach, SealFn};

/// Does one job. It may come twice; what it did the first time it must not do again.
pub type Run = fn(Db, Op, Value) -> BoxFuture<'static, Result<()>>;

/// Says on a document that its job was laid aside, and why. It may come twice.
pub type Died = fn(Db, Op, Value, Error) -> BoxFuture<'static, Result<()>>;

/// A kind of job by its name.
#[derive(Clone, Copy)]
pub struct Later {
    /// `sales.import`.
    pub name: &'static str,
    /// What does it.
    pub run: Run,
    /// What settles its document when it is laid aside; nothing where no document waits for it.
    pub died: Option<Died>,
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
#[serde(rename_all = "camelCase")]
pub struct DeadJob {
    /// Its id.
    pub id: Uuid,
    /// The short name of its business; `hearth` is the account plane.
    pub tenant: String,
    /// Its kind.
    pub name: String,
    /// What it works on.
    pub payload: Value,
    /// When it was asked for.
    pub created_at: At,
    /// How often it was tried.
    pub attempts: i32,
    /// The last refusal.
    pub error: Option<String>,
}

/// Everything that runs beside requests.
#[derive(Clone)]
pub struct Jobs {
    db: Db,
    later: Arc<HashMap<&'static str, Later>>,
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
/// How many jobs a node works at a time.
const WORKERS: usize = 4;
/// How many of them may be one tenant's: whatever it asks for, others' jobs find a free worker.
const OF_ONE_TENANT: usize = 2;
/// How many dead jobs are shown; the oldest, whose documents have waited longest.
const DEAD_SHOWN: i64 = 1_000;
/// Another worker may take over a running job after this many seconds without a word of its worker.
const HOLD: i64 = 20;
/// How often a worker says that it is still at a job.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// How often the queue is looked at.
const GLANCE: Duration = Duration::from_millis(250);
/// How often it is looked whether something is to be sealed.
const SEAL: Duration = Duration::from_secs(60);
/// A job that failed is not left for longer than these seconds.
const LONGEST_WAIT: i64 = 3_600;

impl Jobs {
    /// The registered kinds.
    pub fn new(db: Db, later: Vec<Later>, periodic: Vec<Periodic>, seals: Vec<SealFn>) -> Self {
        Self {
            db,
            later: Arc::new(later.into_iter().map(|l| (l.name, l)).collect()),
            periodic: Arc::new(periodic.into_iter().chain(OWN.iter().copied()).collect()),
            seals: Arc::new(seals),
        }
    }

    /// Works the queue until told to stop; what is running is finished first.
    pub async fn work(&self, mut stop: watch::Receiver<bool>) {
        let (mut workers, mut whose) = (JoinSet::new(), HashMap::new());
        while !*stop.borrow() {
            if workers.len() < WORKERS {
                match self.take(None, &at_their_most(&whose)).await {
                    Ok(Some(job)) => {
                        let (jobs, tenant) = (self.clone(), job.tenant);
                        let worker = workers.spawn(async move { jobs.do_one(job).await });
                        whose.insert(worker.id(), tenant);
                        continue;
                    }
                    Ok(None) => {}
                    Err(error) => tracing::warn!(%error, "the job queue can't be read"),
                }
            }
            tokio::select! {
                _ = stop.changed() => {}
                Some(ended) = workers.join_next_with_id() => {
                    whose.remove(&ended.as_ref().map_or_else(JoinError::id, |(id, _)| *id));
                    if let Ok((_, Err(error))) = ended {
                        tracing::warn!(%error, "what came of a job could not be written down");
                    }
                }
                () = tokio::time::sleep(GLANCE) => {}
            }
        }
        while workers.join_next().await.is_some() {}
    }

    /// Does periodic work while this node leads, until told to stop.
    pub async fn lead(&self, leads: watch::Receiver<bool>, mut stop: watch::Receiver<bool>) {
        let mut due: Vec<(At, Duration, Option<Periodic>)> = self.periodic.iter().map(|p| (self.db.now(), p.every, Some(*p))).collect();
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

    /// Seals what is over of all tenants now.
    pub async fn seal_all(&self) -> Result<()> {
        self.db.seal_all(&self.seals).await
    }

    /// Seals of one tenant what `reach` says, now.
    pub async fn seal(&self, tenant: TenantId, reach: Reach) -> Result<()> {
        self.db.seal(tenant, reach, &self.seals).await
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
        match self.take(only, &[]).await? {
            Some(job) => self.do_one(job).await.map(|()| true),
            None => Ok(false),
        }
    }

    /// Takes one due job, of one tenant or of any but those named.
    async fn take(&self, only: Option<TenantId>, not: &[Uuid]) -> Result<Option<Taken>> {
        let now = self.db.now();
        let mut system = self.db.system("jobs.take").await?;
        let job = sqlx::query!(
            "UPDATE db.job j SET state = 'running', attempts = j.attempts + 1, held_until = $2
            FROM (SELECT tenant_id, id FROM db.job WHERE state <> 'dead' AND run_at <= $1 AND (state = 'queued' OR held_until < $1)
                AND (tenant_id = $3 OR $3 IS NULL) AND tenant_id <> ALL ($4)
                ORDER BY run_at LIMIT 1 FOR UPDATE SKIP LOCKED) f
            WHERE j.tenant_id = f.tenant_id AND j.id = f.id
            RETURNING j.tenant_id, j.id, j.name, j.payload, j.attempts, j.account_id, j.actor_kind, j.actor_name",
            now as At,
            now.plus_seconds(HOLD) as At,
            only.map(TenantId::uuid),
            not
        )
        .fetch_optional(system.conn())
        .await?;
        system.commit_unannounced().await?;
        let Some(job) = job else { return Ok(None) };
        let mut op = Op::program(&self.db.source, "job", Some(TenantId::new(job.tenant_id)));
        // One that was queued before jobs said it is a person's.
        if let Some(actor) = Actor::read(job.actor_kind.as_deref().unwrap_or("account"), job.account_id, job.actor_name.as_deref()) {
            op = Op { actor, permissions: Permissions::ALL, ..op };
        }
        Ok(Some(Taken { tenant: job.tenant_id, id: job.id, name: job.name, payload: job.payload, attempts: job.attempts, op }))
    }

    /// Does a job and writes down what came of it.
    async fn do_one(&self, job: Taken) -> Result<()> {
        let result = match self.later.get(job.name.as_str()) {
            // Every worker that took it ended before it did: it is not tried for ever.
            Some(_) if job.attempts > ATTEMPTS => Err(Error::Internal("its worker ended each time".into())),
            // In a task of its own, so that a panic of one job is not the end of the worker.
            Some(later) => {
                let running = tokio::spawn((later.run)(self.db.clone(), job.op.clone(), job.payload.clone()));
                self.hold(job.tenant, job.id, running).await
            }
            None => Err(Error::Internal(format!("no such job: {}", job.name))),
        };
        self.settle(job, result).await
    }

    /// Waits for a running job and says again and again that somebody is at it, so that only a dead worker's is taken over.
    async fn hold(&self, tenant: Uuid, id: Uuid, mut running: JoinHandle<Result<()>>) -> Result<()> {
        loop {
            tokio::select! {
                ended = &mut running => return ended.unwrap_or_else(|e| Err(Error::Internal(e.to_string()))),
                () = tokio::time::sleep(HEARTBEAT) => {
                    let until = self.db.now().plus_seconds(HOLD);
                    let kept = sqlx::query!("UPDATE db.job SET held_until = $3 WHERE tenant_id = $1 AND id = $2", tenant, id, until as At)
                        .execute(&self.db.system)
                        .await;
                    if let Err(error) = kept {
                        tracing::warn!(%error, job = %id, "could not say that a job is still at work");
                    }
                }
            }
        }
    }

    async fn settle(&self, job: Taken, result: Result<()>) -> Result<()> {
        let (tenant, id, attempts) = (job.tenant, job.id, job.attempts);
        let Err(error) = result else {
            let mut system = self.db.system("jobs.settle").await?;
            sqlx::query!("DELETE FROM db.job WHERE tenant_id = $1 AND id = $2", tenant, id).execute(system.conn()).await?;
            return system.commit_unannounced().await;
        };
        tracing::warn!(%error, job = %id, attempts, "a job failed");
        // Its document first: a job that is dead has none that waits for it.
        let dead = attempts >= ATTEMPTS && self.settle_document(job, &error).await;
        let jitter = i64::from(u16::from_be_bytes(self.db.source.bytes::<2>())) % 5;
        let wait = 2_i64.saturating_pow(u32::try_from(attempts).unwrap_or(1)).min(LONGEST_WAIT) + jitter;
        let mut system = self.db.system("jobs.settle").await?;
        sqlx::query!(
            "UPDATE db.job SET state = $3, run_at = $4, error = $5 WHERE tenant_id = $1 AND id = $2",
            tenant,
            id,
            if dead { "dead" } else { "queued" },
            self.db.now().plus_seconds(wait) as At,
            error.to_string().replace('\0', "")
        )
        .execute(system.conn())
        .await?;
        system.commit_unannounced().await
    }

    /// Tells the document of a job that it is laid aside; whether it knows now.
    async fn settle_document(&self, job: Taken, error: &Error) -> bool {
        let Some(died) = self.later.get(job.name.as_str()).and_then(|later| later.died) else { return true };
        let settled = died(self.db.clone(), job.op, job.payload, error.clone()).await;
        if let Err(error) = &settled {
            tracing::warn!(%error, job = %job.id, "the document of a dead job could not be settled; it is tried again");
        }
        settled.is_ok()
    }
}

/// A job that a worker has.
struct Taken {
    tenant: Uuid,
    id: Uuid,
    name: String,
    payload: Value,
    attempts: i32,
    op: Op,
}

/// The tenants that have as many workers as one may have.
fn at_their_most(whose: &HashMap<task::Id, Uuid>) -> Vec<Uuid> {
    let held = |tenant: &Uuid| whose.values().filter(|other| *other == tenant).count();
    whose.values().filter(|tenant| held(tenant) >= OF_ONE_TENANT).copied().collect()
}

impl Db {
    /// The jobs that wait for a person, the oldest first.
    pub async fn dead_jobs(&self) -> Result<Vec<DeadJob>> {
        let mut system = self.system("jobs.dead").await?;
        Ok(sqlx::query_as!(
            DeadJob,
            r#"SELECT j.id, t.slug AS tenant, j.name, j.payload, j.created_at AS "created_at: At", j.attempts, j.error
            FROM db.job j JOIN db.tenant t ON t.id = j.tenant_id WHERE j.state = 'dead' ORDER BY j.created_at, j.id LIMIT $1"#,
            DEAD_SHOWN
        )
        .fetch_all(system.conn())
        .await?)
    }

    /// Queues a dead job again, as if it had never been tried; it enters the platform's log. `NotFound` where none has this id.
    pub async fn retry_job(&self, op: &Op, id: Uuid) -> Result<DeadJob> {
        let mut system = self.system("jobs.retry").await?;
        let job = sqlx::query_as!(
            DeadJob,
            r#"UPDATE db.job j SET state = 'queued', attempts = 0, run_at = $2, held_until = NULL FROM db.tenant t
            WHERE j.id = $1 AND j.state = 'dead' AND t.id = j.tenant_id
            RETURNING j.id, t.slug AS tenant, j.name, j.payload, j.created_at AS "created_at: At", j.attempts, j.error"#,
            id,
            self.now() as At
        )
        .fetch_optional(system.conn())
        .await?
        .ok_or(Error::NotFound)?;
        let told = json!({ "business": job.tenant, "job": job.name, "error": job.error });
        system.log(op, PLATFORM, &Change::of("job.retried", "job", Id::<of::Job>::new(id), &told)).await?;
        system.commit().await?;
        Ok(job)
    }
}
