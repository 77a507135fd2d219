//! Stock as pages: what is there and what it is worth, what lies where, how it moved.

use db::{Tx, list::List};
use kernel::{Cause, Permission, Result};
use maud::{Markup, html};
use serde_json::{Map, Value};
use web::{
    Cx, ListPage, t,
    ui::{self, Button, Choice, Empty, Field, FilterBar, Kind, Tab, Toolbar},
};

use crate::lists::{MOVEMENTS, ON_HAND, RECEIPTS, WORTH, open_document, open_item, open_receipt};

/// Every cause of a movement.
const CAUSES: &[Cause] = &[Cause::Received, Cause::Made, Cause::Sold, Cause::Returned, Cause::Corrected];

fn tabs(here: &str) -> Markup {
    let tab = |label: &str, href: &str| Tab { label: t(label), href: href.to_owned(), current: here == href, count: None };
    ui::tabs(
        &t("stock-title"),
        &[
            tab("stock-tab-worth", "/stock"),
            tab("stock-tab-places", "/stock/places"),
            tab("stock-tab-movements", "/stock/movements"),
            tab("stock-tab-receipts", "/receipts"),
        ],
    )
}

/// Choices with "all" before them.
fn or_all(choices: impl Iterator<Item = Choice>) -> Kind {
    Kind::Select(std::iter::once(Choice::new("", t("stock-all"))).chain(choices).collect())
}

struct Shown {
    list: &'static List,
    here: &'static str,
    api: &'static str,
    name: &'static str,
    open: fn(&Map<String, Value>) -> Option<String>,
    filters: Vec<Field>,
    keep: Vec<(String, String)>,
    codes: &'static [(&'static str, &'static str)],
}

async fn show(cx: &Cx, tx: &mut Tx, shown: Shown) -> Result<Markup> {
    let receive = || Button::link(t("receive-title"), "/receipts/new").main().icon("plus");
    let may = cx.op.permissions.has(Permission::StockReceive);
    let mut fields = shown.filters;
    for field in &mut fields {
        field.value = cx.param(&field.name).unwrap_or_default().to_owned();
    }
    let bar = FilterBar {
        action: shown.here.into(),
        fields,
        keep: shown.keep,
        clear: (!cx.query.is_empty()).then(|| shown.here.to_owned()),
        found: None,
    };
    let page = ListPage {
        list: shown.list,
        here: shown.here,
        api: shown.api,
        name: shown.name,
        open: shown.open,
        empty: Empty { icon: "box", title: t("stock-empty-title"), text: t("stock-empty-text"), first: may.then(receive) },
        clock: cx.clock(),
        codes: shown.codes,
        within: &[("unit_cost", "per", "stock-cost-per")],
        files_only: &["day"],
    };
    let body = html! { (tabs(shown.here)) (ui::filter_bar(&bar)) (page.show(cx, tx).await?) };
    let toolbar = Toolbar { crumbs: Vec::new(), title: t("stock-title"), now: None, buttons: may.then(receive).into_iter().collect() };
    Ok(cx.page_with(toolbar, body))
}

/// `GET /stock`.
pub(crate) async fn worth(cx: Cx) -> Result<Markup> {
    let filters = vec![Field::text("q", t("stock-item-begins")), Field::text("category", t("stock-category"))];
    let shown = Shown {
        list: &WORTH,
        here: "/stock",
        api: "/v1/stock/worth",
        name: "item",
        open: open_item,
        filters,
        keep: Vec::new(),
        codes: &[],
    };
    show(&cx, &mut cx.tx().await?, shown).await
}

/// The locations as choices.
pub(crate) async fn locations(tx: &mut Tx) -> Result<Vec<Choice>> {
    let tenant = tx.tenant().uuid();
    let rows = sqlx::query!(
        "SELECT l.id, l.name, s.name AS site FROM stock.location l JOIN identity.site s ON s.tenant_id = l.tenant_id AND s.id = l.site_id
        WHERE l.tenant_id = $1 ORDER BY s.created_at, s.id, l.sells DESC, l.name LIMIT 500",
        tenant
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().map(|row| Choice::new(row.id.to_string(), format!("{}, {}", row.name, row.site))).collect())
}

/// `GET /stock/places`.
pub(crate) async fn places(cx: Cx) -> Result<Markup> {
    let mut tx = cx.tx().await?;
    let location = Field::new("location", t("stock-location"), or_all(locations(&mut tx).await?.into_iter()));
    let filters = vec![Field::text("q", t("stock-item-begins")), location, Field::text("category", t("stock-category"))];
    let shown = Shown {
        list: &ON_HAND,
        here: "/stock/places",
        api: "/v1/stock",
        name: "item",
        open: open_item,
        filters,
        keep: Vec::new(),
        codes: &[],
    };
    show(&cx, &mut tx, shown).await
}

/// `GET /stock/movements`.
pub(crate) async fn movements(cx: Cx) -> Result<Markup> {
    let mut tx = cx.tx().await?;
    let mut items = items(&mut tx).await?;
    // An item beyond those offered is kept by name, so that filtering again does not lose it.
    if let Some(wanted) = cx.param("item").filter(|wanted| items.iter().all(|item| item.value != **wanted)) {
        items.push(Choice::new(wanted, t("stock-this-item")));
    }
    let causes = CAUSES.iter().map(|cause| Choice::new(cause.code(), t(&format!("cause-{}", cause.code()))));
    let filters = vec![
        Field::new("item", t("stock-item"), or_all(items.into_iter())),
        Field::new("cause", t("stock-cause"), or_all(causes)),
        Field::new("from", t("stock-from"), Kind::Date),
        Field::new("to", t("stock-to"), Kind::Date),
    ];
    let keep = ["location", "document"].iter().filter_map(|name| Some(((*name).to_owned(), cx.param(name)?.to_owned()))).collect();
    let shown = Shown {
        list: &MOVEMENTS,
        here: "/stock/movements",
        api: "/v1/movements",
        name: "document",
        open: open_document,
        filters,
        keep,
        codes: &[("cause", "cause")],
    };
    show(&cx, &mut tx, shown).await
}

/// The items that are kept in stock as choices: the first thousand by name.
pub(crate) async fn items(tx: &mut Tx) -> Result<Vec<Choice>> {
    let tenant = tx.tenant().uuid();
    let rows = sqlx::query!(
        "SELECT id, name, base_unit FROM catalog.item WHERE tenant_id = $1 AND active AND stock_rule = 'stocked' ORDER BY sort_name, id LIMIT 1000",
        tenant
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().map(|row| Choice::new(row.id.to_string(), format!("{} ({})", row.name, row.base_unit))).collect())
}

/// `GET /receipts`.
pub(crate) async fn receipts(cx: Cx) -> Result<Markup> {
    let kinds = crate::ReceiptKind::ALL.iter().map(|kind| Choice::new(kind.code(), t(&format!("receipt-of-{}", kind.code()))));
    let filters = vec![
        Field::new("kind", t("receipt-kind"), or_all(kinds)),
        Field::text("supplier", t("receipt-supplier")),
        Field::new("from", t("stock-from"), Kind::Date),
        Field::new("to", t("stock-to"), Kind::Date),
    ];
    let shown = Shown {
        list: &RECEIPTS,
        here: "/receipts",
        api: "/v1/receipts",
        name: "number",
        open: open_receipt,
        filters,
        keep: Vec::new(),
        codes: &[("kind", "receipt-of")],
    };
    show(&cx, &mut cx.tx().await?, shown).await
}
