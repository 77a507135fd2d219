//! Lists and reports as files. Cells that a spreadsheet would take for a formula stay text.

use std::{fs::File, io::Seek};

use db::list::{Column, Kind, List, camel};
use kernel::{Currency, Error, Money, Permissions, Result};
use rust_xlsxwriter::{Workbook, XlsxError};
use serde_json::{Map, Value};

use crate::t;

/// Text as a CSV cell that no spreadsheet runs: what begins like a formula gets a quotation mark before it.
pub fn csv_safe(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) && text.parse::<f64>().is_err() { format!("'{text}") } else { text.to_owned() }
}

/// A cell as files show it: money in its decimals, everything else as it is.
pub(crate) fn cell(column: &Column, row: &Map<String, Value>) -> String {
    let value = row.get(&camel(column.name)).unwrap_or(&Value::Null);
    match (column.kind, value) {
        (_, Value::Null) => String::new(),
        (Kind::Money, Value::Number(minor)) => {
            let currency = row.get("currency").and_then(Value::as_str).and_then(|c| c.parse::<Currency>().ok());
            match (currency, minor.as_i64()) {
                (Some(currency), Some(minor)) => Money::new(minor, currency).digits(),
                _ => minor.to_string(),
            }
        }
        (_, Value::String(text)) => text.clone(),
        (_, other) => other.to_string(),
    }
}

/// The columns that files show somebody: those with a heading.
pub(crate) fn shown(list: &List, permissions: Permissions) -> Vec<&'static Column> {
    list.seen_with(permissions).filter(|c| !c.label.is_empty()).collect()
}

/// The heading line.
pub(crate) fn heading(columns: &[&Column]) -> Result<Vec<u8>> {
    line(columns.iter().map(|c| t(c.label)))
}

/// One line of CSV.
pub(crate) fn line(cells: impl Iterator<Item = String>) -> Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    let fail = |e: String| Error::Internal(e);
    writer.write_record(cells.map(|c| csv_safe(&c))).map_err(|e| fail(e.to_string()))?;
    writer.into_inner().map_err(|e| fail(e.to_string()))
}

/// The most rows of a sheet.
const SHEET: u32 = 1_048_575;

/// A workbook with one sheet: numbers as numbers, everything else as text (so no cell is a formula). Its rows go into a file of the system's
/// as they come; memory holds one.
pub(crate) struct Book {
    book: Workbook,
    columns: Vec<&'static Column>,
    rows: u32,
}

impl Book {
    /// A workbook with its headings.
    pub fn begin(columns: Vec<&'static Column>) -> Result<Self> {
        let mut book = Workbook::new();
        let sheet = book.add_worksheet_with_constant_memory();
        for (x, column) in (0_u16..).zip(&columns) {
            sheet.write_string(0, x, t(column.label)).map_err(failed)?;
        }
        Ok(Self { book, columns, rows: 0 })
    }

    /// Adds rows. False when the sheet is full.
    pub fn add(&mut self, rows: &[Map<String, Value>]) -> Result<bool> {
        let sheet = self.book.worksheet_from_index(0).map_err(failed)?;
        for row in rows {
            if self.rows == SHEET {
                return Ok(false);
            }
            self.rows += 1;
            for (x, column) in (0_u16..).zip(&self.columns) {
                let text = cell(column, row);
                match (column.kind, text.parse::<f64>()) {
                    (Kind::Whole | Kind::Money | Kind::Quantity, Ok(number)) => sheet.write_number(self.rows, x, number),
                    _ => sheet.write_string(self.rows, x, text),
                }
                .map_err(failed)?;
            }
        }
        Ok(true)
    }

    /// The whole file, to be read from its beginning. It is gone when it is closed.
    pub fn end(mut self) -> Result<File> {
        let unwritten = |e: std::io::Error| Error::Internal(format!("a workbook: {e}"));
        let mut file = tempfile::tempfile().map_err(unwritten)?;
        self.book.save_to_writer(&mut file).map_err(failed)?;
        file.rewind().map_err(unwritten)?;
        Ok(file)
    }
}

fn failed(error: XlsxError) -> Error {
    Error::Internal(format!("a workbook: {error}"))
}
