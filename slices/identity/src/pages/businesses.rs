//! The businesses of an account: opening one, and changing to another.

use axum::http::header;
use kernel::{Permission, Result};
use maud::{Markup, html};
use web::{
    Cx, Fields, Reply, Routes, t,
    ui::{self, Act, Empty, Field, Form, Kind, Tone, form},
};

use super::Typed;
use crate::{
    business::{self, OpenBusiness},
    site,
};

pub(super) fn routes(routes: &mut Routes) {
    use Permission::OwnAccount;
    routes.page("GET /open", OwnAccount, async |cx: Cx| Ok(open_form(&cx, &Typed::default())));
    routes.form("POST /open", OwnAccount, open);
    routes.page("GET /businesses", OwnAccount, businesses);
    routes.form("POST /businesses/{tenant}", OwnAccount, switch);
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
