//! Roles of a business's own, beside the seven; and what roles together allow. Nobody makes, changes, gives or takes a role that
//! holds more than they may themselves.

use db::Tx;
use kernel::{AccountId, Change, Error, OwnRoleId, Permission, Permissions, Result, Role};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;
use web::tf;

use crate::{revocation, session, site, standing};

/// Roles of its own that a business may have.
const MOST: i64 = 50;

/// A role of the business's own.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OwnRole {
    /// Its id.
    #[schema(value_type = Uuid)]
    pub id: OwnRoleId,
    /// Its name.
    pub name: String,
    /// What it allows.
    pub permissions: Vec<&'static str>,
    /// Members who have it.
    pub members: i64,
    /// Grows with each change.
    pub version: i32,
    #[serde(skip)]
    #[schema(ignore)]
    pub(crate) set: Permissions,
}

/// One of the seven.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FixedRole {
    /// Its name.
    pub role: Role,
    /// What it allows.
    pub permissions: Vec<&'static str>,
}

/// All roles of the business.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Roles {
    /// The seven that are the same everywhere.
    pub built_in: Vec<FixedRole>,
    /// The business's own, by name.
    pub own: Vec<OwnRole>,
}

/// Makes a role.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MakeRole {
    /// Its name, at most 100 characters.
    pub name: String,
    /// Permissions that whoever makes it has, by their names: `item:read`.
    pub permissions: Vec<String>,
}

/// Changes a role; its members feel it at once.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangeRole {
    /// Which one.
    #[schema(value_type = Uuid)]
    pub id: OwnRoleId,
    /// Its name from now on.
    pub name: String,
    /// All that it allows from now on.
    pub permissions: Vec<String>,
    /// The version that was read.
    pub version: i32,
}

/// Takes a role away that nobody has any more.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeleteRole {
    /// Which one.
    #[schema(value_type = Uuid)]
    pub id: OwnRoleId,
}

/// A role that was taken away.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeletedRole {
    /// Which one.
    #[schema(value_type = Uuid)]
    pub id: OwnRoleId,
}

/// What a role of a business can hold, in order: all but what everybody has and what is the operator's.
pub(crate) fn givable() -> impl Iterator<Item = Permission> {
    Permission::of_business().filter(|permission| *permission > Permission::Member)
}

/// The names of a set, without what every member has.
fn named(set: Permissions) -> Vec<&'static str> {
    givable().filter(|permission| set.has(*permission)).map(Permission::code).collect()
}

/// Roles to be given, each once and in the usual order, with what they allow together.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    pub roles: Vec<Role>,
    pub own: Vec<OwnRoleId>,
    pub permissions: Permissions,
}

impl Grant {
    /// The stored names of the built-in ones.
    pub fn codes(&self) -> Vec<String> {
        self.roles.iter().map(|role| role.code().to_owned()).collect()
    }

    /// The ids of the own ones.
    pub fn ids(&self) -> Vec<Uuid> {
        self.own.iter().map(|role| role.uuid()).collect()
    }
}

/// Roles that whoever acts may give: at least one, none that is not there, none that allows more than the giver may. Own roles
/// are held as they are until the transaction ends, so that none grows or goes in between.
pub(crate) async fn grantable(tx: &mut Tx, roles: &[Role], own: &[OwnRoleId]) -> Result<Grant> {
    let roles: Vec<Role> = Role::ALL.iter().copied().filter(|role| roles.contains(role)).collect();
    let mut own = own.to_vec();
    own.sort_unstable();
    own.dedup();
    if roles.is_empty() && own.is_empty() {
        return Err(Error::field("roles", "role.needed"));
    }
    let mut permissions = Permissions::of_roles(&roles);
    if !own.is_empty() {
        let (tenant, ids) = (tx.tenant().uuid(), own.iter().map(|role| role.uuid()).collect::<Vec<_>>());
        let rows = sqlx::query_scalar!(
            "SELECT permissions FROM identity.role WHERE tenant_id = $1 AND id = ANY ($2) ORDER BY id FOR SHARE",
            tenant,
            &ids
        )
        .fetch_all(tx.conn())
        .await?;
        if rows.len() != own.len() {
            return Err(Error::field("ownRoles", "role.unknown"));
        }
        permissions = rows.iter().fold(permissions, |set, codes| set.and(of_codes(codes)));
    }
    if !tx.op().permissions.includes(permissions) {
        return Err(Error::rule("role.beyond_own").at("roles"));
    }
    Ok(Grant { roles, own, permissions })
}

/// What a role of these stored permissions allows.
pub(crate) fn of_codes(codes: &[String]) -> Permissions {
    Permissions::of_member(standing::permissions(codes).iter())
}

/// Permissions by their names, none that the giver lacks.
fn granted(tx: &Tx, names: &[String]) -> Result<Permissions> {
    let mut set = Permissions::NONE;
    for name in names {
        set = set.with(givable().find(|p| p.code() == name).ok_or_else(|| Error::field("permissions", "permission.unknown"))?);
    }
    if named(set).is_empty() {
        return Err(Error::field("permissions", "permission.needed"));
    }
    within(tx, set)?;
    Ok(set)
}

fn within(tx: &Tx, set: Permissions) -> Result<()> {
    if tx.op().permissions.includes(set) { Ok(()) } else { Err(Error::rule("role.beyond_own").at("permissions")) }
}

fn name(text: &str) -> Result<String> {
    let name = site::name("name", text)?;
    if name.chars().count() > 100 { Err(Error::field("name", "text.too_long")) } else { Ok(name) }
}

fn stored(set: Permissions) -> Vec<String> {
    named(set).into_iter().map(str::to_owned).collect()
}

fn logged(name: &str, set: Permissions) -> Value {
    json!({ "name": name, "permissions": named(set) })
}

/// The roles of the transaction's business.
pub(crate) async fn all(tx: &mut Tx) -> Result<Roles> {
    let built_in = Role::ALL.iter().map(|role| FixedRole { role: *role, permissions: named(role.permissions()) }).collect();
    Ok(Roles { built_in, own: own(tx).await? })
}

/// The business's own roles, by name.
pub(crate) async fn own(tx: &mut Tx) -> Result<Vec<OwnRole>> {
    let tenant = tx.tenant().uuid();
    let rows = sqlx::query!(
        r#"SELECT r.id, r.name, r.permissions, r.version,
            (SELECT count(*) FROM identity.member m WHERE m.tenant_id = $1 AND r.id = ANY (m.own_roles)) AS "members!"
        FROM identity.role r WHERE r.tenant_id = $1 ORDER BY r.name, r.id"#,
        tenant
    )
    .fetch_all(tx.conn())
    .await?;
    let read = |row_id, name, codes: &[String], members, version| OwnRole {
        id: OwnRoleId::new(row_id),
        name,
        permissions: named(of_codes(codes)),
        members,
        version,
        set: of_codes(codes),
    };
    Ok(rows.into_iter().map(|r| read(r.id, r.name, &r.permissions, r.members, r.version)).collect())
}

impl db::Command for MakeRole {
    const NEEDS: Permission = Permission::TeamWrite;
    type Out = OwnRole;
    async fn run(self, tx: &mut Tx) -> Result<OwnRole> {
        let (name, set) = (name(&self.name)?, granted(tx, &self.permissions)?);
        let (tenant, id, now) = (tx.tenant().uuid(), tx.op().id::<kernel::of::OwnRole>(), tx.now());
        let made = sqlx::query!(
            "INSERT INTO identity.role (tenant_id, id, name, permissions, created_at)
            SELECT t.id, $2, $3, $4, $5 FROM db.tenant t WHERE t.id = $1 AND (SELECT count(*) FROM identity.role r WHERE r.tenant_id = $1) < $6",
            tenant,
            id.uuid(),
            name,
            &stored(set),
            now,
            MOST
        )
        .execute(tx.conn())
        .await
        .map_err(|e| Error::from(e).at("name"))?;
        if made.rows_affected() != 1 {
            return Err(Error::rule("role.too_many"));
        }
        tx.log(Change::of("role.made", "role", id, &logged(&name, set)));
        Ok(OwnRole { id, name, permissions: named(set), members: 0, version: 1, set })
    }
}

/// A role as it stands, held until the transaction ends; one that allows more than whoever acts may is out of reach.
async fn lock(tx: &mut Tx, id: OwnRoleId) -> Result<(String, Permissions, i32)> {
    let tenant = tx.tenant().uuid();
    let row =
        sqlx::query!("SELECT name, permissions, version FROM identity.role WHERE tenant_id = $1 AND id = $2 FOR UPDATE", tenant, id.uuid())
            .fetch_optional(tx.conn())
            .await?
            .ok_or(Error::NotFound)?;
    let set = of_codes(&row.permissions);
    within(tx, set)?;
    Ok((row.name, set, row.version))
}

impl db::Command for ChangeRole {
    const NEEDS: Permission = Permission::TeamWrite;
    type Out = OwnRole;
    async fn run(self, tx: &mut Tx) -> Result<OwnRole> {
        let (name, set) = (name(&self.name)?, granted(tx, &self.permissions)?);
        let (name_before, set_before, version) = lock(tx, self.id).await?;
        if version != self.version {
            return Err(Error::Stale);
        }
        let tenant = tx.tenant().uuid();
        let holders = sqlx::query_scalar!(
            r#"WITH changed AS (
                UPDATE identity.role SET name = $3, permissions = $4, version = version + 1 WHERE tenant_id = $1 AND id = $2)
            SELECT m.account_id FROM identity.member m WHERE m.tenant_id = $1 AND $2 = ANY (m.own_roles)"#,
            tenant,
            self.id.uuid(),
            name,
            &stored(set)
        )
        .fetch_all(tx.conn())
        .await
        .map_err(|e| Error::from(e).at("name"))?;
        tx.log(Change::of("role.changed", "role", self.id, &logged(&name, set)).from(&logged(&name_before, set_before)));
        revocation::of_member(tx, None).await?;
        holders.iter().for_each(|account| session::forget(AccountId::new(*account)));
        let members = i64::try_from(holders.len()).unwrap_or(i64::MAX);
        Ok(OwnRole { id: self.id, name, permissions: named(set), members, version: version + 1, set })
    }
}

impl db::Command for DeleteRole {
    const NEEDS: Permission = Permission::TeamWrite;
    type Out = DeletedRole;
    async fn run(self, tx: &mut Tx) -> Result<DeletedRole> {
        let (name, set, _) = lock(tx, self.id).await?;
        let (tenant, now) = (tx.tenant().uuid(), tx.now());
        let held = sqlx::query!(
            r#"SELECT (SELECT count(*) FROM identity.member m WHERE m.tenant_id = $1 AND $2 = ANY (m.own_roles)) AS "members!",
                (SELECT count(*) FROM identity.invitation i WHERE i.tenant_id = $1 AND $2 = ANY (i.own_roles)
                    AND i.used_at IS NULL AND i.revoked_at IS NULL AND i.expires_at > $3) AS "invitations!""#,
            tenant,
            self.id.uuid(),
            now
        )
        .fetch_one(tx.conn())
        .await?;
        if held.members + held.invitations > 0 {
            let (members, invitations) = (held.members.to_string(), held.invitations.to_string());
            let said = tf("role-why-held", &[("members", &members), ("invitations", &invitations)]);
            return Err(Error::rule("role.held").because(said));
        }
        // Nobody has it, so nothing is demanded of anybody for it any more.
        sqlx::query!(
            "WITH gone AS (DELETE FROM identity.role WHERE tenant_id = $1 AND id = $2)
            UPDATE identity.policy SET second_own_roles = array_remove(second_own_roles, $2) WHERE tenant_id = $1",
            tenant,
            self.id.uuid()
        )
        .execute(tx.conn())
        .await?;
        tx.log(Change::of("role.deleted", "role", self.id, &json!({})).from(&logged(&name, set)));
        revocation::of_member(tx, None).await?;
        Ok(DeletedRole { id: self.id })
    }
}
