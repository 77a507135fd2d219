//! Registering an address, and confirming it.
//!
//! An account is made when the address is confirmed, and not before. The password that was typed at the registration becomes
//! the account's only where the same person is known to confirm: in the browser that registered, or with the password
//! itself. Whoever registers somebody else's address so gets nothing when its owner confirms it: the owner chooses a password.

use db::{Db, System};
use kernel::{AccountId, Change, Error, Op, PLATFORM, Result};
use post::letters;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use utoipa::ToSchema;
use uuid::Uuid;
use web::{Cx, Reply};

use crate::{
    account::{self, Accepted, Secret, chosen},
    captcha,
    email::Email,
    guess,
    letter::{self, Origin, Wish},
    login,
    password::{Password, Verdict, hasher},
    reset,
    secret::Token,
    session,
};

/// Seconds for which a confirmation stands: 24 hours.
const STANDS: i64 = 24 * 3600;
/// The cookie of the browser that registered.
const COOKIE: &str = "__Host-hearth-registered";

/// Registers an address. Nobody chooses a role here.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Register {
    /// The address to sign in with.
    pub email: String,
    /// 15 to 128 characters.
    pub password: Secret,
    /// What the CAPTCHA gave, where one was asked for.
    #[serde(default)]
    pub captcha_token: Option<String>,
    /// The short name of the business whose sign-in page it was: the letter has its look.
    #[serde(default)]
    pub business: Option<String>,
}

/// An address to write to.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Addressed {
    /// The address.
    pub email: String,
    /// The short name of the business whose sign-in page it was: the letter has its look.
    #[serde(default)]
    pub business: Option<String>,
}

/// Confirms an address.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VerifyEmail {
    /// From the mail.
    pub token: Secret,
    /// The password that was typed at the registration: it becomes the account's where this is another browser.
    #[serde(default)]
    pub password: Option<Secret>,
}

/// An address that waits to be confirmed.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Standing {
    /// The address.
    pub email: String,
}

/// A confirmed address.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Verified {
    /// The address.
    pub email: String,
    /// Whether a password must be chosen now: nobody knows that whoever registered is who confirms.
    pub password_needed: bool,
    /// Chooses it at `POST /v1/auth/reset-password`, 15 minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reset_token: Option<String>,
}

/// Registers; returns the cookie by which this browser is known again. The work is the same whether or not the address is known.
pub(crate) async fn register(cx: &Cx, wanted: &Register) -> Result<String> {
    let db = cx.app.db();
    let (email, origin) = (Email::read("email", &wanted.email)?, Origin::of(cx, wanted.business.as_ref())?);
    captcha::before_register(cx, wanted.captcha_token.as_deref()).await?;
    let password = chosen(&cx.app, "password", &wanted.password, &[email.as_str(), email.local()]).await?;
    let hash = hasher().hash(db.source(), password).await?;
    let mut system = db.system("identity.register").await?;
    let (id, now, browser) = (system.source().uuid(), system.source().now(), Token::new(db.source()));
    sqlx::query!(
        "INSERT INTO identity.registration (id, email, password_hash, browser_hash, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)",
        id,
        email.as_str(),
        hash,
        &browser.hash(),
        now,
        now.plus_seconds(STANDS)
    )
    .execute(system.conn())
    .await?;
    letter::wish(&mut system, origin, Wish::Verify { registration: id }).await?;
    system.commit().await?;
    Ok(format!("{COOKIE}={}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={STANDS}", browser.text()))
}

/// Writes the letter of a registration: the link, or, to an address that has an account, that it has one.
pub(crate) async fn write(system: &mut System, db: &Db, origin: &Origin, registration: Uuid) -> Result<()> {
    let row = sqlx::query!("SELECT email FROM identity.registration WHERE id = $1 AND spent_at IS NULL", registration)
        .fetch_optional(system.conn())
        .await?;
    let Some(row) = row else { return Ok(()) };
    let known = letter::account_of(system, &row.email).await?;
    if let Some(account) = known
        && has_password(system, account).await?
    {
        return origin.send(system, db, Some(account), &row.email, letters::known(&origin.sign_in())).await;
    }
    let token = Token::new(system.source());
    sqlx::query!("UPDATE identity.registration SET token_hash = $2 WHERE id = $1", registration, &token.hash())
        .execute(system.conn())
        .await?;
    origin.send(system, db, known, &row.email, letters::verify(&origin.link("/verify-email", &token.text()))).await
}

async fn has_password(system: &mut System, account: AccountId) -> Result<bool> {
    let row = sqlx::query_scalar!(r#"SELECT password_hash IS NOT NULL AS "has!" FROM identity.account WHERE id = $1"#, account.uuid())
        .fetch_one(system.conn())
        .await?;
    Ok(row)
}

/// Writes the letter of an address's last registration again, with a new link.
pub(crate) async fn write_again(system: &mut System, db: &Db, origin: &Origin, email: &str) -> Result<()> {
    let now = system.source().now();
    let last = sqlx::query_scalar!(
        "SELECT id FROM identity.registration WHERE email = $1 AND spent_at IS NULL AND expires_at > $2 ORDER BY created_at DESC LIMIT 1",
        email,
        now
    )
    .fetch_optional(system.conn())
    .await?;
    match last {
        Some(registration) => write(system, db, origin, registration).await,
        None => Ok(()),
    }
}

/// The address whose confirmation stands; opening the link spends nothing.
pub(crate) async fn standing(db: &Db, token: &str) -> Result<Standing> {
    let over = || Error::rule("verify.link").at("token");
    let token = Token::read(token).ok_or_else(over)?;
    let mut system = db.system("identity.verify").await?;
    let now = system.source().now();
    let email = sqlx::query_scalar!(
        "SELECT email FROM identity.registration WHERE token_hash = $1 AND spent_at IS NULL AND expires_at > $2",
        &token.hash(),
        now
    )
    .fetch_optional(system.conn())
    .await?;
    Ok(Standing { email: email.ok_or_else(over)? })
}

/// Whether whoever confirms is who registered: the browser is the same, or the password is known.
async fn same_person(cx: &Cx, wanted: &VerifyEmail, browser: Option<&[u8]>, hash: &str) -> Result<bool> {
    let here = session::cookie(&cx.headers, COOKIE).and_then(|value| Token::read(&value)).map(|token| token.hash());
    if here.zip(browser).is_some_and(|(here, there)| bool::from(here.as_slice().ct_eq(there))) {
        return Ok(true);
    }
    match &wanted.password {
        Some(typed) => Ok(hasher().verify(Password::new(&typed.0), Some(hash)).await? != Verdict::Wrong),
        None => Ok(false),
    }
}

/// Confirms an address: the account is there from now on. Exactly one confirmation spends the link.
pub(crate) async fn verify(cx: &Cx, wanted: &VerifyEmail) -> Result<Verified> {
    let over = || Error::rule("verify.link").at("token");
    let db = cx.app.db();
    let token = Token::read(&wanted.token.0).ok_or_else(over)?;
    let mut system = db.system("identity.verify").await?;
    let now = system.source().now();
    let row = sqlx::query!(
        "SELECT browser_hash, password_hash FROM identity.registration WHERE token_hash = $1 AND spent_at IS NULL AND expires_at > $2",
        &token.hash(),
        now
    )
    .fetch_optional(system.conn())
    .await?
    .ok_or_else(over)?;
    drop(system);
    let same = same_person(cx, wanted, row.browser_hash.as_deref(), &row.password_hash).await?;
    let mut system = db.system("identity.verify").await?;
    let spent = sqlx::query!(
        "UPDATE identity.registration SET spent_at = $2 WHERE token_hash = $1 AND spent_at IS NULL AND expires_at > $2 RETURNING email, password_hash",
        &token.hash(),
        now
    )
    .fetch_optional(system.conn())
    .await?
    .ok_or_else(over)?;
    // Whoever else registered this address waits for nothing any more.
    sqlx::query!("UPDATE identity.registration SET spent_at = $2 WHERE email = $1 AND spent_at IS NULL", spent.email, now)
        .execute(system.conn())
        .await?;
    if let Some(known) = letter::account_of(&mut system, &spent.email).await? {
        account::first_proof(&mut system, known).await?;
    }
    let hash = same.then_some(spent.password_hash);
    let id = system.source().uuid();
    let account = sqlx::query!(
        r#"INSERT INTO identity.account AS a (id, email, password_hash, verified_at, created_at) VALUES ($1, $2, $3, $4, $4)
        ON CONFLICT (email) DO UPDATE SET verified_at = coalesce(a.verified_at, $4),
            password_hash = CASE WHEN a.verified_at IS NULL THEN $3 ELSE a.password_hash END
        RETURNING id, password_hash IS NOT NULL AS "has!""#,
        id,
        spent.email,
        hash,
        now
    )
    .fetch_one(system.conn())
    .await?;
    let id = AccountId::new(account.id);
    let guesses = login::guesses(&mut system, id).await?;
    guess::clear(&mut system, &guesses).await?;
    let op = Op { actor: kernel::Actor::Account(id), ..cx.op.clone() };
    system.log(&op, PLATFORM, &Change::of("account.verified", "account", id, &serde_json::json!({ "withPassword": account.has }))).await?;
    let reset_token = if account.has { None } else { Some(reset::make(&mut system, id, None).await?.text()) };
    system.commit().await?;
    Ok(Verified { email: spent.email, password_needed: !account.has, reset_token })
}

/// Deletes registrations that nobody confirmed.
pub(crate) async fn sweep(system: &mut System) -> Result<()> {
    let now = system.source().now();
    sqlx::query!("DELETE FROM identity.registration WHERE expires_at < $1", now).execute(system.conn()).await?;
    Ok(())
}

/// `POST /v1/auth/register`.
pub(crate) async fn post(cx: Cx, wanted: Register) -> Result<Reply> {
    let cookie = register(&cx, &wanted).await?;
    Ok(Accepted::reply()?.header(axum::http::header::SET_COOKIE, cookie))
}

/// `POST /v1/auth/resend-verification`.
pub(crate) async fn post_resend(cx: Cx, wanted: Addressed) -> Result<Reply> {
    let (email, origin) = (Email::read("email", &wanted.email)?, Origin::of(&cx, wanted.business.as_ref())?);
    let mut system = cx.app.db().system("identity.verify").await?;
    letter::wish(&mut system, origin, Wish::VerifyAgain { email: email.to_string() }).await?;
    system.commit().await?;
    Accepted::reply()
}

/// `GET /v1/auth/verify-email`: whether the link stands.
pub(crate) async fn get_verify(cx: Cx) -> Result<Standing> {
    standing(cx.app.db(), cx.param("token").unwrap_or_default()).await
}

/// `POST /v1/auth/verify-email`.
pub(crate) async fn post_verify(cx: Cx, wanted: VerifyEmail) -> Result<Reply> {
    Reply::json(&verify(&cx, &wanted).await?)
}
