//! Devices from which an account signed in before. Their wrong guesses are counted apart, so that a stranger can't shut a
//! person out; a sign-in from another one is told by mail.

use axum::http::HeaderMap;
use db::System;
use kernel::{AccountId, Result};

use crate::{secret::Token, session};

/// The cookie that a device keeps.
const COOKIE: &str = "__Host-hearth-device";
/// Seconds for which it does: browsers allow no more than 400 days.
const KEPT: i64 = 400 * 24 * 3600;

/// What a request's device keeps.
pub(crate) fn of(headers: &HeaderMap) -> Option<Token> {
    session::cookie(headers, COOKIE).and_then(|value| Token::read(&value))
}

/// Notes that an account signs in on the request's device. Returns the device's cookie and whether it was known before.
pub(crate) async fn keep(system: &mut System, headers: &HeaderMap, account: AccountId) -> Result<(String, bool)> {
    let now = system.source().now();
    let token = of(headers).unwrap_or_else(|| Token::new(system.source()));
    let new = sqlx::query_scalar!(
        r#"INSERT INTO identity.known_device AS d (token_hash, account_id, seen_at) VALUES ($1, $2, $3)
        ON CONFLICT (account_id, token_hash) DO UPDATE SET seen_at = $3 RETURNING (xmax = 0) AS "new!""#,
        &token.hash(),
        account.uuid(),
        now
    )
    .fetch_one(system.conn())
    .await?;
    let cookie = format!("{COOKIE}={}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={KEPT}", token.text());
    Ok((cookie, !new))
}

/// Forgets devices that were not seen for so long that their cookie is gone.
pub(crate) async fn sweep(system: &mut System) -> Result<()> {
    let before = system.source().now().plus_seconds(-KEPT);
    sqlx::query!("DELETE FROM identity.known_device WHERE seen_at < $1", before).execute(system.conn()).await?;
    Ok(())
}
