//! Which account a provider means.

use axum::http::HeaderMap;
use db::System;
use kernel::{AccountId, Actor, Change, Error, Op, PLATFORM, Result};
use post::letters;
use serde_json::json;
use web::App;

use crate::{client::Client, email::Email, letter};

/// Somebody as a provider knows them.
pub(crate) struct Who<'a> {
    /// Whose word it is.
    pub provider: &'a str,
    /// The provider's own name for them, which never changes.
    pub subject: &'a str,
    /// Their address, where the provider confirmed it.
    pub email: Option<&'a str>,
    /// The provider as people are told of it.
    pub shown: &'a str,
}

/// The request that asks, for the trail and the letter.
pub(crate) struct Asked<'a> {
    pub app: &'a App,
    pub headers: &'a HeaderMap,
    pub op: &'a Op,
}

/// The account of a provider's subject. The first time it is found, or made, by the address: only where the provider
/// confirmed the address, and only where an account that is here already confirmed it too.
pub(crate) async fn account_of(asked: &Asked<'_>, system: &mut System, who: &Who<'_>) -> Result<AccountId> {
    if let Some(account) = known(system, who).await? {
        return Ok(account);
    }
    let email: Email = who.email.and_then(|email| email.parse().ok()).ok_or_else(|| Error::rule("oidc.unverified"))?;
    let (id, now) = (system.source().uuid(), system.source().now());
    let made = sqlx::query!(
        "INSERT INTO identity.account (id, email, created_at, verified_at) VALUES ($1, $2, $3, $3) ON CONFLICT (email) DO NOTHING",
        id,
        email.as_str(),
        now
    )
    .execute(system.conn())
    .await?
    .rows_affected()
        == 1;
    let row =
        sqlx::query!("SELECT id, verified_at FROM identity.account WHERE email = $1", email.as_str()).fetch_one(system.conn()).await?;
    if row.verified_at.is_none() {
        return Err(Error::rule("oidc.unconfirmed"));
    }
    let account = AccountId::new(row.id);
    let linked = sqlx::query!(
        "INSERT INTO identity.identity (provider, subject, account_id, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT (provider, subject) DO NOTHING",
        who.provider,
        who.subject,
        account.uuid(),
        now
    )
    .execute(system.conn())
    .await?;
    if linked.rows_affected() != 1 {
        // Two first sign-ins at once: the other one was faster.
        return known(system, who).await?.ok_or_else(|| Error::Conflict("a first sign-in".into()));
    }
    let op = Op { actor: Actor::Account(account), ..asked.op.clone() };
    let after = json!({ "provider": who.shown, "made": made });
    system.log(&op, PLATFORM, &Change::of("identity.linked", "account", account, &after)).await?;
    if !made {
        tell(asked, system, account, email.as_str(), who.shown).await?;
    }
    Ok(account)
}

async fn known(system: &mut System, who: &Who<'_>) -> Result<Option<AccountId>> {
    let account =
        sqlx::query_scalar!("SELECT account_id FROM identity.identity WHERE provider = $1 AND subject = $2", who.provider, who.subject)
            .fetch_optional(system.conn())
            .await?;
    Ok(account.map(AccountId::new))
}

/// Tells the account's owner that there is another way in.
async fn tell(asked: &Asked<'_>, system: &mut System, account: AccountId, email: &str, provider: &str) -> Result<()> {
    let client = Client::of(asked.headers, asked.op.address);
    let place = client.address.map_or_else(String::new, |address| address.to_string());
    let happened = letters::Happened { device: &client.device, place: &place, at: system.source().now() };
    let base = letter::base_of(asked.app);
    let content = letters::identity_linked(provider, &happened, &format!("{base}/account/security"));
    letter::send(system, asked.app.db(), Some(&base), Some(account), email, content).await
}
