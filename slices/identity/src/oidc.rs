//! Sign-in through an OpenID Connect provider: authorization code with PKCE (S256), state and nonce. The state is bound to
//! the browser that began, and is used once. Whom the provider means is its issuer and subject; the address only finds an
//! account the first time, and only where both sides confirmed it.

pub(crate) mod keys;
pub(crate) mod person;
pub(crate) mod provider;

use axum::http::{HeaderValue, StatusCode, header};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use db::{Db, System};
use kernel::{AccountId, Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use url::{Url, form_urlencoded};
use web::{App, Cx, Provider};

use crate::{
    account::usual_business,
    login::{self, Entered, Outcome, Wanted},
    oidc::{
        keys::{Expected, truth},
        person::{Asked, Who},
        provider::{Described, Providers},
    },
    outside::{self, Outside},
    second,
    secret::{Digested, Token, digest},
    session::{self, Proof},
    token::{SKEW, seconds},
};

/// The cookie that binds a sign-in to the browser that began it.
const COOKIE: &str = "__Host-hearth-oidc";
/// Seconds for which a sign-in may take at the provider.
const STANDS: i64 = 600;
/// What `acr` says of several factors, where a provider says it so.
const MULTI_FACTOR: &str = "http://schemas.openid.net/pape/policies/2007/06/multi-factor";

/// What waits for the provider's answer.
#[derive(Serialize, Deserialize)]
struct Waiting {
    nonce: String,
    verifier: String,
    next: String,
    /// The short name of the business whose sign-in page was used.
    #[serde(default)]
    business: Option<String>,
}

/// A sign-in that was begun.
pub(crate) struct Begun {
    /// Where the browser goes.
    pub url: String,
    /// The cookie that binds it.
    pub cookie: String,
}

/// What a provider says of a person in its token.
#[derive(Deserialize)]
struct Claims {
    sub: String,
    aud: Value,
    azp: Option<String>,
    exp: f64,
    iat: f64,
    nonce: Option<String>,
    #[serde(flatten)]
    address: Addressed,
    #[serde(default)]
    amr: Value,
    acr: Option<String>,
}

/// The address that a provider knows.
#[derive(Default, Deserialize)]
struct Addressed {
    email: Option<String>,
    #[serde(default, deserialize_with = "truth")]
    email_verified: bool,
}

/// The token endpoint's answer, as far as it is used.
#[derive(Deserialize)]
struct Exchanged {
    id_token: String,
    access_token: Option<String>,
}

/// The userinfo endpoint's.
#[derive(Deserialize)]
struct UserInfo {
    sub: String,
    #[serde(flatten)]
    address: Addressed,
}

/// An answer that can't be trusted. Why goes to the log alone.
fn wrong(provider: &Provider, why: &str) -> Error {
    tracing::warn!(provider = provider.name, why, "a provider's answer was refused");
    Error::rule("oidc.wrong")
}

fn sealed_for_state(hash: &Digested) -> Vec<u8> {
    [b"oidc:".as_slice(), hash].concat()
}

fn sealed_for_token(account: AccountId) -> Vec<u8> {
    format!("id token:{account}").into_bytes()
}

fn browser_hash(token: &Token) -> Digested {
    digest("oidc browser", &[&token.hash()])
}

fn redirect_uri(app: &App, provider: &Provider) -> String {
    format!("{}/v1/auth/oidc/{}/callback", app.settings().public_url.trim_end_matches('/'), provider.name)
}

/// Begins a sign-in; `next` is where the person wanted to be, `business` the one whose sign-in page was used.
pub(crate) async fn begin(cx: &Cx, next: &str, business: Option<&str>) -> Result<Begun> {
    let (db, provider) = (cx.app.db(), provider::of_path(cx)?);
    let described = cx.app.part::<Providers>().described(&cx.app, &provider).await?;
    let (state, nonce, verifier) = (Token::new(db.source()), Token::new(db.source()), Token::new(db.source()));
    // Several windows of one browser may sign in at once.
    let browser = session::cookie(&cx.headers, COOKIE).and_then(|value| Token::read(&value)).unwrap_or_else(|| Token::new(db.source()));
    let next = next.chars().take(2000).collect();
    let waiting = Waiting { nonce: nonce.text(), verifier: verifier.text(), next, business: business.map(str::to_owned) };
    let waiting = serde_json::to_vec(&waiting).map_err(|e| Error::Internal(e.to_string()))?;
    let mut system = db.system("identity.oidc").await?;
    let now = system.source().now();
    sqlx::query!(
        "INSERT INTO identity.oidc_state (state_hash, provider, browser_hash, sealed, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)",
        &state.hash(),
        provider.issuer,
        &browser_hash(&browser),
        db.vault().seal(&sealed_for_state(&state.hash()), &waiting)?,
        now,
        now.plus_seconds(STANDS)
    )
    .execute(system.conn())
    .await?;
    system.commit().await?;
    let mut url: Url = described.authorization_endpoint.parse().map_err(|_| wrong(&provider, "its address of sign-in can't be read"))?;
    url.query_pairs_mut().extend_pairs([
        ("response_type", "code"),
        ("client_id", &provider.client_id),
        ("redirect_uri", &redirect_uri(&cx.app, &provider)),
        ("scope", &provider.scopes),
        ("state", &state.text()),
        ("nonce", &nonce.text()),
        ("code_challenge", &URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.text()))),
        ("code_challenge_method", "S256"),
    ]);
    let cookie = format!("{COOKIE}={}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={STANDS}", browser.text());
    Ok(Begun { url: url.into(), cookie })
}

/// Takes away what waits for an answer: once, in the browser that began, for the provider that was asked.
async fn take(cx: &Cx, provider: &Provider) -> Result<Waiting> {
    let over = || Error::rule("oidc.over");
    let state = cx.param("state").and_then(Token::read).ok_or_else(over)?;
    let browser = session::cookie(&cx.headers, COOKIE).and_then(|value| Token::read(&value)).ok_or_else(over)?;
    let mut system = cx.app.db().system("identity.oidc").await?;
    let now = system.source().now();
    let sealed = sqlx::query_scalar!(
        "DELETE FROM identity.oidc_state WHERE state_hash = $1 AND provider = $2 AND browser_hash = $3 AND expires_at > $4 RETURNING sealed",
        &state.hash(),
        provider.issuer,
        &browser_hash(&browser),
        now
    )
    .fetch_optional(system.conn())
    .await?;
    system.commit().await?;
    let waiting = cx.app.db().vault().open(&sealed_for_state(&state.hash()), &sealed.ok_or_else(over)?)?;
    serde_json::from_slice(&waiting).map_err(|e| Error::Internal(e.to_string()))
}

/// Whose answer it is (RFC 9207): another issuer's is a mix-up.
fn came_from(cx: &Cx, provider: &Provider, described: &Described) -> Result<()> {
    match cx.param("iss") {
        Some(issuer) if issuer != provider.issuer => Err(wrong(provider, "the answer is of another issuer")),
        None if described.authorization_response_iss_parameter_supported => Err(wrong(provider, "the answer names no issuer")),
        _ => Ok(()),
    }
}

/// Changes the code into tokens. It stands for one use, and only with the verifier.
async fn exchange(app: &App, provider: &Provider, described: &Described, code: &str, verifier: &str) -> Result<Exchanged> {
    let redirect = redirect_uri(app, provider);
    let mut form = vec![("grant_type", "authorization_code"), ("code", code), ("redirect_uri", &redirect), ("code_verifier", verifier)];
    let outside = app.part::<Outside>();
    let mut request = outside.client().await?.post(&described.token_endpoint).header("accept", "application/json");
    if described.secret_in_body() {
        form.extend([("client_id", provider.client_id.as_str()), ("client_secret", provider.client_secret.as_str())]);
    } else {
        request = request.header(header::AUTHORIZATION, basic(provider)?);
    }
    let body = serde_urlencoded::to_string(form).map_err(|e| Error::Internal(e.to_string()))?;
    let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(body);
    let (status, read) = outside::ask(&provider.name, request).await?;
    if status.is_server_error() {
        return Err(outside::silent(&provider.name, format!("its token endpoint answers {status}")));
    }
    if status != StatusCode::OK {
        return Err(wrong(provider, &format!("its token endpoint answers {status}")));
    }
    serde_json::from_slice(&read).map_err(|_| wrong(provider, "its token endpoint gives no token"))
}

/// The program's id and secret as RFC 6749 §2.3.1 writes them.
fn basic(provider: &Provider) -> Result<HeaderValue> {
    let part = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = STANDARD.encode(format!("{}:{}", part(&provider.client_id), part(&provider.client_secret)));
    let mut value = HeaderValue::from_str(&format!("Basic {pair}")).map_err(|e| Error::Internal(e.to_string()))?;
    value.set_sensitive(true);
    Ok(value)
}

impl Claims {
    /// What is wrong with them, beside signature, issuer and audience.
    fn fault(&self, provider: &Provider, nonce: &str, now: i64) -> Option<&'static str> {
        #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 are far below 2^53")]
        let (now, skew) = (now as f64, SKEW as f64);
        let several = self.aud.as_array().is_some_and(|all| all.len() > 1);
        if self.nonce.as_deref() != Some(nonce) {
            Some("the token was made for another sign-in")
        } else if self.exp + skew < now {
            Some("the token is too old")
        } else if self.iat - skew > now {
            Some("the token is of the future")
        } else if self.azp.as_ref().map_or(several, |party| *party != provider.client_id) {
            Some("the token was made for another program")
        } else if self.sub.is_empty() || self.sub.chars().count() > 255 {
            Some("the token names nobody")
        } else {
            None
        }
    }

    /// Whether the provider says that it took more than one factor (RFC 8176).
    fn multi_factor(&self) -> bool {
        let listed = self.amr.as_array().is_some_and(|all| all.iter().any(|one| one == "mfa"));
        listed || self.amr == "mfa" || self.acr.as_deref() == Some(MULTI_FACTOR)
    }
}

/// What an answer's token says, when everything about it is right.
async fn trusted(app: &App, provider: &Provider, described: &Described, id_token: &str, nonce: &str) -> Result<Claims> {
    let algorithms = described.algorithms();
    let expected =
        Expected { issuer: &provider.issuer, audience: &provider.client_id, jwks_url: &described.jwks_uri, algorithms: &algorithms };
    let claims: Option<Claims> = keys::verify(app, expected, id_token).await?;
    let claims = claims.ok_or_else(|| wrong(provider, "the token's signature, issuer or audience is not right"))?;
    match claims.fault(provider, nonce, seconds(app.db().source().now())) {
        Some(fault) => Err(wrong(provider, fault)),
        None => Ok(claims),
    }
}

/// The person's address: from the token, or asked for.
async fn addressed(app: &App, provider: &Provider, described: &Described, claims: &mut Claims, access: Option<&str>) -> Result<Addressed> {
    let told = std::mem::take(&mut claims.address);
    let (None, Some(url), Some(access)) = (&told.email, &described.userinfo_endpoint, access) else { return Ok(told) };
    let outside = app.part::<Outside>();
    let request = outside.client().await?.get(url).bearer_auth(access).header("accept", "application/json");
    let (status, read) = outside::ask(&provider.name, request).await?;
    let info: Option<UserInfo> = serde_json::from_slice(&read).ok().filter(|_| status == StatusCode::OK);
    let info = info.ok_or_else(|| wrong(provider, "it does not tell who signed in"))?;
    // Another subject's would be a substitution (OpenID Connect Core §5.3.2).
    if info.sub == claims.sub { Ok(info.address) } else { Err(wrong(provider, "it tells of somebody else")) }
}

/// Finishes a sign-in by the provider's answer. Returns where the person wanted to be.
pub(crate) async fn finish(cx: &Cx) -> Result<(Entered, String)> {
    let (app, db, provider) = (&cx.app, cx.app.db(), provider::of_path(cx)?);
    let waiting = take(cx, &provider).await?;
    let described = app.part::<Providers>().described(app, &provider).await?;
    came_from(cx, &provider, &described)?;
    let code = cx.param("code").filter(|_| cx.param("error").is_none()).ok_or_else(|| Error::rule("oidc.refused"))?;
    let exchanged = exchange(app, &provider, &described, code, &waiting.verifier).await?;
    let mut claims = trusted(app, &provider, &described, &exchanged.id_token, &waiting.nonce).await?;
    let address = addressed(app, &provider, &described, &mut claims, exchanged.access_token.as_deref()).await?;
    let mut system = db.system("identity.oidc").await?;
    let who = Who {
        provider: &provider.issuer,
        subject: &claims.sub,
        email: address.email.as_deref().filter(|_| address.email_verified),
        shown: &provider.issuer,
    };
    let account = person::account_of(&Asked { app, headers: &cx.headers, op: &cx.op }, &mut system, &who).await?;
    let sealed = db.vault().seal(&sealed_for_token(account), exchanged.id_token.as_bytes())?;
    let entered = enter(cx, system, account, waiting.business.as_deref(), (provider.name.clone(), sealed), claims.multi_factor()).await?;
    Ok((entered, waiting.next))
}

/// Begins the session, or asks for the account's own second factor.
async fn enter(
    cx: &Cx,
    mut system: System,
    account: AccountId,
    business: Option<&str>,
    provider: (String, Vec<u8>),
    second: bool,
) -> Result<Entered> {
    let row = sqlx::query!(r#"SELECT locked_at, totp_since IS NOT NULL AS "second!" FROM identity.account WHERE id = $1"#, account.uuid())
        .fetch_one(system.conn())
        .await?;
    if row.locked_at.is_some() {
        return Err(Error::rule("account.locked"));
    }
    if row.second && !second {
        let awaited = second::ask(&mut system, account, business).await?;
        let hash = Token::read(&awaited.mfa_token).map(|token| token.hash()).unwrap_or_default();
        let (name, sealed) = provider;
        sqlx::query!("UPDATE identity.challenge SET provider = $2, sealed = $3 WHERE token_hash = $1", &hash, name, sealed)
            .execute(system.conn())
            .await?;
        system.commit().await?;
        return Ok(Entered { outcome: Outcome::Second(awaited), cookies: Vec::new() });
    }
    let (tenant, now) = (usual_business(&mut system, account, business).await?, system.source().now());
    let proof = Proof { provider: Some(provider), ..Proof::now(account, tenant, now, second) };
    login::enter_with(cx, system, &proof, Wanted::Cookie, "oidc").await
}

/// Where signing out goes on, so that the provider's session ends too; none where a password began the session, or the
/// provider has no such place. Nothing of it keeps anybody from signing out here.
pub(crate) async fn sign_out_url(cx: &Cx) -> Option<String> {
    match session_there(cx).await {
        Ok(url) => url,
        Err(error) => {
            tracing::warn!(%error, "the provider's session can't be ended");
            None
        }
    }
}

async fn session_there(cx: &Cx) -> Result<Option<String>> {
    let Some(hash) = session::own(&cx.headers) else { return Ok(None) };
    let mut system = cx.app.db().system("identity.sign_out").await?;
    let row = sqlx::query!(
        r#"SELECT account_id, provider AS "provider!", id_token_sealed AS "sealed!" FROM identity.session
        WHERE token_hash = $1 AND ended_at IS NULL AND provider IS NOT NULL AND id_token_sealed IS NOT NULL"#,
        &hash
    )
    .fetch_optional(system.conn())
    .await?;
    drop(system);
    let Some(row) = row else { return Ok(None) };
    let Some(provider) = provider::named(&cx.app, &row.provider) else { return Ok(None) };
    let described = cx.app.part::<Providers>().described(&cx.app, &provider).await?;
    let Some(mut url) = described.end_session_endpoint.as_ref().and_then(|url| url.parse::<Url>().ok()) else { return Ok(None) };
    let token = cx.app.db().vault().open(&sealed_for_token(AccountId::new(row.account_id)), &row.sealed)?;
    let token = std::str::from_utf8(&token).map_err(|e| Error::Internal(e.to_string()))?;
    let back = format!("{}/login", cx.app.settings().public_url.trim_end_matches('/'));
    url.query_pairs_mut().extend_pairs([("id_token_hint", token), ("client_id", &provider.client_id), ("post_logout_redirect_uri", &back)]);
    Ok(Some(url.into()))
}

/// Deletes sign-ins that nobody finished.
pub(crate) async fn sweep(system: &mut System) -> Result<()> {
    let before = system.source().now().plus_seconds(-STANDS);
    sqlx::query!("DELETE FROM identity.oidc_state WHERE expires_at < $1", before).execute(system.conn()).await?;
    Ok(())
}

/// Seals the providers' tokens of living sessions anew, and forgets those of ended ones; returns how many.
pub(crate) async fn reseal(system: &mut System, db: &Db) -> Result<u64> {
    // A sign-in that is under way is begun anew.
    sqlx::query!("DELETE FROM identity.oidc_state").execute(system.conn()).await?;
    sqlx::query!("UPDATE identity.session SET id_token_sealed = NULL WHERE id_token_sealed IS NOT NULL AND ended_at IS NOT NULL")
        .execute(system.conn())
        .await?;
    let rows = sqlx::query!(
        r#"SELECT id, account_id, id_token_sealed AS "sealed!" FROM identity.session WHERE id_token_sealed IS NOT NULL FOR UPDATE"#
    )
    .fetch_all(system.conn())
    .await?;
    let (mut ids, mut sealed) = (Vec::new(), Vec::new());
    for row in rows {
        let about = sealed_for_token(AccountId::new(row.account_id));
        sealed.push(db.vault().seal(&about, &db.vault().open(&about, &row.sealed)?)?);
        ids.push(row.id);
    }
    let done = sqlx::query!(
        "UPDATE identity.session s SET id_token_sealed = u.sealed FROM unnest($1::uuid[], $2::bytea[]) AS u (id, sealed) WHERE s.id = u.id",
        &ids,
        &sealed
    )
    .execute(system.conn())
    .await?;
    Ok(done.rows_affected())
}
