//! The operator's pages of businesses.

use axum::http::header;
use kernel::{Error, Permission, Result, TenantId};
use maud::{Markup, html};
use web::{
    Cx, Fields, Refused, Reply, Routes, t,
    ui::{self, Button, ColumnKind, Crumb, Empty, Fact, Field, FilterBar, Row, Table, Toolbar},
};

use super::{
    Typed,
    admin::{cell, further, time},
    support,
};
use crate::{
    assist::{self, Assist},
    tenants::{self, TENANTS},
};

pub(super) fn routes(routes: &mut Routes) {
    use Permission::{PlatformRead, PlatformSupport};
    routes.page("GET /admin/tenants", PlatformRead, list);
    routes.page("GET /admin/tenants/{id}", PlatformRead, async |cx: Cx| one(&cx, cx.id("id")?, &Typed::default()).await);
    routes.form("POST /admin/tenants/{id}/assist", PlatformSupport, begin);
}

async fn list(cx: Cx) -> Result<Markup> {
    let asked = cx.asked(&[])?;
    let mut system = cx.app.db().system("admin.tenants").await?;
    let page = TENANTS.rows_across(&mut system, &cx.op, &asked, db::list::PAGE).await?;
    drop(system);
    let filters = FilterBar {
        action: "/admin/tenants".into(),
        fields: vec![Field::text("slug", t("business-slug")).optional().value(cx.param("slug").unwrap_or_default())],
        keep: Vec::new(),
        clear: (!asked.filters.is_empty()).then(|| "/admin/tenants".to_owned()),
        found: None,
    };
    let rows = page.rows.iter().map(|row| {
        let (id, name) = (cell(row, "id"), cell(row, "name"));
        let members = row.get("members").map(ToString::to_string).unwrap_or_default();
        let cells = vec![
            html! { (name) },
            html! { (cell(row, "slug")) },
            html! { span.number { (members) } },
            time(&cx, row, "createdAt"),
            time(&cx, row, "supportUntil"),
        ];
        Row { href: Some(format!("/admin/tenants/{id}")), id, name, cells }
    });
    let column = |label: &str, kind| ui::Column::new(t(label), kind);
    let table = Table {
        caption: t("place-tenants"),
        columns: vec![
            column("business-name", ColumnKind::Text),
            column("business-slug", ColumnKind::Text),
            column("tenant-members", ColumnKind::Number),
            column("tenant-since", ColumnKind::Date),
            column("tenant-support", ColumnKind::Date),
        ],
        rows: rows.collect(),
        total: None,
        bulk: None,
        empty: Some(Empty { icon: "home", title: t("tenants-none"), text: t("users-none-text"), first: None }),
    };
    let body = html! {
        (ui::filter_bar(&filters))
        (ui::table(&table))
        (further(&cx, "/admin/tenants", page.next))
    };
    Ok(cx.page(t("place-tenants"), body))
}

async fn one(cx: &Cx, id: TenantId, typed: &Typed<'_>) -> Result<Markup> {
    let mut system = cx.app.db().system("admin.tenant").await?;
    let tenant = tenants::tenant(&mut system, id).await?;
    drop(system);
    let facts = [
        Fact::new(t("business-slug"), html! { (tenant.slug) }),
        Fact::new(t("tenant-since"), cx.utc().moment(tenant.created_at)),
        Fact::new(t("tenant-members"), html! { (tenant.members) }),
        Fact::new(t("site-currency"), html! { (tenant.currency) }),
        Fact::new(t("site-zone"), html! { (tenant.time_zone) }),
    ];
    let body = html! {
        (ui::facts(&facts))
        section.stack { h2 { (t("assist-title")) } (support::way_in(cx, id, tenant.consent.as_ref(), typed)) }
        div.row {
            (ui::button(&Button::link(t("tenant-people"), format!("/admin/users?tenant={id}"))))
            (ui::button(&Button::link(t("tenant-trail"), format!("/admin/audit-logs?business={}", tenant.slug))))
        }
    };
    let crumbs = vec![Crumb { label: t("place-tenants"), href: "/admin/tenants".into() }];
    Ok(cx.page_with(Toolbar { crumbs, title: tenant.name, ..Toolbar::default() }, body))
}

async fn begin(cx: Cx, fields: Fields) -> Result<Reply> {
    let id: TenantId = cx.id("id")?;
    match assist::begin(&cx, &Assist { id, reason: fields.get("reason").to_owned() }).await {
        Ok((_, begun)) => Ok(Reply::see("/").header(header::SET_COOKIE, begun.set_cookie())),
        Err(Error::ReauthRequired) => Ok(Reply::see(format!("/reauth?next=/admin/tenants/{id}"))),
        Err(error) => match Cx::refusable::<()>(Err(error))? {
            Ok(()) | Err(Refused { error: Error::NotFound, .. }) => Err(Error::NotFound),
            Err(refused) => Ok(Reply::refused(one(&cx, id, &Typed::again(&fields, &refused)).await?)),
        },
    }
}
