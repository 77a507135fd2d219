//! Pictures that people send: decoded within bounds and encoded anew, so that nothing but the picture stays.

use std::io::Cursor;

use axum::extract::multipart::{Field, MultipartError};
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};
use kernel::{Error, Result};
use tokio::sync::Semaphore;

/// The most pixels of one.
const PIXELS: u64 = 50_000_000;
/// The most pixels along an edge.
const EDGE: u32 = 16_384;
/// The most memory that decoding may take, in bytes.
const MEMORY: u64 = 256 * 1024 * 1024;
/// Pictures are decoded one after the other: memory is bounded whoever sends them.
static TURN: Semaphore = Semaphore::const_new(1);

/// What a picture is for: the field that it comes in, and the codes of its refusals.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub field: &'static str,
    /// No JPEG, PNG or WebP.
    pub kind: &'static str,
    /// Too large.
    pub large: &'static str,
}

impl Asked {
    fn kind(self) -> Error {
        Error::field(self.field, self.kind)
    }

    fn large(self) -> Error {
        Error::field(self.field, self.large)
    }

    /// A form that broke off, or is none.
    pub fn broken(self, _: MultipartError) -> Error {
        self.kind()
    }

    /// The bytes of a part, bounded.
    pub async fn bytes(self, mut part: Field<'_>, most: usize) -> Result<Vec<u8>> {
        let mut all = Vec::new();
        while let Some(more) = part.chunk().await.map_err(|error| self.broken(error))? {
            if all.len() + more.len() > most {
                return Err(self.large());
            }
            all.extend_from_slice(&more);
        }
        Ok(all)
    }

    /// Decodes a picture, the right way up. What is no JPEG, PNG or WebP, or too large, is refused before its pixels are read.
    pub fn decode(self, sent: &[u8]) -> Result<DynamicImage> {
        let mut reader = ImageReader::new(Cursor::new(sent)).with_guessed_format().map_err(|_| self.kind())?;
        if !matches!(reader.format(), Some(ImageFormat::Jpeg | ImageFormat::Png | ImageFormat::WebP)) {
            return Err(self.kind());
        }
        let mut limits = Limits::default();
        (limits.max_image_width, limits.max_image_height, limits.max_alloc) = (Some(EDGE), Some(EDGE), Some(MEMORY));
        reader.limits(limits);
        let refused = |error| if matches!(error, image::ImageError::Limits(_)) { self.large() } else { self.kind() };
        let mut decoder = reader.into_decoder().map_err(refused)?;
        let (width, height) = decoder.dimensions();
        if width == 0 || height == 0 {
            return Err(self.kind());
        }
        if u64::from(width) * u64::from(height) > PIXELS || width.max(height) > EDGE || decoder.total_bytes() > MEMORY {
            return Err(self.large());
        }
        let orientation = decoder.orientation().map_err(refused)?;
        let mut picture = DynamicImage::from_decoder(decoder).map_err(refused)?;
        picture.apply_orientation(orientation);
        Ok(picture)
    }
}

/// Works on a picture on a blocking thread, in turn.
pub(crate) async fn in_turn<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let _turn = TURN.acquire().await.map_err(|e| Error::Internal(e.to_string()))?;
    tokio::task::spawn_blocking(work).await.map_err(|e| Error::Internal(format!("a picture could not be decoded: {e}")))?
}
