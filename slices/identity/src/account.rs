//! Accounts: registering, signing in and out, and who one is.

use axum::http::{HeaderMap, StatusCode, header};
use db::{Db, System};
use kernel::{AccountId, At, Error, Result, Role, TenantId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use web::{Cx, Reply};

use crate::{
    business::{self, Business},
    email::Email,
    password::{Password, Verdict, hasher},
    session::{self, Begun},
};

/// Registers an address. Nobody chooses a role here.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Register {
    /// The address to sign in with.
    pub email: String,
    /// 15 to 128 characters.
    pub password: Secret,
}

/// What was typed as a password; never shown.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// What registering answers, whether or not the address was known.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Accepted {
    /// True.
    pub accepted: bool,
}

/// Signs in.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Login {
    /// The address.
    pub email: String,
    /// The password.
    pub password: Secret,
}

/// What signing in, opening a business and changing to another answer beside the new cookie.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SignedIn {
    /// Who.
    #[schema(value_type = Uuid)]
    pub account: AccountId,
    /// The active business, if there is one.
    #[schema(value_type = Option<Uuid>)]
    pub tenant: Option<TenantId>,
    /// Goes into the header `X-CSRF-Token` of every call that changes something.
    pub csrf_token: String,
}

impl SignedIn {
    pub(crate) fn reply(&self, begun: &Begun) -> Result<Reply> {
        Ok(Reply::json(self)?.header(header::SET_COOKIE, begun.set_cookie()))
    }
}

/// Who one is.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Me {
    /// The account.
    #[schema(value_type = Uuid)]
    pub account: AccountId,
    /// The address one signs in with.
    pub email: String,
    /// The name in the active business, or the address.
    pub name: String,
    /// The active business.
    #[schema(value_type = Option<Uuid>)]
    pub tenant: Option<TenantId>,
    /// Roles there.
    pub roles: Vec<Role>,
    /// What these roles allow.
    pub permissions: Vec<&'static str>,
    /// All businesses of the account.
    pub tenants: Vec<Business>,
    /// Goes into the header `X-CSRF-Token` of every call that changes something.
    pub csrf_token: String,
}

/// Registers. The work is the same whether or not the address is known.
pub(crate) async fn register(db: &Db, wanted: &Register) -> Result<()> {
    let email = Email::read("email", &wanted.email)?;
    let password = chosen("password", &wanted.password, &[email.as_str(), email.local()]).await?;
    let hash = hasher().hash(db.source(), password).await?;
    let mut system = db.system("identity.register").await?;
    let (id, now) = (system.source().uuid(), system.source().now());
    sqlx::query!(
        "INSERT INTO identity.account (id, email, password_hash, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT (email) DO NOTHING",
        id,
        email.as_str(),
        hash,
        now
    )
    .execute(system.conn())
    .await?;
    system.commit().await
}

/// A chosen password, if it may be taken. Judging one takes milliseconds of computing, so it is done on a blocking thread.
pub(crate) async fn chosen(field: &str, typed: &Secret, personal: &[&str]) -> Result<Password> {
    let password = Password::new(&typed.0);
    let (judged, personal) = (password.clone(), personal.iter().map(|p| (*p).to_owned()).collect::<Vec<_>>());
    let verdict = tokio::task::spawn_blocking(move || judged.check(&personal.iter().map(String::as_str).collect::<Vec<_>>()))
        .await
        .map_err(|e| Error::Internal(e.to_string()))?;
    verdict.map(|()| password).map_err(|code| Error::field(field, code))
}

/// Checks address and password and begins a session; the one that the browser had ends.
pub(crate) async fn login(db: &Db, headers: &HeaderMap, login: &Login) -> Result<(SignedIn, Begun)> {
    let account = authentic(db, login).await?;
    session::end(db, headers).await?;
    let mut system = db.system("identity.sign_in").await?;
    let tenant = usual_business(&mut system, account).await?;
    let now = system.source().now();
    let begun = session::begin(&mut system, account, tenant, now).await?;
    system.commit().await?;
    Ok((SignedIn { account, tenant, csrf_token: begun.csrf.clone() }, begun))
}

/// The account of an address and its password. An unknown address, one without a password and a wrong password cost the
/// same and are answered the same.
async fn authentic(db: &Db, login: &Login) -> Result<AccountId> {
    let wrong = || Error::rule("login.wrong");
    let password = Password::new(&login.password.0);
    let found = match login.email.parse::<Email>() {
        Ok(email) => {
            let mut system = db.system("identity.sign_in").await?;
            sqlx::query!("SELECT id, password_hash FROM identity.account WHERE email = $1", email.as_str())
                .fetch_optional(system.conn())
                .await?
        }
        Err(_) => None,
    };
    // No connection is held while hashing.
    let kept = found.as_ref().and_then(|f| f.password_hash.as_deref());
    let verdict = hasher().verify(password.clone(), kept).await?;
    let account = AccountId::new(found.ok_or_else(wrong)?.id);
    match verdict {
        Verdict::Wrong => return Err(wrong()),
        Verdict::Right => {}
        Verdict::Outdated => keep(db, account, password).await?,
    }
    Ok(account)
}

/// Hashes and keeps a password.
async fn keep(db: &Db, account: AccountId, password: Password) -> Result<()> {
    let hash = hasher().hash(db.source(), password).await?;
    let mut system = db.system("identity.password").await?;
    let kept =
        sqlx::query!("UPDATE identity.account SET password_hash = $2 WHERE id = $1", account.uuid(), hash).execute(system.conn()).await?;
    if kept.rows_affected() != 1 {
        return Err(Error::NotFound);
    }
    system.commit().await
}

/// The business to begin with: the one of the last session, or the first one joined.
async fn usual_business(system: &mut System, account: AccountId) -> Result<Option<TenantId>> {
    let row = sqlx::query!(
        "SELECT m.tenant_id FROM identity.member m WHERE m.account_id = $1
        ORDER BY m.tenant_id = (SELECT s.tenant_id FROM identity.session s WHERE s.account_id = $1 ORDER BY s.created_at DESC LIMIT 1) DESC NULLS LAST,
            m.created_at, m.tenant_id LIMIT 1",
        account.uuid()
    )
    .fetch_optional(system.conn())
    .await?;
    Ok(row.map(|r| TenantId::new(r.tenant_id)))
}

/// The account of an address; made without a password when there is none. It can't sign in before it has one.
pub async fn account_for(db: &Db, email: &str) -> Result<AccountId> {
    let email = Email::read("email", email)?;
    let mut system = db.system("identity.account_for").await?;
    let (id, now) = (system.source().uuid(), system.source().now());
    sqlx::query!(
        "INSERT INTO identity.account (id, email, created_at) VALUES ($1, $2, $3) ON CONFLICT (email) DO NOTHING",
        id,
        email.as_str(),
        now
    )
    .execute(system.conn())
    .await?;
    let row = sqlx::query!("SELECT id FROM identity.account WHERE email = $1", email.as_str()).fetch_one(system.conn()).await?;
    system.commit().await?;
    Ok(AccountId::new(row.id))
}

/// Sets an account's password under the same rules as registering, and ends its sessions. For the operator and the demo.
pub async fn set_password(db: &Db, account: AccountId, password: &str) -> Result<()> {
    let mut system = db.system("identity.password").await?;
    let row = sqlx::query!("SELECT email FROM identity.account WHERE id = $1", account.uuid())
        .fetch_optional(system.conn())
        .await?
        .ok_or(Error::NotFound)?;
    drop(system);
    let local = row.email.split('@').next().unwrap_or_default().to_owned();
    let password = chosen("password", &Secret(password.to_owned()), &[&row.email, &local]).await?;
    keep(db, account, password).await?;
    end_all(db, account).await
}

/// Ends every session of an account.
pub(crate) async fn end_all(db: &Db, account: AccountId) -> Result<()> {
    let mut system = db.system("identity.sign_out").await?;
    let now: At = system.source().now();
    sqlx::query!("UPDATE identity.session SET ended_at = $2 WHERE account_id = $1 AND ended_at IS NULL", account.uuid(), now)
        .execute(system.conn())
        .await?;
    system.commit().await?;
    session::forget(account);
    Ok(())
}

/// `GET /v1/auth/me`.
pub(crate) async fn me(cx: Cx) -> Result<Me> {
    let viewer = cx.viewer()?;
    Ok(Me {
        account: cx.op.account()?,
        email: viewer.email.clone(),
        name: viewer.name.clone(),
        tenant: cx.op.tenant,
        roles: viewer.roles.clone(),
        permissions: cx.op.permissions.codes(),
        tenants: business::of(&cx).await?,
        csrf_token: viewer.csrf.clone(),
    })
}

/// `POST /v1/auth/register`.
pub(crate) async fn post_register(cx: Cx, wanted: Register) -> Result<Reply> {
    register(cx.app.db(), &wanted).await?;
    Ok(Reply::json(&Accepted { accepted: true })?.status(StatusCode::ACCEPTED))
}

/// `POST /v1/auth/login`.
pub(crate) async fn post_login(cx: Cx, wanted: Login) -> Result<Reply> {
    let (signed_in, begun) = login(cx.app.db(), &cx.headers, &wanted).await?;
    signed_in.reply(&begun)
}

/// `POST /v1/auth/logout`.
pub(crate) async fn post_logout(cx: Cx) -> Result<Reply> {
    session::end(cx.app.db(), &cx.headers).await?;
    Ok(Reply::empty().header(header::SET_COOKIE, session::no_cookie()))
}
