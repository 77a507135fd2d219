//! Keys for programs of a business: shown once, kept hashed, with the permissions that their maker gave of their own.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use db::{
    Tx,
    list::{Column, Kind, List, Sort},
};
use kernel::{Actor, At, Change, Error, KeyId, Op, Permission, Permissions, Result, TenantId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use web::{App, Cx, Reply, Viewer, Visitor};

use crate::{
    revocation::{self, Row},
    secret::{Digested, Token},
    site, standing,
    token::Tokens,
};

/// How every key begins, so that one that leaked is known by its looks.
const MARK: &str = "hearth_";
/// Signs of a key that people see.
const SHOWN: usize = 8;
/// Days for which a key stands at most.
const LONGEST: i64 = 3 * 365;
/// Keys kept in memory at most.
const MOST: usize = 20_000;
/// Seconds between two notes of the last use.
const NOTED: i64 = 60;

/// The keys of the business.
pub(crate) static KEYS: List = List {
    name: "api-keys",
    sql: "SELECT k.id, k.name, k.prefix, array_to_string(k.permissions, ' ') AS permissions, k.created_at, k.expires_at, k.used_at, k.revoked_at
        FROM identity.api_key k WHERE k.tenant_id = $1",
    columns: &[
        Column::hidden("id", Kind::Id),
        Column::shown("name", Kind::Text, "key-name"),
        Column::shown("prefix", Kind::Text, "key-prefix"),
        Column::shown("permissions", Kind::Text, "key-permissions"),
        Column::shown("created_at", Kind::Time, "key-made"),
        Column::shown("expires_at", Kind::Time, "key-ends"),
        Column::shown("used_at", Kind::Time, "key-used"),
        Column::shown("revoked_at", Kind::Time, "key-revoked"),
    ],
    filters: &[],
    sorts: &[Sort { name: "made", column: "created_at", kind: Kind::Time }],
    newest_first: true,
    key: "id",
};

/// Makes a key.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MakeApiKey {
    /// What it is for.
    pub name: String,
    /// Permissions that whoever makes it has, by their names: `item:read`.
    pub permissions: Vec<String>,
    /// Days until it ends, at most three years; a year if not given.
    #[serde(default)]
    pub days: Option<i64>,
}

/// Ends a key.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RevokeApiKey {
    /// Which one.
    #[schema(value_type = Uuid)]
    pub id: KeyId,
}

/// A key as it was made.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MadeApiKey {
    /// Its id.
    #[schema(value_type = Uuid)]
    pub id: KeyId,
    /// What it is for.
    pub name: String,
    /// What people know it by.
    pub prefix: String,
    /// Goes into `Authorization: Bearer …`. It is shown this once.
    pub key: String,
    /// What it may do.
    pub permissions: Vec<&'static str>,
    /// When it ends.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: At,
}

/// A key as it was ended.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RevokedApiKey {
    /// Which one.
    #[schema(value_type = Uuid)]
    pub id: KeyId,
}

/// Whether a bearer's text is a key and no token.
pub(crate) fn is_key(text: &str) -> bool {
    text.starts_with(MARK)
}

fn hash(text: &str) -> Option<Digested> {
    Token::read(text.strip_prefix(MARK)?).map(|token| token.hash())
}

/// Permissions by their names; none of the operator's, none that the giver lacks.
pub(crate) fn granted(op: &Op, field: &str, names: &[String]) -> Result<Permissions> {
    let mut set = Permissions::NONE;
    for name in names {
        let permission = Permission::of_business().find(|p| p.code() == name).ok_or_else(|| Error::field(field, "permission.unknown"))?;
        set = set.with(permission);
    }
    if !op.permissions.includes(set) {
        return Err(Error::rule("role.beyond_own").at(field));
    }
    Ok(set)
}

impl MakeApiKey {
    /// Makes it, in the name of whoever asks.
    pub(crate) async fn make(self, tx: &mut Tx) -> Result<MadeApiKey> {
        let name = site::name("name", &self.name)?;
        let permissions =
            granted(tx.op(), "permissions", &self.permissions)?.with(Permission::Again).with(Permission::SignedIn).with(Permission::Member);
        let days = self.days.unwrap_or(365);
        if !(1..=LONGEST).contains(&days) {
            return Err(Error::field("days", "key.days"));
        }
        let token = Token::new(&tx.op().source);
        let text = format!("{MARK}{}", token.text());
        let (tenant, id, now) = (tx.tenant().uuid(), tx.op().id::<kernel::of::Key>(), tx.now());
        let expires_at = now.plus_seconds(days * 24 * 3600);
        let prefix: String = text.chars().take(MARK.len() + SHOWN).collect();
        let codes: Vec<String> = permissions.codes().into_iter().map(str::to_owned).collect();
        let maker = tx.op().account()?.uuid();
        sqlx::query!(
            "INSERT INTO identity.api_key (tenant_id, id, name, prefix, key_hash, permissions, created_by, created_at, expires_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            tenant,
            id.uuid(),
            name,
            prefix,
            &token.hash(),
            &codes,
            maker,
            now,
            expires_at
        )
        .execute(tx.conn())
        .await?;
        let after = serde_json::json!({ "name": name, "prefix": prefix, "permissions": codes, "expiresAt": expires_at });
        tx.log(Change::of("api_key.made", "api-key", id, &after));
        Ok(MadeApiKey { id, name, prefix, key: text, permissions: permissions.codes(), expires_at })
    }
}

impl db::Command for RevokeApiKey {
    const NEEDS: Permission = Permission::ApiKeyWrite;
    type Out = RevokedApiKey;
    async fn run(self, tx: &mut Tx) -> Result<RevokedApiKey> {
        let (tenant, now) = (tx.tenant().uuid(), tx.now());
        let ended = sqlx::query!(
            "UPDATE identity.api_key SET revoked_at = $3 WHERE tenant_id = $1 AND id = $2 AND revoked_at IS NULL RETURNING prefix",
            tenant,
            self.id.uuid(),
            now
        )
        .fetch_optional(tx.conn())
        .await?
        .ok_or(Error::NotFound)?;
        revocation::of_key(tx, self.id).await?;
        tx.log(Change::of("api_key.revoked", "api-key", self.id, &serde_json::json!({ "prefix": ended.prefix })));
        Ok(RevokedApiKey { id: self.id })
    }
}

/// What is known of a key.
#[derive(Clone)]
pub(crate) struct Known {
    id: KeyId,
    tenant: TenantId,
    permissions: Permissions,
    viewer: Arc<Viewer>,
    expires_at: Option<At>,
    noted_at: At,
}

/// The keys that a node knows, by the digest of their text.
#[derive(Default)]
pub(crate) struct Keys {
    all: Mutex<HashMap<Digested, Known>>,
    /// Raised by each revocation: what was read before one is not kept after it.
    seen: AtomicU64,
}

impl Keys {
    fn with<T>(&self, work: impl FnOnce(&mut HashMap<Digested, Known>) -> T) -> T {
        work(&mut self.all.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Forgets keys that ended, and those of businesses in which something about rights changed: they are asked for again.
    pub fn apply(&self, rows: &[Row], gap: bool) {
        if rows.is_empty() && !gap {
            return;
        }
        self.seen.fetch_add(1, Ordering::SeqCst);
        let touched = |known: &Known| rows.iter().any(|row| row.key == Some(known.id) || (row.key.is_none() && row.tenant == known.tenant));
        self.with(|all| all.retain(|_, known| !gap && !touched(known)));
    }
}

/// Who a key signs in: no person, but the key itself, in its business.
pub(crate) async fn visitor(app: &App, text: &str) -> Result<Visitor> {
    let wrong = || Error::rule("token.wrong");
    let (db, hash) = (app.db(), hash(text).ok_or_else(wrong)?);
    let tokens = app.part::<Tokens>();
    tokens.fresh(db).await?;
    let (keys, now) = (&tokens.api_keys, db.source().now());
    let seen = keys.seen.load(Ordering::SeqCst);
    let mut known = match keys.with(|all| all.get(&hash).cloned()) {
        Some(known) => known,
        None => load(app, &hash).await?.ok_or_else(wrong)?,
    };
    if known.expires_at.is_some_and(|at| at <= now) {
        return Err(wrong());
    }
    if now >= known.noted_at.plus_seconds(NOTED) {
        let mut system = db.system("identity.key_used").await?;
        sqlx::query!(
            "UPDATE identity.api_key SET used_at = $3 WHERE tenant_id = $1 AND id = $2",
            known.tenant.uuid(),
            known.id.uuid(),
            now
        )
        .execute(system.conn())
        .await?;
        system.commit().await?;
        known.noted_at = now;
    }
    let op = Op { actor: Actor::Key(known.id), tenant: Some(known.tenant), permissions: known.permissions, ..Op::nobody(db.source()) };
    let viewer = known.viewer.clone();
    keys.with(|all| {
        if all.len() >= MOST {
            all.clear();
        }
        if keys.seen.load(Ordering::SeqCst) == seen {
            all.insert(hash, known);
        }
    });
    Ok(Visitor { op, viewer: Some(viewer) })
}

async fn load(app: &App, hash: &Digested) -> Result<Option<Known>> {
    let mut system = app.db().system("identity.key").await?;
    let row = sqlx::query!(
        r#"SELECT k.id, k.tenant_id, k.name, k.permissions, k.expires_at, k.used_at, t.name AS business, t.slug,
            (SELECT jsonb_agg(jsonb_build_array(i.id, i.name, i.time_zone, i.day_start, i.currency) ORDER BY i.created_at, i.id)
             FROM identity.site i WHERE i.tenant_id = k.tenant_id) AS sites
        FROM identity.api_key k JOIN db.tenant t ON t.id = k.tenant_id WHERE k.key_hash = $1 AND k.revoked_at IS NULL"#,
        hash
    )
    .fetch_optional(system.conn())
    .await?;
    row.map(|row| {
        let viewer = Viewer {
            email: String::new(),
            name: row.name,
            roles: Vec::new(),
            business: Some(row.business),
            slug: Some(row.slug),
            sites: standing::sites(row.sites)?,
            device: None,
            csrf: None,
            assisting: None,
        };
        Ok(Known {
            id: KeyId::new(row.id),
            tenant: TenantId::new(row.tenant_id),
            permissions: standing::permissions(&row.permissions),
            viewer: Arc::new(viewer),
            expires_at: row.expires_at,
            noted_at: row.used_at.unwrap_or(At::from_micros(0)),
        })
    })
    .transpose()
}

/// `POST /v1/api-keys`. The key is shown in this answer and never again, so it is kept by no intent.
pub(crate) async fn post_make(cx: Cx, wanted: MakeApiKey) -> Result<Reply> {
    cx.op.needs(Permission::ApiKeyWrite)?;
    let mut tx = cx.tx().await?;
    let made = wanted.make(&mut tx).await?;
    tx.commit().await?;
    Reply::json(&made)
}
