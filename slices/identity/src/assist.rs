//! Support looks into a business when an owner lets it: for some hours, with a reason, to look or also to act; and until an owner says
//! otherwise. Whoever of support begins has a session for an hour that does this and nothing else: without their own rights,
//! without those of the account plane, of the team, of pay and of keys. Everything done so enters the log as support's on that owner's behalf.

use axum::http::header;
use db::{System, Tx};
use kernel::{AccountId, Actor, AssistanceId, At, Change, ConsentId, Error, Op, PLATFORM, Permission, Permissions, Result, TenantId};
use post::{Address, Content, letters};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::PgConnection;
use utoipa::ToSchema;
use web::{Assisting, Cx, Reply, Viewer};

use crate::{
    account::Accepted,
    admin, brand, letter, member,
    session::{self, Begun},
    standing::{self, Standing},
    token,
};

/// Hours for which support may be let in at most.
const HOURS: i64 = 72;
/// Seconds after which an assistance ends by itself.
const LONGEST: i64 = 3600;
/// Past assistances that are shown.
const SHOWN: i64 = 50;

/// Lets support look in. What stood before ends.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LetSupportIn {
    /// For how many hours, 1 to 72.
    pub hours: i64,
    /// Why; support and the log see it.
    pub reason: String,
    /// Whether support may also act; else it only looks.
    #[serde(default)]
    pub acting: bool,
}

/// An owner's consent that support looks in.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Consent {
    /// Its id.
    #[schema(value_type = Uuid)]
    pub id: ConsentId,
    /// The owner's name.
    pub given_by: String,
    /// Why.
    pub reason: String,
    /// Whether support may also act.
    pub acting: bool,
    /// Until when.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: At,
}

/// Support that was at work in the business.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Assistance {
    /// Who.
    pub who: String,
    /// Why.
    pub reason: String,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub begun_at: At,
    /// Until when at the latest, or when it ended.
    #[schema(value_type = String, format = DateTime)]
    pub until: At,
}

/// What support may do in the business, and did.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SupportAccess {
    /// The consent that stands.
    pub consent: Option<Consent>,
    /// When support was at work, the last first.
    pub past: Vec<Assistance>,
}

/// Begins to work in a business as support.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Assist {
    /// Which business.
    #[schema(value_type = Uuid)]
    pub id: TenantId,
    /// Why; the owner and both logs see it.
    pub reason: String,
}

/// Support as it is at work.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AtWork {
    /// The business.
    #[schema(value_type = Uuid)]
    pub tenant: TenantId,
    /// Until when at the latest.
    #[schema(value_type = String, format = DateTime)]
    pub until: At,
    /// Whether support may also act.
    pub acting: bool,
    /// Goes into the header `X-CSRF-Token` of every call that changes something.
    pub csrf_token: String,
}

/// The consent that stands; that of somebody who owns the business no more does not.
pub(crate) async fn standing_consent(conn: &mut PgConnection, tenant: TenantId, now: At) -> Result<Option<Consent>> {
    let row = sqlx::query!(
        "SELECT c.id, m.name, c.reason, c.acting, c.expires_at FROM identity.consent c
        JOIN identity.member m ON m.tenant_id = c.tenant_id AND m.account_id = c.given_by AND m.state = 'active' AND 'owner' = ANY (m.roles)
        WHERE c.tenant_id = $1 AND c.revoked_at IS NULL AND c.expires_at > $2",
        tenant.uuid(),
        now
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| Consent {
        id: ConsentId::new(row.id),
        given_by: row.name,
        reason: row.reason,
        acting: row.acting,
        expires_at: row.expires_at,
    }))
}

/// What support may do, and did.
pub(crate) async fn access(tx: &mut Tx) -> Result<SupportAccess> {
    let (tenant, now) = (tx.tenant(), tx.now());
    let consent = standing_consent(tx.conn(), tenant, now).await?;
    let rows = sqlx::query!(
        r#"SELECT s.name, s.reason, s.begun_at, least(coalesce(s.ended_at, s.ends_at), c.revoked_at, c.expires_at) AS "until!"
        FROM identity.assistance s JOIN identity.consent c ON c.tenant_id = s.tenant_id AND c.id = s.consent_id
        WHERE s.tenant_id = $1 ORDER BY s.begun_at DESC, s.id DESC LIMIT $2"#,
        tenant.uuid(),
        SHOWN
    )
    .fetch_all(tx.conn())
    .await?;
    let past = rows.into_iter().map(|row| Assistance { who: row.name, reason: row.reason, begun_at: row.begun_at, until: row.until });
    Ok(SupportAccess { consent, past: past.collect() })
}

/// The owner who asks: a person of the business itself, and no key and no support in their name.
async fn owner(cx: &Cx, tx: &mut Tx) -> Result<member::Member> {
    let forbidden = || Error::Forbidden(Permission::SettingsWrite.code());
    let Actor::Account(account) = cx.op.actor else { return Err(forbidden()) };
    let member = member::member(tx, account).await?;
    if member.owns() { Ok(member) } else { Err(forbidden()) }
}

/// Tells every owner.
async fn tell_owners(cx: &Cx, tx: &mut Tx, content: &Content) -> Result<()> {
    let tenant = tx.tenant();
    let owners = sqlx::query!(
        "SELECT account_id, email FROM identity.member WHERE tenant_id = $1 AND state = 'active' AND 'owner' = ANY (roles) ORDER BY account_id LIMIT 100",
        tenant.uuid()
    )
    .fetch_all(tx.conn())
    .await?;
    let (source, brand) = (tx.op().source.clone(), brand::of_tenant(tx.conn(), tenant).await?.own_letter(&letter::base(cx)));
    for owner in owners {
        let (account, to) = (Some(AccountId::new(owner.account_id)), Address::new(&owner.email)?);
        let queued = post::Letter { tenant, account, to, brand: brand.clone(), content: content.clone() };
        post::queue(tx.conn(), cx.app.db().vault(), &source, &queued).await?;
    }
    Ok(())
}

fn settings_url(cx: &Cx) -> String {
    format!("{}/settings/support", letter::base(cx))
}

/// Ends the consent that stands; whoever works by it is asked about at their next request, on this node at once.
async fn end_consent(tx: &mut Tx, owner: AccountId) -> Result<Option<ConsentId>> {
    let (tenant, now) = (tx.tenant().uuid(), tx.now());
    let ended = sqlx::query_scalar!(
        "UPDATE identity.consent SET revoked_at = $2, revoked_by = $3 WHERE tenant_id = $1 AND revoked_at IS NULL RETURNING id",
        tenant,
        now,
        owner.uuid()
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(ended.map(ConsentId::new))
}

/// Forgets what this node knows of those who work by a consent; the other nodes ask within a second.
async fn forget(tx: &mut Tx, consent: ConsentId) -> Result<Vec<AccountId>> {
    let tenant = tx.tenant().uuid();
    let at_work = sqlx::query_scalar!(
        "SELECT DISTINCT account_id FROM identity.assistance WHERE tenant_id = $1 AND consent_id = $2",
        tenant,
        consent.uuid()
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(at_work.into_iter().map(AccountId::new).collect())
}

/// Lets support look in.
pub(crate) async fn let_in(cx: &Cx, wanted: &LetSupportIn) -> Result<Consent> {
    let reason = admin::reason(&wanted.reason)?;
    if !(1..=HOURS).contains(&wanted.hours) {
        return Err(Error::field("hours", "support.hours"));
    }
    let mut tx = cx.tx().await?;
    let owner = owner(cx, &mut tx).await?;
    token::recently_proved(cx).await?;
    let before = end_consent(&mut tx, owner.account_id).await?;
    let (tenant, id, now) = (tx.tenant(), tx.op().id::<kernel::of::Consent>(), tx.now());
    let expires_at = now.plus_seconds(wanted.hours * 3600);
    sqlx::query!(
        "INSERT INTO identity.consent (tenant_id, id, given_by, reason, acting, given_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        tenant.uuid(),
        id.uuid(),
        owner.account_id.uuid(),
        reason,
        wanted.acting,
        now,
        expires_at
    )
    .execute(tx.conn())
    .await?;
    let after = json!({ "acting": wanted.acting, "expiresAt": expires_at, "instead": before });
    tx.log(Change { reason: Some(reason.clone()), ..Change::of("support.let_in", "consent", id, &after) });
    let business = cx.viewer()?.business.clone().unwrap_or_default();
    let content = letters::support_let_in(&owner.name, &business, expires_at, wanted.acting, &settings_url(cx));
    tell_owners(cx, &mut tx, &content).await?;
    let at_work = match before {
        Some(before) => forget(&mut tx, before).await?,
        None => Vec::new(),
    };
    tx.commit().await?;
    at_work.into_iter().for_each(session::forget);
    Ok(Consent { id, given_by: owner.name, reason, acting: wanted.acting, expires_at })
}

/// Shuts support out.
pub(crate) async fn shut_out(cx: &Cx) -> Result<()> {
    let mut tx = cx.tx().await?;
    let owner = owner(cx, &mut tx).await?;
    let consent = end_consent(&mut tx, owner.account_id).await?.ok_or(Error::NotFound)?;
    tx.log(Change::of("support.shut_out", "consent", consent, &json!({})));
    let business = cx.viewer()?.business.clone().unwrap_or_default();
    tell_owners(cx, &mut tx, &letters::support_shut_out(&owner.name, &business, &settings_url(cx))).await?;
    let at_work = forget(&mut tx, consent).await?;
    tx.commit().await?;
    at_work.into_iter().for_each(session::forget);
    Ok(())
}

/// A consent as support begins by it.
struct Opened {
    consent: ConsentId,
    owner: AccountId,
    owner_email: String,
    business: String,
    acting: bool,
    until: At,
}

/// The consent that stands, held until the transaction ends: it can't be taken back beside.
async fn opened(system: &mut System, tenant: TenantId) -> Result<Opened> {
    let now = system.source().now();
    let row = sqlx::query!(
        "SELECT c.id, c.given_by, c.acting, c.expires_at, m.email, t.name FROM identity.consent c
        JOIN identity.member m ON m.tenant_id = c.tenant_id AND m.account_id = c.given_by AND m.state = 'active' AND 'owner' = ANY (m.roles)
        JOIN db.tenant t ON t.id = c.tenant_id
        WHERE c.tenant_id = $1 AND c.revoked_at IS NULL AND c.expires_at > $2 FOR SHARE OF c, m",
        tenant.uuid(),
        now
    )
    .fetch_optional(system.conn())
    .await?
    .ok_or_else(|| Error::rule("support.no_consent"))?;
    Ok(Opened {
        consent: ConsentId::new(row.id),
        owner: AccountId::new(row.given_by),
        owner_email: row.email,
        business: row.name,
        acting: row.acting,
        until: row.expires_at.min(now.plus_seconds(LONGEST)),
    })
}

/// Tells the owner who let support in, in the business's look.
async fn tell_who_opened(cx: &Cx, system: &mut System, tenant: TenantId, opened: &Opened, content: Content) -> Result<()> {
    let brand = brand::of_tenant(system.conn(), tenant).await?.own_letter(&letter::base(cx));
    let queued = post::Letter { tenant, account: Some(opened.owner), to: Address::new(&opened.owner_email)?, brand, content };
    let source = system.source().clone();
    post::queue(system.conn(), cx.app.db().vault(), &source, &queued).await.map(|_| ())
}

/// Begins to work in a business on behalf of the owner who let support in, in a session with a new token. It is for a browser's session that
/// proved a moment ago who it is.
pub(crate) async fn begin(cx: &Cx, wanted: &Assist) -> Result<(AtWork, Begun)> {
    let (account, tenant) = (cx.op.account()?, wanted.id);
    let why = admin::reason(&wanted.reason)?;
    token::recently_proved(cx).await?;
    let mut system = cx.app.db().system("assist.begin").await?;
    crate::tenants::tenant(&mut system, tenant).await?;
    let opened = opened(&mut system, tenant).await?;
    let (id, now): (AssistanceId, At) = (system.source().id(), system.source().now());
    let name = cx.viewer()?.email.clone();
    sqlx::query!(
        "INSERT INTO identity.assistance (tenant_id, id, consent_id, account_id, name, on_behalf, reason, begun_at, ends_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        tenant.uuid(),
        id.uuid(),
        opened.consent.uuid(),
        account.uuid(),
        name,
        opened.owner.uuid(),
        why,
        now,
        opened.until
    )
    .execute(system.conn())
    .await?;
    let begun = session::renew(&mut system, cx, |proof| proof.tenant = Some(tenant)).await?;
    sqlx::query!("UPDATE identity.session SET assistance_id = $2 WHERE id = $1", begun.id.uuid(), id.uuid()).execute(system.conn()).await?;
    let op = Op { actor: Actor::Support { account, assistance: id }, tenant: Some(tenant), ..cx.op.clone() };
    let after = json!({ "consent": opened.consent, "acting": opened.acting, "until": opened.until });
    let change = Change { reason: Some(why.clone()), ..Change::of("support.begun", "assistance", id, &after) };
    system.log(&op, tenant, &change).await?;
    let change = Change { reason: Some(why.clone()), ..Change::of("support.begun", "tenant", tenant, &after) };
    system.log(&cx.op, PLATFORM, &change).await?;
    let content = letters::support_begun(&name, &opened.business, &why, &settings_url(cx));
    tell_who_opened(cx, &mut system, tenant, &opened, content).await?;
    system.commit().await?;
    session::forget(account);
    Ok((AtWork { tenant, until: opened.until, acting: opened.acting, csrf_token: begun.csrf.clone() }, begun))
}

/// Stops, in a session with a new token that is one's own again. Nothing where the session does no such work.
pub(crate) async fn stop(cx: &Cx) -> Result<Option<(TenantId, Begun)>> {
    let Some(hash) = session::own(&cx.headers) else { return Ok(None) };
    let mut system = cx.app.db().system("assist.stop").await?;
    let now = system.source().now();
    let row = sqlx::query!(
        r#"UPDATE identity.assistance x SET ended_at = coalesce(x.ended_at, $2) FROM identity.session s
        WHERE s.token_hash = $1 AND s.ended_at IS NULL AND x.tenant_id = s.tenant_id AND x.id = s.assistance_id
        RETURNING x.tenant_id, x.id, x.account_id"#,
        &hash,
        now
    )
    .fetch_optional(system.conn())
    .await?;
    let Some(row) = row else { return Ok(None) };
    let (tenant, assistance, account) = (TenantId::new(row.tenant_id), AssistanceId::new(row.id), AccountId::new(row.account_id));
    let begun = session::renew(&mut system, cx, |proof| proof.tenant = None).await?;
    let op = Op { actor: Actor::Support { account, assistance }, tenant: Some(tenant), ..cx.op.clone() };
    system.log(&op, tenant, &Change::of("support.ended", "assistance", assistance, &json!({}))).await?;
    let own = Op { actor: Actor::Account(account), ..cx.op.clone() };
    system.log(&own, PLATFORM, &Change::of("support.ended", "tenant", tenant, &json!({ "assistance": assistance }))).await?;
    system.commit().await?;
    session::forget(account);
    Ok(Some((tenant, begun)))
}

/// What somebody of support may do while an assistance of theirs stands: its rights in place of their own. Where it stands no more (an
/// hour passed, the consent ended, its owner is none any more, or they are support no more) their own.
pub(crate) async fn standing(system: &mut System, own: Standing, tenant: TenantId, id: AssistanceId) -> Result<Standing> {
    let now = system.source().now();
    let row = sqlx::query!(
        r#"SELECT least(x.ends_at, c.expires_at) AS "until!", c.acting, m.name AS owner, t.name AS business, t.slug,
            (SELECT jsonb_agg(jsonb_build_array(i.id, i.name, i.time_zone, i.day_start, i.currency) ORDER BY i.created_at, i.id)
             FROM identity.site i WHERE i.tenant_id = x.tenant_id) AS sites
        FROM identity.assistance x
            JOIN identity.consent c ON c.tenant_id = x.tenant_id AND c.id = x.consent_id AND c.revoked_at IS NULL AND c.expires_at > $4
            JOIN identity.member m ON m.tenant_id = c.tenant_id AND m.account_id = c.given_by AND m.state = 'active' AND 'owner' = ANY (m.roles)
            JOIN db.tenant t ON t.id = x.tenant_id
        WHERE x.tenant_id = $1 AND x.id = $2 AND x.account_id = $3 AND x.ended_at IS NULL AND x.ends_at > $4"#,
        tenant.uuid(),
        id.uuid(),
        own.account.uuid(),
        now
    )
    .fetch_optional(system.conn())
    .await?;
    let Some(row) = row.filter(|_| own.permissions.has(Permission::PlatformSupport)) else { return Ok(own) };
    let viewer = Viewer {
        name: own.viewer.email.clone(),
        roles: Vec::new(),
        business: Some(row.business),
        slug: Some(row.slug),
        sites: standing::sites(row.sites)?,
        assisting: Some(Assisting { on_behalf: row.owner, until: row.until, acting: row.acting }),
        ..own.viewer
    };
    Ok(Standing { tenant: Some(tenant), permissions: Permissions::of_support(row.acting), viewer, assistance: Some(id), ..own })
}

/// `POST /v1/settings/support`.
pub(crate) async fn post_let_in(cx: Cx, wanted: LetSupportIn) -> Result<Reply> {
    Reply::json(&let_in(&cx, &wanted).await?)
}

/// `DELETE /v1/settings/support`.
pub(crate) async fn delete(cx: Cx) -> Result<Reply> {
    shut_out(&cx).await?;
    Ok(Reply::empty())
}

/// `POST /v1/admin/tenants/{id}/assist`.
pub(crate) async fn post_begin(cx: Cx, wanted: Assist) -> Result<Reply> {
    let (at_work, begun) = begin(&cx, &wanted).await?;
    Ok(Reply::json(&at_work)?.header(header::SET_COOKIE, begun.set_cookie()))
}

/// `POST /v1/assist/stop`.
pub(crate) async fn post_stop(cx: Cx) -> Result<Reply> {
    let reply = Reply::json(&Accepted { accepted: true })?;
    Ok(match stop(&cx).await? {
        Some((_, begun)) => reply.header(header::SET_COOKIE, begun.set_cookie()),
        None => reply,
    })
}
