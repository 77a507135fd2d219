//! Signing in and out, and registering.

use axum::http::{StatusCode, header};
use kernel::{Permission, Result};
use maud::html;
use web::{
    Answers, Cx, Fields, Reply, Routes, t,
    ui::{Field, Form, Kind, Tone, banner, form},
};

use super::{Typed, aside, password, whose::Whose};
use crate::{
    account::{self, Secret},
    captcha::{self, Action, Widget},
    limits,
    login::{self, Login, Outcome, Wanted},
    oidc,
    password::Strength,
    register::{self, Register},
    second::{self, Guess},
    session,
};

pub(super) fn routes(routes: &mut Routes) {
    use Permission::Open;
    routes.raw("GET /login", Open, Answers::Page, &["next", "done"], async |cx: Cx| login_page(&cx, &Whose::default()).await);
    routes.raw("GET /login/{slug}", Open, Answers::Page, &["next", "done"], async |cx: Cx| {
        let slug: String = cx.id("slug")?;
        login_page(&cx, &Whose::of(&cx, Some(&slug)).await?).await
    });
    routes.form("POST /login", Open, login);
    routes.form("POST /logout", Open, logout);
    routes.raw("GET /register", Open, Answers::Page, &["business"], register_page);
    routes.form("POST /register", Open, register);
    routes.form("POST /2fa/verify", Open, second_step);
    // The second step follows the first: who comes here by address begins there.
    routes.raw("GET /2fa/verify", Open, Answers::Page, &[], async |_: Cx| Ok(Reply::see("/login")));
    routes.form("POST /password/strength", Open, strength);
}

/// Where to go after signing in: a page of this program, else home.
pub(super) fn after<'a>(cx: &Cx, next: &'a str) -> &'a str {
    // Sign-in through a provider answers pages below /v1, and leads on by itself.
    if is_local(next) && !next.starts_with("/v1/") && cx.app.is_page(next) { next } else { "/" }
}

/// Whether it is a path of this program as it stands. Control signs, backslashes and a second slash are ways to write another
/// host; browsers drop tabs and line ends before they read an address, and follow dots to another path.
fn is_local(next: &str) -> bool {
    let plain = next.bytes().all(|b| (0x21..0x7f).contains(&b) && b != b'\\');
    let path = next.split(['?', '#']).next().unwrap_or_default().to_ascii_lowercase();
    let dots = path.contains("/.") || path.contains("%2e");
    plain && !dots && next.starts_with('/') && !next.starts_with("//")
}

async fn login_page(cx: &Cx, whose: &Whose) -> Result<Reply> {
    let next = cx.param("next").unwrap_or_default();
    // Who finds a device locked may sign in on it by password.
    if cx.viewer.is_some() && (cx.op.device.is_none() || cx.op.permissions.has(Permission::SignedIn)) {
        return Ok(Reply::see(after(cx, next)));
    }
    Ok(login_form(cx, whose, next, &Typed::default()).await)
}

async fn login_form(cx: &Cx, whose: &Whose, next: &str, typed: &Typed<'_>) -> Reply {
    let email = typed.fields.map(|fields| limits::typed(fields.get("email"))).unwrap_or_default();
    let widget = Widget::at_login(cx, &email).await;
    let asked = [
        Field::hidden("next", after(cx, next)),
        typed.field(Field::new("email", t("account-email"), Kind::Email).autocomplete("username").focus()),
        password("password", "account-password", "current-password"),
    ];
    let fields = whose.field().into_iter().chain(asked).collect();
    let body = html! {
        @match cx.param("done") {
            Some("verified") => (banner(Tone::Done, &t("verify-done"), None)),
            Some("erasing") => (banner(Tone::Waiting, &t("data-erasing"), None)),
            Some("password") => (banner(Tone::Done, &t("reset-done"), None)),
            _ => {},
        }
        (typed.banner())
        (form(&Form { more: widget.markup(), ..Form::new("/login", cx.guard(), fields, t("login-submit")) }))
        (super::passkeys::sign_in_button(cx, after(cx, next), whose.slug()))
        (super::providers::buttons(cx, after(cx, next), whose.slug()))
        (aside("login-forgot", "login-forgot-link", &whose.to("/forgot-password")))
        (aside("login-new", "login-register", &whose.to("/register")))
    };
    widget.allowed(Reply::page(whose.page(cx, t("login-title"), body)))
}

async fn login(cx: Cx, fields: Fields) -> Result<Reply> {
    let whose = Whose::typed(&cx, &fields).await?;
    let wanted = Login {
        email: fields.get("email").to_owned(),
        password: Secret(fields.get("password").to_owned()),
        session: Wanted::Cookie,
        captcha_token: captcha::token(&fields),
        business: whose.slug().map(str::to_owned),
    };
    match Cx::refusable(login::login(&cx, &wanted).await)? {
        Ok(entered) => Ok(entered_page(&cx, &whose, &entered, fields.get("next")).await),
        // As where it is counted before the handler.
        Err(refused) if refused.error.code() == "too_many" => Err(refused.error),
        Err(refused) => {
            let page = login_form(&cx, &whose, fields.get("next"), &Typed::again(&fields, &refused)).await;
            Ok(page.status(StatusCode::UNAUTHORIZED))
        }
    }
}

/// Where a sign-in goes on: to the second factor, to the first business, or to where the person wanted to be.
pub(super) async fn entered_page(cx: &Cx, whose: &Whose, entered: &login::Entered, next: &str) -> Reply {
    match &entered.outcome {
        Outcome::Second(awaited) => second_form(cx, whose, &awaited.mfa_token, next, &Typed::default()).await,
        Outcome::Browser(signed_in) => {
            // Who has no business yet opens one, unless it is an invitation to one that brought them here.
            let next = after(cx, next);
            let next = if signed_in.tenant.is_some() || next.starts_with("/invitation?") { next } else { "/open" };
            entered.with_cookies(Reply::see(next))
        }
        Outcome::Tokens(_) => Reply::see("/"),
    }
}

async fn second_form(cx: &Cx, whose: &Whose, token: &str, next: &str, typed: &Typed<'_>) -> Reply {
    let widget = Widget::where_needed(cx, Action::Second, second::proof_wanted(cx, Some(&Secret(token.to_owned()))).await);
    let code = Field::text("code", t("second-code")).help(t("second-code-help")).autocomplete("one-time-code").focus();
    let mut code = typed.field(code);
    // A recovery code is typed into the same field.
    code.error = code.error.or_else(|| typed.refused?.of("recoveryCode"));
    let asked = [Field::hidden("next", after(cx, next)), Field::hidden("mfaToken", token), code];
    let fields = whose.field().into_iter().chain(asked).collect();
    let body = html! {
        (typed.banner())
        (form(&Form { more: widget.markup(), ..Form::new("/2fa/verify", cx.guard(), fields, t("second-submit")) }))
    };
    widget.allowed(Reply::page(whose.page(cx, t("second-title"), body)))
}

/// A code of six digits is the second factor's; anything else is taken as a recovery code.
async fn second_step(cx: Cx, fields: Fields) -> Result<Reply> {
    let (token, code) = (Secret(fields.get("mfaToken").to_owned()), Secret(fields.get("code").to_owned()));
    let (whose, proof) = (Whose::typed(&cx, &fields).await?, captcha::token(&fields));
    let recovery = code.0.chars().filter(|c| !c.is_whitespace()).count() != 6;
    let guess = Guess { mfa_token: &token, code: &code, recovery, captcha_token: proof.as_deref() };
    match Cx::refusable(second::finish(&cx, &guess, Wanted::Cookie).await)? {
        Ok(entered) => Ok(entered_page(&cx, &whose, &entered, fields.get("next")).await),
        Err(refused) if refused.error.code() == "second.over" => {
            let page = login_form(&cx, &whose, fields.get("next"), &Typed::again(&fields, &refused)).await;
            Ok(page.status(StatusCode::UNAUTHORIZED))
        }
        Err(refused) => {
            let page = second_form(&cx, &whose, &token.0, fields.get("next"), &Typed::again(&fields, &refused)).await;
            Ok(page.status(StatusCode::UNAUTHORIZED))
        }
    }
}

async fn logout(cx: Cx, _: Fields) -> Result<Reply> {
    let elsewhere = oidc::sign_out_url(&cx).await;
    login::sign_out(&cx).await?;
    if let Some(url) = elsewhere {
        return Ok(super::providers::sign_out_page(&cx, &url));
    }
    let to = if cx.cookie(web::AT_DEVICE).is_some() { "/device" } else { "/login" };
    Ok(session::signed_out(&cx, Reply::see(to)))
}

async fn register_page(cx: Cx) -> Result<Reply> {
    if cx.viewer.is_some() {
        return Ok(Reply::see("/"));
    }
    Ok(register_form(&cx, &Whose::asked(&cx).await?, &Typed::default()))
}

fn register_form(cx: &Cx, whose: &Whose, typed: &Typed<'_>) -> Reply {
    let widget = Widget::new(cx, Action::Register);
    let chosen = password("password", "account-password", "new-password").help(t("password-help"));
    let email = typed.field(Field::new("email", t("account-email"), Kind::Email).autocomplete("username").focus());
    let fields = whose.field().into_iter().chain([email, typed.field(chosen)]).collect();
    let body = html! {
        (typed.banner())
        (form(&Form { more: widget.markup(), ..Form::new("/register", cx.guard(), fields, t("register-submit")) }))
        (aside("register-known", "register-login", &whose.sign_in()))
    };
    widget.allowed(Reply::page(whose.page(cx, t("register-title"), body)))
}

async fn register(cx: Cx, fields: Fields) -> Result<Reply> {
    let whose = Whose::typed(&cx, &fields).await?;
    let wanted = Register {
        email: fields.get("email").to_owned(),
        password: Secret(fields.get("password").to_owned()),
        captcha_token: captcha::token(&fields),
        business: whose.slug().map(str::to_owned),
    };
    match Cx::refusable(register::register(&cx, &wanted).await)? {
        Ok(cookie) => Ok(Reply::see(whose.to("/registered")).header(header::SET_COOKIE, cookie)),
        Err(refused) => {
            let status = if refused.error.status() == 503 { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::UNPROCESSABLE_ENTITY };
            Ok(register_form(&cx, &whose, &Typed::again(&fields, &refused)).status(status))
        }
    }
}

/// How good a new password is while it is typed: a meter and a few words.
async fn strength(_: Cx, fields: Fields) -> Result<Reply> {
    let typed = ["password", "newPassword"].map(|name| fields.get(name)).into_iter().find(|typed| !typed.is_empty());
    let Some(typed) = typed else { return Ok(Reply::page(html! {})) };
    let Strength { score, refused } = account::strength(&Secret(typed.to_owned()), fields.get("email")).await?;
    let said = match refused {
        Some(code) => kernel::code(code).map(web::code_text).unwrap_or_default(),
        None if score == 3 => t("strength-good"),
        None => t("strength-strong"),
    };
    Ok(Reply::page(html! { meter min="0" max="4" low="3" high="3" optimum="4" value=(score) aria-label=(t("strength")) {} " " (said) }))
}

#[cfg(test)]
mod tests {
    use super::is_local;

    #[test]
    fn only_paths_of_this_program_are_gone_to() {
        for fine in ["/", "/orders?state=open&sort=-placed", "/items/0193#trail"] {
            assert!(is_local(fine), "{fine:?}");
        }
        for elsewhere in [
            "",
            "https://evil.example",
            "//evil.example",
            "/\\evil.example",
            "/\t/evil.example",
            "\t//evil.example",
            "javascript:alert(1)",
            "/\r\nSet-Cookie: a=b",
            "/ü",
            "/items/../logout",
            "/items/%2E%2e/logout",
        ] {
            assert!(!is_local(elsewhere), "{elsewhere:?}");
        }
    }
}
