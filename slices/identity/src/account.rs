//! Accounts: who one is, the operator's ways to make one, and passwords as they are chosen and kept.

use db::{Db, System};
use kernel::{AccountId, Error, Result, Role, TenantId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use web::{App, Cx};

use crate::{
    breaches,
    business::{self, Business},
    email::Email,
    guess, login,
    password::{Password, Strength, hasher},
    revocation, second, session,
};

/// What was typed as a password, a code or a token; never shown.
#[derive(Clone, Default, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// An answer that tells nothing but that the request was taken.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Accepted {
    /// True.
    pub accepted: bool,
}

impl Accepted {
    /// 202, the same whatever is known.
    pub(crate) fn reply() -> Result<web::Reply> {
        Ok(web::Reply::json(&Self { accepted: true })?.status(axum::http::StatusCode::ACCEPTED))
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
    /// What one may do.
    pub permissions: Vec<&'static str>,
    /// All businesses of the account.
    pub tenants: Vec<Business>,
    /// Whether a second factor is set up.
    pub two_factor: bool,
    /// The roles of an operator: `ADMIN`, `SUPPORT`, `BILLING_ADMIN`; else `USER`.
    pub platform_roles: Vec<String>,
    /// Goes into the header `X-CSRF-Token` of every call that changes something, where a cookie signs in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub csrf_token: Option<String>,
}

/// A chosen password, if it may be taken.
pub(crate) async fn chosen(app: &App, field: &str, typed: &Secret, personal: &[&str]) -> Result<Password> {
    let password = judged(field, typed, personal).await?;
    if breaches::hold(app, password.text()).await { Err(Error::field(field, "password.breached")) } else { Ok(password) }
}

/// A password, if the program's own rules take it. Judging one takes milliseconds of computing, so it is done on a blocking thread.
async fn judged(field: &str, typed: &Secret, personal: &[&str]) -> Result<Password> {
    let password = Password::new(&typed.0);
    let (judged, personal) = (password.clone(), personal.iter().map(|p| (*p).to_owned()).collect::<Vec<_>>());
    let verdict = tokio::task::spawn_blocking(move || judged.check(&personal.iter().map(String::as_str).collect::<Vec<_>>()))
        .await
        .map_err(|e| Error::Internal(e.to_string()))?;
    verdict.map(|()| password).map_err(|code| Error::field(field, code))
}

/// How good a password is while it is typed; nothing is kept of it.
pub(crate) async fn strength(typed: &Secret, email: &str) -> Result<Strength> {
    let (password, email) = (Password::new(&typed.0), email.to_owned());
    let local = email.split('@').next().unwrap_or_default().to_owned();
    tokio::task::spawn_blocking(move || Strength::of(&password, &[&email, &local])).await.map_err(|e| Error::Internal(e.to_string()))
}

/// What a password of an account must not hold: its address, and the names of its businesses.
pub(crate) async fn personal(system: &mut System, account: AccountId) -> Result<Vec<String>> {
    let row = sqlx::query!(
        r#"SELECT a.email, ARRAY(SELECT t.name FROM identity.member m JOIN db.tenant t ON t.id = m.tenant_id WHERE m.account_id = a.id) AS "names!"
        FROM identity.account a WHERE a.id = $1"#,
        account.uuid()
    )
    .fetch_optional(system.conn())
    .await?
    .ok_or(Error::NotFound)?;
    let local = row.email.split('@').next().unwrap_or_default().to_owned();
    Ok([vec![row.email, local], row.names].concat())
}

/// Hashes and keeps a password.
pub(crate) async fn keep(db: &Db, account: AccountId, password: Password) -> Result<()> {
    let hash = hasher().hash(db.source(), password).await?;
    let mut system = db.system("identity.password").await?;
    let kept =
        sqlx::query!("UPDATE identity.account SET password_hash = $2 WHERE id = $1", account.uuid(), hash).execute(system.conn()).await?;
    if kept.rows_affected() != 1 {
        return Err(Error::NotFound);
    }
    system.commit().await
}

/// The business to begin with: the one of this short name, if they are a member of it; else the one of the last session, or the
/// first one joined.
pub(crate) async fn usual_business(system: &mut System, account: AccountId, wanted: Option<&str>) -> Result<Option<TenantId>> {
    let row = sqlx::query!(
        "SELECT m.tenant_id FROM identity.member m JOIN db.tenant t ON t.id = m.tenant_id WHERE m.account_id = $1 AND m.state = 'active'
        ORDER BY t.slug = $2 DESC NULLS LAST,
            m.tenant_id = (SELECT s.tenant_id FROM identity.session s WHERE s.account_id = $1 ORDER BY s.created_at DESC LIMIT 1) DESC NULLS LAST,
            m.created_at, m.tenant_id LIMIT 1",
        account.uuid(),
        wanted
    )
    .fetch_optional(system.conn())
    .await?;
    Ok(row.map(|r| TenantId::new(r.tenant_id)))
}

/// The account of an address; made without a password when there is none. It can't sign in before it has one.
pub async fn account_for(db: &Db, email: &str) -> Result<AccountId> {
    let email = Email::read("email", email)?;
    let mut system = db.system("identity.account_for").await?;
    let account = make(&mut system, email.as_str()).await?;
    system.commit().await?;
    Ok(account)
}

/// The account of an address in this transaction, made when there is none.
pub(crate) async fn make(system: &mut System, email: &str) -> Result<AccountId> {
    let (id, now) = (system.source().uuid(), system.source().now());
    sqlx::query!("INSERT INTO identity.account (id, email, created_at) VALUES ($1, $2, $3) ON CONFLICT (email) DO NOTHING", id, email, now)
        .execute(system.conn())
        .await?;
    let row = sqlx::query!("SELECT id FROM identity.account WHERE email = $1", email).fetch_one(system.conn()).await?;
    Ok(AccountId::new(row.id))
}

/// Sets an account's password under the same rules as registering, and ends its sessions. For the operator and the demo.
pub async fn set_password(db: &Db, account: AccountId, password: &str) -> Result<()> {
    let mut system = db.system("identity.password").await?;
    let personal = personal(&mut system, account).await?;
    drop(system);
    let personal: Vec<&str> = personal.iter().map(String::as_str).collect();
    let password = judged("password", &Secret(password.to_owned()), &personal).await?;
    keep(db, account, password).await?;
    let mut system = db.system("identity.sign_out").await?;
    let guesses = login::guesses(&mut system, account).await?;
    guess::clear(&mut system, &guesses).await?;
    revocation::end_sessions(&mut system, account, None, "the password was changed").await?;
    system.commit().await?;
    session::forget(account);
    Ok(())
}

/// Before an address is confirmed for the first time: whoever used the account until now did not show that it is theirs. Their
/// factors and sessions end, so that the address's owner finds an account without them.
pub(crate) async fn first_proof(system: &mut System, account: AccountId) -> Result<()> {
    let unconfirmed = sqlx::query_scalar!(
        r#"SELECT verified_at IS NULL AS "unconfirmed!" FROM identity.account WHERE id = $1 FOR UPDATE"#,
        account.uuid()
    )
    .fetch_one(system.conn())
    .await?;
    if unconfirmed {
        second::take_away(system, account).await?;
        sqlx::query!("DELETE FROM identity.passkey WHERE account_id = $1", account.uuid()).execute(system.conn()).await?;
        revocation::end_sessions(system, account, None, "the address was confirmed").await?;
    }
    Ok(())
}

/// Before whoever runs the installation gives an account rights by its address: one that nobody confirmed, and that has a
/// password all the same, may be anybody's. It starts afresh, and its owner chooses a password by a link.
pub async fn take_back_unconfirmed(db: &Db, account: AccountId) -> Result<()> {
    let mut system = db.system("identity.take_back").await?;
    first_proof(&mut system, account).await?;
    sqlx::query!("UPDATE identity.account SET password_hash = NULL WHERE id = $1 AND verified_at IS NULL", account.uuid())
        .execute(system.conn())
        .await?;
    system.commit().await?;
    session::forget(account);
    Ok(())
}

/// `GET /v1/auth/me`.
pub(crate) async fn me(cx: Cx) -> Result<Me> {
    let (viewer, account) = (cx.viewer()?, cx.op.account()?);
    let mut system = cx.app.db().system("identity.me").await?;
    let row = sqlx::query!(
        r#"SELECT a.totp_since IS NOT NULL AS "second!", a.platform_roles FROM identity.account a WHERE a.id = $1"#,
        account.uuid()
    )
    .fetch_one(system.conn())
    .await?;
    drop(system);
    let platform_roles = if row.platform_roles.is_empty() { vec!["USER".to_owned()] } else { row.platform_roles };
    Ok(Me {
        account,
        email: viewer.email.clone(),
        name: viewer.name.clone(),
        tenant: cx.op.tenant,
        roles: viewer.roles.clone(),
        permissions: cx.op.permissions.codes(),
        tenants: business::of(&cx).await?,
        two_factor: row.second,
        platform_roles,
        csrf_token: viewer.csrf.clone(),
    })
}
