//! The command palette: goes to any document by its number, to any thing by the beginning of its name.

use db::Tx;
use kernel::{Permission, Result};
use maud::{Markup, html};

use crate::{
    Cx, Found, Routes, t,
    ui::{self, Field, FilterBar},
};

pub(crate) fn routes(routes: &mut Routes) {
    routes.page("GET /search", Permission::Member, page);
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
            ul class="found" {
                @for one in &found { li { a href=(one.href) { (one.label) } " " span class="quiet" { (t(&format!("kind-{}", one.kind))) } } }
            }
        },
    ))
}

async fn find(cx: &Cx, wanted: &str) -> Result<Vec<Found>> {
    let mut tx: Tx = cx.tx().await?;
    let mut found: Vec<Found> = db::documents_by_number(&mut tx, wanted)
        .await?
        .into_iter()
        .map(|d| Found { label: d.number, kind: d.kind, href: d.href })
        .collect();
    for search in cx.app.slices().iter().filter_map(|s| s.search) {
        found.extend(search(&mut tx, wanted).await?);
    }
    Ok(found)
}
