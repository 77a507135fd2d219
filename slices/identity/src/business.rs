//! Businesses: opening one, and changing between those one is a member of.

use db::System;
use kernel::{AccountId, Currency, DayStart, Error, Result, Role, SiteId, TenantId, Zone};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;
use web::{App, Cx, Opening, Reply};

use crate::{login::SignedIn, session, site};

/// Opens a business with its first site; whoever opens it owns it.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OpenBusiness {
    /// Its name.
    pub name: String,
    /// Its short name: 2 to 40 small letters, digits and hyphens, beginning with a letter.
    pub slug: String,
    /// Its currency's three letters.
    pub currency: String,
    /// The IANA zone of its first site.
    pub time_zone: String,
    /// The name of its first site; the business's name if not given.
    pub site_name: Option<String>,
    /// When its days begin, `HH:MM`; 04:00 if not given.
    pub day_start: Option<String>,
    /// The owner's name; the address before its `@` if not given.
    pub owner_name: Option<String>,
}

/// Changes the active business.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SwitchTenant {
    /// The business to work for.
    #[schema(value_type = Uuid)]
    pub tenant: TenantId,
}

/// A business as its member sees it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Business {
    /// Its id.
    #[schema(value_type = Uuid)]
    pub id: TenantId,
    /// Its name.
    pub name: String,
    /// Its short name.
    pub slug: String,
    /// One's roles there.
    pub roles: Vec<Role>,
    /// Whether it is the active one.
    pub active: bool,
}

/// All businesses of an account.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Businesses {
    /// In the order in which they were joined.
    pub rows: Vec<Business>,
}

/// What was asked for, in types.
struct Plan {
    name: String,
    slug: String,
    currency: Currency,
    zone: Zone,
    site: String,
    day_start: DayStart,
    owner: Option<String>,
}

/// A short name is part of addresses: `^[a-z][a-z0-9-]{1,39}$`.
fn slug(text: &str) -> Result<String> {
    named(Some(text.trim())).map(str::to_owned).ok_or_else(|| Error::field("slug", "slug.format"))
}

/// What may be the short name of a business, whether or not there is one; anything else is as if none was given.
pub(crate) fn named(text: Option<&str>) -> Option<&str> {
    text.filter(|text| {
        (2..=40).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
    })
}

/// The short name that a call brings along: as [`named`], but nothing without end.
pub(crate) fn given(text: Option<&String>) -> Result<Option<&str>> {
    match text {
        Some(text) if text.len() > 200 => Err(Error::field("business", "text.too_long")),
        text => Ok(named(text.map(String::as_str))),
    }
}

/// Takes a value, or keeps its complaint for later and goes on.
fn gather<T>(result: Result<T>, wrong: &mut Vec<kernel::FieldError>) -> Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(Error::Invalid(mut fields)) => {
            wrong.append(&mut fields);
            Ok(None)
        }
        Err(other) => Err(other),
    }
}

impl OpenBusiness {
    /// Everything in types, or every field that is wrong at once.
    fn plan(&self) -> Result<Plan> {
        let filled = |text: &Option<String>| text.clone().filter(|t| !t.trim().is_empty());
        let mut wrong = Vec::new();
        let name = gather(site::name("name", &self.name), &mut wrong)?;
        let slug = gather(slug(&self.slug), &mut wrong)?;
        let currency = gather(site::currency(&self.currency), &mut wrong)?;
        let zone = gather(site::zone(&self.time_zone), &mut wrong)?;
        let first = filled(&self.site_name).unwrap_or_else(|| self.name.clone());
        // A site that takes the business's name adds no second complaint about it.
        let first = if self.name.trim() == first.trim() { name.clone() } else { gather(site::name("siteName", &first), &mut wrong)? };
        let day_start = gather(site::day_start(self.day_start.as_deref()), &mut wrong)?;
        let owner = gather(filled(&self.owner_name).map(|n| site::name("ownerName", &n)).transpose(), &mut wrong)?;
        match (name, slug, currency, zone, first, day_start, owner) {
            (Some(name), Some(slug), Some(currency), Some(zone), Some(site), Some(day_start), Some(owner)) => {
                Ok(Plan { name, slug, currency, zone, site, day_start, owner })
            }
            _ => Err(Error::Invalid(wrong)),
        }
    }
}

/// Opens a business for an account: the business, its owner, its first site, and what every slice lays down, in one
/// transaction. Codes: `slug.format`, `currency.unknown`, `zone.unknown`, `tenant.slug_taken`, …
pub async fn open_business(app: &App, owner: AccountId, new: &OpenBusiness) -> Result<TenantId> {
    let plan = new.plan()?;
    let mut system = app.db().system("identity.open_business").await?;
    let tenant = open(app, &mut system, owner, &plan).await?;
    system.commit().await?;
    Ok(tenant)
}

async fn open(app: &App, system: &mut System, owner: AccountId, plan: &Plan) -> Result<TenantId> {
    let source = system.source().clone();
    let (tenant, site, at): (TenantId, SiteId, _) = (source.id(), source.id(), source.now());
    sqlx::query!(
        "INSERT INTO db.tenant (id, name, slug, currency, time_zone, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
        tenant.uuid(),
        plan.name,
        plan.slug,
        plan.currency.code(),
        plan.zone.to_string(),
        at
    )
    .execute(system.conn())
    .await
    .map_err(|e| Error::from(e).at("slug"))?;
    let joined = sqlx::query!(
        "INSERT INTO identity.member (tenant_id, account_id, email, name, roles, created_at)
        SELECT $1, a.id, a.email, coalesce($3, split_part(a.email, '@', 1)), ARRAY['owner'], $4 FROM identity.account a WHERE a.id = $2",
        tenant.uuid(),
        owner.uuid(),
        plan.owner,
        at
    )
    .execute(system.conn())
    .await?;
    if joined.rows_affected() != 1 {
        return Err(Error::NotFound);
    }
    sqlx::query!(
        "INSERT INTO identity.site (tenant_id, id, name, time_zone, day_start, currency, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        tenant.uuid(),
        site.uuid(),
        plan.site,
        plan.zone.to_string(),
        i32::from(plan.day_start),
        plan.currency.code(),
        at
    )
    .execute(system.conn())
    .await?;
    let opening = Opening { tenant, site, owner, currency: plan.currency, day_start: plan.day_start, at };
    for opened in app.slices().iter().filter_map(|slice| slice.opened) {
        opened(system, &opening).await?;
    }
    enter(system, &opening, plan).await?;
    Ok(tenant)
}

/// The first entry of the business's log.
async fn enter(system: &mut System, opening: &Opening, plan: &Plan) -> Result<()> {
    let source = system.source().clone();
    let after =
        json!({ "name": plan.name, "slug": plan.slug, "currency": plan.currency, "timeZone": plan.zone.to_string(), "site": opening.site });
    sqlx::query!(
        "INSERT INTO db.log_inbox (tenant_id, id, at, actor_kind, actor_id, request_id, action, kind, target_id, after)
        VALUES ($1, $2, $3, 'account', $4, $5, 'tenant.opened', 'tenant', $1, $6)",
        opening.tenant.uuid(),
        source.uuid(),
        opening.at,
        opening.owner.uuid(),
        source.uuid(),
        after
    )
    .execute(system.conn())
    .await?;
    Ok(())
}

/// The businesses of the signed-in account.
pub(crate) async fn of(cx: &Cx) -> Result<Vec<Business>> {
    let account = cx.op.account()?;
    let mut system = cx.app.db().system("identity.tenants").await?;
    let rows = sqlx::query!(
        "SELECT t.id, t.name, t.slug, m.roles FROM identity.member m JOIN db.tenant t ON t.id = m.tenant_id
        WHERE m.account_id = $1 AND m.state = 'active' ORDER BY m.created_at, t.id LIMIT 1000",
        account.uuid()
    )
    .fetch_all(system.conn())
    .await?;
    let business = |id: Uuid, name, slug, roles: Vec<String>| {
        let roles = roles.iter().map(|r| r.parse()).collect::<Result<_>>()?;
        Ok(Business { id: TenantId::new(id), name, slug, roles, active: cx.op.tenant.map(TenantId::uuid) == Some(id) })
    };
    rows.into_iter().map(|r| business(r.id, r.name, r.slug, r.roles)).collect()
}

/// `GET /v1/tenants`.
pub(crate) async fn list(cx: Cx) -> Result<Businesses> {
    Ok(Businesses { rows: of(&cx).await? })
}

/// Opens a business and works for it from now on, in a session with a new token.
pub(crate) async fn open_and_enter(cx: &Cx, new: &OpenBusiness) -> Result<(SignedIn, session::Begun)> {
    session::of_browser(cx).await?;
    let tenant = open_business(&cx.app, cx.op.account()?, new).await?;
    work_for(cx, tenant).await
}

/// Works for another business from now on, in a session with a new token. One that the account is no member of is not found.
pub(crate) async fn switch(cx: &Cx, tenant: TenantId) -> Result<(SignedIn, session::Begun)> {
    session::of_browser(cx).await?;
    work_for(cx, tenant).await
}

/// The same where it is known that the session is a browser's.
async fn work_for(cx: &Cx, tenant: TenantId) -> Result<(SignedIn, session::Begun)> {
    let account = cx.op.account()?;
    let mut system = cx.app.db().system("identity.switch").await?;
    sqlx::query!(
        "SELECT version FROM identity.member WHERE tenant_id = $1 AND account_id = $2 AND state = 'active'",
        tenant.uuid(),
        account.uuid()
    )
    .fetch_optional(system.conn())
    .await?
    .ok_or(Error::NotFound)?;
    let begun = session::renew(&mut system, cx, |proof| proof.tenant = Some(tenant)).await?;
    system.commit().await?;
    Ok((SignedIn { account, tenant: Some(tenant), csrf_token: begun.csrf.clone() }, begun))
}

/// `POST /v1/tenants`.
pub(crate) async fn post_open(cx: Cx, new: OpenBusiness) -> Result<Reply> {
    let (signed_in, begun) = open_and_enter(&cx, &new).await?;
    signed_in.reply(&begun)
}

/// `POST /v1/auth/switch-tenant`.
pub(crate) async fn post_switch(cx: Cx, wanted: SwitchTenant) -> Result<Reply> {
    let (signed_in, begun) = switch(&cx, wanted.tenant).await?;
    signed_in.reply(&begun)
}
