//! `hearth report sales`: the sales of a period, as a table or JSON.

use clap::Args;
use db::Db;
use kernel::{Currency, Money, Op, Result};
use reports::{Ask, Figures, Report};

use crate::check::Business;

/// What is asked for.
#[derive(Args, Clone, Debug)]
pub struct Sales {
    /// The business's short name.
    #[arg(long, value_name = "SLUG")]
    pub tenant: String,
    /// The first business day, YYYY-MM-DD.
    #[arg(long, value_name = "DAY")]
    pub from: String,
    /// The last business day, YYYY-MM-DD.
    #[arg(long, value_name = "DAY")]
    pub to: String,
    /// What a row stands for.
    #[arg(long, default_value = "day", value_parser = ["day", "hour", "item", "site"])]
    pub by: String,
}

/// Reads the report of a business.
pub async fn sales(db: &Db, business: &Business, sales: &Sales) -> Result<Report> {
    let ask = Ask::read(Some(&sales.from), Some(&sales.to), Some(&sales.by), None)?;
    let mut tx = db.snapshot(Op::program(db.source(), "cli:report", Some(business.id))).await?;
    reports::sales(&mut tx, &ask).await
}

/// The report as a table.
pub fn table(report: &Report) -> String {
    let heads = ["", "orders", "lines", "net", "tax", "total", "cost", "margin"].map(str::to_owned);
    let total = report.total.zip(report.currency).map(|(total, currency)| cells("total", &total, currency));
    let rows = report.rows.iter().map(|row| cells(&row.label, &row.figures, row.currency));
    let all: Vec<[String; 8]> = std::iter::once(heads).chain(rows).chain(total).collect();
    let width = |column: usize| all.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 8] = std::array::from_fn(width);
    let line = |row: &[String; 8]| {
        let label = format!("{:<1$}", row[0], widths[0]);
        let numbers = (1..8).map(|column| format!("  {:>1$}", row[column], widths[column]));
        (label + &numbers.collect::<String>()).trim_end().to_owned()
    };
    all.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn cells(label: &str, figures: &Figures, currency: Currency) -> [String; 8] {
    let amount = |minor| Money::new(minor, currency).to_string();
    let orders = figures.orders.map(|orders| orders.to_string()).unwrap_or_default();
    // A name may hold signs that would move a terminal's cursor.
    let label: String = label.chars().filter(|sign| !sign.is_control()).take(40).collect();
    let f = figures;
    [label, orders, f.lines.to_string(), amount(f.net), amount(f.tax), amount(f.total), amount(f.cost), amount(f.margin)]
}
