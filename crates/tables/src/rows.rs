//! The rows of a file, one at a time, in memory that does not grow with the file.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use csv::{ErrorKind, StringRecord};

use crate::encoding::{Decoded, Encoding};
use crate::error::Stop;
use crate::source::Body;
use crate::{Dialect, Limits, Said, Source, TableError};

const BUFFER: usize = 64 * 1024;

/// Ends every line with one line feed, the last one too, so that lines are counted alike whatever program wrote them.
pub(crate) struct Unified<R> {
    inner: R,
    after_return: bool,
    open: bool,
}

impl<R: Read> Unified<R> {
    pub(crate) fn new(inner: R) -> Self {
        Self { inner, after_return: false, open: false }
    }
}

impl<R: Read> Read for Unified<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            let n = self.inner.read(out)?;
            if n == 0 && self.open && !out.is_empty() {
                self.open = false;
                out[0] = b'\n';
                return Ok(1);
            }
            if n == 0 {
                return Ok(0);
            }
            let kept = self.unify(&mut out[..n]);
            if kept > 0 {
                self.open = out[kept - 1] != b'\n';
                return Ok(kept);
            }
        }
    }
}

impl<R> Unified<R> {
    fn unify(&mut self, bytes: &mut [u8]) -> usize {
        if !self.after_return && !bytes.contains(&b'\r') {
            return bytes.len();
        }
        let mut kept = 0;
        for at in 0..bytes.len() {
            let byte = bytes[at];
            if !(byte == b'\n' && self.after_return) {
                bytes[kept] = if byte == b'\r' { b'\n' } else { byte };
                kept += 1;
            }
            self.after_return = byte == b'\r';
        }
        kept
    }
}

/// The line on which the row begins that was just read. The parser's own count begins at the blank lines above it.
pub(crate) fn line_of<R: Read>(reader: &csv::Reader<R>, row: &StringRecord) -> u64 {
    let begun = row.position().map_or(1, csv::Position::line);
    let inner = row.as_slice().bytes().filter(|byte| *byte == b'\n').count() as u64;
    reader.position().line().saturating_sub(inner + 1).max(begun)
}

/// Ends the reading when one row takes more bytes than a line and a cell may: a quote that is never closed would otherwise swallow the file.
struct Metered<R> {
    inner: R,
    since_row: Arc<AtomicUsize>,
    limit: usize,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(out)?;
        if self.since_row.fetch_add(n, Ordering::Relaxed) > self.limit {
            // Rows know the line, and say it instead.
            return Err(Stop::io("file.field_too_long", Said::LongCell { line: 0, kilobytes: self.limit >> 10 }));
        }
        Ok(n)
    }
}

/// A reader of rows.
pub(crate) struct Rows {
    reader: csv::Reader<Metered<Unified<Decoded<Body>>>>,
    since_row: Arc<AtomicUsize>,
    name: Arc<str>,
    field_bytes: usize,
    first_line: u64,
    header: bool,
    /// The line on which the row begins that was read last.
    pub line: u64,
}

impl Rows {
    pub(crate) fn open(source: &Source, encoding: Encoding, dialect: &Dialect, limits: &Limits) -> Result<Self, TableError> {
        let since_row = Arc::new(AtomicUsize::new(0));
        let inner = Unified::new(Decoded::new(source.body(limits, false)?, encoding));
        let metered = Metered { inner, since_row: Arc::clone(&since_row), limit: limits.line_bytes + BUFFER };
        let reader = dialect.builder().buffer_capacity(BUFFER).from_reader(metered);
        Ok(Self {
            reader,
            since_row,
            name: source.shared_name(),
            field_bytes: limits.field_bytes,
            first_line: dialect.first_line,
            header: dialect.header,
            line: 0,
        })
    }

    /// Reads the next row of data into `row`; false at the end. Blank rows, what stands above the header, and the header are passed over.
    pub(crate) fn next(&mut self, row: &mut StringRecord) -> Result<bool, TableError> {
        loop {
            if !self.raw(row)? {
                return Ok(false);
            }
            if self.line < self.first_line || row.iter().all(|cell| cell.trim().is_empty()) {
                continue;
            }
            if std::mem::take(&mut self.header) {
                continue;
            }
            return Ok(true);
        }
    }

    fn raw(&mut self, row: &mut StringRecord) -> Result<bool, TableError> {
        let more = match self.reader.read_record(row) {
            Ok(more) => more,
            Err(error) => return Err(self.fault(error)),
        };
        self.since_row.store(0, Ordering::Relaxed);
        if more {
            self.line = line_of(&self.reader, row);
        }
        if row.as_slice().len() > self.field_bytes && row.iter().any(|cell| cell.len() > self.field_bytes) {
            return Err(self.long_field());
        }
        Ok(more)
    }

    fn long_field(&self) -> TableError {
        let reason = Said::LongCell { line: self.line, kilobytes: self.field_bytes >> 10 };
        TableError::new(&self.name, "file.field_too_long", reason)
    }

    fn fault(&self, error: csv::Error) -> TableError {
        match error.into_kind() {
            ErrorKind::Io(io) => {
                let fault = TableError::from_io(&self.name, &io);
                if fault.code == "file.field_too_long" { self.long_field() } else { fault }
            }
            _ => TableError::new(&self.name, "file.changed", Said::FileChanged),
        }
    }
}
