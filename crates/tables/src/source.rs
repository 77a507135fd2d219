//! Where a file's bytes come from: opened as often as needed, unpacked when they are gzip, and bounded.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::PathBuf;
use std::sync::Arc;

use flate2::bufread::MultiGzDecoder;
use sha2::{Digest, Sha256};

use crate::error::Stop;
use crate::{Said, TableError};

/// How much of a file is taken before it is refused. Bytes are counted after unpacking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one file, unpacked.
    pub file_bytes: u64,
    /// Unpacked bytes per packed byte, asked once 16 MiB are unpacked.
    pub gzip_ratio: u64,
    /// Bytes of one physical line.
    pub line_bytes: usize,
    /// Bytes of one cell.
    pub field_bytes: usize,
    /// Cells in a row.
    pub columns: usize,
    /// Characters of a cell that becomes part of a sale line.
    pub text_chars: usize,
    /// Rows of one file that is looked up in.
    pub lookup_rows: u64,
    /// Bytes of the keys and cells kept of one file that is looked up in.
    pub lookup_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            file_bytes: 8 << 30,
            gzip_ratio: 200,
            line_bytes: 1 << 20,
            field_bytes: 128 << 10,
            columns: 1_000,
            text_chars: 500,
            lookup_rows: 1_000_000,
            lookup_bytes: 64 << 20,
        }
    }
}

type Opener = dyn Fn() -> io::Result<Box<dyn Read + Send>> + Send + Sync;

/// A named file that can be read from its beginning again and again.
#[derive(Clone)]
pub struct Source {
    name: Arc<str>,
    open: Arc<Opener>,
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Source").field(&self.name).finish()
    }
}

impl Source {
    /// A file on disk, named by its file name.
    pub fn path(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let name = path.file_name().map_or_else(|| path.to_string_lossy(), |name| name.to_string_lossy()).into_owned();
        Self::opener(name, move || Ok(Box::new(File::open(&path)?)))
    }

    /// Bytes in memory under a name.
    pub fn bytes(name: impl Into<String>, bytes: impl Into<Arc<[u8]>>) -> Self {
        let bytes: Arc<[u8]> = bytes.into();
        Self::opener(name, move || Ok(Box::new(Cursor::new(Arc::clone(&bytes)))))
    }

    /// Anything that can be opened again: a spooled upload, an object in a store.
    pub fn opener(name: impl Into<String>, open: impl Fn() -> io::Result<Box<dyn Read + Send>> + Send + Sync + 'static) -> Self {
        Self { name: name.into().into(), open: Arc::new(open) }
    }

    /// The name under which the file was given.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn shared_name(&self) -> Arc<str> {
        Arc::clone(&self.name)
    }

    /// Opens the file; `digest` computes SHA-256 of the raw bytes, and of the unpacked ones, on the way.
    pub(crate) fn body(&self, limits: &Limits, digest: bool) -> Result<Body, TableError> {
        let fault = |e: io::Error| TableError::from_io(&self.name, &e);
        let inner = (self.open)().map_err(fault)?;
        let raw = Hashed { inner, hash: digest.then(Sha256::new), count: 0 };
        let mut raw = BufReader::with_capacity(64 * 1024, raw);
        let gzip = raw.fill_buf().map_err(fault)?.starts_with(&[0x1f, 0x8b]);
        let inner = if gzip { Packing::Gzip(Box::new(MultiGzDecoder::new(raw))) } else { Packing::Plain(raw) };
        let unpacked = (digest && gzip).then(Sha256::new);
        Ok(Body { inner, unpacked, read: 0, file_bytes: limits.file_bytes, gzip_ratio: limits.gzip_ratio })
    }
}

struct Hashed {
    inner: Box<dyn Read + Send>,
    hash: Option<Sha256>,
    count: u64,
}

impl Read for Hashed {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(out)?;
        self.count += n as u64;
        if let Some(hash) = &mut self.hash {
            hash.update(&out[..n]);
        }
        Ok(n)
    }
}

enum Packing {
    Plain(BufReader<Hashed>),
    Gzip(Box<MultiGzDecoder<BufReader<Hashed>>>),
}

/// The unpacked bytes of an open file.
pub(crate) struct Body {
    inner: Packing,
    /// Over the unpacked bytes; none where they are the raw ones.
    unpacked: Option<Sha256>,
    read: u64,
    file_bytes: u64,
    gzip_ratio: u64,
}

/// What is known of the bytes once the body was read to its end.
pub(crate) struct Raw {
    pub digest: [u8; 32],
    /// The digest of the unpacked bytes.
    pub content: [u8; 32],
    pub bytes: u64,
    pub gzip: bool,
}

impl Body {
    /// Reads what is left and gives the digests.
    pub(crate) fn finish(self) -> io::Result<Raw> {
        let (mut raw, gzip) = match self.inner {
            Packing::Plain(raw) => (raw, false),
            Packing::Gzip(decoder) => (decoder.into_inner(), true),
        };
        io::copy(&mut raw, &mut io::sink())?;
        let Hashed { hash, count, .. } = raw.into_inner();
        let digest = hash.map_or([0; 32], |hash| hash.finalize().into());
        Ok(Raw { digest, content: self.unpacked.map_or(digest, |hash| hash.finalize().into()), bytes: count, gzip })
    }

    fn raw_count(&self) -> u64 {
        match &self.inner {
            Packing::Plain(raw) => raw.get_ref().count,
            Packing::Gzip(decoder) => decoder.get_ref().get_ref().count,
        }
    }
}

/// Unpacked bytes below this are taken at any ratio.
const RATIO_FROM: u64 = 16 << 20;

impl Read for Body {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = match &mut self.inner {
            Packing::Plain(raw) => raw.read(out)?,
            Packing::Gzip(decoder) => decoder.read(out).map_err(|e| match e.kind() {
                io::ErrorKind::UnexpectedEof => Stop::io("file.gzip_truncated", Said::GzipEndsEarly),
                io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => Stop::io("file.not_gzip", Said::GzipDamaged),
                _ => e,
            })?,
        };
        if let Some(hash) = &mut self.unpacked {
            hash.update(&out[..n]);
        }
        self.read += n as u64;
        if self.read > self.file_bytes {
            return Err(Stop::io("file.too_large", Said::FileLarge { megabytes: self.file_bytes >> 20 }));
        }
        if self.read > RATIO_FROM && matches!(self.inner, Packing::Gzip(_)) && self.read / self.raw_count().max(1) > self.gzip_ratio {
            return Err(Stop::io("file.gzip_bomb", Said::GzipBomb { times: self.gzip_ratio }));
        }
        Ok(n)
    }
}
