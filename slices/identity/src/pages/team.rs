//! The team: its members, who wants to join, and adding somebody; what belongs to one person, to invitations and to roles lies
//! beside.

mod invite;
mod member;
pub(super) mod roles;

use db::list::Asked;
use kernel::{OwnRoleId, Permission, Result, Role};
use maud::{Markup, html};
use serde_json::{Map, Value};
use web::{
    Answers, Cx, Fields, ListPage, Reply, Routes, t,
    ui::{self, Button, Crumb, Empty, Field, Form, Kind, Tone, Toolbar, banner, form},
};

use super::{Typed, leave};
use crate::{
    invitation::INVITATIONS,
    join::{self, AskToJoin},
    member::{AddMember, MEMBERS, OTHERS, add as add_member},
    role::{self, OwnRole},
};

pub(super) fn routes(routes: &mut Routes) {
    use Permission::{OwnAccount, TeamRead, TeamWrite};
    routes.page("GET /team", TeamRead, list);
    routes.page("GET /team/add", TeamWrite, async |cx: Cx| add_form(&cx, &Typed::default()).await);
    routes.form("POST /team/add", TeamWrite, add);
    routes.raw("GET /join", OwnAccount, Answers::Page, &["sent"], async |cx: Cx| {
        Ok(Reply::page(join_form(&cx, cx.param("sent").is_some(), &Typed::default())))
    });
    routes.form("POST /join", OwnAccount, join);
    invite::routes(routes);
    member::routes(routes);
    roles::routes(routes);
}

type Opens = fn(&Map<String, Value>) -> Option<String>;

/// Where a row of people opens.
const OPEN: Opens = |row| Some(format!("/team/{}", row.get("accountId")?.as_str()?));

async fn list(cx: Cx) -> Result<Markup> {
    let clock = cx.clock();
    let empty = |title: &str, text: &str| Empty { icon: "people", title: t(title), text: t(text), first: None };
    let mut tx = cx.tx().await?;
    let members = ListPage {
        list: &MEMBERS,
        here: "/team",
        api: "/v1/team/members",
        name: "name",
        open: OPEN,
        empty: empty("team-none", "team-first"),
        clock: clock.clone(),
        codes: &[("roles", "role")],
        within: &[],
        files_only: &[],
    };
    let others = ListPage {
        list: &OTHERS,
        here: "/team",
        api: "/v1/team/others",
        name: "name",
        open: OPEN,
        empty: empty("team-none", "team-first"),
        clock,
        codes: &[("state", "member-state")],
        within: &[],
        files_only: &[],
    };
    let (shown, waiting) = (members.show(&cx, &mut tx).await?, OTHERS.rows(&mut tx, &Asked::default(), 50).await?);
    let open = Asked { filters: vec![("state".into(), "open".into())], ..Asked::default() };
    let invited = INVITATIONS.rows(&mut tx, &open, 50).await?;
    drop(tx);
    let body = html! {
        (shown)
        @if !invited.rows.is_empty() {
            h2 { (t("invitations-title")) }
            (invite::table(&cx, &invited)?)
        }
        @if !waiting.rows.is_empty() {
            h2 { (t("others-title")) }
            (others.show_rows(&cx, &Asked::default(), &db::list::Page { next: None, ..waiting }))
        }
    };
    let mut buttons = vec![Button::link(t("roles-title"), "/settings/roles")];
    if cx.op.permissions.has(Permission::TeamWrite) {
        buttons.push(Button::link(t("team-add"), "/team/add"));
        buttons.push(Button::link(t("invite-title"), "/team/invite").main().icon("plus"));
    }
    Ok(cx.page_with(Toolbar { title: t("place-team"), buttons, ..Default::default() }, body))
}

fn crumbs() -> Vec<Crumb> {
    vec![Crumb { label: t("place-team"), href: "/team".into() }]
}

/// Roles as a form has them: what is ticked in it, or what somebody has already.
struct Ticked {
    roles: Vec<Role>,
    own: Vec<OwnRoleId>,
}

impl Ticked {
    /// The roles whose boxes are ticked.
    fn of(fields: &Fields) -> Self {
        let roles = Role::ALL.iter().copied().filter(|role| !fields.get(&format!("role.{role}")).is_empty()).collect();
        Self { roles, own: fields.every("own").filter_map(|id| id.parse().ok()).collect() }
    }

    /// What was typed, or what is there.
    fn or(typed: &Typed<'_>, roles: &[Role], own: &[OwnRoleId]) -> Self {
        typed.fields.map_or_else(|| Self { roles: roles.to_vec(), own: own.to_vec() }, Self::of)
    }
}

/// One box per role; those that one can't give are not offered.
fn role_boxes(cx: &Cx, own: &[OwnRole], ticked: &Ticked, typed: &Typed<'_>) -> Markup {
    let may = |role: &&Role| cx.op.permissions.includes(kernel::Permissions::of_roles(&[**role]));
    let boxes: Vec<Field> = Role::ALL
        .iter()
        .filter(may)
        .map(|role| {
            let value = if ticked.roles.contains(role) { "true" } else { "" };
            Field::new(format!("role.{role}"), t(&format!("role-{role}")), Kind::Checkbox).optional().value(value)
        })
        .collect();
    let error = typed.refused.and_then(|refused| refused.of("roles").or_else(|| refused.of("ownRoles")));
    html! {
        @if let Some(error) = error { (banner(Tone::Wrong, &error, None)) }
        (ui::field_set(&t("member-roles"), Some(&t("member-roles-help")), &boxes))
        (own_boxes(cx, own, ticked))
    }
}

/// The same for the business's own roles. Each box sends the role's id.
fn own_boxes(cx: &Cx, own: &[OwnRole], ticked: &Ticked) -> Markup {
    let offered: Vec<&OwnRole> = own.iter().filter(|role| cx.op.permissions.includes(role.set)).collect();
    html! {
        @if !offered.is_empty() {
            fieldset.field-set {
                legend { (t("member-own-roles")) }
                @for role in offered {
                    @let id = format!("f-own-{}", role.id);
                    div.field.check {
                        label.check-label for=(id) {
                            input id=(id) name="own" type="checkbox" value=(role.id) checked[ticked.own.contains(&role.id)];
                            span { (role.name) }
                        }
                    }
                }
            }
        }
    }
}

/// Roles in words: the seven, then the business's own.
fn said(roles: &[Role], own: &[OwnRole], held: &[OwnRoleId]) -> String {
    let fixed = roles.iter().map(|role| t(&format!("role-{role}")));
    fixed.chain(own.iter().filter(|role| held.contains(&role.id)).map(|role| role.name.clone())).collect::<Vec<_>>().join(", ")
}

async fn own_roles(cx: &Cx) -> Result<Vec<OwnRole>> {
    role::own(&mut cx.tx().await?).await
}

async fn add_form(cx: &Cx, typed: &Typed<'_>) -> Result<Markup> {
    let fields =
        vec![typed.field(Field::text("name", t("member-name")).focus()), typed.field(Field::new("email", t("member-email"), Kind::Email))];
    let more = role_boxes(cx, &own_roles(cx).await?, &Ticked::or(typed, &[], &[]), typed);
    let form_of = Form { more, cancel: leave("team-leave", "/team"), ..Form::new("/team/add", cx.guard(), fields, t("team-add")) };
    let toolbar = Toolbar { crumbs: crumbs(), title: t("team-add"), ..Default::default() };
    Ok(cx.page_with(toolbar, html! { (typed.banner()) p { (t("team-add-text")) } (form(&form_of)) }))
}

async fn add(cx: Cx, fields: Fields) -> Result<Reply> {
    let Ticked { roles, own } = Ticked::of(&fields);
    let wanted = AddMember { email: fields.get("email").to_owned(), name: fields.get("name").to_owned(), roles, own_roles: own };
    match Cx::refusable(add_member(&cx, wanted).await)? {
        // Whether the address has an account is its owner's to tell.
        Ok(answer) if answer.get("invited").is_some() => Ok(Reply::page(invited(&cx, fields.get("name"), fields.get("email")))),
        Ok(answer) => match answer.get("passwordLink").and_then(Value::as_str) {
            // Shown once, on the answer itself: it must not be in an address that a browser remembers.
            Some(link) => Ok(Reply::page(added(&cx, fields.get("name"), link))),
            None => Ok(Reply::see("/team")),
        },
        Err(refused) => Ok(Reply::refused(add_form(&cx, &Typed::again(&fields, &refused)).await?)),
    }
}

/// Who could not be added was invited.
fn invited(cx: &Cx, name: &str, email: &str) -> Markup {
    let body = html! {
        (banner(Tone::Done, &web::tf("member-invited", &[("name", name), ("email", email)]), None))
        (ui::button(&Button::link(t("team-back"), "/team").main()))
    };
    cx.page_with(Toolbar { crumbs: crumbs(), title: name.to_owned(), ..Default::default() }, body)
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

/// Asks to join a business by its short name.
fn join_form(cx: &Cx, sent: bool, typed: &Typed<'_>) -> Markup {
    let fields = vec![
        typed.field(Field::text("slug", t("business-slug")).help(t("join-help")).focus()),
        typed.field(Field::text("name", t("join-name")).autocomplete("name").optional()),
    ];
    let form_of = Form { cancel: leave("join-leave", "/businesses"), ..Form::new("/join", cx.guard(), fields, t("join-submit")) };
    let body = html! {
        @if sent { (banner(Tone::Done, &t("join-sent"), None)) }
        (typed.banner())
        (form(&form_of))
    };
    cx.page(t("join-title"), body)
}

async fn join(cx: Cx, fields: Fields) -> Result<Reply> {
    let wanted = AskToJoin { slug: fields.get("slug").to_owned(), name: Some(fields.get("name").to_owned()) };
    match Cx::refusable(join::ask(&cx, &wanted).await)? {
        Ok(()) => Ok(Reply::see("/join?sent=1")),
        Err(refused) => Ok(Reply::refused(join_form(&cx, false, &Typed::again(&fields, &refused)))),
    }
}
