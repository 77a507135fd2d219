//! How the business looks on its letters and its sign-in page.

use axum::http::StatusCode;
use kernel::{Error, Permission, Result};
use maud::{Markup, html};
use web::{
    Answers, Cx, Fields, Reply, Routes, Upload, t, tf,
    ui::{self, Act, Button, Crumb, Field, Form, Kind, Tone, Toolbar, Weight, banner, form},
};

use super::{Typed, leave};
use crate::brand::{self, Branding, RemoveLogo, SaveBranding};

pub(super) fn routes(routes: &mut Routes) {
    use Permission::{Open, SettingsWrite};
    routes.raw("GET /settings/branding", SettingsWrite, Answers::Page, &["done"], async |cx: Cx| {
        Ok(Reply::page(page(&cx, &Typed::default()).await?))
    });
    routes.form("POST /settings/branding", SettingsWrite, save);
    routes.upload("POST /settings/branding/logo", SettingsWrite, take_logo);
    routes.form("POST /settings/branding/logo/remove", SettingsWrite, remove_logo);
    // Letters and sign-in pages show it to whoever reads them.
    routes.raw("GET /brand/{slug}/{file}", Open, Answers::Page, &[], brand::file);
}

async fn page(cx: &Cx, typed: &Typed<'_>) -> Result<Markup> {
    let now = brand::branding(&mut cx.tx().await?).await?;
    // Who looks at it for the first time is offered the page; it is there once they save.
    let own_page = if now.sign_in_page || now.version == 0 { "true" } else { "" };
    let colour = Field::text("colour", t("branding-colour")).help(t("branding-colour-help")).value(now.colour.clone().unwrap_or_default());
    let reply_to = Field::new("replyTo", t("branding-reply"), Kind::Email).help(t("branding-reply-help"));
    let shown = Field::new("signInPage", t("branding-page"), Kind::Checkbox).help(tf("branding-page-help", &[("path", &now.sign_in_path)]));
    let fields = vec![
        Field::hidden("version", now.version.to_string()),
        typed.field(colour.optional()),
        typed.field(reply_to.value(now.reply_to.clone().unwrap_or_default()).optional()),
        typed.field(shown.value(own_page).optional()),
    ];
    let form_of =
        Form { cancel: leave("branding-leave", "/settings"), ..Form::new("/settings/branding", cx.guard(), fields, t("branding-save")) };
    let body = html! {
        @if cx.param("done").is_some() { (banner(Tone::Done, &t("branding-done"), None)) }
        (typed.banner())
        (form(&form_of))
        section.stack { h2 { (t("branding-logo")) } (logo(cx, &now, typed)) }
    };
    let crumbs = vec![Crumb { label: t("place-settings"), href: "/settings".into() }];
    Ok(cx.page_with(Toolbar { crumbs, title: t("branding-title"), ..Default::default() }, body))
}

fn logo(cx: &Cx, now: &Branding, typed: &Typed<'_>) -> Markup {
    let error = typed.refused.and_then(|refused| refused.of("logo"));
    html! {
        @if let Some(error) = error { (banner(Tone::Wrong, &error, None)) }
        @if let Some(logo) = &now.logo {
            p { img src=(logo) alt=(t("branding-logo")) height="40"; }
            (ui::act(&Act::new(t("branding-logo-remove"), "/settings/branding/logo/remove", cx.guard()).weight(Weight::Danger).confirm(t("branding-logo-ask"))))
        }
        form.form method="post" action="/settings/branding/logo" enctype="multipart/form-data" {
            (ui::guard(&cx.guard()))
            div.field {
                label for="logo" { (t("branding-logo-file")) }
                input id="logo" type="file" name="logo" accept="image/jpeg,image/png,image/webp" required aria-describedby="logo-help";
                p.help id="logo-help" { (t("branding-logo-help")) }
            }
            div.form-acts { (ui::button(&Button::submit(t("branding-logo-send")).weight(Weight::Quiet))) }
        }
    }
}

async fn save(cx: Cx, fields: Fields) -> Result<Reply> {
    let version = fields.get("version").parse().map_err(|_| Error::Stale);
    let wanted = version.map(|version| SaveBranding {
        colour: Some(fields.get("colour").to_owned()),
        reply_to: Some(fields.get("replyTo").to_owned()),
        sign_in_page: !fields.get("signInPage").is_empty(),
        version,
    });
    match cx.submit(&fields, wanted).await? {
        Ok(_) => Ok(Reply::see("/settings/branding?done=1")),
        Err(refused) => Ok(Reply::refused(page(&cx, &Typed::again(&fields, &refused)).await?)),
    }
}

async fn take_logo(cx: Cx, upload: Upload) -> Result<Reply> {
    match Cx::refusable(brand::take_logo(&cx, upload).await)? {
        Ok(_) => Ok(Reply::see("/settings/branding?done=1")),
        Err(refused) => {
            let page = page(&cx, &Typed { fields: None, refused: Some(&refused) }).await?;
            Ok(Reply::page(page).status(StatusCode::UNPROCESSABLE_ENTITY))
        }
    }
}

async fn remove_logo(cx: Cx, fields: Fields) -> Result<Reply> {
    match cx.submit(&fields, Ok(RemoveLogo {})).await? {
        Ok(_) => Ok(Reply::see("/settings/branding?done=1")),
        Err(refused) => Err(refused.error),
    }
}
