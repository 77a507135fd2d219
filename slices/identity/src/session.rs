//! Browser sessions: who sent a request.
//!
//! The cookie holds 256 random bits, the table their SHA-256. What is known of a session is kept in memory and asked again
//! after [`FRESH`]: a session ended elsewhere, a removed role or another business is felt on every node within a second,
//! and a busy browser costs three queries in two seconds.
//!
//! A session is bound to the browser's family, whose change ends it, and to its network, whose change asks the person to
//! prove again who they are; so does a day.
//!
//! A session on a registered device is bound to the device's key instead, which is shown again every quarter of an hour and changes
//! the cookie each time ([`crate::device::enter`]): a cookie that was carried elsewhere is soon none. It roams, and no silence
//! ends it; a pause locks it until the PIN is typed again.

mod on_device;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use axum::http::{header, request::Parts};
use db::{Db, System};
use kernel::{AccountId, Actor, AssistanceId, At, DeviceId, Error, Op, Permissions, Result, SessionId, TenantId};
use sqlx::types::Json;
use web::{AT_DEVICE, Cx, Reply, Viewer, Visitor};

use crate::{
    assist,
    client::Client,
    device,
    secret::{Digested, Token},
    standing::{Standing, Stored, StoredMember},
};

pub(crate) use on_device::{hold, on_device, rotate};

/// The cookie's name; the prefix makes browsers refuse it from other hosts and without TLS.
const COOKIE: &str = "__Host-hearth";
/// How long what is known of a session is believed, from before it was asked: with the asking it stays within a second.
const FRESH: Duration = Duration::from_millis(700);
/// Seconds after which any session ends, used or not.
const ABSOLUTE: i64 = 30 * 24 * 3600;
/// Seconds between two notes of the last use.
const NOTED: i64 = 60;
/// Seconds after which a device shows its key again: until it does, nothing is done by its session.
const SHOWN: i64 = 15 * 60;
/// Seconds after which the session of a device that did not show its key is over.
pub(crate) const GONE: i64 = 12 * 3600;
/// Seconds for which the cookie before the last still counts: what was sent with it is on its way.
const FORMER: i64 = 30;
/// Sessions kept in memory at most.
const MOST: usize = 20_000;

/// A session that was just begun: what goes to the browser.
#[derive(Clone, Debug)]
pub struct Begun {
    /// The session.
    pub id: SessionId,
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

/// An answer to a sign-out: the cookie goes, and what the browser stored of this program, but a device's key.
pub(crate) fn signed_out(cx: &Cx, reply: Reply) -> Reply {
    // What a registered device stores is its key: it stays the device's, whoever leaves.
    if cx.cookie(AT_DEVICE).is_some() {
        return reply.header(header::SET_COOKIE, no_cookie());
    }
    reply.header(header::SET_COOKIE, no_cookie()).header(header::HeaderName::from_static("clear-site-data"), "\"storage\"")
}

/// How a person proved who they are when a session begins.
#[derive(Clone, Debug)]
pub(crate) struct Proof {
    pub account: AccountId,
    /// The business to work for.
    pub tenant: Option<TenantId>,
    /// When the first session of a row of them began: one that follows another keeps its end.
    pub since: At,
    /// When a password, a code or a passkey was last given.
    pub proved_at: At,
    /// Whether a second factor was given.
    pub second: bool,
    /// The identity provider that answered for it, and its token, to end that session too.
    pub provider: Option<(String, Vec<u8>)>,
    /// The registered device and its name, where its key and a PIN are the proof.
    pub device: Option<(DeviceId, String)>,
}

impl Proof {
    /// Proved just now.
    pub fn now(account: AccountId, tenant: Option<TenantId>, now: At, second: bool) -> Self {
        Self { account, tenant, since: now, proved_at: now, second, provider: None, device: None }
    }
}

/// What a session is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A browser's, by cookie.
    Browser,
    /// A program's, by access and refresh tokens.
    Tokens,
    /// A registered device's, by cookie and key.
    Device,
}

impl Kind {
    pub const fn code(self) -> &'static str {
        match self {
            Self::Browser => "browser",
            Self::Tokens => "tokens",
            Self::Device => "device",
        }
    }
}

/// Begins a session.
pub(crate) async fn begin(system: &mut System, client: Option<&Client>, proof: &Proof, kind: Kind) -> Result<Begun> {
    let source = system.source().clone();
    let token = Token::new(&source);
    let id: SessionId = source.id();
    let now = source.now();
    // A device is known by its key, wherever it is. What its forms carry outlasts the cookie.
    let bound = client.filter(|_| kind != Kind::Device);
    let (device, name) = proof.device.clone().unzip();
    let csrf = device.map(|_| Token::new(&source).text());
    sqlx::query!(
        "INSERT INTO identity.session (token_hash, id, account_id, tenant_id, created_at, seen_at, kind, proved_at, second, family, network, device,
            address, provider, id_token_sealed, device_id, shown_at, csrf)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)",
        &token.hash(),
        id.uuid(),
        proof.account.uuid(),
        proof.tenant.map(TenantId::uuid),
        proof.since,
        now,
        kind.code(),
        proof.proved_at,
        proof.second,
        bound.map(|c| c.family.clone()),
        bound.and_then(|c| c.network.clone()),
        name.or(client.map(|c| c.device.clone())),
        client.and_then(|c| c.address).map(|a| a.to_string()),
        proof.provider.as_ref().map(|(name, _)| name.clone()),
        proof.provider.as_ref().map(|(_, token)| token.clone()),
        device.map(DeviceId::uuid),
        device.map(|_| now),
        csrf
    )
    .execute(system.conn())
    .await?;
    Ok(Begun { id, cookie: token.text(), csrf: csrf.unwrap_or_else(|| token.derive("hearth csrf")) })
}

/// Refuses whoever has no session of a browser that could be renewed: a token tells its business by itself.
pub(crate) async fn of_browser(cx: &Cx) -> Result<()> {
    let token = token_of(&cx.headers).ok_or_else(|| Error::rule("session.browser"))?;
    let mut system = cx.app.db().system("identity.of_browser").await?;
    sqlx::query!(
        r#"SELECT 1 AS "one!" FROM identity.session WHERE token_hash = $1 AND ended_at IS NULL AND kind = 'browser'"#,
        &token.hash()
    )
    .fetch_optional(system.conn())
    .await?
    .ok_or_else(|| Error::rule("session.browser"))?;
    Ok(())
}

/// Replaces the request's session by a new one: a change of privilege changes the token. `change` says what is new.
pub(crate) async fn renew(system: &mut System, cx: &Cx, change: impl FnOnce(&mut Proof)) -> Result<Begun> {
    let token = token_of(&cx.headers).ok_or(Error::Unauthenticated)?;
    let now = system.source().now();
    let ended = sqlx::query!(
        "UPDATE identity.session SET ended_at = $2, ended_why = 'renewed' WHERE token_hash = $1 AND ended_at IS NULL AND kind = 'browser'
        RETURNING account_id, tenant_id, created_at, proved_at, second, provider, id_token_sealed",
        &token.hash(),
        now
    )
    .fetch_optional(system.conn())
    .await?
    .ok_or(Error::Unauthenticated)?;
    forget_session(&token);
    let mut proof = Proof {
        account: AccountId::new(ended.account_id),
        tenant: ended.tenant_id.map(TenantId::new),
        since: ended.created_at,
        proved_at: ended.proved_at,
        second: ended.second,
        provider: ended.provider.zip(ended.id_token_sealed),
        device: None,
    };
    change(&mut proof);
    begin(system, Some(&Client::of(&cx.headers, cx.op.address)), &proof, Kind::Browser).await
}

/// Ends the request's session, if it has one.
pub(crate) async fn end(db: &Db, headers: &header::HeaderMap) -> Result<()> {
    if token_of(headers).is_none() {
        return Ok(());
    }
    let mut system = db.system("identity.sign_out").await?;
    end_in(&mut system, headers).await?;
    system.commit().await
}

/// The same in a transaction.
pub(crate) async fn end_in(system: &mut System, headers: &header::HeaderMap) -> Result<()> {
    match token_of(headers) {
        Some(token) => end_token(system, &token, "signed out").await,
        None => Ok(()),
    }
}

async fn end_token(system: &mut System, token: &Token, why: &str) -> Result<()> {
    let now = system.source().now();
    let ended = sqlx::query!(
        "UPDATE identity.session SET ended_at = $2, ended_why = $3 WHERE token_hash = $1 AND ended_at IS NULL RETURNING account_id, device_id",
        &token.hash(),
        now,
        why
    )
    .fetch_optional(system.conn())
    .await?;
    if let Some(ended) = ended {
        device::left(system, AccountId::new(ended.account_id), ended.device_id).await?;
    }
    forget_session(token);
    Ok(())
}

/// The session of a request's cookie, by its digest.
pub(crate) fn own(headers: &header::HeaderMap) -> Option<Digested> {
    token_of(headers).map(|token| token.hash())
}

/// The token in a request's cookie.
fn token_of(headers: &header::HeaderMap) -> Option<Token> {
    cookie(headers, COOKIE).and_then(|value| Token::read(&value))
}

/// The value of a cookie.
pub(crate) fn cookie(headers: &header::HeaderMap, wanted: &str) -> Option<String> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|v| v.to_str().ok()).flat_map(|v| v.split(';'));
    cookies.filter_map(|pair| pair.trim().split_once('=')).find_map(|(name, value)| (name == wanted).then(|| value.to_owned()))
}

/// Deletes sessions that are long over.
pub(crate) async fn sweep(system: &mut System) -> Result<()> {
    let before = system.source().now().plus_seconds(-3 * ABSOLUTE - 3600);
    sqlx::query!("DELETE FROM identity.session WHERE created_at < $1 OR ended_at < $2", before, before.plus_seconds(2 * ABSOLUTE))
        .execute(system.conn())
        .await?;
    Ok(())
}

/// What binds a session to a registered device.
#[derive(Clone, Copy)]
struct Bound {
    device: DeviceId,
    shown_at: At,
    pause_seconds: i64,
    held: bool,
}

/// What is known of a session.
#[derive(Clone)]
struct Known {
    standing: Arc<Standing>,
    bound: Option<Bound>,
    viewer: Arc<Viewer>,
    family: Option<String>,
    network: Option<String>,
    created_at: At,
    proved_at: At,
    /// Whether the second factor was given in it.
    second: bool,
    /// When it was last used, on this node; the table may lag a minute behind.
    seen_at: At,
    /// When the table was last told.
    noted_at: At,
    /// When the table was last asked.
    asked: Instant,
}

impl Known {
    fn over(&self, now: At) -> bool {
        let silent = match &self.bound {
            Some(bound) => now > bound.shown_at.plus_seconds(GONE),
            None => now > self.seen_at.plus_seconds(self.standing.idle_seconds),
        };
        let assisting = self.viewer.assisting.as_ref();
        assisting.is_some_and(|assisting| now >= assisting.until) || silent || now > self.created_at.plus_seconds(ABSOLUTE)
    }

    /// Whether the PIN must be typed again: somebody locked it, or nobody used it for the device's pause.
    fn locked(&self, now: At) -> bool {
        self.bound.is_some_and(|bound| bound.held || now > self.seen_at.plus_seconds(bound.pause_seconds))
    }

    /// What may be done now.
    fn permissions(&self, client: &Client, now: At) -> Permissions {
        match &self.bound {
            Some(bound) if self.locked(now) || now > bound.shown_at.plus_seconds(SHOWN) => Permissions::NONE,
            None if self.again(client, now) => Permissions::AGAIN,
            // A device's key and a PIN are two factors of their own.
            Some(_) => self.standing.permissions,
            None => self.standing.allowed(self.second),
        }
    }

    /// Whether the person must prove again who they are before anything else.
    fn again(&self, client: &Client, now: At) -> bool {
        let moved = self.network.is_some() && self.network != client.network;
        moved || now > self.proved_at.plus_seconds(self.standing.reauth_seconds)
    }

    /// Whether the cookie came to another browser than the one that it was given to.
    fn elsewhere(&self, client: &Client) -> bool {
        self.family.as_ref().is_some_and(|family| *family != client.family)
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
    with_slots(|slots| slots.remove(&token.hash()));
}

/// Asks anew about every session of an account at its next request, on this node; the others ask within [`FRESH`].
pub(crate) fn forget(account: AccountId) {
    with_slots(|slots| slots.retain(|_, (whose, _)| *whose != account));
}

/// Asks anew about the sessions on a device, on this node.
pub(crate) fn forget_device(device: DeviceId) {
    let is_on = |slot: &Slot| slot.try_lock().is_ok_and(|known| known.as_ref().and_then(|k| k.bound).is_some_and(|b| b.device == device));
    with_slots(|slots| slots.retain(|_, (_, slot)| !is_on(slot)));
}

/// The same for everybody who works in a business.
pub(crate) fn forget_business(tenant: TenantId) {
    let elsewhere = |known: &Known| known.standing.tenant != Some(tenant);
    // One that is being asked about just now may have been asked too early: it goes as well.
    with_slots(|slots| slots.retain(|_, (_, slot)| slot.try_lock().is_ok_and(|known| known.as_ref().is_some_and(elsewhere))));
}

/// The same of everybody.
pub(crate) fn forget_all() {
    with_slots(HashMap::clear);
}

/// Who a request's cookie signs in.
pub(crate) async fn visitor(db: &Db, parts: &Parts, client: &Client) -> Result<Visitor> {
    let (source, now) = (db.source(), db.source().now());
    let nobody = || Visitor { op: Op::nobody(source), viewer: None };
    let Some(token) = token_of(&parts.headers) else { return Ok(nobody()) };
    let Some(known) = known(db, &token, now, attended(parts)).await? else { return Ok(nobody()) };
    if known.elsewhere(client) {
        let mut system = db.system("identity.sign_out").await?;
        end_token(&mut system, &token, "another browser").await?;
        system.commit().await?;
        return Ok(nobody());
    }
    let standing = &known.standing;
    let permissions = known.permissions(client, now);
    // Whoever proves again does it for themselves: what they did on somebody's behalf ends with the session.
    let own = permissions == Permissions::AGAIN;
    let viewer = if own { Arc::new(Viewer { assisting: None, ..(*known.viewer).clone() }) } else { known.viewer.clone() };
    let op = Op {
        actor: if own { Actor::Account(standing.account) } else { standing.actor() },
        tenant: standing.tenant,
        permissions,
        device: known.bound.map(|bound| bound.device),
        ..Op::nobody(source)
    };
    Ok(Visitor { op, viewer: Some(viewer) })
}

/// Whether nothing but their second factor proves that it is them: the business demands one, they have one, and signed in without.
pub(crate) async fn awaits_second(cx: &Cx) -> Result<bool> {
    let db = cx.app.db();
    let Some(token) = token_of(&cx.headers) else { return Ok(false) };
    Ok(known(db, &token, db.source().now(), true).await?.is_some_and(|known| known.standing.awaits_second(known.second)))
}

/// Notes that the second factor was given in a session: it was set up there just now.
pub(crate) async fn second_given(system: &mut System, session: Option<SessionId>) -> Result<()> {
    sqlx::query!("UPDATE identity.session SET second = true WHERE id = $1 AND ended_at IS NULL", session.map(SessionId::uuid))
        .execute(system.conn())
        .await?;
    Ok(())
}

/// Whether somebody asked, and not their open page by itself: its stream, what it fetches when the stream says that something
/// changed, a device that shows its key. That keeps nobody signed in.
fn attended(parts: &Parts) -> bool {
    let says = |name: &str, what: &str| parts.headers.get(name).is_some_and(|value| value.as_bytes() == what.as_bytes());
    !says("hx-request", "live") && !says("accept", "text/event-stream") && !parts.uri.path().starts_with("/v1/auth/device/")
}

/// What is known of a session that stands. Being asked for counts as a use where somebody `attended` to it.
async fn known(db: &Db, token: &Token, now: At, attended: bool) -> Result<Option<Known>> {
    let key = token.hash();
    let Some(slot) = with_slots(|slots| slots.get(&key).map(|(_, slot)| slot.clone())) else {
        // Only sessions that stand get a place in memory: made-up cookies take none.
        let mut known = ask(db, token, now).await?;
        if let Some(known) = &mut known {
            if attended {
                used(db, &key, known, now).await?;
            }
            remember(key, known.clone());
        }
        return Ok(known);
    };
    let mut place = slot.lock().await;
    let stale = place.as_ref().is_none_or(|known| known.asked.elapsed() >= FRESH || known.over(now));
    if stale {
        let seen_here = place.as_ref().map(|known| known.seen_at);
        *place = ask(db, token, now).await?;
        // The table may lag behind; a pause is counted from what is known here.
        if let (Some(known), Some(seen)) = (place.as_mut(), seen_here) {
            known.seen_at = known.seen_at.max(seen);
        }
    }
    match place.as_mut() {
        Some(known) if attended => used(db, &key, known, now).await?,
        Some(_) => {}
        None => {
            with_slots(|slots| slots.remove(&key));
        }
    }
    Ok(place.clone())
}

/// Notes that a session is used; in the table once a minute. One that is locked stays so.
async fn used(db: &Db, key: &Digested, known: &mut Known, now: At) -> Result<()> {
    if known.locked(now) {
        return Ok(());
    }
    known.seen_at = known.seen_at.max(now);
    if now >= known.noted_at.plus_seconds(NOTED) {
        note(db, key, now).await?;
        known.noted_at = now;
    }
    Ok(())
}

fn remember(key: Digested, known: Known) {
    let account = known.standing.account;
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

/// Asks the table about a session; none when there is none that stands, or its account is locked.
async fn ask(db: &Db, token: &Token, now: At) -> Result<Option<Known>> {
    let asked = Instant::now();
    let mut system = db.system("identity.session").await?;
    let row = sqlx::query!(
        r#"SELECT s.account_id, a.email, a.platform_roles, s.tenant_id, s.assistance_id, s.created_at, s.seen_at, s.proved_at, s.family, s.network, s.csrf, s.shown_at,
            s.second,
            s.held_at IS NOT NULL AS "held!", o.device_id AS "device_id?", o.name AS "device_name?", o.pause_minutes AS "pause_minutes?",
            a.totp_since IS NOT NULL OR EXISTS (SELECT 1 FROM identity.passkey k WHERE k.account_id = a.id AND k.doubted_at IS NULL) AS "has_second!",
            to_jsonb(m) AS "member: Json<StoredMember>"
        FROM identity.session s JOIN identity.account a ON a.id = s.account_id
            LEFT JOIN identity.standing m ON m.tenant_id = s.tenant_id AND m.account_id = s.account_id
            LEFT JOIN identity.on_device o ON o.session_id = s.id
        WHERE (s.token_hash = $1 OR (s.former_hash = $1 AND s.shown_at > $2)) AND s.ended_at IS NULL AND a.locked_at IS NULL
            AND (s.kind = 'browser' OR (s.kind = 'device' AND o.device_id IS NOT NULL AND m.account_id IS NOT NULL))"#,
        &token.hash(),
        now.plus_seconds(-FORMER)
    )
    .fetch_optional(system.conn())
    .await?;
    let Some(row) = row else { return Ok(None) };
    let assistance = row.tenant_id.zip(row.assistance_id);
    let standing = Stored {
        account_id: row.account_id,
        email: row.email,
        platform_roles: row.platform_roles,
        second: row.has_second,
        member: row.member,
    };
    let own = standing.standing()?;
    let mut standing = match assistance {
        Some((tenant, assistance)) => assist::standing(&mut system, own, TenantId::new(tenant), AssistanceId::new(assistance)).await?,
        None => own,
    };
    let mut bound = None;
    if let (Some(device), Some(name), Some(shown_at), Some(minutes)) = (row.device_id, row.device_name, row.shown_at, row.pause_minutes) {
        let (device, pause_seconds) = (DeviceId::new(device), i64::from(minutes) * 60);
        bound = Some(Bound { device, shown_at, pause_seconds, held: row.held });
        standing.permissions = standing.permissions.on_device();
        standing.viewer.device = Some(web::Device { id: device, name, pause_seconds });
    }
    let standing = Arc::new(standing);
    let known = Known {
        viewer: standing.viewer_with(row.csrf.unwrap_or_else(|| token.derive("hearth csrf"))),
        standing,
        bound,
        family: row.family,
        network: row.network,
        created_at: row.created_at,
        proved_at: row.proved_at,
        second: row.second,
        seen_at: row.seen_at,
        noted_at: row.seen_at,
        asked,
    };
    Ok((!known.over(now)).then_some(known))
}

/// A session for an account without a sign-in: for stories and tools of the operator. Returns the cookie's value (for the
/// cookie `__Host-hearth`) and the CSRF token.
pub async fn session_for(db: &Db, account: AccountId, tenant: Option<TenantId>) -> Result<(String, String)> {
    let mut system = db.system("identity.session_for").await?;
    let proof = Proof::now(account, tenant, system.source().now(), false);
    let begun = begin(&mut system, None, &proof, Kind::Browser).await?;
    system.commit().await?;
    Ok((begun.cookie, begun.csrf))
}
