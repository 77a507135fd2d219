//! Going places: the command palette, which finds any document by its number and any thing by the beginning of its name, and the
//! page of all places.

use db::Tx;
use kernel::{Permission, Result};
use maud::{Markup, html};

use crate::{
    Cx, Found, Routes, live, t,
    ui::{self, Field, FilterBar},
};

pub(crate) fn routes(routes: &mut Routes) {
    routes.page("GET /search", Permission::Member, page);
    routes.page("GET /places", Permission::Member, places);
}

async fn places(cx: Cx) -> Result<Markup> {
    let (daily, others) = cx.places();
    Ok(cx.page(
        t("places-title"),
        html! {
            (ui::place_list(&daily))
            @if !others.is_empty() { h2 { (t("places-others")) } (ui::place_list(&others)) }
        },
    ))
}

async fn page(cx: Cx) -> Result<Markup> {
    let wanted = cx.param("q").unwrap_or_default().trim().to_owned();
    let found = if wanted.is_empty() { Vec::new() } else { find(&cx, &wanted).await? };
    let bar = FilterBar {
        action: "/search".into(),
        fields: vec![Field::text("q", t("search-field")).value(wanted.clone()).focus()],
        keep: Vec::new(),
        clear: None,
        found: None,
    };
    let empty = ui::Empty { icon: "search", title: t("search-empty-title"), text: t("search-empty-text"), first: None };
    Ok(cx.page(
        t("search-title"),
        html! {
            (ui::filter_bar(&bar))
            @if found.is_empty() && !wanted.is_empty() { (ui::empty(&empty)) }
            @if !found.is_empty() {
                nav class="place-list" aria-label=(t("search-title")) {
                    @for one in &found { a href=(one.href) { span class="place-name" { (one.label) } span class="unit" { (t(&format!("kind-{}", one.kind))) } } }
                }
            }
        },
    ))
}

async fn find(cx: &Cx, wanted: &str) -> Result<Vec<Found>> {
    let mut tx: Tx = cx.tx().await?;
    let mut found: Vec<Found> = db::documents_by_number(&mut tx, wanted)
        .await?
        .into_iter()
        .filter(|d| cx.op.permissions.has(live::seen_by(d.kind)))
        .map(|d| Found { label: d.number, kind: d.kind, href: d.href })
        .collect();
    for search in cx.app.slices().iter().filter_map(|s| s.search) {
        found.extend(search(&mut tx, wanted).await?);
    }
    Ok(found)
}
