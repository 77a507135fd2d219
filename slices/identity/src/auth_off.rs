//! Authentication switched off, for building and trying on one machine: whoever asks from this machine, by a name of this
//! machine, is the first owner of one business. The configuration refuses it anywhere else.
//!
//! Pages of other sites that the same browser has open stay out: by the token against forgery, which each run of the program
//! draws anew, and by the name in the address, which a name that was bent to this machine is not.

use std::{net::IpAddr, sync::Arc};

use axum::http::{Uri, header, request::Parts};
use db::Db;
use kernel::{AccountId, Actor, Error, Op, Result, TenantId};
use web::{App, Viewer, Visitor};

use crate::{secret::Token, token::Tokens};

/// Whom everybody is, and the token of this run.
#[derive(Default)]
struct Everybody(tokio::sync::OnceCell<(AccountId, TenantId, String)>);

/// The first owner of a business who is not locked; none where there is no such business or owner.
pub async fn first_owner(db: &Db, slug: &str) -> Result<Option<(AccountId, TenantId)>> {
    let mut system = db.system("identity.auth_off").await?;
    let row = sqlx::query!(
        "SELECT m.account_id, m.tenant_id FROM db.tenant t JOIN identity.member m ON m.tenant_id = t.id JOIN identity.account a ON a.id = m.account_id
        WHERE t.slug = $1 AND m.state = 'active' AND 'owner' = ANY (m.roles) AND a.locked_at IS NULL ORDER BY m.created_at, m.account_id LIMIT 1",
        slug
    )
    .fetch_optional(system.conn())
    .await?;
    Ok(row.map(|row| (AccountId::new(row.account_id), TenantId::new(row.tenant_id))))
}

/// Whether a request came from this machine, and meant it by its own name.
fn is_here(parts: &Parts, address: Option<IpAddr>) -> bool {
    let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let uri = format!("http://{host}").parse::<Uri>().ok();
    let name = uri.as_ref().and_then(Uri::host).unwrap_or_default();
    let own = name == "localhost" || name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    own && address.is_none_or(|address| address.is_loopback())
}

/// Who a request without a token is while authentication is off.
pub(crate) async fn visitor(app: &App, slug: &str, parts: &Parts, address: Option<IpAddr>) -> Result<Visitor> {
    let (db, source) = (app.db(), app.db().source());
    if app.settings().production || !is_here(parts, address) {
        return Ok(Visitor { op: Op::nobody(source), viewer: None });
    }
    let find = async || {
        let (account, tenant) = first_owner(db, slug).await?.ok_or_else(|| Error::Internal(format!("{slug} has no owner")))?;
        Ok::<_, Error>((account, tenant, Token::new(source).text()))
    };
    let everybody = app.part::<Everybody>();
    let (account, tenant, csrf) = everybody.0.get_or_try_init(find).await?;
    let tokens = app.part::<Tokens>();
    tokens.fresh(db).await?;
    let (standing, viewer) = tokens.standing(db, *account, Some(*tenant)).await?.ok_or(Error::Unauthenticated)?;
    let op = Op { actor: Actor::Account(*account), tenant: standing.tenant, permissions: standing.permissions, ..Op::nobody(source) };
    Ok(Visitor { op, viewer: Some(Arc::new(Viewer { csrf: Some(csrf.clone()), ..(*viewer).clone() })) })
}
