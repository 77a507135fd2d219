//! Totals kept for what is sealed: for whole days that are over, and, of a day that still runs, for what happened before a
//! moment that moves on every quarter of an hour. A reader uses the kept totals of days that are not spoiled, and adds the lines
//! of what is not sealed yet. A posting on what is sealed or about to be marks its day in its own transaction (see `commit`).

use futures::future::BoxFuture;
use kernel::{At, Day, DayStart, Error, PLATFORM, Result, TenantId, Zone};

use crate::{Db, System};

/// Days that are summed in one statement: a past of years just read in, of which the planner knows nothing yet, is summed piece
/// by piece in the order of its days.
const AT_ONCE: usize = 92;
/// How often a day that still runs is sealed further, in seconds: the longest stretch that is read line by line.
const QUARTER: i64 = 15 * 60;
/// What happened in the last seconds is left to the next time: requests that are under way would mark the day at once.
const SETTLED: i64 = 60;

/// How far totals are kept: of each day through `through` whatever was posted on it, and of later days what happened before `until`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    /// The last day that is sealed whole.
    pub through: Day,
    /// What happened earlier is sealed, too.
    pub until: At,
}

impl Reach {
    /// Before all business: whole days alone are sealed.
    const NEVER: i64 = -800_000_000;

    /// Whole days alone.
    pub fn days(through: Day) -> Self {
        Self { through, until: At::from_micros(0).plus_seconds(Self::NEVER) }
    }

    /// What is over at a moment, by the wall clock of a zone: the days through yesterday for nearly everybody (the night belongs to
    /// the evening before), and the quarters of hours. What comes later all the same, of a site further west or after a longer
    /// night, or from a till that was offline, marks its day.
    pub fn at(now: At, zone: &Zone) -> Self {
        let settled = now.plus_seconds(-SETTLED);
        let quarter = settled.plus_seconds(-(settled.micros().div_euclid(1_000_000)).rem_euclid(QUARTER));
        Self { through: zone.business_day(now, DayStart::SIX).plus(-1), until: quarter }
    }
}

/// What a slice seals: some days of one tenant, each as far as `reach` goes.
#[derive(Clone, Copy, Debug)]
pub struct Sealing<'a> {
    /// Whose.
    pub tenant: TenantId,
    /// The days, in their order.
    pub days: &'a [Day],
    /// Of days after `reach.through`, what happened before `reach.until`.
    pub reach: Reach,
}

/// Recomputes a slice's kept totals of some days of one tenant from raw lines.
pub type SealFn = for<'a> fn(&'a mut System, Sealing<'a>) -> BoxFuture<'a, Result<()>>;

/// How far a tenant is sealed; none before the first time.
pub async fn sealed(tx: &mut crate::Tx) -> Result<Option<Reach>> {
    let tenant = tx.tenant().uuid();
    let row = sqlx::query!(r#"SELECT sealed_through, sealed_until AS "sealed_until: At" FROM db.tenant WHERE id = $1"#, tenant)
        .fetch_one(tx.conn())
        .await?;
    Ok(row.sealed_through.map(|through| Reach { until: row.sealed_until.unwrap_or(Reach::days(through).until), through }))
}

impl Db {
    /// Seals what is over of every tenant, and spoiled days again; tidies up after closings that were cut off. What can't be sealed is
    /// tried again the next time.
    pub async fn seal_all(&self, seals: &[SealFn]) -> Result<()> {
        self.withdraw_left_behind().await?;
        let mut system = self.system("seal.tenants").await?;
        let tenants = sqlx::query!("SELECT id, time_zone FROM db.tenant WHERE id <> $1 ORDER BY id", PLATFORM.uuid())
            .fetch_all(system.conn())
            .await?;
        drop(system);
        for tenant in tenants {
            let zone: Zone = tenant.time_zone.parse().unwrap_or_else(|_| Zone::utc());
            match self.seal(TenantId::new(tenant.id), Reach::at(self.source.now(), &zone), seals).await {
                // A database that is away is so for all of them.
                Err(error @ Error::Unavailable(..)) => return Err(error),
                // One business whose sums are beyond all numbers keeps no other from being sealed.
                Err(error) => tracing::warn!(%error, tenant = %tenant.id, "a business could not be sealed"),
                Ok(()) => {}
            }
        }
        Ok(())
    }

    /// Seals of one tenant what `reach` says.
    pub async fn seal(&self, tenant: TenantId, reach: Reach, seals: &[SealFn]) -> Result<()> {
        if !self.announce_seal(tenant, reach).await? {
            return Ok(());
        }
        self.write_seal(tenant, reach, seals).await
    }

    /// Says what will be sealed, so that postings from now on mark it; then waits until every posting that may not have seen
    /// this has ended. False when there is nothing to do or a writer takes too long (tried next time).
    async fn announce_seal(&self, tenant: TenantId, reach: Reach) -> Result<bool> {
        let mut system = self.system("seal.announce").await?;
        let row = sqlx::query!(
            r#"SELECT coalesce(t.sealed_through < $2, true) AS "day_over!", coalesce(t.sealed_until < $3, true) AS "time_over!",
                EXISTS (SELECT 1 FROM db.dirty_day d WHERE d.tenant_id = t.id AND (d.day <= $2 OR d.at < $3)) AS "marked!",
                coalesce(t.sealed_until < $3, true) AND EXISTS (SELECT 1 FROM ledger.transfer f WHERE f.tenant_id = t.id AND f.day > coalesce(t.sealed_through, '-infinity')
                    AND f.effective_at >= coalesce(t.sealed_until, '-infinity') AND f.effective_at < $3) AS "fresh!"
            FROM db.tenant t WHERE t.id = $1"#,
            tenant.uuid(),
            reach.through as Day,
            reach.until as At
        )
        .fetch_one(system.conn())
        .await?;
        if !(row.day_over || row.marked || row.fresh) {
            return Ok(false);
        }
        if !(row.day_over || row.time_over) {
            return Ok(true);
        }
        sqlx::query!(
            "UPDATE db.tenant SET sealing_through = greatest(sealing_through, $2), sealing_until = greatest(sealing_until, $3)
            WHERE id = $1 AND (coalesce(sealing_through < $2, true) OR coalesce(sealing_until < $3, true))",
            tenant.uuid(),
            reach.through as Day,
            reach.until as At
        )
        .execute(system.conn())
        .await?;
        system.commit_unannounced().await?;
        self.postings_ended().await
    }

    /// Whether all transactions have ended that are posting now, for whichever tenant; looks for up to two seconds. They are
    /// known by their lock on the table of the hot rows: `lock.sql` takes it before it reads which days are closed and which
    /// are being sealed, and each keeps it to its end. So whoever posts without that lock reads what was committed before this began.
    pub(crate) async fn postings_ended(&self) -> Result<bool> {
        let posting: Vec<String> = sqlx::query_scalar!(
            r#"SELECT DISTINCT l.virtualtransaction AS "posting!" FROM pg_locks l
            WHERE l.locktype = 'relation' AND l.relation = 'stock.worth'::regclass AND l.mode IN ('RowShareLock', 'RowExclusiveLock')
            AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())"#
        )
        .fetch_all(&self.system)
        .await?;
        for _ in 0..40 {
            let ended = sqlx::query_scalar!(
                r#"SELECT NOT EXISTS (SELECT 1 FROM pg_locks l WHERE l.locktype = 'relation' AND l.virtualtransaction = ANY ($1)) AS "ended!""#,
                &posting
            )
            .fetch_one(&self.system)
            .await?;
            if ended {
                return Ok(true);
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        Ok(false)
    }

    async fn write_seal(&self, tenant: TenantId, reach: Reach, seals: &[SealFn]) -> Result<()> {
        let mut system = self.system("seal.write").await?;
        sqlx::query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ").execute(system.conn()).await?;
        // What is sealed stays so, whoever asks for less.
        let reach = sqlx::query_as!(
            Reach,
            r#"SELECT greatest(t.sealed_through, $2) AS "through!: Day", greatest(t.sealed_until, $3) AS "until!: At" FROM db.tenant t WHERE t.id = $1"#,
            tenant.uuid(),
            reach.through as Day,
            reach.until as At
        )
        .fetch_one(system.conn())
        .await?;
        // Marks that are visible here belong to postings that are visible here.
        let marked = sqlx::query!(
            "DELETE FROM db.dirty_day WHERE tenant_id = $1 AND (day <= $2 OR at < $3) RETURNING day",
            tenant.uuid(),
            reach.through as Day,
            reach.until as At
        )
        .fetch_all(system.conn())
        .await?;
        let fresh = sqlx::query!(
            r#"SELECT d.day AS "day!" FROM (SELECT DISTINCT f.day FROM ledger.transfer f, db.tenant t WHERE f.tenant_id = $1 AND t.id = $1
                AND f.day > coalesce(t.sealed_through, '-infinity')
                AND (f.day <= $2 OR (f.effective_at >= coalesce(t.sealed_until, '-infinity') AND f.effective_at < $3))) d"#,
            tenant.uuid(),
            reach.through as Day,
            reach.until as At
        )
        .fetch_all(system.conn())
        .await?;
        let mut days: Vec<Day> = marked.iter().map(|r| r.day).chain(fresh.iter().map(|r| r.day)).collect();
        days.sort_unstable();
        days.dedup();
        for days in days.chunks(AT_ONCE) {
            for seal in seals {
                seal(&mut system, Sealing { tenant, days, reach }).await?;
            }
        }
        sqlx::query!(
            "UPDATE db.tenant SET sealed_through = $2, sealing_through = greatest(sealing_through, $2),
                sealed_until = $3, sealing_until = greatest(sealing_until, $3) WHERE id = $1",
            tenant.uuid(),
            reach.through as Day,
            reach.until as At
        )
        .execute(system.conn())
        .await?;
        system.commit_unannounced().await
    }

    /// The moment, for periodic work.
    pub fn now(&self) -> At {
        self.source.now()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_over_at_six_and_a_quarter_of_an_hour_a_minute_after_its_end() {
        let reach = |now: &str| Reach::at(now.parse().unwrap(), &"Europe/London".parse().unwrap());
        let is = |now, through: &str, until: &str| {
            assert_eq!(reach(now), Reach { through: through.parse().unwrap(), until: until.parse().unwrap() }, "{now}")
        };
        is("2026-07-22T04:59:59Z", "2026-07-20", "2026-07-22T04:45:00Z");
        is("2026-07-22T05:00:00Z", "2026-07-21", "2026-07-22T04:45:00Z");
        is("2026-07-22T05:00:59Z", "2026-07-21", "2026-07-22T04:45:00Z");
        is("2026-07-22T05:01:00Z", "2026-07-21", "2026-07-22T05:00:00Z");
        assert!(Reach::days("1970-01-01".parse().unwrap()).until < "1969-12-30T00:00:00Z".parse().unwrap());
    }
}
