//! Roles: what each allows, as a table; the business's own with a form each.

use kernel::{OwnRoleId, Permission, Result};
use maud::{Markup, html};
use web::{
    Cx, Fields, Refused, Reply, Routes, t,
    ui::{self, Act, Field, Form, Kind, Row, Table, Tone, Toolbar, Weight, banner, form},
};

use super::{Typed, crumbs};
use crate::role::{self, ChangeRole, DeleteRole, MakeRole, OwnRole, Roles};

pub(super) fn routes(routes: &mut Routes) {
    use Permission::{TeamRead, TeamWrite};
    routes.page("GET /settings/roles", TeamRead, async |cx: Cx| page(&cx, None, &Typed::default()).await);
    routes.form("POST /settings/roles", TeamWrite, make);
    routes.form("POST /settings/roles/{id}", TeamWrite, change);
    routes.form("POST /settings/roles/{id}/delete", TeamWrite, delete);
}

/// A permission in words; one without words by its name.
fn words(permission: Permission) -> String {
    named("permission", permission.code())
}

fn named(kind: &str, code: &str) -> String {
    let key = format!("{kind}-{}", code.replace([':', '.'], "-"));
    let text = t(&key);
    if text == key { code.to_owned() } else { text }
}

/// Permissions by the thing that they are about, in order.
fn by_thing() -> Vec<(&'static str, Vec<Permission>)> {
    let mut all: Vec<(&'static str, Vec<Permission>)> = Vec::new();
    for permission in role::givable() {
        let thing = permission.code().split([':', '.']).next().unwrap_or_default();
        match all.iter_mut().find(|(known, _)| *known == thing) {
            Some((_, list)) => list.push(permission),
            None => all.push((thing, vec![permission])),
        }
    }
    all
}

/// The whole page; `which` is the role whose form was refused, if it was not the one that makes a new role.
async fn page(cx: &Cx, which: Option<OwnRoleId>, typed: &Typed<'_>) -> Result<Markup> {
    let roles = role::all(&mut cx.tx().await?).await?;
    let may = cx.op.permissions.has(Permission::TeamWrite);
    let nothing = Typed::default();
    let mut reach: Vec<&OwnRole> = roles.own.iter().filter(|one| cx.op.permissions.includes(one.set)).collect();
    // What has to be mended comes first.
    reach.sort_by_key(|one| which != Some(one.id));
    let new_first = typed.refused.is_some() && which.is_none();
    let body = html! {
        @if let Some(refused) = typed.refused { (complaint(refused)) }
        (matrix(&roles))
        @if may {
            h2 { (t("roles-own")) }
            @if new_first { (new_form(cx, typed)) }
            @for one in reach { (own_form(cx, one, if which == Some(one.id) { typed } else { &nothing })) }
            @if !new_first { (new_form(cx, &nothing)) }
        }
    };
    Ok(cx.page_with(Toolbar { crumbs: crumbs(), title: t("roles-title"), ..Default::default() }, body))
}

/// What is wrong, above everything: the boxes have no place of their own for it.
fn complaint(refused: &Refused) -> Markup {
    let said = refused.of("permissions").or_else(|| refused.of("name")).unwrap_or_else(|| refused.sentence());
    banner(Tone::Wrong, &said, None)
}

/// Rows are permissions, columns are roles.
fn matrix(roles: &Roles) -> Markup {
    let mut columns = vec![ui::Column::new(t("roles-permission"), ui::ColumnKind::Text)];
    let heads = roles.built_in.iter().map(|one| t(&format!("role-{}", one.role))).chain(roles.own.iter().map(|one| one.name.clone()));
    columns.extend(heads.map(|head| ui::Column::new(head, ui::ColumnKind::State)));
    let sets: Vec<&Vec<&str>> =
        roles.built_in.iter().map(|one| &one.permissions).chain(roles.own.iter().map(|one| &one.permissions)).collect();
    let rows = by_thing().into_iter().flat_map(|(thing, list)| list.into_iter().map(move |permission| (thing, permission)));
    let rows = rows.map(|(thing, permission)| {
        let mut cells = vec![html! { span.unit { (named("thing", thing)) } " " (words(permission)) }];
        cells.extend(sets.iter().map(|set| {
            let has = set.contains(&permission.code());
            html! { @if has { (ui::icon("check")) span.hidden { (t("yes")) } } @else { span.hidden { (t("no")) } } }
        }));
        Row { id: permission.code().to_owned(), name: words(permission), href: None, cells }
    });
    ui::table(&Table { caption: t("roles-title"), columns, rows: rows.collect(), total: None, bulk: None, empty: None })
}

/// A box for each permission that one can give, in sets by thing.
pub(in crate::pages) fn boxes(cx: &Cx, form: &str, has: impl Fn(Permission) -> bool, typed: &Typed<'_>) -> Markup {
    let ticked = |permission: Permission| typed.fields.map_or_else(|| has(permission), |fields| !fields.get(permission.code()).is_empty());
    let sets = by_thing().into_iter().map(|(thing, list)| {
        let offered = list.into_iter().filter(|permission| cx.op.permissions.has(*permission));
        let fields: Vec<Field> = offered
            .map(|permission| {
                let id = format!("{form}-{}", permission.code().replace([':', '.'], "-"));
                let value = if ticked(permission) { "true" } else { "" };
                Field::new(permission.code(), words(permission), Kind::Checkbox).optional().value(value).id(id)
            })
            .collect();
        (thing, fields)
    });
    html! { @for (thing, fields) in sets { @if !fields.is_empty() { (ui::field_set(&named("thing", thing), None, &fields)) } } }
}

fn own_form(cx: &Cx, one: &OwnRole, typed: &Typed<'_>) -> Markup {
    let (action, prefix) = (format!("/settings/roles/{}", one.id), format!("r{}", one.id));
    let name = typed.field(Field::text("name", t("roles-name")).value(&one.name)).id(format!("{prefix}-name"));
    let fields = vec![Field::hidden("version", one.version.to_string()).id(format!("{prefix}-version")), name];
    let more = boxes(cx, &prefix, |permission| one.set.has(permission), typed);
    let inside = html! {
        p { (web::tf("roles-members", &[("count", &one.members.to_string())])) }
        (form(&Form { more, ..Form::new(action.as_str(), cx.guard(), fields, t("roles-save")) }))
        (ui::act(&Act::new(t("roles-delete"), format!("{action}/delete"), cx.guard()).weight(Weight::Danger)))
    };
    ui::fold(&one.name, typed.refused.is_some(), &inside)
}

fn new_form(cx: &Cx, typed: &Typed<'_>) -> Markup {
    let fields = vec![typed.field(Field::text("name", t("roles-name")))];
    let more = boxes(cx, "new", |_| false, typed);
    ui::fold(
        &t("roles-new"),
        typed.refused.is_some(),
        &form(&Form { more, ..Form::new("/settings/roles", cx.guard(), fields, t("roles-make")) }),
    )
}

/// The permissions whose boxes are ticked.
pub(in crate::pages) fn ticked(fields: &Fields) -> Vec<String> {
    role::givable().map(Permission::code).filter(|code| !fields.get(code).is_empty()).map(str::to_owned).collect()
}

async fn make(cx: Cx, fields: Fields) -> Result<Reply> {
    let command = MakeRole { name: fields.get("name").to_owned(), permissions: ticked(&fields) };
    match cx.submit(&fields, Ok(command)).await? {
        Ok(_) => Ok(Reply::see("/settings/roles")),
        Err(refused) => Ok(Reply::refused(page(&cx, None, &Typed::again(&fields, &refused)).await?)),
    }
}

async fn change(cx: Cx, fields: Fields) -> Result<Reply> {
    let id = cx.id("id")?;
    let version = fields.get("version").parse().map_err(|_| kernel::Error::Stale);
    let command = version.map(|version| ChangeRole { id, name: fields.get("name").to_owned(), permissions: ticked(&fields), version });
    known(&cx, id).await?;
    match cx.submit(&fields, command).await? {
        Ok(_) => Ok(Reply::see("/settings/roles")),
        Err(refused) => Ok(Reply::refused(page(&cx, Some(id), &Typed::again(&fields, &refused)).await?)),
    }
}

/// A role that is not there is not found, whatever was typed.
async fn known(cx: &Cx, id: OwnRoleId) -> Result<()> {
    let own = role::own(&mut cx.tx().await?).await?;
    if own.iter().any(|one| one.id == id) { Ok(()) } else { Err(kernel::Error::NotFound) }
}

async fn delete(cx: Cx, fields: Fields) -> Result<Reply> {
    let id = cx.id("id")?;
    match cx.submit(&fields, Ok(DeleteRole { id })).await? {
        Ok(_) => Ok(Reply::see("/settings/roles")),
        Err(refused) => {
            let refused = Typed { fields: None, refused: Some(&refused) };
            Ok(Reply::refused(page(&cx, Some(id), &refused).await?))
        }
    }
}
