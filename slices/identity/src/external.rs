//! Access tokens of an identity provider that the configuration names, taken beside the program's own. They say who somebody
//! is; what that person may do is what they may in their business here.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
};

use axum::http::{HeaderMap, request::Parts};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use db::System;
use kernel::{AccountId, Actor, Error, Op, Permission, Permissions, Result, TenantId};
use serde::Deserialize;
use web::{App, ExternalTokens, Visitor};

use crate::{
    oidc::{
        keys::{self, Expected, truth},
        person::{self, Asked, Who},
    },
    secret::{Digested, digest},
    token::{SKEW, Tokens, seconds},
};

/// The header that names the business, by its id or short name.
const TENANT: &str = "x-hearth-tenant";
/// Tokens kept in memory at most.
const MOST: usize = 20_000;
/// The longest token that is looked into, in bytes.
const LENGTH: usize = 16 * 1024;

/// What such a token says.
#[derive(Deserialize)]
struct Claims {
    sub: String,
    exp: f64,
    #[serde(default)]
    nbf: f64,
    #[serde(default)]
    iat: f64,
    email: Option<String>,
    #[serde(default, deserialize_with = "truth")]
    email_verified: bool,
}

/// A token that was verified, and whose it is.
#[derive(Clone, Copy)]
struct Verified {
    account: AccountId,
    /// Seconds since 1970 between which it stands.
    from: i64,
    until: i64,
}

/// What a node keeps of such tokens.
#[derive(Default)]
pub(crate) struct Kept(Mutex<HashMap<Digested, Verified>>);

fn wrong() -> Error {
    Error::rule("token.wrong")
}

/// Whether a token says that it is of the configured provider. Nothing of it is believed yet.
pub(crate) fn is_of_it(app: &App, text: &str) -> bool {
    #[derive(Deserialize)]
    struct Said {
        iss: String,
    }
    let Some(external) = &app.settings().external else { return false };
    if text.len() > LENGTH {
        return false;
    }
    let body = text.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
    let said = body.and_then(|body| serde_json::from_slice::<Said>(&body).ok());
    said.is_some_and(|said| said.iss == external.issuer)
}

/// Who such a token signs in.
pub(crate) async fn visitor(app: &App, parts: &Parts, address: Option<IpAddr>, text: &str) -> Result<Visitor> {
    let Some(external) = &app.settings().external else { return Err(wrong()) };
    let (source, now) = (app.db().source(), seconds(app.db().source().now()));
    let (kept, key) = (app.part::<Kept>(), digest("external", &[text.as_bytes()]));
    let known = kept.0.lock().unwrap_or_else(PoisonError::into_inner).get(&key).copied();
    let verified = match known {
        Some(verified) => verified,
        None => {
            let op = Op { address, ..Op::nobody(source) };
            let verified = verify(app, external, &Asked { app, headers: &parts.headers, op: &op }, text, now).await?;
            let mut all = kept.0.lock().unwrap_or_else(PoisonError::into_inner);
            if all.len() >= MOST {
                all.retain(|_, one| one.until >= now);
            }
            if all.len() < MOST {
                all.insert(key, verified);
            }
            verified
        }
    };
    if now < verified.from || now > verified.until {
        return Err(wrong());
    }
    let tokens = app.part::<Tokens>();
    tokens.fresh(app.db()).await?;
    let tenant = business(app, &parts.headers, verified.account).await?;
    let (standing, viewer) = tokens.standing(app.db(), verified.account, tenant).await?.ok_or_else(wrong)?;
    if tenant.is_some() && standing.tenant.is_none() {
        return Err(Error::NotFound);
    }
    let op = Op {
        actor: Actor::Account(verified.account),
        tenant: standing.tenant,
        // What is the operator's is done by those who signed in here, with the second factor that they have here.
        permissions: Permission::ALL
            .iter()
            .filter(|p| standing.permissions.has(**p) && !p.is_of_platform())
            .fold(Permissions::NONE, |all, p| all.with(*p)),
        ..Op::nobody(source)
    };
    Ok(Visitor { op, viewer: Some(viewer) })
}

/// Verifies a token, and finds whose it is.
async fn verify(app: &App, external: &ExternalTokens, asked: &Asked<'_>, text: &str, now: i64) -> Result<Verified> {
    let algorithms = keys::algorithms(&external.algorithms)?;
    let expected =
        Expected { issuer: &external.issuer, audience: &external.audience, jwks_url: &external.jwks_url, algorithms: &algorithms };
    let claims: Claims = keys::verify(app, expected, text).await?.ok_or_else(wrong)?;
    #[expect(clippy::cast_possible_truncation, reason = "a time beyond i64 is cut off at its end, which is as far")]
    let (from, until) = (claims.nbf.max(claims.iat).floor() as i64, claims.exp.floor() as i64);
    let (from, until) = (from.saturating_sub(SKEW), until.saturating_add(SKEW));
    if now < from || now > until || claims.sub.is_empty() || claims.sub.chars().count() > 255 {
        return Err(wrong());
    }
    let provider = format!("external {}", external.issuer);
    let who = Who {
        provider: &provider,
        subject: &claims.sub,
        email: claims.email.as_deref().filter(|_| claims.email_verified),
        shown: &external.issuer,
    };
    let mut system = app.db().system("identity.external").await?;
    let account = person::account_of(asked, &mut system, &who).await?;
    system.commit().await?;
    Ok(Verified { account, from, until })
}

/// The business to work for: the one that a header names, or the only one.
async fn business(app: &App, headers: &HeaderMap, account: AccountId) -> Result<Option<TenantId>> {
    let Some(named) = headers.get(TENANT) else {
        return only_business(&mut app.db().system("identity.external").await?, account).await;
    };
    let named = named.to_str().map_err(|_| Error::NotFound)?;
    if let Ok(tenant) = named.parse::<TenantId>() {
        return Ok(Some(tenant));
    }
    let mut system = app.db().system("identity.external").await?;
    let tenant = sqlx::query_scalar!(
        r#"SELECT tenant_id AS "tenant_id!" FROM identity.standing WHERE account_id = $1 AND slug = $2"#,
        account.uuid(),
        named
    )
    .fetch_optional(system.conn())
    .await?;
    // A business that is not theirs is as if it were not there.
    tenant.map(|tenant| Some(TenantId::new(tenant))).ok_or(Error::NotFound)
}

async fn only_business(system: &mut System, account: AccountId) -> Result<Option<TenantId>> {
    let all =
        sqlx::query_scalar!("SELECT tenant_id FROM identity.member WHERE account_id = $1 AND state = 'active' LIMIT 2", account.uuid())
            .fetch_all(system.conn())
            .await?;
    Ok(match all.as_slice() {
        [one] => Some(TenantId::new(*one)),
        _ => None,
    })
}
