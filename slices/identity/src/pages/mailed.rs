//! What goes by letter before one is signed in: confirming an address, and choosing a password anew.

use kernel::{Permission, Result};
use maud::{Markup, html};
use web::{
    Answers, Cx, Fields, Refused, Reply, Routes, t,
    ui::{Field, Form, Kind, Tone, banner, form},
};

use super::{Typed, aside, password, whose::Whose};
use crate::{
    account::Secret,
    letter::{self, Origin, Wish},
    register::{self, VerifyEmail},
    reset::{self, ResetPassword},
};

pub(super) fn routes(routes: &mut Routes) {
    use Permission::Open;
    routes.raw("GET /registered", Open, Answers::Page, &["business"], async |cx: Cx| Ok(Reply::page(sent_page(cx).await?)));
    routes.raw("GET /verify-email", Open, Answers::Page, &["token", "business"], verify_page);
    routes.form("POST /verify-email", Open, verify);
    routes.raw("GET /resend-verification", Open, Answers::Page, &["business"], async |cx: Cx| asks(&cx, &RESEND).await);
    routes.form("POST /resend-verification", Open, resend);
    routes.raw("GET /forgot-password", Open, Answers::Page, &["business"], async |cx: Cx| asks(&cx, &FORGOT).await);
    routes.form("POST /forgot-password", Open, forgot);
    routes.raw("GET /reset-password", Open, Answers::Page, &["token", "email", "business"], reset_page);
    routes.form("POST /reset-password", Open, reset);
}

/// Says that a letter is on its way, if there is anybody to write to.
async fn sent_page(cx: Cx) -> Result<Markup> {
    let whose = Whose::asked(&cx).await?;
    let body = html! {
        (banner(Tone::Done, &t("registered-text"), None))
        (aside("registered-nothing", "registered-resend", &whose.to("/resend-verification")))
        (aside("register-known", "register-login", &whose.sign_in()))
    };
    Ok(whose.page(&cx, t("registered-title"), body))
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

fn address_form(cx: &Cx, whose: &Whose, page: &AddressPage, typed: &Typed<'_>) -> Markup {
    let email = typed.field(Field::new("email", t("account-email"), Kind::Email).autocomplete("username").focus());
    let fields = whose.field().into_iter().chain([email]).collect();
    let body = html! {
        (typed.banner())
        p { (t(page.text)) }
        (form(&Form::new(page.to, cx.guard(), fields, t(page.submit))))
        (aside("register-known", "register-login", &whose.sign_in()))
    };
    whose.page(cx, t(page.title), body)
}

async fn asks(cx: &Cx, page: &AddressPage) -> Result<Reply> {
    Ok(Reply::page(address_form(cx, &Whose::asked(cx).await?, page, &Typed::default())))
}

async fn resend(cx: Cx, fields: Fields) -> Result<Reply> {
    let whose = Whose::typed(&cx, &fields).await?;
    match Cx::refusable(wish(&cx, &fields, |email| Wish::VerifyAgain { email }).await)? {
        Ok(_) => Ok(Reply::see(whose.to("/registered"))),
        Err(refused) => Ok(Reply::refused(address_form(&cx, &whose, &RESEND, &Typed::again(&fields, &refused)))),
    }
}

async fn forgot(cx: Cx, fields: Fields) -> Result<Reply> {
    let whose = Whose::typed(&cx, &fields).await?;
    match Cx::refusable(wish(&cx, &fields, |email| Wish::Reset { email }).await)? {
        Ok(email) => {
            let mut query = vec![("email", email.as_str())];
            query.extend(whose.slug().map(|slug| ("business", slug)));
            Ok(Reply::see(format!("/reset-password?{}", serde_urlencoded::to_string(query).unwrap_or_default())))
        }
        Err(refused) => Ok(Reply::refused(address_form(&cx, &whose, &FORGOT, &Typed::again(&fields, &refused)))),
    }
}

/// Writes a wish down; the same for every address.
async fn wish(cx: &Cx, fields: &Fields, wish: impl FnOnce(String) -> Wish) -> Result<String> {
    let email = crate::email::Email::read("email", fields.get("email"))?.to_string();
    let origin = Origin::of(cx, Some(&fields.get("business").to_owned()))?;
    let mut system = cx.app.db().system("identity.letter").await?;
    letter::wish(&mut system, origin, wish(email.clone())).await?;
    system.commit().await?;
    Ok(email)
}

/// Opening the link spends nothing: the button does.
async fn verify_page(cx: Cx) -> Result<Reply> {
    let (token, whose) = (cx.param("token").unwrap_or_default().to_owned(), Whose::asked(&cx).await?);
    match Cx::refusable(register::standing(cx.app.db(), &token).await)? {
        Ok(standing) => {
            let fields = whose.field().into_iter().chain([Field::hidden("token", &token)]).collect();
            let body = html! {
                p { (t("verify-text")) }
                p { strong { (standing.email) } }
                (form(&Form::new("/verify-email", cx.guard(), fields, t("verify-submit"))))
            };
            Ok(Reply::page(whose.page(&cx, t("verify-title"), body)))
        }
        Err(refused) => Ok(Reply::refused(verify_over(&cx, &whose, &refused))),
    }
}

fn verify_over(cx: &Cx, whose: &Whose, refused: &Refused) -> Markup {
    let body = html! { (refused.banner()) (aside("registered-nothing", "registered-resend", &whose.to("/resend-verification"))) };
    whose.page(cx, t("verify-title"), body)
}

async fn verify(cx: Cx, fields: Fields) -> Result<Reply> {
    let whose = Whose::typed(&cx, &fields).await?;
    let wanted = VerifyEmail { token: Secret(fields.get("token").to_owned()), password: None };
    match Cx::refusable(register::verify(&cx, &wanted).await)? {
        Ok(verified) => Ok(match verified.reset_token {
            Some(token) => Reply::see(whose.to(&format!("/reset-password?token={token}"))),
            None => Reply::see(format!("{}?done=verified", whose.sign_in())),
        }),
        Err(refused) => Ok(Reply::refused(verify_over(&cx, &whose, &refused))),
    }
}

/// By the link of a mail; or, after asking for one, by its code.
async fn reset_page(cx: Cx) -> Result<Reply> {
    let whose = Whose::asked(&cx).await?;
    if let Some(email) = cx.param("email") {
        return Ok(Reply::page(code_form(&cx, &whose, email, &Typed::default())));
    }
    let token = cx.param("token").unwrap_or_default().to_owned();
    match Cx::refusable(reset::standing(cx.app.db(), &token).await)? {
        Ok(email) => Ok(Reply::page(reset_form(&cx, &whose, &token, Some(&email), &Typed::default()))),
        Err(refused) => Ok(Reply::refused(spent_page(&cx, &whose, &refused))),
    }
}

fn spent_page(cx: &Cx, whose: &Whose, refused: &Refused) -> Markup {
    let body = html! { (refused.banner()) (aside("reset-again", "login-forgot-link", &whose.to("/forgot-password"))) };
    whose.page(cx, t("reset-title"), body)
}

fn reset_form(cx: &Cx, whose: &Whose, token: &str, email: Option<&str>, typed: &Typed<'_>) -> Markup {
    let chosen = password("newPassword", "account-password", "new-password").help(t("password-help")).focus();
    let fields = whose.field().into_iter().chain([Field::hidden("token", token), typed.field(chosen)]).collect();
    let body = html! {
        (typed.banner())
        @if let Some(email) = email { p { (email) } }
        (form(&Form::new("/reset-password", cx.guard(), fields, t("reset-submit"))))
    };
    whose.page(cx, t("reset-title"), body)
}

fn code_form(cx: &Cx, whose: &Whose, email: &str, typed: &Typed<'_>) -> Markup {
    let asked = [
        Field::hidden("email", email),
        typed.field(Field::text("code", t("second-code")).help(t("reset-code-help")).autocomplete("one-time-code").focus()),
        typed.field(password("newPassword", "account-password", "new-password").help(t("password-help"))),
    ];
    let fields = whose.field().into_iter().chain(asked).collect();
    let body = html! {
        @if typed.fields.is_none() { (banner(Tone::Done, &t("forgot-sent"), None)) }
        (typed.banner())
        (form(&Form::new("/reset-password", cx.guard(), fields, t("reset-submit"))))
        (aside("reset-again", "login-forgot-link", &whose.to("/forgot-password")))
    };
    whose.page(cx, t("reset-title"), body)
}

async fn reset(cx: Cx, fields: Fields) -> Result<Reply> {
    let whose = Whose::typed(&cx, &fields).await?;
    let given = |name: &str| Some(fields.get(name).to_owned()).filter(|text| !text.is_empty());
    let wanted = ResetPassword {
        token: given("token").map(Secret),
        email: given("email"),
        code: given("code").map(Secret),
        new_password: Secret(fields.get("newPassword").to_owned()),
    };
    match Cx::refusable(reset::reset(&cx, &wanted).await)? {
        Ok(()) => Ok(Reply::see(format!("{}?done=password", whose.sign_in()))),
        Err(refused) if refused.error.code() == "password.link" => Ok(Reply::refused(spent_page(&cx, &whose, &refused))),
        Err(refused) => {
            let typed = Typed::again(&fields, &refused);
            Ok(Reply::refused(match given("email") {
                Some(email) => code_form(&cx, &whose, &email, &typed),
                None => reset_form(&cx, &whose, fields.get("token"), None, &typed),
            }))
        }
    }
}
