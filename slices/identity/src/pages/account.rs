//! The account's own pages: password, second factor, sessions; the address, and what happened to the account.

use axum::http::{StatusCode, header};
use kernel::{Permission, Result};
use maud::{Markup, PreEscaped, html};
use web::{
    Answers, Cx, Fields, Reply, Routes, t, tf,
    ui::{self, Act, Button, ColumnKind, Fact, Field, Form, Kind, Row, Table, Tone, Toolbar, Weight, banner, form},
};

use super::{Typed, aside, password, sign_in::after};
use crate::{
    account::{self, Secret},
    captcha::{self, Action, Widget},
    change_email::{self, ChangeEmail, ConfirmEmail},
    passkey,
    phone::{self, ConfirmPhone, SetPhone},
    reset::{self, ChangePassword},
    second::{self, Code, Setup},
    session, sessions,
};

pub(super) fn routes(routes: &mut Routes) {
    use Permission::{Open, OwnAccount, Second};
    routes.raw("GET /account/security", OwnAccount, Answers::Page, &["done"], async |cx: Cx| {
        Ok(Reply::page(security(&cx, &Typed::default()).await?))
    });
    routes.form("POST /account/password", OwnAccount, change_password);
    routes.form("POST /account/sessions/{id}/end", OwnAccount, end_session);
    routes.form("POST /account/sessions/end", OwnAccount, end_others);
    routes.form("POST /account/phone", OwnAccount, ask_phone);
    routes.form("POST /account/phone/confirm", OwnAccount, confirm_phone);
    routes.form("POST /account/phone/remove", OwnAccount, remove_phone);
    routes.raw("GET /2fa/setup", Second, Answers::Page, &["next"], async |cx: Cx| {
        let setup = waiting(&cx).await?;
        Ok(setup_form(&cx, &setup, cx.param("next").unwrap_or_default(), &Typed::default()).await)
    });
    routes.form("POST /2fa/setup", Second, complete);
    routes.form("POST /2fa/codes", OwnAccount, renew_codes);
    routes.raw("GET /2fa/off", OwnAccount, Answers::Page, &[], async |cx: Cx| Ok(off_form(&cx, &Typed::default()).await));
    routes.form("POST /2fa/off", OwnAccount, switch_off);
    routes.raw("GET /account/profile", OwnAccount, Answers::Page, &["done"], async |cx: Cx| {
        Ok(Reply::page(profile(&cx, &Typed::default()).await?))
    });
    routes.form("POST /account/email", OwnAccount, ask_email);
    routes.raw("GET /account/email", Open, Answers::Page, &["token"], email_page);
    routes.form("POST /account/email/confirm", Open, confirm_email);
}

/// What was just done, said above the page.
fn done(cx: &Cx) -> Markup {
    match cx.param("done") {
        Some(
            what @ ("password" | "session" | "sessions" | "second-off" | "email-sent" | "passkey" | "passkey-removed" | "phone"
            | "phone-removed" | "pin" | "pin-removed"),
        ) => banner(Tone::Done, &t(&format!("account-done-{what}")), None),
        _ => html! {},
    }
}

pub(super) async fn security(cx: &Cx, typed: &Typed<'_>) -> Result<Markup> {
    let me = account::me(cx.clone()).await?;
    let second = if me.two_factor {
        html! {
            p { (ui::badge(Tone::Done, &t("security-second-on"))) }
            div.row {
                (ui::act(&Act::new(t("security-codes"), "/2fa/codes", cx.guard()).confirm(t("security-codes-ask"))))
                (ui::button(&Button::link(t("security-second-switch-off"), "/2fa/off")))
            }
        }
    } else {
        html! { p { (t("security-second-off")) } div.row { (ui::button(&Button::link(t("security-second-set-up"), "/2fa/setup"))) } }
    };
    let fields = vec![
        typed.field(password("currentPassword", "security-current", "current-password")),
        typed.field(password("newPassword", "security-new", "new-password").help(t("password-help"))),
    ];
    let body = html! {
        (done(cx))
        section.stack { h2 { (t("security-second")) } (second) }
        section.stack {
            h2 { (t("security-password")) }
            (typed.banner())
            (form(&Form::new("/account/password", cx.guard(), fields, t("security-password-keep"))))
        }
        (super::passkeys::section(cx).await?)
        (phone_section(cx, &Typed::default()).await?)
        @if cx.op.tenant.is_some() { (super::pin::section(cx, typed).await?) }
        section.stack { h2 { (t("security-sessions")) } (sessions_table(cx).await?) }
    };
    Ok(cx.page_with(
        Toolbar { title: t("security-title"), buttons: vec![Button::link(t("profile-title"), "/account/profile")], ..Toolbar::default() },
        body,
    ))
}

async fn sessions_table(cx: &Cx) -> Result<Markup> {
    let (all, clock) = (sessions::all(cx).await?, cx.clock());
    let several = all.rows.len() > 1;
    let rows = all.rows.into_iter().map(|one| {
        let act = if one.current {
            ui::badge(Tone::Done, &t("session-this"))
        } else {
            ui::act(&Act::new(t("session-end"), format!("/account/sessions/{}/end", one.id), cx.guard()))
        };
        let device = if one.device.is_empty() { t("session-unknown") } else { one.device };
        let cells = vec![html! { (device) }, html! { (one.address) }, clock.moment(one.created_at), clock.moment(one.seen_at), act];
        Row { id: one.id.to_string(), name: device, href: None, cells }
    });
    let column = |label: &str, kind| ui::Column::new(t(label), kind);
    let table = Table {
        caption: t("security-sessions"),
        columns: vec![
            column("session-device", ColumnKind::Text),
            column("session-place", ColumnKind::Text),
            column("session-begun", ColumnKind::Date),
            column("session-seen", ColumnKind::Date),
            column("session-act", ColumnKind::State),
        ],
        rows: rows.collect(),
        total: None,
        bulk: None,
        empty: None,
    };
    Ok(html! {
        (ui::table(&table))
        @if several { (ui::act(&Act::new(t("sessions-end"), "/account/sessions/end", cx.guard()).weight(Weight::Danger).confirm(t("sessions-end-ask")))) }
    })
}

async fn change_password(cx: Cx, fields: Fields) -> Result<Reply> {
    let wanted = ChangePassword {
        current_password: Secret(fields.get("currentPassword").to_owned()),
        new_password: Secret(fields.get("newPassword").to_owned()),
    };
    match Cx::refusable(reset::change(&cx, &wanted).await)? {
        Ok(()) => Ok(Reply::see("/account/security?done=password")),
        Err(refused) => Ok(Reply::refused(security(&cx, &Typed::again(&fields, &refused)).await?)),
    }
}

/// After an act that needs a proof of the last minutes: back, or to prove first.
pub(super) fn proved<T>(done: Result<T>, what: &str) -> Result<Reply> {
    match done {
        Ok(_) => Ok(Reply::see(format!("/account/security?done={what}"))),
        Err(kernel::Error::ReauthRequired) => Ok(Reply::see("/reauth?next=/account/security")),
        Err(other) => Err(other),
    }
}

async fn end_session(cx: Cx, _: Fields) -> Result<Reply> {
    proved(sessions::end(&cx, cx.id("id")?).await, "session")
}

async fn end_others(cx: Cx, _: Fields) -> Result<Reply> {
    proved(sessions::end_others(&cx).await, "sessions")
}

/// The telephone to which codes go; nothing where no gateway is set up and none was.
async fn phone_section(cx: &Cx, typed: &Typed<'_>) -> Result<Markup> {
    let mut system = cx.app.db().system("identity.phone").await?;
    let now = phone::of(&mut system, cx.op.account()?).await?;
    let waits = phone::waits(&mut system, cx.op.account()?).await?;
    drop(system);
    let offered = cx.app.settings().texts.is_some();
    if !offered && now.is_none() {
        return Ok(html! {});
    }
    let number = Field::text("phone", t("phone-number")).help(t("phone-number-help")).autocomplete("tel");
    let code = Field::text("code", t("second-code")).help(t("phone-code-help")).autocomplete("one-time-code");
    Ok(html! {
        section.stack {
            h2 id="phone" { (t("phone-title")) }
            (typed.banner())
            @match &now {
                Some(number) => {
                    p { (tf("phone-now", &[("phone", number)])) }
                    (ui::act(&Act::new(t("phone-remove"), "/account/phone/remove", cx.guard())))
                }
                None => { p { (t("phone-none")) } }
            }
            p.help { (t("phone-risk")) }
            @if let Some(number) = &waits {
                p { (tf("phone-sent", &[("phone", number)])) }
                (form(&Form::new("/account/phone/confirm", cx.guard(), vec![typed.field(code)], t("phone-confirm"))))
            }
            @if offered { (form(&Form::new("/account/phone", cx.guard(), vec![typed.field(number)], t("phone-send")))) }
        }
    })
}

/// The page on which a telephone was refused.
async fn phone_refused(cx: &Cx, typed: &Typed<'_>) -> Result<Reply> {
    let body = phone_section(cx, typed).await?;
    let crumbs = vec![ui::Crumb { label: t("security-title"), href: "/account/security".into() }];
    Ok(Reply::refused(cx.page_with(Toolbar { crumbs, title: t("phone-title"), ..Toolbar::default() }, body)))
}

async fn ask_phone(cx: Cx, fields: Fields) -> Result<Reply> {
    match phone::ask(&cx, &SetPhone { phone: fields.get("phone").to_owned() }).await {
        Err(kernel::Error::ReauthRequired) => Ok(Reply::see("/reauth?next=/account/security")),
        asked => match Cx::refusable(asked)? {
            Ok(()) => Ok(Reply::see("/account/security#phone")),
            Err(refused) => phone_refused(&cx, &Typed::again(&fields, &refused)).await,
        },
    }
}

async fn confirm_phone(cx: Cx, fields: Fields) -> Result<Reply> {
    match Cx::refusable(phone::confirm(&cx, &ConfirmPhone { code: Secret(fields.get("code").to_owned()) }).await)? {
        Ok(_) => Ok(Reply::see("/account/security?done=phone")),
        Err(refused) => phone_refused(&cx, &Typed::again(&fields, &refused)).await,
    }
}

async fn remove_phone(cx: Cx, _: Fields) -> Result<Reply> {
    proved(phone::remove(&cx).await, "phone-removed")
}

/// The set-up that waits; begun where none does.
async fn waiting(cx: &Cx) -> Result<Setup> {
    match second::waiting(cx).await? {
        Some(setup) => Ok(setup),
        None => second::begin(cx).await,
    }
}

/// The secret in groups of four, for typing.
fn grouped(secret: &str) -> String {
    secret.as_bytes().chunks(4).map(|four| String::from_utf8_lossy(four).into_owned()).collect::<Vec<_>>().join(" ")
}

/// Why one is asked for, where it is: of whom it is demanded can do nothing else before.
fn demanded(cx: &Cx) -> Markup {
    if cx.op.permissions.has(Permission::SignedIn) {
        return html! {};
    }
    // Who works in no business has no frame around the page, and so no other way out.
    let alone = cx.viewer.as_ref().is_some_and(|viewer| viewer.business.is_none());
    html! {
        (banner(Tone::Waiting, &t("setup-demanded"), None))
        @if alone { (ui::act(&Act::new(t("sign-out"), "/logout", cx.guard()))) }
    }
}

/// `next` is where the person wanted to be when they were asked for it.
async fn setup_form(cx: &Cx, setup: &Setup, next: &str, typed: &Typed<'_>) -> Reply {
    let widget = Widget::where_needed(cx, Action::Second, second::proof_wanted(cx, None).await);
    let code = Field::text("code", t("second-code")).help(t("setup-code-help")).autocomplete("one-time-code").focus();
    let fields = vec![Field::hidden("next", next), typed.field(code)];
    let after = if next.is_empty() { "/account/security?done=passkey" } else { after(cx, next) };
    let body = html! {
        (typed.banner())
        (demanded(cx))
        p { (t("setup-scan")) }
        div { (PreEscaped(&setup.qr)) }
        p { (t("setup-type")) " " code { (grouped(&setup.secret)) } }
        (form(&Form { more: widget.markup(), ..Form::new("/2fa/setup", cx.guard(), fields, t("setup-submit")) }))
        @if passkey::possible(&cx.app) {
            section.stack { h2 { (t("setup-passkey")) } p { (t("passkey-text")) } (super::passkeys::add_form(cx, after)) noscript { p { (t("passkey-script")) } } }
        }
    };
    widget.allowed(Reply::page(cx.page(t("setup-title"), body)))
}

/// The recovery codes, once: to print or to save.
fn codes_page(cx: &Cx, codes: &[String], next: &str) -> Markup {
    let next = if next.is_empty() { "/account/security" } else { after(cx, next) };
    // The file is the link itself: the codes are asked for no second time. Their signs need no escape there.
    let file = format!("data:text/plain,{}", codes.join("%0A"));
    let body = html! {
        (banner(Tone::Waiting, &t("codes-text"), None))
        ul { @for code in codes { li { code { (code) } } } }
        div.row { (ui::print_button()) a.button.quiet href=(file) download="recovery-codes.txt" { (t("codes-save")) } (ui::button(&Button::link(t("codes-kept"), next).main())) }
    };
    cx.page(t("codes-title"), body)
}

/// A code as it was typed.
fn typed_code(fields: &Fields) -> Code {
    Code { code: Secret(fields.get("code").to_owned()), captcha_token: captcha::token(fields) }
}

async fn complete(cx: Cx, fields: Fields) -> Result<Reply> {
    let next = fields.get("next");
    match Cx::refusable(second::complete(&cx, &typed_code(&fields)).await)? {
        Ok(codes) => Ok(Reply::page(codes_page(&cx, &codes.recovery_codes, next))),
        Err(refused) => {
            let setup = waiting(&cx).await?;
            let page = setup_form(&cx, &setup, next, &Typed::again(&fields, &refused)).await;
            Ok(page.status(StatusCode::UNPROCESSABLE_ENTITY))
        }
    }
}

async fn renew_codes(cx: Cx, _: Fields) -> Result<Reply> {
    match second::rotate_codes(&cx).await {
        Ok(codes) => Ok(Reply::page(codes_page(&cx, &codes.recovery_codes, ""))),
        Err(kernel::Error::ReauthRequired) => Ok(Reply::see("/reauth?next=/account/security")),
        Err(other) => Err(other),
    }
}

async fn off_form(cx: &Cx, typed: &Typed<'_>) -> Reply {
    let widget = Widget::where_needed(cx, Action::Second, second::proof_wanted(cx, None).await);
    let code = Field::text("code", t("second-code")).help(t("second-code-help")).autocomplete("one-time-code").focus();
    let cancel = Some(Button::link(t("off-cancel"), "/account/security"));
    let form_of = Form::new("/2fa/off", cx.guard(), vec![typed.field(code)], t("security-second-switch-off"));
    let body = html! {
        (typed.banner())
        p { (t("off-text")) }
        (form(&Form { cancel, more: widget.markup(), ..form_of }))
    };
    widget.allowed(Reply::page(cx.page(t("security-second-switch-off"), body)))
}

async fn switch_off(cx: Cx, fields: Fields) -> Result<Reply> {
    match Cx::refusable(second::disable(&cx, &typed_code(&fields)).await)? {
        Ok(()) => Ok(Reply::see("/account/security?done=second-off")),
        Err(refused) => Ok(off_form(&cx, &Typed::again(&fields, &refused)).await.status(StatusCode::UNPROCESSABLE_ENTITY)),
    }
}

/// What happened to the account, newest first.
async fn happenings(cx: &Cx) -> Result<Markup> {
    let (account, clock) = (cx.op.account()?, cx.clock());
    let mut system = cx.app.db().system("identity.profile").await?;
    let rows = sqlx::query!(
        r#"SELECT at AS "at!", action AS "action!", address FROM db.trail
        WHERE tenant_id = $1 AND (target_id = $2 OR (actor_id = $2 AND kind = 'session')) ORDER BY at DESC LIMIT 50"#,
        kernel::PLATFORM.uuid(),
        account.uuid()
    )
    .fetch_all(system.conn())
    .await?;
    Ok(html! {
        ol {
            @for row in rows {
                li { (clock.moment(row.at)) ": " (t(&format!("log-{}", row.action.replace('.', "-")))) @if let Some(address) = &row.address { " (" (address) ")" } }
            }
        }
    })
}

async fn profile(cx: &Cx, typed: &Typed<'_>) -> Result<Markup> {
    let viewer = cx.viewer()?;
    let fields = vec![
        typed.field(Field::new("newEmail", t("profile-new-email"), Kind::Email).autocomplete("email")),
        typed.field(password("password", "account-password", "current-password")),
    ];
    let body = html! {
        (done(cx))
        (ui::facts(&[Fact::new(t("account-email"), html! { (viewer.email) }), Fact::new(t("member-name"), html! { (viewer.name) })]))
        section.stack {
            h2 { (t("profile-email")) }
            (typed.banner())
            p { (t("profile-email-text")) }
            (form(&Form::new("/account/email", cx.guard(), fields, t("profile-email-submit"))))
        }
        section.stack { h2 { (t("profile-history")) } (happenings(cx).await?) }
    };
    Ok(cx.page_with(
        Toolbar {
            title: t("profile-title"),
            buttons: vec![Button::link(t("security-title"), "/account/security"), Button::link(t("frame-data"), "/account/data")],
            ..Toolbar::default()
        },
        body,
    ))
}

async fn ask_email(cx: Cx, fields: Fields) -> Result<Reply> {
    let wanted = ChangeEmail { new_email: fields.get("newEmail").to_owned(), password: Secret(fields.get("password").to_owned()) };
    match Cx::refusable(change_email::ask(&cx, &wanted).await)? {
        Ok(()) => Ok(Reply::see("/account/profile?done=email-sent")),
        Err(refused) => Ok(Reply::refused(profile(&cx, &Typed::again(&fields, &refused)).await?)),
    }
}

async fn email_page(cx: Cx) -> Result<Reply> {
    let token = cx.param("token").unwrap_or_default().to_owned();
    match Cx::refusable(change_email::standing(cx.app.db(), &token).await)? {
        Ok(email) => {
            let body = html! {
                p { (tf("email-text", &[("email", &email)])) }
                (form(&Form::new("/account/email/confirm", cx.guard(), vec![Field::hidden("token", &token)], t("email-submit"))))
            };
            Ok(Reply::page(cx.page(t("email-title"), body)))
        }
        Err(refused) => Ok(Reply::refused(
            cx.page(t("email-title"), html! { (refused.banner()) (aside("register-known", "register-login", "/login")) }),
        )),
    }
}

async fn confirm_email(cx: Cx, fields: Fields) -> Result<Reply> {
    match Cx::refusable(change_email::confirm(&cx, &ConfirmEmail { token: Secret(fields.get("token").to_owned()) }).await)? {
        Ok(_) => Ok(Reply::see("/login?done=verified").header(header::SET_COOKIE, session::no_cookie())),
        Err(refused) => Ok(Reply::refused(
            cx.page(t("email-title"), html! { (refused.banner()) (aside("register-known", "register-login", "/login")) }),
        )),
    }
}
