//! Locations: where stock lies inside a site.

use db::{
    Command, System, Tx,
    list::{Column, Filter, Kind, List, Sort},
};
use futures::future::BoxFuture;
use kernel::{Change, Error, LocationId, Permission, Result, SiteId, Source, TenantId};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;
use web::{AddedSite, Opening};

/// What kind of place a location is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the words of the trade")]
pub enum LocationKind {
    Store,
    Bakehouse,
    Shop,
    Vehicle,
    InTransit,
    Customer,
    Waste,
}

impl LocationKind {
    /// The stored word.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Store => "store",
            Self::Bakehouse => "bakehouse",
            Self::Shop => "shop",
            Self::Vehicle => "vehicle",
            Self::InTransit => "in-transit",
            Self::Customer => "customer",
            Self::Waste => "waste",
        }
    }
}

/// A location.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Location {
    /// The id.
    pub id: LocationId,
    /// Inside this site.
    pub site_id: SiteId,
    /// Its name; no two of a site share one.
    pub name: String,
    /// What kind of place it is.
    pub kind: LocationKind,
    /// Whether the site's till sells from it.
    pub sells: bool,
}

/// What every site begins with: a shop that sells, and a store.
fn usual(source: &Source, site: SiteId) -> [Location; 2] {
    let one = |name: &str, kind, sells| Location { id: source.id(), site_id: site, name: name.to_owned(), kind, sells };
    [one("Shop", LocationKind::Shop, true), one("Store", LocationKind::Store, false)]
}

async fn lay_down(conn: &mut PgConnection, tenant: TenantId, locations: &[Location]) -> Result<()> {
    sqlx::query!(
        "INSERT INTO stock.location (tenant_id, id, site_id, name, kind, sells)
        SELECT t.id, u.id, u.site_id, u.name, u.kind, u.sells
        FROM db.tenant t, unnest($2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::boolean[]) AS u (id, site_id, name, kind, sells)
        WHERE t.id = $1",
        tenant.uuid(),
        &locations.iter().map(|l| l.id.uuid()).collect::<Vec<_>>(),
        &locations.iter().map(|l| l.site_id.uuid()).collect::<Vec<_>>(),
        &locations.iter().map(|l| l.name.clone()).collect::<Vec<_>>(),
        &locations.iter().map(|l| l.kind.code().to_owned()).collect::<Vec<_>>(),
        &locations.iter().map(|l| l.sells).collect::<Vec<_>>()
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Lays down what the first site begins with.
pub(crate) fn opened<'a>(system: &'a mut System, opening: &'a Opening) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let locations = usual(system.source(), opening.site);
        lay_down(system.conn(), opening.tenant, &locations).await
    })
}

/// The same at a site that is added.
pub(crate) fn site_added<'a>(tx: &'a mut Tx, added: &'a AddedSite) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let (tenant, locations) = (tx.tenant(), usual(&tx.op().source, added.site));
        lay_down(tx.conn(), tenant, &locations).await?;
        for location in &locations {
            tx.log(Change::of("location.created", "location", location.id, location));
        }
        Ok(())
    })
}

/// All locations, by name.
pub(crate) const LOCATIONS: List = List {
    name: "locations",
    sql: "SELECT l.id, l.site_id, s.name AS site, l.name, l.kind, l.sells FROM stock.location l \
          JOIN identity.site s ON s.tenant_id = l.tenant_id AND s.id = l.site_id WHERE l.tenant_id = $1",
    columns: &[
        Column::shown("name", Kind::Text, "location-name"),
        Column::shown("site", Kind::Text, "location-site"),
        Column::shown("kind", Kind::Text, "location-kind"),
        Column::shown("sells", Kind::Flag, "location-sells"),
        Column::hidden("id", Kind::Id),
        Column::hidden("site_id", Kind::Id),
    ],
    filters: &[Filter { name: "site", sql: "site_id = {}", kind: Kind::Id }],
    sorts: &[Sort { name: "name", column: "name", kind: Kind::Text }],
    newest_first: false,
    key: "id",
};

/// Makes a location. One that sells takes the till over from the one that sold.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateLocation {
    /// An id of the client's own choice, so that one made twice is one.
    pub id: Option<LocationId>,
    /// Inside this site; the first one unless given.
    pub site_id: Option<SiteId>,
    /// Its name, at most 100 characters.
    pub name: String,
    /// What kind of place it is.
    pub kind: LocationKind,
    /// Whether the site's till sells from it.
    #[serde(default)]
    pub sells: bool,
}

/// The site of this id, or the first one.
pub(crate) async fn site_of(tx: &mut Tx, id: Option<SiteId>) -> Result<web::Site> {
    match id {
        Some(id) => identity::site(tx, id).await.map_err(|error| error.at("siteId")),
        None => identity::sites(tx).await?.into_iter().next().ok_or_else(|| Error::rule("site.unknown").at("siteId")),
    }
}

impl Command for CreateLocation {
    const NEEDS: Permission = Permission::SettingsWrite;
    type Out = Location;

    fn intent_id(&self) -> Option<Uuid> {
        self.id.map(LocationId::uuid)
    }

    async fn run(self, tx: &mut Tx) -> Result<Location> {
        let name = match self.name.trim() {
            "" => return Err(Error::field("name", "text.needed")),
            name if name.chars().count() > 100 => return Err(Error::field("name", "text.too_long")),
            name => name.to_owned(),
        };
        let site = site_of(tx, self.site_id).await?.id;
        let id = self.id.unwrap_or_else(|| tx.op().id());
        let tenant = tx.tenant().uuid();
        if self.sells {
            sqlx::query!("UPDATE stock.location SET sells = false WHERE tenant_id = $1 AND site_id = $2 AND sells", tenant, site.uuid())
                .execute(tx.conn())
                .await?;
        }
        sqlx::query!(
            "INSERT INTO stock.location (tenant_id, id, site_id, name, kind, sells) SELECT t.id, $2, $3, $4, $5, $6 FROM db.tenant t WHERE t.id = $1",
            tenant,
            id.uuid(),
            site.uuid(),
            name,
            self.kind.code(),
            self.sells
        )
        .execute(tx.conn())
        .await
        .map_err(|error| match Error::from(error) {
            error if error.code() == "location.name_taken" => error.at("name"),
            error => error,
        })?;
        let made = Location { id, site_id: site, name, kind: self.kind, sells: self.sells };
        tx.log(Change::of("location.created", "location", id, &made));
        Ok(made)
    }
}
