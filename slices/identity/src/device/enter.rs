//! Signing in on a registered device: the device shows its key, a member types their PIN. While somebody is on it, it shows the key
//! again every quarter of an hour, and the PIN is asked for again after its pause.

use axum::http::header;
use db::{Activity, System, activity};
use kernel::{AccountId, Actor, Change, DeviceId, Error, Op, PLATFORM, Result, TenantId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use web::{AT_DEVICE, Cx, Reply};

use super::key::{self, Known, Shown};
use crate::{
    account::Secret,
    client::Client,
    guess::{self, Counted},
    limits,
    login::SignedIn,
    password::{Password, Verdict, hasher},
    pin::Stored,
    secret::{Digested, digest},
    session::{self, Begun, Kind, Proof},
};

/// Wrong PINs on one device, whosever they are, after which there is a pause for all who are on it.
const PAUSE_AFTER: i32 = 10;
/// Seconds for which a browser remembers that it is a device.
const KEPT: i64 = 400 * 24 * 3600;

/// Asks who may sign in on the device.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SeePeople {
    /// The device.
    #[schema(value_type = Uuid)]
    pub device_id: DeviceId,
    /// From `POST /v1/auth/device/challenge`.
    pub challenge: Secret,
    /// ES256 over `hearth device people DEVICE CHALLENGE`, base64url.
    pub signature: String,
}

/// A member who has a PIN.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PersonHere {
    /// The account.
    #[schema(value_type = Uuid)]
    pub account_id: AccountId,
    /// Their name in this business.
    pub name: String,
}

/// Who may sign in on a device.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct People {
    /// The device's name.
    pub device: String,
    /// Whose it is.
    pub business: String,
    /// By name.
    pub rows: Vec<PersonHere>,
}

/// Signs a member in on the device.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeviceLogin {
    /// The device.
    #[schema(value_type = Uuid)]
    pub device_id: DeviceId,
    /// From `POST /v1/auth/device/challenge`.
    pub challenge: Secret,
    /// ES256 over `hearth device login DEVICE CHALLENGE`, base64url.
    pub signature: String,
    /// Who.
    #[schema(value_type = Uuid)]
    pub account_id: AccountId,
    /// Their PIN.
    pub pin: Secret,
}

/// Shows the key again, so that the session goes on.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProveDevice {
    /// The device.
    #[schema(value_type = Uuid)]
    pub device_id: DeviceId,
    /// From `POST /v1/auth/device/challenge`.
    pub challenge: Secret,
    /// ES256 over `hearth device prove DEVICE CHALLENGE`, base64url.
    pub signature: String,
}

/// The session goes on, with another cookie.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Proved {
    /// Who.
    #[schema(value_type = Uuid)]
    pub account: AccountId,
    /// Stays the same as long as the session does.
    pub csrf_token: String,
    /// Whether the PIN is asked for.
    pub locked: bool,
}

/// The `Set-Cookie` header by which a browser remembers that it is a device.
pub(crate) fn at_device() -> String {
    format!("{AT_DEVICE}=1; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={KEPT}")
}

/// The one that makes it forget.
pub(crate) fn no_device() -> String {
    format!("{AT_DEVICE}=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0")
}

/// Members who have a PIN, for a device that has shown its key.
pub(crate) async fn people(cx: &Cx, shown: &Shown<'_>) -> Result<(Known, Vec<PersonHere>)> {
    let known = key::shown(cx.app.db(), "people", shown).await?;
    cx.limit(&limits::ON_DEVICE, known.id.to_string()).await?;
    let mut system = cx.app.db().system("identity.device").await?;
    let rows = sqlx::query!(
        "SELECT m.account_id, m.name FROM identity.pin p JOIN identity.member m ON m.tenant_id = p.tenant_id AND m.account_id = p.account_id
            JOIN identity.account a ON a.id = m.account_id
        WHERE p.tenant_id = $1 AND m.state = 'active' AND a.locked_at IS NULL ORDER BY m.name, m.account_id LIMIT 500",
        known.tenant.uuid()
    )
    .fetch_all(system.conn())
    .await?;
    let rows = rows.into_iter().map(|row| PersonHere { account_id: AccountId::new(row.account_id), name: row.name }).collect();
    Ok((known, rows))
}

/// What is known of a member before their PIN is checked, with the guess counted.
struct Found {
    pin: Option<Stored>,
    locked: bool,
    of_member: Counted,
    of_device: Counted,
    keys: (Digested, Digested),
}

/// Where wrong PINs are counted: of a member on a device, until they choose another one; and of a device, whosever they are.
fn keys(device: &Known, account: AccountId, pin: Option<&Stored>) -> (Digested, Digested) {
    let (tenant, set) = (device.tenant.uuid(), pin.map_or(0, |pin| pin.set_at.micros()).to_be_bytes());
    let member = digest("pin of a member", &[tenant.as_bytes(), account.uuid().as_bytes(), device.id.uuid().as_bytes(), &set]);
    (member, digest("pins of a device", &[tenant.as_bytes(), device.id.uuid().as_bytes()]))
}

/// Looks the member up and counts the guess twice, or not at all: what may not be checked uses up nobody's tries.
async fn find(cx: &Cx, device: &Known, account: AccountId) -> Result<Found> {
    let db = cx.app.db();
    let mut system = db.system("identity.device_sign_in").await?;
    let row = sqlx::query!(
        r#"SELECT p.sealed AS "sealed?", p.set_at AS "set_at?", p.expires_at AS "expires_at?", coalesce(a.locked_at IS NOT NULL, false) AS "locked!"
        FROM (SELECT 1) one
            LEFT JOIN identity.member m ON m.tenant_id = $1 AND m.account_id = $2 AND m.state = 'active'
            LEFT JOIN identity.account a ON a.id = m.account_id
            LEFT JOIN identity.pin p ON p.tenant_id = m.tenant_id AND p.account_id = m.account_id"#,
        device.tenant.uuid(),
        account.uuid()
    )
    .fetch_one(system.conn())
    .await?;
    let pin = match (row.sealed, row.set_at, row.expires_at) {
        (Some(sealed), Some(set_at), Some(expires_at)) => Some(Stored::open(db, device.tenant, account, &sealed, set_at, expires_at)?),
        _ => None,
    };
    let (now, keys) = (system.source().now(), keys(device, account, pin.as_ref()));
    let of_member = guess::count(&mut system, &keys.0).await?;
    of_member.refused(now, "pin.shut")?;
    let of_device = guess::count_of(&mut system, &keys.1, PAUSE_AFTER).await?;
    of_device.refused(now, "pin.shut")?;
    system.commit().await?;
    Ok(Found { pin, locked: row.locked, of_member, of_device, keys })
}

/// Signs a member in: first the device shows its key, then the PIN is looked at. The browser's former session ends.
pub(crate) async fn login(cx: &Cx, shown: &Shown<'_>, account: AccountId, pin: &Secret) -> Result<(SignedIn, Begun)> {
    let db = cx.app.db();
    let device = key::shown(db, "login", shown).await?;
    cx.limit(&limits::ON_DEVICE, device.id.to_string()).await?;
    let op = Op { tenant: Some(device.tenant), device: Some(device.id), ..cx.op.clone() };
    let found = find(cx, &device, account).await?;
    // No connection is held while hashing; who has no PIN, or is no member, costs the same.
    let verdict = hasher().verify(Password::new(pin.0.trim()), found.pin.as_ref().map(Stored::phc)).await?;
    let Some(kept) = found.pin.as_ref().filter(|_| verdict != Verdict::Wrong) else {
        let action = if found.of_member.shuts() || found.of_device.failures % PAUSE_AFTER == 0 {
            activity::LOCKED_OUT
        } else {
            activity::PIN_FAILED
        };
        db.note(Activity::of(&op, action, "account").target(account).detail(json!({ "device": device.id })));
        return Err(Error::rule("pin.wrong").at("pin"));
    };
    if found.locked {
        return Err(Error::rule("account.locked"));
    }
    let mut system = db.system("identity.device_sign_in").await?;
    guess::clear(&mut system, &[found.keys.0]).await?;
    guess::forgive(&mut system, &found.keys.1, found.of_member.failures).await?;
    if system.source().now() >= kept.expires_at {
        system.commit().await?;
        return Err(Error::rule("pin.expired"));
    }
    enter(cx, system, &op, &device, account).await
}

/// Begins the session of somebody who proved who they are, and commits.
async fn enter(cx: &Cx, mut system: System, op: &Op, device: &Known, account: AccountId) -> Result<(SignedIn, Begun)> {
    let now = system.source().now();
    let proof = Proof { device: Some((device.id, device.name.clone())), ..Proof::now(account, Some(device.tenant), now, false) };
    let begun = session::begin(&mut system, Some(&Client::of(&cx.headers, cx.op.address)), &proof, Kind::Device).await?;
    let op = Op { actor: Actor::Account(account), ..op.clone() };
    let after = json!({ "account": account, "how": "pin", "second": false, "device": device.name, "deviceId": device.id });
    system.log(&op, PLATFORM, &Change::of("session.begun", "session", begun.id, &after)).await?;
    system.log(&op, device.tenant, &Change::of("device.entered", "device", device.id, &json!({ "member": account }))).await?;
    session::end_in(&mut system, &cx.headers).await?;
    sqlx::query!(
        "UPDATE identity.device SET account_id = $3 WHERE tenant_id = $1 AND id = $2 AND state = 'registered'",
        device.tenant.uuid(),
        device.id.uuid(),
        account.uuid()
    )
    .execute(system.conn())
    .await?;
    system.commit().await?;
    cx.app.db().note(
        Activity::of(&op, activity::SIGNED_IN, "account")
            .target(account)
            .detail(json!({ "how": "pin", "session": "device", "device": device.id })),
    );
    Ok((SignedIn { account, tenant: Some(device.tenant), csrf_token: begun.csrf.clone() }, begun))
}

/// Shows the key of the request's own session.
async fn prove(cx: &Cx, wanted: &ProveDevice) -> Result<(Proved, Begun)> {
    let shown = Shown { device: wanted.device_id, challenge: &wanted.challenge, signature: &wanted.signature };
    let device = key::shown(cx.app.db(), "prove", &shown).await?;
    let mut system = cx.app.db().system("identity.device_prove").await?;
    // The session is that device's own, or none.
    let own = session::on_device(&mut system, &cx.headers).await?.filter(|own| own.device == device.id && own.tenant == device.tenant);
    let own = own.ok_or(Error::Unauthenticated)?;
    let begun = session::rotate(&mut system, &cx.headers, &own).await?;
    system.commit().await?;
    Ok((Proved { account: own.account, csrf_token: own.csrf, locked: own.locked }, begun))
}

/// Who is on the device now, locked or not.
pub(crate) async fn here(cx: &Cx) -> Result<Option<(AccountId, TenantId)>> {
    let mut system = cx.app.db().system("identity.device").await?;
    let own = session::on_device(&mut system, &cx.headers).await?;
    Ok(own.map(|own| (own.account, own.tenant)))
}

/// `POST /v1/auth/device/people`.
pub(crate) async fn post_people(cx: Cx, wanted: SeePeople) -> Result<Reply> {
    let shown = Shown { device: wanted.device_id, challenge: &wanted.challenge, signature: &wanted.signature };
    let (known, rows) = people(&cx, &shown).await?;
    Reply::json(&People { device: known.name, business: known.business, rows })
}

/// `POST /v1/auth/device/login`.
pub(crate) async fn post_login(cx: Cx, wanted: DeviceLogin) -> Result<Reply> {
    let shown = Shown { device: wanted.device_id, challenge: &wanted.challenge, signature: &wanted.signature };
    let (signed_in, begun) = login(&cx, &shown, wanted.account_id, &wanted.pin).await?;
    Ok(signed_in.reply(&begun)?.header(header::SET_COOKIE, at_device()))
}

/// `POST /v1/auth/device/prove`.
pub(crate) async fn post_prove(cx: Cx, wanted: ProveDevice) -> Result<Reply> {
    let (proved, begun) = prove(&cx, &wanted).await?;
    Ok(Reply::json(&proved)?.header(header::SET_COOKIE, begun.set_cookie()))
}

/// `POST /v1/auth/device/lock`: from now on the PIN is asked for.
pub(crate) async fn post_lock(cx: Cx) -> Result<Reply> {
    let mut system = cx.app.db().system("identity.device").await?;
    session::hold(&mut system, &cx.headers).await?;
    system.commit().await?;
    Ok(Reply::empty())
}
