//! Totals kept for sealed days. A reader uses the kept totals of sealed days that are not dirty, and adds the lines of
//! the rest. A posting on a day that is sealed or about to be marks it dirty in its own transaction (see `commit`).

use futures::future::BoxFuture;
use kernel::{At, Day, DayStart, PLATFORM, Result, TenantId, Zone};

use crate::{Db, System};

/// Days that are summed in one statement: a past of years just read in, of which the planner knows nothing yet, is summed piece
/// by piece in the order of its days.
const AT_ONCE: usize = 92;

/// Recomputes a slice's kept totals of the given days of one tenant from raw lines.
pub type SealFn = for<'a> fn(&'a mut System, TenantId, &'a [Day]) -> BoxFuture<'a, Result<()>>;

/// The last sealed day of a tenant.
pub async fn sealed_through(tx: &mut crate::Tx) -> Result<Option<Day>> {
    let tenant = tx.tenant().uuid();
    Ok(sqlx::query_scalar!("SELECT sealed_through FROM db.tenant WHERE id = $1", tenant).fetch_one(tx.conn()).await?)
}

/// The last day that is over for nearly everybody, by the wall clock of a zone: the night belongs to the evening before. What
/// comes later all the same, of a site further west or after a longer night, marks its day.
fn over(now: At, zone: &Zone) -> Day {
    zone.business_day(now, DayStart::SIX).plus(-1)
}

impl Db {
    /// Seals every tenant's days up to its yesterday, and seals dirty ones again; tidies up after closings that were cut off.
    pub async fn seal_all(&self, seals: &[SealFn]) -> Result<()> {
        self.withdraw_left_behind().await?;
        let mut system = self.system("seal.tenants").await?;
        let tenants = sqlx::query!("SELECT id, time_zone FROM db.tenant WHERE id <> $1 ORDER BY id", PLATFORM.uuid())
            .fetch_all(system.conn())
            .await?;
        drop(system);
        for tenant in tenants {
            let zone: Zone = tenant.time_zone.parse().unwrap_or_else(|_| Zone::utc());
            self.seal(TenantId::new(tenant.id), over(self.source.now(), &zone), seals).await?;
        }
        Ok(())
    }

    /// Seals one tenant's days through `through`.
    pub async fn seal(&self, tenant: TenantId, through: Day, seals: &[SealFn]) -> Result<()> {
        if !self.announce_seal(tenant, through).await? {
            return Ok(());
        }
        self.write_seal(tenant, through, seals).await
    }

    /// Says which days will be sealed, so that postings from now on mark them; then waits until every posting that may
    /// not have seen this has ended. False when there is nothing to do or a writer takes too long (tried next time).
    async fn announce_seal(&self, tenant: TenantId, through: Day) -> Result<bool> {
        let mut system = self.system("seal.announce").await?;
        let row = sqlx::query!(
            r#"SELECT t.sealed_through, t.sealing_through, EXISTS (SELECT 1 FROM db.dirty_day d WHERE d.tenant_id = t.id) AS "dirty!"
            FROM db.tenant t WHERE t.id = $1"#,
            tenant.uuid()
        )
        .fetch_one(system.conn())
        .await?;
        let newer = row.sealed_through.is_none_or(|sealed| sealed < through);
        if !newer {
            return Ok(row.dirty);
        }
        if row.sealing_through.is_none_or(|sealing| sealing < through) {
            sqlx::query!("UPDATE db.tenant SET sealing_through = $2 WHERE id = $1", tenant.uuid(), through as Day)
                .execute(system.conn())
                .await?;
        }
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

    async fn write_seal(&self, tenant: TenantId, through: Day, seals: &[SealFn]) -> Result<()> {
        let mut system = self.system("seal.write").await?;
        sqlx::query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ").execute(system.conn()).await?;
        // Marks that are visible here belong to postings that are visible here.
        let marked =
            sqlx::query!(r#"DELETE FROM db.dirty_day WHERE tenant_id = $1 AND day <= $2 RETURNING day"#, tenant.uuid(), through as Day)
                .fetch_all(system.conn())
                .await?;
        let fresh = sqlx::query!(
            r#"SELECT d.day AS "day!" FROM (SELECT DISTINCT f.day FROM ledger.transfer f WHERE f.tenant_id = $1 AND f.day <= $2
                AND f.day > coalesce((SELECT t.sealed_through FROM db.tenant t WHERE t.id = $1), '-infinity'::date)) d ORDER BY d.day"#,
            tenant.uuid(),
            through as Day
        )
        .fetch_all(system.conn())
        .await?;
        let mut days: Vec<Day> = marked.iter().map(|r| r.day).chain(fresh.iter().map(|r| r.day)).collect();
        days.sort_unstable();
        days.dedup();
        for days in days.chunks(AT_ONCE) {
            for seal in seals {
                seal(&mut system, tenant, days).await?;
            }
        }
        sqlx::query!(
            "UPDATE db.tenant SET sealed_through = greatest(sealed_through, $2), sealing_through = greatest(sealing_through, $2) WHERE id = $1",
            tenant.uuid(),
            through as Day
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
