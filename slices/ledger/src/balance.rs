//! What each book holds as of a day: the kept totals of what is sealed and the transfers of the rest.

use db::{Sealing, System, Tx};
use futures::future::BoxFuture;
use kernel::{At, BookId, Currency, Day, Error, Money, Result};
use serde::Serialize;
use utoipa::ToSchema;
use web::{Cx, Finding};

/// What went into and out of one book, in one currency; a book has a row for each currency it was booked in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Balance {
    /// The book.
    pub book_id: BookId,
    /// Its code: `1200`.
    pub code: String,
    /// Its name.
    pub name: String,
    /// `asset`, `liability`, `equity`, `income` or `expense`.
    pub kind: String,
    /// Everything received.
    pub debit: Money,
    /// Everything given.
    pub credit: Money,
    /// What was received less what was given.
    pub balance: Money,
}

/// All books as of a day. Debit and credit of a currency are equal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Balances {
    /// The last day that counts.
    pub as_of: Day,
    /// Books that were ever booked on, by code.
    pub rows: Vec<Balance>,
}

/// The balances of all books as of the end of a day.
pub async fn balances(tx: &mut Tx, as_of: Day) -> Result<Balances> {
    let tenant = tx.tenant().uuid();
    let rows = sqlx::query!(
        // Days are found first, as values: a join with them would be planned for many, and read every transfer there is.
        r#"WITH t AS (
            SELECT coalesce(sealed_through, '-infinity') AS sealed, coalesce(sealed_until, '-infinity') AS until FROM db.tenant WHERE id = $1
        ), spoiled AS (
            SELECT d.day FROM db.spoiled_day d WHERE d.tenant_id = $1
        ), kept AS (
            SELECT k.book_id, k.currency, k.debit, k.credit FROM ledger.day_balance k
            WHERE k.tenant_id = $1 AND k.day <= $2 AND k.day NOT IN (SELECT day FROM spoiled)
        ), live AS (
            SELECT r.debit_id, r.credit_id, r.currency, sum(r.amount) AS amount FROM (
                SELECT f.debit_id, f.credit_id, f.currency, f.amount FROM ledger.transfer f
                WHERE f.tenant_id = $1 AND f.day > (SELECT sealed FROM t) AND f.day <= $2 AND f.effective_at >= (SELECT until FROM t)
                    AND f.day NOT IN (SELECT day FROM spoiled)
                UNION ALL
                SELECT f.debit_id, f.credit_id, f.currency, f.amount FROM ledger.transfer f
                WHERE f.tenant_id = $1 AND f.day = ANY (ARRAY(SELECT day FROM spoiled WHERE day <= $2))
            ) r GROUP BY r.debit_id, r.credit_id, r.currency
        ), summed AS (
            SELECT book_id, currency, sum(debit)::bigint AS debit, sum(credit)::bigint AS credit FROM (
                SELECT * FROM kept
                UNION ALL SELECT debit_id, currency, amount, 0 FROM live
                UNION ALL SELECT credit_id, currency, 0, amount FROM live
            ) s GROUP BY book_id, currency
        )
        SELECT b.id AS book_id, b.code, b.name, b.kind, s.currency AS "currency!", s.debit AS "debit!", s.credit AS "credit!"
        FROM summed s JOIN ledger.book b ON b.tenant_id = $1 AND b.id = s.book_id ORDER BY b.code, s.currency"#,
        tenant,
        as_of as Day
    )
    .fetch_all(tx.conn())
    .await?;
    let rows = rows.into_iter().map(|r| {
        let currency: Currency = r.currency.parse().map_err(|_| Error::rule("currency.unknown"))?;
        let money = |minor| Money::new(minor, currency);
        Ok(Balance {
            book_id: BookId::new(r.book_id),
            code: r.code,
            name: r.name,
            kind: r.kind,
            debit: money(r.debit),
            credit: money(r.credit),
            balance: money(r.debit - r.credit),
        })
    });
    Ok(Balances { as_of, rows: rows.collect::<Result<_>>()? })
}

/// The day that `?asOf=` names, or today.
pub(crate) async fn as_of(cx: &Cx, tx: &mut Tx) -> Result<Day> {
    match cx.param("asOf") {
        Some(day) => day.parse::<Day>().ok().filter(|day| day.is_sane()).ok_or_else(|| Error::field("asOf", "day.format")),
        None => crate::today(tx).await,
    }
}

/// `GET /v1/ledger/balances`.
pub(crate) async fn answer(cx: Cx) -> Result<Balances> {
    let mut tx = cx.tx().await?;
    let day = as_of(&cx, &mut tx).await?;
    balances(&mut tx, day).await
}

/// Makes the kept totals of days anew from their transfers.
pub(crate) fn seal<'a>(system: &'a mut System, Sealing { tenant, days, reach }: Sealing<'a>) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let tenant = tenant.uuid();
        sqlx::query!("DELETE FROM ledger.day_balance WHERE tenant_id = $1 AND day = ANY($2)", tenant, days as &[Day])
            .execute(system.conn())
            .await?;
        sqlx::query!(
            "INSERT INTO ledger.day_balance (tenant_id, day, book_id, currency, debit, credit)
            SELECT l.tenant_id, l.day, l.book_id, l.currency, sum(l.debit), sum(l.credit)
            FROM ledger.line l WHERE l.tenant_id = $1 AND l.day = ANY($2) AND (l.day <= $3 OR l.effective_at < $4)
            GROUP BY l.tenant_id, l.day, l.book_id, l.currency",
            tenant,
            days as &[Day],
            reach.through as Day,
            reach.until as At
        )
        .execute(system.conn())
        .await?;
        Ok(())
    })
}

/// Kept totals equal the sum of their transfers, as far as they are sealed, on every day that is not spoiled.
pub(crate) fn check_kept(tx: &mut Tx) -> BoxFuture<'_, Result<Vec<Finding>>> {
    Box::pin(async move {
        let tenant = tx.tenant().uuid();
        let rows = sqlx::query!(
            r#"WITH sealed AS (
                SELECT t.sealed_through AS day, t.sealed_until AS until FROM db.tenant t WHERE t.id = $1
            ), spoiled AS (
                SELECT d.day FROM db.spoiled_day d WHERE d.tenant_id = $1
            ), kept AS (
                SELECT k.day, k.book_id, k.currency, k.debit, k.credit FROM ledger.day_balance k
                WHERE k.tenant_id = $1 AND k.day NOT IN (SELECT d.day FROM spoiled d)
            ), raw AS (
                SELECT l.day, l.book_id, l.currency, sum(l.debit) AS debit, sum(l.credit) AS credit FROM ledger.line l, sealed s
                WHERE l.tenant_id = $1 AND (l.day <= s.day OR l.effective_at < s.until) AND l.day NOT IN (SELECT d.day FROM spoiled d)
                GROUP BY l.day, l.book_id, l.currency
            )
            SELECT day AS "day!", book_id AS "book_id!", currency AS "currency!", b.code,
                coalesce(kept.debit, 0)::bigint AS "kept_debit!", coalesce(kept.credit, 0)::bigint AS "kept_credit!",
                coalesce(raw.debit, 0)::bigint AS "debit!", coalesce(raw.credit, 0)::bigint AS "credit!"
            FROM kept FULL JOIN raw USING (day, book_id, currency) JOIN ledger.book b ON b.tenant_id = $1 AND b.id = book_id
            WHERE (kept.debit, kept.credit) IS DISTINCT FROM (raw.debit::bigint, raw.credit::bigint)
            ORDER BY day, b.code LIMIT 100"#,
            tenant
        )
        .fetch_all(tx.conn())
        .await?;
        let text = |day: Day, code: &str, currency: &str, kept: (i64, i64), raw: (i64, i64)| {
            format!(
                "book {code} on {day} ({currency}): kept debit {} and credit {}, its transfers sum to {} and {}",
                kept.0, kept.1, raw.0, raw.1
            )
        };
        Ok(rows
            .into_iter()
            .map(|r| Finding {
                check: "ledger.day_balance",
                kind: "book".into(),
                id: r.book_id,
                text: text(r.day, &r.code, &r.currency, (r.kept_debit, r.kept_credit), (r.debit, r.credit)),
            })
            .collect())
    })
}
