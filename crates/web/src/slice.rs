//! What a capability brings to the program.

use std::net::IpAddr;

use axum::http::request::Parts;
use db::{Later, Periodic, SealFn, System, Tx};
use futures::future::BoxFuture;
use kernel::{AccountId, At, Currency, DayStart, Permission, PriceListId, Result, SiteId, TenantId};
use serde::Serialize;
use sqlx::migrate::Migrator;
use uuid::Uuid;

use crate::{App, Routes, Visitor};

/// One capability: its tables, routes, jobs, texts, checks. Plain data; see any slice's `slice()`.
#[derive(Clone, Copy)]
pub struct Slice {
    /// The crate's and the schema's name.
    pub name: &'static str,
    /// Its part of the migrations.
    pub migrations: fn() -> Migrator,
    /// Declares its routes.
    pub routes: fn(&mut Routes),
    /// Its English texts (Fluent).
    pub texts: &'static str,
    /// Its places in the rail.
    pub places: &'static [Place],
    /// Its kinds of jobs.
    pub later: &'static [Later],
    /// Its periodic work.
    pub periodic: &'static [Periodic],
    /// Its kept totals.
    pub seals: &'static [SealFn],
    /// What it lays down when a business is opened, in that transaction.
    pub opened: Option<OpenedFn>,
    /// What it lays down at every further site, in the transaction that adds the site.
    pub site_added: Option<SiteAddedFn>,
    /// What `hearth check` recomputes from raw lines.
    pub checks: &'static [CheckFn],
    /// What the palette finds beside numbers.
    pub search: Option<SearchFn>,
    /// Identity alone: who sent a request.
    pub authenticate: Option<Authenticate>,
}

impl Slice {
    /// A slice with nothing but its tables and routes; take the rest with struct update.
    pub const fn new(name: &'static str, migrations: fn() -> Migrator, routes: fn(&mut Routes), texts: &'static str) -> Self {
        Self {
            name,
            migrations,
            routes,
            texts,
            places: &[],
            later: &[],
            periodic: &[],
            seals: &[],
            opened: None,
            site_added: None,
            checks: &[],
            search: None,
            authenticate: None,
        }
    }
}

/// A place in the rail.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Text key.
    pub label: &'static str,
    /// Where it is.
    pub href: &'static str,
    /// An icon of `icons.svg`.
    pub icon: &'static str,
    /// Who sees it.
    pub needs: Permission,
    /// Lower comes first.
    pub rank: u8,
}

/// A business as it is opened.
#[derive(Clone, Debug)]
pub struct Opening {
    /// The business.
    pub tenant: TenantId,
    /// Its first site.
    pub site: SiteId,
    /// Its owner.
    pub owner: AccountId,
    /// Its currency.
    pub currency: Currency,
    /// When its days begin.
    pub day_start: DayStart,
    /// When it was opened.
    pub at: At,
}

/// Lays down what a slice needs in every business (accounts, locations, a price list), as the system role.
pub type OpenedFn = for<'a> fn(&'a mut System, &'a Opening) -> BoxFuture<'a, Result<()>>;

/// A further site as it is added.
#[derive(Clone, Copy, Debug)]
pub struct AddedSite {
    /// The site.
    pub site: SiteId,
    /// Its currency.
    pub currency: Currency,
    /// The price list that it was to sell by, if one was named.
    pub price_list: Option<PriceListId>,
}

/// Lays down what a slice needs at a site that is added (the location that sells).
pub type SiteAddedFn = for<'a> fn(&'a mut Tx, &'a AddedSite) -> BoxFuture<'a, Result<()>>;

/// Finds out who sent a request, from its headers and the client's address.
pub type Authenticate = for<'a> fn(&'a App, &'a Parts, Option<IpAddr>) -> BoxFuture<'a, Result<Visitor>>;

/// Recomputes kept figures of one tenant from raw lines, in one snapshot.
pub type CheckFn = for<'a> fn(&'a mut Tx) -> BoxFuture<'a, Result<Vec<Finding>>>;

/// Something that does not add up, and the document to open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Which check: `stock.on_hand`.
    pub check: &'static str,
    /// The kind of document or thing: `order`, `item`.
    pub kind: String,
    /// Its id.
    pub id: Uuid,
    /// What was expected and what is there, for people.
    pub text: String,
}

/// Finds things by the beginning of their name.
pub type SearchFn = for<'a> fn(&'a mut Tx, &'a str) -> BoxFuture<'a, Result<Vec<Found>>>;

/// Something found.
#[derive(Clone, Debug, Serialize)]
pub struct Found {
    /// What it is called.
    pub label: String,
    /// What kind of thing it is.
    pub kind: &'static str,
    /// Where it opens.
    pub href: String,
}
