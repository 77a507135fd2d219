//! Members: who works in a business, and in which roles. Nobody gives, takes or changes what their own roles don't include.

use db::{
    System, Tx,
    list::{Column, Filter, Kind, List, Sort},
};
use kernel::{AccountId, Change, Error, OwnRoleId, Permission, Permissions, Result, Role};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;
use web::{Cx, Reply};

use crate::{
    account,
    email::Email,
    invitation::{self, Invitation, Invite},
    link, revocation,
    role::{self, Grant},
    session, site,
};

/// The members of the business.
pub(crate) static MEMBERS: List = List {
    name: "members",
    sql: "SELECT m.account_id, m.name, m.email, array_to_string(m.roles, ', ') AS roles,
            (SELECT string_agg(r.name, ', ' ORDER BY r.name) FROM identity.role r WHERE r.tenant_id = m.tenant_id AND r.id = ANY (m.own_roles)) AS own_roles,
            m.created_at, m.version::bigint AS version
        FROM identity.member m WHERE m.tenant_id = $1 AND m.state = 'active'",
    columns: &[
        Column::hidden("account_id", Kind::Id),
        Column::shown("name", Kind::Text, "member-name"),
        Column::shown("email", Kind::Text, "member-email"),
        Column::shown("roles", Kind::Text, "member-roles"),
        Column::shown("own_roles", Kind::Text, "member-own-roles"),
        Column::shown("created_at", Kind::Time, "member-since"),
        Column::hidden("version", Kind::Whole),
    ],
    filters: &[],
    sorts: &[Sort { name: "name", column: "name", kind: Kind::Text }, Sort { name: "since", column: "created_at", kind: Kind::Time }],
    newest_first: false,
    key: "account_id",
};

/// Who wants to join, and who left.
pub(crate) static OTHERS: List = List {
    name: "others",
    sql: "SELECT m.account_id, m.name, m.email, m.state, m.created_at, m.version::bigint AS version
        FROM identity.member m WHERE m.tenant_id = $1 AND m.state <> 'active'",
    columns: &[
        Column::hidden("account_id", Kind::Id),
        Column::shown("name", Kind::Text, "member-name"),
        Column::shown("email", Kind::Text, "member-email"),
        Column::shown("state", Kind::Text, "member-state"),
        Column::shown("created_at", Kind::Time, "member-since"),
        Column::hidden("version", Kind::Whole),
    ],
    filters: &[Filter { name: "state", sql: "state = {}", kind: Kind::Text }],
    sorts: &[Sort { name: "state", column: "state", kind: Kind::Text }, Sort { name: "since", column: "created_at", kind: Kind::Time }],
    newest_first: false,
    key: "account_id",
};

/// Makes somebody a member whose address nobody uses here yet. Anybody else is invited instead, and decides themselves.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AddMember {
    /// The address they sign in with.
    pub email: String,
    /// Their name in this business.
    pub name: String,
    /// At least one, of the seven or of the business's own.
    pub roles: Vec<Role>,
    /// Roles of the business's own.
    #[serde(default)]
    #[schema(value_type = Vec<Uuid>)]
    pub own_roles: Vec<OwnRoleId>,
}

/// Gives a member other roles.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangeRoles {
    /// Whose.
    #[schema(value_type = Uuid)]
    pub account_id: AccountId,
    /// All roles from now on, at least one, of the seven or of the business's own.
    pub roles: Vec<Role>,
    /// Roles of the business's own; they stay as they are if not given.
    #[serde(default)]
    #[schema(value_type = Option<Vec<Uuid>>)]
    pub own_roles: Option<Vec<OwnRoleId>>,
    /// The version that was read.
    pub version: i32,
}

/// A member.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    /// The account.
    #[schema(value_type = Uuid)]
    pub account_id: AccountId,
    /// The address they sign in with.
    pub email: String,
    /// Their name in this business.
    pub name: String,
    /// Their roles.
    pub roles: Vec<Role>,
    /// Their roles of the business's own.
    #[schema(value_type = Vec<Uuid>)]
    pub own_roles: Vec<OwnRoleId>,
    /// Whether they are one now.
    pub state: State,
    /// Grows with each change.
    pub version: i32,
    /// What the own roles allow.
    #[serde(skip)]
    #[schema(ignore)]
    pub(crate) own: Permissions,
}

/// How somebody stands to the business.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// A member.
    Active,
    /// Wants to join; may do nothing yet.
    Asked,
    /// Was a member, and is none any more.
    Left,
}

impl State {
    /// The stored word.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Asked => "asked",
            Self::Left => "left",
        }
    }

    fn read(code: &str) -> Self {
        match code {
            "active" => Self::Active,
            "asked" => Self::Asked,
            _ => Self::Left,
        }
    }
}

/// What adding somebody came to.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Added {
    /// They are a member.
    #[expect(dead_code, reason = "says how the answer looks; it is the command's, kept for a repeated request, with the link beside")]
    Member(NewMember),
    /// They were invited.
    Invited(Invited),
}

/// A member as they were added.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewMember {
    /// The member.
    #[serde(flatten)]
    pub member: Member,
    /// Where they choose their password, when they have none yet; shown once, stands 7 days.
    pub password_link: Option<String>,
}

/// An address that may have an account of its own: its owner got a letter, and becomes a member by accepting.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Invited {
    /// True.
    pub invited: bool,
    /// The invitation, as `POST /v1/team/invitations` answers it.
    #[serde(flatten)]
    pub invitation: Invitation,
}

impl Member {
    /// What this member's roles allow.
    pub(crate) fn permissions(&self) -> Permissions {
        Permissions::of_roles(&self.roles).and(self.own)
    }

    /// What the log keeps: no name and no address, which a person may ask to be erased.
    pub(crate) fn logged(&self) -> Value {
        serde_json::json!({ "roles": self.roles, "ownRoles": self.own_roles, "state": self.state })
    }

    /// The same with other roles, as it stands after a change.
    pub(crate) fn with(self, grant: Grant, state: State) -> Self {
        Self { roles: grant.roles, own_roles: grant.own, own: grant.permissions, state, version: self.version + 1, ..self }
    }

    /// Whether they own the business.
    pub(crate) fn owns(&self) -> bool {
        self.state == State::Active && self.roles.contains(&Role::Owner)
    }
}

/// Makes an account a member.
#[derive(Clone, Debug)]
struct Join {
    account: AccountId,
    email: Email,
    name: String,
    roles: Vec<Role>,
    own_roles: Vec<OwnRoleId>,
}

impl db::Command for Join {
    const NEEDS: Permission = Permission::TeamWrite;
    type Out = Member;
    async fn run(self, tx: &mut Tx) -> Result<Member> {
        let grant = role::grantable(tx, &self.roles, &self.own_roles).await?;
        let (tenant, now) = (tx.tenant().uuid(), tx.now());
        let joined = sqlx::query!(
            "INSERT INTO identity.member (tenant_id, account_id, email, name, roles, own_roles, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
            ON CONFLICT (tenant_id, account_id) DO NOTHING",
            tenant,
            self.account.uuid(),
            self.email.as_str(),
            self.name,
            &grant.codes(),
            &grant.ids(),
            now
        )
        .execute(tx.conn())
        .await?;
        if joined.rows_affected() == 0 {
            return Err(Error::rule("member.exists").at("email"));
        }
        let member = Member {
            account_id: self.account,
            email: self.email.to_string(),
            name: self.name,
            roles: grant.roles,
            own_roles: grant.own,
            state: State::Active,
            version: 1,
            own: grant.permissions,
        };
        tx.log(Change::of("member.added", "member", self.account, &member.logged()));
        revocation::of_member(tx, Some(self.account)).await?;
        session::forget(self.account);
        Ok(member)
    }
}

/// Everything that can be wrong is looked at before an account is made. The answer has the link to a first password; or, for an
/// address that this business alone does not answer for, an invitation. So who asks whether an address is known here writes to
/// its owner, and is bounded and entered in the trail as whoever invites.
pub(crate) async fn add(cx: &Cx, wanted: AddMember) -> Result<Value> {
    let email = Email::read("email", &wanted.email)?;
    let name = site::name("name", &wanted.name)?;
    role::grantable(&mut cx.tx().await?, &wanted.roles, &wanted.own_roles).await?;
    let account = account::account_for(cx.app.db(), email.as_str()).await?;
    let tenant = cx.op.tenant()?;
    if !is_ours(cx.app.db(), account, tenant).await? {
        let AddMember { email, name, roles, own_roles } = wanted;
        let invitation = invitation::invite(cx, &Invite { email, name, roles, own_roles }).await?;
        let answer = Added::Invited(Invited { invited: true, invitation });
        return serde_json::to_value(answer).map_err(|e| Error::Internal(e.to_string()));
    }
    let mut answer = cx.run(Join { account, email, name, roles: wanted.roles, own_roles: wanted.own_roles }).await?.body;
    // Looked at again: two businesses may have added a new address at the same moment, and then neither gets a link.
    if is_ours(cx.app.db(), account, tenant).await?
        && let (Some(link), Value::Object(fields)) = (link::password_link(&cx.app, account, false).await?, &mut answer)
    {
        fields.insert("passwordLink".into(), link.into());
    }
    Ok(answer)
}

/// Whether an account is known to this business alone: it has no password of its own choice yet and no other business, and is not
/// locked, or is a member here already. Addresses are not verified yet, so an account that somebody else registered or added is not
/// taken in by its address: whoever holds it would get this business's roles, or this business the account.
async fn is_ours(db: &db::Db, account: AccountId, tenant: kernel::TenantId) -> Result<bool> {
    let mut system = db.system("identity.member_account").await?;
    let ours = sqlx::query_scalar!(
        r#"SELECT (a.password_hash IS NULL AND a.locked_at IS NULL OR EXISTS (SELECT 1 FROM identity.member m WHERE m.account_id = a.id AND m.tenant_id = $2))
            AND NOT EXISTS (SELECT 1 FROM identity.member m WHERE m.account_id = a.id AND m.tenant_id <> $2) AS "ours!"
        FROM identity.account a WHERE a.id = $1"#,
        account.uuid(),
        tenant.uuid()
    )
    .fetch_optional(system.conn())
    .await?;
    ours.ok_or(Error::NotFound)
}

/// `POST /v1/team/members`.
pub(crate) async fn post_add(cx: Cx, wanted: AddMember) -> Result<Reply> {
    Reply::json(&add(&cx, wanted).await?)
}

/// A row of a member with what their own roles allow.
struct Stored {
    account_id: Uuid,
    email: String,
    name: String,
    roles: Vec<String>,
    own_roles: Vec<Uuid>,
    own: Vec<String>,
    state: String,
    version: i32,
    /// Whether the account is locked.
    locked: bool,
}

impl Stored {
    fn member(self) -> Result<Member> {
        Ok(Member {
            account_id: AccountId::new(self.account_id),
            email: self.email,
            name: self.name,
            roles: self.roles.iter().map(|role| role.parse()).collect::<Result<_>>()?,
            own_roles: self.own_roles.into_iter().map(OwnRoleId::new).collect(),
            state: State::read(&self.state),
            version: self.version,
            own: role::of_codes(&self.own),
        })
    }
}

/// Somebody who is, was or wants to be a member of the transaction's business.
pub(crate) async fn member(tx: &mut Tx, account: AccountId) -> Result<Member> {
    let tenant = tx.tenant().uuid();
    sqlx::query_as!(
        Stored,
        r#"SELECT m.account_id, m.email, m.name, m.roles, m.own_roles, m.state, m.version, m.locked,
            ARRAY(SELECT p FROM identity.role r, unnest(r.permissions) p WHERE r.tenant_id = $1 AND r.id = ANY (m.own_roles)) AS "own!"
        FROM identity.member m WHERE m.tenant_id = $1 AND m.account_id = $2"#,
        tenant,
        account.uuid()
    )
    .fetch_optional(tx.conn())
    .await?
    .ok_or(Error::NotFound)?
    .member()
}

impl db::Command for ChangeRoles {
    const NEEDS: Permission = Permission::TeamWrite;
    type Out = Member;
    async fn run(self, tx: &mut Tx) -> Result<Member> {
        let held = lock(tx, self.account_id).await?;
        let own = self.own_roles.as_ref().unwrap_or(&held.member.own_roles);
        let grant = role::grantable(tx, &self.roles, own).await?;
        if held.member.version != self.version {
            return Err(Error::Stale);
        }
        held.in_reach(tx, "roles")?;
        if held.member.state != State::Active {
            return Err(Error::rule("member.state"));
        }
        if !grant.roles.contains(&Role::Owner) {
            held.leaves_an_owner("roles")?;
        }
        save(tx, held.member, grant, State::Active, "member.roles", None).await
    }
}

/// A member who is being changed, with the number of other owners who can act; all of their rows are held.
pub(crate) struct Held {
    pub member: Member,
    other_owners: usize,
}

impl Held {
    /// Refuses to touch who may do more than whoever acts.
    pub fn in_reach(&self, tx: &Tx, field: &str) -> Result<()> {
        if tx.op().permissions.includes(self.member.permissions()) { Ok(()) } else { Err(Error::rule("role.beyond_own").at(field)) }
    }

    /// Refuses to take the last owner away who can act: one whose account is locked can't.
    pub fn leaves_an_owner(&self, field: &str) -> Result<()> {
        if self.member.owns() && self.other_owners == 0 { Err(Error::rule("member.last_owner").at(field)) } else { Ok(()) }
    }
}

/// Locks a member and all owners, so that two owners can't demote or remove each other at the same moment, nor one be demoted
/// while the other one's account is locked ([`hold_owners`]).
pub(crate) async fn lock(tx: &mut Tx, account: AccountId) -> Result<Held> {
    let tenant = tx.tenant().uuid();
    let rows = sqlx::query_as!(
        Stored,
        r#"SELECT m.account_id, m.email, m.name, m.roles, m.own_roles, m.state, m.version, m.locked,
            ARRAY(SELECT p FROM identity.role r, unnest(r.permissions) p WHERE r.tenant_id = $1 AND r.id = ANY (m.own_roles)) AS "own!"
        FROM identity.member m
        WHERE m.tenant_id = $1 AND (m.account_id = $2 OR (m.state = 'active' AND 'owner' = ANY (m.roles))) ORDER BY m.account_id FOR UPDATE"#,
        tenant,
        account.uuid()
    )
    .fetch_all(tx.conn())
    .await?;
    let able: Vec<bool> = rows.iter().map(|row| !row.locked).collect();
    let members = rows.into_iter().map(Stored::member).collect::<Result<Vec<_>>>()?;
    let others = members.iter().zip(able).filter(|(member, able)| *able && member.owns() && member.account_id != account);
    let other_owners = others.count();
    let member = members.into_iter().find(|member| member.account_id == account).ok_or(Error::NotFound)?;
    Ok(Held { member, other_owners })
}

/// Gives a locked member these roles and this state; it is felt at once.
pub(crate) async fn save(
    tx: &mut Tx,
    before: Member,
    grant: Grant,
    state: State,
    action: &'static str,
    reason: Option<String>,
) -> Result<Member> {
    let (tenant, account) = (tx.tenant().uuid(), before.account_id);
    let changed = sqlx::query!(
        "UPDATE identity.member SET roles = $3, own_roles = $4, state = $5, version = version + 1 WHERE tenant_id = $1 AND account_id = $2 AND version = $6",
        tenant,
        account.uuid(),
        &grant.codes(),
        &grant.ids(),
        state.code(),
        before.version
    )
    .execute(tx.conn())
    .await?;
    if changed.rows_affected() != 1 {
        return Err(Error::Stale);
    }
    let after = before.clone().with(grant, state);
    tx.log(Change { reason, ..Change::of(action, "member", account, &after.logged()).from(&before.logged()) });
    revocation::of_member(tx, Some(account)).await?;
    session::forget(account);
    Ok(after)
}

/// Notes at an account's memberships whether it is locked: a business does not see accounts, but must know which owners can act.
/// Whoever changes owners holds the same rows ([`lock`]), and reads what was noted once they have them.
pub(crate) async fn note_locked(system: &mut System, account: AccountId, locked: bool) -> Result<()> {
    sqlx::query!("UPDATE identity.member SET locked = $2 WHERE account_id = $1", account.uuid(), locked).execute(system.conn()).await?;
    Ok(())
}

/// Holds the owners of every business that an account owns as they are until the transaction ends: two of them can't be locked,
/// or one locked and the other demoted, at the same moment.
pub(crate) async fn hold_owners(system: &mut System, account: AccountId) -> Result<()> {
    sqlx::query!(
        "SELECT m.account_id FROM identity.member m WHERE m.state = 'active' AND 'owner' = ANY (m.roles)
            AND m.tenant_id IN (SELECT o.tenant_id FROM identity.member o WHERE o.account_id = $1 AND o.state = 'active' AND 'owner' = ANY (o.roles))
        ORDER BY m.tenant_id, m.account_id FOR UPDATE",
        account.uuid()
    )
    .fetch_all(system.conn())
    .await?;
    Ok(())
}
