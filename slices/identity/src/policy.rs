//! The business's own rules of sign-in: how long a browser may rest, how often a person proves who they are, and of whom a second
//! factor is demanded. A change is felt on every node within a second.

use db::Tx;
use kernel::{Change, Error, OwnRoleId, Permission, Result, Role};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    revocation, session,
    standing::{IDLE_MINUTES, REAUTH_HOURS},
};

/// Minutes that a browser may rest: bounds.
const IDLE: std::ops::RangeInclusive<i32> = 5..=720;
/// Hours after which a person proves again: bounds.
const REAUTH: std::ops::RangeInclusive<i32> = 1..=168;

/// Of whom a second factor is demanded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SecondFactor {
    /// Of nobody; everybody may set one up.
    Offered,
    /// Of those in the named roles.
    Roles,
    /// Of every member.
    Everybody,
}

impl SecondFactor {
    /// All three.
    pub const ALL: &[Self] = &[Self::Offered, Self::Roles, Self::Everybody];

    /// The stored word.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Offered => "offered",
            Self::Roles => "roles",
            Self::Everybody => "everybody",
        }
    }
}

/// The business's rules of sign-in.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Security {
    /// Minutes without use after which a browser signs in again; 60 at first.
    pub idle_minutes: i32,
    /// Hours after which a person proves again who they are; 24 at first.
    pub reauth_hours: i32,
    /// Of whom a second factor is demanded; offered at first.
    pub second_factor: SecondFactor,
    /// Whom it is demanded of, where that is `roles`.
    pub second_roles: Vec<Role>,
    /// The same of the business's own roles.
    #[schema(value_type = Vec<Uuid>)]
    pub second_own_roles: Vec<OwnRoleId>,
    /// Grows with each change; 0 before the first.
    pub version: i32,
}

/// Changes the business's rules of sign-in.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SaveSecurity {
    /// 5 to 720 minutes without use after which a browser signs in again.
    pub idle_minutes: i32,
    /// 1 to 168 hours after which a person proves again who they are.
    pub reauth_hours: i32,
    /// Of whom a second factor is demanded. Keys for programs and tokens of another identity provider are exempt.
    pub second_factor: SecondFactor,
    /// With `roles`: which of the seven.
    #[serde(default)]
    pub second_roles: Vec<Role>,
    /// With `roles`: which of the business's own.
    #[serde(default)]
    #[schema(value_type = Vec<Uuid>)]
    pub second_own_roles: Vec<OwnRoleId>,
    /// The version that was read.
    pub version: i32,
}

/// The rules of the transaction's business.
pub(crate) async fn security(tx: &mut Tx) -> Result<Security> {
    let tenant = tx.tenant().uuid();
    let row = sqlx::query!(
        "SELECT idle_minutes, reauth_hours, second_factor, second_roles, second_own_roles, version FROM identity.policy WHERE tenant_id = $1",
        tenant
    )
    .fetch_optional(tx.conn())
    .await?;
    let Some(row) = row else {
        return Ok(Security {
            idle_minutes: IDLE_MINUTES,
            reauth_hours: REAUTH_HOURS,
            second_factor: SecondFactor::Offered,
            second_roles: Vec::new(),
            second_own_roles: Vec::new(),
            version: 0,
        });
    };
    let known = SecondFactor::ALL.iter().copied().find(|one| one.code() == row.second_factor);
    Ok(Security {
        idle_minutes: row.idle_minutes,
        reauth_hours: row.reauth_hours,
        second_factor: known.ok_or_else(|| Error::Internal(format!("a second factor is demanded of {}", row.second_factor)))?,
        second_roles: row.second_roles.iter().map(|role| role.parse()).collect::<Result<_>>()?,
        second_own_roles: row.second_own_roles.into_iter().map(OwnRoleId::new).collect(),
        version: row.version,
    })
}

impl SaveSecurity {
    /// Everything that is wrong by itself, at once.
    fn checked(&self) -> Result<()> {
        let wrong = [
            (IDLE.contains(&self.idle_minutes), Error::field("idleMinutes", "policy.idle")),
            (REAUTH.contains(&self.reauth_hours), Error::field("reauthHours", "policy.again")),
        ];
        let wrong: Vec<_> = wrong.into_iter().filter(|(fine, _)| !fine).map(|(_, error)| error).collect();
        let fields =
            wrong.into_iter().flat_map(|error| if let Error::Invalid(fields) = error { fields } else { Vec::new() }).collect::<Vec<_>>();
        if fields.is_empty() { Ok(()) } else { Err(Error::Invalid(fields)) }
    }

    /// The roles that it is demanded of, each once and in the usual order; held until the transaction ends.
    async fn roles(&self, tx: &mut Tx) -> Result<(Vec<Role>, Vec<OwnRoleId>)> {
        if self.second_factor != SecondFactor::Roles {
            return Ok((Vec::new(), Vec::new()));
        }
        let roles: Vec<Role> = Role::ALL.iter().copied().filter(|role| self.second_roles.contains(role)).collect();
        let mut own = self.second_own_roles.clone();
        own.sort_unstable();
        own.dedup();
        if roles.is_empty() && own.is_empty() {
            return Err(Error::field("secondRoles", "role.needed"));
        }
        let (tenant, ids) = (tx.tenant().uuid(), own.iter().map(|role| role.uuid()).collect::<Vec<_>>());
        let known =
            sqlx::query_scalar!("SELECT id FROM identity.role WHERE tenant_id = $1 AND id = ANY ($2) ORDER BY id FOR SHARE", tenant, &ids)
                .fetch_all(tx.conn())
                .await?;
        if known.len() == own.len() { Ok((roles, own)) } else { Err(Error::field("secondOwnRoles", "role.unknown")) }
    }
}

impl db::Command for SaveSecurity {
    const NEEDS: Permission = Permission::SettingsWrite;
    type Out = Security;
    async fn run(self, tx: &mut Tx) -> Result<Security> {
        self.checked()?;
        let (second_roles, second_own_roles) = self.roles(tx).await?;
        let before = security(tx).await?;
        if before.version != self.version {
            return Err(Error::Stale);
        }
        let tenant = tx.tenant();
        let saved = sqlx::query!(
            "INSERT INTO identity.policy AS p (tenant_id, idle_minutes, reauth_hours, second_factor, second_roles, second_own_roles, version)
            VALUES ($1, $2, $3, $4, $5, $6, 1)
            ON CONFLICT (tenant_id) DO UPDATE SET idle_minutes = $2, reauth_hours = $3, second_factor = $4, second_roles = $5, second_own_roles = $6,
                version = p.version + 1 WHERE p.version = $7",
            tenant.uuid(),
            self.idle_minutes,
            self.reauth_hours,
            self.second_factor.code(),
            &second_roles.iter().map(|role| role.code().to_owned()).collect::<Vec<_>>(),
            &second_own_roles.iter().map(|role| role.uuid()).collect::<Vec<_>>(),
            self.version
        )
        .execute(tx.conn())
        .await?;
        // Two at once made the first rules: the later one was not read.
        if saved.rows_affected() != 1 {
            return Err(Error::Stale);
        }
        let after = Security {
            idle_minutes: self.idle_minutes,
            reauth_hours: self.reauth_hours,
            second_factor: self.second_factor,
            second_roles,
            second_own_roles,
            version: self.version + 1,
        };
        tx.log(Change::of("policy.saved", "tenant", tenant, &after).from(&before));
        revocation::of_member(tx, None).await?;
        session::forget_business(tenant);
        Ok(after)
    }
}
