//! Proving again who one is.

use axum::http::{StatusCode, header};
use kernel::{Permission, Result};
use maud::html;
use web::{
    Answers, Cx, Fields, Reply, Routes, t,
    ui::{Field, Form, form},
};

use super::{Typed, password, sign_in::after};
use crate::{
    account::Secret,
    captcha::{self, Action, Widget},
    reauth::{self, ReauthVerify},
    second, session,
};

pub(super) fn routes(routes: &mut Routes) {
    routes.raw("GET /reauth", Permission::Again, Answers::Page, &["next", "sent"], reauth_page);
    routes.form("POST /reauth", Permission::Again, reauth);
    routes.form("POST /reauth/send", Permission::Again, reauth_send);
}

async fn reauth_page(cx: Cx) -> Result<Reply> {
    reauth_form(&cx, cx.param("next").unwrap_or_default(), &Typed::default()).await
}

/// Asks for the password, or for a code: of the second factor where there is one, else of a letter.
///
/// Where nothing but the second factor counts, nothing else is asked for.
async fn reauth_form(cx: &Cx, next: &str, typed: &Typed<'_>) -> Result<Reply> {
    let awaits_second = session::awaits_second(cx).await?;
    let mut system = cx.app.db().system("identity.reauth").await?;
    let on = second::is_on(&mut system, cx.op.account()?).await?;
    drop(system);
    let widget = Widget::where_needed(cx, Action::Second, on && second::proof_wanted(cx, None).await);
    let next = after(cx, next).to_owned();
    let sent = cx.param("sent").is_some();
    let mut fields = vec![Field::hidden("next", &next)];
    if !sent && !awaits_second {
        fields.push(typed.field(password("password", "account-password", "current-password").optional().focus()));
    }
    if on || sent {
        let help = if on { "second-code-help" } else { "reauth-code-help" };
        fields.push(typed.field(Field::text("code", t("second-code")).help(t(help)).autocomplete("one-time-code").optional()));
    }
    let body = html! {
        (typed.banner())
        p { (t(if awaits_second { "reauth-second" } else { "reauth-text" })) }
        @if fields.len() > 1 { (form(&Form { more: widget.markup(), ..Form::new("/reauth", cx.guard(), fields, t("reauth-submit")) })) }
        (super::passkeys::again_button(cx, &next))
        @if awaits_second && !on { noscript { p { (t("passkey-script")) } } }
        @if !on && !sent && !awaits_second { (form(&Form::new("/reauth/send", cx.guard(), vec![Field::hidden("next", &next)], t("reauth-send")))) }
    };
    Ok(widget.allowed(Reply::page(cx.page(t("reauth-title"), body))))
}

async fn reauth_send(cx: Cx, fields: Fields) -> Result<Reply> {
    reauth::send(&cx).await?;
    let query = serde_urlencoded::to_string([("sent", "1"), ("next", after(&cx, fields.get("next")))]).unwrap_or_default();
    Ok(Reply::see(format!("/reauth?{query}")))
}

async fn reauth(cx: Cx, fields: Fields) -> Result<Reply> {
    let given = |name: &str| Some(fields.get(name).to_owned()).filter(|text| !text.is_empty()).map(Secret);
    let code = given("code");
    let password = given("password").filter(|_| code.is_none());
    let wanted = ReauthVerify { password, code, passkey: None, captcha_token: captcha::token(&fields) };
    match Cx::refusable(reauth::verify(&cx, &wanted).await)? {
        Ok((_, begun)) => Ok(Reply::see(after(&cx, fields.get("next"))).header(header::SET_COOKIE, begun.set_cookie())),
        Err(refused) => {
            let page = reauth_form(&cx, fields.get("next"), &Typed::again(&fields, &refused)).await?;
            Ok(page.status(StatusCode::UNPROCESSABLE_ENTITY))
        }
    }
}
