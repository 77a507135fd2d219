//! Which bytes mean which letters, and a reader that gives UTF-8 whatever the file is in.

use std::io::{self, Read};

use encoding_rs::DecoderResult;
use serde::{Deserialize, Serialize};

use crate::Said;
use crate::error::Stop;

/// How a file writes its letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// UTF-8, with or without a byte order mark.
    Utf8,
    /// Windows-1252, which covers Latin-1.
    Windows1252,
    /// UTF-16, little end first.
    Utf16Le,
    /// UTF-16, big end first.
    Utf16Be,
}

impl Encoding {
    /// The name that a person knows.
    pub fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "UTF-8",
            Self::Windows1252 => "Windows-1252",
            Self::Utf16Le => "UTF-16 (little-endian)",
            Self::Utf16Be => "UTF-16 (big-endian)",
        }
    }

    fn decoder(self) -> encoding_rs::Decoder {
        match self {
            Self::Utf8 => encoding_rs::UTF_8.new_decoder_with_bom_removal(),
            Self::Windows1252 => encoding_rs::WINDOWS_1252.new_decoder_without_bom_handling(),
            Self::Utf16Le => encoding_rs::UTF_16LE.new_decoder_with_bom_removal(),
            Self::Utf16Be => encoding_rs::UTF_16BE.new_decoder_with_bom_removal(),
        }
    }
}

const CHUNK: usize = 64 * 1024;

/// Gives UTF-8 without byte order mark; a letter that the encoding does not have ends the reading, it is never replaced.
pub(crate) struct Decoded<R> {
    inner: R,
    decoder: encoding_rs::Decoder,
    encoding: Encoding,
    raw: Vec<u8>,
    start: usize,
    end: usize,
    ended: bool,
    finished: bool,
}

impl<R: Read> Decoded<R> {
    pub(crate) fn new(inner: R, encoding: Encoding) -> Self {
        Self { inner, decoder: encoding.decoder(), encoding, raw: vec![0; CHUNK], start: 0, end: 0, ended: false, finished: false }
    }
}

impl<R: Read> Read for Decoded<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.len() < 16 {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the buffer must hold 16 bytes"));
        }
        while !self.finished {
            if self.start == self.end && !self.ended {
                self.start = 0;
                self.end = self.inner.read(&mut self.raw)?;
                self.ended = self.end == 0;
            }
            let (result, read, written) = self.decoder.decode_to_utf8_without_replacement(&self.raw[self.start..self.end], out, self.ended);
            self.start += read;
            if let DecoderResult::Malformed(..) = result {
                return Err(Stop::io("file.not_text", Said::NotInEncoding { encoding: self.encoding.name() }));
            }
            self.finished = self.ended && result == DecoderResult::InputEmpty;
            if written > 0 {
                return Ok(written);
            }
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(bytes: &[u8], encoding: Encoding) -> io::Result<String> {
        let mut reader = Decoded::new(bytes, encoding);
        let (mut text, mut chunk) = (Vec::new(), [0; 16]);
        loop {
            match reader.read(&mut chunk)? {
                0 => return Ok(String::from_utf8(text).unwrap()),
                n => text.extend_from_slice(&chunk[..n]),
            }
        }
    }

    #[test]
    fn each_encoding_gives_its_letters() {
        assert_eq!(decode(b"\xef\xbb\xbfbr\xc3\xb8d", Encoding::Utf8).unwrap(), "brød");
        assert_eq!(decode(b"\x91Nduja \x80", Encoding::Windows1252).unwrap(), "\u{2018}Nduja €");
        assert_eq!(decode(b"\xff\xfeb\0\xf8\0", Encoding::Utf16Le).unwrap(), "bø");
        assert_eq!(decode(b"\xfe\xff\0b\0\xf8", Encoding::Utf16Be).unwrap(), "bø");
        let long = "é".repeat(100_000);
        assert_eq!(decode(long.as_bytes(), Encoding::Utf8).unwrap(), long);
    }

    #[test]
    fn letters_are_never_replaced() {
        assert!(decode(b"a\x91b", Encoding::Utf8).is_err());
        assert!(decode(b"\xff\xfe\x00\xd8b\0", Encoding::Utf16Le).is_err());
        assert!(decode(b"\xff\xfeb", Encoding::Utf16Le).is_err());
    }
}
