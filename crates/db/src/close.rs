//! Closing days. A posting reads which days are closed and is written a moment later, so a closing first announces its days,
//! which postings from then on refuse; then it waits until those that may not have seen this have ended (see `seal`), and
//! only then closes: a posting in flight lands before the closing or not at all.

use kernel::{Day, Error, Result, TenantId};
use uuid::Uuid;

use crate::{Db, Tx};

/// Seconds after which an announcement was left behind: by a program that died, for a closing itself waits for two.
const LEFT_BEHIND: i64 = 60;

/// Closes the days through `through` when `tx` commits; `tx` must have posted nothing. False where they are closed already.
/// Refused (`conflict`), with nothing closed, while a posting takes too long to end or another closing is on its way.
pub async fn close_days(tx: &mut Tx, through: Day) -> Result<bool> {
    let closing = tx.op.source.uuid();
    if !announce(tx, through, closing).await? {
        return Ok(false);
    }
    if !tx.db.postings_ended().await? {
        withdraw(&tx.db, tx.tenant, closing).await?;
        return Err(Error::Conflict("a posting takes too long to end".into()));
    }
    let tenant = tx.tenant.uuid();
    let closed = sqlx::query!(
        "UPDATE db.tenant SET closed_through = $2, closing_through = NULL, closing_id = NULL, closing_at = NULL WHERE id = $1 AND closing_id = $3",
        tenant,
        through as Day,
        closing
    )
    .execute(tx.conn())
    .await?;
    // What was taken over meanwhile was no longer refused without a gap.
    if closed.rows_affected() == 1 { Ok(true) } else { Err(Error::Conflict("another closing took over".into())) }
}

/// Says, at once and for all to see, which days will be closed. False where they are closed already.
async fn announce(tx: &Tx, through: Day, closing: Uuid) -> Result<bool> {
    let mut system = tx.db.system("close.announce").await?;
    let row = sqlx::query!(
        r#"WITH announced AS (
            UPDATE db.tenant SET closing_through = $2, closing_id = $3, closing_at = $4
            WHERE id = $1 AND (closed_through IS NULL OR closed_through < $2) AND (closing_at IS NULL OR closing_at < $5) RETURNING 1
        )
        SELECT EXISTS (SELECT 1 FROM announced) AS "announced!", coalesce(t.closed_through >= $2, false) AS "closed!" FROM db.tenant t WHERE t.id = $1"#,
        tx.tenant.uuid(),
        through as Day,
        closing,
        tx.now(),
        tx.now().plus_seconds(-LEFT_BEHIND)
    )
    .fetch_one(system.conn())
    .await?;
    system.commit_unannounced().await?;
    match (row.announced, row.closed) {
        (false, false) => Err(Error::Conflict("another closing is on its way".into())),
        (announced, _) => Ok(announced),
    }
}

/// Takes an announcement back: its days take postings again.
async fn withdraw(db: &Db, tenant: TenantId, closing: Uuid) -> Result<()> {
    let mut system = db.system("close.withdraw").await?;
    sqlx::query!(
        "UPDATE db.tenant SET closing_through = NULL, closing_id = NULL, closing_at = NULL WHERE id = $1 AND closing_id = $2",
        tenant.uuid(),
        closing
    )
    .execute(system.conn())
    .await?;
    system.commit_unannounced().await
}

impl Db {
    /// Takes back what closings announced that never came to their end, for their program died.
    pub(crate) async fn withdraw_left_behind(&self) -> Result<()> {
        let mut system = self.system("close.left_behind").await?;
        let before = self.source.now().plus_seconds(-LEFT_BEHIND);
        sqlx::query!(
            "UPDATE db.tenant SET closing_through = NULL, closing_id = NULL, closing_at = NULL WHERE closing_at < $1",
            before as kernel::At
        )
        .execute(system.conn())
        .await?;
        system.commit_unannounced().await
    }
}
