//! The chart of accounts as every business begins with it.

use db::System;
use futures::future::BoxFuture;
use kernel::{BookId, Result, account};
use uuid::Uuid;
use web::Opening;

/// A book that Hearth itself books on: id, code, name, kind.
type Own = (BookId, &'static str, &'static str, &'static str);

/// Every account of [`account`], with its code, name and kind.
pub(crate) const CHART: &[Own] = &[
    (account::CASH, "1000", "Cash", "asset"),
    (account::CARD, "1010", "Card takings on their way", "asset"),
    (account::MOBILE, "1020", "Mobile money", "asset"),
    (account::RECEIVABLE, "1100", "Owed by customers", "asset"),
    (account::INVENTORY, "1200", "Stock at cost", "asset"),
    (account::PAYABLE, "2000", "Owed to suppliers", "liability"),
    (account::TAX, "2100", "Tax collected", "liability"),
    (account::OPENING, "3000", "Capital and opening stock", "equity"),
    (account::SALES, "4000", "Sales", "income"),
    (account::COST_OF_SALES, "5000", "Cost of goods sold", "expense"),
    (account::MADE, "5100", "Absorbed by production", "expense"),
    (account::STOCK_DIFFERENCE, "5200", "Differences of stock", "expense"),
    (account::ROUNDING, "5900", "Differences of rounding", "expense"),
    (account::EXPENSES, "6000", "Expenses", "expense"),
];

/// Lays the chart of accounts down.
pub(crate) fn opened<'a>(system: &'a mut System, opening: &'a Opening) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let column = |of: fn(&Own) -> &'static str| -> Vec<String> { CHART.iter().map(|own| of(own).to_owned()).collect() };
        sqlx::query!(
            "INSERT INTO ledger.book (tenant_id, id, code, name, kind)
            SELECT t.id, u.id, u.code, u.name, u.kind FROM db.tenant t, unnest($2::uuid[], $3::text[], $4::text[], $5::text[]) AS u (id, code, name, kind)
            WHERE t.id = $1",
            opening.tenant.uuid(),
            &CHART.iter().map(|own| own.0.uuid()).collect::<Vec<Uuid>>(),
            &column(|own| own.1),
            &column(|own| own.2),
            &column(|own| own.3)
        )
        .execute(system.conn())
        .await?;
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::CHART;

    #[test]
    fn codes_and_ids_are_used_once_and_kinds_are_known() {
        for (n, own) in CHART.iter().enumerate() {
            assert!(CHART[..n].iter().all(|other| other.0 != own.0 && other.1 != own.1), "{} twice", own.1);
            assert!(["asset", "liability", "equity", "income", "expense"].contains(&own.3), "{}", own.3);
        }
    }
}
