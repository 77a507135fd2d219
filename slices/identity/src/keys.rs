//! The keys that sign access tokens: published before they sign, and until their last token ended.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use db::{Db, System};
use jsonwebtoken::{DecodingKey, EncodingKey};
use kernel::{At, Error, Op, PLATFORM, Result};
use serde::Serialize;
use utoipa::ToSchema;
use vault::{PublicKey, SigningKey};

use crate::token::{LIFE, SKEW};

/// A key signs for so long: 30 days.
const SIGNS: i64 = 30 * 24 * 3600;
/// A new key is published so long before it signs: every node, and whoever keeps the published keys for some minutes, knows it.
pub(crate) const AHEAD: i64 = 3600;
/// Keys are read anew after this long, and when a token names one that is not known.
const FRESH: Duration = Duration::from_secs(30);

/// One key.
struct Key {
    kid: String,
    public: PublicKey,
    encoding: EncodingKey,
    decoding: DecodingKey,
    signs_from: At,
    retires_at: Option<At>,
}

/// The keys as a node knows them.
#[derive(Default)]
pub(crate) struct Keys {
    read: RwLock<Option<(Instant, Arc<Vec<Key>>)>>,
    reading: tokio::sync::Mutex<()>,
}

/// The public keys that are valid now (RFC 7517).
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct KeySet {
    /// Each key.
    pub keys: Vec<PublicJwk>,
}

/// One public key.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct PublicJwk {
    /// `EC`.
    pub kty: &'static str,
    /// `P-256`.
    pub crv: &'static str,
    /// `ES256`.
    pub alg: &'static str,
    /// `sig`.
    #[serde(rename = "use")]
    pub usage: &'static str,
    /// Its id.
    pub kid: String,
    /// x, base64url.
    pub x: String,
    /// y, base64url.
    pub y: String,
}

impl Keys {
    fn known(&self) -> Option<Arc<Vec<Key>>> {
        let read = self.read.read().unwrap_or_else(PoisonError::into_inner);
        read.as_ref().filter(|(at, _)| at.elapsed() < FRESH).map(|(_, keys)| keys.clone())
    }

    async fn all(&self, db: &Db) -> Result<Arc<Vec<Key>>> {
        match self.known() {
            Some(keys) => Ok(keys),
            None => self.read_again(db).await,
        }
    }

    async fn read_again(&self, db: &Db) -> Result<Arc<Vec<Key>>> {
        let _alone = self.reading.lock().await;
        if let Some(keys) = self.known() {
            return Ok(keys);
        }
        let mut system = db.system("identity.signing_keys").await?;
        ensure(&mut system, db).await?;
        let keys = Arc::new(load(&mut system, db).await?);
        system.commit().await?;
        *self.read.write().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), keys.clone()));
        Ok(keys)
    }

    /// The key that signs now.
    pub async fn signing(&self, db: &Db) -> Result<(String, EncodingKey)> {
        let keys = self.all(db).await?;
        // Read afterwards: the first key signs from the moment in which it was just made.
        let now = db.source().now();
        let due = keys.iter().filter(|key| key.signs_from <= now).max_by_key(|key| key.signs_from);
        // The very first one may have been made by a node whose clock goes a little before this one's.
        let key = due.or_else(|| keys.iter().min_by_key(|key| key.signs_from));
        key.map(|key| (key.kid.clone(), key.encoding.clone())).ok_or_else(|| Error::Internal("no key signs".into()))
    }

    /// The key of an id, where it is valid now.
    pub async fn verifying(&self, db: &Db, kid: &str) -> Result<Option<DecodingKey>> {
        let now = db.source().now();
        let find = |keys: &[Key]| {
            let valid = |key: &&Key| key.kid == kid && key.retires_at.is_none_or(|at| now < at);
            keys.iter().find(valid).map(|key| key.decoding.clone())
        };
        // An id that is not known costs no look at the database: keys are published an hour before they sign.
        Ok(find(&self.all(db).await?))
    }

    /// Whether the key of an id is valid now.
    pub async fn stands(&self, db: &Db, kid: &str) -> Result<bool> {
        let keys = self.all(db).await?;
        let now = db.source().now();
        Ok(keys.iter().any(|key| key.kid == kid && key.retires_at.is_none_or(|at| now < at)))
    }

    /// What is published.
    pub async fn published(&self, db: &Db) -> Result<KeySet> {
        let now = db.source().now();
        let keys = self.all(db).await?;
        let one = |key: &Key| {
            let (x, y) = key.public.coordinates();
            PublicJwk { kty: "EC", crv: "P-256", alg: "ES256", usage: "sig", kid: key.kid.clone(), x, y }
        };
        Ok(KeySet { keys: keys.iter().filter(|key| key.retires_at.is_none_or(|at| now < at)).map(one).collect() })
    }
}

fn sealed_for(kid: &str) -> Vec<u8> {
    format!("signing:{kid}").into_bytes()
}

async fn load(system: &mut System, db: &Db) -> Result<Vec<Key>> {
    let rows = sqlx::query!("SELECT kid, public_key, private_key, signs_from, retires_at FROM identity.signing_key ORDER BY signs_from")
        .fetch_all(system.conn())
        .await?;
    rows.into_iter()
        .map(|row| {
            let private = SigningKey::from_pkcs8(&db.vault().open(&sealed_for(&row.kid), &row.private_key)?)?;
            let public = PublicKey::from_bytes(&row.public_key).ok().filter(|public| *public == private.public());
            let public = public.ok_or_else(|| Error::Internal(format!("the signing key {} does not fit together", row.kid)))?;
            let (x, y) = public.coordinates();
            let decoding = DecodingKey::from_ec_components(&x, &y).map_err(|e| Error::Internal(e.to_string()))?;
            let encoding = EncodingKey::from_ec_der(private.pkcs8());
            Ok(Key { kid: row.kid, public, encoding, decoding, signs_from: row.signs_from, retires_at: row.retires_at })
        })
        .collect()
}

/// Makes the first key, which signs at once; and in time the next one.
async fn ensure(system: &mut System, db: &Db) -> Result<()> {
    let now = system.source().now();
    let newest = sqlx::query_scalar!("SELECT max(signs_from) FROM identity.signing_key").fetch_one(system.conn()).await?;
    match newest {
        None => make(system, db, now).await.map(|_| ()),
        Some(newest) if newest.plus_seconds(SIGNS - AHEAD) < now => {
            make(system, db, newest.plus_seconds(SIGNS).max(now.plus_seconds(AHEAD))).await.map(|_| ())
        }
        Some(_) => Ok(()),
    }
}

/// Makes a key that signs from a moment on; those before it end when their last token has.
async fn make(system: &mut System, db: &Db, signs_from: At) -> Result<String> {
    // One at a time, whichever node: the second one finds the first one's key.
    sqlx::query("SELECT pg_advisory_xact_lock(hashtext('identity.signing_key'))").execute(system.conn()).await?;
    let newest = sqlx::query!("SELECT kid, signs_from FROM identity.signing_key ORDER BY signs_from DESC LIMIT 1")
        .fetch_optional(system.conn())
        .await?;
    if let Some(there) = newest.filter(|there| there.signs_from >= signs_from || there.signs_from > system.source().now()) {
        return Ok(there.kid);
    }
    let (key, now) = (SigningKey::generate()?, system.source().now());
    let public = key.public();
    let kid = public.kid();
    let sealed = db.vault().seal(&sealed_for(&kid), key.pkcs8())?;
    let ends = signs_from.plus_seconds(LIFE + 2 * SKEW + 60);
    sqlx::query!("UPDATE identity.signing_key SET retires_at = $1 WHERE retires_at IS NULL OR retires_at > $1", ends)
        .execute(system.conn())
        .await?;
    sqlx::query!("DELETE FROM identity.signing_key WHERE retires_at < $1", now.plus_seconds(-SIGNS)).execute(system.conn()).await?;
    sqlx::query!(
        "INSERT INTO identity.signing_key (kid, public_key, private_key, created_at, signs_from) VALUES ($1, $2, $3, $4, $5)",
        kid,
        public.bytes(),
        sealed,
        now,
        signs_from
    )
    .execute(system.conn())
    .await?;
    let op = Op::program(system.source(), "keys", None);
    let after = serde_json::json!({ "kid": kid, "signsFrom": signs_from });
    let id = kernel::Id::<kernel::of::Key>::new(system.source().uuid());
    system.log(&op, PLATFORM, &kernel::Change::of("key.made", "signing-key", id, &after)).await?;
    Ok(kid)
}

/// Makes the next signing key now: `hearth keys rotate --signing`. Published at once, it signs after an hour; one that waits
/// already is told instead.
///
/// With `at_once` the key signs now and every other one ends now: one of them leaked. Tokens that they signed are refused
/// within half a minute, and programs change their refresh tokens into new ones.
pub async fn rotate_signing(db: &Db, at_once: bool) -> Result<(String, At)> {
    let mut system = db.system("identity.rotate_signing").await?;
    let now = system.source().now();
    if at_once {
        sqlx::query!("DELETE FROM identity.signing_key").execute(system.conn()).await?;
    }
    let kid = make(&mut system, db, if at_once { now } else { now.plus_seconds(AHEAD) }).await?;
    let signs_from =
        sqlx::query_scalar!("SELECT signs_from FROM identity.signing_key WHERE kid = $1", kid).fetch_one(system.conn()).await?;
    system.commit().await?;
    Ok((kid, signs_from))
}

/// Seals every signing key anew with the ring's last key; returns how many.
pub(crate) async fn reseal(system: &mut System, db: &Db) -> Result<u64> {
    let rows = sqlx::query!("SELECT kid, private_key FROM identity.signing_key FOR UPDATE").fetch_all(system.conn()).await?;
    let (mut kids, mut sealed) = (Vec::new(), Vec::new());
    for row in rows {
        let about = sealed_for(&row.kid);
        sealed.push(db.vault().seal(&about, &db.vault().open(&about, &row.private_key)?)?);
        kids.push(row.kid);
    }
    let done = sqlx::query!(
        "UPDATE identity.signing_key k SET private_key = u.sealed FROM unnest($1::text[], $2::bytea[]) AS u (kid, sealed) WHERE k.kid = u.kid",
        &kids,
        &sealed
    )
    .execute(system.conn())
    .await?;
    Ok(done.rows_affected())
}
