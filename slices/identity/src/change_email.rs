//! Another address for an account: it counts once a link that was mailed to it is confirmed; the old one is told.

use db::Db;
use kernel::{AccountId, Change, Error, Op, PLATFORM, Result};
use post::letters;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use web::{Cx, Reply};

use crate::{
    account::{Accepted, Secret},
    email::Email,
    letter, reset,
    revocation::{self, Ended},
    secret::Token,
    session,
};

/// Seconds for which the link stands.
const STANDS: i64 = 24 * 3600;

/// Asks for another address.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangeEmail {
    /// The new address.
    pub new_email: String,
    /// The password.
    pub password: Secret,
}

/// Confirms another address.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConfirmEmail {
    /// From the mail.
    pub token: Secret,
}

/// The address from now on.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewEmail {
    /// The address.
    pub email: String,
}

/// Writes to the new address. Whether somebody uses it already is not told.
pub(crate) async fn ask(cx: &Cx, wanted: &ChangeEmail) -> Result<()> {
    let (db, account, base) = (cx.app.db(), cx.op.account()?, letter::base(cx));
    let email = Email::read("newEmail", &wanted.new_email)?;
    reset::current(cx, "password", &wanted.password).await?;
    let mut system = db.system("identity.email").await?;
    let now = system.source().now();
    sqlx::query!(
        "UPDATE identity.challenge SET spent_at = $2 WHERE account_id = $1 AND kind = 'email' AND spent_at IS NULL",
        account.uuid(),
        now
    )
    .execute(system.conn())
    .await?;
    if let Some(other) = letter::account_of(&mut system, email.as_str()).await? {
        letter::send(&mut system, db, Some(&base), Some(other), email.as_str(), letters::known(&format!("{base}/login"))).await?;
        return system.commit().await;
    }
    let token = Token::new(db.source());
    sqlx::query!(
        "INSERT INTO identity.challenge (token_hash, account_id, kind, email, created_at, expires_at) VALUES ($1, $2, 'email', $3, $4, $5)",
        &token.hash(),
        account.uuid(),
        email.as_str(),
        now,
        now.plus_seconds(STANDS)
    )
    .execute(system.conn())
    .await?;
    let url = format!("{base}/account/email?token={}", token.text());
    letter::send(&mut system, db, Some(&base), Some(account), email.as_str(), letters::new_email(&url)).await?;
    system.commit().await
}

/// The address that waits to be confirmed; opening the link spends nothing.
pub(crate) async fn standing(db: &Db, token: &str) -> Result<String> {
    let over = || Error::rule("verify.link");
    let token = Token::read(token).ok_or_else(over)?;
    let mut system = db.system("identity.email").await?;
    let now = system.source().now();
    let email = sqlx::query_scalar!(
        "SELECT email FROM identity.challenge WHERE token_hash = $1 AND kind = 'email' AND spent_at IS NULL AND expires_at > $2",
        &token.hash(),
        now
    )
    .fetch_optional(system.conn())
    .await?;
    email.flatten().ok_or_else(over)
}

/// Takes the new address over; the sessions elsewhere end, and the old address is told.
pub(crate) async fn confirm(cx: &Cx, wanted: &ConfirmEmail) -> Result<NewEmail> {
    let over = || Error::rule("verify.link");
    let db = cx.app.db();
    let token = Token::read(&wanted.token.0).ok_or_else(over)?;
    let mut system = db.system("identity.email").await?;
    let now = system.source().now();
    let spent = sqlx::query!(
        "UPDATE identity.challenge c SET spent_at = $2 FROM identity.account a
        WHERE c.token_hash = $1 AND c.kind = 'email' AND c.spent_at IS NULL AND c.expires_at > $2 AND a.id = c.account_id AND a.locked_at IS NULL
        RETURNING c.account_id, c.email, a.email AS old",
        &token.hash(),
        now
    )
    .fetch_optional(system.conn())
    .await?
    .ok_or_else(over)?;
    let (account, email) = (AccountId::new(spent.account_id), spent.email.ok_or_else(over)?);
    sqlx::query!(
        "UPDATE identity.account SET email = $2, verified_at = $3, version = version + 1 WHERE id = $1",
        account.uuid(),
        email,
        now
    )
    .execute(system.conn())
    .await
    .map_err(|error| match Error::from(error) {
        Error::Conflict(_) => Error::rule("email.taken"),
        other if other.code() == "exists" => Error::rule("email.taken"),
        other => other,
    })?;
    revocation::end_sessions(&mut system, account, None, "the address was changed").await?;
    revocation::of_platform(&mut system, Ended::Account(account)).await?;
    let op = Op { actor: kernel::Actor::Account(account), ..cx.op.clone() };
    system.log(&op, PLATFORM, &Change::of("account.email", "account", account, &json!({}))).await?;
    let client = crate::client::Client::of(&cx.headers, cx.op.address);
    let place = client.address.map_or_else(String::new, |address| address.to_string());
    let happened = letters::Happened { device: &client.device, place: &place, at: now };
    let base = letter::base(cx);
    let content = letters::email_changed(&email, &happened, &format!("{base}/forgot-password"));
    letter::send(&mut system, db, Some(&base), Some(account), &spent.old, content).await?;
    system.commit().await?;
    session::forget(account);
    Ok(NewEmail { email })
}

/// `POST /v1/auth/change-email`.
pub(crate) async fn post_ask(cx: Cx, wanted: ChangeEmail) -> Result<Reply> {
    ask(&cx, &wanted).await?;
    Accepted::reply()
}

/// `POST /v1/auth/change-email/confirm`.
pub(crate) async fn post_confirm(cx: Cx, wanted: ConfirmEmail) -> Result<Reply> {
    Reply::json(&confirm(&cx, &wanted).await?)
}
