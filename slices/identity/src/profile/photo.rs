//! Photos of people: whatever is sent is decoded within bounds and encoded anew, so that nothing but the picture stays.

use bytes::Bytes;
use db::Tx;
use image::{codecs::jpeg::JpegEncoder, imageops::FilterType};
use kernel::{AccountId, At, Change, Error, Permission, Result};
use serde_json::json;
use web::{Cx, Upload};

use super::Sight;
use crate::{
    member,
    picture::{self, Asked},
};

/// The most bytes of a photo that is sent.
const SENT: usize = 5 * 1024 * 1024;
/// Edge of the square that is kept, in pixels.
const KEPT: u32 = 512;
/// What is said of a photo that can't be taken.
const PHOTO: Asked = Asked { field: "photo", kind: "photo.kind", large: "photo.large" };
/// What is said of a point that is none.
const POINT: Asked = Asked { field: "photo", kind: "photo.kind", large: "photo.focus" };

/// The point of a photo that stays in view, in percent from the left and from the top.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Focus {
    pub x: u32,
    pub y: u32,
}

/// Decodes a photo and makes the square around its focal point: a JPEG of at most 512 pixels, without anything that was not
/// picture.
pub(crate) fn square(sent: &[u8], focus: Focus) -> Result<Vec<u8>> {
    let picture = PHOTO.decode(sent)?;
    let edge = picture.width().min(picture.height());
    // The square around the point, moved into the picture where it would stand out.
    let from = |whole: u32, percent: u32| {
        let centre = u64::from(whole) * u64::from(percent.min(100)) / 100;
        let start = centre.saturating_sub(u64::from(edge) / 2).min(u64::from(whole - edge));
        u32::try_from(start).unwrap_or(0)
    };
    let (x, y) = (from(picture.width(), focus.x), from(picture.height(), focus.y));
    let cropped = picture.crop_imm(x, y, edge, edge);
    drop(picture);
    let kept = edge.min(KEPT);
    let small = if edge > KEPT { cropped.resize_exact(kept, kept, FilterType::Triangle) } else { cropped };
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, 85).encode_image(&small.to_rgb8()).map_err(|e| Error::Internal(e.to_string()))?;
    Ok(jpeg)
}

/// Reads a form: `photo` is the file, `focusX` and `focusY` the point, in the middle if not given.
async fn read(mut upload: Upload) -> Result<(Vec<u8>, Focus)> {
    let (mut photo, mut focus) = (Vec::new(), Focus { x: 50, y: 50 });
    for _ in 0..8 {
        let Some(part) = upload.parts.next_field().await.map_err(|error| PHOTO.broken(error))? else { break };
        let name = part.name().unwrap_or_default().to_owned();
        match name.as_str() {
            "photo" => photo = PHOTO.bytes(part, SENT).await?,
            "focusX" | "focusY" => {
                let text = POINT.bytes(part, 16).await?;
                let text = std::str::from_utf8(&text).unwrap_or_default().trim();
                let percent = match text.is_empty() {
                    true => 50,
                    false => text.parse().ok().filter(|n| *n <= 100).ok_or_else(|| Error::field(name.clone(), "photo.focus"))?,
                };
                *(if name == "focusX" { &mut focus.x } else { &mut focus.y }) = percent;
            }
            _ => {
                PHOTO.bytes(part, 1024).await?;
            }
        }
    }
    if photo.is_empty() { Err(Error::field("photo", "text.needed")) } else { Ok((photo, focus)) }
}

/// Keeps a photo of a member: one's own, or anybody's who manages the team.
pub(crate) async fn take(cx: &Cx, account: AccountId, upload: Upload) -> Result<()> {
    let may = Sight::of(&cx.op, account);
    let mut tx = cx.tx().await?;
    may.find(&mut tx, account).await?;
    may.edits()?;
    drop(tx);
    let (sent, focus) = read(upload).await?;
    let jpeg = picture::in_turn(move || square(&sent, focus)).await?;
    let mut tx = cx.tx().await?;
    // Locked, so that nobody is removed and forgotten in between.
    member::lock(&mut tx, account).await?;
    let (tenant, now) = (tx.tenant().uuid(), tx.now());
    sqlx::query!(
        "INSERT INTO identity.photo (tenant_id, account_id, jpeg, changed_at) VALUES ($1, $2, $3, $4)
        ON CONFLICT (tenant_id, account_id) DO UPDATE SET jpeg = $3, changed_at = $4",
        tenant,
        account.uuid(),
        jpeg,
        now
    )
    .execute(tx.conn())
    .await?;
    tx.log(Change::of("profile.photo", "member", account, &json!({ "bytes": jpeg.len() })));
    tx.commit().await?;
    Ok(())
}

/// When a member's photo was last changed; none when there is none.
pub(crate) async fn changed_at(tx: &mut Tx, account: AccountId) -> Result<Option<At>> {
    let tenant = tx.tenant().uuid();
    Ok(sqlx::query_scalar!("SELECT changed_at FROM identity.photo WHERE tenant_id = $1 AND account_id = $2", tenant, account.uuid())
        .fetch_optional(tx.conn())
        .await?)
}

/// The photo of a member, for whoever may see the member.
pub(crate) async fn jpeg(cx: &Cx, account: AccountId) -> Result<Bytes> {
    let mut tx = cx.tx().await?;
    Sight::of(&cx.op, account).find(&mut tx, account).await?;
    let tenant = tx.tenant().uuid();
    let row = sqlx::query_scalar!("SELECT jpeg FROM identity.photo WHERE tenant_id = $1 AND account_id = $2", tenant, account.uuid())
        .fetch_optional(tx.conn())
        .await?
        .ok_or(Error::NotFound)?;
    Ok(row.into())
}

/// Permission of the routes that find out themselves who may: it is one's own photo, or the team is one's to see.
pub(crate) const NEEDS: Permission = Permission::Member;

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use image::{DynamicImage, ImageFormat, Rgb, RgbImage};

    use super::*;

    fn encoded(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
        let picture = RgbImage::from_fn(width, height, |x, _| if x < width / 2 { Rgb([250, 0, 0]) } else { Rgb([0, 0, 250]) });
        let mut bytes = Cursor::new(Vec::new());
        DynamicImage::ImageRgb8(picture).write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    fn colour_at_middle(jpeg: &[u8]) -> (u32, [u8; 3]) {
        let picture = image::load_from_memory_with_format(jpeg, ImageFormat::Jpeg).unwrap().to_rgb8();
        assert_eq!(picture.width(), picture.height());
        (picture.width(), picture.get_pixel(picture.width() / 2, picture.height() / 2).0)
    }

    #[test]
    fn the_square_is_cut_around_the_focal_point() {
        for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP] {
            let sent = encoded(1200, 400, format);
            let (edge, left) = colour_at_middle(&square(&sent, Focus { x: 0, y: 50 }).unwrap());
            let (_, right) = colour_at_middle(&square(&sent, Focus { x: 100, y: 50 }).unwrap());
            assert!(edge == 400 && left[0] > 200 && right[2] > 200, "{format:?} {left:?} {right:?}");
        }
        assert_eq!(colour_at_middle(&square(&encoded(2000, 1500, ImageFormat::Jpeg), Focus { x: 50, y: 50 }).unwrap()).0, 512);
    }

    #[test]
    fn what_is_no_photo_is_refused() {
        let middle = Focus { x: 50, y: 50 };
        let jpeg = encoded(64, 64, ImageFormat::Jpeg);
        for wrong in [&b""[..], b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"GIF89a\x01\x00\x01\x00", b"\x89PNG\r\n\x1a\n", &jpeg[..40]]
        {
            assert_eq!(square(wrong, middle).unwrap_err().code(), "invalid", "{wrong:?}");
        }
        // What follows or lies within a photo goes.
        let mut polyglot = jpeg.clone();
        polyglot.extend_from_slice(b"<script>alert(1)</script>PK\x03\x04");
        let kept = square(&polyglot, middle).unwrap();
        assert!(!kept.windows(7).any(|w| w == b"<script") && kept.starts_with(&[0xff, 0xd8]));
    }
}
