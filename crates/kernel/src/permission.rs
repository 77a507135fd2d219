//! Permissions and the seven built-in roles.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// One thing that a member may do. Every route names one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Permission {
    /// Anybody, signed in or not (sign-in itself, health, static files).
    Open,
    /// Anybody signed in, with or without a business.
    SignedIn,
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
}

use Permission as P;

impl Permission {
    /// All of them, in order.
    pub const ALL: &[Self] = &[
        P::Open,
        P::SignedIn,
        P::Member,
        P::TeamRead,
        P::TeamWrite,
        P::SettingsWrite,
        P::ItemRead,
        P::ItemWrite,
        P::StockRead,
        P::StockReceive,
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
    ];

    /// The stable name, `thing:act`.
    pub const fn code(self) -> &'static str {
        match self {
            P::Open => "open",
            P::SignedIn => "signed-in",
            P::Member => "member",
            P::TeamRead => "team:read",
            P::TeamWrite => "team:write",
            P::SettingsWrite => "settings:write",
            P::ItemRead => "item:read",
            P::ItemWrite => "item:write",
            P::StockRead => "stock:read",
            P::StockReceive => "stock:receive",
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
        }
    }
}

/// A set of permissions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permissions(u128);

impl Permissions {
    /// What nobody has: only what is open.
    pub const NONE: Self = Self(1 << P::Open as u8);
    /// What a signed-in person has without a business.
    pub const SIGNED_IN: Self = Self(Self::NONE.0 | 1 << P::SignedIn as u8);
    /// Everything.
    pub const ALL: Self = Self(u128::MAX);

    /// This set and one more.
    #[must_use]
    pub const fn with(self, permission: Permission) -> Self {
        Self(self.0 | 1 << permission as u8)
    }

    /// What a member with these roles may do.
    pub fn of_roles(roles: &[Role]) -> Self {
        let start = Self::SIGNED_IN.with(P::Member);
        roles.iter().flat_map(|role| role.permissions()).fold(start, |set, permission| set.with(*permission))
    }

    /// Whether the permission is in.
    pub const fn has(self, permission: Permission) -> bool {
        self.0 & (1 << permission as u8) != 0
    }

    /// Whether all of `other` is in: nobody grants what they don't have.
    pub const fn includes(self, other: Self) -> bool {
        other.0 & !self.0 == 0
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

    /// What the role may do beside what every member may.
    pub const fn permissions(self) -> &'static [Permission] {
        match self {
            Self::Owner => P::ALL,
            Self::Manager => &[
                P::TeamRead,
                P::TeamWrite,
                P::ItemRead,
                P::ItemWrite,
                P::StockRead,
                P::StockReceive,
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
            ],
            Self::Accountant => &[
                P::TeamRead,
                P::ItemRead,
                P::StockRead,
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
            ],
            Self::Baker => &[P::ItemRead, P::StockRead, P::StockReceive],
            Self::Storekeeper => &[P::ItemRead, P::StockRead, P::StockReceive, P::SupplierRead, P::SupplierWrite],
            Self::Seller => &[P::ItemRead, P::StockRead, P::CustomerRead, P::CustomerWrite, P::OrderRead, P::OrderSell],
            Self::Driver => &[P::ItemRead, P::CustomerRead, P::OrderRead],
        }
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
