//! What a person may do, and where: their account with their place in a business.

use std::sync::Arc;

use kernel::{AccountId, Error, Permission, Permissions, PlatformRole, Result, Role, TenantId};
use serde_json::Value;
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
    pub permissions: Permissions,
    /// Without a CSRF token: that belongs to a browser's session.
    pub viewer: Viewer,
    pub idle_seconds: i64,
    pub reauth_seconds: i64,
}

/// A row of an account beside its row of `identity.standing`.
pub(crate) struct Stored {
    pub account_id: AccountId,
    pub email: String,
    pub platform_roles: Vec<String>,
    pub tenant_id: Option<uuid::Uuid>,
    pub business: Option<String>,
    pub slug: Option<String>,
    pub name: Option<String>,
    pub roles: Option<Vec<String>>,
    pub own_permissions: Option<Vec<String>>,
    pub sites: Option<Value>,
    pub idle_minutes: Option<i32>,
    pub reauth_hours: Option<i32>,
}

/// The permissions of stored codes; one that this program does not know (of a newer or older version) gives nothing.
pub(crate) fn permissions(codes: &[String]) -> Permissions {
    codes.iter().filter_map(|code| Permission::ALL.iter().find(|p| p.code() == code)).fold(Permissions::NONE, |set, p| set.with(*p))
}

impl Stored {
    pub fn standing(self) -> Result<Standing> {
        let roles: Vec<Role> = self.roles.iter().flatten().map(|role| role.parse()).collect::<Result<_>>()?;
        let of_business = match self.tenant_id {
            Some(_) => {
                let own = permissions(self.own_permissions.as_deref().unwrap_or_default());
                Permissions::of_roles(&roles).and(Permissions::of_member(own.iter()))
            }
            None => Permissions::SIGNED_IN,
        };
        let platform: Vec<PlatformRole> = self.platform_roles.iter().map(|role| role.parse()).collect::<Result<_>>()?;
        let permissions = platform.iter().fold(of_business, |set, role| set.and(role.permissions()));
        let viewer = Viewer {
            name: self.name.unwrap_or_else(|| self.email.clone()),
            email: self.email,
            roles,
            business: self.business,
            slug: self.slug,
            sites: sites(self.sites)?,
            csrf: None,
        };
        Ok(Standing {
            account: self.account_id,
            tenant: self.tenant_id.map(TenantId::new),
            permissions,
            viewer,
            idle_seconds: i64::from(self.idle_minutes.unwrap_or(IDLE_MINUTES)) * 60,
            reauth_seconds: i64::from(self.reauth_hours.unwrap_or(REAUTH_HOURS)) * 3600,
        })
    }
}

impl Standing {
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
