//! The business's name and its sites.

use kernel::{Error, Permission, Result};
use maud::{Markup, html};
use web::{
    Cx, Fields, ListPage, Reply, Routes, t,
    ui::{Button, Crumb, Empty, Fact, Field, Form, Kind, Toolbar, facts, form},
};

use super::{Typed, leave};
use crate::{
    settings::{self, SaveSettings},
    site::{self, AddSite, NewSite, SITES},
};

pub(super) fn routes(routes: &mut Routes) {
    use Permission::SettingsWrite;
    routes.page("GET /settings", SettingsWrite, async |cx: Cx| page(&cx, &Typed::default()).await);
    routes.form("POST /settings", SettingsWrite, save);
    routes.page("GET /settings/sites/add", SettingsWrite, async |cx: Cx| Ok(site_form(&cx, &Typed::default())));
    routes.form("POST /settings/sites/add", SettingsWrite, add_site);
}

async fn page(cx: &Cx, typed: &Typed<'_>) -> Result<Markup> {
    let mut tx = cx.tx().await?;
    let now = settings::settings(&mut tx).await?;
    let empty = Empty { icon: "home", title: t("sites-none"), text: t("sites-first"), first: None };
    let clock = cx.clock();
    let sites = ListPage {
        list: &SITES,
        here: "/settings",
        api: "/v1/sites",
        name: "name",
        open: |row| Some(format!("/settings/sites/{}", row.get("id")?.as_str()?)),
        empty,
        clock,
        codes: &[],
        within: &[],
        files_only: &[],
    };
    let fields =
        vec![Field::hidden("version", now.version.to_string()), typed.field(Field::text("name", t("business-name")).value(&now.name))];
    let known = [
        Fact::new(t("business-slug"), html! { (now.slug) }),
        Fact::new(t("site-currency"), html! { (now.currency) }),
        Fact::new(t("site-zone"), html! { (now.time_zone) }),
    ];
    let body = html! {
        (typed.banner())
        (facts(&known))
        (form(&Form::new("/settings", cx.guard(), fields, t("settings-save"))))
        h2 { (t("sites-title")) }
        (sites.show(cx, &mut tx).await?)
    };
    let mut buttons = vec![Button::link(t("roles-title"), "/settings/roles"), Button::link(t("settings-taxes"), "/settings/taxes")];
    buttons.push(Button::link(t("settings-price-lists"), "/settings/price-lists"));
    if cx.op.permissions.has(Permission::ApiKeyWrite) {
        buttons.push(Button::link(t("keys-title"), "/settings/keys"));
    }
    buttons.push(Button::link(t("devices-title"), "/settings/devices"));
    buttons.push(Button::link(t("branding-title"), "/settings/branding"));
    buttons.push(Button::link(t("policy-title"), "/settings/security"));
    buttons.push(Button::link(t("support-title"), "/settings/support"));
    buttons.push(Button::link(t("site-add"), "/settings/sites/add").icon("plus"));
    Ok(cx.page_with(Toolbar { title: t("place-settings"), buttons, ..Default::default() }, body))
}

async fn save(cx: Cx, fields: Fields) -> Result<Reply> {
    let version = fields.get("version").parse().map_err(|_| Error::Stale);
    let command = version.map(|version| SaveSettings { name: fields.get("name").to_owned(), version });
    match cx.submit(&fields, command).await? {
        Ok(_) => Ok(Reply::see("/settings")),
        Err(refused) => Ok(Reply::refused(page(&cx, &Typed::again(&fields, &refused)).await?)),
    }
}

fn site_form(cx: &Cx, typed: &Typed<'_>) -> Markup {
    let fields = vec![
        typed.field(Field::text("name", t("site-name")).focus()),
        typed.field(Field::text("timeZone", t("site-zone")).help(t("site-zone-help"))),
        typed.field(Field::new("dayStart", t("site-day-start"), Kind::Time).help(t("site-day-start-help")).value(site::DAY_START)),
        typed.field(Field::text("currency", t("site-currency")).help(t("site-own-currency-help")).optional()),
    ];
    let crumbs = vec![Crumb { label: t("place-settings"), href: "/settings".into() }];
    let form_of = Form { cancel: leave("site-leave", "/settings"), ..Form::new("/settings/sites/add", cx.guard(), fields, t("site-add")) };
    cx.page_with(Toolbar { crumbs, title: t("site-add"), ..Default::default() }, html! { (typed.banner()) (form(&form_of)) })
}

async fn add_site(cx: Cx, fields: Fields) -> Result<Reply> {
    let command = AddSite {
        id: None,
        name: fields.get("name").to_owned(),
        time_zone: fields.get("timeZone").to_owned(),
        day_start: Some(fields.get("dayStart").to_owned()),
        currency: Some(fields.get("currency").to_owned()),
        price_list_id: None,
    };
    match cx.submit(&fields, Ok(NewSite::of(&cx, command))).await? {
        // There it is said by which list it sells, or that it needs one.
        Ok(answer) => Ok(Reply::see(format!("/settings/sites/{}", answer.body["id"].as_str().unwrap_or_default()))),
        Err(refused) => Ok(Reply::refused(site_form(&cx, &Typed::again(&fields, &refused)))),
    }
}
