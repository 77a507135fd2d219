//! The first pass over a file's bytes: is it text, in which encoding, with lines of a sane length?

use std::io::{Cursor, Read};

use crate::encoding::{Decoded, Encoding};
use crate::source::Raw;
use crate::{Limits, Said, Source, TableError};

/// How much of a file's beginning is kept to find its dialect.
const HEAD: usize = 256 * 1024;

/// What the first pass found.
pub(crate) struct Text {
    pub raw: Raw,
    pub encoding: Encoding,
    pub why: Said,
    /// The beginning, as UTF-8.
    pub head: String,
    /// The head is the whole file.
    pub whole: bool,
}

/// Files that are known by their first bytes, and what to tell their owner.
const MAGIC: &[(&[u8], Said)] = &[
    (b"PK\x03\x04", Said::IsXlsx),
    (b"PK\x05\x06", Said::IsEmptyZip),
    (b"\xd0\xcf\x11\xe0", Said::IsXls),
    (b"%PDF", Said::IsPdf),
    (b"\x89PNG", Said::IsPng),
    (b"\xff\xd8\xff", Said::IsJpeg),
    (b"GIF8", Said::IsGif),
    (b"\x7fELF", Said::IsProgram),
    (b"MZ\x90", Said::IsProgram),
    (b"SQLite format 3", Said::IsSqlite),
    (b"\x1f\x8b", Said::IsGzipTwice),
    (b"BZh", Said::IsBzip2),
    (b"\xfd7zXZ", Said::IsXz),
    (b"\x28\xb5\x2f\xfd", Said::IsZstd),
    (b"7z\xbc\xaf", Said::IsSevenZip),
    (b"Rar!", Said::IsRar),
    (b"PAR1", Said::IsParquet),
];

/// Text that is not a table, by how it begins.
const MARKUP: &[(&str, Said)] = &[
    ("<!doctype", Said::IsWebPage),
    ("<html", Said::IsWebPage),
    ("<table", Said::IsWebPage),
    ("<?xml", Said::IsXml),
    ("{\\rtf", Said::IsRtf),
    ("{\"", Said::IsJson),
    ("[{", Said::IsJson),
];

/// Reads the whole file once and says what its bytes are.
pub(crate) fn inspect(source: &Source, limits: &Limits) -> Result<Text, TableError> {
    let name = source.name();
    let fault = |e: std::io::Error| TableError::from_io(name, &e);
    let mut body = source.body(limits, true)?;
    let mut first = Vec::new();
    body.by_ref().take(4096).read_to_end(&mut first).map_err(fault)?;
    refuse_known(name, &first)?;
    let marked = match first.as_slice() {
        [0xff, 0xfe, ..] => Some(Encoding::Utf16Le),
        [0xfe, 0xff, ..] => Some(Encoding::Utf16Be),
        [0xef, 0xbb, 0xbf, ..] => Some(Encoding::Utf8),
        _ => None,
    };
    let mut scan = Scan::new(name, limits);
    let stream = Cursor::new(first).chain(body.by_ref());
    match marked {
        Some(encoding @ (Encoding::Utf16Le | Encoding::Utf16Be)) => scan.read(Decoded::new(stream, encoding))?,
        _ => scan.read(stream)?,
    }
    let raw = body.finish().map_err(fault)?;
    let (encoding, why) = scan.encoding(marked)?;
    let head = scan.head_text(encoding);
    if head.trim().is_empty() && scan.blank {
        return Err(TableError::new(name, "file.empty", Said::FileEmpty));
    }
    refuse_markup(name, &head)?;
    Ok(Text { raw, encoding, why, head, whole: scan.total <= HEAD as u64 })
}

fn refuse_known(name: &str, first: &[u8]) -> Result<(), TableError> {
    match MAGIC.iter().find(|(magic, _)| first.starts_with(magic)) {
        Some((_, what)) => Err(TableError::new(name, "file.not_text", what.clone())),
        None => Ok(()),
    }
}

fn refuse_markup(name: &str, head: &str) -> Result<(), TableError> {
    let start = head.trim_start();
    let begins = |mark: &str| start.get(..mark.len()).is_some_and(|s| s.eq_ignore_ascii_case(mark));
    match MARKUP.iter().find(|(mark, _)| begins(mark)) {
        Some((_, what)) => Err(TableError::new(name, "file.not_table", what.clone())),
        None => Ok(()),
    }
}

/// A byte as people write it who look at bytes.
fn hex(byte: u8) -> String {
    format!("0x{byte:02X}")
}

/// Counters over the bytes; nothing grows but the head.
struct Scan<'a> {
    name: &'a str,
    line_limit: usize,
    column_limit: usize,
    head: Vec<u8>,
    total: u64,
    line: u64,
    line_len: usize,
    controls: u64,
    blank: bool,
    /// The beginning of a letter that the last chunk cut through.
    carry: Vec<u8>,
    /// The first byte that is not UTF-8, and its line.
    foreign: Option<(u8, u64)>,
    ascii: bool,
}

impl<'a> Scan<'a> {
    fn new(name: &'a str, limits: &Limits) -> Self {
        Self {
            name,
            line_limit: limits.line_bytes,
            column_limit: limits.columns,
            head: Vec::new(),
            total: 0,
            line: 1,
            line_len: 0,
            controls: 0,
            blank: true,
            carry: Vec::new(),
            foreign: None,
            ascii: true,
        }
    }

    fn read(&mut self, mut stream: impl Read) -> Result<(), TableError> {
        let mut chunk = vec![0; 64 * 1024];
        loop {
            match stream.read(&mut chunk) {
                Ok(0) => break,
                Ok(n) => self.feed(&chunk[..n])?,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(e) => return Err(TableError::from_io(self.name, &e)),
            }
        }
        if let (Some(byte), None) = (self.carry.first(), self.foreign) {
            self.foreign = Some((*byte, self.line));
        }
        if self.controls * 20 > self.total {
            return Err(TableError::new(self.name, "file.not_text", Said::ControlCharacters));
        }
        Ok(())
    }

    fn feed(&mut self, chunk: &[u8]) -> Result<(), TableError> {
        self.total += chunk.len() as u64;
        let room = HEAD - self.head.len();
        self.head.extend_from_slice(&chunk[..chunk.len().min(room)]);
        self.check_utf8(chunk);
        for byte in chunk {
            match byte {
                b'\n' | b'\r' => {
                    self.line += u64::from(*byte == b'\n');
                    self.line_len = 0;
                    continue;
                }
                0 => {
                    return Err(TableError::new(self.name, "file.not_text", Said::ZeroByte { line: self.line }));
                }
                b' ' | b'\t' => {}
                1..32 => self.controls += 1,
                _ => self.blank = false,
            }
            self.line_len += 1;
            if self.line_len > self.line_limit {
                return Err(self.long_line());
            }
        }
        Ok(())
    }

    fn long_line(&self) -> TableError {
        let cells = [b',', b';', b'\t', b'|'].map(|mark| self.head.iter().filter(|b| **b == mark).count()).into_iter().max().unwrap_or(0);
        if self.line == 1 && cells > self.column_limit {
            return TableError::new(self.name, "file.too_many_columns", Said::ManyColumns { most: self.column_limit });
        }
        TableError::new(self.name, "file.line_too_long", Said::LongLine { line: self.line, kilobytes: self.line_limit >> 10 })
    }

    /// Looks for the first byte that is not UTF-8; a letter may lie across two chunks.
    fn check_utf8(&mut self, chunk: &[u8]) {
        if self.foreign.is_some() || (self.carry.is_empty() && chunk.is_ascii()) {
            return;
        }
        self.ascii = false;
        let joined;
        let bytes = if self.carry.is_empty() {
            chunk
        } else {
            joined = [self.carry.as_slice(), chunk].concat();
            &joined
        };
        let Err(fault) = std::str::from_utf8(bytes) else {
            self.carry.clear();
            return;
        };
        let at = fault.valid_up_to();
        if fault.error_len().is_none() {
            self.carry = bytes[at..].to_vec();
        } else {
            let lines = bytes[..at].iter().filter(|b| **b == b'\n').count() as u64;
            self.foreign = Some((bytes[at], self.line + lines));
        }
    }

    fn encoding(&self, marked: Option<Encoding>) -> Result<(Encoding, Said), TableError> {
        match (marked, self.foreign) {
            (Some(Encoding::Utf8), Some((byte, line))) => {
                Err(TableError::new(self.name, "file.mixed_encoding", Said::MixedEncoding { byte: hex(byte), line }))
            }
            (Some(encoding), _) => Ok((encoding, Said::ByteOrderMark)),
            (None, Some((byte, line))) => Ok((Encoding::Windows1252, Said::NotUtf8 { byte: hex(byte), line })),
            (None, None) if self.ascii => Ok((Encoding::Utf8, Said::PlainAscii)),
            (None, None) => Ok((Encoding::Utf8, Said::EveryByteFits)),
        }
    }

    fn head_text(&self, encoding: Encoding) -> String {
        if encoding == Encoding::Windows1252 {
            return encoding_rs::WINDOWS_1252.decode_without_bom_handling(&self.head).0.into_owned();
        }
        // UTF-16 was decoded before it came here. The head may end inside a letter.
        let text = match std::str::from_utf8(&self.head) {
            Ok(text) => text,
            Err(cut) => std::str::from_utf8(&self.head[..cut.valid_up_to()]).unwrap_or_default(),
        };
        text.trim_start_matches('\u{feff}').to_owned()
    }
}
