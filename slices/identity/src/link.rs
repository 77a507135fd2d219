//! The link by which an account that somebody else made gets its first password. It never replaces a password.

use axum::http::StatusCode;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use db::Db;
use kernel::{AccountId, Error, Result};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;
use web::{App, Cx, Reply};

use crate::{
    account::{Accepted, Secret, chosen},
    password::hasher,
};

/// Seconds for which a link stands.
const STANDS: i64 = 7 * 24 * 3600;

/// Chooses the first password by a link.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResetPassword {
    /// From the link.
    pub token: Secret,
    /// 15 to 128 characters.
    pub new_password: Secret,
}

/// A link to choose the first password of an account, built from the configured public address: single use, 7 days.
/// None when the account has a password.
pub async fn password_link(app: &App, account: AccountId) -> Result<Option<String>> {
    let mut system = app.db().system("identity.password_link").await?;
    let token: [u8; 32] = system.source().bytes();
    let expires = system.source().now().plus_seconds(STANDS);
    let made = sqlx::query!(
        "INSERT INTO identity.password_link (token_hash, account_id, expires_at)
        SELECT $1, a.id, $3 FROM identity.account a WHERE a.id = $2 AND a.password_hash IS NULL",
        &digest(&token),
        account.uuid(),
        expires
    )
    .execute(system.conn())
    .await?;
    system.commit().await?;
    let public = app.settings().public_url.trim_end_matches('/').to_owned();
    Ok((made.rows_affected() == 1).then(|| format!("{public}/reset-password?token={}", URL_SAFE_NO_PAD.encode(token))))
}

fn digest(token: &[u8]) -> [u8; 32] {
    Sha256::digest(token).into()
}

fn token_hash(text: &str) -> Result<[u8; 32]> {
    let bytes = URL_SAFE_NO_PAD.decode(text.trim()).map_err(|_| Error::rule("password.link"))?;
    Ok(digest(&bytes))
}

/// The address of the account whose link stands; opening the page spends nothing.
pub(crate) async fn standing(db: &Db, token: &str) -> Result<String> {
    let hash = token_hash(token)?;
    let mut system = db.system("identity.password_link").await?;
    let now = system.source().now();
    let row = sqlx::query!(
        "SELECT a.email FROM identity.password_link l JOIN identity.account a ON a.id = l.account_id
        WHERE l.token_hash = $1 AND l.used_at IS NULL AND l.expires_at > $2 AND a.password_hash IS NULL",
        &hash,
        now
    )
    .fetch_optional(system.conn())
    .await?;
    row.map(|r| r.email).ok_or(Error::rule("password.link"))
}

/// Spends a link: the password is judged first, so that a refused one spends nothing.
pub(crate) async fn spend(db: &Db, wanted: &ResetPassword) -> Result<()> {
    let email = standing(db, &wanted.token.0).await?;
    let local = email.split('@').next().unwrap_or_default();
    let password = chosen("newPassword", &wanted.new_password, &[&email, local]).await?;
    let hash = hasher().hash(db.source(), password).await?;
    let mut system = db.system("identity.password_link").await?;
    let now = system.source().now();
    let spent = sqlx::query!(
        "WITH spent AS (
            UPDATE identity.password_link SET used_at = $2 WHERE token_hash = $1 AND used_at IS NULL AND expires_at > $2 RETURNING account_id)
        UPDATE identity.account a SET password_hash = $3 FROM spent s WHERE a.id = s.account_id AND a.password_hash IS NULL",
        &token_hash(&wanted.token.0)?,
        now,
        hash
    )
    .execute(system.conn())
    .await?;
    if spent.rows_affected() != 1 {
        return Err(Error::rule("password.link"));
    }
    system.commit().await
}

/// `POST /v1/auth/reset-password`.
pub(crate) async fn post_reset(cx: Cx, wanted: ResetPassword) -> Result<Reply> {
    spend(cx.app.db(), &wanted).await?;
    Ok(Reply::json(&Accepted { accepted: true })?.status(StatusCode::OK))
}
