//! Browser sessions: who sent a request.
//!
//! The cookie holds 256 random bits, the table their SHA-256. What is known of a session is kept in memory and asked again
//! after [`FRESH`]: a session ended elsewhere, a removed role or another business is felt on every node within a second,
//! and a busy browser costs one query a second.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use axum::http::{header, request::Parts};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use db::{Db, System};
use kernel::{AccountId, Actor, At, Error, Op, Permissions, Result, Role, SessionId, TenantId};
use sha2::{Digest, Sha256};
use web::{App, Site, Viewer, Visitor};

/// The cookie's name; the prefix makes browsers refuse it from other hosts and without TLS.
const COOKIE: &str = "__Host-hearth";
/// How long what is known of a session is believed.
const FRESH: Duration = Duration::from_secs(1);
/// Seconds after which an unused session ends.
const IDLE: i64 = 3600;
/// Seconds after which any session ends.
const ABSOLUTE: i64 = 24 * 3600;
/// Seconds between two notes of the last use.
const NOTED: i64 = 60;
/// Sessions kept in memory at most.
const MOST: usize = 20_000;

/// What the cookie holds.
type Token = [u8; 32];
/// What the table holds.
type Digested = [u8; 32];

fn digest(token: &Token) -> Digested {
    Sha256::digest(token).into()
}

/// The CSRF token of a session: made from the session's token, which no page and no script can read, and kept nowhere.
fn csrf(token: &Token) -> String {
    let mut hash = Sha256::new();
    hash.update(b"hearth csrf\0");
    hash.update(token);
    URL_SAFE_NO_PAD.encode(hash.finalize())
}

/// A session that was just begun: what goes to the browser.
#[derive(Clone, Debug)]
pub struct Begun {
    /// The cookie's value.
    pub cookie: String,
    /// The CSRF token.
    pub csrf: String,
}

impl Begun {
    /// The `Set-Cookie` header. It goes when the browser is closed; the server ends it earlier when it is idle.
    pub fn set_cookie(&self) -> String {
        format!("{COOKIE}={}; Path=/; Secure; HttpOnly; SameSite=Lax", self.cookie)
    }
}

/// The `Set-Cookie` header that takes the cookie away.
pub(crate) fn no_cookie() -> String {
    format!("{COOKIE}=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0")
}

/// Begins a session. `since` is when the person proved who they are: a session that follows another keeps its end.
pub(crate) async fn begin(system: &mut System, account: AccountId, tenant: Option<TenantId>, since: At) -> Result<Begun> {
    let source = system.source().clone();
    let token: Token = source.bytes();
    let id: SessionId = source.id();
    sqlx::query!(
        "INSERT INTO identity.session (token_hash, id, account_id, tenant_id, created_at, seen_at) VALUES ($1, $2, $3, $4, $5, $6)",
        &digest(&token),
        id.uuid(),
        account.uuid(),
        tenant.map(TenantId::uuid),
        since,
        source.now()
    )
    .execute(system.conn())
    .await?;
    Ok(Begun { cookie: URL_SAFE_NO_PAD.encode(token), csrf: csrf(&token) })
}

/// Replaces the request's session by a new one that works for `tenant`: a change of privilege changes the token.
pub(crate) async fn renew(system: &mut System, headers: &header::HeaderMap, tenant: TenantId) -> Result<Begun> {
    let token = token_of(headers).ok_or(Error::Unauthenticated)?;
    let now = system.source().now();
    let ended = sqlx::query!(
        "UPDATE identity.session SET ended_at = $2 WHERE token_hash = $1 AND ended_at IS NULL RETURNING account_id, created_at",
        &digest(&token),
        now
    )
    .fetch_optional(system.conn())
    .await?
    .ok_or(Error::Unauthenticated)?;
    forget_session(&token);
    begin(system, AccountId::new(ended.account_id), Some(tenant), ended.created_at).await
}

/// Ends the request's session, if it has one.
pub(crate) async fn end(db: &Db, headers: &header::HeaderMap) -> Result<()> {
    let Some(token) = token_of(headers) else { return Ok(()) };
    let mut system = db.system("identity.sign_out").await?;
    let now = system.source().now();
    sqlx::query!("UPDATE identity.session SET ended_at = $2 WHERE token_hash = $1 AND ended_at IS NULL", &digest(&token), now)
        .execute(system.conn())
        .await?;
    system.commit().await?;
    forget_session(&token);
    Ok(())
}

/// Deletes sessions that are long over, and links that ended.
pub(crate) async fn sweep(db: &Db) -> Result<()> {
    let mut system = db.system("identity.sweep").await?;
    let before = system.source().now().plus_seconds(-2 * ABSOLUTE);
    sqlx::query!("DELETE FROM identity.session WHERE created_at < $1", before).execute(system.conn()).await?;
    sqlx::query!("DELETE FROM identity.password_link WHERE expires_at < $1", before).execute(system.conn()).await?;
    system.commit().await
}

/// The token in a request's cookie.
fn token_of(headers: &header::HeaderMap) -> Option<Token> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|v| v.to_str().ok()).flat_map(|v| v.split(';'));
    let value = cookies.filter_map(|pair| pair.trim().split_once('=')).find_map(|(name, value)| (name == COOKIE).then_some(value))?;
    URL_SAFE_NO_PAD.decode(value).ok()?.try_into().ok()
}

/// What is known of a session.
#[derive(Clone)]
struct Known {
    account: AccountId,
    tenant: Option<TenantId>,
    permissions: Permissions,
    viewer: Arc<Viewer>,
    created_at: At,
    /// When it was last used, on this node; the table may lag a minute behind.
    seen_at: At,
    /// When the table was last told.
    noted_at: At,
    /// When the table was last asked.
    asked: Instant,
}

impl Known {
    fn over(&self, now: At) -> bool {
        now > self.seen_at.plus_seconds(IDLE) || now > self.created_at.plus_seconds(ABSOLUTE)
    }
}

/// One place per session, so that its requests wait for one query instead of each asking.
type Slot = Arc<tokio::sync::Mutex<Option<Known>>>;

fn slots() -> &'static Mutex<HashMap<Digested, (AccountId, Slot)>> {
    static SLOTS: OnceLock<Mutex<HashMap<Digested, (AccountId, Slot)>>> = OnceLock::new();
    SLOTS.get_or_init(Mutex::default)
}

fn with_slots<T>(work: impl FnOnce(&mut HashMap<Digested, (AccountId, Slot)>) -> T) -> T {
    work(&mut slots().lock().unwrap_or_else(PoisonError::into_inner))
}

fn forget_session(token: &Token) {
    with_slots(|slots| slots.remove(&digest(token)));
}

/// Asks anew about every session of an account at its next request, on this node; the others ask within [`FRESH`].
pub(crate) fn forget(account: AccountId) {
    with_slots(|slots| slots.retain(|_, (whose, _)| *whose != account));
}

/// Who sent a request: the `authenticate` of this slice.
pub(crate) async fn authenticate(app: &App, parts: &Parts) -> Result<Visitor> {
    let source = app.db().source();
    let known = match token_of(&parts.headers) {
        Some(token) => known(app.db(), &token).await?,
        None => None,
    };
    let Some(known) = known else { return Ok(Visitor { op: Op::nobody(source), viewer: None }) };
    let op = Op { actor: Actor::Account(known.account), tenant: known.tenant, permissions: known.permissions, ..Op::nobody(source) };
    Ok(Visitor { op, viewer: Some(known.viewer) })
}

/// What is known of a session that stands.
async fn known(db: &Db, token: &Token) -> Result<Option<Known>> {
    let key = digest(token);
    let now = db.source().now();
    let Some(slot) = with_slots(|slots| slots.get(&key).map(|(_, slot)| slot.clone())) else {
        // Only sessions that stand get a place in memory: made-up cookies take none.
        let known = ask(db, token, now).await?;
        if let Some(known) = &known {
            remember(key, known.clone());
        }
        return Ok(known);
    };
    let mut place = slot.lock().await;
    let stale = place.as_ref().is_none_or(|known| known.asked.elapsed() >= FRESH || known.over(now));
    if stale {
        *place = ask(db, token, now).await?;
    }
    if let Some(known) = place.as_mut() {
        known.seen_at = known.seen_at.max(now);
        if now >= known.noted_at.plus_seconds(NOTED) {
            note(db, &key, now).await?;
            known.noted_at = now;
        }
    } else {
        with_slots(|slots| slots.remove(&key));
    }
    Ok(place.clone())
}

fn remember(key: Digested, known: Known) {
    let account = known.account;
    with_slots(|slots| {
        if slots.len() >= MOST {
            slots.retain(|_, (_, slot)| slot.try_lock().is_ok_and(|known| known.as_ref().is_some_and(|k| k.asked.elapsed() < FRESH)));
        }
        if slots.len() < MOST {
            slots.insert(key, (account, Arc::new(tokio::sync::Mutex::new(Some(known)))));
        }
    });
}

/// Writes down when the session was last used.
async fn note(db: &Db, key: &Digested, now: At) -> Result<()> {
    let mut system = db.system("identity.seen").await?;
    sqlx::query!("UPDATE identity.session SET seen_at = $2 WHERE token_hash = $1 AND seen_at < $2", key, now)
        .execute(system.conn())
        .await?;
    system.commit().await
}

/// A session as it is stored, with the person's place in its business.
struct Stored {
    account_id: AccountId,
    email: String,
    created_at: At,
    seen_at: At,
    /// None when no business is active or the person is no member of it any more.
    tenant_id: Option<uuid::Uuid>,
    business: Option<String>,
    slug: Option<String>,
    member_name: Option<String>,
    roles: Option<Vec<String>>,
    sites: Option<serde_json::Value>,
}

/// Asks the table about a session; none when there is none that stands.
async fn ask(db: &Db, token: &Token, now: At) -> Result<Option<Known>> {
    let mut system = db.system("identity.session").await?;
    let stored = sqlx::query_as!(
        Stored,
        r#"SELECT s.account_id, a.email, s.created_at, s.seen_at, m.tenant_id AS "tenant_id?", t.name AS "business?", t.slug AS "slug?",
            m.name AS "member_name?", m.roles AS "roles?",
            (SELECT jsonb_agg(jsonb_build_array(i.id, i.name, i.time_zone, i.day_start, i.currency) ORDER BY i.created_at, i.id)
             FROM identity.site i WHERE i.tenant_id = m.tenant_id) AS sites
        FROM identity.session s JOIN identity.account a ON a.id = s.account_id
            LEFT JOIN identity.member m ON m.tenant_id = s.tenant_id AND m.account_id = s.account_id
            LEFT JOIN db.tenant t ON t.id = m.tenant_id
        WHERE s.token_hash = $1 AND s.ended_at IS NULL"#,
        &digest(token)
    )
    .fetch_optional(system.conn())
    .await?;
    let Some(stored) = stored else { return Ok(None) };
    let known = stored.known(token)?;
    Ok((!known.over(now)).then_some(known))
}

impl Stored {
    fn known(self, token: &Token) -> Result<Known> {
        let roles: Vec<Role> = self.roles.iter().flatten().map(|role| role.parse()).collect::<Result<_>>()?;
        let permissions = if self.tenant_id.is_some() { Permissions::of_roles(&roles) } else { Permissions::SIGNED_IN };
        let viewer = Viewer {
            name: self.member_name.unwrap_or_else(|| self.email.clone()),
            email: self.email,
            roles,
            business: self.business,
            slug: self.slug,
            sites: sites(self.sites)?,
            csrf: csrf(token),
        };
        Ok(Known {
            account: self.account_id,
            tenant: self.tenant_id.map(TenantId::new),
            permissions,
            viewer: Arc::new(viewer),
            created_at: self.created_at,
            seen_at: self.seen_at,
            noted_at: self.seen_at,
            asked: Instant::now(),
        })
    }
}

/// Reads the sites that the query gathered.
fn sites(gathered: Option<serde_json::Value>) -> Result<Vec<Site>> {
    let Some(gathered) = gathered else { return Ok(Vec::new()) };
    let rows: Vec<(uuid::Uuid, String, String, i32, String)> =
        serde_json::from_value(gathered).map_err(|e| Error::Internal(e.to_string()))?;
    rows.into_iter().map(|(id, name, zone, start, currency)| crate::site::read(id, name, &zone, start, &currency)).collect()
}

/// A session for an account without a sign-in: for stories and tools of the operator. Returns the cookie's value (for the
/// cookie `__Host-hearth`) and the CSRF token.
pub async fn session_for(db: &Db, account: AccountId, tenant: Option<TenantId>) -> Result<(String, String)> {
    let mut system = db.system("identity.session_for").await?;
    let now = system.source().now();
    let begun = begin(&mut system, account, tenant, now).await?;
    system.commit().await?;
    Ok((begun.cookie, begun.csrf))
}
