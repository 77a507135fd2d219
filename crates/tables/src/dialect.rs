//! How a file parts its cells, and where its rows begin.

use serde::{Deserialize, Serialize};

use crate::rows::{Unified, line_of};
use crate::{Said, column, header};

/// The punctuation of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dialect {
    /// What parts the cells: comma, semicolon, tab or bar.
    pub delimiter: char,
    /// Cells may stand in double quotes.
    pub quoted: bool,
    /// The first row names the columns.
    pub header: bool,
    /// The line of the first row; what stands above (a title, `sep=;`) is passed over.
    pub first_line: u64,
}

impl Dialect {
    pub(crate) fn builder(&self) -> csv::ReaderBuilder {
        let mut builder = csv::ReaderBuilder::new();
        let delimiter = u8::try_from(self.delimiter).unwrap_or(b',');
        builder.delimiter(delimiter).quoting(self.quoted).has_headers(false).flexible(true);
        builder
    }

    pub(crate) fn delimiter_said(&self) -> Said {
        match self.delimiter {
            ';' => Said::Semicolon,
            '\t' => Said::Tab,
            '|' => Said::Bar,
            _ => Said::Comma,
        }
    }
}

/// The dialect of a file's beginning, with the names of its columns.
pub(crate) struct Found {
    pub dialect: Dialect,
    pub names: Vec<String>,
}

/// How many rows of the beginning are looked at.
const ROWS: usize = 300;

/// In the order in which they win when nothing else tells them apart: a mark that is rare in text comes first.
const DELIMITERS: [char; 4] = ['\t', ';', '|', ','];

/// Some rows of the beginning, each with its line.
struct Sample {
    rows: Vec<(u64, csv::StringRecord)>,
    /// The usual number of cells.
    cells: usize,
    /// Rows with that many, in thousandths, less the cells that hold another delimiter.
    score: i64,
}

fn sample(head: &str, whole: bool, dialect: &Dialect) -> Sample {
    // A last line that the head cut off says nothing.
    let text = if whole { head } else { head.rfind(['\n', '\r']).map_or(head, |at| &head[..=at]) };
    let mut rows = Vec::new();
    let mut reader = dialect.builder().from_reader(Unified::new(text.as_bytes()));
    let mut row = csv::StringRecord::new();
    while rows.len() < ROWS && matches!(reader.read_record(&mut row), Ok(true)) {
        let line = line_of(&reader, &row);
        if line >= dialect.first_line && row.iter().any(|cell| !cell.trim().is_empty()) {
            rows.push((line, row.clone()));
        }
    }
    let mut counts: Vec<usize> = rows.iter().map(|(_, row)| row.len()).collect();
    counts.sort_unstable();
    // The most frequent number of cells, the larger one when two are equally frequent.
    let cells = counts.chunk_by(|a, b| a == b).max_by_key(|run| (run.len(), run[0])).map_or(0, |run| run[0]);
    let alike = rows.iter().filter(|(_, row)| row.len() == cells).count();
    let foreign = |cell: &str| DELIMITERS[..3].iter().any(|mark| *mark != dialect.delimiter && cell.contains(*mark));
    let cell_count = rows.iter().map(|(_, row)| row.len()).sum::<usize>().max(1);
    let dirty = rows.iter().flat_map(|(_, row)| row.iter()).filter(|cell| foreign(cell)).count();
    let share = |part: usize, all: usize| i64::try_from(part * 1000 / all.max(1)).unwrap_or(0);
    Sample { score: share(alike, rows.len()) - share(dirty, cell_count), rows, cells }
}

/// Finds the dialect from the file's beginning.
pub(crate) fn find(head: &str, whole: bool) -> Found {
    let mut dialect = Dialect { delimiter: ',', quoted: true, header: true, first_line: 1 };
    let first = head.lines().next().unwrap_or_default().trim();
    let told =
        first.get(..4).filter(|s| s.eq_ignore_ascii_case("sep=")).and_then(|_| first.chars().nth(4)).filter(|c| DELIMITERS.contains(c));
    if let Some(delimiter) = told {
        dialect = Dialect { delimiter, first_line: 2, ..dialect };
    } else {
        // Parted into one cell each, any text looks regular: more than one cell always wins.
        let rank = |s: &Sample| (s.cells > 1, s.score, s.cells);
        let mut best = (false, i64::MIN, 0);
        for delimiter in DELIMITERS {
            let found = rank(&sample(head, whole, &Dialect { delimiter, ..dialect.clone() }));
            if found > best {
                best = found;
                dialect.delimiter = delimiter;
            }
        }
        if best.2 <= 1 {
            dialect.delimiter = ',';
        }
    }
    let quoted = sample(head, whole, &dialect);
    let bare = Dialect { quoted: false, ..dialect.clone() };
    let sample = match head.contains('"').then(|| sample(head, whole, &bare)) {
        Some(unquoted) if unquoted.score > quoted.score => {
            dialect = bare;
            unquoted
        }
        _ => quoted,
    };
    settle(dialect, &sample)
}

/// Names the columns of a dialect that a person gave.
pub(crate) fn name_columns(head: &str, whole: bool, dialect: &Dialect) -> Found {
    let sample = sample(head, whole, dialect);
    let names = names(dialect.header.then(|| sample.rows.first()).flatten().map(|(_, row)| row), &sample);
    Found { dialect: dialect.clone(), names }
}

fn settle(mut dialect: Dialect, sample: &Sample) -> Found {
    // Titles above the table have fewer cells than its rows; a header may lack the name of the first column only.
    let starts = |(_, row): &&(u64, csv::StringRecord)| {
        row.len() >= sample.cells.saturating_sub(1).max(1) && row.iter().filter(|c| !c.trim().is_empty()).count() * 2 >= sample.cells
    };
    let top = sample.rows.iter().take(20).position(|row| starts(&row)).unwrap_or(0);
    let first = sample.rows.get(top);
    if top > 0 {
        dialect.first_line = first.map_or(1, |(line, _)| *line);
    }
    dialect.header = first.is_some_and(|(_, row)| is_header(row, sample.rows.get(top + 1..).unwrap_or_default()));
    let names = names(first.filter(|_| dialect.header).map(|(_, row)| row), sample);
    Found { dialect, names }
}

/// A header holds words only; it is one when a word is known, or when a column below holds something else than words.
fn is_header(first: &csv::StringRecord, below: &[(u64, csv::StringRecord)]) -> bool {
    if first.iter().any(column::is_typed) {
        return false;
    }
    if first.iter().any(|cell| header::role(cell).is_some()) {
        return true;
    }
    let typed = below.iter().any(|(_, row)| row.iter().any(column::is_typed));
    let words_repeat =
        below.iter().any(|(_, row)| row.iter().zip(first).any(|(cell, word)| !word.trim().is_empty() && cell.trim() == word.trim()));
    typed || !words_repeat
}

fn names(header: Option<&csv::StringRecord>, sample: &Sample) -> Vec<String> {
    let mut names: Vec<String> = header.map(|row| row.iter().map(|cell| cell.trim().to_owned()).collect()).unwrap_or_default();
    // Rows that all end in a blank cell have a delimiter at their end; otherwise the first column has no name.
    let ends_blank = sample
        .rows
        .iter()
        .filter(|(_, row)| row.len() == sample.cells)
        .all(|(_, row)| row.iter().next_back().is_some_and(|cell| cell.trim().is_empty()));
    if header.is_some() && names.len() + 1 == sample.cells && !ends_blank {
        names.insert(0, String::new());
    }
    while names.len() < sample.cells && header.is_none() {
        names.push(String::new());
    }
    if ends_blank && names.len() == sample.cells && names.last().is_some_and(String::is_empty) {
        names.pop();
    }
    let mut seen = std::collections::HashMap::<String, usize>::new();
    for (i, name) in names.iter_mut().enumerate() {
        if name.is_empty() {
            *name = format!("column {}", i + 1);
        }
        let count = seen.entry(name.to_lowercase()).or_default();
        *count += 1;
        if *count > 1 {
            *name = format!("{name} ({count})");
        }
    }
    names
}
