//! Keeping the totals of sealed days, and proving them from the lines.

use db::{Sealing, System, Tx};
use futures::future::BoxFuture;
use kernel::{At, Currency, Day, Money, Quantity, Result};
use web::Finding;

use crate::say;

/// Recomputes the kept totals of some days from the lines. Each total is one pass over the lines of all those days.
pub(crate) fn seal<'a>(system: &'a mut System, sealing: Sealing<'a>) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        if sealing.days.is_empty() {
            return Ok(());
        }
        seal_items(system, sealing).await?;
        seal_months(system, sealing).await?;
        seal_hours(system, sealing).await
    })
}

/// Rows are written in the order of their key, so that a period lies together on the disk.
async fn seal_items(system: &mut System, Sealing { tenant, days, reach }: Sealing<'_>) -> Result<()> {
    sqlx::query!("DELETE FROM reports.day_item WHERE tenant_id = $1 AND day = ANY ($2)", tenant.uuid(), days as &[Day])
        .execute(system.conn())
        .await?;
    sqlx::query!(
        "INSERT INTO reports.day_item (tenant_id, day, site_id, item_id, lines, quantity, net, tax, total, cost)
        SELECT f.tenant_id, f.day, f.site_id, f.item_id, sum(f.lines), sum(f.quantity), sum(f.net), sum(f.tax), sum(f.total), sum(f.cost)
        FROM reports.fact f WHERE f.tenant_id = $1 AND f.day = ANY ($2) AND (f.day <= $3 OR f.placed_at < $4)
        GROUP BY f.tenant_id, f.day, f.site_id, f.item_id ORDER BY f.day, f.site_id, f.item_id",
        tenant.uuid(),
        days as &[Day],
        reach.through as Day,
        reach.until as At
    )
    .execute(system.conn())
    .await?;
    Ok(())
}

/// The months of those days are the sums of their kept days.
async fn seal_months(system: &mut System, Sealing { tenant, days, .. }: Sealing<'_>) -> Result<()> {
    let mut months: Vec<Day> = days.iter().map(|day| Day::from(day.date().first_of_month())).collect();
    months.dedup();
    sqlx::query!("DELETE FROM reports.month_item WHERE tenant_id = $1 AND month = ANY ($2)", tenant.uuid(), &months as &[Day])
        .execute(system.conn())
        .await?;
    sqlx::query!(
        "INSERT INTO reports.month_item (tenant_id, month, site_id, item_id, lines, quantity, net, tax, total, cost)
        SELECT k.tenant_id, m.month, k.site_id, k.item_id, sum(k.lines), sum(k.quantity), sum(k.net), sum(k.tax), sum(k.total), sum(k.cost)
        FROM unnest($2::date[]) m (month)
        JOIN reports.day_item k ON k.tenant_id = $1 AND k.day >= m.month AND k.day < (m.month + interval '1 month')::date
        GROUP BY k.tenant_id, m.month, k.site_id, k.item_id ORDER BY m.month, k.site_id, k.item_id",
        tenant.uuid(),
        &months as &[Day]
    )
    .execute(system.conn())
    .await?;
    Ok(())
}

async fn seal_hours(system: &mut System, Sealing { tenant, days, reach }: Sealing<'_>) -> Result<()> {
    sqlx::query!("DELETE FROM reports.day_hour WHERE tenant_id = $1 AND day = ANY ($2)", tenant.uuid(), days as &[Day])
        .execute(system.conn())
        .await?;
    sqlx::query!(
        "INSERT INTO reports.day_hour (tenant_id, day, site_id, hour, orders, refunds, lines, net, tax, total, cost)
        SELECT f.tenant_id, f.day, f.site_id, f.hour, sum(f.orders), sum(f.refunds), sum(f.lines), sum(f.net), sum(f.tax), sum(f.total), sum(f.cost)
        FROM reports.hour_fact f WHERE f.tenant_id = $1 AND f.day = ANY ($2) AND (f.day <= $3 OR f.placed_at < $4)
        GROUP BY f.tenant_id, f.day, f.site_id, f.hour ORDER BY f.day, f.site_id, f.hour",
        tenant.uuid(),
        days as &[Day],
        reach.through as Day,
        reach.until as At
    )
    .execute(system.conn())
    .await?;
    Ok(())
}

/// So many differences are named at most; one is enough to know.
const MOST: i64 = 1_000;

/// Proves that the kept totals of every day that is not spoiled equal its lines, as far as they are sealed.
pub(crate) fn check(tx: &mut Tx) -> BoxFuture<'_, Result<Vec<Finding>>> {
    Box::pin(async move {
        let mut findings = check_items(tx).await?;
        findings.extend(check_hours(tx).await?);
        Ok(findings)
    })
}

/// One side of a comparison, as an array: lines, quantity (or orders, refunds), net, tax, total, cost.
fn told(values: Option<&[i64]>, names: &[&str], currency: Option<Currency>) -> String {
    let Some(values) = values else { return "nothing".to_owned() };
    let one = |(name, value): (&&str, &i64)| match (*name, currency) {
        ("net" | "tax" | "total" | "cost", Some(currency)) => format!("{name} {}", Money::new(*value, currency)),
        ("quantity", _) => format!("quantity {}", Quantity::from_micros(*value)),
        _ => format!("{name} {value}"),
    };
    names.iter().zip(values).map(one).collect::<Vec<_>>().join(", ")
}

/// Days and months in one pass over the lines. Of a month with a spoiled day nothing is said until that is sealed again.
async fn check_items(tx: &mut Tx) -> Result<Vec<Finding>> {
    let tenant = tx.tenant().uuid();
    let rows = sqlx::query!(
        r#"WITH sealed AS (SELECT t.sealed_through AS day, t.sealed_until AS until FROM db.tenant t WHERE t.id = $1),
        spoiled AS (SELECT d.day FROM db.spoiled_day d WHERE d.tenant_id = $1),
        spoiled_month AS (SELECT date_trunc('month', d.day::timestamp)::date AS month FROM spoiled d),
        kept AS (
            SELECT false AS whole, k.day, k.site_id, k.item_id, ARRAY[k.lines, k.quantity, k.net, k.tax, k.total, k.cost] AS figures
            FROM reports.day_item k WHERE k.tenant_id = $1 AND k.day NOT IN (SELECT d.day FROM spoiled d)
            UNION ALL
            SELECT true, k.month, k.site_id, k.item_id, ARRAY[k.lines, k.quantity, k.net, k.tax, k.total, k.cost]
            FROM reports.month_item k WHERE k.tenant_id = $1 AND k.month NOT IN (SELECT d.month FROM spoiled_month d)),
        line AS (SELECT f.day, f.site_id, f.item_id, sum(f.lines)::bigint AS lines, sum(f.quantity)::bigint AS quantity, sum(f.net)::bigint AS net,
                sum(f.tax)::bigint AS tax, sum(f.total)::bigint AS total, sum(f.cost)::bigint AS cost
            FROM reports.fact f WHERE f.tenant_id = $1 AND (f.day <= (SELECT s.day FROM sealed s) OR f.placed_at < (SELECT s.until FROM sealed s))
                AND f.day NOT IN (SELECT d.day FROM spoiled d) GROUP BY f.day, f.site_id, f.item_id),
        raw AS (
            SELECT false AS whole, l.day, l.site_id, l.item_id, ARRAY[l.lines, l.quantity, l.net, l.tax, l.total, l.cost] AS figures FROM line l
            UNION ALL
            SELECT true, m.month, l.site_id, l.item_id, ARRAY[sum(l.lines)::bigint, sum(l.quantity)::bigint, sum(l.net)::bigint, sum(l.tax)::bigint,
                sum(l.total)::bigint, sum(l.cost)::bigint]
            FROM line l, LATERAL (SELECT date_trunc('month', l.day::timestamp)::date AS month) m
            WHERE m.month NOT IN (SELECT d.month FROM spoiled_month d) GROUP BY m.month, l.site_id, l.item_id)
        SELECT whole AS "whole!", day AS "day!", item_id AS "item_id!", i.name AS "name?", s.currency AS "currency?", kept.figures AS "kept?", raw.figures AS "raw?"
        FROM kept FULL JOIN raw USING (whole, day, site_id, item_id)
            LEFT JOIN catalog.item i ON i.tenant_id = $1 AND i.id = item_id LEFT JOIN identity.site s ON s.tenant_id = $1 AND s.id = site_id
        WHERE kept.figures IS DISTINCT FROM raw.figures ORDER BY whole, day, item_id LIMIT $2"#,
        tenant,
        MOST
    )
    .fetch_all(tx.conn())
    .await?;
    const NAMES: &[&str] = &["lines", "quantity", "net", "tax", "total", "cost"];
    Ok(rows
        .into_iter()
        .map(|r| {
            let currency = r.currency.and_then(|c| c.parse().ok());
            let (kept, raw) = (told(r.kept.as_deref(), NAMES, currency), told(r.raw.as_deref(), NAMES, currency));
            let (check, when) = if r.whole { ("reports.month_item", say::month(r.day)) } else { ("reports.day_item", say::day(r.day)) };
            let text = format!("{when}, {}: kept {kept}; the lines say {raw}", r.name.unwrap_or_default());
            Finding { check, kind: "item".into(), id: r.item_id, text }
        })
        .collect())
}

async fn check_hours(tx: &mut Tx) -> Result<Vec<Finding>> {
    let tenant = tx.tenant().uuid();
    let rows = sqlx::query!(
        r#"WITH sealed AS (SELECT t.sealed_through AS day, t.sealed_until AS until FROM db.tenant t WHERE t.id = $1),
        spoiled AS (SELECT d.day FROM db.spoiled_day d WHERE d.tenant_id = $1),
        kept AS (SELECT k.day, k.site_id, k.hour, ARRAY[k.orders, k.refunds, k.lines, k.net, k.tax, k.total, k.cost] AS figures
            FROM reports.day_hour k WHERE k.tenant_id = $1 AND k.day NOT IN (SELECT d.day FROM spoiled d)),
        raw AS (SELECT f.day, f.site_id, f.hour, ARRAY[sum(f.orders)::bigint, sum(f.refunds)::bigint, sum(f.lines)::bigint, sum(f.net)::bigint,
                sum(f.tax)::bigint, sum(f.total)::bigint, sum(f.cost)::bigint] AS figures
            FROM reports.hour_fact f WHERE f.tenant_id = $1 AND (f.day <= (SELECT s.day FROM sealed s) OR f.placed_at < (SELECT s.until FROM sealed s))
                AND f.day NOT IN (SELECT d.day FROM spoiled d) GROUP BY f.day, f.site_id, f.hour)
        SELECT day AS "day!", hour AS "hour!", s.currency AS "currency?", kept.figures AS "kept?", raw.figures AS "raw?"
        FROM kept FULL JOIN raw USING (day, site_id, hour) LEFT JOIN identity.site s ON s.tenant_id = $1 AND s.id = site_id
        WHERE kept.figures IS DISTINCT FROM raw.figures ORDER BY day, hour LIMIT $2"#,
        tenant,
        MOST
    )
    .fetch_all(tx.conn())
    .await?;
    const NAMES: &[&str] = &["orders", "refunds", "lines", "net", "tax", "total", "cost"];
    Ok(rows
        .into_iter()
        .map(|r| {
            let currency = r.currency.and_then(|c| c.parse().ok());
            let (kept, raw) = (told(r.kept.as_deref(), NAMES, currency), told(r.raw.as_deref(), NAMES, currency));
            let text = format!("{}, {}: kept {kept}; the lines say {raw}", say::day(r.day), say::hour(r.hour));
            Finding { check: "reports.day_hour", kind: "day".into(), id: tenant, text }
        })
        .collect())
}
