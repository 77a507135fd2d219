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
    account::{self, Login, Register, Secret},
    business::{self, OpenBusiness},
    link::{self, ResetPassword},
    session, site,
};

pub(super) fn routes(routes: &mut Routes) {
    use Permission::{Open, SignedIn};
    routes.raw("GET /login", Open, Answers::Page, &["next", "registered"], login_page);
    routes.form("POST /login", Open, login);
    routes.form("POST /logout", Open, logout);
    routes.raw("GET /register", Open, Answers::Page, &[], register_page);
    routes.form("POST /register", Open, register);
    routes.raw("GET /reset-password", Open, Answers::Page, &["token"], reset_page);
    routes.form("POST /reset-password", Open, reset);
    routes.page("GET /open", SignedIn, async |cx: Cx| Ok(open_form(&cx, &Typed::default())));
    routes.form("POST /open", SignedIn, open);
    routes.page("GET /businesses", SignedIn, businesses);
    routes.form("POST /businesses/{tenant}", SignedIn, switch);
}

/// Where to go after signing in: a path of this program and nothing else. Control signs, backslashes and a second slash
/// are ways to write another host; browsers drop tabs and line ends before they read an address.
fn local(next: &str) -> &str {
    let plain = next.bytes().all(|b| (0x21..0x7f).contains(&b) && b != b'\\');
    if plain && next.starts_with('/') && !next.starts_with("//") { next } else { "/" }
}

async fn login_page(cx: Cx) -> Result<Reply> {
    let next = cx.param("next").unwrap_or_default();
    if cx.viewer.is_some() {
        return Ok(Reply::see(local(next)));
    }
    Ok(Reply::page(login_form(&cx, next, &Typed::default())))
}

fn login_form(cx: &Cx, next: &str, typed: &Typed<'_>) -> Markup {
    let fields = vec![
        Field::hidden("next", local(next)),
        typed.field(Field::new("email", t("account-email"), Kind::Email).autocomplete("username").focus()),
        password("password", "account-password", "current-password"),
    ];
    let body = html! {
        @if cx.param("registered").is_some() { (banner(Tone::Done, &t("register-done"), None)) }
        (typed.banner())
        (form(&Form::new("/login", cx.guard(), fields, t("login-submit"))))
        (aside("login-new", "login-register", "/register"))
    };
    cx.page(t("login-title"), body)
}

async fn login(cx: Cx, fields: Fields) -> Result<Reply> {
    let wanted = Login { email: fields.get("email").to_owned(), password: Secret(fields.get("password").to_owned()) };
    match Cx::refusable(account::login(cx.app.db(), &cx.headers, &wanted).await)? {
        Ok((signed_in, begun)) => {
            let next = if signed_in.tenant.is_some() { local(fields.get("next")) } else { "/open" };
            Ok(Reply::see(next).header(header::SET_COOKIE, begun.set_cookie()))
        }
        Err(refused) => {
            let page = login_form(&cx, fields.get("next"), &Typed::again(&fields, &refused));
            Ok(Reply::refused(page).status(StatusCode::UNAUTHORIZED))
        }
    }
}

async fn logout(cx: Cx, _: Fields) -> Result<Reply> {
    session::end(cx.app.db(), &cx.headers).await?;
    Ok(Reply::see("/login").header(header::SET_COOKIE, session::no_cookie()))
}

async fn register_page(cx: Cx) -> Result<Reply> {
    if cx.viewer.is_some() {
        return Ok(Reply::see("/"));
    }
    Ok(Reply::page(register_form(&cx, &Typed::default())))
}

fn register_form(cx: &Cx, typed: &Typed<'_>) -> Markup {
    let chosen = password("password", "account-password", "new-password").help(t("password-help"));
    let fields =
        vec![typed.field(Field::new("email", t("account-email"), Kind::Email).autocomplete("username").focus()), typed.field(chosen)];
    let body = html! {
        (typed.banner())
        (form(&Form::new("/register", cx.guard(), fields, t("register-submit"))))
        (aside("register-known", "register-login", "/login"))
    };
    cx.page(t("register-title"), body)
}

async fn register(cx: Cx, fields: Fields) -> Result<Reply> {
    let wanted = Register { email: fields.get("email").to_owned(), password: Secret(fields.get("password").to_owned()) };
    match Cx::refusable(account::register(cx.app.db(), &wanted).await)? {
        Ok(()) => Ok(Reply::see("/login?registered=1")),
        Err(refused) => Ok(Reply::refused(register_form(&cx, &Typed::again(&fields, &refused)))),
    }
}

async fn reset_page(cx: Cx) -> Result<Reply> {
    let token = cx.param("token").unwrap_or_default().to_owned();
    match Cx::refusable(link::standing(cx.app.db(), &token).await)? {
        Ok(email) => Ok(Reply::page(reset_form(&cx, &token, Some(&email), &Typed::default()))),
        Err(refused) => Ok(Reply::refused(spent_page(&cx, &refused))),
    }
}

fn spent_page(cx: &Cx, refused: &Refused) -> Markup {
    cx.page(t("reset-title"), html! { (refused.banner()) (aside("register-known", "register-login", "/login")) })
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

async fn reset(cx: Cx, fields: Fields) -> Result<Reply> {
    let token = fields.get("token").to_owned();
    let wanted = ResetPassword { token: Secret(token.clone()), new_password: Secret(fields.get("newPassword").to_owned()) };
    match Cx::refusable(link::spend(cx.app.db(), &wanted).await)? {
        Ok(()) => Ok(Reply::see("/login?registered=1")),
        Err(refused) if refused.error.code() == "password.link" => Ok(Reply::refused(spent_page(&cx, &refused))),
        Err(refused) => Ok(Reply::refused(reset_form(&cx, &token, None, &Typed::again(&fields, &refused)))),
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
    use super::local;

    #[test]
    fn only_paths_of_this_program_are_gone_to() {
        for fine in ["/", "/orders?state=open&sort=-placed", "/items/0193#trail"] {
            assert_eq!(local(fine), fine);
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
        ] {
            assert_eq!(local(elsewhere), "/", "{elsewhere:?}");
        }
    }
}
