//! How a business looks to the outside: its colour and logo, on its letters and on a sign-in page of its own.

use std::io::Cursor;

use axum::http::header;
use bytes::Bytes;
use db::{System, Tx};
use image::{ImageFormat, imageops::FilterType};
use kernel::{AccountId, Change, Error, Permission, Result, TenantId};
use post::Brand;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use sqlx::PgConnection;
use utoipa::ToSchema;
use web::{Colour, Cx, Reply, Upload, ui};

use crate::{
    business::named,
    email::Email,
    picture::{self, Asked},
};

/// The most bytes of a logo that is sent.
const SENT: usize = 1024 * 1024;
/// Width and height within which a logo is kept, in pixels.
const KEPT: (u32, u32) = (640, 160);
/// The same within which a page shows it.
const SHOWN: (u32, u32) = (160, 40);
/// What is said of a logo that can't be taken.
const LOGO: Asked = Asked { field: "logo", kind: "logo.kind", large: "logo.large" };

/// How the business looks.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Branding {
    /// `#rrggbb`.
    pub colour: Option<String>,
    /// Where answers to its letters go.
    pub reply_to: Option<String>,
    /// Whether it has a sign-in page of its own, which anybody sees who knows its short name.
    pub sign_in_page: bool,
    /// Where that page is.
    pub sign_in_path: String,
    /// Where its logo is, open to everybody.
    pub logo: Option<String>,
    /// Grows with each change; 0 before the first.
    pub version: i32,
}

/// Changes how the business looks; the logo has a call of its own.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SaveBranding {
    /// `#rrggbb`, on which dark or white letters can be read; the installation's own if not given.
    #[serde(default)]
    pub colour: Option<String>,
    /// Where answers to its letters go; to the installation if not given.
    #[serde(default)]
    pub reply_to: Option<String>,
    /// Whether it has a sign-in page of its own.
    #[serde(default = "yes")]
    pub sign_in_page: bool,
    /// The version that was read.
    pub version: i32,
}

/// Takes the logo away.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RemoveLogo {}

fn yes() -> bool {
    true
}

/// How the transaction's business looks.
pub(crate) async fn branding(tx: &mut Tx) -> Result<Branding> {
    let tenant = tx.tenant().uuid();
    let row = sqlx::query!(
        r#"SELECT t.slug, b.colour AS "colour?", b.reply_to AS "reply_to?", coalesce(b.sign_in_page, false) AS "sign_in_page!",
            b.logo_digest AS "logo_digest?", coalesce(b.version, 0) AS "version!"
        FROM db.tenant t LEFT JOIN identity.brand b ON b.tenant_id = t.id WHERE t.id = $1"#,
        tenant
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(Branding {
        colour: row.colour,
        reply_to: row.reply_to,
        sign_in_page: row.sign_in_page,
        sign_in_path: format!("/login/{}", row.slug),
        logo: row.logo_digest.map(|digest| logo_path(&row.slug, &digest)),
        version: row.version,
    })
}

fn logo_path(slug: &str, digest: &str) -> String {
    format!("/brand/{slug}/logo-{digest}.png")
}

/// An entry of the log about it. An address may be a person's.
fn change(tenant: TenantId, before: &Branding, after: &Branding) -> Change {
    let change = Change::of("brand.saved", "tenant", tenant, after).from(before);
    let change = before.reply_to.iter().fold(change, |change, address| change.personal_from(tenant, "replyTo", address));
    after.reply_to.iter().fold(change, |change, address| change.personal(tenant, "replyTo", address))
}

impl db::Command for SaveBranding {
    const NEEDS: Permission = Permission::SettingsWrite;
    type Out = Branding;
    async fn run(self, tx: &mut Tx) -> Result<Branding> {
        let filled = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
        let colour = filled(&self.colour).map(|text| Colour::read("colour", &text)).transpose()?.map(|colour| colour.to_string());
        let reply_to = filled(&self.reply_to).map(|text| Email::read("replyTo", &text)).transpose()?.map(|email| email.to_string());
        let before = branding(tx).await?;
        if before.version != self.version {
            return Err(Error::Stale);
        }
        let tenant = tx.tenant();
        let saved = sqlx::query!(
            "INSERT INTO identity.brand AS b (tenant_id, colour, reply_to, sign_in_page, version) VALUES ($1, $2, $3, $4, 1)
            ON CONFLICT (tenant_id) DO UPDATE SET colour = $2, reply_to = $3, sign_in_page = $4, version = b.version + 1 WHERE b.version = $5",
            tenant.uuid(),
            colour,
            reply_to,
            self.sign_in_page,
            self.version
        )
        .execute(tx.conn())
        .await?;
        if saved.rows_affected() != 1 {
            return Err(Error::Stale);
        }
        let after = Branding { colour, reply_to, sign_in_page: self.sign_in_page, version: self.version + 1, ..before.clone() };
        tx.log(change(tenant, &before, &after));
        Ok(after)
    }
}

/// A logo as it is kept.
struct Logo {
    png: Vec<u8>,
    digest: String,
    width: i32,
    height: i32,
}

/// Decodes a logo and encodes it anew, at most as large as letters and pages need it.
fn encoded(sent: &[u8]) -> Result<Logo> {
    let picture = LOGO.decode(sent)?;
    let (width, height) = KEPT;
    let larger = picture.width() > width || picture.height() > height;
    let picture = if larger { picture.resize(width, height, FilterType::Triangle) } else { picture };
    let (width, height) = (i32::try_from(picture.width()).unwrap_or(1), i32::try_from(picture.height()).unwrap_or(1));
    let mut png = Cursor::new(Vec::new());
    image::DynamicImage::ImageRgba8(picture.to_rgba8())
        .write_to(&mut png, ImageFormat::Png)
        .map_err(|e| Error::Internal(format!("a logo could not be encoded: {e}")))?;
    let png = png.into_inner();
    let digest = Sha256::digest(&png).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    Ok(Logo { png, digest, width, height })
}

/// Reads a form whose `logo` is the file.
async fn read(mut upload: Upload) -> Result<Vec<u8>> {
    let mut logo = Vec::new();
    for _ in 0..8 {
        let Some(part) = upload.parts.next_field().await.map_err(|error| LOGO.broken(error))? else { break };
        let is_it = part.name() == Some("logo");
        let bytes = LOGO.bytes(part, if is_it { SENT } else { 1024 }).await?;
        if is_it {
            logo = bytes;
        }
    }
    if logo.is_empty() { Err(Error::field("logo", "text.needed")) } else { Ok(logo) }
}

/// Keeps a logo.
pub(crate) async fn take_logo(cx: &Cx, upload: Upload) -> Result<Branding> {
    let sent = read(upload).await?;
    let logo = picture::in_turn(move || encoded(&sent)).await?;
    let mut tx = cx.tx().await?;
    let (tenant, before) = (tx.tenant(), branding(&mut tx).await?);
    sqlx::query!(
        "INSERT INTO identity.brand AS b (tenant_id, sign_in_page, logo, logo_digest, logo_width, logo_height, version)
        VALUES ($1, true, $2, $3, $4, $5, 1)
        ON CONFLICT (tenant_id) DO UPDATE SET logo = $2, logo_digest = $3, logo_width = $4, logo_height = $5, version = b.version + 1",
        tenant.uuid(),
        logo.png,
        logo.digest,
        logo.width,
        logo.height
    )
    .execute(tx.conn())
    .await?;
    let after = branding(&mut tx).await?;
    tx.log(change(tenant, &before, &after));
    tx.commit().await?;
    Ok(after)
}

impl db::Command for RemoveLogo {
    const NEEDS: Permission = Permission::SettingsWrite;
    type Out = Branding;
    async fn run(self, tx: &mut Tx) -> Result<Branding> {
        let (tenant, before) = (tx.tenant(), branding(tx).await?);
        let removed = sqlx::query!(
            "UPDATE identity.brand SET logo = NULL, logo_digest = NULL, logo_width = NULL, logo_height = NULL, version = version + 1
            WHERE tenant_id = $1 AND logo IS NOT NULL",
            tenant.uuid()
        )
        .execute(tx.conn())
        .await?;
        if removed.rows_affected() != 1 {
            return Err(Error::NotFound);
        }
        let after = branding(tx).await?;
        tx.log(change(tenant, &before, &after));
        Ok(after)
    }
}

/// A business as letters and sign-in pages show it.
pub(crate) struct Look {
    pub slug: String,
    pub name: String,
    colour: Option<String>,
    logo_digest: Option<String>,
    logo_width: Option<i32>,
    logo_height: Option<i32>,
    reply_to: Option<String>,
}

impl Look {
    /// The brand of a letter; `base` is the public address.
    pub fn letter(&self, base: &str) -> Brand {
        let logo = self.logo_digest.as_ref().map(|digest| format!("{base}{}", logo_path(&self.slug, digest)));
        Brand::of(&self.name, logo.as_deref(), self.colour.as_deref())
    }

    /// The same of a letter of the business itself, to which one may answer.
    pub fn own_letter(&self, base: &str) -> Brand {
        self.letter(base).answered_at(self.reply_to.as_deref())
    }

    /// What a page shows.
    pub fn page(&self) -> ui::Brand {
        let pixels = |n: Option<i32>| n.and_then(|n| u32::try_from(n).ok()).unwrap_or(1);
        let (width, height) = fitting(pixels(self.logo_width), pixels(self.logo_height));
        ui::Brand {
            name: self.name.clone(),
            logo: self.logo_digest.as_ref().map(|digest| (logo_path(&self.slug, digest), width, height)),
            style: self.colour.as_ref().map(|colour| format!("/brand/{}/colour-{}.css", self.slug, colour.trim_start_matches('#'))),
        }
    }
}

/// The size in which a logo is shown: its own, or what fits.
fn fitting(width: u32, height: u32) -> (u32, u32) {
    let (most_wide, most_high) = SHOWN;
    if width <= most_wide && height <= most_high {
        (width, height)
    } else if width * most_high >= height * most_wide {
        (most_wide, (height * most_wide / width).max(1))
    } else {
        ((width * most_high / height).max(1), most_high)
    }
}

/// The look of a business by its id, on any connection that sees it.
pub(crate) async fn of_tenant(conn: &mut PgConnection, tenant: TenantId) -> Result<Look> {
    let look = sqlx::query_as!(
        Look,
        r#"SELECT t.slug, t.name, b.colour AS "colour?", b.logo_digest AS "logo_digest?", b.logo_width AS "logo_width?", b.logo_height AS "logo_height?",
            b.reply_to AS "reply_to?"
        FROM db.tenant t LEFT JOIN identity.brand b ON b.tenant_id = t.id WHERE t.id = $1"#,
        tenant.uuid()
    );
    look.fetch_optional(conn).await?.ok_or(Error::NotFound)
}

/// The look of the business that an account works for, where that is exactly one: whose letters about the account would carry which of
/// several, nobody could say.
pub(crate) async fn of_only_business(system: &mut System, account: AccountId) -> Result<Option<Look>> {
    let looks = sqlx::query_as!(
        Look,
        r#"SELECT t.slug, t.name, b.colour AS "colour?", b.logo_digest AS "logo_digest?", b.logo_width AS "logo_width?", b.logo_height AS "logo_height?",
            b.reply_to AS "reply_to?"
        FROM identity.member m JOIN db.tenant t ON t.id = m.tenant_id LEFT JOIN identity.brand b ON b.tenant_id = t.id
        WHERE m.account_id = $1 AND m.state = 'active' LIMIT 2"#,
        account.uuid()
    );
    let [look]: [Look; 1] = match looks.fetch_all(system.conn()).await?.try_into() {
        Ok(only) => only,
        Err(_) => return Ok(None),
    };
    Ok(Some(look))
}

/// The look of the sign-in page of this short name, where the business has one. With an account: only where it belongs to the
/// business, for a stranger's page must not lend its name to a letter about somebody else's account.
pub(crate) async fn of_sign_in(system: &mut System, slug: Option<&str>, account: Option<AccountId>) -> Result<Option<Look>> {
    let Some(slug) = named(slug) else { return Ok(None) };
    let look = sqlx::query_as!(
        Look,
        "SELECT t.slug, t.name, b.colour, b.logo_digest, b.logo_width, b.logo_height, b.reply_to
        FROM db.tenant t JOIN identity.brand b ON b.tenant_id = t.id WHERE t.slug = $1 AND b.sign_in_page
            AND ($2::uuid IS NULL OR EXISTS (SELECT 1 FROM identity.member m WHERE m.tenant_id = t.id AND m.account_id = $2 AND m.state <> 'left'))",
        slug,
        account.map(AccountId::uuid)
    );
    Ok(look.fetch_optional(system.conn()).await?)
}

/// `GET /brand/{slug}/{file}`: the logo, or the style that sets the colour. Each name stands for one content, for good.
pub(crate) async fn file(cx: Cx) -> Result<Reply> {
    let (slug, file): (String, String) = (cx.id("slug")?, cx.id("file")?);
    let slug = named(Some(&slug)).ok_or(Error::NotFound)?;
    let mut system = cx.app.db().system("identity.brand").await?;
    let reply = if let Some(digest) = file.strip_prefix("logo-").and_then(|rest| rest.strip_suffix(".png")) {
        let logo = sqlx::query_scalar!(
            r#"SELECT b.logo AS "logo!" FROM identity.brand b JOIN db.tenant t ON t.id = b.tenant_id WHERE t.slug = $1 AND b.logo_digest = $2"#,
            slug,
            digest
        )
        .fetch_optional(system.conn())
        .await?;
        Reply::bytes("image/png", Bytes::from(logo.ok_or(Error::NotFound)?))
    } else {
        let digits = file.strip_prefix("colour-").and_then(|rest| rest.strip_suffix(".css")).ok_or(Error::NotFound)?;
        let colour = sqlx::query_scalar!(
            r#"SELECT b.colour AS "colour!" FROM identity.brand b JOIN db.tenant t ON t.id = b.tenant_id WHERE t.slug = $1 AND b.colour = $2"#,
            slug,
            format!("#{digits}")
        )
        .fetch_optional(system.conn())
        .await?;
        let colour = Colour::read("colour", &colour.ok_or(Error::NotFound)?)?;
        Reply::bytes("text/css; charset=utf-8", style(colour))
    };
    Ok(reply.header(header::CACHE_CONTROL, "public, max-age=31536000, immutable"))
}

/// The accent of a business's pages: its main button, and a band above the page. The button keeps an edge, for its colour may be the
/// paper's.
fn style(colour: Colour) -> String {
    let ink = colour.ink();
    format!(
        "body{{border-top:8px solid {colour}}}\n\
         .button.main{{border-color:var(--edge);background:{colour};color:{ink}}}\n\
         .button.main:hover{{background:{colour};text-decoration:underline}}\n"
    )
}

/// `POST /v1/settings/branding/logo`.
pub(crate) async fn post_logo(cx: Cx, upload: Upload) -> Result<Reply> {
    Reply::json(&take_logo(&cx, upload).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_logo_keeps_its_shape() {
        assert_eq!(fitting(100, 30), (100, 30));
        assert_eq!(fitting(640, 160), (160, 40));
        assert_eq!(fitting(640, 20), (160, 5));
        assert_eq!(fitting(40, 160), (10, 40));
        assert_eq!(fitting(640, 1), (160, 1));
    }
}
