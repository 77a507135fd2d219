//! Who asks, for which business, with which permissions, when.

use std::net::IpAddr;

use uuid::Uuid;

use crate::{AccountId, AssistanceId, At, DeviceId, Error, Id, KeyId, Permission, Permissions, RequestId, Result, Source, TenantId};

/// Who acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Nobody is signed in.
    Nobody,
    /// A person.
    Account(AccountId),
    /// A key for programs.
    Key(KeyId),
    /// Support at work in a business, on behalf of the owner who let them in.
    Support {
        /// Who works.
        account: AccountId,
        /// Under which assistance: it says on whose behalf.
        assistance: AssistanceId,
    },
    /// The program itself, under the name of what it does (`job:seal`, `cli:import`).
    Program(&'static str),
}

impl Actor {
    /// As the log keeps it: kind, id, name.
    pub fn stored(self) -> (&'static str, Option<Uuid>, Option<String>) {
        match self {
            Self::Nobody => ("nobody", None, None),
            Self::Account(account) => ("account", Some(account.uuid()), None),
            Self::Key(key) => ("key", Some(key.uuid()), None),
            Self::Support { account, assistance } => ("support", Some(account.uuid()), Some(assistance.to_string())),
            Self::Program(name) => ("program", None, Some(name.to_owned())),
        }
    }

    /// Reads what [`Self::stored`] gave. Of a program's part the name is not read: whoever goes on with its work is another one.
    pub fn read(kind: &str, id: Option<Uuid>, name: Option<&str>) -> Option<Self> {
        match (kind, id) {
            ("account", Some(id)) => Some(Self::Account(AccountId::new(id))),
            ("key", Some(id)) => Some(Self::Key(KeyId::new(id))),
            ("support", Some(id)) => Some(Self::Support { account: AccountId::new(id), assistance: name?.parse().ok()? }),
            _ => None,
        }
    }
}

/// One thing being done: who, for which tenant, with which permissions, when, under which request, from which device.
/// Identity's middleware makes it for requests; jobs and the command line make their own.
#[derive(Clone, Debug)]
pub struct Op {
    /// Clock and random numbers.
    pub source: Source,
    /// When it began; every `now` of this op.
    pub at: At,
    /// Who.
    pub actor: Actor,
    /// For which business; none before one is chosen.
    pub tenant: Option<TenantId>,
    /// What they may do there.
    pub permissions: Permissions,
    /// Shown in answers and logs.
    pub request: RequestId,
    /// Where the request came from.
    pub address: Option<IpAddr>,
    /// The registered device, if any.
    pub device: Option<DeviceId>,
}

impl Op {
    /// An op of the program itself, allowed everything within its tenant.
    pub fn program(source: &Source, name: &'static str, tenant: Option<TenantId>) -> Self {
        Self {
            at: source.now(),
            actor: Actor::Program(name),
            tenant,
            permissions: Permissions::ALL,
            request: source.id(),
            address: None,
            device: None,
            source: source.clone(),
        }
    }

    /// An op of nobody, allowed nothing: what a request is before it is known.
    pub fn nobody(source: &Source) -> Self {
        Self { actor: Actor::Nobody, permissions: Permissions::NONE, ..Self::program(source, "", None) }
    }

    /// The tenant, or the refusal to go on without one.
    pub fn tenant(&self) -> Result<TenantId> {
        self.tenant.ok_or_else(|| match self.actor {
            Actor::Nobody => Error::Unauthenticated,
            _ => Error::rule("tenant.none"),
        })
    }

    /// The signed-in account.
    pub fn account(&self) -> Result<AccountId> {
        match self.actor {
            Actor::Account(account) => Ok(account),
            _ => Err(Error::Unauthenticated),
        }
    }

    /// Refuses without the permission: first for want of a sign-in or of a proof of it, then for want of a business, then for want of the right.
    pub fn needs(&self, permission: Permission) -> Result<()> {
        if self.permissions.has(permission) {
            return Ok(());
        }
        match self.actor {
            Actor::Nobody => Err(Error::Unauthenticated),
            Actor::Account(_) if !self.permissions.has(Permission::SignedIn) => {
                Err(if self.permissions.has(Permission::Second) { Error::SecondNeeded } else { Error::ReauthRequired })
            }
            Actor::Account(_) if !self.permissions.has(Permission::Member) && !permission.is_of_platform() => {
                Err(Error::rule("tenant.none"))
            }
            _ => Err(Error::Forbidden(permission.code())),
        }
    }

    /// A new id.
    pub fn id<T>(&self) -> Id<T> {
        self.source.id()
    }
}
