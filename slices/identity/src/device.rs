//! Registered devices: tills, tablets, wall screens and phones of a business. Each is known by a key that it makes itself and that
//! can't be copied out of it; members sign in on it by PIN. The owner makes a code, which is opened or typed on the device.

pub(crate) mod enter;
pub(crate) mod key;

use db::{
    System, Tx,
    list::{Column, Filter, Kind as Of, List, Sort},
};
use kernel::{AccountId, Actor, At, Change, DeviceId, Error, Op, Permission, Result, SiteId, TenantId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use web::{App, Cx, Reply};

use crate::{
    account::Secret,
    secret::{self, Digested, digest},
    site,
};

/// Seconds for which a code stands.
const STANDS: i64 = 15 * 60;
/// Signs of a code, five bits each: 60 bits, of which a guesser tries 30 a minute for a quarter of an hour.
const CODE: usize = 12;
/// Devices of a business at most, those taken away left out.
const MOST: i64 = 500;
/// Minutes without use after which the PIN is asked for, unless the device says otherwise.
pub(crate) const PAUSE: i32 = 15;

/// The devices of the business.
pub(crate) static DEVICES: List = List {
    name: "devices",
    sql: "SELECT d.id, d.name, d.kind, i.name AS site, d.state, d.seen_at, m.name AS person, d.pause_minutes::bigint AS pause_minutes,
            d.site_id, d.account_id, d.created_at, d.registered_at, d.revoked_at, d.version::bigint AS version
        FROM identity.device d JOIN identity.site i ON i.tenant_id = d.tenant_id AND i.id = d.site_id
            LEFT JOIN identity.member m ON m.tenant_id = d.tenant_id AND m.account_id = d.account_id WHERE d.tenant_id = $1",
    columns: &[
        Column::hidden("id", Of::Id),
        Column::shown("name", Of::Text, "device-name"),
        Column::shown("kind", Of::Text, "device-kind"),
        Column::shown("site", Of::Text, "device-site"),
        Column::shown("state", Of::Text, "device-state"),
        Column::shown("seen_at", Of::Time, "device-seen"),
        Column::shown("person", Of::Text, "device-person"),
        Column::hidden("pause_minutes", Of::Whole),
        Column::hidden("site_id", Of::Id),
        Column::hidden("account_id", Of::Id),
        Column::hidden("created_at", Of::Time),
        Column::hidden("registered_at", Of::Time),
        Column::hidden("revoked_at", Of::Time),
        Column::hidden("version", Of::Whole),
    ],
    filters: &[
        Filter { name: "state", sql: "state = {}", kind: Of::Text },
        Filter { name: "kind", sql: "kind = {}", kind: Of::Text },
        Filter { name: "site", sql: "site_id = {}", kind: Of::Id },
    ],
    sorts: &[Sort { name: "created", column: "created_at", kind: Of::Time }, Sort { name: "name", column: "name", kind: Of::Text }],
    newest_first: true,
    key: "id",
};

/// What a device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Where sales are rung.
    Till,
    /// In the kitchen, in the bakehouse, in somebody's hand.
    Tablet,
    /// On a wall, for many to look at.
    WallScreen,
    /// A driver's.
    Phone,
}

impl Kind {
    /// All of them.
    pub const ALL: &[Self] = &[Self::Till, Self::Tablet, Self::WallScreen, Self::Phone];

    /// The stored word.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Till => "till",
            Self::Tablet => "tablet",
            Self::WallScreen => "wall_screen",
            Self::Phone => "phone",
        }
    }

    fn read(code: &str) -> Result<Self> {
        let found = Self::ALL.iter().find(|kind| kind.code() == code).copied();
        found.ok_or_else(|| Error::Internal(format!("no kind of device is called {code}")))
    }
}

/// Makes a code by which a device is registered.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AddDevice {
    /// What people call it: "Front till".
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// Where it stands.
    #[schema(value_type = Uuid)]
    pub site_id: SiteId,
    /// Minutes without use after which the PIN is asked for, 5 to 60; 15 if not given.
    #[serde(default)]
    pub pause_minutes: Option<i32>,
}

/// A device that waits for its code.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AddedDevice {
    /// Its id.
    #[schema(value_type = Uuid)]
    pub id: DeviceId,
    /// To be typed on the device; shown this once, works once.
    pub code: String,
    /// The same to be opened there.
    pub link: String,
    /// Until when it stands: 15 minutes.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: At,
}

/// Changes what a device is called, where it stands, how long it waits.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangeDevice {
    /// Which one.
    #[schema(value_type = Uuid)]
    pub id: DeviceId,
    /// What people call it.
    pub name: String,
    /// Where it stands.
    #[schema(value_type = Uuid)]
    pub site_id: SiteId,
    /// Minutes without use after which the PIN is asked for, 5 to 60.
    pub pause_minutes: i32,
    /// The version that was read.
    pub version: i32,
}

/// Takes a device away: whoever is on it is signed out, and nobody signs in there any more.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RevokeDevice {
    /// Which one.
    #[schema(value_type = Uuid)]
    pub id: DeviceId,
}

/// A device.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Device {
    /// Its id.
    #[schema(value_type = Uuid)]
    pub id: DeviceId,
    /// What people call it.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// Where it stands.
    #[schema(value_type = Uuid)]
    pub site_id: SiteId,
    /// `waiting` for its code, `registered`, or `revoked`.
    pub state: String,
    /// Minutes without use after which the PIN is asked for.
    pub pause_minutes: i32,
    /// When it last showed its key.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub seen_at: Option<At>,
    /// Who is signed in on it.
    pub person: Option<String>,
    /// Grows with each change.
    pub version: i32,
}

/// Registers the device that sends it.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RegisterDevice {
    /// The code, with or without its hyphens.
    pub code: Secret,
    /// The device's public key.
    pub public_key: key::DeviceKey,
    /// ES256 over `hearth device register CODE`, base64url: 64 bytes. CODE is written as it is sent.
    pub signature: String,
}

/// A device that was registered.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RegisteredDevice {
    /// Its id, which it sends with each sign-in.
    #[schema(value_type = Uuid)]
    pub device_id: DeviceId,
    /// What people call it.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// Whose it is.
    pub business: String,
}

/// A code as it is kept: hyphens, spaces and capitals do not matter.
fn hash(code: &str) -> Digested {
    let plain: String = code.chars().filter(|c| !c.is_whitespace() && *c != '-').flat_map(char::to_lowercase).take(64).collect();
    digest("device code", &[plain.as_bytes()])
}

fn pause(minutes: i32) -> Result<i32> {
    if (5..=60).contains(&minutes) { Ok(minutes) } else { Err(Error::field("pauseMinutes", "device.pause")) }
}

/// A site of the business, blamed on its field where there is none.
async fn at_site(tx: &mut Tx, id: SiteId) -> Result<SiteId> {
    site::site(tx, id).await.map(|site| site.id).map_err(|error| error.at("siteId"))
}

impl AddDevice {
    /// Makes it, with its code.
    pub(crate) async fn make(self, tx: &mut Tx, app: &App) -> Result<AddedDevice> {
        let name = site::name("name", &self.name)?;
        let minutes = pause(self.pause_minutes.unwrap_or(PAUSE))?;
        let site = at_site(tx, self.site_id).await?;
        let (tenant, now) = (tx.tenant().uuid(), tx.now());
        let there =
            sqlx::query_scalar!(r#"SELECT count(*) AS "n!" FROM identity.device WHERE tenant_id = $1 AND state <> 'revoked'"#, tenant)
                .fetch_one(tx.conn())
                .await?;
        if there >= MOST {
            return Err(Error::rule("device.many"));
        }
        let code = secret::readable::<CODE>(&tx.op().source);
        let (id, by, expires_at) = (tx.op().id::<kernel::of::Device>(), tx.op().account()?.uuid(), now.plus_seconds(STANDS));
        sqlx::query!(
            "INSERT INTO identity.device (tenant_id, id, site_id, name, kind, pause_minutes, code_hash, code_expires_at, created_by, created_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            tenant,
            id.uuid(),
            site.uuid(),
            name,
            self.kind.code(),
            minutes,
            &hash(&code),
            expires_at,
            by,
            now
        )
        .execute(tx.conn())
        .await?;
        tx.log(Change::of(
            "device.added",
            "device",
            id,
            &json!({ "name": name, "kind": self.kind, "site": site, "pauseMinutes": minutes }),
        ));
        let link = format!("{}/device/register?code={code}", app.settings().public_url.trim_end_matches('/'));
        Ok(AddedDevice { id, code, link, expires_at })
    }
}

/// A device of the transaction's business.
pub(crate) async fn device(tx: &mut Tx, id: DeviceId) -> Result<Device> {
    let tenant = tx.tenant().uuid();
    let row = sqlx::query!(
        r#"SELECT d.name, d.kind, d.site_id, d.state, d.pause_minutes, d.seen_at, m.name AS "person?", d.version
        FROM identity.device d LEFT JOIN identity.member m ON m.tenant_id = d.tenant_id AND m.account_id = d.account_id
        WHERE d.tenant_id = $1 AND d.id = $2"#,
        tenant,
        id.uuid()
    )
    .fetch_optional(tx.conn())
    .await?
    .ok_or(Error::NotFound)?;
    Ok(Device {
        id,
        name: row.name,
        kind: Kind::read(&row.kind)?,
        site_id: SiteId::new(row.site_id),
        state: row.state,
        pause_minutes: row.pause_minutes,
        seen_at: row.seen_at,
        person: row.person,
        version: row.version,
    })
}

impl Device {
    /// What the log keeps of a change: no person's name.
    fn logged(&self) -> serde_json::Value {
        json!({ "name": self.name, "site": self.site_id, "pauseMinutes": self.pause_minutes })
    }
}

impl db::Command for ChangeDevice {
    const NEEDS: Permission = Permission::SettingsWrite;
    type Out = Device;
    async fn run(self, tx: &mut Tx) -> Result<Device> {
        let before = device(tx, self.id).await?;
        let (name, minutes) = (site::name("name", &self.name)?, pause(self.pause_minutes)?);
        if before.state == "revoked" {
            return Err(Error::rule("device.state"));
        }
        let (site, tenant) = (at_site(tx, self.site_id).await?, tx.tenant().uuid());
        let changed = sqlx::query!(
            "UPDATE identity.device SET name = $3, site_id = $4, pause_minutes = $5, version = version + 1 WHERE tenant_id = $1 AND id = $2 AND version = $6",
            tenant,
            self.id.uuid(),
            name,
            site.uuid(),
            minutes,
            self.version
        )
        .execute(tx.conn())
        .await?;
        if changed.rows_affected() != 1 {
            return Err(Error::Stale);
        }
        let after = Device { name, site_id: site, pause_minutes: minutes, version: self.version + 1, ..before.clone() };
        tx.log(Change::of("device.changed", "device", self.id, &after.logged()).from(&before.logged()));
        Ok(after)
    }
}

impl db::Command for RevokeDevice {
    const NEEDS: Permission = Permission::SettingsWrite;
    type Out = Device;
    /// The sessions on it stand only as long as it is registered: every node asks at least once a second.
    async fn run(self, tx: &mut Tx) -> Result<Device> {
        let (tenant, now) = (tx.tenant().uuid(), tx.now());
        let revoked = sqlx::query!(
            "UPDATE identity.device SET state = 'revoked', revoked_at = $3, code_hash = NULL, code_expires_at = NULL, public_key = NULL, account_id = NULL,
                version = version + 1
            WHERE tenant_id = $1 AND id = $2 AND state <> 'revoked'",
            tenant,
            self.id.uuid(),
            now
        )
        .execute(tx.conn())
        .await?;
        let after = device(tx, self.id).await?;
        if revoked.rows_affected() != 1 {
            return Err(Error::rule("device.state"));
        }
        tx.log(Change::of("device.revoked", "device", self.id, &json!({ "name": after.name, "kind": after.kind })));
        crate::session::forget_device(self.id);
        Ok(after)
    }
}

/// A code that stands, as the page that it opens shows it.
pub(crate) struct Standing {
    pub name: String,
    pub business: String,
}

fn no_code() -> Error {
    Error::rule("device.code")
}

/// Whose code it is. Looking spends nothing.
pub(crate) async fn standing(cx: &Cx, code: &str) -> Result<Standing> {
    let mut system = cx.app.db().system("identity.device").await?;
    let now = system.source().now();
    let row = sqlx::query!(
        "SELECT d.name, t.name AS business FROM identity.device d JOIN db.tenant t ON t.id = d.tenant_id
        WHERE d.code_hash = $1 AND d.state = 'waiting' AND d.code_expires_at > $2",
        &hash(code),
        now
    )
    .fetch_optional(system.conn())
    .await?
    .ok_or_else(no_code)?;
    Ok(Standing { name: row.name, business: row.business })
}

/// Takes the key of a device that has a code. The code is the server's nonce: it is random, signed by the key, and spent by one
/// statement, so that of several that come with it one is registered.
async fn register(cx: &Cx, wanted: &RegisterDevice) -> Result<RegisteredDevice> {
    let public = wanted.public_key.point()?;
    if !key::proves(&public, &format!("hearth device register {}", wanted.code.0), &wanted.signature) {
        return Err(Error::rule("device.key"));
    }
    let mut system = cx.app.db().system("identity.device").await?;
    let now = system.source().now();
    let row = sqlx::query!(
        "UPDATE identity.device d SET state = 'registered', public_key = $3, registered_at = $2, seen_at = $2, code_hash = NULL, code_expires_at = NULL,
            version = d.version + 1
        FROM db.tenant t
        WHERE d.code_hash = $1 AND d.state = 'waiting' AND d.code_expires_at > $2 AND t.id = d.tenant_id
        RETURNING d.tenant_id, d.id, d.name, d.kind, t.name AS business",
        &hash(&wanted.code.0),
        now,
        public.bytes()
    )
    .fetch_optional(system.conn())
    .await?
    .ok_or_else(no_code)?;
    let (id, tenant) = (DeviceId::new(row.id), TenantId::new(row.tenant_id));
    // Who sits there may be signed in for another business: it is the code that speaks.
    let op = Op { actor: Actor::Nobody, tenant: Some(tenant), ..cx.op.clone() };
    let after = json!({ "name": row.name, "kind": row.kind, "key": public.kid() });
    system.log(&op, tenant, &Change::of("device.registered", "device", id, &after)).await?;
    system.commit().await?;
    Ok(RegisteredDevice { device_id: id, name: row.name, kind: Kind::read(&row.kind)?, business: row.business })
}

/// Says that nobody is signed in on the devices of these sessions any more.
pub(crate) async fn left(system: &mut System, account: AccountId, device: Option<uuid::Uuid>) -> Result<()> {
    if let Some(device) = device {
        sqlx::query!("UPDATE identity.device SET account_id = NULL WHERE id = $1 AND account_id = $2", device, account.uuid())
            .execute(system.conn())
            .await?;
    }
    Ok(())
}

/// Forgets codes that nobody used, what nobody signed, and who was on a device that shows its key no more.
pub(crate) async fn sweep(system: &mut System) -> Result<()> {
    let now = system.source().now();
    sqlx::query!("DELETE FROM identity.device WHERE state = 'waiting' AND code_expires_at < $1", now.plus_seconds(-24 * 3600))
        .execute(system.conn())
        .await?;
    sqlx::query!(
        "UPDATE identity.device SET account_id = NULL WHERE account_id IS NOT NULL AND seen_at < $1",
        now.plus_seconds(-crate::session::GONE)
    )
    .execute(system.conn())
    .await?;
    sqlx::query!("DELETE FROM identity.device_challenge WHERE expires_at < $1", now).execute(system.conn()).await?;
    Ok(())
}

/// `POST /v1/devices`. The code is shown in this answer and never again, so it is kept by no intent.
pub(crate) async fn post_add(cx: Cx, wanted: AddDevice) -> Result<Reply> {
    Reply::json(&add(&cx, wanted).await?)
}

/// Adds a device.
pub(crate) async fn add(cx: &Cx, wanted: AddDevice) -> Result<AddedDevice> {
    cx.op.needs(Permission::SettingsWrite)?;
    let mut tx = cx.tx().await?;
    let added = wanted.make(&mut tx, &cx.app).await?;
    tx.commit().await?;
    Ok(added)
}

/// `POST /v1/devices/register`: the browser remembers that it is a device.
pub(crate) async fn post_register(cx: Cx, wanted: RegisterDevice) -> Result<Reply> {
    let registered = register(&cx, &wanted).await?;
    Ok(Reply::json(&registered)?.header(axum::http::header::SET_COOKIE, enter::at_device()))
}
