//! The registered devices of a business: which they are, who is on them; adding one, changing one, taking one away.

use kernel::{Error, Permission, Result};
use maud::{Markup, PreEscaped, html};
use serde_json::Value;
use web::{
    Cx, Fields, ListPage, Reply, Routes, t, tf,
    ui::{self, Act, Button, Choice, Crumb, Empty, Fact, Field, Form, Kind, Tone, Toolbar, Weight, banner, facts, form},
};

use super::{Typed, leave};
use crate::{
    device::{self, AddDevice, AddedDevice, ChangeDevice, DEVICES, Device, RevokeDevice},
    second,
};

pub(super) fn routes(routes: &mut Routes) {
    use Permission::SettingsWrite;
    routes.page("GET /settings/devices", SettingsWrite, list);
    routes.page("GET /settings/devices/add", SettingsWrite, async |cx: Cx| add_form(&cx, &Typed::default()));
    routes.form("POST /settings/devices/add", SettingsWrite, add);
    routes.page("GET /settings/devices/{id}", SettingsWrite, async |cx: Cx| show(&cx, &Typed::default()).await);
    routes.form("POST /settings/devices/{id}", SettingsWrite, change);
    routes.form("POST /settings/devices/{id}/revoke", SettingsWrite, revoke);
}

fn crumbs() -> Vec<Crumb> {
    vec![
        Crumb { label: t("place-settings"), href: "/settings".into() },
        Crumb { label: t("devices-title"), href: "/settings/devices".into() },
    ]
}

async fn list(cx: Cx) -> Result<Markup> {
    let first = Button::link(t("device-add"), "/settings/devices/add").main();
    let empty = Empty { icon: "till", title: t("devices-none"), text: t("devices-first"), first: Some(first) };
    let devices = ListPage {
        list: &DEVICES,
        here: "/settings/devices",
        api: "/v1/devices",
        name: "name",
        open: |row| Some(format!("/settings/devices/{}", row.get("id").and_then(Value::as_str)?)),
        empty,
        clock: cx.clock(),
        codes: &[("kind", "device-kind"), ("state", "device-state")],
        within: &[],
        files_only: &[],
    };
    let mut tx = cx.tx().await?;
    let body = html! { p { (t("devices-text")) } (devices.show(&cx, &mut tx).await?) };
    let add = Button::link(t("device-add"), "/settings/devices/add").icon("plus");
    let crumbs = vec![Crumb { label: t("place-settings"), href: "/settings".into() }];
    Ok(cx.page_with(Toolbar { crumbs, title: t("devices-title"), buttons: vec![add], ..Default::default() }, body))
}

/// Name, site and pause, as they were typed or as they are.
fn fields_of(cx: &Cx, typed: &Typed<'_>, now: Option<&Device>) -> Result<[Field; 3]> {
    let sites = cx.viewer()?.sites.iter().map(|site| Choice::new(site.id.to_string(), &site.name)).collect();
    let site = now.map_or_else(|| cx.site().map(|site| site.id), |device| Ok(device.site_id))?;
    let minutes = now.map_or(device::PAUSE, |device| device.pause_minutes);
    let name = Field::text("name", t("device-name")).help(t("device-name-help")).value(now.map_or("", |device| &device.name));
    Ok([
        typed.field(if now.is_none() { name.focus() } else { name }),
        typed.field(Field::new("siteId", t("device-site"), Kind::Select(sites)).value(site.to_string())),
        typed.field(
            Field::new("pauseMinutes", t("device-pause"), Kind::Quantity { unit: t("device-minutes") })
                .help(t("device-pause-help"))
                .value(minutes.to_string()),
        ),
    ])
}

fn add_form(cx: &Cx, typed: &Typed<'_>) -> Result<Markup> {
    let kinds = device::Kind::ALL.iter().map(|kind| Choice::new(kind.code(), t(&format!("device-kind-{}", kind.code())))).collect();
    let kind = typed.field(Field::new("kind", t("device-kind"), Kind::Select(kinds)).value(device::Kind::Till.code()));
    let [name, site, pause] = fields_of(cx, typed, None)?;
    let form_of = Form {
        cancel: leave("device-leave", "/settings/devices"),
        ..Form::new("/settings/devices/add", cx.guard(), vec![name, kind, site, pause], t("device-make-code"))
    };
    let toolbar = Toolbar { crumbs: crumbs(), title: t("device-add"), ..Default::default() };
    Ok(cx.page_with(toolbar, html! { (typed.banner()) p { (t("device-add-text")) } (form(&form_of)) }))
}

fn minutes(fields: &Fields) -> Result<i32> {
    fields.get("pauseMinutes").trim().parse().map_err(|_| Error::field("pauseMinutes", "device.pause"))
}

fn wanted(fields: &Fields) -> Result<AddDevice> {
    let kind = device::Kind::ALL.iter().find(|kind| kind.code() == fields.get("kind")).copied();
    Ok(AddDevice {
        name: fields.get("name").to_owned(),
        kind: kind.ok_or_else(|| Error::field("kind", "choice.unknown"))?,
        site_id: fields.get("siteId").parse().map_err(|_| Error::field("siteId", "site.unknown"))?,
        pause_minutes: Some(minutes(fields)?),
    })
}

async fn add(cx: Cx, fields: Fields) -> Result<Reply> {
    let result = match wanted(&fields) {
        Ok(wanted) => device::add(&cx, wanted).await,
        Err(error) => Err(error),
    };
    match Cx::refusable(result)? {
        // Shown once, on the answer itself: it must not be in an address that this browser remembers.
        Ok(added) => Ok(Reply::page(code_page(&cx, fields.get("name").trim(), &added)?)),
        Err(refused) => Ok(Reply::refused(add_form(&cx, &Typed::again(&fields, &refused))?)),
    }
}

/// The code: to be scanned, typed, or opened here.
fn code_page(cx: &Cx, name: &str, added: &AddedDevice) -> Result<Markup> {
    let here = added.link.find("/device/register").map_or("/settings/devices", |at| &added.link[at..]);
    let typed_at = added.link.split("/register").next().unwrap_or_default();
    let body = html! {
        (banner(Tone::Waiting, &t("device-code-text"), None))
        div { (PreEscaped(second::qr(&added.link)?.into_string())) }
        p { (tf("device-code-type", &[("address", typed_at)])) }
        p.figure-value id="code" { (added.code) }
        div.row {
            (ui::button(&Button::link(t("device-here"), here)))
            (ui::button(&Button::link(t("devices-back"), "/settings/devices").main()))
        }
    };
    Ok(cx.page_with(Toolbar { crumbs: crumbs(), title: name.to_owned(), ..Default::default() }, body))
}

async fn show(cx: &Cx, typed: &Typed<'_>) -> Result<Markup> {
    let now = device::device(&mut cx.tx().await?, cx.id("id")?).await?;
    let (path, clock) = (format!("/settings/devices/{}", now.id), cx.clock());
    let known = [
        Fact::new(t("device-kind"), html! { (t(&format!("device-kind-{}", now.kind.code()))) }),
        Fact::new(t("device-state"), html! { (t(&format!("device-state-{}", now.state))) }),
        Fact::new(t("device-seen"), now.seen_at.map_or_else(|| html! { (t("device-never")) }, |at| clock.moment(at))),
        Fact::new(t("device-person"), html! { (now.person.clone().unwrap_or_else(|| t("device-nobody"))) }),
    ];
    let stands = now.state != "revoked";
    let mut fields = vec![Field::hidden("version", now.version.to_string())];
    fields.extend(fields_of(cx, typed, Some(&now))?);
    let ask = Act::new(t("device-revoke"), format!("{path}/revoke"), cx.guard());
    let body = html! {
        (typed.banner())
        (facts(&known))
        @if stands {
            (form(&Form { cancel: leave("device-unchanged", "/settings/devices"), ..Form::new(&path, cx.guard(), fields, t("device-save")) }))
            (ui::act(&ask.weight(Weight::Danger).confirm(tf("device-revoke-ask", &[("name", &now.name)]))))
        }
    };
    Ok(cx.page_with(Toolbar { crumbs: crumbs(), title: now.name, ..Default::default() }, body))
}

async fn change(cx: Cx, fields: Fields) -> Result<Reply> {
    let id = cx.id("id")?;
    // One that is not there is so whatever was typed.
    device::device(&mut cx.tx().await?, id).await?;
    let command = || {
        Ok(ChangeDevice {
            id,
            name: fields.get("name").to_owned(),
            site_id: fields.get("siteId").parse().map_err(|_| Error::field("siteId", "site.unknown"))?,
            pause_minutes: minutes(&fields)?,
            version: fields.get("version").parse().map_err(|_| Error::Stale)?,
        })
    };
    match cx.submit(&fields, command()).await? {
        Ok(_) => Ok(Reply::see("/settings/devices")),
        Err(refused) => Ok(Reply::refused(show(&cx, &Typed::again(&fields, &refused)).await?)),
    }
}

async fn revoke(cx: Cx, fields: Fields) -> Result<Reply> {
    match cx.submit(&fields, Ok(RevokeDevice { id: cx.id("id")? })).await? {
        Ok(_) => Ok(Reply::see("/settings/devices")),
        Err(refused) => Ok(Reply::refused(show(&cx, &Typed { fields: None, refused: Some(&refused) }).await?)),
    }
}
