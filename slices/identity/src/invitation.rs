//! Invitations: a mailed link by which an address becomes a member. The token is random, kept as its SHA-256, stands for seven
//! days and works once. Nobody invites to more than they may themselves, neither when they invite nor when it is accepted.

use db::{
    System, Tx,
    list::{Column, Filter, Kind, List, Sort},
};
use kernel::{AccountId, Actor, At, Change, Error, InvitationId, Op, OwnRoleId, Permission, Permissions, Result, Role, TenantId};
use post::{Address, letters};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;
use web::{Cx, Reply};

use crate::{
    account::{Secret, chosen},
    brand,
    email::Email,
    guess, letter, login,
    password::hasher,
    revocation,
    role::{self, Grant},
    secret::{Digested, Token},
    session, site,
};

/// Seconds for which an invitation stands.
const STANDS: i64 = 7 * 24 * 3600;
/// Letters that one invitation may cause.
const LETTERS: i32 = 10;
/// Invitations that a business may send in a day.
const A_DAY: i64 = 200;

/// The invitations of the business.
pub(crate) static INVITATIONS: List = List {
    name: "invitations",
    sql: "SELECT i.id, i.name, i.email, array_to_string(i.roles, ', ') AS roles,
            (SELECT string_agg(r.name, ', ' ORDER BY r.name) FROM identity.role r WHERE r.tenant_id = i.tenant_id AND r.id = ANY (i.own_roles)) AS own_roles,
            CASE WHEN i.used_at IS NOT NULL THEN 'used' WHEN i.revoked_at IS NOT NULL THEN 'revoked' ELSE 'open' END AS state,
            m.name AS inviter, i.created_at, i.expires_at, i.used_at, i.revoked_at, i.version::bigint AS version
        FROM identity.invitation i LEFT JOIN identity.member m ON m.tenant_id = i.tenant_id AND m.account_id = i.invited_by WHERE i.tenant_id = $1",
    columns: &[
        Column::hidden("id", Kind::Id),
        Column::shown("name", Kind::Text, "member-name"),
        Column::shown("email", Kind::Text, "member-email"),
        Column::shown("roles", Kind::Text, "member-roles"),
        Column::shown("own_roles", Kind::Text, "member-own-roles"),
        Column::shown("state", Kind::Text, "invitation-state"),
        Column::shown("inviter", Kind::Text, "invitation-inviter"),
        Column::hidden("created_at", Kind::Time),
        Column::shown("expires_at", Kind::Time, "invitation-ends"),
        Column::hidden("used_at", Kind::Time),
        Column::hidden("revoked_at", Kind::Time),
        Column::hidden("version", Kind::Whole),
    ],
    filters: &[Filter { name: "state", sql: "state = {}", kind: Kind::Text }],
    sorts: &[Sort { name: "sent", column: "created_at", kind: Kind::Time }],
    newest_first: true,
    key: "id",
};

/// Invites an address to become a member.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Invite {
    /// Whom.
    pub email: String,
    /// Their name in this business.
    pub name: String,
    /// At least one role, of the seven or of the business's own.
    pub roles: Vec<Role>,
    /// Roles of the business's own.
    #[serde(default)]
    #[schema(value_type = Vec<Uuid>)]
    pub own_roles: Vec<OwnRoleId>,
}

/// An invitation.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Invitation {
    /// Its id.
    #[schema(value_type = Uuid)]
    pub id: InvitationId,
    /// Whom.
    pub email: String,
    /// Their name in this business.
    pub name: String,
    /// What they become.
    pub roles: Vec<Role>,
    /// Roles of the business's own.
    #[schema(value_type = Vec<Uuid>)]
    pub own_roles: Vec<OwnRoleId>,
    /// Until when it stands.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: At,
}

/// Takes an invitation back.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RevokeInvitation {
    /// Which one.
    #[schema(value_type = Uuid)]
    pub id: InvitationId,
}

/// Sends an invitation again, with a new link; the old one ends.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResendInvitation {
    /// Which one.
    #[schema(value_type = Uuid)]
    pub id: InvitationId,
}

/// An invitation that was taken back.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Revoked {
    /// Which one.
    #[schema(value_type = Uuid)]
    pub id: InvitationId,
}

/// Accepts an invitation. Who is signed in becomes a member; who has no password yet chooses one.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AcceptInvitation {
    /// From the link.
    pub token: Secret,
    /// 15 to 128 characters; for an address without an account.
    #[serde(default)]
    pub password: Option<Secret>,
}

/// What accepting came to.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Joined {
    /// The business.
    #[schema(value_type = Uuid)]
    pub tenant: TenantId,
    /// Its name.
    pub business: String,
    /// The account that is a member now.
    #[schema(value_type = Uuid)]
    pub account: AccountId,
    /// What they may do there.
    pub roles: Vec<Role>,
}

/// Writes the letter with a new token; the link is built from the configured address alone.
async fn send(cx: &Cx, tx: &mut Tx, email: &str, token: &Token) -> Result<()> {
    let (tenant, base) = (tx.tenant(), letter::base(cx));
    let look = brand::of_tenant(tx.conn(), tenant).await?;
    let url = format!("{base}/invitation?token={}", token.text());
    let content = letters::invitation(&cx.viewer()?.name, &look.name, &url);
    let queued = post::Letter { tenant, account: None, to: Address::new(email)?, brand: look.own_letter(&base), content };
    let source = tx.op().source.clone();
    post::queue(tx.conn(), cx.app.db().vault(), &source, &queued).await?;
    Ok(())
}

/// What the log keeps of an invitation. The address is a person's and stays in the invitation alone.
fn logged(grant: &Grant, expires_at: At) -> serde_json::Value {
    json!({ "roles": grant.roles, "ownRoles": grant.own, "expiresAt": expires_at })
}

/// Invites.
pub(crate) async fn invite(cx: &Cx, wanted: &Invite) -> Result<Invitation> {
    cx.op.needs(Permission::TeamWrite)?;
    let (email, name) = (Email::read("email", &wanted.email)?, site::name("name", &wanted.name)?);
    let mut tx = cx.tx().await?;
    let grant = role::grantable(&mut tx, &wanted.roles, &wanted.own_roles).await?;
    let (tenant, now, token) = (tx.tenant().uuid(), tx.now(), Token::new(&tx.op().source));
    let (id, expires_at): (InvitationId, At) = (tx.op().id(), now.plus_seconds(STANDS));
    let there = sqlx::query!(
        r#"SELECT EXISTS (SELECT 1 FROM identity.member m WHERE m.tenant_id = $1 AND m.email = $2 AND m.state = 'active') AS "member!",
            (SELECT count(*) FROM identity.invitation i WHERE i.tenant_id = $1 AND i.created_at > $3) AS "today!""#,
        tenant,
        email.as_str(),
        now.plus_seconds(-24 * 3600)
    )
    .fetch_one(tx.conn())
    .await?;
    if there.member {
        return Err(Error::rule("member.exists").at("email"));
    }
    if there.today >= A_DAY {
        return Err(Error::TooMany(3600));
    }
    sqlx::query!(
        "INSERT INTO identity.invitation (tenant_id, id, email, name, roles, own_roles, token_hash, invited_by, created_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        tenant,
        id.uuid(),
        email.as_str(),
        name,
        &grant.codes(),
        &grant.ids(),
        &token.hash(),
        cx.op.account()?.uuid(),
        now,
        expires_at
    )
    .execute(tx.conn())
    .await
    .map_err(|e| Error::from(e).at("email"))?;
    send(cx, &mut tx, email.as_str(), &token).await?;
    tx.log(Change::of("invitation.sent", "invitation", id, &logged(&grant, expires_at)));
    tx.commit().await?;
    Ok(Invitation { id, email: email.to_string(), name, roles: grant.roles, own_roles: grant.own, expires_at })
}

/// Sends it again in the name of whoever does so now.
pub(crate) async fn resend(cx: &Cx, id: InvitationId) -> Result<Invitation> {
    cx.op.needs(Permission::TeamWrite)?;
    let mut tx = cx.tx().await?;
    let (tenant, now) = (tx.tenant().uuid(), tx.now());
    let row = sqlx::query!(
        "SELECT email, name, roles, own_roles, version FROM identity.invitation
        WHERE tenant_id = $1 AND id = $2 AND used_at IS NULL AND revoked_at IS NULL FOR UPDATE",
        tenant,
        id.uuid()
    )
    .fetch_optional(tx.conn())
    .await?
    .ok_or(Error::NotFound)?;
    if row.version >= LETTERS {
        return Err(Error::TooMany(24 * 3600));
    }
    let roles: Vec<Role> = row.roles.iter().map(|role| role.parse()).collect::<Result<_>>()?;
    let own: Vec<OwnRoleId> = row.own_roles.into_iter().map(OwnRoleId::new).collect();
    let grant = role::grantable(&mut tx, &roles, &own).await?;
    let (token, expires_at) = (Token::new(&tx.op().source), now.plus_seconds(STANDS));
    sqlx::query!(
        "UPDATE identity.invitation SET token_hash = $3, invited_by = $4, expires_at = $5, version = version + 1 WHERE tenant_id = $1 AND id = $2",
        tenant,
        id.uuid(),
        &token.hash(),
        cx.op.account()?.uuid(),
        expires_at
    )
    .execute(tx.conn())
    .await?;
    send(cx, &mut tx, &row.email, &token).await?;
    tx.log(Change::of("invitation.resent", "invitation", id, &logged(&grant, expires_at)));
    tx.commit().await?;
    Ok(Invitation { id, email: row.email, name: row.name, roles: grant.roles, own_roles: grant.own, expires_at })
}

impl db::Command for RevokeInvitation {
    const NEEDS: Permission = Permission::TeamWrite;
    type Out = Revoked;
    async fn run(self, tx: &mut Tx) -> Result<Revoked> {
        let (tenant, now) = (tx.tenant().uuid(), tx.now());
        let ended = sqlx::query!(
            "UPDATE identity.invitation SET revoked_at = $3, version = version + 1 WHERE tenant_id = $1 AND id = $2 AND used_at IS NULL AND revoked_at IS NULL",
            tenant,
            self.id.uuid(),
            now
        )
        .execute(tx.conn())
        .await?;
        if ended.rows_affected() != 1 {
            return Err(Error::NotFound);
        }
        tx.log(Change::of("invitation.revoked", "invitation", self.id, &json!({})));
        Ok(Revoked { id: self.id })
    }
}

/// An invitation as its link shows it.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    pub business: String,
    pub inviter: String,
    pub email: String,
    pub roles: Vec<Role>,
    /// The names of the business's own.
    pub own_roles: Vec<String>,
    /// The account of the address, and whether it has a password.
    pub account: Option<AccountId>,
    pub has_password: bool,
}

/// What a token opens; looking spends nothing.
pub(crate) async fn shown(system: &mut System, hash: &Digested) -> Result<Shown> {
    let now = system.source().now();
    let row = sqlx::query!(
        r#"SELECT t.name AS business, m.name AS "inviter?", i.email, i.roles, a.id AS "account?", a.password_hash IS NOT NULL AS "has!",
            ARRAY(SELECT r.name FROM identity.role r WHERE r.tenant_id = i.tenant_id AND r.id = ANY (i.own_roles) ORDER BY r.name) AS "own!"
        FROM identity.invitation i JOIN db.tenant t ON t.id = i.tenant_id
            LEFT JOIN identity.member m ON m.tenant_id = i.tenant_id AND m.account_id = i.invited_by
            LEFT JOIN identity.account a ON a.email = i.email
        WHERE i.token_hash = $1 AND i.used_at IS NULL AND i.revoked_at IS NULL AND i.expires_at > $2"#,
        hash,
        now
    )
    .fetch_optional(system.conn())
    .await?
    .ok_or_else(over)?;
    Ok(Shown {
        business: row.business,
        inviter: row.inviter.unwrap_or_default(),
        email: row.email,
        roles: row.roles.iter().map(|role| role.parse()).collect::<Result<_>>()?,
        own_roles: row.own,
        account: row.account.map(AccountId::new),
        has_password: row.has,
    })
}

pub(crate) fn over() -> Error {
    Error::rule("invitation.over")
}

/// What a link's token is kept as.
pub(crate) fn hash_of(token: &str) -> Result<Digested> {
    Ok(Token::read(token).ok_or_else(over)?.hash())
}

/// Who accepts.
enum Who {
    /// An account that is signed in with the invited address.
    SignedIn(AccountId),
    /// An address without a password: the link proves it, and this is the password's hash.
    New(String),
}

/// Finds out who accepts; a chosen password is judged before anything is spent.
async fn who(cx: &Cx, shown: &Shown, password: Option<&Secret>) -> Result<Who> {
    match cx.op.actor {
        Actor::Account(account) => {
            cx.op.needs(Permission::OwnAccount)?;
            if shown.account == Some(account) { Ok(Who::SignedIn(account)) } else { Err(Error::rule("invitation.other")) }
        }
        Actor::Nobody if shown.has_password => Err(Error::rule("invitation.sign_in")),
        Actor::Nobody => {
            let typed = password.ok_or_else(|| Error::field("password", "text.needed"))?;
            let email: Email = Email::read("email", &shown.email)?;
            let password = chosen(&cx.app, "password", typed, &[email.as_str(), email.local(), &shown.business]).await?;
            Ok(Who::New(hasher().hash(cx.app.db().source(), password).await?))
        }
        _ => Err(Error::Forbidden(Permission::OwnAccount.code())),
    }
}

/// Accepts: of all who come with the same link exactly one becomes a member.
pub(crate) async fn accept(cx: &Cx, wanted: &AcceptInvitation) -> Result<Joined> {
    let (db, hash) = (cx.app.db(), hash_of(&wanted.token.0)?);
    let mut system = db.system("identity.invitation").await?;
    let shown = shown(&mut system, &hash).await?;
    drop(system);
    let who = who(cx, &shown, wanted.password.as_ref()).await?;
    let mut system = db.system("identity.invitation").await?;
    let account = match who {
        Who::SignedIn(account) => account,
        Who::New(password) => verified(&mut system, &shown.email, &password).await?,
    };
    let spent = spend(&mut system, &hash, account).await?;
    let grant = vouched(&mut system, &spent).await?;
    enter(&mut system, account, &spent, &grant).await?;
    let op = Op { actor: Actor::Account(account), tenant: Some(spent.tenant), ..cx.op.clone() };
    system.log(&op, spent.tenant, &Change::of("invitation.accepted", "invitation", spent.id, &json!({ "member": account }))).await?;
    let after = json!({ "roles": grant.roles, "ownRoles": grant.own, "invitation": spent.id });
    system.log(&op, spent.tenant, &Change::of("member.joined", "member", account, &after)).await?;
    revocation::of_member_in(&mut system, spent.tenant, account).await?;
    system.commit().await?;
    session::forget(account);
    Ok(Joined { tenant: spent.tenant, business: shown.business, account, roles: grant.roles })
}

/// The account of an address that its link proved, with a first password; one that has a password meanwhile signs in instead.
async fn verified(system: &mut System, email: &str, hash: &str) -> Result<AccountId> {
    let (id, now) = (system.source().uuid(), system.source().now());
    let account = sqlx::query!(
        "INSERT INTO identity.account AS a (id, email, password_hash, verified_at, created_at) VALUES ($1, $2, $3, $4, $4)
        ON CONFLICT (email) DO UPDATE SET password_hash = $3, verified_at = coalesce(a.verified_at, $4) WHERE a.password_hash IS NULL
        RETURNING id, locked_at",
        id,
        email,
        hash,
        now
    )
    .fetch_optional(system.conn())
    .await?
    .ok_or_else(|| Error::rule("invitation.sign_in"))?;
    if account.locked_at.is_some() {
        return Err(Error::rule("account.locked"));
    }
    // Whoever registered this address before it was proved waits for nothing any more.
    sqlx::query!("UPDATE identity.registration SET spent_at = $2 WHERE email = $1 AND spent_at IS NULL", email, now)
        .execute(system.conn())
        .await?;
    sqlx::query!("UPDATE identity.reset SET spent_at = $2 WHERE account_id = $1 AND spent_at IS NULL", account.id, now)
        .execute(system.conn())
        .await?;
    let account = AccountId::new(account.id);
    let guesses = login::guesses(system, account).await?;
    guess::clear(system, &guesses).await?;
    Ok(account)
}

/// An invitation that was just spent.
struct Spent {
    tenant: TenantId,
    id: InvitationId,
    name: String,
    roles: Vec<String>,
    own_roles: Vec<Uuid>,
    inviter: AccountId,
}

/// Spends a link in one statement; nobody else does.
async fn spend(system: &mut System, hash: &Digested, account: AccountId) -> Result<Spent> {
    let now = system.source().now();
    let row = sqlx::query!(
        "UPDATE identity.invitation SET used_at = $2, used_by = $3, version = version + 1
        WHERE token_hash = $1 AND used_at IS NULL AND revoked_at IS NULL AND expires_at > $2
        RETURNING tenant_id, id, name, roles, own_roles, invited_by",
        hash,
        now,
        account.uuid()
    )
    .fetch_optional(system.conn())
    .await?
    .ok_or_else(over)?;
    Ok(Spent {
        tenant: TenantId::new(row.tenant_id),
        id: InvitationId::new(row.id),
        name: row.name,
        roles: row.roles,
        own_roles: row.own_roles,
        inviter: AccountId::new(row.invited_by),
    })
}

/// What is given: only what the inviter, as they stand now, could still give. Their row and the roles stay as they are until the
/// transaction ends.
async fn vouched(system: &mut System, spent: &Spent) -> Result<Grant> {
    let (tenant, ids) = (spent.tenant.uuid(), &spent.own_roles);
    let inviter = sqlx::query!(
        "SELECT m.roles, m.own_roles FROM identity.member m JOIN identity.account a ON a.id = m.account_id
        WHERE m.tenant_id = $1 AND m.account_id = $2 AND m.state = 'active' AND a.locked_at IS NULL FOR SHARE OF m",
        tenant,
        spent.inviter.uuid()
    )
    .fetch_optional(system.conn())
    .await?
    .ok_or_else(over)?;
    let wanted: Vec<Uuid> = ids.iter().chain(&inviter.own_roles).copied().collect();
    let own = sqlx::query!(
        "SELECT id, permissions FROM identity.role WHERE tenant_id = $1 AND id = ANY ($2) ORDER BY id FOR SHARE",
        tenant,
        &wanted
    )
    .fetch_all(system.conn())
    .await?;
    if !ids.iter().all(|id| own.iter().any(|role| role.id == *id)) {
        return Err(over());
    }
    let read = |codes: &[String]| codes.iter().map(|role| role.parse()).collect::<Result<Vec<Role>>>();
    let allow = |roles: &[Role], ids: &[Uuid]| -> Permissions {
        own.iter()
            .filter(|role| ids.contains(&role.id))
            .fold(Permissions::of_roles(roles), |set, role| set.and(role::of_codes(&role.permissions)))
    };
    let (roles, of_inviter) = (read(&spent.roles)?, read(&inviter.roles)?);
    let (permissions, may) = (allow(&roles, ids), allow(&of_inviter, &inviter.own_roles));
    if !may.has(Permission::TeamWrite) || !may.includes(permissions) {
        return Err(over());
    }
    Ok(Grant { roles, own: ids.iter().copied().map(OwnRoleId::new).collect(), permissions })
}

/// Makes the account a member; one who asked before or had left, too.
async fn enter(system: &mut System, account: AccountId, spent: &Spent, grant: &Grant) -> Result<()> {
    let now = system.source().now();
    let joined = sqlx::query!(
        "INSERT INTO identity.member AS m (tenant_id, account_id, email, name, roles, own_roles, created_at)
        SELECT $1, a.id, a.email, $3, $4, $5, $6 FROM identity.account a WHERE a.id = $2
        ON CONFLICT (tenant_id, account_id) DO UPDATE SET name = $3, roles = $4, own_roles = $5, state = 'active', version = m.version + 1
            WHERE m.state <> 'active'",
        spent.tenant.uuid(),
        account.uuid(),
        spent.name,
        &grant.codes(),
        &grant.ids(),
        now
    )
    .execute(system.conn())
    .await?;
    if joined.rows_affected() == 1 { Ok(()) } else { Err(Error::rule("member.exists")) }
}

/// `POST /v1/team/invitations`.
pub(crate) async fn post_invite(cx: Cx, wanted: Invite) -> Result<Reply> {
    Reply::json(&invite(&cx, &wanted).await?)
}

/// `POST /v1/team/invitations/{id}/resend`.
pub(crate) async fn post_resend(cx: Cx, wanted: ResendInvitation) -> Result<Reply> {
    Reply::json(&resend(&cx, wanted.id).await?)
}

/// `POST /v1/auth/invitations/accept`.
pub(crate) async fn post_accept(cx: Cx, wanted: AcceptInvitation) -> Result<Reply> {
    Reply::json(&accept(&cx, &wanted).await?)
}
