//! Members: who works in a business, and in which roles. Nobody gives, takes or changes what their own roles don't include.

use db::{
    Tx,
    list::{Column, Kind, List, Sort},
};
use kernel::{AccountId, Change, Error, Permission, Permissions, Result, Role};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;
use web::{Cx, Reply};

use crate::{account, email::Email, link, session, site};

/// The members of the business.
pub(crate) static MEMBERS: List = List {
    name: "members",
    sql: "SELECT m.account_id, m.name, m.email, array_to_string(m.roles, ', ') AS roles, m.created_at, m.version::bigint AS version
        FROM identity.member m WHERE m.tenant_id = $1",
    columns: &[
        Column { name: "account_id", kind: Kind::Id, label: "" },
        Column { name: "name", kind: Kind::Text, label: "member-name" },
        Column { name: "email", kind: Kind::Text, label: "member-email" },
        Column { name: "roles", kind: Kind::Text, label: "member-roles" },
        Column { name: "created_at", kind: Kind::Time, label: "member-since" },
        Column { name: "version", kind: Kind::Whole, label: "" },
    ],
    filters: &[],
    sorts: &[Sort { name: "name", column: "name", kind: Kind::Text }, Sort { name: "since", column: "created_at", kind: Kind::Time }],
    newest_first: false,
    key: "account_id",
};

/// Makes somebody a member: an account that is there already, or a new one.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AddMember {
    /// The address they sign in with.
    pub email: String,
    /// Their name in this business.
    pub name: String,
    /// At least one.
    pub roles: Vec<Role>,
}

/// Gives a member other roles.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangeRoles {
    /// Whose.
    #[schema(value_type = Uuid)]
    pub account_id: AccountId,
    /// All roles from now on, at least one.
    pub roles: Vec<Role>,
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
    /// Grows with each change.
    pub version: i32,
}

/// A member as they were added.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Added {
    /// The member.
    #[serde(flatten)]
    pub member: Member,
    /// Where they choose their password, when they have none yet; shown once, stands 7 days.
    pub password_link: Option<String>,
}

impl Member {
    /// What this member's roles allow.
    fn permissions(&self) -> Permissions {
        Permissions::of_roles(&self.roles)
    }

    /// What the log keeps: no name and no address, which a person may ask to be erased.
    fn logged(&self) -> Value {
        serde_json::json!({ "roles": self.roles })
    }
}

/// Roles in the usual order, each once; refuses none at all and more than the giver has.
fn grantable(tx: &Tx, wanted: &[Role]) -> Result<Vec<Role>> {
    let roles: Vec<Role> = Role::ALL.iter().copied().filter(|role| wanted.contains(role)).collect();
    if roles.is_empty() {
        return Err(Error::field("roles", "role.needed"));
    }
    if !tx.op().permissions.includes(Permissions::of_roles(&roles)) {
        return Err(Error::rule("role.beyond_own").at("roles"));
    }
    Ok(roles)
}

fn codes(roles: &[Role]) -> Vec<String> {
    roles.iter().map(|role| role.code().to_owned()).collect()
}

/// Makes an account a member.
#[derive(Clone, Debug)]
struct Join {
    account: AccountId,
    email: Email,
    name: String,
    roles: Vec<Role>,
}

impl db::Command for Join {
    const NEEDS: Permission = Permission::TeamWrite;
    type Out = Member;
    async fn run(self, tx: &mut Tx) -> Result<Member> {
        let roles = grantable(tx, &self.roles)?;
        let (tenant, now) = (tx.tenant().uuid(), tx.now());
        let joined = sqlx::query!(
            "INSERT INTO identity.member (tenant_id, account_id, email, name, roles, created_at) VALUES ($1, $2, $3, $4, $5, $6)
            ON CONFLICT (tenant_id, account_id) DO NOTHING",
            tenant,
            self.account.uuid(),
            self.email.as_str(),
            self.name,
            &codes(&roles),
            now
        )
        .execute(tx.conn())
        .await?;
        if joined.rows_affected() == 0 {
            return Err(Error::rule("member.exists").at("email"));
        }
        let member = Member { account_id: self.account, email: self.email.to_string(), name: self.name, roles, version: 1 };
        tx.log(Change::of("member.added", "member", self.account, &member.logged()));
        session::forget(self.account);
        Ok(member)
    }
}

/// Everything that can be wrong is looked at before an account is made. The answer has the link to a first password.
pub(crate) async fn add(cx: &Cx, wanted: AddMember) -> Result<Value> {
    let email = Email::read("email", &wanted.email)?;
    let name = site::name("name", &wanted.name)?;
    let roles = {
        let tx = cx.tx().await?;
        grantable(&tx, &wanted.roles)?
    };
    let account = account::account_for(cx.app.db(), email.as_str()).await?;
    let tenant = cx.op.tenant()?;
    if !is_ours(cx.app.db(), account, tenant).await? {
        return Err(Error::rule("member.address_taken").at("email"));
    }
    let mut answer = cx.run(Join { account, email, name, roles }).await?.body;
    // Looked at again: two businesses may have added a new address at the same moment, and then neither gets a link.
    if is_ours(cx.app.db(), account, tenant).await?
        && let (Some(link), Value::Object(fields)) = (link::password_link(&cx.app, account).await?, &mut answer)
    {
        fields.insert("passwordLink".into(), link.into());
    }
    Ok(answer)
}

/// Whether an account is known to this business alone: it has no password of its own choice yet and no other business, or is
/// a member here already. Addresses are not verified yet, so an account that somebody else registered or added is not taken
/// in by its address: whoever holds it would get this business's roles, or this business the account.
async fn is_ours(db: &db::Db, account: AccountId, tenant: kernel::TenantId) -> Result<bool> {
    let mut system = db.system("identity.member_account").await?;
    let ours = sqlx::query_scalar!(
        r#"SELECT (a.password_hash IS NULL OR EXISTS (SELECT 1 FROM identity.member m WHERE m.account_id = a.id AND m.tenant_id = $2))
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

/// A member of the transaction's business.
pub(crate) async fn member(tx: &mut Tx, account: AccountId) -> Result<Member> {
    let tenant = tx.tenant().uuid();
    let row = sqlx::query!(
        "SELECT account_id, email, name, roles, version FROM identity.member WHERE tenant_id = $1 AND account_id = $2",
        tenant,
        account.uuid()
    )
    .fetch_optional(tx.conn())
    .await?
    .ok_or(Error::NotFound)?;
    read(row.account_id, row.email, row.name, &row.roles, row.version)
}

fn read(account: Uuid, email: String, name: String, roles: &[String], version: i32) -> Result<Member> {
    let roles = roles.iter().map(|role| role.parse()).collect::<Result<_>>()?;
    Ok(Member { account_id: AccountId::new(account), email, name, roles, version })
}

impl db::Command for ChangeRoles {
    const NEEDS: Permission = Permission::TeamWrite;
    type Out = Member;
    async fn run(self, tx: &mut Tx) -> Result<Member> {
        let roles = grantable(tx, &self.roles)?;
        let (before, owners) = lock(tx, self.account_id).await?;
        if before.version != self.version {
            return Err(Error::Stale);
        }
        if !tx.op().permissions.includes(before.permissions()) {
            return Err(Error::rule("role.beyond_own").at("roles"));
        }
        if before.roles.contains(&Role::Owner) && !roles.contains(&Role::Owner) && owners < 2 {
            return Err(Error::rule("member.last_owner").at("roles"));
        }
        let tenant = tx.tenant().uuid();
        let changed = sqlx::query!(
            "UPDATE identity.member SET roles = $3, version = version + 1 WHERE tenant_id = $1 AND account_id = $2 AND version = $4",
            tenant,
            self.account_id.uuid(),
            &codes(&roles),
            self.version
        )
        .execute(tx.conn())
        .await?;
        if changed.rows_affected() != 1 {
            return Err(Error::Stale);
        }
        let after = Member { roles, version: self.version + 1, ..before.clone() };
        tx.log(Change::of("member.roles", "member", self.account_id, &after.logged()).from(&before.logged()));
        session::forget(self.account_id);
        Ok(after)
    }
}

/// Locks a member and all owners, so that two owners can't demote each other at the same moment. Returns the member and
/// the number of owners.
async fn lock(tx: &mut Tx, account: AccountId) -> Result<(Member, usize)> {
    let tenant = tx.tenant().uuid();
    let rows = sqlx::query!(
        "SELECT account_id, email, name, roles, version FROM identity.member
        WHERE tenant_id = $1 AND (account_id = $2 OR 'owner' = ANY (roles)) ORDER BY account_id FOR UPDATE",
        tenant,
        account.uuid()
    )
    .fetch_all(tx.conn())
    .await?;
    let owners = rows.iter().filter(|r| r.roles.iter().any(|role| role == Role::Owner.code())).count();
    let row = rows.into_iter().find(|r| r.account_id == account.uuid()).ok_or(Error::NotFound)?;
    Ok((read(row.account_id, row.email, row.name, &row.roles, row.version)?, owners))
}
