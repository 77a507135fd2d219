//! The operator's pages of accounts.

use kernel::{AccountId, Error, Permission, PlatformRole, Result};
use maud::{Markup, html};
use serde_json::{Map, Value};
use web::{
    Cx, Fields, Refused, Reply, Routes, t,
    ui::{self, Button, ColumnKind, Crumb, Empty, Fact, Field, FilterBar, Form, Kind, Row, Table, Tone, Toolbar, Weight, form},
};

use super::Typed;
use crate::admin::{self, Act, USERS, User};

pub(super) fn routes(routes: &mut Routes) {
    use Permission::{PlatformAdmin, PlatformRead, PlatformSupport};
    routes.page("GET /admin/users", PlatformRead, async |cx: Cx| list(&cx, &Typed::default()).await);
    routes.form("POST /admin/sessions/end", PlatformAdmin, end_everybody);
    routes.page("GET /admin/users/{id}", PlatformRead, async |cx: Cx| one(&cx, cx.id("id")?, &Typed::default()).await);
    routes.form("POST /admin/users/{id}/lock", PlatformAdmin, async |cx: Cx, fields: Fields| {
        let even_last_owner = !fields.get("evenLastOwner").is_empty();
        act(cx, fields, Act::Lock { even_last_owner }).await
    });
    routes.form("POST /admin/users/{id}/unlock", PlatformSupport, async |cx: Cx, fields: Fields| act(cx, fields, Act::Unlock).await);
    routes.form("POST /admin/users/{id}/reset-2fa", PlatformAdmin, async |cx: Cx, fields: Fields| act(cx, fields, Act::ResetSecond).await);
    routes.form("POST /admin/users/{id}/sign-out", PlatformAdmin, async |cx: Cx, fields: Fields| act(cx, fields, Act::SignOut).await);
    routes.form("POST /admin/users/{id}/roles", PlatformAdmin, async |cx: Cx, fields: Fields| {
        let roles = PlatformRole::ALL.iter().copied().filter(|role| !fields.get(&format!("role.{}", role.code())).is_empty()).collect();
        act(cx, fields, Act::Roles(roles)).await
    });
}

pub(super) fn cell(row: &Map<String, Value>, name: &str) -> String {
    match row.get(name) {
        Some(Value::String(text)) => text.clone(),
        _ => String::new(),
    }
}

pub(super) fn time(cx: &Cx, row: &Map<String, Value>, name: &str) -> Markup {
    match cell(row, name).parse() {
        Ok(at) => cx.utc().moment(at),
        Err(_) => html! {},
    }
}

async fn list(cx: &Cx, typed: &Typed<'_>) -> Result<Markup> {
    let asked = cx.asked(&[])?;
    let mut system = cx.app.db().system("admin.users").await?;
    let page = USERS.rows_across(&mut system, &cx.op, &asked, db::list::PAGE).await?;
    drop(system);
    let param = |name: &str| cx.param(name).unwrap_or_default().to_owned();
    let yes_no = |name: &str, label: &str| {
        let choices =
            vec![ui::Choice::new("", t("filter-any")), ui::Choice::new("true", t("filter-yes")), ui::Choice::new("false", t("filter-no"))];
        Field::new(name, t(label), Kind::Select(choices)).optional().value(param(name))
    };
    let roles = std::iter::once(ui::Choice::new("", t("filter-any")))
        .chain(PlatformRole::ALL.iter().map(|role| ui::Choice::new(role.code(), role.code())));
    let filters = FilterBar {
        action: "/admin/users".into(),
        fields: vec![
            Field::text("email", t("user-email")).optional().value(param("email")),
            yes_no("locked", "user-locked"),
            yes_no("twoFactor", "user-second"),
            Field::new("role", t("user-roles"), Kind::Select(roles.collect())).optional().value(param("role")),
        ],
        keep: Vec::new(),
        clear: (!asked.filters.is_empty()).then(|| "/admin/users".to_owned()),
        found: None,
    };
    let rows = page.rows.iter().map(|row| {
        let (id, email) = (cell(row, "id"), cell(row, "email"));
        let locked = row.get("lockedAt").is_some_and(|v| !v.is_null());
        let second = row.get("twoFactor") == Some(&Value::Bool(true));
        let cells = vec![
            html! { (email) },
            html! { (cell(row, "businesses")) },
            html! { (cell(row, "platformRoles")) },
            html! { @if second { (ui::badge(Tone::Done, &t("user-second"))) } @if locked { (ui::badge(Tone::Wrong, &t("user-locked"))) } },
            time(cx, row, "createdAt"),
            time(cx, row, "seenAt"),
        ];
        Row { href: Some(format!("/admin/users/{id}")), id, name: email, cells }
    });
    let column = |label: &str, kind| ui::Column::new(t(label), kind);
    let table = Table {
        caption: t("users-title"),
        columns: vec![
            column("user-email", ColumnKind::Text),
            column("user-businesses", ColumnKind::Text),
            column("user-roles", ColumnKind::Text),
            column("user-state", ColumnKind::State),
            column("user-since", ColumnKind::Date),
            column("user-seen", ColumnKind::Date),
        ],
        rows: rows.collect(),
        total: None,
        bulk: None,
        empty: Some(Empty { icon: "people", title: t("users-none"), text: t("users-none-text"), first: None }),
    };
    let body = html! {
        (ui::filter_bar(&filters))
        (ui::table(&table))
        (further(cx, "/admin/users", page.next))
        @if cx.op.permissions.has(Permission::PlatformAdmin) { (everybody_out(cx, typed)) }
    };
    Ok(cx.page(t("users-title"), body))
}

/// The way to the next page of a list, if there is one.
pub(super) fn further(cx: &Cx, here: &str, next: Option<String>) -> Markup {
    let next = next.map(|cursor| {
        let mut query: Vec<(String, String)> = cx.query.iter().filter(|(name, _)| name != "cursor").cloned().collect();
        query.push(("cursor".into(), cursor));
        format!("{here}?{}", serde_urlencoded::to_string(query).unwrap_or_default())
    });
    html! { @if let Some(next) = next { (ui::button(&Button::link(t("users-more"), next))) } }
}

/// Ends every session of the installation.
fn everybody_out(cx: &Cx, typed: &Typed<'_>) -> Markup {
    let why = typed.field(Field::text("reason", t("user-reason")));
    let everybody = Form { weight: Weight::Danger, ..Form::new("/admin/sessions/end", cx.guard(), vec![why], t("users-sign-out")) };
    ui::fold(&t("users-sign-out"), typed.fields.is_some(), &html! { (typed.banner()) p { (t("users-sign-out-text")) } (form(&everybody)) })
}

async fn end_everybody(cx: Cx, fields: Fields) -> Result<Reply> {
    match Cx::refusable(admin::sign_everybody_out(cx.app.db(), &cx.op, fields.get("reason")).await)? {
        // One's own session ended too.
        Ok(_) => Ok(Reply::see("/login")),
        Err(refused) => Ok(Reply::refused(list(&cx, &Typed::again(&fields, &refused)).await?)),
    }
}

/// A form for an act that says why.
fn because(cx: &Cx, id: AccountId, what: &str, more: Vec<Field>, typed: &Typed<'_>) -> Markup {
    let why = typed.field(Field::text("reason", t("user-reason")).id(format!("f-{what}-reason")));
    let fields = more.into_iter().chain([why]).collect();
    let inside = form(&Form::new(format!("/admin/users/{id}/{what}"), cx.guard(), fields, t(&format!("user-{what}"))));
    ui::fold(&t(&format!("user-{what}")), false, &inside)
}

async fn one(cx: &Cx, id: AccountId, typed: &Typed<'_>) -> Result<Markup> {
    let mut system = cx.app.db().system("admin.user").await?;
    let user = admin::user(&mut system, id).await?;
    drop(system);
    let may = |permission| cx.op.permissions.has(permission);
    let body = html! {
        (typed.banner())
        (facts(cx, &user))
        section.stack {
            h2 { (t("user-acts")) }
            @if may(Permission::PlatformSupport) && user.erased_at.is_none() && (user.locked_at.is_some() || user.shut_until.is_some()) { (because(cx, id, "unlock", Vec::new(), typed)) }
            @if may(Permission::PlatformAdmin) && user.erased_at.is_none() {
                @if user.locked_at.is_none() { (because(cx, id, "lock", vec![Field::new("evenLastOwner", t("user-even-last"), Kind::Checkbox).optional()], typed)) }
                @if user.two_factor { (because(cx, id, "reset-2fa", Vec::new(), typed)) }
                @if user.sessions > 0 { (because(cx, id, "sign-out", Vec::new(), typed)) }
                (because(cx, id, "roles", role_boxes(&user), typed))
            }
            (ui::button(&Button::link(t("user-trail"), format!("/admin/audit-logs?target={id}"))))
        }
    };
    let crumbs = vec![Crumb { label: t("users-title"), href: "/admin/users".into() }];
    Ok(cx.page_with(Toolbar { crumbs, title: user.email, ..Toolbar::default() }, body))
}

fn role_boxes(user: &User) -> Vec<Field> {
    let one = |role: &PlatformRole| {
        let value = if user.platform_roles.contains(role) { "true" } else { "" };
        Field::new(format!("role.{}", role.code()), role.code(), Kind::Checkbox).optional().value(value)
    };
    PlatformRole::ALL.iter().map(one).collect()
}

fn facts(cx: &Cx, user: &User) -> Markup {
    let time = |at: Option<kernel::At>| at.map_or_else(|| html! { "–" }, |at| cx.utc().moment(at));
    let yes = |yes: bool| html! { (t(if yes { "filter-yes" } else { "filter-no" })) };
    let businesses = html! { @for one in &user.businesses { div { a href={ "/admin/tenants/" (one.id) } { (one.name) " (" (one.slug) ")" } ": " (one.roles.join(", ")) } } };
    let roles: Vec<&str> = user.platform_roles.iter().map(|role| role.code()).collect();
    let mut list = vec![
        Fact::new(t("user-since"), time(Some(user.created_at))),
        Fact::new(t("user-verified"), time(user.verified_at)),
        Fact::new(t("user-second"), yes(user.two_factor)),
        Fact::new(t("user-password"), yes(user.has_password)),
        Fact::new(t("user-sessions"), html! { (user.sessions) }),
        Fact::new(t("user-roles"), html! { (roles.join(", ")) }),
        Fact::new(t("user-businesses"), businesses),
    ];
    if user.locked_at.is_some() {
        list.push(Fact::new(t("user-locked"), html! { (time(user.locked_at)) ": " (user.lock_reason.clone().unwrap_or_default()) }));
    }
    if user.erase_at.is_some() {
        list.push(Fact::new(t("user-erase-at"), time(user.erase_at)));
    }
    if user.erased_at.is_some() {
        list.push(Fact::new(t("user-erased"), time(user.erased_at)));
    }
    if user.shut_until.is_some() {
        list.push(Fact::new(t("user-shut"), time(user.shut_until)));
    }
    ui::facts(&list)
}

async fn act(cx: Cx, fields: Fields, what: Act) -> Result<Reply> {
    let id: AccountId = cx.id("id")?;
    match Cx::refusable(admin::act(&cx.app, &cx.op, id, what, fields.get("reason")).await)? {
        Ok(()) => Ok(Reply::see(format!("/admin/users/{id}"))),
        Err(Refused { error: Error::NotFound, .. }) => Err(Error::NotFound),
        Err(refused) => Ok(Reply::refused(one(&cx, id, &Typed::again(&fields, &refused)).await?)),
    }
}
