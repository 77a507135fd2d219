//! An op and an open transaction. It collects movements, transfers, changes, jobs and numbers for its commit.

use kernel::{At, Change, Day, Job, Movement, Op, Result, TenantId, Transfer};
use sqlx::{PgConnection, Postgres, Transaction};
use uuid::Uuid;

use crate::{Committed, Db, Intent, commit};

/// The only way to a tenant's rows. Dropped without `commit`, it leaves nothing.
pub struct Tx {
    pub(crate) db: Db,
    pub(crate) op: Op,
    pub(crate) tenant: TenantId,
    pub(crate) inner: Transaction<'static, Postgres>,
    pub(crate) left: Left,
    /// Statements sent so far, BEGIN included: routes assert a bound on it.
    pub(crate) trips: u32,
}

/// What a transaction leaves behind beside its documents.
#[derive(Default)]
pub(crate) struct Left {
    pub movements: Vec<Movement>,
    pub transfers: Vec<Transfer>,
    pub touched: Vec<(Day, At)>,
    pub changes: Vec<Change>,
    pub jobs: Vec<Job>,
    pub number: Option<NumberWanted>,
    pub intent: Option<(Intent, serde_json::Value)>,
}

/// A document's number is taken last.
pub(crate) struct NumberWanted {
    pub document: Uuid,
    pub kind: &'static str,
    pub series: String,
    pub year: i32,
}

impl Tx {
    pub(crate) fn new(db: Db, op: Op, tenant: TenantId, inner: Transaction<'static, Postgres>) -> Self {
        Self { db, op, tenant, inner, left: Left::default(), trips: 1 }
    }

    /// Who, when, for whom.
    pub fn op(&self) -> &Op {
        &self.op
    }

    /// The tenant. Every statement names it, so that a distributed engine can route.
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// When this op began.
    pub fn now(&self) -> At {
        self.op.at
    }

    /// The connection, for the slice's own SQL. Each call counts as one round trip.
    pub fn conn(&mut self) -> &mut PgConnection {
        self.trips += 1;
        &mut self.inner
    }

    /// Round trips so far.
    pub fn trips(&self) -> u32 {
        self.trips
    }

    /// Moves stock at commit; the inventory account follows.
    pub fn post(&mut self, movements: impl IntoIterator<Item = Movement>) {
        self.left.movements.extend(movements);
    }

    /// Books money at commit.
    pub fn book(&mut self, transfers: impl IntoIterator<Item = Transfer>) {
        self.left.transfers.extend(transfers);
    }

    /// Says that a document of this day and moment was written although nothing is posted (a sale of nothing): closed days refuse
    /// it, and kept totals of the day are made again.
    pub fn touch(&mut self, day: Day, at: At) {
        self.left.touched.push((day, at));
    }

    /// Enters the log at commit.
    pub fn log(&mut self, change: Change) {
        self.left.changes.push(change);
    }

    /// Queues work at commit.
    pub fn queue(&mut self, job: Job) {
        self.left.jobs.push(job);
    }

    /// Takes the next number of a series (`S` for sales) for a document at commit; one document a transaction.
    /// The number reads `S-2026-000123` and is part of the answer.
    pub fn number(&mut self, series: &str, kind: &'static str, document: Uuid, year: i16) {
        self.left.number = Some(NumberWanted { document, kind, series: series.to_owned(), year: i32::from(year) });
    }

    /// Writes what was collected and is not hot (movements in passing, transfers, changes) and forgets it, so that a
    /// long transaction stays small. Refuses closed days like commit does.
    pub async fn flush(&mut self) -> Result<()> {
        commit::settle(self).await.map(|_| ())
    }

    /// Gives everything up and waits until the database has: what this held is free when it returns. A transaction that is
    /// dropped gives up, too, only later.
    pub async fn give_up(self) -> Result<()> {
        Ok(self.inner.rollback().await?)
    }

    /// Writes everything collected and commits: hot rows last, in the order of their keys.
    pub async fn commit(mut self) -> Result<Committed> {
        let number = commit::settle(&mut self).await?;
        self.trips += 1;
        let trips = self.trips;
        self.inner.commit().await?;
        self.db.committed.notify_one();
        Ok(Committed { number, trips })
    }
}
