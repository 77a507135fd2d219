//! Closing days: nothing is booked on or before a closed day any more.

use db::{Command, Tx};
use futures::future::BoxFuture;
use kernel::{Change, Day, Error, Permission, Result};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use web::Finding;

/// Closes the books through a day. A closed day stays closed.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CloseThrough {
    /// The last day on which nothing may be booked any more; at latest today.
    pub day: Day,
}

/// Through which day the books are closed.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Closed {
    /// The last closed day, if any.
    pub closed_through: Option<Day>,
}

/// Through which day the books are closed.
pub(crate) async fn closed_through(tx: &mut Tx) -> Result<Closed> {
    let tenant = tx.tenant().uuid();
    let day = sqlx::query_scalar!("SELECT closed_through FROM db.tenant WHERE id = $1", tenant).fetch_one(tx.conn()).await?;
    Ok(Closed { closed_through: day })
}

impl CloseThrough {
    /// Refuses what can't be closed; through which day the books are closed now.
    pub(crate) async fn check(&self, tx: &mut Tx) -> Result<Closed> {
        if !self.day.is_sane() {
            return Err(Error::rule("day.out_of_range").at("day"));
        }
        if self.day > crate::today(tx).await? {
            return Err(Error::rule("day.future").at("day"));
        }
        let before = closed_through(tx).await?;
        if before.closed_through.is_some_and(|closed| closed >= self.day) {
            return Err(Error::rule("day.closed_later").at("day"));
        }
        Ok(before)
    }
}

impl Command for CloseThrough {
    const NEEDS: Permission = Permission::LedgerClose;
    type Out = Closed;

    async fn run(self, tx: &mut Tx) -> Result<Closed> {
        let before = self.check(tx).await?;
        let Self { day } = self;
        if !db::close_days(tx, day).await? {
            return Err(Error::rule("day.closed_later").at("day"));
        }
        let after = Closed { closed_through: Some(day) };
        tx.log(Change::of("ledger.closed", "tenant", tx.tenant(), &after).from(&before));
        Ok(after)
    }
}

/// Nothing was booked on a day after it was closed. The ids of transfers are the program's own (UUIDv7), so they tell when.
pub(crate) fn check_closed(tx: &mut Tx) -> BoxFuture<'_, Result<Vec<Finding>>> {
    Box::pin(async move {
        let tenant = tx.tenant().uuid();
        let rows = sqlx::query!(
            r#"WITH closing AS (
                SELECT (l.after ->> 'closedThrough')::date AS day, min(l.at) AS at FROM db.trail l
                WHERE l.tenant_id = $1 AND l.target_id = $1 AND l.action = 'ledger.closed' GROUP BY 1
            )
            SELECT DISTINCT ON (f.document_id) f.document_id AS "document_id!", f.document_kind AS "kind!", f.day AS "day!"
            FROM closing c JOIN ledger.transfer f ON f.day <= c.day
            WHERE f.tenant_id = $1
            AND ('x' || lpad(left(replace(f.id::text, '-', ''), 12), 16, '0'))::bit(64)::bigint > floor(extract(epoch FROM c.at) * 1000) + 1000
            ORDER BY f.document_id LIMIT 100"#,
            tenant
        )
        .fetch_all(tx.conn())
        .await?;
        Ok(rows
            .into_iter()
            .map(|r| Finding {
                check: "ledger.closed",
                kind: r.kind,
                id: r.document_id,
                text: format!("booked on {} after that day was closed", r.day),
            })
            .collect())
    })
}
