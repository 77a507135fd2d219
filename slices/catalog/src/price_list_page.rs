//! Price lists as pages: the list of them, a new one, one as a document with its form.

use kernel::{Permission, PriceListId, Result};
use maud::{Markup, html};
use web::{
    Cx, Fields, ListPage, Refused, Reply, Typed, t,
    ui::{self, Act, Button, Choice, Crumb, Document, Empty, Fact, Field, Form, Head, Kind, Tone, Toolbar, Weight},
};

use crate::{
    ChangePriceList, CreatePriceList, PriceList,
    price_list::{self, PRICE_LISTS},
};

const HERE: &str = "/settings/price-lists";

fn crumbs() -> Vec<Crumb> {
    vec![Crumb { label: t("price-lists-title"), href: HERE.into() }]
}

fn may_write(cx: &Cx) -> bool {
    cx.op.permissions.has(Permission::SettingsWrite)
}

fn new_button() -> Button {
    Button::link(t("price-list-new"), format!("{HERE}/new")).main().icon("plus")
}

/// A list as a choice among others: its name, its currency, and how it stands to the tax.
pub fn price_list_choice(list: &PriceList) -> Choice {
    Choice::new(list.id.to_string(), format!("{} ({}, {})", list.name, list.currency, with_tax(list.includes_tax)))
}

/// How the prices of a list stand to the taxes.
pub(crate) fn with_tax(includes: bool) -> String {
    t(if includes { "price-list-tax-in" } else { "price-list-tax-on-top" })
}

/// `GET /settings/price-lists`.
pub(crate) async fn list(cx: Cx) -> Result<Markup> {
    let first = may_write(&cx).then(new_button);
    let page = ListPage {
        list: &PRICE_LISTS,
        here: HERE,
        api: "/v1/price-lists",
        name: "name",
        open: |row| Some(format!("{HERE}/{}", row.get("id")?.as_str()?)),
        empty: Empty { icon: "book", title: t("price-lists-empty-title"), text: t("price-lists-empty-text"), first: first.clone() },
        clock: cx.clock(),
        codes: &[],
        within: &[],
        files_only: &[],
    };
    let body = page.show(&cx, &mut cx.tx().await?).await?;
    let crumbs = vec![Crumb { label: t("items-title"), href: "/items".into() }];
    let toolbar = Toolbar { crumbs, title: t("price-lists-title"), now: None, buttons: first.into_iter().collect() };
    Ok(cx.page_with(toolbar, html! { p.help { (t("price-lists-text")) } (body) }))
}

/// Currency and tax, as they are chosen once.
fn fixed(typed: &Typed<'_>, now: Option<&PriceList>) -> [Field; 2] {
    let ways = [true, false].map(|includes| Choice::new(includes.to_string(), with_tax(includes)));
    let currency = Field::text("currency", t("item-currency")).value(now.map_or("", |list| list.currency.code()));
    let currency = if now.is_none() { currency.optional().help(t("price-list-currency-help")) } else { currency };
    [
        typed.field(currency),
        typed.field(
            Field::new("includesTax", t("price-list-tax"), Kind::Select(ways.to_vec()))
                .value(now.is_none_or(|list| list.includes_tax).to_string())
                .help(t("price-list-tax-help")),
        ),
    ]
}

fn place(typed: &Typed<'_>, now: Option<&PriceList>) -> Field {
    let value = now.map(|list| list.position.to_string()).unwrap_or_default();
    let field = Field::new("position", t("price-list-position"), Kind::Number).value(value).help(t("price-list-position-help"));
    typed.field(if now.is_none() { field.optional() } else { field })
}

/// `GET /settings/price-lists/new`.
pub(crate) async fn new(cx: Cx) -> Result<Markup> {
    Ok(new_page(&cx, &Typed::default()))
}

fn new_page(cx: &Cx, typed: &Typed<'_>) -> Markup {
    let name = typed.field(Field::text("name", t("price-list-name")).focus());
    let fields = [vec![name], fixed(typed, None).to_vec(), vec![place(typed, None)]].concat();
    let cancel = Some(Button::link(t("cancel"), HERE));
    let form = Form { cancel, ..Form::new(format!("{HERE}/new"), cx.guard(), fields, t("price-list-create")) };
    let toolbar = Toolbar { crumbs: crumbs(), title: t("price-list-new"), now: None, buttons: Vec::new() };
    cx.page_with(toolbar, html! { (typed.banner()) (ui::form(&form)) })
}

/// `POST /settings/price-lists/new`.
pub(crate) async fn create(cx: Cx, typed: Fields) -> Result<Reply> {
    let mut reader = typed.reader();
    let name = reader.text("name", 100);
    let currency = reader.optional_text("currency", 10);
    let includes_tax = reader.parse("includesTax", "choice.unknown");
    let position = reader.optional("position", "number.whole");
    let command = reader.done(|| Some(CreatePriceList { id: None, name, currency, includes_tax: includes_tax?, position }));
    match cx.submit(&typed, command).await? {
        Ok(answer) => Ok(Reply::see(format!("{HERE}/{}", answer.body["id"].as_str().unwrap_or_default()))),
        Err(refused) => Ok(Reply::refused(new_page(&cx, &Typed::again(&typed, &refused)))),
    }
}

/// `GET /settings/price-lists/{id}`.
pub(crate) async fn show(cx: Cx) -> Result<Markup> {
    let id = cx.id("id")?;
    document(&cx, id, None).await
}

/// `POST /settings/price-lists/{id}`.
pub(crate) async fn change(cx: Cx, typed: Fields) -> Result<Reply> {
    let id: PriceListId = cx.id("id")?;
    let mut reader = typed.reader();
    let version = reader.parse("version", "stale");
    let command = match typed.get("turn") {
        "" => {
            let name = Some(reader.text("name", 100));
            // A list with prices on it has no such fields.
            let sent = |name: &str| typed.every(name).next().is_some();
            let currency = sent("currency").then(|| reader.text("currency", 10));
            let includes_tax = if sent("includesTax") { reader.parse("includesTax", "choice.unknown") } else { None };
            let position = reader.parse("position", "number.whole");
            reader.done(|| Some(ChangePriceList { id, version: version?, name, currency, includes_tax, position, active: None }))
        }
        turn => {
            let active = Some(turn == "true");
            let turned = |version| ChangePriceList { id, version, name: None, currency: None, includes_tax: None, position: None, active };
            reader.done(|| version.map(turned))
        }
    };
    match cx.submit(&typed, command).await? {
        Ok(_) => Ok(Reply::see(format!("{HERE}/{id}"))),
        Err(refused) => Ok(Reply::refused(document(&cx, id, Some((&typed, &refused))).await?)),
    }
}

async fn document(cx: &Cx, id: PriceListId, sent: Option<(&Fields, &Refused)>) -> Result<Markup> {
    let mut tx = cx.tx().await?;
    let list = price_list::price_list(&mut tx, id).await?;
    // An act of the document brings no form along; the form then shows the list.
    let typed =
        sent.filter(|(fields, _)| fields.get("turn").is_empty()).map_or_else(Typed::default, |(f, refused)| Typed::again(f, refused));
    let (tone, state) = if list.active { (Tone::Done, t("item-used")) } else { (Tone::Plain, t("item-retired")) };
    let document = Document {
        head: Head {
            crumbs: crumbs(),
            kind: t("price-list"),
            number: list.name.clone(),
            tone,
            state,
            about: None,
            facts: vec![
                Fact::new(t("item-currency"), html! { (list.currency) }),
                Fact::new(t("price-list-tax"), html! { (with_tax(list.includes_tax)) }),
            ],
        },
        lines: html! {
            @if let Some((_, refused)) = sent { (refused.general()) }
            @if may_write(cx) { (form(cx, &list, &typed)) }
        },
        money: None,
        acts: may_write(cx).then(|| retire(cx, &list)).into_iter().collect(),
        links: vec![Button::link(t("price-list-items"), format!("/items?list={id}"))],
        history: web::history(&mut tx, id.uuid(), &cx.clock()).await?,
    };
    Ok(cx.bare_page(list.name.clone(), ui::document(&document)))
}

/// What may still be changed: with prices on the list, name and place alone.
fn form(cx: &Cx, list: &PriceList, typed: &Typed<'_>) -> Markup {
    let name = typed.field(Field::text("name", t("price-list-name")).value(&list.name));
    let mut fields = vec![Field::hidden("version", list.version.to_string()), name, place(typed, Some(list))];
    if !list.priced {
        fields.extend(fixed(typed, Some(list)));
    }
    html! {
        section class="stack" {
            h2 { (t("price-list-change")) }
            @if list.priced { p.help { (t("price-list-priced")) } }
            (ui::form(&Form::new(format!("{HERE}/{}", list.id), cx.guard(), fields, t("price-list-save"))))
        }
    }
}

/// Takes a list out of use, or back into it.
fn retire(cx: &Cx, list: &PriceList) -> Act {
    let label = if list.active { t("item-retire") } else { t("item-use-again") };
    let mut act = Act::new(label, format!("{HERE}/{}", list.id), cx.guard()).weight(Weight::Quiet);
    act.fields = vec![("version".into(), list.version.to_string()), ("turn".into(), (!list.active).to_string())];
    act
}
