//! `hearth import sales`: a past from the files of a till or a spreadsheet.

use std::fs::File;
use std::io::{IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use db::Db;
use kernel::{Op, Result};
use pricing::Method;
use sales::import::{Alike, ImportAsk, ImportReport, Options, Outcome, Progress, Understood, refusal, understand, worded, words};
use serde_json::{Value, json};
use tables::{Decision, Limits, Mapping, Source, Sure};

use crate::{Trouble, check::Business};

/// No mapping is larger.
const LARGEST_MAPPING: u64 = 4 << 20;

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
    /// They are another till's, although most of their numbers are here already on the same days.
    #[arg(long)]
    pub another_till: bool,
    /// What each file and column is, as JSON: the report of `--dry-run --json`, or its `mapping` alone. Without it the guess is taken.
    #[arg(long, value_name = "FILE")]
    pub mapping: Option<PathBuf>,
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

/// Files that were looked into, and what they are taken for.
pub struct Taken {
    understood: Understood,
    mapping: Mapping,
    /// Why the guess is as it is, what a person should look at first; nothing where a person said it.
    decisions: Vec<Decision>,
}

/// Looks into the files; needs no database.
pub async fn look(asked: &Sales) -> Result<Taken, Trouble> {
    let said = asked.mapping.as_deref().map(read_mapping).transpose()?;
    let understood = understand(asked.files.iter().map(Source::path).collect()).await?;
    if let (Some(mapping), Some(path)) = (&said, &asked.mapping) {
        let fits = tables::read(&understood.files, &understood.profiles, mapping, &Limits::default());
        if let Some(wrong) = fits.err().filter(|error| error.code.starts_with("mapping.")) {
            return Err(no_mapping(path, wrong.code, &refusal(&wrong)));
        }
    }
    let mut decisions = if said.is_none() { understood.guess.decisions.clone() } else { Vec::new() };
    decisions.sort_by_key(|decision| decision.sure);
    Ok(Taken { mapping: said.unwrap_or_else(|| understood.guess.mapping.clone()), understood, decisions })
}

/// Reads a mapping, or the report that holds it.
fn read_mapping(path: &Path) -> Result<Mapping, Trouble> {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(LARGEST_MAPPING).read_to_string(&mut text));
    read.map_err(|error| no_mapping(path, "import.mapping", &error.to_string()))?;
    let wrong = |error: serde_json::Error| no_mapping(path, "import.mapping", &error.to_string());
    let mut all: Value = serde_json::from_str(&text).map_err(wrong)?;
    let mapping = all.get_mut("mapping").map(Value::take).unwrap_or(all);
    serde_json::from_value(mapping).map_err(wrong)
}

fn no_mapping(path: &Path, code: &str, why: &str) -> Trouble {
    let said = web::t("code-import-mapping");
    Trouble::usage(
        format!("--mapping {}: {said} {why} ({code})", path.display()),
        "`hearth import sales … --dry-run --json` prints the mapping that is guessed; change that, and give it here.",
    )
}

impl Taken {
    /// What is missing before anything can be read; nothing where a person said what the files are.
    pub fn missing(&self, asked: &Sales) -> Option<Trouble> {
        let problem = self.understood.guess.problems.first().filter(|_| asked.mapping.is_none())?;
        Some(Trouble::new(
            format!("{} ({})", refusal(problem), problem.code),
            "Say it with --mapping FILE: `--json` prints what was understood so far.",
        ))
    }

    /// For programs; a mapping that can be given back.
    pub fn json(&self) -> Value {
        json!({ "mapping": self.mapping, "decisions": self.reasons(), "problems": worded(json!(self.understood.guess.problems)) })
    }

    fn reasons(&self) -> Value {
        worded(json!(self.decisions))
    }

    /// For people: what they should look at before the rest.
    pub fn text(&self) -> String {
        let mut out = String::new();
        if self.decisions.iter().any(|decision| decision.sure == Sure::Unsure) {
            out.push_str("Look at what nothing proves; --mapping changes it:\n");
        }
        for decision in &self.decisions {
            let lead = if decision.sure == Sure::Unsure { "  not sure: " } else { "" };
            out.push_str(&format!("{lead}{}: {}\n", decision.file, words(&decision.text)));
        }
        out
    }
}

/// Imports; progress goes to a terminal that watches.
pub async fn sales(db: &Db, business: &Business, asked: &Sales, taken: &Taken) -> Result<ImportReport> {
    let ask = ImportAsk {
        files: taken.understood.files.clone(),
        mapping: Some(taken.mapping.clone()),
        options: Options {
            site: None,
            source: asked.source.clone(),
            cost_percent: asked.cost_percent,
            method: asked.paid_by.as_deref().map(str::parse::<Method>).transpose()?,
        },
        dry_run: asked.dry_run,
        skip_refused: asked.yes,
        another_till: asked.another_till,
        import: None,
    };
    let op = Op::program(db.source(), "cli:import", Some(business.id));
    let watched = std::io::stderr().is_terminal();
    let report = sales::import::run_understood(db, op, ask, taken.understood.clone(), &|progress| {
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
pub fn json(report: &ImportReport, taken: &Taken) -> Value {
    let mut all = json!(report);
    all["total"] = json!(report.total);
    all["mapping"] = json!(taken.mapping);
    all["decisions"] = taken.reasons();
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
    if let Some(alike) = &report.alike {
        let (brought, source) = (alike.number.as_deref().unwrap_or("an import"), &alike.source);
        let (orders, among) = (alike.orders, alike.among);
        out.push(format!(
            "Of {among} orders, {orders} have numbers that are here already on their days: {brought} brought them, from “{source}”."
        ));
    }
    let doubled = report.alike.as_ref().is_some_and(Alike::most) && report.refused_count == report.left_out;
    out.push(match report.outcome {
        Outcome::Tried => format!("Tried: {} orders, {} lines, {} would be imported.", report.documents, report.accepted, report.total),
        Outcome::Refused if doubled => "Refused: nothing was imported. If it is the same till, give its name with --source: what is here at the same moment is passed over; if it is another one, add --another-till.".to_owned(),
        Outcome::Refused => "Refused: nothing was imported. Mend the lines above, or import the others with --yes.".to_owned(),
        Outcome::Already => "All of this was imported before; nothing was done.".to_owned(),
        Outcome::Done => format!(
            "Imported {} orders, {} lines, {}; {} items were made.",
            report.documents, report.accepted, report.total, report.items_made
        ),
    });
    out.join("\n")
}
