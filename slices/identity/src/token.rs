//! Access tokens: JSON Web Tokens signed by ES256 and by nothing else. They are believed by their signature; what a person
//! may do is read once and kept until a revocation says that it changed.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::http::{HeaderMap, header, request::Parts};
use db::{Db, System};
use jsonwebtoken::{Algorithm, Header, Validation};
use kernel::{AccountId, Actor, At, Error, Op, Permissions, Result, SessionId, TenantId};
use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use web::{App, Cx, Viewer, Visitor};

use crate::{
    api_key, auth_off,
    client::Client,
    external,
    keys::Keys,
    revocation::{Feed, Row},
    secret::digest,
    session,
    standing::{Standing, Stored, StoredMember, permissions},
};

/// Seconds for which an access token stands.
pub(crate) const LIFE: i64 = 15 * 60;
/// Seconds by which clocks may differ.
pub(crate) const SKEW: i64 = 120;
/// For whom the tokens are.
const AUDIENCE: &str = "hearth";
/// Tokens and standings kept in memory at most, each.
const MOST: usize = 20_000;
/// The longest token that is read, in bytes.
const LENGTH: usize = 8 * 1024;

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claims {
    /// Who made it: the public address.
    pub iss: String,
    /// For whom: `hearth`.
    pub aud: String,
    /// The account.
    pub sub: AccountId,
    /// The session, which may be revoked.
    pub sid: SessionId,
    /// The active business.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tid: Option<TenantId>,
    /// Permissions, separated by spaces.
    pub scope: String,
    /// Seconds since 1970 at which it was made.
    pub iat: i64,
    /// Seconds since 1970 at which it ends.
    pub exp: i64,
    /// Its id.
    pub jti: uuid::Uuid,
    /// How the person proved who they are (RFC 8176): `mfa` where the second factor was given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
}

/// What `amr` says of a session in which the second factor was given.
const SEVERAL: &str = "mfa";

/// A token whose signature was verified.
#[derive(Clone)]
struct Verified {
    kid: Arc<str>,
    claims: Arc<Claims>,
    permissions: Permissions,
}

/// What a node keeps of tokens.
#[derive(Default)]
pub(crate) struct Tokens {
    pub keys: Keys,
    pub feed: Arc<Feed>,
    verified: Mutex<HashMap<[u8; 32], Verified>>,
    standings: Arc<Standings>,
    pub api_keys: Arc<api_key::Keys>,
}

/// Standings by account and business.
type ByMember = HashMap<(AccountId, Option<TenantId>), (Arc<Standing>, Arc<Viewer>)>;

/// Those that a node keeps.
#[derive(Default)]
struct Standings {
    all: Mutex<ByMember>,
    /// Raised by each revocation: what was read before one is not kept after it.
    seen: AtomicU64,
}

impl Standings {
    fn with<T>(&self, work: impl FnOnce(&mut ByMember) -> T) -> T {
        work(&mut self.all.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Forgets whom new revocations are about.
    fn apply(&self, rows: &[Row], gap: bool) {
        if rows.is_empty() && !gap {
            return;
        }
        self.seen.fetch_add(1, Ordering::SeqCst);
        self.with(|all| {
            if gap {
                all.clear();
            }
            all.retain(|(account, tenant), _| {
                !rows.iter().any(|row| match row.account {
                    Some(changed) => changed == *account,
                    None => Some(row.tenant) == *tenant,
                })
            });
        });
    }
}

/// Seconds since 1970.
pub(crate) fn seconds(at: At) -> i64 {
    at.micros().div_euclid(1_000_000)
}

/// Makes a token for a session, in which the second factor was `given` or not.
pub(crate) async fn issue(app: &App, standing: &Standing, session: SessionId, given: bool) -> Result<String> {
    let tokens = app.part::<Tokens>();
    let (db, now) = (app.db(), seconds(app.db().source().now()));
    let (kid, key) = tokens.keys.signing(db).await?;
    let claims = Claims {
        iss: issuer(app),
        aud: AUDIENCE.into(),
        sub: standing.account,
        sid: session,
        tid: standing.tenant,
        scope: standing.allowed(given).codes().join(" "),
        iat: now,
        exp: now + LIFE,
        jti: db.source().uuid(),
        amr: given.then(|| SEVERAL.to_owned()).into_iter().collect(),
    };
    let header = Header { kid: Some(kid), ..Header::new(Algorithm::ES256) };
    jsonwebtoken::encode(&header, &claims, &key).map_err(|e| Error::Internal(format!("a token can't be signed: {e}")))
}

fn issuer(app: &App) -> String {
    app.settings().public_url.trim_end_matches('/').to_owned()
}

/// The tenth of a second does not matter, but nobody learns which part was wrong.
fn wrong() -> Error {
    Error::rule("token.wrong")
}

impl Tokens {
    /// Verifies a token; one that was seen before costs a look into memory.
    async fn verify(&self, app: &App, text: &str) -> Result<Verified> {
        if text.len() > LENGTH {
            return Err(wrong());
        }
        let (db, key) = (app.db(), digest("jwt", &[text.as_bytes()]));
        let now = seconds(db.source().now());
        let known = self.verified.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        let verified = match known {
            Some(known) => known,
            None => {
                let verified = self.verify_signature(app, text).await?;
                let mut all = self.verified.lock().unwrap_or_else(PoisonError::into_inner);
                if all.len() >= MOST {
                    all.retain(|_, v| v.claims.exp + SKEW > now);
                }
                if all.len() < MOST {
                    all.insert(key, verified.clone());
                }
                verified
            }
        };
        // The times are held against the clock each time, on the program's own clock.
        let Claims { iat, exp, .. } = *verified.claims;
        if exp + SKEW < now || iat - SKEW > now || exp - iat > LIFE || !self.keys.stands(db, &verified.kid).await? {
            return Err(wrong());
        }
        Ok(verified)
    }

    async fn verify_signature(&self, app: &App, text: &str) -> Result<Verified> {
        let header = jsonwebtoken::decode_header(text).map_err(|_| wrong())?;
        if header.alg != Algorithm::ES256 {
            return Err(wrong());
        }
        let kid = header.kid.ok_or_else(wrong)?;
        let key = self.keys.verifying(app.db(), &kid).await?.ok_or_else(wrong)?;
        let mut rules = Validation::new(Algorithm::ES256);
        rules.set_issuer(&[issuer(app)]);
        rules.set_audience(&[AUDIENCE]);
        rules.set_required_spec_claims(&["iss", "aud", "sub", "exp"]);
        // Held against the program's clock by the caller.
        rules.validate_exp = false;
        let claims = jsonwebtoken::decode::<Claims>(text, &key, &rules).map_err(|_| wrong())?.claims;
        let scope: Vec<String> = claims.scope.split(' ').map(str::to_owned).collect();
        Ok(Verified { kid: kid.into(), permissions: permissions(&scope), claims: Arc::new(claims) })
    }

    /// Makes sure that ends of the last second are known.
    pub async fn fresh(&self, db: &Db) -> Result<()> {
        let (standings, keys) = (self.standings.clone(), self.api_keys.clone());
        self.feed
            .fresh(db, move |rows, gap| {
                standings.apply(rows, gap);
                keys.apply(rows, gap);
            })
            .await
    }

    /// A person's standing, as it was read after the last revocation about them.
    pub async fn standing(&self, db: &Db, account: AccountId, tenant: Option<TenantId>) -> Result<Option<(Arc<Standing>, Arc<Viewer>)>> {
        let key = (account, tenant);
        if let Some(known) = self.standings.with(|all| all.get(&key).cloned()) {
            return Ok(Some(known));
        }
        let seen = self.standings.seen.load(Ordering::SeqCst);
        let Some(standing) = load(db, account, tenant).await? else { return Ok(None) };
        let viewer = Arc::new(standing.viewer.clone());
        let pair = (Arc::new(standing), viewer);
        self.standings.with(|all| {
            if all.len() >= MOST {
                all.clear();
            }
            // A revocation that came while this was read may be about it: then the next request reads again.
            if self.standings.seen.load(Ordering::SeqCst) == seen {
                all.insert(key, pair.clone());
            }
        });
        Ok(Some(pair))
    }

    /// Who a token signs in.
    pub async fn visitor(&self, app: &App, text: &str) -> Result<Visitor> {
        let verified = self.verify(app, text).await?;
        self.fresh(app.db()).await?;
        let claims = &verified.claims;
        if self.feed.ended(claims.sid, claims.sub, At::from_micros((claims.iat + 1) * 1_000_000 - 1)) {
            return Err(wrong());
        }
        let (standing, viewer) = self.standing(app.db(), claims.sub, claims.tid).await?.ok_or_else(wrong)?;
        let op = Op {
            actor: Actor::Account(claims.sub),
            tenant: standing.tenant,
            permissions: standing.allowed(claims.amr.iter().any(|how| how == SEVERAL)).both(verified.permissions),
            ..Op::nobody(app.db().source())
        };
        Ok(Visitor { op, viewer: Some(viewer) })
    }
}

/// The token or key in a request's `Authorization: Bearer`.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, rest) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| rest.trim())
}

/// The session of the access token that signs the request in; none where a cookie does.
pub(crate) async fn session_of(cx: &Cx) -> Result<Option<SessionId>> {
    match bearer(&cx.headers) {
        // Those of another provider have no session here.
        Some(text) if !api_key::is_key(text) && !external::is_of_it(&cx.app, text) => {
            Ok(Some(cx.app.part::<Tokens>().verify(&cx.app, text).await?.claims.sid))
        }
        _ => Ok(None),
    }
}

/// The session of the request, by token or by cookie.
pub(crate) async fn own_session(cx: &Cx) -> Result<Option<SessionId>> {
    if let Some(session) = session_of(cx).await? {
        return Ok(Some(session));
    }
    let Some(hash) = session::own(&cx.headers) else { return Ok(None) };
    let mut system = cx.app.db().system("identity.session").await?;
    let id = sqlx::query_scalar!("SELECT id FROM identity.session WHERE token_hash = $1", &hash).fetch_optional(system.conn()).await?;
    Ok(id.map(SessionId::new))
}

/// Seconds for which a proof serves what opens an account for good: a new factor, new recovery codes.
const RECENT: i64 = 15 * 60;

/// Refuses unless the request's session proved within a quarter of an hour who it is: a session that somebody stole must not
/// become a way in that stays.
pub(crate) async fn recently_proved(cx: &Cx) -> Result<()> {
    let session = own_session(cx).await?.ok_or(Error::ReauthRequired)?;
    let mut system = cx.app.db().system("identity.session").await?;
    let now = system.source().now();
    let proved = sqlx::query_scalar!("SELECT proved_at FROM identity.session WHERE id = $1 AND ended_at IS NULL", session.uuid())
        .fetch_optional(system.conn())
        .await?;
    if proved.is_some_and(|at| now <= at.plus_seconds(RECENT)) { Ok(()) } else { Err(Error::ReauthRequired) }
}

/// Who sent a request: the `authenticate` of this slice.
pub(crate) async fn authenticate(app: &App, parts: &Parts, address: Option<IpAddr>) -> Result<Visitor> {
    match bearer(&parts.headers) {
        Some(text) if api_key::is_key(text) => api_key::visitor(app, text).await,
        Some(text) if external::is_of_it(app, text) => external::visitor(app, parts, address, text).await,
        Some(text) => app.part::<Tokens>().visitor(app, text).await,
        None => match &app.settings().auth_off {
            Some(slug) => auth_off::visitor(app, slug, parts, address).await,
            None => session::visitor(app.db(), parts, &Client::of(&parts.headers, address)).await,
        },
    }
}

/// Reads a person's standing; none where the account is locked or gone.
pub(crate) async fn load(db: &Db, account: AccountId, tenant: Option<TenantId>) -> Result<Option<Standing>> {
    let mut system = db.system("identity.standing").await?;
    load_in(&mut system, account, tenant).await
}

/// The same in a transaction.
pub(crate) async fn load_in(system: &mut System, account: AccountId, tenant: Option<TenantId>) -> Result<Option<Standing>> {
    let stored = sqlx::query_as!(
        Stored,
        r#"SELECT a.id AS account_id, a.email, a.platform_roles, to_jsonb(m) AS "member: Json<StoredMember>",
            a.totp_since IS NOT NULL OR EXISTS (SELECT 1 FROM identity.passkey k WHERE k.account_id = a.id AND k.doubted_at IS NULL) AS "second!"
        FROM identity.account a LEFT JOIN identity.standing m ON m.tenant_id = $2 AND m.account_id = a.id
        WHERE a.id = $1 AND a.locked_at IS NULL"#,
        account.uuid(),
        tenant.map(TenantId::uuid)
    )
    .fetch_optional(system.conn())
    .await?;
    stored.map(Stored::standing).transpose()
}
