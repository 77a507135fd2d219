//! The operator's list of businesses.

use db::{
    System,
    list::{Column, Filter, Kind, List, Sort},
};
use kernel::{At, Error, PLATFORM, Result, TenantId};
use serde::Serialize;
use utoipa::ToSchema;
use web::Cx;

use crate::assist::{self, Consent};

/// Every business of the installation; the installation itself, whose id is `$1`, is none.
pub(crate) static TENANTS: List = List {
    name: "tenants",
    sql: r#"SELECT t.id, t.slug COLLATE "C" AS slug, t.name, t.currency, t.time_zone, t.created_at,
            (SELECT count(*) FROM identity.member m WHERE m.tenant_id = t.id AND m.state = 'active') AS members,
            (SELECT c.expires_at FROM identity.consent c WHERE c.tenant_id = t.id AND c.revoked_at IS NULL) AS support_until
        FROM db.tenant t WHERE t.id <> $1"#,
    columns: &[
        Column::hidden("id", Kind::Id),
        Column::shown("slug", Kind::Text, "business-slug"),
        Column::shown("name", Kind::Text, "business-name"),
        Column::hidden("currency", Kind::Text),
        Column::hidden("time_zone", Kind::Text),
        Column::shown("members", Kind::Whole, "tenant-members"),
        Column::shown("created_at", Kind::Time, "tenant-since"),
        Column::shown("support_until", Kind::Time, "tenant-support"),
    ],
    filters: &[Filter { name: "slug", sql: r#"slug >= {} COLLATE "C" AND slug < ({} || U&'\+10FFFF') COLLATE "C""#, kind: Kind::Text }],
    sorts: &[Sort { name: "slug", column: "slug", kind: Kind::Text }, Sort { name: "since", column: "created_at", kind: Kind::Time }],
    newest_first: false,
    key: "id",
};

/// A business as the operator sees it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tenant {
    /// Its id.
    #[schema(value_type = Uuid)]
    pub id: TenantId,
    /// Its short name.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// Its currency's three letters.
    pub currency: String,
    /// Its IANA zone.
    pub time_zone: String,
    /// When it was opened.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: At,
    /// How many work there.
    pub members: i64,
    /// The owner's consent that support looks in, where one stands.
    pub consent: Option<Consent>,
}

/// Reads a business.
pub(crate) async fn tenant(system: &mut System, id: TenantId) -> Result<Tenant> {
    let row = sqlx::query!(
        r#"SELECT t.slug, t.name, t.currency, t.time_zone, t.created_at,
            (SELECT count(*) FROM identity.member m WHERE m.tenant_id = t.id AND m.state = 'active') AS "members!"
        FROM db.tenant t WHERE t.id = $1 AND t.id <> $2"#,
        id.uuid(),
        PLATFORM.uuid()
    )
    .fetch_optional(system.conn())
    .await?
    .ok_or(Error::NotFound)?;
    let now = system.source().now();
    Ok(Tenant {
        id,
        slug: row.slug,
        name: row.name,
        currency: row.currency,
        time_zone: row.time_zone,
        created_at: row.created_at,
        members: row.members,
        consent: assist::standing_consent(system.conn(), id, now).await?,
    })
}

/// A page of businesses as the API answers it.
#[derive(Serialize, ToSchema)]
pub(crate) struct Tenants {
    /// The rows, with the names of the list's columns.
    #[schema(value_type = Vec<Object>)]
    pub rows: Vec<serde_json::Map<String, serde_json::Value>>,
    /// Where the next page begins.
    pub next: Option<String>,
}

/// `GET /v1/admin/tenants`.
pub(crate) async fn list(cx: Cx) -> Result<Tenants> {
    let asked = cx.asked(&[])?;
    let mut system = cx.app.db().system("admin.tenants").await?;
    let page = TENANTS.rows_across(&mut system, &cx.op, &asked, asked.limit.unwrap_or(db::list::PAGE).clamp(1, db::list::MOST)).await?;
    Ok(Tenants { rows: page.rows, next: page.next })
}

/// `GET /v1/admin/tenants/{id}`.
pub(crate) async fn one(cx: Cx) -> Result<Tenant> {
    tenant(&mut cx.app.db().system("admin.tenant").await?, cx.id("id")?).await
}
