//! Sites: the places of a business, each with its zone, its start of the day and its currency.

use db::{
    Tx,
    list::{Column, Kind, List, Sort},
};
use kernel::{Change, Currency, DayStart, Error, Permission, PriceListId, Result, SiteId, Zone};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;
use web::{AddedSite, Cx, Reply, Site, SiteAddedFn};

/// Days begin at four in the morning unless said otherwise: a night's sales belong to the evening.
pub(crate) const DAY_START: &str = "04:00";

/// The sites of the business.
pub(crate) static SITES: List = List {
    name: "sites",
    sql: "SELECT i.id, i.name, i.time_zone, i.day_start::bigint AS day_start, i.currency, i.created_at FROM identity.site i WHERE i.tenant_id = $1",
    columns: &[
        Column::hidden("id", Kind::Id),
        Column::shown("name", Kind::Text, "site-name"),
        Column::shown("time_zone", Kind::Text, "site-zone"),
        Column::hidden("day_start", Kind::Whole),
        Column::shown("currency", Kind::Text, "site-currency"),
        Column::hidden("created_at", Kind::Time),
    ],
    filters: &[],
    sorts: &[Sort { name: "created", column: "created_at", kind: Kind::Time }, Sort { name: "name", column: "name", kind: Kind::Text }],
    newest_first: false,
    key: "id",
};

/// A stored site as forms and reports need it.
pub(crate) fn read(id: Uuid, name: String, zone: &str, day_start: i32, currency: &str) -> Result<Site> {
    let bad = |what: &str| Error::Internal(format!("site {id}: {what} can't be read"));
    Ok(Site {
        id: SiteId::new(id),
        name,
        zone: zone.parse().map_err(|_| bad("time zone"))?,
        day_start: DayStart::try_from(day_start).map_err(|_| bad("day start"))?,
        currency: currency.parse().map_err(|_| bad("currency"))?,
    })
}

/// A site of the transaction's business; `site.unknown` when there is none of this id.
pub async fn site(tx: &mut Tx, id: SiteId) -> Result<Site> {
    let tenant = tx.tenant().uuid();
    let row = sqlx::query!(
        "SELECT id, name, time_zone, day_start, currency FROM identity.site WHERE tenant_id = $1 AND id = $2",
        tenant,
        id.uuid()
    )
    .fetch_optional(tx.conn())
    .await?
    .ok_or(Error::rule("site.unknown"))?;
    read(row.id, row.name, &row.time_zone, row.day_start, &row.currency)
}

/// All sites of the transaction's business, the first one first.
pub async fn sites(tx: &mut Tx) -> Result<Vec<Site>> {
    let tenant = tx.tenant().uuid();
    let rows = sqlx::query!(
        "SELECT id, name, time_zone, day_start, currency FROM identity.site WHERE tenant_id = $1 ORDER BY created_at, id",
        tenant
    )
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter().map(|r| read(r.id, r.name, &r.time_zone, r.day_start, &r.currency)).collect()
}

/// A zone, currency or start of the day as it was typed; each refusal names its field.
pub(crate) fn zone(text: &str) -> Result<Zone> {
    text.trim().parse().map_err(|_| Error::field("timeZone", "zone.unknown"))
}

pub(crate) fn currency(text: &str) -> Result<Currency> {
    text.trim().to_uppercase().parse().map_err(|_| Error::field("currency", "currency.unknown"))
}

pub(crate) fn day_start(text: Option<&str>) -> Result<DayStart> {
    let text = text.map(str::trim).filter(|t| !t.is_empty()).unwrap_or(DAY_START);
    text.parse().map_err(|_| Error::field("dayStart", "day_start.format"))
}

/// A name of 1 to 200 characters without control signs.
pub(crate) fn name(field: &str, text: &str) -> Result<String> {
    let text = text.trim();
    let code = match text.chars().count() {
        0 => "text.needed",
        201.. => "text.too_long",
        _ if text.chars().any(char::is_control) => "text.control",
        _ => return Ok(text.to_owned()),
    };
    Err(Error::field(field, code))
}

/// Adds a site.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AddSite {
    /// Made by the client, if it likes, so that one added twice is one.
    #[schema(value_type = Option<Uuid>)]
    pub id: Option<SiteId>,
    /// Its name.
    pub name: String,
    /// An IANA zone.
    pub time_zone: String,
    /// `HH:MM`; 04:00 if not given.
    pub day_start: Option<String>,
    /// The business's currency if not given.
    pub currency: Option<String>,
    /// By which price list it sells, one of its currency; the first of its currency if not given.
    #[schema(value_type = Option<Uuid>)]
    pub price_list_id: Option<PriceListId>,
}

/// A site as it was added.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SiteAdded {
    /// Its id.
    #[schema(value_type = Uuid)]
    pub id: SiteId,
    /// Its name.
    pub name: String,
    /// Its zone.
    pub time_zone: String,
    /// `HH:MM`.
    pub day_start: String,
    /// Its currency.
    pub currency: String,
}

/// A site as it is asked for, with what the slices lay down at it.
#[derive(Clone)]
pub(crate) struct NewSite {
    asked: AddSite,
    lay_down: Vec<SiteAddedFn>,
}

impl NewSite {
    /// The site with what the program's slices need there.
    pub(crate) fn of(cx: &Cx, asked: AddSite) -> Self {
        Self { asked, lay_down: cx.app.slices().iter().filter_map(|slice| slice.site_added).collect() }
    }
}

/// `POST /v1/sites`.
pub(crate) async fn post(cx: Cx, asked: AddSite) -> Result<Reply> {
    cx.run(NewSite::of(&cx, asked)).await.map(Reply::answer)
}

impl db::Command for NewSite {
    const NEEDS: Permission = Permission::SettingsWrite;
    type Out = SiteAdded;

    fn intent_id(&self) -> Option<Uuid> {
        self.asked.id.map(SiteId::uuid)
    }

    async fn run(self, tx: &mut Tx) -> Result<SiteAdded> {
        let (tenant, asked) = (tx.tenant().uuid(), self.asked);
        let (name, zone, start) = (name("name", &asked.name)?, zone(&asked.time_zone)?, day_start(asked.day_start.as_deref())?);
        let wanted = asked.currency.as_deref().filter(|c| !c.trim().is_empty()).map(currency).transpose()?;
        let id = asked.id.unwrap_or_else(|| tx.op().id());
        let (start_minute, now) = (i32::from(start), tx.now());
        let row = sqlx::query!(
            "INSERT INTO identity.site (tenant_id, id, name, time_zone, day_start, currency, created_at)
            SELECT t.id, $2, $3, $4, $5, coalesce($6, t.currency), $7 FROM db.tenant t WHERE t.id = $1 RETURNING currency",
            tenant,
            id.uuid(),
            name,
            zone.to_string(),
            start_minute,
            wanted.map(|c| c.code()),
            now
        )
        .fetch_one(tx.conn())
        .await?;
        let currency: Currency = row.currency.parse().map_err(|_| Error::rule("currency.unknown"))?;
        let added = SiteAdded { id, name, time_zone: zone.to_string(), day_start: start.to_string(), currency: row.currency };
        tx.log(Change::of("site.added", "site", id, &added));
        let site = AddedSite { site: id, currency, price_list: asked.price_list_id };
        for lay_down in self.lay_down {
            lay_down(tx, &site).await?;
        }
        if let kernel::Actor::Account(account) = tx.op().actor {
            crate::session::forget(account);
        }
        Ok(added)
    }
}
