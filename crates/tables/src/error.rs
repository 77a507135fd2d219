//! Refusals: of a whole file, and of one line.

use std::io;

use serde::Serialize;

use crate::Said;

/// Every code that this crate gives, with what it means.
pub const CODES: &[(&str, &str)] = &[
    ("file.unreadable", "The file could not be read."),
    ("file.empty", "The file holds no lines."),
    ("file.too_large", "The file is larger than the limit."),
    ("file.not_text", "The file is not a text table."),
    ("file.not_table", "The file is text, but not a table."),
    ("file.not_gzip", "The compressed file is damaged."),
    ("file.gzip_truncated", "The compressed file ends too early."),
    ("file.gzip_bomb", "The compressed file unpacks to far more than it should."),
    ("file.mixed_encoding", "The file mixes two encodings."),
    ("file.line_too_long", "A line is longer than the limit."),
    ("file.field_too_long", "A cell is longer than the limit; a quote may not be closed."),
    ("file.too_many_columns", "The table has more columns than the limit."),
    ("file.changed", "The file changed while it was read."),
    ("file.same_name", "Two of the files have the same name."),
    ("file.lookup_too_large", "A file that is looked up in is larger than the limit."),
    ("file.lookup_not_unique", "A file that is looked up in holds a key twice with different content."),
    ("file.lookup_broken", "A file that is looked up in has too many refused lines."),
    ("mapping.no_lines", "No file is named as the one with the sale lines."),
    ("mapping.no_item", "No column is named as the item."),
    ("mapping.no_date", "No column is named as the date."),
    ("mapping.unknown_file", "The mapping names a file that was not given."),
    ("mapping.unknown_column", "The mapping names a column that the file does not have."),
    ("mapping.unlike_files", "The files with the sale lines have different columns."),
    ("mapping.not_joined", "The mapping takes a column of a file that is not joined to the lines."),
    ("mapping.role_twice", "The mapping gives one role to two columns."),
    ("line.no_item", "The line names no item."),
    ("line.bad_date", "The date can't be read."),
    ("line.bad_time", "The time can't be read."),
    ("line.bad_number", "A number can't be read."),
    ("line.cells", "The line has too few or too many cells."),
    ("line.unknown_key", "The line points to a row that the other file does not have."),
    ("line.too_long", "A cell of the line is too long."),
    ("line.open_quote", "A cell holds a line break; a quote may not be closed."),
];

/// Why a whole file, or the mapping over the files, is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{file}: {code}")]
pub struct TableError {
    /// The file's name as it was given; empty when the fault lies in the mapping as a whole.
    pub file: String,
    /// One of [`CODES`].
    pub code: &'static str,
    /// What a person needs to know.
    pub reason: Said,
}

impl TableError {
    pub(crate) fn new(file: &str, code: &'static str, reason: Said) -> Self {
        Self { file: file.to_owned(), code, reason }
    }

    /// Gives back the refusal that [`Stop`] carried through a reader, or says that the file can't be read.
    pub(crate) fn from_io(file: &str, error: &io::Error) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<Stop>()) {
            Some(stop) => Self::new(file, stop.code, stop.reason.clone()),
            None => Self::new(file, "file.unreadable", Said::Unreadable { error: error.to_string() }),
        }
    }
}

/// A refusal on its way through `std::io::Read`.
#[derive(Debug, thiserror::Error)]
#[error("{code}")]
pub(crate) struct Stop {
    pub code: &'static str,
    pub reason: Said,
}

impl Stop {
    pub(crate) fn io(code: &'static str, reason: Said) -> io::Error {
        io::Error::other(Self { code, reason })
    }
}

/// One line that was not taken, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RefusedLine {
    /// The file's name.
    pub file: String,
    /// The line in the file, counted from 1 with the header and blank lines, as an editor shows it.
    pub line_no: u64,
    /// One of [`CODES`].
    pub code: &'static str,
    /// What is wrong.
    pub reason: Box<Said>,
    /// The beginning of the line as it was read, cells parted by ` | `.
    pub raw: String,
}
