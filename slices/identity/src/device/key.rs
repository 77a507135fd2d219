//! The key of a device, and how it shows it: a signature over what the program asked it to sign, once, within two minutes.

use axum::http::header;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use db::{Db, System};
use kernel::{At, DeviceId, Error, Result, TenantId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use vault::PublicKey;
use web::{AT_DEVICE, Cx, Reply};

use super::enter::no_device;
use crate::{account::Secret, secret::Token};

/// Seconds for which a challenge stands.
const STANDS: i64 = 120;

/// A public key of P-256 as a JSON Web Key (RFC 7517).
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeviceKey {
    /// `EC`.
    pub kty: String,
    /// `P-256`.
    pub crv: String,
    /// x, base64url.
    pub x: String,
    /// y, base64url.
    pub y: String,
}

impl DeviceKey {
    /// Its point. That it lies on the curve shows when it verifies a signature.
    pub(crate) fn point(&self) -> Result<PublicKey> {
        let wrong = || Error::rule("device.key");
        let coordinate = |text: &str| URL_SAFE_NO_PAD.decode(text).ok().filter(|bytes| bytes.len() == 32);
        let (Some(x), Some(y), "EC", "P-256") = (coordinate(&self.x), coordinate(&self.y), self.kty.as_str(), self.crv.as_str()) else {
            return Err(wrong());
        };
        PublicKey::from_bytes(&[&[4], x.as_slice(), y.as_slice()].concat()).map_err(|_| wrong())
    }
}

/// Whether a signature over a text is the key's.
pub(crate) fn proves(key: &PublicKey, said: &str, signature: &str) -> bool {
    // One of 64 bytes has 86 signs.
    signature.len() == 86 && URL_SAFE_NO_PAD.decode(signature).is_ok_and(|bytes| key.verify(said.as_bytes(), &bytes))
}

/// Asks for something to sign.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AskChallenge {
    /// Which device asks.
    #[schema(value_type = Uuid)]
    pub device_id: DeviceId,
}

/// What a device signs.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Challenge {
    /// Goes into the signed text: `hearth device PURPOSE DEVICE CHALLENGE`.
    pub challenge: String,
    /// Until when it stands: two minutes.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: At,
}

/// What a device shows: which one it is, and a signature over `hearth device PURPOSE DEVICE CHALLENGE`.
#[derive(Clone, Debug)]
pub(crate) struct Shown<'a> {
    pub device: DeviceId,
    pub challenge: &'a Secret,
    pub signature: &'a str,
}

/// A device that stands.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub id: DeviceId,
    pub tenant: TenantId,
    pub name: String,
    pub business: String,
    key: PublicKey,
}

fn unknown() -> Error {
    Error::rule("device.unknown")
}

/// A registered device, by its id alone.
async fn known(system: &mut System, device: DeviceId) -> Result<Known> {
    let row = sqlx::query!(
        r#"SELECT d.tenant_id, d.name, d.public_key AS "public_key!", t.name AS business FROM identity.device d JOIN db.tenant t ON t.id = d.tenant_id
        WHERE d.id = $1 AND d.state = 'registered'"#,
        device.uuid()
    )
    .fetch_optional(system.conn())
    .await?
    .ok_or_else(unknown)?;
    let key = PublicKey::from_bytes(&row.public_key).map_err(|_| Error::Internal(format!("the key of device {device} can't be read")))?;
    Ok(Known { id: device, tenant: TenantId::new(row.tenant_id), name: row.name, business: row.business, key })
}

/// Makes something to sign.
pub(crate) async fn ask(db: &Db, device: DeviceId) -> Result<Challenge> {
    let mut system = db.system("identity.device").await?;
    known(&mut system, device).await?;
    let token = Token::new(system.source());
    let expires_at = system.source().now().plus_seconds(STANDS);
    sqlx::query!(
        "INSERT INTO identity.device_challenge (token_hash, device_id, expires_at) VALUES ($1, $2, $3)",
        &token.hash(),
        device.uuid(),
        expires_at
    )
    .execute(system.conn())
    .await?;
    system.commit().await?;
    Ok(Challenge { challenge: token.text(), expires_at })
}

/// Holds a device to its key. The challenge is spent by looking at it, whatever comes of it: of several that show the same one
/// looks.
pub(crate) async fn shown(db: &Db, purpose: &str, shown: &Shown<'_>) -> Result<Known> {
    let over = || Error::rule("device.over");
    let hash = Token::read(&shown.challenge.0).ok_or_else(over)?.hash();
    let mut system = db.system("identity.device").await?;
    let now = system.source().now();
    let taken = sqlx::query!(
        "DELETE FROM identity.device_challenge WHERE token_hash = $1 AND device_id = $2 AND expires_at > $3",
        &hash,
        shown.device.uuid(),
        now
    )
    .execute(system.conn())
    .await?;
    let known = known(&mut system, shown.device).await;
    if taken.rows_affected() != 1 {
        return Err(over());
    }
    let known = match known {
        Ok(known) => known,
        Err(error) => {
            system.commit().await?;
            return Err(error);
        }
    };
    let right = proves(&known.key, &format!("hearth device {purpose} {} {}", shown.device, shown.challenge.0), shown.signature);
    if right {
        sqlx::query!("UPDATE identity.device SET seen_at = $3 WHERE tenant_id = $1 AND id = $2", known.tenant.uuid(), known.id.uuid(), now)
            .execute(system.conn())
            .await?;
    }
    system.commit().await?;
    if right { Ok(known) } else { Err(unknown()) }
}

/// `POST /v1/auth/device/challenge`. A browser that is no device any more forgets that it was.
pub(crate) async fn post_ask(cx: Cx, wanted: AskChallenge) -> Result<Reply> {
    match ask(cx.app.db(), wanted.device_id).await {
        Ok(challenge) => Reply::json(&challenge),
        Err(error) if error.code() == "device.unknown" && cx.cookie(AT_DEVICE).is_some() => {
            Ok(Reply::problem(&cx, &error, &serde_json::json!({})).header(header::SET_COOKIE, no_device()))
        }
        Err(error) => Err(error),
    }
}
