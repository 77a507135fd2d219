//! Reads a file once from beginning to end and says what it is.

use serde::Serialize;

use crate::column::{self, ColumnProfile, Stats};
use crate::rows::Rows;
use crate::text::{self, Text};
use crate::{Dialect, Encoding, Limits, Mark, Said, Source, TableError, dialect};

/// What is known of a file after it was read once.
#[derive(Debug, Clone, Serialize)]
pub struct FileProfile {
    /// Its name, as it was given.
    pub name: String,
    /// SHA-256 of its raw bytes.
    #[serde(serialize_with = "hex")]
    pub digest: [u8; 32],
    /// SHA-256 of what it holds, unpacked: by it the file is known again, whatever it comes packed in.
    #[serde(serialize_with = "hex")]
    pub content: [u8; 32],
    /// Raw bytes.
    pub bytes: u64,
    /// It is compressed.
    pub gzip: bool,
    /// How it writes its letters.
    pub encoding: Encoding,
    /// Why.
    pub encoding_why: Said,
    /// How it parts its cells.
    pub dialect: Dialect,
    /// Rows of data, the ragged ones with them.
    pub rows: u64,
    /// Rows with too few or too many cells.
    pub ragged: u64,
    /// The line of the first of them, and its number of cells.
    pub first_ragged: Option<(u64, usize)>,
    /// The columns.
    pub columns: Vec<ColumnProfile>,
}

fn hex<S: serde::Serializer>(digest: &[u8; 32], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&Hex(digest))
}

struct Hex<'a>(&'a [u8; 32]);

impl std::fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FileProfile {
    /// The digest as people write it.
    pub fn digest_hex(&self) -> String {
        Hex(&self.digest).to_string()
    }
}

/// Contents that the columns of one file may remember together, to know whether they are unique.
const REMEMBERED: usize = 500_000;

/// Profiles a file in the encoding and dialect that it seems to have.
///
/// # Errors
/// A `file.*` code when it can't be read or is no table.
pub fn profile(source: &Source, limits: &Limits) -> Result<FileProfile, TableError> {
    profile_as(source, limits, None, None)
}

/// Profiles a file in an encoding or dialect that a person named.
///
/// # Errors
/// A `file.*` code when it can't be read or is no table.
pub fn profile_as(
    source: &Source,
    limits: &Limits,
    encoding: Option<Encoding>,
    dialect: Option<&Dialect>,
) -> Result<FileProfile, TableError> {
    let text = text::inspect(source, limits)?;
    let found = match dialect {
        Some(dialect) => dialect::name_columns(&text.head, text.whole, dialect),
        None => dialect::find(&text.head, text.whole),
    };
    if found.names.len() > limits.columns {
        return Err(TableError::new(source.name(), "file.too_many_columns", Said::ManyColumns { most: limits.columns }));
    }
    let (encoding, why) = match encoding {
        Some(named) if named != text.encoding => (named, Said::PersonSaidSo),
        _ => (text.encoding, text.why.clone()),
    };
    let counted = count(source, limits, encoding, &found)?;
    if counted.rows == 0 {
        return Err(TableError::new(source.name(), "file.empty", Said::FileWithoutRows));
    }
    Ok(finish(source.name(), text, encoding, why, found, counted))
}

struct Counted {
    stats: Vec<Stats>,
    rows: u64,
    ragged: u64,
    first_ragged: Option<(u64, usize)>,
}

fn count(source: &Source, limits: &Limits, encoding: Encoding, found: &dialect::Found) -> Result<Counted, TableError> {
    let mut rows = Rows::open(source, encoding, &found.dialect, limits)?;
    let mut counted = Counted { stats: vec![Stats::default(); found.names.len()], rows: 0, ragged: 0, first_ragged: None };
    let mut row = csv::StringRecord::new();
    let mut budget = REMEMBERED;
    while rows.next(&mut row)? {
        counted.rows += 1;
        if !fits(&row, found.names.len()) {
            counted.ragged += 1;
            counted.first_ragged.get_or_insert((rows.line, row.len()));
            continue;
        }
        for (stats, cell) in counted.stats.iter_mut().zip(&row) {
            stats.add(cell, rows.line, &mut budget);
        }
    }
    Ok(counted)
}

/// A row has a cell for each column; blank ones may follow, since some programs end every line with a delimiter.
pub(crate) fn fits(row: &csv::StringRecord, columns: usize) -> bool {
    row.len() >= columns && row.iter().skip(columns).all(|cell| cell.trim().is_empty())
}

fn finish(name: &str, text: Text, encoding: Encoding, encoding_why: Said, found: dialect::Found, counted: Counted) -> FileProfile {
    let usual = usual_mark(&counted.stats, &found);
    let columns = found.names.into_iter().zip(counted.stats).enumerate();
    FileProfile {
        name: name.to_owned(),
        digest: text.raw.digest,
        content: text.raw.content,
        bytes: text.raw.bytes,
        gzip: text.raw.gzip,
        encoding,
        encoding_why,
        dialect: found.dialect,
        rows: counted.rows,
        ragged: counted.ragged,
        first_ragged: counted.first_ragged,
        columns: columns.map(|(index, (name, stats))| column::profile(name, index, stats, usual.clone())).collect(),
    }
}

/// The decimal mark that the file's columns prove, for those whose own cells could be read either way.
fn usual_mark(stats: &[Stats], found: &dialect::Found) -> Option<(Mark, Said)> {
    let proof = |of: fn(&Stats) -> u64| {
        stats.iter().zip(&found.names).filter(|(s, _)| of(s) > 0 && s.numbers.all() * 10 >= s.told() * 9).max_by_key(|(s, _)| of(s))
    };
    let dot = proof(|s| s.numbers.dot_only);
    let comma = proof(|s| s.numbers.comma_only);
    match (dot, comma) {
        (Some((_, name)), None) => Some((Mark::Dot, Said::ColumnWritesSo { column: name.clone() })),
        (None, Some((_, name))) => Some((Mark::Comma, Said::ColumnWritesSo { column: name.clone() })),
        (None, None) if found.dialect.delimiter == ';' => Some((Mark::Comma, Said::SemicolonFile)),
        _ => None,
    }
}

impl FileProfile {
    pub(crate) fn same_columns(&self, other: &Self) -> bool {
        self.columns.len() == other.columns.len()
            && self.columns.iter().zip(&other.columns).all(|(a, b)| a.name.eq_ignore_ascii_case(&b.name))
    }
}
