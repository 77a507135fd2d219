//! Keys for programs: those of the business, a form that makes one, and the one page on which a key is shown.

use kernel::{KeyId, Permission, Result};
use maud::{Markup, html};
use serde_json::{Map, Value};
use web::{
    Cx, Fields, Reply, Routes, t, tf,
    ui::{self, Act, Button, ColumnKind, Crumb, Empty, Field, Form, Row, Table, Tone, Toolbar, Weight, banner, form},
};

use super::{Typed, team::roles};
use crate::api_key::{KEYS, MadeApiKey, MakeApiKey, RevokeApiKey};

pub(super) fn routes(routes: &mut Routes) {
    use Permission::ApiKeyWrite;
    routes.page("GET /settings/keys", ApiKeyWrite, async |cx: Cx| page(&cx, &Typed::default()).await);
    routes.form("POST /settings/keys", ApiKeyWrite, make);
    routes.form("POST /settings/keys/{id}/revoke", ApiKeyWrite, revoke);
}

fn toolbar(title: &str) -> Toolbar {
    let crumbs = vec![Crumb { label: t("place-settings"), href: "/settings".into() }];
    Toolbar { crumbs, title: t(title), ..Toolbar::default() }
}

async fn page(cx: &Cx, typed: &Typed<'_>) -> Result<Markup> {
    let (mut tx, asked) = (cx.tx().await?, cx.asked(&[])?);
    let found = KEYS.page(&mut tx, &asked).await?;
    let pager = ui::Pager {
        previous: cx.param("cursor").map(|_| "/settings/keys".to_owned()),
        next: found.next.as_ref().map(|next| format!("/settings/keys?cursor={next}")),
        here: None,
    };
    let fields = vec![
        typed.field(Field::text("name", t("key-name")).help(t("key-name-help"))),
        typed.field(Field::text("days", t("key-days")).help(t("key-days-help")).value("365")),
    ];
    let more = html! {
        h3 { (t("key-permissions")) }
        p.help { (t("roles-own-only")) }
        (roles::boxes(cx, "key", |_| false, typed))
    };
    let refused = typed.refused.map(|refused| banner(Tone::Wrong, &refused.of("permissions").unwrap_or_else(|| refused.sentence()), None));
    let body = html! {
        @if let Some(refused) = refused { (refused) }
        p { (t("key-text")) }
        (table(cx, &found.rows)?)
        (ui::pager(&pager))
        (ui::fold(&t("key-new"), typed.refused.is_some(), &form(&Form { more, ..Form::new("/settings/keys", cx.guard(), fields, t("key-make")) })))
    };
    Ok(cx.page_with(toolbar("keys-title"), body))
}

fn table(cx: &Cx, rows: &[Map<String, Value>]) -> Result<Markup> {
    let clock = cx.clock();
    let rows = rows.iter().map(|row| {
        let text = |name: &str| row.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let time = |name: &str| match text(name).parse() {
            Ok(at) => clock.moment(at),
            Err(_) => html! { "–" },
        };
        let revoke = Act::new(t("key-revoke"), format!("/settings/keys/{}/revoke", text("id")), cx.guard());
        let act = if text("revokedAt").is_empty() {
            ui::act(&revoke.weight(Weight::Danger).confirm(tf("key-revoke-ask", &[("name", &text("name"))])))
        } else {
            ui::badge(Tone::Plain, &t("key-revoked"))
        };
        let cells = vec![
            html! { (text("name")) br; code { (text("prefix")) "…" } },
            html! { (text("permissions")) },
            time("expiresAt"),
            time("usedAt"),
            act,
        ];
        Row { id: text("id"), name: text("name"), href: None, cells }
    });
    let column = |label: &str, kind| ui::Column::new(t(label), kind);
    Ok(ui::table(&Table {
        caption: t("keys-title"),
        columns: vec![
            column("key-name", ColumnKind::Text),
            column("key-permissions", ColumnKind::Text),
            column("key-ends", ColumnKind::Date),
            column("key-used", ColumnKind::Date),
            column("key-state", ColumnKind::State),
        ],
        rows: rows.collect(),
        total: None,
        bulk: None,
        empty: Some(Empty { icon: "gear", title: t("keys-none"), text: t("keys-first"), first: None }),
    }))
}

async fn make(cx: Cx, fields: Fields) -> Result<Reply> {
    let days = fields.get("days").trim();
    let days = if days.is_empty() { Ok(None) } else { days.parse().map(Some).map_err(|_| kernel::Error::field("days", "key.days")) };
    let made = async {
        let wanted = MakeApiKey { name: fields.get("name").to_owned(), permissions: roles::ticked(&fields), days: days? };
        let mut tx = cx.tx().await?;
        let made = wanted.make(&mut tx).await?;
        tx.commit().await.map(|_| made)
    };
    match Cx::refusable(made.await)? {
        Ok(made) => Ok(Reply::page(shown(&cx, &made)?)),
        Err(refused) => Ok(Reply::refused(page(&cx, &Typed::again(&fields, &refused)).await?)),
    }
}

/// The key, this once.
fn shown(cx: &Cx, made: &MadeApiKey) -> Result<Markup> {
    let clock = cx.clock();
    let body = html! {
        (banner(Tone::Waiting, &t("key-once"), None))
        p { code { (made.key) } }
        p { (t("key-ends")) ": " (clock.moment(made.expires_at)) }
        (ui::button(&Button::link(t("key-kept"), "/settings/keys").main()))
    };
    Ok(cx.page_with(toolbar("key-made-title"), body))
}

async fn revoke(cx: Cx, fields: Fields) -> Result<Reply> {
    let id: KeyId = cx.id("id")?;
    match cx.submit(&fields, Ok(RevokeApiKey { id })).await? {
        Ok(_) => Ok(Reply::see("/settings/keys")),
        Err(refused) => Ok(Reply::refused(page(&cx, &Typed { fields: None, refused: Some(&refused) }).await?)),
    }
}
