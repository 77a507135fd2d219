//! Register, sign in, sign out, choose a first password, open a business, change to another.

use axum::http::{StatusCode, header};
use kernel::{Permission, Result};
use maud::{Markup, html};
use web::{
    Answers, Cx, Fields, Refused, Reply, Routes, t,
    ui::{self, Act, Empty, Field, Form, Kind, Tone, banner, form},
};

use super::{Typed, aside, password};
use crate::{
    account::Secret,
    business::{self, OpenBusiness},
    captcha::{self, Action, Widget},
    letter::{self, Wish},
    limits,
    login::{self, Login, Outcome, Wanted},
    oidc,
    reauth::{self, ReauthVerify},
    register::{self, Register, VerifyEmail},
    reset::{self, ResetPassword},
    second, session, site,
};

pub(super) fn routes(routes: &mut Routes) {
    use Permission::{Open, OwnAccount};
    routes.raw("GET /login", Open, Answers::Page, &["next", "done"], login_page);
    routes.form("POST /login", Open, login);
    routes.form("POST /logout", Open, logout);
    routes.raw("GET /register", Open, Answers::Page, &[], register_page);
    routes.form("POST /register", Open, register);
    routes.form("POST /2fa/verify", Open, second_step);
    routes.page("GET /registered", Open, async |cx: Cx| Ok(sent_page(&cx, "registered-title", "registered-text")));
    routes.raw("GET /verify-email", Open, Answers::Page, &["token"], verify_page);
    routes.form("POST /verify-email", Open, verify);
    routes.page("GET /resend-verification", Open, async |cx: Cx| Ok(address_form(&cx, &RESEND, &Typed::default())));
    routes.form("POST /resend-verification", Open, resend);
    routes.page("GET /forgot-password", Open, async |cx: Cx| Ok(address_form(&cx, &FORGOT, &Typed::default())));
    routes.form("POST /forgot-password", Open, forgot);
    routes.raw("GET /reset-password", Open, Answers::Page, &["token", "email"], reset_page);
    routes.form("POST /reset-password", Open, reset);
    routes.raw("GET /reauth", Permission::Again, Answers::Page, &["next", "sent"], reauth_page);
    routes.form("POST /reauth", Permission::Again, reauth);
    routes.form("POST /reauth/send", Permission::Again, reauth_send);
    routes.page("GET /open", OwnAccount, async |cx: Cx| Ok(open_form(&cx, &Typed::default())));
    routes.form("POST /open", OwnAccount, open);
    routes.page("GET /businesses", OwnAccount, businesses);
    routes.form("POST /businesses/{tenant}", OwnAccount, switch);
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

async fn login_page(cx: Cx) -> Result<Reply> {
    let next = cx.param("next").unwrap_or_default();
    // Who finds a device locked may sign in on it by password.
    if cx.viewer.is_some() && (cx.op.device.is_none() || cx.op.permissions.has(Permission::SignedIn)) {
        return Ok(Reply::see(after(&cx, next)));
    }
    Ok(login_form(&cx, next, &Typed::default()).await)
}

async fn login_form(cx: &Cx, next: &str, typed: &Typed<'_>) -> Reply {
    let email = typed.fields.map(|fields| limits::typed(fields.get("email"))).unwrap_or_default();
    let widget = Widget::at_login(cx, &email).await;
    let fields = vec![
        Field::hidden("next", after(cx, next)),
        typed.field(Field::new("email", t("account-email"), Kind::Email).autocomplete("username").focus()),
        password("password", "account-password", "current-password"),
    ];
    let body = html! {
        @match cx.param("done") {
            Some("verified") => (banner(Tone::Done, &t("verify-done"), None)),
            Some("password") => (banner(Tone::Done, &t("reset-done"), None)),
            _ => {},
        }
        (typed.banner())
        (form(&Form { more: widget.markup(), ..Form::new("/login", cx.guard(), fields, t("login-submit")) }))
        (super::passkeys::sign_in_button(cx, after(cx, next)))
        (super::providers::buttons(cx, after(cx, next)))
        (aside("login-forgot", "login-forgot-link", "/forgot-password"))
        (aside("login-new", "login-register", "/register"))
    };
    widget.allowed(Reply::page(cx.page(t("login-title"), body)))
}

async fn login(cx: Cx, fields: Fields) -> Result<Reply> {
    let wanted = Login {
        email: fields.get("email").to_owned(),
        password: Secret(fields.get("password").to_owned()),
        session: Wanted::Cookie,
        captcha_token: captcha::token(&fields),
    };
    match Cx::refusable(login::login(&cx, &wanted).await)? {
        Ok(entered) => Ok(entered_page(&cx, &entered, fields.get("next"))),
        // As where it is counted before the handler.
        Err(refused) if refused.error.code() == "too_many" => Err(refused.error),
        Err(refused) => {
            let page = login_form(&cx, fields.get("next"), &Typed::again(&fields, &refused)).await;
            Ok(page.status(StatusCode::UNAUTHORIZED))
        }
    }
}

/// Where a sign-in goes on: to the second factor, to the first business, or to where the person wanted to be.
pub(super) fn entered_page(cx: &Cx, entered: &login::Entered, next: &str) -> Reply {
    match &entered.outcome {
        Outcome::Second(awaited) => Reply::page(second_form(cx, &awaited.mfa_token, next, &Typed::default())),
        Outcome::Browser(signed_in) => {
            // Who has no business yet opens one, unless it is an invitation to one that brought them here.
            let next = after(cx, next);
            let next = if signed_in.tenant.is_some() || next.starts_with("/invitation?") { next } else { "/open" };
            entered.with_cookies(Reply::see(next))
        }
        Outcome::Tokens(_) => Reply::see("/"),
    }
}

fn second_form(cx: &Cx, token: &str, next: &str, typed: &Typed<'_>) -> Markup {
    let code = Field::text("code", t("second-code")).help(t("second-code-help")).autocomplete("one-time-code").focus();
    let fields = vec![Field::hidden("next", after(cx, next)), Field::hidden("mfaToken", token), typed.field(code)];
    let body = html! { (typed.banner()) (form(&Form::new("/2fa/verify", cx.guard(), fields, t("second-submit")))) };
    cx.page(t("second-title"), body)
}

/// A code of six digits is the second factor's; anything else is taken as a recovery code.
async fn second_step(cx: Cx, fields: Fields) -> Result<Reply> {
    let (token, code) = (Secret(fields.get("mfaToken").to_owned()), Secret(fields.get("code").to_owned()));
    let recovery = code.0.chars().filter(|c| !c.is_whitespace()).count() != 6;
    match Cx::refusable(second::finish(&cx, &token, &code, recovery, Wanted::Cookie).await)? {
        Ok(entered) => Ok(entered_page(&cx, &entered, fields.get("next"))),
        Err(refused) if refused.error.code() == "second.over" => {
            Ok(login_form(&cx, fields.get("next"), &Typed::again(&fields, &refused)).await.status(StatusCode::UNAUTHORIZED))
        }
        Err(refused) => {
            let page = second_form(&cx, &token.0, fields.get("next"), &Typed::again(&fields, &refused));
            Ok(Reply::refused(page).status(StatusCode::UNAUTHORIZED))
        }
    }
}

async fn logout(cx: Cx, _: Fields) -> Result<Reply> {
    let elsewhere = oidc::sign_out_url(&cx).await;
    session::end(cx.app.db(), &cx.headers).await?;
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
    Ok(register_form(&cx, &Typed::default()))
}

fn register_form(cx: &Cx, typed: &Typed<'_>) -> Reply {
    let widget = Widget::new(cx, Action::Register);
    let chosen = password("password", "account-password", "new-password").help(t("password-help"));
    let fields =
        vec![typed.field(Field::new("email", t("account-email"), Kind::Email).autocomplete("username").focus()), typed.field(chosen)];
    let body = html! {
        (typed.banner())
        (form(&Form { more: widget.markup(), ..Form::new("/register", cx.guard(), fields, t("register-submit")) }))
        (aside("register-known", "register-login", "/login"))
    };
    widget.allowed(Reply::page(cx.page(t("register-title"), body)))
}

async fn register(cx: Cx, fields: Fields) -> Result<Reply> {
    let wanted = Register {
        email: fields.get("email").to_owned(),
        password: Secret(fields.get("password").to_owned()),
        captcha_token: captcha::token(&fields),
    };
    match Cx::refusable(register::register(&cx, &wanted).await)? {
        Ok(cookie) => Ok(Reply::see("/registered").header(header::SET_COOKIE, cookie)),
        Err(refused) => {
            let status = if refused.error.status() == 503 { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::UNPROCESSABLE_ENTITY };
            Ok(register_form(&cx, &Typed::again(&fields, &refused)).status(status))
        }
    }
}

/// Says that a letter is on its way, if there is anybody to write to.
fn sent_page(cx: &Cx, title: &str, text: &str) -> Markup {
    let body = html! {
        (banner(Tone::Done, &t(text), None))
        (aside("registered-nothing", "registered-resend", "/resend-verification"))
        (aside("register-known", "register-login", "/login"))
    };
    cx.page(t(title), body)
}

/// A page that asks for an address to write to.
struct AddressPage {
    title: &'static str,
    text: &'static str,
    to: &'static str,
    submit: &'static str,
}

const RESEND: AddressPage = AddressPage { title: "resend-title", text: "resend-text", to: "/resend-verification", submit: "resend-submit" };
const FORGOT: AddressPage = AddressPage { title: "forgot-title", text: "forgot-text", to: "/forgot-password", submit: "forgot-submit" };

fn address_form(cx: &Cx, page: &AddressPage, typed: &Typed<'_>) -> Markup {
    let fields = vec![typed.field(Field::new("email", t("account-email"), Kind::Email).autocomplete("username").focus())];
    let body = html! {
        (typed.banner())
        p { (t(page.text)) }
        (form(&Form::new(page.to, cx.guard(), fields, t(page.submit))))
        (aside("register-known", "register-login", "/login"))
    };
    cx.page(t(page.title), body)
}

async fn resend(cx: Cx, fields: Fields) -> Result<Reply> {
    match Cx::refusable(wish(&cx, &fields, |email| Wish::VerifyAgain { email }).await)? {
        Ok(_) => Ok(Reply::see("/registered")),
        Err(refused) => Ok(Reply::refused(address_form(&cx, &RESEND, &Typed::again(&fields, &refused)))),
    }
}

async fn forgot(cx: Cx, fields: Fields) -> Result<Reply> {
    match Cx::refusable(wish(&cx, &fields, |email| Wish::Reset { email }).await)? {
        Ok(email) => {
            let query = serde_urlencoded::to_string([("email", email)]).unwrap_or_default();
            Ok(Reply::see(format!("/reset-password?{query}")))
        }
        Err(refused) => Ok(Reply::refused(address_form(&cx, &FORGOT, &Typed::again(&fields, &refused)))),
    }
}

/// Writes a wish down; the same for every address.
async fn wish(cx: &Cx, fields: &Fields, wish: impl FnOnce(String) -> Wish) -> Result<String> {
    let email = crate::email::Email::read("email", fields.get("email"))?.to_string();
    let mut system = cx.app.db().system("identity.letter").await?;
    letter::wish(cx, &mut system, wish(email.clone())).await?;
    system.commit().await?;
    Ok(email)
}

/// Opening the link spends nothing: the button does.
async fn verify_page(cx: Cx) -> Result<Reply> {
    let token = cx.param("token").unwrap_or_default().to_owned();
    match Cx::refusable(register::standing(cx.app.db(), &token).await)? {
        Ok(standing) => {
            let body = html! {
                p { (t("verify-text")) }
                p { strong { (standing.email) } }
                (form(&Form::new("/verify-email", cx.guard(), vec![Field::hidden("token", &token)], t("verify-submit"))))
            };
            Ok(Reply::page(cx.page(t("verify-title"), body)))
        }
        Err(refused) => Ok(Reply::refused(verify_over(&cx, &refused))),
    }
}

fn verify_over(cx: &Cx, refused: &Refused) -> Markup {
    let body = html! { (refused.banner()) (aside("registered-nothing", "registered-resend", "/resend-verification")) };
    cx.page(t("verify-title"), body)
}

async fn verify(cx: Cx, fields: Fields) -> Result<Reply> {
    let wanted = VerifyEmail { token: Secret(fields.get("token").to_owned()), password: None };
    match Cx::refusable(register::verify(&cx, &wanted).await)? {
        Ok(verified) => Ok(match verified.reset_token {
            Some(token) => Reply::see(format!("/reset-password?token={token}")),
            None => Reply::see("/login?done=verified"),
        }),
        Err(refused) => Ok(Reply::refused(verify_over(&cx, &refused))),
    }
}

/// By the link of a mail; or, after asking for one, by its code.
async fn reset_page(cx: Cx) -> Result<Reply> {
    if let Some(email) = cx.param("email") {
        return Ok(Reply::page(code_form(&cx, email, &Typed::default())));
    }
    let token = cx.param("token").unwrap_or_default().to_owned();
    match Cx::refusable(reset::standing(cx.app.db(), &token).await)? {
        Ok(email) => Ok(Reply::page(reset_form(&cx, &token, Some(&email), &Typed::default()))),
        Err(refused) => Ok(Reply::refused(spent_page(&cx, &refused))),
    }
}

fn spent_page(cx: &Cx, refused: &Refused) -> Markup {
    cx.page(t("reset-title"), html! { (refused.banner()) (aside("reset-again", "login-forgot-link", "/forgot-password")) })
}

fn reset_form(cx: &Cx, token: &str, email: Option<&str>, typed: &Typed<'_>) -> Markup {
    let chosen = password("newPassword", "account-password", "new-password").help(t("password-help")).focus();
    let fields = vec![Field::hidden("token", token), typed.field(chosen)];
    let body = html! {
        (typed.banner())
        @if let Some(email) = email { p { (email) } }
        (form(&Form::new("/reset-password", cx.guard(), fields, t("reset-submit"))))
    };
    cx.page(t("reset-title"), body)
}

fn code_form(cx: &Cx, email: &str, typed: &Typed<'_>) -> Markup {
    let fields = vec![
        Field::hidden("email", email),
        typed.field(Field::text("code", t("second-code")).help(t("reset-code-help")).autocomplete("one-time-code").focus()),
        typed.field(password("newPassword", "account-password", "new-password").help(t("password-help"))),
    ];
    let body = html! {
        @if typed.fields.is_none() { (banner(Tone::Done, &t("forgot-sent"), None)) }
        (typed.banner())
        (form(&Form::new("/reset-password", cx.guard(), fields, t("reset-submit"))))
        (aside("reset-again", "login-forgot-link", "/forgot-password"))
    };
    cx.page(t("reset-title"), body)
}

async fn reset(cx: Cx, fields: Fields) -> Result<Reply> {
    let given = |name: &str| Some(fields.get(name).to_owned()).filter(|text| !text.is_empty());
    let wanted = ResetPassword {
        token: given("token").map(Secret),
        email: given("email"),
        code: given("code").map(Secret),
        new_password: Secret(fields.get("newPassword").to_owned()),
    };
    match Cx::refusable(reset::reset(&cx, &wanted).await)? {
        Ok(()) => Ok(Reply::see("/login?done=password")),
        Err(refused) if refused.error.code() == "password.link" => Ok(Reply::refused(spent_page(&cx, &refused))),
        Err(refused) => {
            let typed = Typed::again(&fields, &refused);
            Ok(Reply::refused(match given("email") {
                Some(email) => code_form(&cx, &email, &typed),
                None => reset_form(&cx, fields.get("token"), None, &typed),
            }))
        }
    }
}

async fn reauth_page(cx: Cx) -> Result<Reply> {
    let page = reauth_form(&cx, cx.param("next").unwrap_or_default(), &Typed::default()).await?;
    Ok(Reply::page(page))
}

/// Asks for the password, or for a code: of the second factor where there is one, else of a letter.
async fn reauth_form(cx: &Cx, next: &str, typed: &Typed<'_>) -> Result<Markup> {
    let mut system = cx.app.db().system("identity.reauth").await?;
    let on = second::is_on(&mut system, cx.op.account()?).await?;
    drop(system);
    let next = after(cx, next).to_owned();
    let sent = cx.param("sent").is_some();
    let mut fields = vec![Field::hidden("next", &next)];
    if !sent {
        fields.push(typed.field(password("password", "account-password", "current-password").optional().focus()));
    }
    if on || sent {
        let help = if on { "second-code-help" } else { "reauth-code-help" };
        fields.push(typed.field(Field::text("code", t("second-code")).help(t(help)).autocomplete("one-time-code").optional()));
    }
    let body = html! {
        (typed.banner())
        p { (t("reauth-text")) }
        (form(&Form::new("/reauth", cx.guard(), fields, t("reauth-submit"))))
        (super::passkeys::again_button(cx, &next))
        @if !on && !sent { (form(&Form::new("/reauth/send", cx.guard(), vec![Field::hidden("next", &next)], t("reauth-send")))) }
    };
    Ok(cx.page(t("reauth-title"), body))
}

async fn reauth_send(cx: Cx, fields: Fields) -> Result<Reply> {
    reauth::send(&cx).await?;
    let query = serde_urlencoded::to_string([("sent", "1"), ("next", after(&cx, fields.get("next")))]).unwrap_or_default();
    Ok(Reply::see(format!("/reauth?{query}")))
}

async fn reauth(cx: Cx, fields: Fields) -> Result<Reply> {
    let given = |name: &str| Some(fields.get(name).to_owned()).filter(|text| !text.is_empty()).map(Secret);
    let code = given("code");
    let wanted = ReauthVerify { password: given("password").filter(|_| code.is_none()), code, passkey: None };
    match Cx::refusable(reauth::verify(&cx, &wanted).await)? {
        Ok((_, begun)) => Ok(Reply::see(after(&cx, fields.get("next"))).header(header::SET_COOKIE, begun.set_cookie())),
        Err(refused) => Ok(Reply::refused(reauth_form(&cx, fields.get("next"), &Typed::again(&fields, &refused)).await?)),
    }
}

fn open_form(cx: &Cx, typed: &Typed<'_>) -> Markup {
    let fields = vec![
        typed.field(Field::text("name", t("business-name")).autocomplete("organization").focus()),
        typed.field(Field::text("slug", t("business-slug")).help(t("business-slug-help"))),
        typed.field(Field::text("currency", t("site-currency")).help(t("site-currency-help"))),
        typed.field(Field::text("timeZone", t("site-zone")).help(t("site-zone-help"))),
        typed.field(Field::text("siteName", t("business-site")).help(t("business-site-help")).optional()),
        typed.field(Field::new("dayStart", t("site-day-start"), Kind::Time).help(t("site-day-start-help")).value(site::DAY_START)),
    ];
    let (first, further) = fields.split_at(4);
    let more = html! {
        (ui::mend(&fields))
        (ui::fields(first))
        (ui::fold(&t("open-further"), further.iter().any(|one| one.error.is_some()), &ui::fields(further)))
    };
    let body = html! {
        (typed.banner())
        (form(&Form { more, ..Form::new("/open", cx.guard(), Vec::new(), t("open-submit")) }))
    };
    cx.page(t("open-title"), body)
}

async fn open(cx: Cx, fields: Fields) -> Result<Reply> {
    let some = |name: &str| Some(fields.get(name).to_owned());
    let new = OpenBusiness {
        name: fields.get("name").to_owned(),
        slug: fields.get("slug").to_owned(),
        currency: fields.get("currency").to_owned(),
        time_zone: fields.get("timeZone").to_owned(),
        site_name: some("siteName"),
        day_start: some("dayStart"),
        owner_name: None,
    };
    match Cx::refusable(business::open_and_enter(&cx, &new).await)? {
        Ok((_, begun)) => Ok(Reply::see("/").header(header::SET_COOKIE, begun.set_cookie())),
        Err(refused) => Ok(Reply::refused(open_form(&cx, &Typed::again(&fields, &refused)))),
    }
}

async fn businesses(cx: Cx) -> Result<Markup> {
    let all = business::of(&cx).await?;
    let rows = all.into_iter().map(|one| {
        let enter = if one.active {
            ui::badge(Tone::Done, &t("business-active"))
        } else {
            ui::act(&Act::new(t("business-enter"), format!("/businesses/{}", one.id), cx.guard()))
        };
        let roles = one.roles.iter().map(|role| t(&format!("role-{role}"))).collect::<Vec<_>>().join(", ");
        let cells = vec![html! { (one.name) }, html! { (roles) }, enter];
        ui::Row { id: one.id.to_string(), name: one.name, href: None, cells }
    });
    let column = |label: &str| ui::Column::new(t(label), ui::ColumnKind::Text);
    let table = ui::Table {
        caption: t("businesses-title"),
        columns: vec![column("business-name"), column("member-roles"), column("business-state")],
        rows: rows.collect(),
        total: None,
        bulk: None,
        empty: Some(Empty { icon: "home", title: t("businesses-none"), text: t("businesses-first"), first: None }),
    };
    let open = ui::Button::link(t("open-title"), "/open").main();
    Ok(cx.page_with(ui::Toolbar { title: t("businesses-title"), buttons: vec![open], ..Default::default() }, ui::table(&table)))
}

async fn switch(cx: Cx, _: Fields) -> Result<Reply> {
    let (_, begun) = business::switch(&cx, cx.id("tenant")?).await?;
    Ok(Reply::see("/").header(header::SET_COOKIE, begun.set_cookie()))
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
