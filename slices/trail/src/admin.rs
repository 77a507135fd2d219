//! `/admin/audit-logs`: the trail and the activity of the whole installation, for the operator. Each look is noted.

use db::{
    Activity, activity,
    list::{Asked, List, MOST, PAGE, Page},
};
use kernel::{Error, PLATFORM, Permission, Result, TenantId};
use maud::{Markup, html};
use serde_json::{Map, Value, json};
use uuid::Uuid;
use web::{
    Answers, Cx, ListPage, Reply, Routes, t,
    ui::{self, Button, Crumb, Fact, Toolbar},
};

use crate::{
    entry,
    lists::{ALL_ACTIVITY, ALL_TRAIL},
    pages::{ACTIVITY_CODES, TRAIL_CODES, about, exports, filters, log_text, noted, typed, views, whole},
};

const QUERY: &[&str] = &["business", "action", "kind", "actor", "target", "address", "from", "to", "sort", "cursor", "limit"];
const QUERY_TRAIL: &[&str] = &["business", "action", "kind", "actor", "target", "address", "from", "to", "q", "sort", "cursor", "limit"];

pub(crate) fn routes(routes: &mut Routes) {
    use Permission::PlatformRead;
    routes.raw("GET /v1/admin/audit-logs", PlatformRead, Answers::Json, QUERY_TRAIL, async |cx: Cx| answer(&cx, &ALL_TRAIL).await);
    routes.raw("GET /v1/admin/activity", PlatformRead, Answers::Json, QUERY, async |cx: Cx| answer(&cx, &ALL_ACTIVITY).await);
    routes.page("GET /admin/audit-logs", PlatformRead, trail);
    routes.page("GET /admin/audit-logs/events", PlatformRead, events);
    routes.page("GET /admin/audit-logs/entry", PlatformRead, one);
}

/// Reads a page, and notes that the operator did.
async fn read(cx: &Cx, list: &'static List, asked: &Asked) -> Result<Page> {
    let limit = asked.limit.unwrap_or(PAGE).clamp(1, MOST);
    let mut system = cx.app.db().system("trail.admin").await?;
    let page = list.rows_across(&mut system, &cx.op, asked, limit).await?;
    note(cx, asked.filters.iter().map(|(name, value)| (name.clone(), json!(value))).collect());
    Ok(page)
}

fn note(cx: &Cx, what: Map<String, Value>) {
    let noted = Activity::of(&cx.op, activity::TRAIL_READ, "trail").detail(Value::Object(what));
    cx.app.db().note(Activity { tenant: PLATFORM, ..noted });
}

async fn answer(cx: &Cx, list: &'static List) -> Result<Reply> {
    let page = read(cx, list, &cx.asked(&[])?).await?;
    Reply::json(&json!({ "rows": page.rows, "next": page.next }))
}

const VIEWS: [(&str, &str); 2] = [("trail-changes", "/admin/audit-logs"), ("trail-events", "/admin/audit-logs/events")];

async fn shown(cx: &Cx, list: &'static List, here: &str, api: &str) -> Result<Markup> {
    let asked = cx.asked(&[])?;
    let page = read(cx, list, &asked).await?;
    let list = ListPage {
        list,
        here,
        api,
        name: "action",
        open: |row: &Map<String, Value>| {
            let text = |name: &str| row.get(name).and_then(Value::as_str);
            row.contains_key("n")
                .then(|| Some(format!("/admin/audit-logs/entry?tenant={}&id={}", text("tenantId")?, text("id")?)))
                .flatten()
        },
        empty: ui::Empty { icon: "clock", title: t("trail-empty-title"), text: t("trail-empty-text"), first: None },
        clock: cx.utc(),
        codes: if std::ptr::eq(list, &ALL_TRAIL) { TRAIL_CODES } else { ACTIVITY_CODES },
        within: &[],
        files_only: &[],
    };
    Ok(list.show_rows(cx, &asked, &page))
}

async fn trail(cx: Cx) -> Result<Markup> {
    let fields = vec![
        typed(&cx, "business", "trail-business", ui::Kind::Text),
        typed(&cx, "action", "trail-action", ui::Kind::Text),
        typed(&cx, "kind", "trail-kind", ui::Kind::Text),
        typed(&cx, "from", "trail-filter-from", ui::Kind::Date),
        typed(&cx, "to", "trail-filter-to", ui::Kind::Date),
        typed(&cx, "address", "trail-address", ui::Kind::Text),
        typed(&cx, "q", "trail-filter-q", ui::Kind::Text),
    ];
    let table = shown(&cx, &ALL_TRAIL, "/admin/audit-logs", "/v1/admin/audit-logs").await?;
    let buttons = exports(&cx, "/v1/admin/audit-logs/export", true);
    let body = html! { (views(VIEWS, "/admin/audit-logs")) (filters(&cx, "/admin/audit-logs", fields, &["actor", "target"])) (table) };
    Ok(cx.page_with(Toolbar { title: t("trail-admin-title"), now: None, buttons, ..Toolbar::default() }, body))
}

async fn events(cx: Cx) -> Result<Markup> {
    let fields = vec![
        typed(&cx, "business", "trail-business", ui::Kind::Text),
        typed(&cx, "action", "trail-action", noted()),
        typed(&cx, "from", "trail-filter-from", ui::Kind::Date),
        typed(&cx, "to", "trail-filter-to", ui::Kind::Date),
        typed(&cx, "address", "trail-address", ui::Kind::Text),
    ];
    let table = shown(&cx, &ALL_ACTIVITY, "/admin/audit-logs/events", "/v1/admin/activity").await?;
    let db = cx.app.db();
    let facts = [
        Fact::new(t("trail-dropped"), html! { span.number { (db.activity_dropped()) } }),
        Fact::new(t("trail-waiting"), html! { span.number { (db.activity_waiting()) } }),
    ];
    let body = html! {
        (views(VIEWS, "/admin/audit-logs/events"))
        (ui::facts(&facts))
        (filters(&cx, "/admin/audit-logs/events", fields, &["actor", "target", "kind"]))
        (table)
    };
    Ok(cx.page_with(Toolbar { title: t("trail-admin-title"), ..Toolbar::default() }, body))
}

async fn one(cx: Cx) -> Result<Markup> {
    let named = |name: &str| cx.param(name).and_then(|id| id.parse::<Uuid>().ok()).ok_or(Error::NotFound);
    let (tenant, id) = (TenantId::new(named("tenant")?), named("id")?);
    let mut system = cx.app.db().system("trail.entry").await?;
    let entry = entry::load_across(&mut system, tenant, id, cx.op.permissions).await?;
    note(&cx, Map::from_iter([("tenant".to_owned(), json!(tenant)), ("entry".to_owned(), json!(id))]));
    let crumbs = vec![Crumb { label: t("trail-admin-title"), href: "/admin/audit-logs".into() }];
    let buttons = vec![Button::link(t("trail-of-target"), format!("/admin/audit-logs?target={}", entry.target_id))];
    Ok(cx.page_with(Toolbar { crumbs, title: log_text(&entry.action), now: about(&entry), buttons }, whole(&entry, &cx.utc())))
}
