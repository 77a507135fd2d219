//! The link by which an account that somebody else made gets its first password. It never replaces a password.

use db::System;
use kernel::{AccountId, Result};
use web::App;

use crate::secret::{Digested, Token};

/// Seconds for which a link stands.
const STANDS: i64 = 7 * 24 * 3600;

/// A link to choose the first password of an account, built from the configured public address: single use, 7 days; the
/// older ones end. None when the account has a password. One that `vouches` confirms the address, too: whoever runs the
/// installation answers for it.
pub async fn password_link(app: &App, account: AccountId, vouches: bool) -> Result<Option<String>> {
    let mut system = app.db().system("identity.password_link").await?;
    let token = Token::new(system.source());
    let expires = system.source().now().plus_seconds(STANDS);
    sqlx::query!("DELETE FROM identity.password_link WHERE account_id = $1 AND used_at IS NULL", account.uuid())
        .execute(system.conn())
        .await?;
    let made = sqlx::query!(
        "INSERT INTO identity.password_link (token_hash, account_id, expires_at, vouched)
        SELECT $1, a.id, $3, $4 FROM identity.account a WHERE a.id = $2 AND a.password_hash IS NULL",
        &token.hash(),
        account.uuid(),
        expires,
        vouches
    )
    .execute(system.conn())
    .await?;
    system.commit().await?;
    let public = app.settings().public_url.trim_end_matches('/').to_owned();
    Ok((made.rows_affected() == 1).then(|| format!("{public}/reset-password?token={}", token.text())))
}

/// The account whose link stands.
pub(crate) async fn standing(system: &mut System, hash: &Digested) -> Result<Option<AccountId>> {
    let now = system.source().now();
    let row = sqlx::query_scalar!(
        "SELECT l.account_id FROM identity.password_link l JOIN identity.account a ON a.id = l.account_id
        WHERE l.token_hash = $1 AND l.used_at IS NULL AND l.expires_at > $2 AND a.password_hash IS NULL",
        hash,
        now
    )
    .fetch_optional(system.conn())
    .await?;
    Ok(row.map(AccountId::new))
}

/// Spends a link; whether it vouches for the address, and none when somebody else was faster.
pub(crate) async fn spend(system: &mut System, hash: &Digested) -> Result<Option<bool>> {
    let now = system.source().now();
    let spent = sqlx::query!(
        "UPDATE identity.password_link l SET used_at = $2 FROM identity.account a
        WHERE l.token_hash = $1 AND l.used_at IS NULL AND l.expires_at > $2 AND a.id = l.account_id AND a.password_hash IS NULL
        RETURNING l.vouched",
        hash,
        now
    )
    .fetch_optional(system.conn())
    .await?;
    Ok(spent.map(|row| row.vouched))
}

/// Deletes links that ended long ago.
pub(crate) async fn sweep(system: &mut System) -> Result<()> {
    let before = system.source().now().plus_seconds(-2 * 24 * 3600);
    sqlx::query!("DELETE FROM identity.password_link WHERE expires_at < $1", before).execute(system.conn()).await?;
    Ok(())
}
