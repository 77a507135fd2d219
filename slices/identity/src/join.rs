//! Becoming a member and ceasing to be one: a stranger asks, an owner or manager approves; one who left may come back.

use db::Tx;
use kernel::{AccountId, Change, Error, OwnRoleId, PLATFORM, Permission, Permissions, Result, Role, TenantId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use web::{Cx, Reply};

use crate::{
    account::Accepted,
    member::{self, Held, Member, State},
    pin,
    role::{self, Grant},
    secret::digest,
    site,
};

/// Businesses that one account may ask on one day.
const A_DAY: i32 = 3;

/// Asks to join a business. The answer is the same whether or not there is one of this short name.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AskToJoin {
    /// The business's short name.
    pub slug: String,
    /// The name under which one wants to be known there; what stands before the `@` of the address if not given.
    #[serde(default)]
    pub name: Option<String>,
}

/// Takes somebody in who asked, or back who had left.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Approve {
    /// Whom.
    #[schema(value_type = Uuid)]
    pub account_id: AccountId,
    /// At least one role, of the seven or of the business's own.
    pub roles: Vec<Role>,
    /// Roles of the business's own.
    #[serde(default)]
    #[schema(value_type = Vec<Uuid>)]
    pub own_roles: Vec<OwnRoleId>,
}

/// Refuses somebody who asked to join.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Refuse {
    /// Whom.
    #[schema(value_type = Uuid)]
    pub account_id: AccountId,
}

/// Takes a member out of the business: from this moment on they see and do nothing there.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RemoveMember {
    /// Whom.
    #[schema(value_type = Uuid)]
    pub account_id: AccountId,
    /// Why, for the trail.
    #[serde(default)]
    pub reason: Option<String>,
}

/// Somebody who was refused.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Refused {
    /// Whom.
    #[schema(value_type = Uuid)]
    pub account_id: AccountId,
}

/// Notes that the signed-in account wants to join; a known and an unknown short name cost the same statements.
pub(crate) async fn ask(cx: &Cx, wanted: &AskToJoin) -> Result<()> {
    let account = cx.op.account()?;
    let slug = wanted.slug.trim();
    if slug.is_empty() || slug.len() > 40 {
        return Err(Error::field("slug", "slug.format"));
    }
    let name = wanted.name.as_deref().filter(|name| !name.trim().is_empty()).map(|name| site::name("name", name)).transpose()?;
    let mut system = cx.app.db().system("identity.join").await?;
    // A business sees the address of who asks: it must be theirs.
    let confirmed =
        sqlx::query_scalar!(r#"SELECT verified_at IS NOT NULL AS "confirmed!" FROM identity.account WHERE id = $1"#, account.uuid())
            .fetch_one(system.conn())
            .await?;
    if !confirmed {
        return Err(Error::rule("account.unconfirmed"));
    }
    let now = system.source().now();
    let day = now.micros() / 86_400_000_000;
    let key = digest("asks to join of a day", &[account.uuid().as_bytes(), &day.to_be_bytes()]);
    let asked = sqlx::query_scalar!(
        "INSERT INTO identity.guess AS g (key, failures, allowed, at) VALUES ($1, 1, true, $2)
        ON CONFLICT (key) DO UPDATE SET failures = g.failures + 1, at = $2 RETURNING failures",
        &key,
        now
    )
    .fetch_one(system.conn())
    .await?;
    if asked > A_DAY {
        let left = 86_400 - (now.micros() / 1_000_000).rem_euclid(86_400);
        return Err(Error::TooMany(u32::try_from(left).unwrap_or(86_400)));
    }
    let joined = sqlx::query_scalar!(
        "INSERT INTO identity.member AS m (tenant_id, account_id, email, name, roles, state, created_at)
        SELECT t.id, a.id, a.email, coalesce($3, split_part(a.email, '@', 1)), '{}', 'asked', $4
        FROM db.tenant t, identity.account a WHERE t.slug = $1 AND t.id <> $5 AND a.id = $2
        ON CONFLICT (tenant_id, account_id) DO UPDATE SET state = 'asked', roles = '{}', own_roles = '{}', version = m.version + 1 WHERE m.state = 'left'
        RETURNING tenant_id",
        slug,
        account.uuid(),
        name,
        now,
        PLATFORM.uuid()
    )
    .fetch_optional(system.conn())
    .await?;
    if let Some(tenant) = joined {
        system
            .log(&cx.op, TenantId::new(tenant), &Change::of("member.asked", "member", account, &json!({ "state": State::Asked })))
            .await?;
    }
    system.commit().await
}

/// `POST /v1/team/join`.
pub(crate) async fn post_ask(cx: Cx, wanted: AskToJoin) -> Result<Reply> {
    ask(&cx, &wanted).await?;
    Accepted::reply()
}

impl db::Command for Approve {
    const NEEDS: Permission = Permission::TeamWrite;
    type Out = Member;
    async fn run(self, tx: &mut Tx) -> Result<Member> {
        let held = member::lock(tx, self.account_id).await?;
        let grant = role::grantable(tx, &self.roles, &self.own_roles).await?;
        let action = match held.member.state {
            State::Active => return Err(Error::rule("member.state")),
            State::Asked => "member.approved",
            State::Left => "member.returned",
        };
        member::save(tx, held.member, grant, State::Active, action, None).await
    }
}

/// Nothing at all.
fn nothing() -> Grant {
    Grant { roles: Vec::new(), own: Vec::new(), permissions: Permissions::NONE }
}

impl db::Command for Refuse {
    const NEEDS: Permission = Permission::TeamWrite;
    type Out = Refused;
    async fn run(self, tx: &mut Tx) -> Result<Refused> {
        let Held { member, .. } = member::lock(tx, self.account_id).await?;
        if member.state != State::Asked {
            return Err(Error::rule("member.state"));
        }
        // Of a stranger nothing stays; of one who was a member before, what the business kept of them does.
        let (tenant, account) = (tx.tenant().uuid(), self.account_id.uuid());
        let gone = sqlx::query!(
            "DELETE FROM identity.member m WHERE m.tenant_id = $1 AND m.account_id = $2
                AND NOT EXISTS (SELECT 1 FROM identity.profile p WHERE p.tenant_id = $1 AND p.account_id = $2)
                AND NOT EXISTS (SELECT 1 FROM identity.photo p WHERE p.tenant_id = $1 AND p.account_id = $2)",
            tenant,
            account
        )
        .execute(tx.conn())
        .await?;
        if gone.rows_affected() == 0 {
            member::save(tx, member, nothing(), State::Left, "member.refused", None).await?;
        } else {
            tx.log(Change::of("member.refused", "member", self.account_id, &json!({})).from(&member.logged()));
        }
        Ok(Refused { account_id: self.account_id })
    }
}

impl db::Command for RemoveMember {
    const NEEDS: Permission = Permission::TeamWrite;
    type Out = Member;
    async fn run(self, tx: &mut Tx) -> Result<Member> {
        let held = member::lock(tx, self.account_id).await?;
        held.in_reach(tx, "accountId")?;
        if held.member.state != State::Active {
            return Err(Error::rule("member.state"));
        }
        held.leaves_an_owner("accountId")?;
        let reason = self.reason.as_deref().map(str::trim).filter(|reason| !reason.is_empty());
        if reason.is_some_and(|reason| reason.chars().count() > 500) {
            return Err(Error::field("reason", "text.too_long"));
        }
        end_invitations(tx, &held.member).await?;
        // The keys that they made may lie on machines that nobody else knows.
        let (tenant, account, now) = (tx.tenant().uuid(), self.account_id.uuid(), tx.now());
        sqlx::query!(
            "UPDATE identity.api_key SET revoked_at = $3 WHERE tenant_id = $1 AND created_by = $2 AND revoked_at IS NULL",
            tenant,
            account,
            now
        )
        .execute(tx.conn())
        .await?;
        pin::take_away(tx, self.account_id).await?;
        member::save(tx, held.member, nothing(), State::Left, "member.removed", reason.map(str::to_owned)).await
    }
}

/// What somebody invited who leaves is over, for nobody vouches for it any more; and so is what waits for them: they come back
/// when somebody wants it, not by an old letter.
async fn end_invitations(tx: &mut Tx, leaver: &Member) -> Result<()> {
    let (tenant, now) = (tx.tenant().uuid(), tx.now());
    sqlx::query!(
        "UPDATE identity.invitation SET revoked_at = $3, version = version + 1
        WHERE tenant_id = $1 AND (invited_by = $2 OR email = $4) AND used_at IS NULL AND revoked_at IS NULL",
        tenant,
        leaver.account_id.uuid(),
        now,
        leaver.email
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
