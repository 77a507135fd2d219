//! `/activity`: what changed and what happened in a business, and one entry with what it changed.

use db::{Tx, activity, list::List};
use kernel::{Permission, Result};
use maud::{Markup, html};
use serde_json::{Map, Value};
use uuid::Uuid;
use web::{
    Clock, Cx, ListPage, Routes, t,
    ui::{self, Button, Choice, ColumnKind, Crumb, Fact, Field, FilterBar, Row, Tab, Table, Toolbar},
};

use crate::{
    entry::{self, TrailEntry},
    export,
    lists::{ACTIVITY, TRAIL},
    shown,
};

pub(crate) fn routes(routes: &mut Routes) {
    routes.page("GET /activity", Permission::TrailRead, trail);
    routes.page("GET /activity/events", Permission::TrailRead, events);
    routes.page("GET /activity/{id}", Permission::TrailRead, one);
}

/// The two views of what was.
pub(crate) fn views(places: [(&'static str, &'static str); 2], here: &str) -> Markup {
    let tab = |(label, href): (&str, &str)| Tab { label: t(label), href: href.to_owned(), current: href == here, count: None };
    ui::tabs(&t("trail-views"), &places.map(tab))
}

const VIEWS: [(&str, &str); 2] = [("trail-changes", "/activity"), ("trail-events", "/activity/events")];

/// A filter that holds what the address says.
pub(crate) fn typed(cx: &Cx, name: &'static str, label: &'static str, kind: ui::Kind) -> Field {
    Field::new(name, t(label), kind).value(cx.param(name).unwrap_or_default()).optional()
}

/// Codes to choose from, said by the texts that begin with `prefix`.
pub(crate) fn choices(prefix: &str, codes: impl IntoIterator<Item = String>) -> ui::Kind {
    let mut all: Vec<Choice> = codes.into_iter().map(|code| Choice::new(code.clone(), called(prefix, &code))).collect();
    all.sort_by(|a, b| a.label.cmp(&b.label));
    all.insert(0, Choice::new("", t("trail-any")));
    ui::Kind::Select(all)
}

/// All that can be noted, to choose from.
pub(crate) fn noted() -> ui::Kind {
    choices("activity", activity::ACTIONS.iter().map(|action| (*action).to_owned()))
}

/// The filter bar of a list.
pub(crate) fn filters(cx: &Cx, action: &str, fields: Vec<Field>, keep: &[&str]) -> Markup {
    ui::filter_bar(&FilterBar {
        action: action.to_owned(),
        fields,
        keep: keep.iter().filter_map(|n| cx.param(n).map(|v| ((*n).to_owned(), v.to_owned()))).collect(),
        clear: (!cx.query.is_empty()).then(|| action.to_owned()),
        found: None,
    })
}

/// The address of the export of what is shown.
pub(crate) fn export_link(cx: &Cx, path: &str, format: &str) -> String {
    let mut link = format!("{path}?format={format}");
    for (name, value) in cx.query.iter().filter(|(name, value)| !value.is_empty() && name != "cursor" && name != "sort" && name != "format")
    {
        link.push('&');
        link.push_str(name);
        link.push('=');
        link.extend(
            value.bytes().map(|b| if b.is_ascii_alphanumeric() || b == b'-' { char::from(b).to_string() } else { format!("%{b:02X}") }),
        );
    }
    link
}

/// The buttons that take the trail out; the chain only for those who may see all of it.
pub(crate) fn exports(cx: &Cx, path: &str, across: bool) -> Vec<Button> {
    let mut buttons = vec![Button::link(t("trail-export-csv"), export_link(cx, path, "csv"))];
    if export::may_see_all(&cx.op, across).is_ok() {
        buttons.push(Button::link(t("trail-export-jsonl"), export_link(cx, path, "jsonl")));
    }
    buttons
}

/// The words that occur in the log of this business, found by hopping along the index.
struct Occurring {
    actions: Vec<String>,
    kinds: Vec<String>,
    members: Vec<Choice>,
}

async fn occurring(tx: &mut Tx) -> Result<Occurring> {
    let tenant = tx.tenant().uuid();
    let actions = sqlx::query_scalar!(
        r#"WITH RECURSIVE a AS (
            (SELECT l.action FROM db.log l WHERE l.tenant_id = $1 ORDER BY l.action LIMIT 1)
            UNION ALL
            SELECT (SELECT l.action FROM db.log l WHERE l.tenant_id = $1 AND l.action > a.action ORDER BY l.action LIMIT 1) FROM a WHERE a.action IS NOT NULL
        ) SELECT a.action AS "action!" FROM a WHERE a.action IS NOT NULL LIMIT 500"#,
        tenant
    );
    let actions = actions.fetch_all(tx.conn()).await?;
    let kinds = sqlx::query_scalar!(
        r#"WITH RECURSIVE k AS (
            (SELECT l.kind FROM db.log l WHERE l.tenant_id = $1 ORDER BY l.kind LIMIT 1)
            UNION ALL
            SELECT (SELECT l.kind FROM db.log l WHERE l.tenant_id = $1 AND l.kind > k.kind ORDER BY l.kind LIMIT 1) FROM k WHERE k.kind IS NOT NULL
        ) SELECT k.kind AS "kind!" FROM k WHERE k.kind IS NOT NULL LIMIT 200"#,
        tenant
    );
    let kinds = kinds.fetch_all(tx.conn()).await?;
    let members = sqlx::query!("SELECT account_id, name FROM identity.member WHERE tenant_id = $1 ORDER BY name LIMIT 1000", tenant);
    let members = members.fetch_all(tx.conn()).await?;
    Ok(Occurring { actions, kinds, members: members.into_iter().map(|m| Choice::new(m.account_id.to_string(), m.name)).collect() })
}

fn who(members: Vec<Choice>) -> ui::Kind {
    ui::Kind::Select(std::iter::once(Choice::new("", t("trail-anybody"))).chain(members).collect())
}

fn list_page<'a>(cx: &Cx, list: &'static List, here: &'a str, api: &'a str) -> Result<ListPage<'a>> {
    Ok(ListPage {
        list,
        here,
        api,
        name: "action",
        open: |row: &Map<String, Value>| row.contains_key("n").then(|| Some(format!("/activity/{}", row.get("id")?.as_str()?))).flatten(),
        empty: ui::Empty { icon: "clock", title: t("trail-empty-title"), text: t("trail-empty-text"), first: None },
        clock: cx.clock(),
        codes: if list.name == TRAIL.name { TRAIL_CODES } else { ACTIVITY_CODES },
        within: &[],
        files_only: &[],
    })
}

pub(crate) const TRAIL_CODES: &[(&str, &str)] = &[("action", "log"), ("kind", "kind")];
pub(crate) const ACTIVITY_CODES: &[(&str, &str)] = &[("action", "activity"), ("kind", "kind")];

async fn trail(cx: Cx) -> Result<Markup> {
    let mut tx = cx.tx().await?;
    let Occurring { actions, kinds, members } = occurring(&mut tx).await?;
    let fields = vec![
        typed(&cx, "q", "trail-filter-q", ui::Kind::Text),
        typed(&cx, "action", "trail-action", choices("log", actions)),
        typed(&cx, "kind", "trail-kind", choices("kind", kinds)),
        typed(&cx, "actor", "trail-who", who(members)),
        typed(&cx, "from", "trail-filter-from", ui::Kind::Date),
        typed(&cx, "to", "trail-filter-to", ui::Kind::Date),
        typed(&cx, "address", "trail-address", ui::Kind::Text),
    ];
    let table = list_page(&cx, &TRAIL, "/activity", "/v1/trail")?.show(&cx, &mut tx).await?;
    let buttons = exports(&cx, "/v1/trail/export", false);
    let body = html! { (views(VIEWS, "/activity")) (filters(&cx, "/activity", fields, &["target"])) (table) };
    Ok(cx.page_with(Toolbar { title: t("trail-title"), buttons, ..Toolbar::default() }, body))
}

async fn events(cx: Cx) -> Result<Markup> {
    let mut tx = cx.tx().await?;
    let members = occurring(&mut tx).await?.members;
    let fields = vec![
        typed(&cx, "action", "trail-action", noted()),
        typed(&cx, "actor", "trail-who", who(members)),
        typed(&cx, "from", "trail-filter-from", ui::Kind::Date),
        typed(&cx, "to", "trail-filter-to", ui::Kind::Date),
        typed(&cx, "address", "trail-address", ui::Kind::Text),
    ];
    let table = list_page(&cx, &ACTIVITY, "/activity/events", "/v1/activity")?.show(&cx, &mut tx).await?;
    let body = html! { (views(VIEWS, "/activity/events")) (filters(&cx, "/activity/events", fields, &["target", "kind"])) (table) };
    Ok(cx.page_with(Toolbar { title: t("trail-title"), ..Toolbar::default() }, body))
}

/// Where a thing opens, if it is one that has a page.
fn opens(kind: &str, id: Uuid) -> Option<String> {
    let place = match kind {
        "order" => "orders",
        "item" => "items",
        "receipt" => "receipts",
        "supplier" => "suppliers",
        "customer" => "customers",
        "payment" => "payments",
        "import" => "import",
        _ => return None,
    };
    Some(format!("/{place}/{id}"))
}

async fn one(cx: Cx) -> Result<Markup> {
    let id: Uuid = cx.id("id")?;
    let entry = entry::load(&mut cx.tx().await?, id).await?;
    let crumbs = vec![Crumb { label: t("trail-title"), href: "/activity".into() }];
    let mut buttons = vec![Button::link(t("trail-of-target"), format!("/activity?target={}", entry.target_id))];
    if let Some(href) = opens(&entry.kind, entry.target_id) {
        buttons.push(Button::link(t("trail-open"), href));
    }
    if let (Some(actor), "account") = (entry.actor_id, entry.actor_kind.as_str()) {
        buttons.push(Button::link(t("trail-of-person"), format!("/activity?actor={actor}")));
    }
    let body = whole(&entry, &cx.clock());
    Ok(cx.page_with(Toolbar { crumbs, title: log_text(&entry.action), now: about(&entry), buttons }, body))
}

/// What an entry is about, below its title.
pub(crate) fn about(entry: &TrailEntry) -> Option<Markup> {
    let name = || entry.after.as_ref()?.get("name")?.as_str().map(str::to_owned);
    let kind = called("kind", &entry.kind);
    Some(match entry.target.clone().or_else(name) {
        Some(called) => html! { (kind) " " (called) },
        None => html! { (kind) },
    })
}

/// What a code is called; most texts are named with hyphens, a few keep what joins words.
fn called(prefix: &str, code: &str) -> String {
    let key = format!("{prefix}-{}", code.replace('.', "-"));
    let text = t(&key);
    if text == key { t(&key.replace('_', "-")) } else { text }
}

/// What an action is called.
pub(crate) fn log_text(action: &str) -> String {
    called("log", action)
}

/// A long word that may be broken on a narrow page.
fn in_parts(word: &str) -> Markup {
    let parts: Vec<&str> = word.as_bytes().chunks(8).filter_map(|part| std::str::from_utf8(part).ok()).collect();
    html! { @for part in parts { (part) wbr; } }
}

/// An entry: its facts, and what changed.
pub(crate) fn whole(entry: &TrailEntry, clock: &Clock) -> Markup {
    let plain = |label: &str, value: &Option<String>| value.as_ref().map(|value| Fact::new(t(label), html! { (value) }));
    let facts: Vec<Fact> = [
        Some(Fact::new(t("trail-at"), clock.moment(entry.at))),
        plain("trail-who", &entry.who),
        plain("trail-target", &entry.target),
        plain("trail-reason", &entry.reason),
        plain("trail-address", &entry.address),
        Some(Fact::new(t("trail-request"), html! { (entry.request_id) })),
        entry.n.map(|n| Fact::new(t("trail-n"), html! { span.number { (n) } })),
        entry.hash.as_deref().map(|hash| Fact::new(t("trail-hash"), in_parts(hash))),
    ]
    .into_iter()
    .flatten()
    .collect();
    let rows = shown::changes(entry.before.as_ref(), entry.after.as_ref()).into_iter().map(|changed| Row {
        id: changed.field.clone(),
        name: changed.field.clone(),
        href: None,
        cells: vec![
            html! { (changed.field) },
            html! { (changed.before.unwrap_or_default()) },
            html! { (changed.after.unwrap_or_default()) },
        ],
    });
    let table = Table {
        caption: t("trail-changed"),
        columns: ["trail-field", "trail-before", "trail-after"].map(|label| ui::Column::new(t(label), ColumnKind::Text)).into(),
        rows: rows.collect(),
        total: None,
        bulk: None,
        empty: Some(ui::Empty { icon: "clock", title: t("trail-nothing-title"), text: t("trail-nothing-text"), first: None }),
    };
    html! { (ui::facts(&facts)) h2 { (t("trail-changed")) } (ui::table(&table)) }
}
