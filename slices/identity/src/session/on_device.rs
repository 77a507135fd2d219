//! Sessions on registered devices: found by their cookie, given another one, locked.

use axum::http::header;
use db::System;
use kernel::{AccountId, At, DeviceId, Result, SessionId, TenantId};

use super::{Begun, FORMER, GONE, forget_session, token_of, with_slots};
use crate::secret::Token;

/// The session of a registered device as its cookie finds it, locked for the transaction.
pub(crate) struct OnDevice {
    pub id: SessionId,
    pub account: AccountId,
    pub tenant: TenantId,
    pub device: DeviceId,
    pub csrf: String,
    /// When somebody last used it.
    pub seen_at: At,
    /// Whether the PIN is asked for.
    pub locked: bool,
}

/// The session that the request's cookie has on a registered device; none where it has none that stands.
pub(crate) async fn on_device(system: &mut System, headers: &header::HeaderMap) -> Result<Option<OnDevice>> {
    let Some(token) = token_of(headers) else { return Ok(None) };
    let now = system.source().now();
    let row = sqlx::query!(
        r#"SELECT s.id, s.account_id, s.seen_at, s.held_at, s.csrf AS "csrf!", o.tenant_id AS "tenant_id!", o.device_id AS "device_id!",
            o.pause_minutes AS "pause_minutes!"
        FROM identity.session s JOIN identity.on_device o ON o.session_id = s.id JOIN identity.account a ON a.id = s.account_id
        WHERE (s.token_hash = $1 OR (s.former_hash = $1 AND s.shown_at > $2)) AND s.ended_at IS NULL AND a.locked_at IS NULL AND s.shown_at > $3
        FOR UPDATE OF s"#,
        &token.hash(),
        now.plus_seconds(-FORMER),
        now.plus_seconds(-GONE)
    )
    .fetch_optional(system.conn())
    .await?;
    // What this node knows of its last use may be younger than what the table does.
    let seen_at = with_slots(|slots| slots.get(&token.hash()).map(|(_, slot)| slot.clone()))
        .and_then(|slot| slot.try_lock().ok().and_then(|known| known.as_ref().map(|known| known.seen_at)));
    Ok(row.map(|row| {
        let seen_at = seen_at.map_or(row.seen_at, |here| here.max(row.seen_at));
        OnDevice {
            id: SessionId::new(row.id),
            account: AccountId::new(row.account_id),
            tenant: TenantId::new(row.tenant_id),
            device: DeviceId::new(row.device_id),
            csrf: row.csrf,
            seen_at,
            locked: row.held_at.is_some() || now > seen_at.plus_seconds(i64::from(row.pause_minutes) * 60),
        }
    }))
}

/// Gives a device's session another cookie, for it showed its key; the one before counts for some seconds more.
pub(crate) async fn rotate(system: &mut System, headers: &header::HeaderMap, session: &OnDevice) -> Result<Begun> {
    let (token, now) = (Token::new(system.source()), system.source().now());
    sqlx::query!(
        "UPDATE identity.session SET former_hash = token_hash, token_hash = $2, shown_at = $3, seen_at = greatest(seen_at, $4) WHERE id = $1",
        session.id.uuid(),
        &token.hash(),
        now,
        session.seen_at
    )
    .execute(system.conn())
    .await?;
    if let Some(former) = token_of(headers) {
        forget_session(&former);
    }
    Ok(Begun { id: session.id, cookie: token.text(), csrf: session.csrf.clone() })
}

/// Locks the request's session on a device until the PIN is typed again.
pub(crate) async fn hold(system: &mut System, headers: &header::HeaderMap) -> Result<()> {
    let Some(token) = token_of(headers) else { return Ok(()) };
    let now = system.source().now();
    sqlx::query!(
        "UPDATE identity.session SET held_at = $2 WHERE token_hash = $1 AND kind = 'device' AND held_at IS NULL AND ended_at IS NULL",
        &token.hash(),
        now
    )
    .execute(system.conn())
    .await?;
    forget_session(&token);
    Ok(())
}
