//! The import of a past: sales as a till or a spreadsheet exported them become orders, as if they had been rung here.
//!
//! Page, API and command line go one way, [`run_understood`]. The files are read twice: once to know their items, once to write them,
//! so that memory holds items and one chunk of lines, never a file. Everything is written in one transaction: all of it or
//! nothing. A past sale leaves the stock of today as it is: each line is made and sold in passing, at standard cost, so no
//! row that a till waits for is locked. Nothing is ever told by what stands in a line: a file is known by the digest of what it
//! holds, a ticket by its source, its own number and its moment. What bears the number of an order of the same day, but another till's
//! name, may be the same sale or not: that is asked, never guessed.

mod commands;
mod document;
mod job;
mod known;
mod lines;
mod look;
mod measure;
mod pages;
mod place;
mod refused;
mod survey;
mod understand;
mod upload;
mod words;
mod work;
mod write;

use kernel::{Day, Error, FieldError, ImportId, Money, Result, SiteId};
use pricing::Method;
use serde::{Deserialize, Serialize};
use tables::{Mapping, Source};
use utoipa::ToSchema;
use web::Routes;

pub use document::{Document, Outcome};
pub use known::Alike;
pub use understand::{Understood, understand};
pub use words::{refusal, worded, words};
pub use work::{run, run_understood};

pub(crate) use job::LATER;

/// What is to be imported, and how.
#[derive(Clone, Debug, Default)]
pub struct ImportAsk {
    /// The files; those that are looked up in (items, prices) among them.
    pub files: Vec<Source>,
    /// As a person confirmed it; the guess, when there is none.
    pub mapping: Option<Mapping>,
    /// The rest of what a person decides.
    pub options: Options,
    /// Read to the end and say what would happen; keep nothing.
    pub dry_run: bool,
    /// Import the other lines although some were refused.
    pub skip_refused: bool,
    /// They are another till's, although most of their numbers are here already on the same days.
    pub another_till: bool,
    /// The import that was made when the files were uploaded; none on the command line.
    pub import: Option<ImportId>,
}

/// What a person decides beside the mapping.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Where it was sold; the first site, when none is named.
    pub site: Option<SiteId>,
    /// Which till or program wrote the files, at most 200 signs. Two tills that number their tickets alike need two names.
    /// The columns' names, when nothing is said.
    pub source: Option<String>,
    /// Standard cost of items that are made, in percent of their price: 0 to 100.
    pub cost_percent: i32,
    /// How orders were paid whose lines do not say so; cash, when nothing is said.
    pub method: Option<Method>,
}

/// How far it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Lines read.
    pub lines: u64,
    /// Lines in all files.
    pub of: u64,
}

/// A line that was not taken.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RefusedLine {
    /// The file.
    pub file: String,
    /// The line in it, from 1, as an editor counts.
    pub line: u64,
    /// A stable code.
    pub code: String,
    /// What is wrong, for people.
    pub reason: String,
}

/// What came of an import.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImportReport {
    /// The import; none for a try on the command line.
    pub import_id: Option<ImportId>,
    /// What happened.
    pub outcome: Outcome,
    /// Lines read.
    pub lines: u64,
    /// Lines taken (in a try: that would be).
    pub accepted: u64,
    /// Lines of files and tickets that were imported before.
    pub skipped: u64,
    /// The first 1,000 lines refused.
    pub refused: Vec<RefusedLine>,
    /// How many were refused in all.
    pub refused_count: u64,
    /// How many of those name no item (`NONE`, `NULL`): they stop nothing.
    pub left_out: u64,
    /// Lines whose amount had more decimals than the currency.
    pub rounded: u64,
    /// Orders made.
    pub documents: u64,
    /// Items made.
    pub items_made: u64,
    /// What the orders come to.
    pub total: Money,
    /// The first and the last business day.
    pub days: Option<(Day, Day)>,
    /// The earlier import of the same files, when nothing was new.
    pub already_imported: Option<ImportId>,
    /// Orders that stand here already by number and day, as another till's or at another moment. Where they are most, nothing is
    /// kept unless a person says that they are another till's.
    pub alike: Option<Alike>,
    /// The first lines as they were read, for the page.
    #[serde(skip)]
    pub(crate) sample: Vec<look::Sample>,
}

/// The most refused lines of a report; all of them are in the import's list.
pub(crate) const REFUSED: usize = 1_000;

/// Lines that name no item hold nothing that could be sold; a person sees their number before and after, and they stop nothing.
pub(crate) fn stops(code: &str) -> bool {
    code != "line.no_item"
}

/// A file or a mapping that can't be used, with its reason.
pub(crate) fn table_error(error: tables::TableError) -> Error {
    Error::rule("import.file").because(words::refusal(&error))
}

/// What is wrong with the options.
pub(crate) fn check(options: &Options) -> Result<()> {
    let mut wrong = Vec::new();
    let mut refuse = |field: &str, code: &str| {
        if let Error::Invalid(mut errors) = Error::field(field, code) {
            wrong.append(&mut errors);
        }
    };
    if !(0..=100).contains(&options.cost_percent) {
        refuse("costPercent", "import.percent");
    }
    if options.source.as_ref().is_some_and(|s| s.chars().count() > 200) {
        refuse("source", "text.too_long");
    }
    if options.method == Some(Method::OnAccount) {
        refuse("method", "choice.unknown");
    }
    let wrong: Vec<FieldError> = wrong;
    if wrong.is_empty() { Ok(()) } else { Err(Error::Invalid(wrong)) }
}

pub(crate) fn routes(routes: &mut Routes) {
    commands::routes(routes);
    document::routes(routes);
    upload::routes(routes);
    pages::routes(routes);
}
