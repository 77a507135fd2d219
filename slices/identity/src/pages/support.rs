//! Where an owner lets support look in and shuts it out; and the way out for support itself.

use axum::http::header;
use kernel::{Error, Permission, Result};
use maud::{Markup, html};
use web::{
    Cx, Fields, Reply, Routes, t, tf,
    ui::{self, Act, ColumnKind, Crumb, Empty, Fact, Field, Form, Kind, Row, Table, Toolbar, Weight, form},
};

use super::Typed;
use crate::assist::{self, Assistance, Consent, LetSupportIn};

pub(super) fn routes(routes: &mut Routes) {
    use Permission::{Open, SettingsWrite};
    routes.page("GET /settings/support", SettingsWrite, async |cx: Cx| page(&cx, &Typed::default()).await);
    routes.form("POST /settings/support", SettingsWrite, let_in);
    routes.form("POST /settings/support/end", SettingsWrite, shut_out);
    routes.form("POST /assist/stop", Open, stop);
}

async fn page(cx: &Cx, typed: &Typed<'_>) -> Result<Markup> {
    let access = assist::access(&mut cx.tx().await?).await?;
    let body = html! {
        p { (t("support-text")) }
        @match &access.consent {
            Some(consent) => (stands(cx, consent)?),
            None => section.stack {
                h2 { (t("support-let-in")) }
                (typed.banner())
                (form(&Form::new("/settings/support", cx.guard(), fields(typed), t("support-submit"))))
            },
        }
        section.stack { h2 { (t("support-past")) } (past(cx, access.past)?) }
    };
    let crumbs = vec![Crumb { label: t("place-settings"), href: "/settings".into() }];
    Ok(cx.page_with(Toolbar { crumbs, title: t("support-title"), ..Toolbar::default() }, body))
}

fn fields(typed: &Typed<'_>) -> Vec<Field> {
    let choices = vec![ui::Choice::new("look", t("support-look")), ui::Choice::new("act", t("support-act"))];
    vec![
        typed.field(Field::text("reason", t("user-reason")).help(t("support-reason-help"))),
        typed.field(Field::new("hours", t("support-hours"), Kind::Number).help(t("support-hours-help")).value("4")),
        typed.field(Field::new("may", t("support-may"), Kind::Select(choices))),
    ]
}

fn stands(cx: &Cx, consent: &Consent) -> Result<Markup> {
    let clock = cx.clock();
    let facts = [
        Fact::new(t("support-may"), html! { (t(if consent.acting { "support-act" } else { "support-look" })) }),
        Fact::new(t("support-until"), clock.moment(consent.expires_at)),
        Fact::new(t("support-given-by"), html! { (consent.given_by) }),
        Fact::new(t("user-reason"), html! { (consent.reason) }),
    ];
    Ok(html! {
        section.stack {
            h2 { (t("support-stands")) }
            (ui::facts(&facts))
            (ui::act(&Act::new(t("support-end"), "/settings/support/end", cx.guard()).weight(Weight::Danger)))
        }
    })
}

fn past(cx: &Cx, past: Vec<Assistance>) -> Result<Markup> {
    let clock = cx.clock();
    let column = |label: &str, kind| ui::Column::new(t(label), kind);
    let rows = past.into_iter().enumerate().map(|(n, one)| Row {
        id: n.to_string(),
        href: None,
        cells: vec![html! { (one.who) }, html! { (one.reason) }, clock.moment(one.begun_at), clock.moment(one.until)],
        name: one.who,
    });
    Ok(ui::table(&Table {
        caption: t("support-past"),
        columns: vec![
            column("support-who", ColumnKind::Text),
            column("user-reason", ColumnKind::Text),
            column("session-begun", ColumnKind::Date),
            column("support-until", ColumnKind::Date),
        ],
        rows: rows.collect(),
        total: None,
        bulk: None,
        empty: Some(Empty { icon: "people", title: t("support-never"), text: t("support-never-text"), first: None }),
    }))
}

async fn let_in(cx: Cx, fields: Fields) -> Result<Reply> {
    let hours = fields.get("hours").trim().parse().map_err(|_| Error::field("hours", "support.hours"));
    let wanted = hours.map(|hours| LetSupportIn { hours, reason: fields.get("reason").to_owned(), acting: fields.get("may") == "act" });
    let done = match wanted {
        Ok(wanted) => assist::let_in(&cx, &wanted).await,
        Err(error) => Err(error),
    };
    match done {
        Err(Error::ReauthRequired) => Ok(Reply::see("/reauth?next=/settings/support")),
        done => match Cx::refusable(done)? {
            Ok(_) => Ok(Reply::see("/settings/support")),
            Err(refused) => Ok(Reply::refused(page(&cx, &Typed::again(&fields, &refused)).await?)),
        },
    }
}

async fn shut_out(cx: Cx, _: Fields) -> Result<Reply> {
    assist::shut_out(&cx).await?;
    Ok(Reply::see("/settings/support"))
}

async fn stop(cx: Cx, _: Fields) -> Result<Reply> {
    Ok(match assist::stop(&cx).await? {
        Some((tenant, begun)) => Reply::see(format!("/admin/tenants/{tenant}")).header(header::SET_COOKIE, begun.set_cookie()),
        None => Reply::see("/"),
    })
}

/// What the operator's page says of a business's consent, with the way in.
pub(super) fn way_in(cx: &Cx, tenant: kernel::TenantId, consent: Option<&Consent>, typed: &Typed<'_>) -> Markup {
    let Some(consent) = consent else { return html! { p { (t("assist-none")) } } };
    let may = t(if consent.acting { "support-act" } else { "support-look" });
    let why = typed.field(Field::text("reason", t("user-reason")));
    html! {
        p { (tf("assist-consent", &[("owner", &consent.given_by), ("may", &may), ("reason", &consent.reason)])) " " (cx.utc().moment(consent.expires_at)) }
        @if cx.op.permissions.has(Permission::PlatformSupport) {
            (typed.banner())
            (form(&Form::new(format!("/admin/tenants/{tenant}/assist"), cx.guard(), vec![why], t("assist-begin"))))
        }
    }
}
