//! Permissions and the seven built-in roles.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// One thing that a member may do. Every route names one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Permission {
    /// Anybody, signed in or not (sign-in itself, health, static files).
    Open,
    /// Anybody signed in, though they may have to prove again who they are.
    Again,
    /// Anybody signed in, though a second factor that is demanded of them is not set up yet.
    Second,
    /// Anybody signed in, with or without a business.
    SignedIn,
    /// Anybody signed in by a factor of their own, not by a PIN on a shared device: what an account's owner alone does with it.
    OwnAccount,
    /// Any member of the business.
    Member,
    /// See members and roles.
    TeamRead,
    /// Add members, change roles.
    TeamWrite,
    /// Change the business, sites, taxes.
    SettingsWrite,
    /// See items, prices, units.
    ItemRead,
    /// Make and change items and prices.
    ItemWrite,
    /// See stock and its movements.
    StockRead,
    /// Receive deliveries, record what was made.
    StockReceive,
    /// See what things cost.
    CostRead,
    /// See suppliers and their price lists.
    SupplierRead,
    /// Make and change suppliers.
    SupplierWrite,
    /// See customers.
    CustomerRead,
    /// Make and change customers.
    CustomerWrite,
    /// See orders.
    OrderRead,
    /// Take orders and ring sales.
    OrderSell,
    /// Pay back.
    OrderRefund,
    /// Load a past.
    ImportRun,
    /// See accounts and transfers.
    LedgerRead,
    /// Close days.
    LedgerClose,
    /// See sales, cost and margin.
    ReportRead,
    /// Read the trail.
    TrailRead,
    /// See what members are paid.
    PayRead,
    /// Make keys for programs.
    ApiKeyWrite,
    /// Of the operator: see accounts, the trail and mails of the whole installation.
    PlatformRead,
    /// Of the operator: unlock accounts, send mails again.
    PlatformSupport,
    /// Of the operator: lock accounts, give platform roles, take second factors away.
    PlatformAdmin,
    /// Of the operator: plans, limits, invoices.
    PlatformBilling,
}

use Permission as P;

impl Permission {
    /// All of them, in order.
    pub const ALL: &[Self] = &[
        P::Open,
        P::Again,
        P::Second,
        P::SignedIn,
        P::OwnAccount,
        P::Member,
        P::TeamRead,
        P::TeamWrite,
        P::SettingsWrite,
        P::ItemRead,
        P::ItemWrite,
        P::StockRead,
        P::StockReceive,
        P::CostRead,
        P::SupplierRead,
        P::SupplierWrite,
        P::CustomerRead,
        P::CustomerWrite,
        P::OrderRead,
        P::OrderSell,
        P::OrderRefund,
        P::ImportRun,
        P::LedgerRead,
        P::LedgerClose,
        P::ReportRead,
        P::TrailRead,
        P::PayRead,
        P::ApiKeyWrite,
        P::PlatformRead,
        P::PlatformSupport,
        P::PlatformAdmin,
        P::PlatformBilling,
    ];

    /// Those that a business can give: all but the operator's.
    pub fn of_business() -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied().filter(|p| !p.is_of_platform())
    }

    /// Whether it is the operator's, which no role of a business gives.
    pub const fn is_of_platform(self) -> bool {
        matches!(self, P::PlatformRead | P::PlatformSupport | P::PlatformAdmin | P::PlatformBilling)
    }

    /// The stable name, `thing:act`.
    pub const fn code(self) -> &'static str {
        match self {
            P::Open => "open",
            P::Again => "again",
            P::Second => "second",
            P::SignedIn => "signed-in",
            P::OwnAccount => "own-account",
            P::Member => "member",
            P::TeamRead => "team:read",
            P::TeamWrite => "team:write",
            P::SettingsWrite => "settings:write",
            P::ItemRead => "item:read",
            P::ItemWrite => "item:write",
            P::StockRead => "stock:read",
            P::StockReceive => "stock:receive",
            P::CostRead => "cost:read",
            P::SupplierRead => "supplier:read",
            P::SupplierWrite => "supplier:write",
            P::CustomerRead => "customer:read",
            P::CustomerWrite => "customer:write",
            P::OrderRead => "order:read",
            P::OrderSell => "order:sell",
            P::OrderRefund => "order:refund",
            P::ImportRun => "import:run",
            P::LedgerRead => "ledger:read",
            P::LedgerClose => "ledger:close",
            P::ReportRead => "report:read",
            P::TrailRead => "trail:read",
            P::PayRead => "team.pay:read",
            P::ApiKeyWrite => "api-key:write",
            P::PlatformRead => "platform:read",
            P::PlatformSupport => "platform:support",
            P::PlatformAdmin => "platform:admin",
            P::PlatformBilling => "platform:billing",
        }
    }
}

/// A set of permissions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permissions(u128);

impl Permissions {
    /// What nobody has: only what is open.
    pub const NONE: Self = Self(1 << P::Open as u8);
    /// What a signed-in person has who must prove again who they are.
    pub const AGAIN: Self = Self::NONE.with(P::Again);
    /// What a signed-in person has of whom a second factor is demanded that they have not set up.
    pub const SECOND: Self = Self::AGAIN.with(P::Second);
    /// What a signed-in person has without a business.
    pub const SIGNED_IN: Self = Self::SECOND.with(P::SignedIn).with(P::OwnAccount);
    /// Everything.
    pub const ALL: Self = Self(u128::MAX);

    /// This set and one more.
    #[must_use]
    pub const fn with(self, permission: Permission) -> Self {
        Self(self.0 | 1 << permission as u8)
    }

    /// What a member with these roles may do.
    pub fn of_roles(roles: &[Role]) -> Self {
        roles.iter().map(|role| role.permissions()).fold(Self::SIGNED_IN.with(P::Member), Self::and)
    }

    /// What every member may, and some more; none of the operator's.
    pub fn of_member(more: impl IntoIterator<Item = Permission>) -> Self {
        more.into_iter().filter(|p| !p.is_of_platform()).fold(Self::SIGNED_IN.with(P::Member), Self::with)
    }

    /// What support may do in a business whose owner let them in: look, and, if the owner said so, act as well. It is written out, so
    /// that no new permission is support's by accident. Never among them: what is an account's own, members and their roles,
    /// pay, keys for programs.
    pub fn of_support(acting: bool) -> Self {
        const LOOKS: &[Permission] = &[
            P::Member,
            P::TeamRead,
            P::ItemRead,
            P::StockRead,
            P::CostRead,
            P::SupplierRead,
            P::CustomerRead,
            P::OrderRead,
            P::LedgerRead,
            P::ReportRead,
            P::TrailRead,
        ];
        const ACTS: &[Permission] = &[
            P::SettingsWrite,
            P::ItemWrite,
            P::StockReceive,
            P::SupplierWrite,
            P::CustomerWrite,
            P::OrderSell,
            P::OrderRefund,
            P::ImportRun,
            P::LedgerClose,
        ];
        LOOKS.iter().chain(ACTS.iter().filter(|_| acting)).fold(Self::NONE, |set, p| set.with(*p))
    }

    /// This set and another.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What both have.
    #[must_use]
    pub const fn both(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// What is left of this set on a registered device, where a PIN signs in: no account is changed there, no rights are given,
    /// no pay is seen, and nothing of the operator's is done.
    #[must_use]
    pub fn on_device(self) -> Self {
        const WITHHELD: &[Permission] = &[P::Again, P::Second, P::OwnAccount, P::TeamWrite, P::SettingsWrite, P::PayRead, P::ApiKeyWrite];
        let stays = |p: &Permission| !p.is_of_platform() && !WITHHELD.contains(p);
        self.iter().filter(stays).fold(Self::NONE, Self::with)
    }

    /// Whether the permission is in.
    pub const fn has(self, permission: Permission) -> bool {
        self.0 & (1 << permission as u8) != 0
    }

    /// Whether all of `other` is in: nobody grants what they don't have.
    pub const fn includes(self, other: Self) -> bool {
        other.0 & !self.0 == 0
    }

    /// Those in the set, in order.
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        P::ALL.iter().copied().filter(move |p| self.has(*p))
    }

    /// The names of those in the set, in order.
    pub fn codes(self) -> Vec<&'static str> {
        P::ALL.iter().filter(|p| self.has(**p)).map(|p| p.code()).collect()
    }
}

/// The seven built-in roles of a business.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
#[expect(missing_docs, reason = "the words of the product")]
pub enum Role {
    Owner,
    Manager,
    Accountant,
    Baker,
    Storekeeper,
    Seller,
    Driver,
}

impl Role {
    /// All seven.
    pub const ALL: &[Self] = &[Self::Owner, Self::Manager, Self::Accountant, Self::Baker, Self::Storekeeper, Self::Seller, Self::Driver];

    /// The stored name.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Manager => "manager",
            Self::Accountant => "accountant",
            Self::Baker => "baker",
            Self::Storekeeper => "storekeeper",
            Self::Seller => "seller",
            Self::Driver => "driver",
        }
    }

    /// What the role allows.
    pub fn permissions(self) -> Permissions {
        let more: &[Permission] = match self {
            Self::Owner => return Permissions::of_member(P::of_business()),
            Self::Manager => &[
                P::TeamRead,
                P::TeamWrite,
                P::ItemRead,
                P::ItemWrite,
                P::StockRead,
                P::StockReceive,
                P::CostRead,
                P::SupplierRead,
                P::SupplierWrite,
                P::CustomerRead,
                P::CustomerWrite,
                P::OrderRead,
                P::OrderSell,
                P::OrderRefund,
                P::ImportRun,
                P::LedgerRead,
                P::ReportRead,
                P::TrailRead,
                P::ApiKeyWrite,
            ],
            Self::Accountant => &[
                P::TeamRead,
                P::ItemRead,
                P::StockRead,
                P::CostRead,
                P::SupplierRead,
                P::SupplierWrite,
                P::CustomerRead,
                P::CustomerWrite,
                P::OrderRead,
                P::ImportRun,
                P::LedgerRead,
                P::LedgerClose,
                P::ReportRead,
                P::TrailRead,
                P::PayRead,
            ],
            Self::Baker => &[P::ItemRead, P::StockRead, P::StockReceive],
            Self::Storekeeper => &[P::ItemRead, P::StockRead, P::StockReceive, P::CostRead, P::SupplierRead, P::SupplierWrite],
            Self::Seller => &[P::ItemRead, P::StockRead, P::CustomerRead, P::CustomerWrite, P::OrderRead, P::OrderSell],
            Self::Driver => &[P::ItemRead, P::CustomerRead, P::OrderRead],
        };
        Permissions::of_member(more.iter().copied())
    }
}
impl FromStr for Role {
    type Err = crate::Error;
    fn from_str(code: &str) -> Result<Self, Self::Err> {
        Self::ALL.iter().find(|role| role.code() == code).copied().ok_or(crate::Error::rule("role.unknown"))
    }
}
impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// The operator's roles on the whole installation. Who has none is a user of their own account alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub enum PlatformRole {
    /// Everything.
    Admin,
    /// Read, unlock, send again.
    Support,
    /// Plans, limits, invoices.
    BillingAdmin,
}

impl PlatformRole {
    /// All three.
    pub const ALL: &[Self] = &[Self::Admin, Self::Support, Self::BillingAdmin];

    /// The stored name.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Admin => "ADMIN",
            Self::Support => "SUPPORT",
            Self::BillingAdmin => "BILLING_ADMIN",
        }
    }

    /// What the role allows.
    pub const fn permissions(self) -> Permissions {
        match self {
            Self::Admin => Permissions::NONE.with(P::PlatformRead).with(P::PlatformSupport).with(P::PlatformAdmin).with(P::PlatformBilling),
            Self::Support => Permissions::NONE.with(P::PlatformRead).with(P::PlatformSupport),
            Self::BillingAdmin => Permissions::NONE.with(P::PlatformBilling),
        }
    }
}
impl FromStr for PlatformRole {
    type Err = crate::Error;
    fn from_str(code: &str) -> Result<Self, Self::Err> {
        Self::ALL.iter().find(|role| role.code() == code).copied().ok_or(crate::Error::rule("role.unknown"))
    }
}
