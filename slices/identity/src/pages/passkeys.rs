//! Passkeys on pages. Only script can ask a browser for one, so these forms show when it runs; everything else works without.

use kernel::{Permission, Result};
use maud::{Markup, html};
use uuid::Uuid;
use web::{
    Clock, Cx, Fields, Reply, Routes, assets, t, tf,
    ui::{self, Act, Button, ColumnKind, Field, Row, Table, Tone, Weight},
};

use super::account::proved;
use crate::passkey::{self, Passkey};

pub(super) fn routes(routes: &mut Routes) {
    routes.form("POST /account/passkeys/{id}/remove", Permission::OwnAccount, remove);
}

async fn remove(cx: Cx, _: Fields) -> Result<Reply> {
    proved(passkey::remove(&cx, cx.id::<Uuid>("id")?).await, "passkey-removed")
}

/// A form that the script shows and acts on. `does` is what it does; `next` is where it goes then; `business` is the one whose
/// sign-in page it is.
fn scripted(cx: &Cx, does: &str, next: &str, business: Option<&str>, fields: &[Field], submit: &Button) -> Markup {
    let script = assets::named("passkey.js");
    html! {
        form.form data-passkey=(does) data-next=(next) data-business=[business] data-csrf=(cx.guard().csrf) data-failed=(t("passkey-failed")) hidden {
            (ui::fields(fields))
            div.form-acts { (ui::button(submit)) }
            p role="alert" hidden {}
        }
        script src=(script.path) integrity=(script.integrity) defer {}
    }
}

/// The button beside the password.
pub(super) fn sign_in_button(cx: &Cx, next: &str, business: Option<&str>) -> Markup {
    if !passkey::possible(&cx.app) {
        return html! {};
    }
    scripted(cx, "login", next, business, &[], &Button { weight: Weight::Quiet, ..Button::submit(t("passkey-login")) })
}

/// The button of somebody who shows again who they are.
pub(super) fn again_button(cx: &Cx, next: &str) -> Markup {
    if !passkey::possible(&cx.app) {
        return html! {};
    }
    scripted(cx, "again", next, None, &[], &Button { weight: Weight::Quiet, ..Button::submit(t("passkey-again")) })
}

/// The form that adds one; then on to `next`.
pub(super) fn add_form(cx: &Cx, next: &str) -> Markup {
    let name = Field::text("name", t("passkey-name")).help(t("passkey-name-help")).optional();
    scripted(cx, "add", next, None, &[name], &Button { weight: Weight::Quiet, ..Button::submit(t("passkey-add")) })
}

/// The passkeys of the signed-in account.
pub(super) async fn section(cx: &Cx) -> Result<Markup> {
    let clock = cx.clock();
    let all = passkey::all(cx).await?.rows;
    let (any, rows) = (!all.is_empty(), all.into_iter().map(|one| row(cx, one, &clock)).collect());
    let column = |label: &str, kind| ui::Column::new(t(label), kind);
    let table = Table {
        caption: t("security-passkeys"),
        columns: vec![
            column("passkey-name", ColumnKind::Text),
            column("passkey-added", ColumnKind::Date),
            column("passkey-used", ColumnKind::Date),
            column("passkey-act", ColumnKind::State),
        ],
        rows,
        total: None,
        bulk: None,
        empty: None,
    };
    Ok(html! {
        section.stack {
            h2 { (t("security-passkeys")) }
            p { (t("passkey-text")) }
            @if any { (ui::table(&table)) }
            @if passkey::possible(&cx.app) {
                (add_form(cx, "/account/security?done=passkey"))
                noscript { p { (t("passkey-script")) } }
            } @else {
                p { (t("passkey-off")) }
            }
        }
    })
}

fn row(cx: &Cx, one: Passkey, clock: &Clock) -> Row {
    let used = one.used_at.map_or_else(|| html! { (t("passkey-never")) }, |at| clock.moment(at));
    let act = Act::new(t("passkey-remove"), format!("/account/passkeys/{}/remove", one.id), cx.guard());
    let act = ui::act(&act.weight(Weight::Danger).confirm(tf("passkey-remove-ask", &[("name", &one.name)])));
    let name = html! { (one.name) @if one.doubted { " " (ui::badge(Tone::Wrong, &t("passkey-doubted"))) } };
    Row { id: one.id.to_string(), name: one.name, href: None, cells: vec![name, clock.moment(one.created_at), used, act] }
}
