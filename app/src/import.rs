//! `hearth import sales`: a past from the files of a till or a spreadsheet.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use clap::Args;
use db::Db;
use kernel::{Op, Result};
use pricing::Method;
use sales::import::{ImportAsk, ImportReport, Options, Outcome, Progress};
use serde_json::{Value, json};
use tables::Source;

use crate::check::Business;

/// What is imported, and how.
#[derive(Args, Clone, Debug)]
pub struct Sales {
    /// CSV files, plain or gzip: sales, and what they are looked up in (items, prices, tickets).
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// The business's short name.
    #[arg(long, value_name = "SLUG")]
    pub tenant: String,
    /// Read to the end and say what would happen; keep nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Import the other lines although some are refused.
    #[arg(long)]
    pub yes: bool,
    /// Which till wrote the files. Two tills that number their tickets alike need two names.
    #[arg(long, value_name = "NAME")]
    pub source: Option<String>,
    /// What items that are made cost, in percent of their price.
    #[arg(long, value_name = "PERCENT", default_value_t = 0)]
    pub cost_percent: i32,
    /// How orders were paid whose lines do not say so.
    #[arg(long, value_name = "METHOD", value_parser = ["cash", "card", "mobile"])]
    pub paid_by: Option<String>,
}

/// Imports; progress goes to a terminal that watches.
pub async fn sales(db: &Db, business: &Business, asked: &Sales) -> Result<ImportReport> {
    let ask = ImportAsk {
        files: asked.files.iter().map(Source::path).collect(),
        mapping: None,
        options: Options {
            site: None,
            source: asked.source.clone(),
            cost_percent: asked.cost_percent,
            method: asked.paid_by.as_deref().map(str::parse::<Method>).transpose()?,
        },
        dry_run: asked.dry_run,
        skip_refused: asked.yes,
        import: None,
    };
    let op = Op::program(db.source(), "cli:import", Some(business.id));
    let watched = std::io::stderr().is_terminal();
    let report = sales::import::run(db, op, ask, &|progress| {
        if watched {
            show(progress)
        }
    })
    .await;
    if watched {
        eprintln!();
    }
    report
}

fn show(progress: Progress) {
    eprint!("\r{} of {} lines", progress.lines, progress.of);
    let _ = std::io::stderr().flush();
}

/// Whether the import ended as it was asked for.
pub fn done(report: &ImportReport) -> bool {
    matches!(report.outcome, Outcome::Done | Outcome::Tried | Outcome::Already)
}

/// The report for programs.
pub fn json(report: &ImportReport) -> Value {
    let mut all = json!(report);
    all["total"] = json!(report.total);
    all
}

/// The report for people.
pub fn text(report: &ImportReport) -> String {
    let mut out: Vec<String> = report
        .refused
        .iter()
        .filter(|line| line.code != "line.no_item")
        .map(|l| format!("{} line {}: {} ({})", l.file, l.line, l.reason, l.code))
        .collect();
    if report.left_out > 0 {
        out.push(format!("{} lines name no item and are left out.", report.left_out));
    }
    out.push(match report.outcome {
        Outcome::Tried => format!("Tried: {} orders, {} lines, {} would be imported.", report.documents, report.accepted, report.total),
        Outcome::Refused => "Refused: nothing was imported. Mend the lines above, or import the others with --yes.".to_owned(),
        Outcome::Already => "All of this was imported before; nothing was done.".to_owned(),
        Outcome::Done => format!(
            "Imported {} orders, {} lines, {}; {} items were made.",
            report.documents, report.accepted, report.total, report.items_made
        ),
    });
    out.join("\n")
}
