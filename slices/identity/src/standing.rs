//! What a person may do, and where: their account with their place in a business.

use std::sync::Arc;

use kernel::{AccountId, Actor, AssistanceId, Error, Permission, Permissions, PlatformRole, Result, Role, TenantId};
use serde::Deserialize;
use serde_json::Value;
use sqlx::types::Json;
use web::{Site, Viewer};

/// Minutes without use after which a browser session ends, unless the business says otherwise.
pub(crate) const IDLE_MINUTES: i32 = 60;
/// Hours after which a person proves again who they are, unless the business says otherwise.
pub(crate) const REAUTH_HOURS: i32 = 24;

/// A person's standing.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    pub account: AccountId,
    /// None when no business is active, or the person is no member of it (any more).
    pub tenant: Option<TenantId>,
    /// What their roles allow; what they may do now is [`Standing::allowed`].
    pub permissions: Permissions,
    /// Whether a second factor is demanded of them: by the business, or for they hold a role of the operator's.
    pub demanded: bool,
    /// Whether they have one: codes by time, or a passkey.
    pub second: bool,
    /// Without a CSRF token: that belongs to a browser's session.
    pub viewer: Viewer,
    pub idle_seconds: i64,
    pub reauth_seconds: i64,
    /// Under which they are at work as support, on somebody's behalf.
    pub assistance: Option<AssistanceId>,
}

/// An account beside its row of `identity.standing`, where it has one.
pub(crate) struct Stored {
    pub account_id: uuid::Uuid,
    pub email: String,
    pub platform_roles: Vec<String>,
    /// Whether a second factor is set up.
    pub second: bool,
    pub member: Option<Json<StoredMember>>,
}

/// A row of `identity.standing`.
#[derive(Debug, Deserialize)]
pub(crate) struct StoredMember {
    tenant_id: TenantId,
    business: String,
    slug: String,
    name: String,
    roles: Vec<String>,
    own_permissions: Vec<String>,
    sites: Option<Value>,
    idle_minutes: Option<i32>,
    reauth_hours: Option<i32>,
    second_demanded: bool,
}

/// The permissions of stored codes; one that this program does not know (of a newer or older version) gives nothing.
pub(crate) fn permissions(codes: &[String]) -> Permissions {
    codes.iter().filter_map(|code| Permission::ALL.iter().find(|p| p.code() == code)).fold(Permissions::NONE, |set, p| set.with(*p))
}

impl Stored {
    pub fn standing(self) -> Result<Standing> {
        let platform: Vec<PlatformRole> = self.platform_roles.iter().map(|role| role.parse()).collect::<Result<_>>()?;
        let viewer = Viewer { name: self.email.clone(), email: self.email, ..Viewer::default() };
        let alone = Standing {
            account: AccountId::new(self.account_id),
            tenant: None,
            permissions: Permissions::SIGNED_IN,
            demanded: !platform.is_empty(),
            second: self.second,
            viewer,
            idle_seconds: i64::from(IDLE_MINUTES) * 60,
            reauth_seconds: i64::from(REAUTH_HOURS) * 3600,
            assistance: None,
        };
        let mut standing = match self.member {
            Some(Json(member)) => member.standing(alone)?,
            None => alone,
        };
        standing.permissions = platform.iter().fold(standing.permissions, |set, role| set.and(role.permissions()));
        Ok(standing)
    }
}

impl StoredMember {
    /// What somebody's standing becomes by their place in a business.
    fn standing(self, alone: Standing) -> Result<Standing> {
        let roles: Vec<Role> = self.roles.iter().map(|role| role.parse()).collect::<Result<_>>()?;
        let own = permissions(&self.own_permissions);
        Ok(Standing {
            tenant: Some(self.tenant_id),
            permissions: Permissions::of_roles(&roles).and(Permissions::of_member(own.iter())),
            demanded: alone.demanded || self.second_demanded,
            viewer: Viewer {
                name: self.name,
                roles,
                business: Some(self.business),
                slug: Some(self.slug),
                sites: sites(self.sites)?,
                ..alone.viewer
            },
            idle_seconds: self.idle_minutes.map_or(alone.idle_seconds, |minutes| i64::from(minutes) * 60),
            reauth_seconds: self.reauth_hours.map_or(alone.reauth_seconds, |hours| i64::from(hours) * 3600),
            ..alone
        })
    }
}

impl Standing {
    /// What they may do in a session, by whether their second factor was given in it. Of whom one is demanded does nothing
    /// before setting it up, and nothing without having given it. (Keys of a business and tokens of another provider are
    /// programs', and exempt.)
    pub fn allowed(&self, given: bool) -> Permissions {
        match (self.demanded, self.second) {
            (true, false) => Permissions::SECOND,
            (true, true) if !given => Permissions::AGAIN,
            _ => self.permissions,
        }
    }

    /// Whether nothing but their second factor proves in a session that it is them.
    pub fn awaits_second(&self, given: bool) -> bool {
        self.demanded && self.second && !given
    }

    /// As whom they act.
    pub fn actor(&self) -> Actor {
        match self.assistance {
            Some(assistance) => Actor::Support { account: self.account, assistance },
            None => Actor::Account(self.account),
        }
    }

    /// The viewer of a browser's session.
    pub fn viewer_with(&self, csrf: String) -> Arc<Viewer> {
        Arc::new(Viewer { csrf: Some(csrf), ..self.viewer.clone() })
    }
}

/// Reads the sites that the query gathered.
pub(crate) fn sites(gathered: Option<Value>) -> Result<Vec<Site>> {
    let Some(gathered) = gathered else { return Ok(Vec::new()) };
    let rows: Vec<(uuid::Uuid, String, String, i32, String)> =
        serde_json::from_value(gathered).map_err(|e| Error::Internal(e.to_string()))?;
    rows.into_iter().map(|(id, name, zone, start, currency)| crate::site::read(id, name, &zone, start, &currency)).collect()
}
