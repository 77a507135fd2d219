//! The sessions of an account as its owner sees them: which device, from where, last seen when; ending one, or all others.

use db::System;
use kernel::{AccountId, At, Change, Error, Op, PLATFORM, Result, SessionId};
use serde::Serialize;
use utoipa::ToSchema;
use web::{Cx, Reply};

use crate::{
    device,
    revocation::{self, Ended},
    session, token,
};

/// One session.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    /// Its id.
    #[schema(value_type = Uuid)]
    pub id: SessionId,
    /// `browser`, `tokens`, or `device` for a PIN's on a registered device.
    pub kind: String,
    /// Browser and system, as it told; or the registered device's name.
    pub device: String,
    /// The network address from which it was begun.
    pub address: String,
    /// When it was begun.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: At,
    /// When it was last used, within a minute.
    #[schema(value_type = String, format = DateTime)]
    pub seen_at: At,
    /// Whether it is this one.
    pub current: bool,
}

/// The sessions of an account.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Sessions {
    /// The last used first.
    pub rows: Vec<Session>,
}

/// At most so many are shown; more than that nobody reads.
const MOST: i64 = 200;

/// `GET /v1/auth/sessions`.
pub(crate) async fn list(cx: Cx) -> Result<Sessions> {
    all(&cx).await
}

/// The sessions that stand.
pub(crate) async fn all(cx: &Cx) -> Result<Sessions> {
    let (account, own) = (cx.op.account()?, token::own_session(cx).await?);
    let mut system = cx.app.db().system("identity.sessions").await?;
    let now = system.source().now();
    let rows = sqlx::query!(
        "SELECT s.id, s.kind, s.device, s.address, s.created_at, s.seen_at FROM identity.session s
        WHERE s.account_id = $1 AND s.ended_at IS NULL AND s.created_at > $2 AND (s.kind = 'tokens' OR s.seen_at > $3)
            AND (s.kind <> 'device' OR EXISTS (SELECT 1 FROM identity.on_device o WHERE o.session_id = s.id))
        ORDER BY s.seen_at DESC, s.id LIMIT $4",
        account.uuid(),
        now.plus_seconds(-90 * 24 * 3600),
        now.plus_seconds(-12 * 3600),
        MOST
    )
    .fetch_all(system.conn())
    .await?;
    let one = |row_id: uuid::Uuid, kind, device: Option<String>, address: Option<String>, created_at, seen_at| {
        let id = SessionId::new(row_id);
        Session {
            id,
            kind,
            device: device.unwrap_or_default(),
            address: address.unwrap_or_default(),
            created_at,
            seen_at,
            current: own == Some(id),
        }
    };
    Ok(Sessions { rows: rows.into_iter().map(|r| one(r.id, r.kind, r.device, r.address, r.created_at, r.seen_at)).collect() })
}

/// Ends one session of an account; the caller commits. Another account's is not found.
pub(crate) async fn end_one(system: &mut System, account: AccountId, session: SessionId, why: &str) -> Result<()> {
    let now = system.source().now();
    let ended = sqlx::query!(
        "UPDATE identity.session SET ended_at = $3, ended_why = $4 WHERE id = $1 AND account_id = $2 AND ended_at IS NULL RETURNING device_id",
        session.uuid(),
        account.uuid(),
        now,
        why
    )
    .fetch_optional(system.conn())
    .await?
    .ok_or(Error::NotFound)?;
    device::left(system, account, ended.device_id).await?;
    revocation::of_platform(system, Ended::Session(session)).await?;
    session::forget(account);
    Ok(())
}

/// Ends one, of somebody who proved lately who they are: whoever took a session over must not shut its owner out.
pub(crate) async fn end(cx: &Cx, session: SessionId) -> Result<()> {
    let account = cx.op.account()?;
    token::recently_proved(cx).await?;
    let mut system = cx.app.db().system("identity.sessions").await?;
    end_one(&mut system, account, session, "ended by its owner").await?;
    system.log(&cx.op, PLATFORM, &Change::of("session.ended", "session", session, &serde_json::json!({ "account": account }))).await?;
    system.commit().await
}

/// Ends all but this one, likewise; how many.
pub(crate) async fn end_others(cx: &Cx) -> Result<u64> {
    token::recently_proved(cx).await?;
    let (account, own) = (cx.op.account()?, token::own_session(cx).await?);
    let mut system = cx.app.db().system("identity.sessions").await?;
    let ended = revocation::end_sessions(&mut system, account, own, "ended by its owner").await?;
    let op = Op { ..cx.op.clone() };
    system.log(&op, PLATFORM, &Change::of("sessions.ended", "account", account, &serde_json::json!({ "ended": ended }))).await?;
    system.commit().await?;
    session::forget(account);
    Ok(ended)
}

/// `DELETE /v1/auth/sessions/{id}`.
pub(crate) async fn delete(cx: Cx) -> Result<Reply> {
    end(&cx, cx.id("id")?).await?;
    Ok(Reply::empty())
}

/// `DELETE /v1/auth/sessions`.
pub(crate) async fn delete_others(cx: Cx) -> Result<Reply> {
    end_others(&cx).await?;
    Ok(Reply::empty())
}
