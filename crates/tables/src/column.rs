//! What one column holds: counted over every row, in memory that does not grow with them.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde::Serialize;

use crate::mapping::Format;
use crate::moment::{self, Written};
use crate::number::{self, Mark};
use crate::{DateOrder, Said, kind};

/// What a column's cells are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// No cell holds anything.
    Empty,
    /// Days.
    Date,
    /// Times of day.
    Time,
    /// Days with times.
    Datetime,
    /// Whole numbers, also written as `12.0`.
    Whole,
    /// Numbers with a fraction, or amounts of money.
    Number,
    /// Anything else.
    Text,
}

/// How far a guess can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Sure {
    /// Nothing speaks for one reading rather than another: a person should look.
    Unsure,
    /// The evidence is good but not a proof.
    Likely,
    /// The cells allow nothing else.
    Certain,
}

/// What is known of a column after its file was read once.
#[derive(Debug, Clone, Serialize)]
pub struct ColumnProfile {
    /// Its header, made unique; `column 3` where it has none.
    pub name: String,
    /// Its place, from 0.
    pub index: usize,
    /// What its cells are.
    pub kind: Kind,
    /// How to read them.
    pub format: Format,
    /// Trust in `kind` and `format`.
    pub sure: Sure,
    /// Why.
    pub why: Said,
    /// Cells that hold something.
    pub filled: u64,
    /// Cells that hold nothing.
    pub blank: u64,
    /// Words that may stand for nothing (`NULL`, `NONE`, `-`), with how often each occurs.
    pub empty_words: Vec<(String, u64)>,
    /// Cells that are not of the kind; they will be refused where the column is used.
    pub exceptions: u64,
    /// The line and the content of the first of them.
    pub first_exception: Option<(u64, String)>,
    /// The currency sign or code in the cells, when there is one.
    pub currency: Option<String>,
    /// Whether no content occurs twice; nothing when the column is too long to know.
    pub unique: Option<bool>,
    /// The first cells that differ.
    pub examples: Vec<String>,
    /// Every cell is a date without separators, such as 20161030.
    #[serde(skip)]
    pub(crate) compact_dates: bool,
    /// Neighbouring rows often hold the same content, and numbers never fall.
    #[serde(skip)]
    pub(crate) runs: bool,
    #[serde(skip)]
    pub(crate) stats: Stats,
}

/// Words that may mean "nothing here". Which of them do is decided per column by the mapping.
const EMPTY_WORDS: [&str; 13] = ["null", "none", "n/a", "na", "nan", "nil", "nul", "-", "--", "—", "#n/a", "(null)", "(blank)"];

/// Contents longer than this are cut in examples and evidence.
const EVIDENCE: usize = 80;

pub(crate) fn cut(text: &str) -> String {
    match text.char_indices().nth(EVIDENCE) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

pub(crate) fn key_hash(key: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

/// The content by which rows of two files are matched.
pub(crate) fn join_key(cell: &str) -> &str {
    number::without_zero_fraction(cell.trim())
}

/// What one cell is.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Seen<'a> {
    Whole,
    Number { dot: bool, comma: bool, fraction: bool, currency: Option<&'a str> },
    Date(Written),
    Datetime(Written),
    Time,
    Text,
}

fn classify(cell: &str) -> Seen<'_> {
    let bytes = cell.as_bytes();
    if !bytes.is_empty() && bytes.len() <= 18 && bytes.iter().all(u8::is_ascii_digit) {
        return Seen::Whole;
    }
    if bytes.len() > 40 || !bytes.iter().any(u8::is_ascii_digit) {
        return Seen::Text;
    }
    if bytes.contains(&b':') {
        if moment::read_time(cell, false).is_some() {
            return Seen::Time;
        }
        let stamp = moment::split(cell).filter(|(_, time)| moment::read_time(time, false).is_some());
        return stamp.and_then(|(date, _)| moment::written(date)).map_or(Seen::Text, Seen::Datetime);
    }
    if let Some(stripped) = number::strip(cell) {
        let dot = number::read_body(stripped.body, Mark::Dot);
        let comma = number::read_body(stripped.body, Mark::Comma);
        if dot.is_some() || comma.is_some() {
            let shortest = dot.into_iter().chain(comma).map(|d| d.normalized().scale()).min();
            return Seen::Number { dot: dot.is_some(), comma: comma.is_some(), fraction: shortest != Some(0), currency: stripped.currency };
        }
    }
    if let Some(date) = moment::written(cell) {
        return Seen::Date(date);
    }
    if moment::read_time(cell, false).is_some() { Seen::Time } else { Seen::Text }
}

/// Holds a number, a date or a time.
pub(crate) fn is_typed(cell: &str) -> bool {
    classify(cell.trim()) != Seen::Text
}

/// The line and the content of a cell that decides something.
pub(crate) type Evidence = Option<(u64, String)>;

fn note(evidence: &mut Evidence, line: u64, cell: &str) {
    if evidence.is_none() {
        *evidence = Some((line, cut(cell)));
    }
}

/// How the dates of a column could be read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Dates {
    /// The year stands in front.
    pub plain: u64,
    /// The month is named.
    pub named: u64,
    pub numbers: u64,
    pub dotted: u64,
    pub day_first: u64,
    pub month_first: u64,
    /// A row whose first number is over 12, and one whose second is.
    pub first_over: Evidence,
    pub second_over: Evidence,
    /// Rows whose day lies before that of the row above, in either reading.
    pub day_first_back: u64,
    pub month_first_back: u64,
    last: (Option<jiff::civil::Date>, Option<jiff::civil::Date>),
}

impl Dates {
    fn add(&mut self, written: Written, line: u64, cell: &str) {
        let (a, b, dotted) = match written {
            Written::Plain(_) => {
                self.plain += 1;
                return;
            }
            Written::Named(_) => {
                self.named += 1;
                return;
            }
            Written::Numbers { a, b, dotted, .. } => (a, b, dotted),
        };
        self.numbers += 1;
        self.dotted += u64::from(dotted);
        if let Some(date) = written.read(DateOrder::DayMonthYear) {
            self.day_first += 1;
            self.day_first_back += u64::from(self.last.0.is_some_and(|last| date < last));
            self.last.0 = Some(date);
        }
        if let Some(date) = written.read(DateOrder::MonthDayYear) {
            self.month_first += 1;
            self.month_first_back += u64::from(self.last.1.is_some_and(|last| date < last));
            self.last.1 = Some(date);
        }
        if (13..=31).contains(&a) {
            note(&mut self.first_over, line, cell);
        }
        if (13..=31).contains(&b) {
            note(&mut self.second_over, line, cell);
        }
    }

    pub(crate) fn all(&self) -> u64 {
        self.plain + self.named + self.numbers
    }
}

/// How the numbers of a column could be read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Numbers {
    pub whole: u64,
    pub marked: u64,
    pub fractions: u64,
    /// Readable with this decimal mark only.
    pub dot_only: u64,
    pub comma_only: u64,
    pub dot_evidence: Evidence,
    pub comma_evidence: Evidence,
    /// Readable with either mark although a mark stands in it, such as `1,234`.
    pub either: u64,
    pub either_with_comma: u64,
    pub either_evidence: Evidence,
    pub currency: Option<String>,
    pub money: u64,
}

impl Numbers {
    fn add(&mut self, seen: Seen<'_>, line: u64, cell: &str) {
        let Seen::Number { dot, comma, fraction, currency } = seen else {
            self.whole += 1;
            return;
        };
        self.marked += 1;
        self.fractions += u64::from(fraction);
        if let Some(sign) = currency {
            self.money += 1;
            self.currency.get_or_insert_with(|| sign.to_owned());
        }
        match (dot, comma) {
            (true, false) => {
                self.dot_only += 1;
                note(&mut self.dot_evidence, line, cell);
            }
            (false, true) => {
                self.comma_only += 1;
                note(&mut self.comma_evidence, line, cell);
            }
            _ if cell.contains(['.', ',']) => {
                self.either += 1;
                self.either_with_comma += u64::from(cell.contains(','));
                note(&mut self.either_evidence, line, cell);
            }
            _ => {}
        }
    }

    pub(crate) fn all(&self) -> u64 {
        self.whole + self.marked
    }
}

/// The counters of one column.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stats {
    pub filled: u64,
    pub blank: u64,
    words: [u64; EMPTY_WORDS.len()],
    pub text: u64,
    pub times: u64,
    pub dates: Dates,
    pub stamps: Dates,
    pub numbers: Numbers,
    compact: u64,
    first_text: Evidence,
    first_number: Evidence,
    first_moment: Evidence,
    pub examples: Vec<String>,
    pub keys: Keys,
    repeats: u64,
    falls: u64,
    last: String,
}

/// The contents of a column while none has come twice.
#[derive(Debug, Clone, Default)]
pub(crate) struct Keys {
    seen: HashSet<u64>,
    last_number: Option<u64>,
    broken: bool,
    pub twice: Evidence,
    /// More contents than may be remembered; still unique when they are numbers that rise.
    overflow: bool,
}

impl Keys {
    fn add(&mut self, key: &str, line: u64, budget: &mut usize) {
        if self.twice.is_some() || (self.overflow && self.broken) {
            return;
        }
        let number = (key.len() <= 18).then(|| key.parse::<u64>().ok()).flatten();
        self.broken |= number.is_none() || number <= self.last_number;
        self.last_number = number;
        if self.overflow {
            return;
        }
        if !self.seen.insert(key_hash(key)) {
            note(&mut self.twice, line, key);
            self.release(budget);
        } else if *budget == 0 {
            self.overflow = true;
            self.release(budget);
        } else {
            *budget -= 1;
        }
    }

    fn release(&mut self, budget: &mut usize) {
        *budget += self.seen.len();
        self.seen = HashSet::new();
    }

    pub(crate) fn unique(&self) -> Option<bool> {
        match (&self.twice, self.overflow && self.broken) {
            (Some(_), _) => Some(false),
            (None, true) => None,
            (None, false) => Some(true),
        }
    }

    /// Whether the column holds the content; a column that was too long to remember may hold anything.
    pub(crate) fn holds(&self, key: &str) -> bool {
        self.overflow || self.seen.contains(&key_hash(key))
    }
}

/// Rows from which examples are taken, and how many differing ones are kept.
const EXAMPLE_ROWS: u64 = 20_000;
const EXAMPLES: usize = 40;

impl Stats {
    /// Counts one cell. `budget` is how many more contents the file's columns may remember.
    pub(crate) fn add(&mut self, cell: &str, line: u64, budget: &mut usize) {
        let cell = cell.trim();
        if cell.is_empty() {
            self.blank += 1;
            return;
        }
        self.filled += 1;
        if cell.len() <= 7
            && let Some(word) = EMPTY_WORDS.iter().position(|word| word.eq_ignore_ascii_case(cell))
        {
            self.words[word] += 1;
            return;
        }
        match classify(cell) {
            Seen::Text => {
                self.text += 1;
                note(&mut self.first_text, line, cell);
            }
            Seen::Date(written) => {
                self.dates.add(written, line, cell);
                note(&mut self.first_moment, line, cell);
            }
            Seen::Datetime(written) => {
                self.stamps.add(written, line, cell);
                note(&mut self.first_moment, line, cell);
            }
            Seen::Time => {
                self.times += 1;
                note(&mut self.first_moment, line, cell);
            }
            seen => {
                self.numbers.add(seen, line, cell);
                self.compact += u64::from(seen == Seen::Whole && moment::compact(cell).is_some());
                note(&mut self.first_number, line, cell);
            }
        }
        self.follow(join_key(cell), line, budget);
    }

    fn follow(&mut self, key: &str, line: u64, budget: &mut usize) {
        self.keys.add(key, line, budget);
        if self.last == key {
            self.repeats += 1;
        } else {
            self.falls += u64::from(key.len() < self.last.len() || (key.len() == self.last.len() && key < self.last.as_str()));
            self.last.clear();
            self.last.push_str(key.get(..64).unwrap_or(key));
        }
        if self.filled <= EXAMPLE_ROWS
            && self.examples.len() < EXAMPLES
            && !self.examples.iter().any(|seen| seen == key)
            && key.len() <= 200
        {
            self.examples.push(key.to_owned());
        }
    }

    pub(crate) fn words(&self) -> Vec<(String, u64)> {
        let found = EMPTY_WORDS.iter().zip(self.words).filter(|(_, count)| *count > 0);
        // As most tables write them.
        found.map(|(word, count)| (word.to_uppercase(), count)).collect()
    }

    /// Cells that hold content, empty words apart.
    pub(crate) fn told(&self) -> u64 {
        self.filled - self.words.iter().sum::<u64>()
    }

    pub(crate) fn first_but(&self, kind: Kind) -> Evidence {
        let others: &[&Evidence] = match kind {
            Kind::Date | Kind::Time | Kind::Datetime => &[&self.first_text, &self.first_number],
            Kind::Whole | Kind::Number => &[&self.first_text, &self.first_moment],
            Kind::Empty | Kind::Text => &[],
        };
        others.iter().filter_map(|evidence| (*evidence).clone()).min_by_key(|(line, _)| *line)
    }

    pub(crate) fn compact_dates(&self) -> bool {
        self.compact > 0 && self.compact == self.told()
    }

    pub(crate) fn runs(&self) -> bool {
        self.repeats > 0 && self.falls * 100 <= self.filled
    }

    /// Adds the evidence of the same column in a file of the same shape, such as the next month's.
    pub(crate) fn absorb_dates(&mut self, other: &Self) {
        for (mine, theirs) in [(&mut self.dates, &other.dates), (&mut self.stamps, &other.stamps)] {
            mine.first_over = mine.first_over.take().or_else(|| theirs.first_over.clone());
            mine.second_over = mine.second_over.take().or_else(|| theirs.second_over.clone());
            mine.day_first_back += theirs.day_first_back;
            mine.month_first_back += theirs.month_first_back;
        }
    }
}

/// Says what the column is. `usual` is the decimal mark that the file's other columns have.
pub(crate) fn profile(name: String, index: usize, stats: Stats, usual: Option<(Mark, Said)>) -> ColumnProfile {
    let decided = kind::decide(&stats, usual);
    let first_exception = (decided.exceptions > 0).then(|| stats.first_but(decided.kind)).flatten();
    ColumnProfile {
        name,
        index,
        kind: decided.kind,
        format: decided.format,
        sure: decided.sure,
        why: decided.why,
        filled: stats.filled,
        blank: stats.blank,
        empty_words: stats.words(),
        exceptions: decided.exceptions,
        first_exception,
        currency: stats.numbers.currency.clone(),
        unique: stats.keys.unique(),
        examples: stats.examples.iter().take(5).map(|example| cut(example)).collect(),
        compact_dates: stats.compact_dates(),
        runs: stats.runs(),
        stats,
    }
}
