//! The members, one member, and adding one.

use kernel::{Error, Permission, Result, Role};
use maud::{Markup, html};
use serde_json::{Map, Value};
use web::{
    Cx, Fields, ListPage, Reply, Routes, t,
    ui::{self, Button, Crumb, Document, Empty, Fact, Field, Form, Head, Kind, Tone, Toolbar, banner, form},
};

use super::{Typed, leave};
use crate::member::{self, AddMember, ChangeRoles, MEMBERS, Member};

pub(super) fn routes(routes: &mut Routes) {
    use Permission::{TeamRead, TeamWrite};
    routes.page("GET /team", TeamRead, list);
    routes.page("GET /team/add", TeamWrite, async |cx: Cx| Ok(add_form(&cx, &Typed::default())));
    routes.form("POST /team/add", TeamWrite, add);
    routes.page("GET /team/{accountId}", TeamRead, one);
    routes.form("POST /team/{accountId}/roles", TeamWrite, change);
}

async fn list(cx: Cx) -> Result<Markup> {
    let zone = cx.site()?.zone.clone();
    let open: fn(&Map<String, Value>) -> Option<String> = |row| Some(format!("/team/{}", row.get("accountId")?.as_str()?));
    let empty = Empty { icon: "people", title: t("team-none"), text: t("team-first"), first: None };
    let page = ListPage {
        list: &MEMBERS,
        here: "/team",
        api: "/v1/team/members",
        name: "name",
        open,
        empty,
        zone,
        codes: &[("roles", "role")],
        files_only: &[],
    };
    let body = page.show(&cx, &mut cx.tx().await?).await?;
    let may = cx.op.permissions.has(Permission::TeamWrite);
    let buttons = may.then(|| Button::link(t("team-add"), "/team/add").main().icon("plus")).into_iter().collect();
    Ok(cx.page_with(Toolbar { title: t("place-team"), buttons, ..Default::default() }, body))
}

fn crumbs() -> Vec<Crumb> {
    vec![Crumb { label: t("place-team"), href: "/team".into() }]
}

/// One box per role; those that one can't give are not offered.
fn role_boxes(cx: &Cx, has: impl Fn(Role) -> bool, error: Option<String>) -> Markup {
    let may = |role: &&Role| cx.op.permissions.includes(kernel::Permissions::of_roles(&[**role]));
    let boxes: Vec<Field> = Role::ALL
        .iter()
        .filter(may)
        .map(|role| {
            let value = if has(*role) { "true" } else { "" };
            Field::new(format!("role.{role}"), t(&format!("role-{role}")), Kind::Checkbox).optional().value(value)
        })
        .collect();
    html! {
        @if let Some(error) = error { (banner(Tone::Wrong, &error, None)) }
        (ui::field_set(&t("member-roles"), Some(&t("member-roles-help")), &boxes))
    }
}

/// The roles whose boxes are ticked.
fn ticked(fields: &Fields) -> Vec<Role> {
    Role::ALL.iter().copied().filter(|role| !fields.get(&format!("role.{role}")).is_empty()).collect()
}

fn add_form(cx: &Cx, typed: &Typed<'_>) -> Markup {
    let fields =
        vec![typed.field(Field::text("name", t("member-name")).focus()), typed.field(Field::new("email", t("member-email"), Kind::Email))];
    let has = |role| typed.fields.is_some_and(|fields| ticked(fields).contains(&role));
    let more = role_boxes(cx, has, typed.refused.and_then(|r| r.of("roles")));
    let form_of = Form { more, cancel: leave("team-leave", "/team"), ..Form::new("/team/add", cx.guard(), fields, t("team-add")) };
    let toolbar = Toolbar { crumbs: crumbs(), title: t("team-add"), ..Default::default() };
    cx.page_with(toolbar, html! { (typed.banner()) (form(&form_of)) })
}

async fn add(cx: Cx, fields: Fields) -> Result<Reply> {
    let wanted = AddMember { email: fields.get("email").to_owned(), name: fields.get("name").to_owned(), roles: ticked(&fields) };
    match Cx::refusable(member::add(&cx, wanted).await)? {
        Ok(answer) => match answer.get("passwordLink").and_then(Value::as_str) {
            // Shown once, on the answer itself: it must not be in an address that a browser remembers.
            Some(link) => Ok(Reply::page(added(&cx, fields.get("name"), link))),
            None => Ok(Reply::see("/team")),
        },
        Err(refused) => Ok(Reply::refused(add_form(&cx, &Typed::again(&fields, &refused)))),
    }
}

/// The link by which a new member chooses a password.
fn added(cx: &Cx, name: &str, link: &str) -> Markup {
    let body = html! {
        (banner(Tone::Done, &web::tf("member-added", &[("name", name)]), None))
        p { (t("member-link")) }
        p { code { (link) } }
        (ui::button(&Button::link(t("team-back"), "/team").main()))
    };
    cx.page_with(Toolbar { crumbs: crumbs(), title: name.to_owned(), ..Default::default() }, body)
}

async fn one(cx: Cx) -> Result<Markup> {
    let shown = member::member(&mut cx.tx().await?, cx.id("accountId")?).await?;
    member_page(&cx, &shown, &Typed::default()).await
}

async fn member_page(cx: &Cx, shown: &Member, typed: &Typed<'_>) -> Result<Markup> {
    let zone = cx.site()?.zone.clone();
    let history = web::history(&mut cx.tx().await?, shown.account_id.uuid(), &zone).await?;
    let roles = shown.roles.iter().map(|role| t(&format!("role-{role}"))).collect::<Vec<_>>().join(", ");
    let head = Head {
        crumbs: crumbs(),
        kind: t("kind-member"),
        number: shown.name.clone(),
        tone: Tone::Plain,
        state: roles,
        about: None,
        facts: vec![Fact::new(t("member-email"), html! { (shown.email) })],
    };
    let may = cx.op.permissions.has(Permission::TeamWrite) && cx.op.permissions.includes(kernel::Permissions::of_roles(&shown.roles));
    let lines = if may {
        roles_form(cx, shown, typed)
    } else {
        html! {}
    };
    let document = Document { head, lines, money: None, acts: Vec::new(), links: Vec::new(), history };
    Ok(cx.bare_page(&shown.name, html! { (typed.banner()) (ui::document(&document)) }))
}

fn roles_form(cx: &Cx, shown: &Member, typed: &Typed<'_>) -> Markup {
    let has = |role: Role| typed.fields.map_or_else(|| shown.roles.contains(&role), |fields| ticked(fields).contains(&role));
    let more = role_boxes(cx, has, typed.refused.and_then(|r| r.of("roles")));
    let fields = vec![Field::hidden("version", shown.version.to_string())];
    let action = format!("/team/{}/roles", shown.account_id);
    form(&Form { more, ..Form::new(action, cx.guard(), fields, t("member-save")) })
}

async fn change(cx: Cx, fields: Fields) -> Result<Reply> {
    let account_id = cx.id("accountId")?;
    let version = fields.get("version").parse().map_err(|_| Error::Stale);
    let command = version.map(|version| ChangeRoles { account_id, roles: ticked(&fields), version });
    match cx.submit(&fields, command).await? {
        Ok(_) => Ok(Reply::see(format!("/team/{account_id}"))),
        Err(refused) => {
            let shown = member::member(&mut cx.tx().await?, account_id).await?;
            Ok(Reply::refused(member_page(&cx, &shown, &Typed::again(&fields, &refused)).await?))
        }
    }
}
