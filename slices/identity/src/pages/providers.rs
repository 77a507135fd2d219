//! Signing in and out through identity providers, as a browser does it.

use axum::http::{StatusCode, header};
use kernel::{Permission, Result};
use maud::{Markup, html};
use web::{
    Answers, Cx, Reply, Routes, t, tf,
    ui::{self, Button},
};

use super::{aside, sign_in, whose::Whose};
use crate::{business::named, oidc, session};

pub(super) fn routes(routes: &mut Routes) {
    use Permission::Open;
    routes.raw("GET /v1/auth/oidc/{provider}/start", Open, Answers::Page, &["next", "business"], start);
    routes.raw("GET /v1/auth/oidc/{provider}/callback", Open, Answers::Page, &["state", "code", "iss", "error"], callback);
}

/// Goes on to another site: to a provider that the configuration names.
fn elsewhere(url: String) -> Reply {
    Reply::empty().status(StatusCode::SEE_OTHER).header(header::LOCATION, url)
}

async fn start(cx: Cx) -> Result<Reply> {
    // Another site's link is nobody's wish to sign in here; the person presses the button.
    if cx.headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site") {
        return Ok(Reply::see("/login"));
    }
    let begun = oidc::begin(&cx, cx.param("next").unwrap_or("/"), named(cx.param("business"))).await?;
    Ok(elsewhere(begun.url).header(header::SET_COOKIE, begun.cookie))
}

async fn callback(cx: Cx) -> Result<Reply> {
    match Cx::refusable(oidc::finish(&cx).await)? {
        Ok((entered, next)) => Ok(sign_in::entered_page(&cx, &Whose::default(), &entered, &next).await),
        Err(refused) => {
            let body = html! { (refused.banner()) (aside("provider-again", "register-login", "/login")) };
            Ok(Reply::refused(cx.page(t("login-title"), body)).status(StatusCode::UNAUTHORIZED))
        }
    }
}

/// One button for each provider; `business` is the one whose sign-in page it is.
pub(super) fn buttons(cx: &Cx, next: &str, business: Option<&str>) -> Markup {
    let providers = &cx.app.settings().providers;
    let query =
        serde_urlencoded::to_string(std::iter::once(("next", next)).chain(business.map(|slug| ("business", slug))).collect::<Vec<_>>())
            .unwrap_or_default();
    html! {
        @if !providers.is_empty() {
            div.form-acts {
                @for one in providers {
                    (ui::button(&Button::link(tf("provider-login", &[("name", &one.name)]), format!("/v1/auth/oidc/{}/start?{query}", one.name))))
                }
            }
        }
    }
}

/// Signed out here; the browser goes on to the provider by itself, for its session there ends too. No redirect: the content
/// policy lets forms, and what they lead to, stay here.
pub(super) fn sign_out_page(cx: &Cx, url: &str) -> Reply {
    let mut nobody = cx.clone();
    nobody.viewer = None;
    let body = html! {
        p { (t("provider-signed-out")) }
        (ui::button(&Button::link(t("provider-sign-out"), url).main()))
    };
    let page = Reply::page(nobody.page(t("provider-signed-out-title"), body));
    page.header(header::REFRESH, format!("0; url={url}")).header(header::SET_COOKIE, session::no_cookie())
}
