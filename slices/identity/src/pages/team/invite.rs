//! Inviting somebody, the invitations that wait, and the page that an invitation's link opens.

use db::list::Page;
use kernel::{Actor, At, Permission, Result};
use maud::{Markup, html};
use serde_json::Value;
use web::{
    Answers, Cx, Fields, Refused, Reply, Routes, t,
    ui::{self, Act, Button, Fact, Field, Form, Kind, Row, Table, Tone, Toolbar, Weight, banner, form},
};

use super::{Ticked, Typed, crumbs, leave, own_roles, role_boxes};
use crate::{
    account::Secret,
    business,
    invitation::{self, AcceptInvitation, Invite, RevokeInvitation, Shown},
    pages::password,
};

pub(super) fn routes(routes: &mut Routes) {
    use Permission::{Open, TeamWrite};
    routes.page("GET /team/invite", TeamWrite, async |cx: Cx| invite_form(&cx, &Typed::default()).await);
    routes.form("POST /team/invite", TeamWrite, invite);
    routes.form("POST /team/invitations/{id}/resend", TeamWrite, async |cx: Cx, _: Fields| {
        invitation::resend(&cx, cx.id("id")?).await?;
        Ok(Reply::see("/team"))
    });
    routes.form("POST /team/invitations/{id}/revoke", TeamWrite, revoke);
    routes.raw("GET /invitation", Open, Answers::Page, &["token"], open);
    routes.form("POST /invitation", Open, accept);
}

async fn invite_form(cx: &Cx, typed: &Typed<'_>) -> Result<Markup> {
    let fields =
        vec![typed.field(Field::text("name", t("member-name")).focus()), typed.field(Field::new("email", t("member-email"), Kind::Email))];
    let more = role_boxes(cx, &own_roles(cx).await?, &Ticked::or(typed, &[], &[]), typed);
    let form_of =
        Form { more, cancel: leave("invite-leave", "/team"), ..Form::new("/team/invite", cx.guard(), fields, t("invite-submit")) };
    let toolbar = Toolbar { crumbs: crumbs(), title: t("invite-title"), ..Default::default() };
    Ok(cx.page_with(toolbar, html! { (typed.banner()) p { (t("invite-text")) } (form(&form_of)) }))
}

async fn invite(cx: Cx, fields: Fields) -> Result<Reply> {
    let Ticked { roles, own } = Ticked::of(&fields);
    let wanted = Invite { email: fields.get("email").to_owned(), name: fields.get("name").to_owned(), roles, own_roles: own };
    match Cx::refusable(invitation::invite(&cx, &wanted).await)? {
        Ok(_) => Ok(Reply::see("/team")),
        Err(refused) => Ok(Reply::refused(invite_form(&cx, &Typed::again(&fields, &refused)).await?)),
    }
}

async fn revoke(cx: Cx, fields: Fields) -> Result<Reply> {
    let id = cx.id("id")?;
    match cx.submit(&fields, Ok(RevokeInvitation { id })).await? {
        Ok(_) => Ok(Reply::see("/team")),
        Err(refused) => Err(refused.error),
    }
}

/// The invitations that wait, each with what may be done with it.
pub(super) fn table(cx: &Cx, page: &Page) -> Result<Markup> {
    let (clock, may) = (cx.clock(), cx.op.permissions.has(Permission::TeamWrite));
    let rows = page.rows.iter().map(|row| {
        let text = |name: &str| row.get(name).and_then(Value::as_str).unwrap_or_default();
        let fixed = text("roles").split(", ").filter(|role| !role.is_empty()).map(|role| t(&format!("role-{role}")));
        let own = Some(text("ownRoles").to_owned()).filter(|own| !own.is_empty());
        let roles = fixed.chain(own).collect::<Vec<_>>().join(", ");
        let ends = text("expiresAt").parse::<At>().map(|at| {
            html! { @if at < cx.op.at { (ui::badge(Tone::Waiting, &t("invitation-late"))) } @else { (clock.moment(at)) } }
        });
        let (id, name) = (text("id").to_owned(), text("name").to_owned());
        let act = |what: &str, label: &str| Act::new(t(label), format!("/team/invitations/{id}/{what}"), cx.guard());
        let acts = html! {
            @if may { (ui::act(&act("resend", "invitation-resend"))) (ui::act(&act("revoke", "invitation-revoke").weight(Weight::Danger))) }
        };
        let cells = vec![
            html! { (name) },
            html! { (text("email")) },
            html! { (roles) },
            html! { (text("inviter")) },
            ends.unwrap_or_default(),
            acts,
        ];
        Row { id: id.clone(), name: name.clone(), href: None, cells }
    });
    let column = |label: &str| ui::Column::new(t(label), ui::ColumnKind::Text);
    let labels = ["member-name", "member-email", "member-roles", "invitation-inviter", "invitation-ends", "invitation-acts"];
    let columns = labels.into_iter().map(column).collect();
    Ok(ui::table(&Table { caption: t("invitations-title"), columns, rows: rows.collect(), total: None, bulk: None, empty: None }))
}

async fn look(cx: &Cx, token: &str) -> Result<Shown> {
    let hash = invitation::hash_of(token)?;
    invitation::shown(&mut cx.app.db().system("identity.invitation").await?, &hash).await
}

/// Opening the link spends nothing: the button does.
async fn open(cx: Cx) -> Result<Reply> {
    let token = cx.param("token").unwrap_or_default().to_owned();
    match Cx::refusable(look(&cx, &token).await)? {
        Ok(shown) => Ok(Reply::page(page(&cx, &token, &shown, &Typed::default()))),
        Err(refused) => Ok(Reply::refused(over(&cx, &refused))),
    }
}

fn over(cx: &Cx, refused: &Refused) -> Markup {
    cx.page(t("invitation-title"), html! { (refused.banner()) p { (t("invitation-over")) } })
}

fn page(cx: &Cx, token: &str, shown: &Shown, typed: &Typed<'_>) -> Markup {
    let fixed = shown.roles.iter().map(|role| t(&format!("role-{role}")));
    let roles = fixed.chain(shown.own_roles.iter().cloned()).collect::<Vec<_>>().join(", ");
    let facts = [
        Fact::new(t("business-name"), html! { (shown.business) }),
        Fact::new(t("invitation-inviter"), html! { (shown.inviter) }),
        Fact::new(t("member-email"), html! { (shown.email) }),
        Fact::new(t("member-roles"), html! { (roles) }),
    ];
    let body = html! {
        (typed.banner())
        (ui::facts(&facts))
        (act(cx, token, shown, typed))
    };
    cx.page(t("invitation-title"), body)
}

/// What whoever opened the link can do with it.
fn act(cx: &Cx, token: &str, shown: &Shown, typed: &Typed<'_>) -> Markup {
    let here = serde_urlencoded::to_string([("next", format!("/invitation?token={token}"))]).unwrap_or_default();
    let mut fields = vec![Field::hidden("token", token)];
    match cx.op.actor {
        Actor::Account(account) if shown.account == Some(account) => {
            form(&Form::new("/invitation", cx.guard(), fields, t("invitation-accept")))
        }
        Actor::Account(_) => html! {
            (banner(Tone::Waiting, &t("code-invitation-other"), None))
            (ui::act(&Act::new(t("sign-out"), "/logout", cx.guard())))
        },
        _ if shown.has_password => html! {
            p { (t("invitation-known")) }
            (ui::button(&Button::link(t("login-submit"), format!("/login?{here}")).main()))
        },
        _ => {
            fields.push(typed.field(password("password", "account-password", "new-password").help(t("password-help")).focus()));
            html! { p { (t("invitation-new")) } (form(&Form::new("/invitation", cx.guard(), fields, t("invitation-accept")))) }
        }
    }
}

async fn accept(cx: Cx, fields: Fields) -> Result<Reply> {
    let token = fields.get("token").to_owned();
    let password = Some(fields.get("password").to_owned()).filter(|typed| !typed.is_empty()).map(Secret);
    let wanted = AcceptInvitation { token: Secret(token.clone()), password };
    match Cx::refusable(invitation::accept(&cx, &wanted).await)? {
        Ok(joined) if matches!(cx.op.actor, Actor::Account(_)) => {
            let (_, begun) = business::switch(&cx, joined.tenant).await?;
            Ok(Reply::see("/").header(axum::http::header::SET_COOKIE, begun.set_cookie()))
        }
        Ok(_) => Ok(Reply::see("/login?done=verified")),
        Err(refused) => Ok(Reply::refused(match Cx::refusable(look(&cx, &token).await)? {
            Ok(shown) => page(&cx, &token, &shown, &Typed::again(&fields, &refused)),
            Err(gone) => over(&cx, &gone),
        })),
    }
}
