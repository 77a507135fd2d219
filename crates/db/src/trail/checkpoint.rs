//! Checkpoints: signed words that a tenant's log ended with this number and this hash at that moment. Whoever holds one can
//! tell whether anything before it was changed, removed or put in between since.

use std::{collections::HashSet, fmt, sync::Arc};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use futures::future::BoxFuture;
use kernel::{At, Change, Id, Op, PLATFORM, Result, TenantId, of};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sqlx::PgConnection;
use uuid::Uuid;
use vault::{PublicKey, SigningKey};

use super::chain::{Hash, hex};
use crate::Db;

/// Takes checkpoints off this machine; the same ones may come twice.
pub type Deliver = Arc<dyn Fn(Vec<Checkpoint>) -> BoxFuture<'static, Result<()>> + Send + Sync>;

/// How many checkpoints are made, or taken away, at once.
const BATCH: i64 = 1_000;

/// One checkpoint.
#[derive(Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Whose log.
    pub tenant_id: Uuid,
    /// Its last number.
    pub n: i64,
    /// The hash of that entry.
    pub hash: Vec<u8>,
    /// Where the chain begins.
    pub chained_after: i64,
    /// When it was signed.
    pub at: At,
    /// The checkpoint before it.
    pub previous_n: Option<i64>,
    /// Its digest.
    pub previous_digest: Option<Vec<u8>>,
    /// The thumbprint of the key.
    pub kid: String,
    /// The key.
    pub public_key: Vec<u8>,
    /// ES256 over [`Self::text`].
    pub signature: Vec<u8>,
}

impl fmt::Debug for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Checkpoint({} {})", self.tenant_id, self.n)
    }
}

impl Checkpoint {
    /// What is signed, one fact a line.
    pub fn text(&self) -> String {
        let previous = match (&self.previous_n, &self.previous_digest) {
            (Some(n), Some(digest)) => format!("{n} {}", hex(digest)),
            _ => "none".to_owned(),
        };
        format!(
            "hearth trail checkpoint 1\ntenant {}\nn {}\nhash {}\nchained after {}\nat {}\nprevious {previous}\nkid {}\n",
            self.tenant_id,
            self.n,
            hex(&self.hash),
            self.chained_after,
            self.at.micros(),
            self.kid
        )
    }

    /// What the next checkpoint says of this one.
    pub fn digest(&self) -> Hash {
        Sha256::new().chain_update(self.text()).chain_update(&self.signature).finalize().into()
    }

    /// What is wrong with it by itself: its key is another than it names, or did not sign it.
    pub fn fault(&self) -> Option<&'static str> {
        match PublicKey::from_bytes(&self.public_key) {
            Err(_) => Some("its key is no key"),
            Ok(key) if key.kid() != self.kid => Some("its key is not the one that it names"),
            Ok(key) if !key.verify(self.text().as_bytes(), &self.signature) => Some("its signature is not that of its key"),
            Ok(_) => None,
        }
    }

    /// As it is written down elsewhere.
    pub fn json(&self) -> Value {
        json!({
            "tenant": self.tenant_id,
            "n": self.n,
            "hash": hex(&self.hash),
            "chainedAfter": self.chained_after,
            "at": self.at,
            "previousN": self.previous_n,
            "previousDigest": self.previous_digest.as_deref().map(hex),
            "kid": self.kid,
            "publicKey": URL_SAFE_NO_PAD.encode(&self.public_key),
            "signature": URL_SAFE_NO_PAD.encode(&self.signature),
        })
    }

    /// Reads what [`Self::json`] wrote.
    pub fn from_json(value: &Value) -> Option<Self> {
        let text = |name: &str| value.get(name)?.as_str();
        let bytes = |name: &str| URL_SAFE_NO_PAD.decode(text(name)?).ok();
        Some(Self {
            tenant_id: text("tenant")?.parse().ok()?,
            n: value.get("n")?.as_i64()?,
            hash: unhex(text("hash")?)?,
            chained_after: value.get("chainedAfter")?.as_i64()?,
            at: text("at")?.parse().ok()?,
            previous_n: value.get("previousN").and_then(Value::as_i64),
            previous_digest: text("previousDigest").and_then(unhex),
            kid: text("kid")?.to_owned(),
            public_key: bytes("publicKey")?,
            signature: bytes("signature")?,
        })
    }
}

/// Reads what [`hex`] wrote.
pub(super) fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    text.len()
        .is_multiple_of(2)
        .then(|| text.as_bytes().chunks(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect())
        .flatten()
}

fn about(kid: &str) -> Vec<u8> {
    format!("trail-key:{kid}").into_bytes()
}

impl Db {
    /// The key that signs checkpoints; the first need of one makes it.
    async fn trail_key(&self) -> Result<SigningKey> {
        let mut system = self.system("trail.key").await?;
        let row = sqlx::query!("SELECT kid, private_key FROM db.trail_key WHERE retired_at IS NULL ORDER BY created_at, kid LIMIT 1")
            .fetch_optional(system.conn())
            .await?;
        if let Some(row) = row {
            return SigningKey::from_pkcs8(&self.vault().open(&about(&row.kid), &row.private_key)?);
        }
        let key = SigningKey::generate()?;
        self.keep_trail_key(&mut system, &key).await?;
        system.commit().await?;
        Ok(key)
    }

    async fn keep_trail_key(&self, system: &mut crate::System, key: &SigningKey) -> Result<()> {
        let public = key.public();
        let sealed = self.vault().seal(&about(&public.kid()), key.pkcs8())?;
        sqlx::query!(
            "INSERT INTO db.trail_key (kid, public_key, private_key, created_at) VALUES ($1, $2, $3, $4)",
            public.kid(),
            public.bytes(),
            sealed,
            self.source.now() as At
        )
        .execute(system.conn())
        .await?;
        Ok(())
    }

    /// A new key signs from now on; the old one goes on to prove what it signed. Both enter the platform's log. Returns the new
    /// key's id, and those that signed until now.
    pub async fn rotate_trail_key(&self, op: &Op) -> Result<(String, Vec<String>)> {
        let mut system = self.system("trail.rotate").await?;
        let now = self.source.now();
        let retired = sqlx::query_scalar!("UPDATE db.trail_key SET retired_at = $1 WHERE retired_at IS NULL RETURNING kid", now as At)
            .fetch_all(system.conn())
            .await?;
        let key = SigningKey::generate()?;
        self.keep_trail_key(&mut system, &key).await?;
        let kid = key.public().kid();
        let id = Id::<of::Key>::new(self.source.uuid());
        system
            .log(op, PLATFORM, &Change::of("trail_key.made", "trail-key", id, &json!({ "kid": kid })).from(&json!({ "kid": retired })))
            .await?;
        system.commit().await?;
        Ok((kid, retired))
    }

    /// Seals the private halves again by the vault's present key; how many.
    pub async fn reseal_trail_keys(&self) -> Result<u64> {
        let mut system = self.system("trail.reseal").await?;
        let rows = sqlx::query!("SELECT kid, private_key FROM db.trail_key FOR UPDATE").fetch_all(system.conn()).await?;
        let (mut kids, mut sealed) = (Vec::new(), Vec::new());
        for row in rows {
            let plain = self.vault().open(&about(&row.kid), &row.private_key)?;
            sealed.push(self.vault().seal(&about(&row.kid), &plain)?);
            kids.push(row.kid);
        }
        let done = sqlx::query!(
            "UPDATE db.trail_key k SET private_key = u.private_key FROM unnest($1::text[], $2::bytea[]) AS u (kid, private_key) WHERE k.kid = u.kid",
            &kids,
            &sealed
        )
        .execute(system.conn())
        .await?;
        system.commit().await?;
        Ok(done.rows_affected())
    }

    /// The ids of the keys that are this installation's own: whose private half the vault opens, and which belongs to it.
    pub(super) async fn trail_kids(&self, conn: &mut PgConnection) -> Result<HashSet<String>> {
        let rows = sqlx::query!("SELECT kid, private_key FROM db.trail_key").fetch_all(conn).await?;
        let own = |kid: &str, sealed: &[u8]| {
            let key = self.vault().open(&about(kid), sealed).and_then(|plain| SigningKey::from_pkcs8(&plain));
            key.is_ok_and(|key| key.public().kid() == kid)
        };
        Ok(rows.into_iter().filter(|row| own(&row.kid, &row.private_key)).map(|row| row.kid).collect())
    }

    /// Signs where logs end now, each that went on since its last checkpoint (or the one of a tenant); how many.
    pub async fn checkpoint(&self, only: Option<TenantId>) -> Result<u64> {
        let mut key = None;
        let (mut done, mut after) = (0, Uuid::nil());
        loop {
            let open = self.unsigned(only, after).await?;
            let Some(last) = open.last().map(|checkpoint| checkpoint.tenant_id) else { return Ok(done) };
            if key.is_none() {
                key = Some(self.trail_key().await?);
            }
            if let Some(key) = &key {
                done += self.sign(key, open).await?;
            }
            after = last;
        }
    }

    /// Logs without a checkpoint at their end, as checkpoints that lack key and signature.
    async fn unsigned(&self, only: Option<TenantId>, after: Uuid) -> Result<Vec<Checkpoint>> {
        let mut system = self.system("trail.ends").await?;
        let rows = sqlx::query!(
            r#"SELECT h.tenant_id, h.n, h.hash AS "hash!", h.chained_after, c.n AS "previous_n?", c.hash AS "previous_hash?", c.chained_after AS "previous_after?",
                c.at AS "previous_at?", c.previous_n AS "before_n?", c.previous_digest AS "before_digest?", c.kid AS "kid?", c.public_key AS "public_key?", c.signature AS "signature?"
            FROM db.log_head h
            LEFT JOIN LATERAL (SELECT * FROM db.checkpoint k WHERE k.tenant_id = h.tenant_id ORDER BY k.n DESC LIMIT 1) c ON true
            WHERE h.hash IS NOT NULL AND (c.n IS NULL OR c.n < h.n) AND h.tenant_id > $1 AND (h.tenant_id = $2 OR $2 IS NULL)
            ORDER BY h.tenant_id LIMIT $3"#,
            after,
            only.map(TenantId::uuid),
            BATCH
        )
        .fetch_all(system.conn())
        .await?;
        let now = self.source.now();
        Ok(rows
            .into_iter()
            .map(|r| {
                let previous = (|| {
                    Some(Checkpoint {
                        tenant_id: r.tenant_id,
                        n: r.previous_n?,
                        hash: r.previous_hash?,
                        chained_after: r.previous_after?,
                        at: r.previous_at?,
                        previous_n: r.before_n,
                        previous_digest: r.before_digest,
                        kid: r.kid?,
                        public_key: r.public_key?,
                        signature: r.signature?,
                    })
                })();
                Checkpoint {
                    tenant_id: r.tenant_id,
                    n: r.n,
                    hash: r.hash,
                    chained_after: r.chained_after,
                    at: now,
                    previous_n: previous.as_ref().map(|p| p.n),
                    previous_digest: previous.map(|p| p.digest().to_vec()),
                    kid: String::new(),
                    public_key: Vec::new(),
                    signature: Vec::new(),
                }
            })
            .collect())
    }

    async fn sign(&self, key: &SigningKey, open: Vec<Checkpoint>) -> Result<u64> {
        let public = key.public();
        let mut all = Vec::with_capacity(open.len());
        for mut checkpoint in open {
            checkpoint.kid = public.kid();
            checkpoint.public_key = public.bytes().to_vec();
            checkpoint.signature = key.sign(checkpoint.text().as_bytes())?.to_vec();
            all.push(checkpoint);
        }
        let mut system = self.system("trail.checkpoint").await?;
        let done = sqlx::query!(
            "INSERT INTO db.checkpoint (tenant_id, n, hash, chained_after, at, previous_n, previous_digest, kid, public_key, signature)
            SELECT t.id, u.n, u.hash, u.chained_after, u.at, u.previous_n, u.previous_digest, $8, $9, u.signature
            FROM unnest($1::uuid[], $2::bigint[], $3::bytea[], $4::bigint[], $5::timestamptz[], $6::bigint[], $7::bytea[], $10::bytea[])
                AS u (tenant_id, n, hash, chained_after, at, previous_n, previous_digest, signature)
            JOIN db.tenant t ON t.id = u.tenant_id
            ON CONFLICT (tenant_id, n) DO NOTHING",
            &all.iter().map(|c| c.tenant_id).collect::<Vec<_>>(),
            &all.iter().map(|c| c.n).collect::<Vec<_>>(),
            &all.iter().map(|c| c.hash.clone()).collect::<Vec<_>>(),
            &all.iter().map(|c| c.chained_after).collect::<Vec<_>>(),
            &all.iter().map(|c| c.at).collect::<Vec<_>>() as &[At],
            &all.iter().map(|c| c.previous_n).collect::<Vec<_>>() as &[Option<i64>],
            &all.iter().map(|c| c.previous_digest.clone()).collect::<Vec<_>>() as &[Option<Vec<u8>>],
            public.kid(),
            public.bytes(),
            &all.iter().map(|c| c.signature.clone()).collect::<Vec<_>>()
        )
        .execute(system.conn())
        .await?;
        system.commit_unannounced().await?;
        Ok(done.rows_affected())
    }

    /// Takes checkpoints that have not left the machine to where the configuration says; how many. Nothing where it says nothing.
    pub async fn deliver_checkpoints(&self) -> Result<u64> {
        let Some(deliver) = self.trail.deliver.clone() else { return Ok(0) };
        let mut done = 0;
        loop {
            let waiting = self.undelivered().await?;
            let count = waiting.len() as u64;
            if count == 0 {
                return Ok(done);
            }
            let (tenants, numbers): (Vec<Uuid>, Vec<i64>) = waiting.iter().map(|c| (c.tenant_id, c.n)).unzip();
            deliver(waiting).await?;
            let mut system = self.system("trail.delivered").await?;
            sqlx::query!(
                "UPDATE db.log_head h SET witnessed = u.n FROM (SELECT g.tenant_id, max(g.n) AS n FROM unnest($1::uuid[], $2::bigint[]) AS g (tenant_id, n) GROUP BY 1) u
                WHERE h.tenant_id = u.tenant_id AND h.witnessed < u.n",
                &tenants,
                &numbers
            )
            .execute(system.conn())
            .await?;
            system.commit_unannounced().await?;
            done += count;
        }
    }

    async fn undelivered(&self) -> Result<Vec<Checkpoint>> {
        let mut system = self.system("trail.undelivered").await?;
        Ok(sqlx::query_as!(
            Checkpoint,
            "SELECT c.tenant_id, c.n, c.hash, c.chained_after, c.at, c.previous_n, c.previous_digest, c.kid, c.public_key, c.signature
            FROM db.checkpoint c JOIN db.log_head h ON h.tenant_id = c.tenant_id WHERE c.n > h.witnessed ORDER BY c.tenant_id, c.n LIMIT $1",
            BATCH
        )
        .fetch_all(system.conn())
        .await?)
    }
}
