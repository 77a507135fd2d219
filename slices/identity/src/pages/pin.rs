//! One's own PIN for registered devices, on the page of the account's security.

use kernel::{Error, Permission, Result};
use maud::{Markup, html};
use web::{
    Cx, Fields, Reply, Routes, t,
    ui::{self, Act, Field, Form, Kind, Tone, Weight, form},
};

use super::Typed;
use crate::{account::Secret, pin};

pub(super) fn routes(routes: &mut Routes) {
    use Permission::OwnAccount;
    routes.form("POST /account/pin", OwnAccount, set);
    routes.form("POST /account/pin/remove", OwnAccount, remove);
}

/// Whether there is a PIN, and until when; the form that sets one.
pub(super) async fn section(cx: &Cx, typed: &Typed<'_>) -> Result<Markup> {
    let own = pin::own(cx).await?;
    let clock = cx.clock();
    let field = typed.field(Field::new("pin", t("pin-new"), Kind::Pin).help(t("pin-help")));
    let late = own.expires_at.is_some_and(|at| at <= cx.op.at);
    Ok(html! {
        section.stack {
            h2 { (t("security-pin")) }
            p { (t("pin-text")) }
            @if let Some(at) = own.expires_at {
                p {
                    @if late { (ui::badge(Tone::Wrong, &t("pin-late"))) } @else { (ui::badge(Tone::Done, &t("pin-on"))) }
                    " " (t("pin-until")) " " (clock.moment(at))
                }
            }
            (form(&Form::new("/account/pin", cx.guard(), vec![field], t("pin-keep"))))
            @if own.set { (ui::act(&Act::new(t("pin-remove"), "/account/pin/remove", cx.guard()).weight(Weight::Danger).confirm(t("pin-remove-ask")))) }
        }
    })
}

async fn set(cx: Cx, fields: Fields) -> Result<Reply> {
    match Cx::refusable(pin::set(&cx, &Secret(fields.get("pin").to_owned())).await) {
        Ok(Ok(_)) => Ok(Reply::see("/account/security?done=pin")),
        Ok(Err(refused)) => Ok(Reply::refused(super::account::security(&cx, &Typed::again(&fields, &refused)).await?)),
        Err(Error::ReauthRequired) => Ok(Reply::see("/reauth?next=/account/security")),
        Err(other) => Err(other),
    }
}

async fn remove(cx: Cx, _: Fields) -> Result<Reply> {
    match pin::remove_own(&cx).await {
        // Two clicks are one.
        Ok(()) | Err(Error::NotFound) => Ok(Reply::see("/account/security?done=pin-removed")),
        Err(other) => Err(other),
    }
}
