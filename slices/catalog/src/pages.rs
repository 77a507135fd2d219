//! Items as pages: the list with its filters, the document, the forms.

use kernel::{ItemId, Permission, PriceListId, Quantity, Result};
use maud::{Markup, html};
use serde_json::{Map, Value};
use web::{
    Clock, Cx, Fields, ListPage, Refused, Reply, t,
    ui::{
        self, Act, Button, Choice, Column, ColumnKind, Crumb, Document, Empty, Fact, Field, FilterBar, Form, Head, Kind, Row, Table, Tone,
        Toolbar, Weight,
    },
};

use crate::{
    ChangeItem, Item, ItemKind, PriceList, SetPrice, form,
    item::{ITEMS, item},
    many,
    price_list::price_lists,
    price_list_page::{price_list_choice, with_tax},
    tax,
};

fn crumbs() -> Vec<Crumb> {
    vec![Crumb { label: t("items-title"), href: "/items".into() }]
}

fn may_write(cx: &Cx) -> bool {
    cx.op.permissions.has(Permission::ItemWrite)
}

fn opens(row: &Map<String, Value>) -> Option<String> {
    Some(format!("/items/{}", row.get("id")?.as_str()?))
}

/// `GET /items`.
pub(crate) async fn list(cx: Cx) -> Result<Markup> {
    let mut tx = cx.tx().await?;
    let given = |name: &str| cx.param(name).unwrap_or_default().to_owned();
    let every = || std::iter::once(Choice::new("", t("filter-all")));
    let kinds = every().chain(form::choices("kind-of", ItemKind::ALL.iter().map(|kind| kind.code()))).collect();
    let lists = price_lists(&mut tx, false).await?;
    let prices = std::iter::once(Choice::new("", t("price-list-usual"))).chain(lists.iter().map(price_list_choice)).collect();
    let active = every().chain([Choice::new("true", t("item-used")), Choice::new("false", t("item-retired"))]).collect();
    let bar = FilterBar {
        action: "/items".into(),
        fields: vec![
            Field::text("q", t("item-name-begins")).value(given("q")),
            Field::new("kind", t("item-kind"), Kind::Select(kinds)).value(given("kind")),
            Field::text("category", t("item-category")).value(given("category")),
            Field::new("active", t("item-active"), Kind::Select(active)).value(given("active")),
            Field::new("list", t("price-list-shown"), Kind::Select(prices)).value(given("list")),
        ],
        keep: Vec::new(),
        clear: (!cx.query.is_empty()).then(|| "/items".to_owned()),
        found: None,
    };
    let new = || Button::link(t("item-new"), "/items/new").main().icon("plus");
    let page = ListPage {
        list: &ITEMS,
        here: "/items",
        api: "/v1/items",
        name: "name",
        open: opens,
        empty: Empty { icon: "oven", title: t("items-empty-title"), text: t("items-empty-text"), first: may_write(&cx).then(new) },
        clock: cx.clock(),
        codes: &[("kind", "kind-of")],
        within: &[],
        files_only: &[],
    };
    let shown = page.show_with(&cx, &mut tx, may_write(&cx).then(|| many::acts(&cx))).await?;
    let done = if may_write(&cx) { many::done(&cx, &mut tx).await? } else { None };
    let mut buttons =
        vec![Button::link(t("price-lists-title"), "/settings/price-lists"), Button::link(t("taxes-title"), "/settings/taxes")];
    buttons.extend(may_write(&cx).then(new));
    let toolbar = Toolbar { crumbs: Vec::new(), title: t("items-title"), now: None, buttons };
    Ok(cx.page_after(toolbar, html! { (ui::filter_bar(&bar)) (shown) }, done.as_ref()))
}

/// `GET /items/new`.
pub(crate) async fn new(cx: Cx) -> Result<Markup> {
    new_page(&cx, &form::usual()?, None).await
}

/// `POST /items/new`.
pub(crate) async fn create(cx: Cx, typed: Fields) -> Result<Reply> {
    let command = form::create(&typed, cx.site()?.currency);
    match cx.submit(&typed, command).await? {
        Ok(answer) => Ok(Reply::see(format!("/items/{}", answer.body["id"].as_str().unwrap_or_default()))),
        Err(refused) => Ok(Reply::refused(new_page(&cx, &typed, Some(&refused)).await?)),
    }
}

async fn new_page(cx: &Cx, typed: &Fields, refused: Option<&Refused>) -> Result<Markup> {
    let taxes = tax::categories(&mut cx.tx().await?).await?;
    let fields = form::fields(cx, typed, &taxes, true, refused)?;
    let form = Form {
        more: form::laid_out(&fields, true),
        cancel: Some(Button::link(t("cancel"), "/items")),
        ..Form::new("/items/new", cx.guard(), Vec::new(), t("item-create"))
    };
    let toolbar = Toolbar { crumbs: crumbs(), title: t("item-new"), now: None, buttons: Vec::new() };
    Ok(cx.page_with(toolbar, html! { @if let Some(refused) = refused { (refused.general()) } (ui::form(&form)) }))
}

/// `GET /items/{id}`.
pub(crate) async fn show(cx: Cx) -> Result<Markup> {
    let id = cx.id("id")?;
    show_page(&cx, id, &Fields::default(), None).await
}

/// `POST /items/{id}/price`.
pub(crate) async fn price(cx: Cx, typed: Fields) -> Result<Reply> {
    let id: ItemId = cx.id("id")?;
    let lists = price_lists(&mut cx.tx().await?, true).await?;
    let mut reader = typed.reader();
    let list_id: Option<PriceListId> = reader.optional("listId", "price_list.unknown");
    // The amount is read in the currency of its list; the usual list is in the business's own.
    let named = lists.iter().find(|list| Some(list.id) == list_id);
    let price = reader.money("price", named.map_or(cx.site()?.currency, |list| list.currency));
    let price_unit = reader.optional_text("priceUnit", 20);
    let from_day = reader.optional("fromDay", "day.format");
    let min_quantity = reader.optional_quantity("minQuantity");
    let command = reader.done(|| Some(SetPrice { id, price: price?, price_unit, from_day, list_id, min_quantity }));
    match cx.submit(&typed, command).await? {
        Ok(_) => Ok(Reply::see(format!("/items/{id}"))),
        Err(refused) => Ok(Reply::refused(show_page(&cx, id, &typed, Some(&refused)).await?)),
    }
}

async fn show_page(cx: &Cx, id: ItemId, typed: &Fields, refused: Option<&Refused>) -> Result<Markup> {
    let mut tx = cx.tx().await?;
    let item = item(&mut tx, id).await?.seen_with(cx.op.permissions);
    let lists = price_lists(&mut tx, false).await?;
    let (tone, state) = if item.active { (Tone::Done, t("item-used")) } else { (Tone::Plain, t("item-retired")) };
    let mut links = Vec::new();
    if cx.op.permissions.has(Permission::StockRead) {
        links.push(Button::link(t("item-movements"), format!("/stock/movements?item={id}")).icon("box"));
    }
    if may_write(cx) {
        links.insert(0, Button::link(t("item-change"), format!("/items/{id}/change")));
    }
    let document = Document {
        head: Head {
            crumbs: crumbs(),
            kind: t(&format!("kind-of-{}", item.kind.code())),
            number: item.name.clone(),
            tone,
            state,
            about: item.category.clone(),
            facts: facts(&item),
        },
        lines: html! {
            @if !item.units.is_empty() { (ui::table(&units(&item))) }
            (ui::table(&prices(&item, &cx.clock())))
            @if may_write(cx) { (price_form(cx, &item, &lists, typed, refused)) }
        },
        money: None,
        acts: may_write(cx).then(|| retire(cx, &item)).into_iter().collect(),
        links,
        history: web::history(&mut tx, id.uuid(), &cx.clock()).await?,
    };
    Ok(cx.bare_page(item.name.clone(), ui::document(&document)))
}

/// Takes an item out of use, or back into it: the form of an item with that one field turned round.
fn retire(cx: &Cx, item: &Item) -> Act {
    let label = if item.active { t("item-retire") } else { t("item-use-again") };
    let mut act = Act::new(label, format!("/items/{}/change", item.id), cx.guard()).weight(Weight::Quiet);
    act.fields = vec![("version".into(), item.version.to_string()), ("turn".into(), (!item.active).to_string())];
    act
}

fn facts(item: &Item) -> Vec<Fact> {
    let mut facts = vec![
        Fact::new(t("item-base-unit"), html! { (t(&format!("unit-{}", item.base_unit))) }),
        Fact::new(t("item-stock-rule"), html! { (t(&format!("rule-{}", item.stock_rule.code().replace('_', "-")))) }),
        Fact::new(t("item-tax"), html! { (item.tax_category) }),
    ];
    if let Some(cost) = &item.standard_cost {
        let unit = cost.unit.as_deref().unwrap_or(&item.base_unit);
        let said = html! { span class="number" { (cost.amount) } " " (t("per")) " " @if cost.per == Quantity::ONE { (unit) } @else { (ui::quantity(&cost.per.to_string(), unit)) } };
        facts.insert(2, Fact::new(t("item-standard-cost"), said));
    }
    if let Some(sku) = &item.sku {
        facts.insert(0, Fact::new(t("item-sku"), html! { (sku) }));
    }
    if let Some(price) = item.price {
        facts.insert(0, Fact::new(t("item-price"), html! { span class="number" { (price) } " " (t("per")) " " (item.base_unit) }));
    }
    facts
}

fn units(item: &Item) -> Table {
    let row = |unit: &crate::ItemUnit| Row {
        id: unit.code.clone(),
        name: unit.code.clone(),
        href: None,
        cells: vec![
            html! { "1 " (unit.code) },
            match unit.denominator {
                1 => match unit.numerator.checked_mul(1_000_000) {
                    Some(micros) => web::quantity(Quantity::from_micros(micros), &item.base_unit),
                    None => ui::quantity(&unit.numerator.to_string(), &item.base_unit),
                },
                under => ui::quantity(&format!("{}/{under}", unit.numerator), &item.base_unit),
            },
        ],
    };
    Table {
        caption: t("item-own-units"),
        columns: vec![Column::new(t("item-own-units"), ColumnKind::Text), Column::new(t("item-own-units-size"), ColumnKind::Number)],
        rows: item.units.iter().map(row).collect(),
        total: None,
        bulk: None,
        empty: None,
    }
}

fn prices(item: &Item, clock: &Clock) -> Table {
    let row = |price: &crate::ItemPrice| Row {
        id: price.from_day.to_string(),
        name: price.list.clone(),
        href: None,
        cells: vec![
            html! { (price.list) },
            clock.day(price.from_day),
            ui::quantity(&price.min_quantity.to_string(), &item.base_unit),
            html! { span class="number" { (price.price) } },
            html! { (with_tax(price.includes_tax)) },
        ],
    };
    Table {
        caption: t("item-prices"),
        columns: vec![
            Column::new(t("price-list"), ColumnKind::Text),
            Column::new(t("price-from"), ColumnKind::Date),
            Column::new(t("price-quantity"), ColumnKind::Number),
            Column::new(t("item-price"), ColumnKind::Number),
            Column::new(t("price-list-tax"), ColumnKind::Text),
        ],
        rows: item.prices.iter().map(row).collect(),
        total: None,
        bulk: None,
        empty: Some(Empty { icon: "book", title: t("item-no-prices-title"), text: t("item-no-prices-text"), first: None }),
    }
}

fn price_form(cx: &Cx, item: &Item, lists: &[PriceList], typed: &Fields, refused: Option<&Refused>) -> Markup {
    let field = |name: &str, label: &str, kind| {
        let mut field = Field::new(name, t(label), kind).value(typed.get(name));
        field.error = refused.and_then(|refused| refused.of(name));
        field
    };
    // Where the lists differ in it, the currency stands with each of them and not in the field.
    let first = lists.first().map(|list| list.currency);
    let one = first.filter(|one| lists.iter().all(|list| list.currency == *one));
    let amount = one.map_or(Kind::Number, |currency| Kind::Money { currency: currency.sign().to_owned() });
    let choices = std::iter::once(Choice::new("", t("price-list-usual"))).chain(lists.iter().map(price_list_choice)).collect();
    let fields = vec![
        field("listId", "price-list", Kind::Select(choices)).optional(),
        field("price", "item-price", amount),
        field("priceUnit", "item-price-unit", Kind::Text).optional().help(t("item-unit-help")),
        field("fromDay", "price-from", Kind::Date).optional().help(t("price-from-help")),
        field("minQuantity", "price-quantity", Kind::Quantity { unit: item.base_unit.clone() }).optional(),
    ];
    let more = html! {
        (ui::mend(&fields)) (ui::fields(&fields[..1])) (ui::field_line(&fields[1..3])) (ui::field_line(&fields[3..]))
    };
    html! {
        section class="stack" {
            h2 { (t("price-set-title")) }
            @if let Some(refused) = refused { (refused.general()) }
            (ui::form(&Form { more, ..Form::new(format!("/items/{}/price", item.id), cx.guard(), Vec::new(), t("price-set")) }))
        }
    }
}

/// `GET /items/{id}/change`.
pub(crate) async fn edit(cx: Cx) -> Result<Markup> {
    let item = item(&mut cx.tx().await?, cx.id("id")?).await?.seen_with(cx.op.permissions);
    edit_page(&cx, &item, &form::of(&item)?, None).await
}

/// `POST /items/{id}/change`.
pub(crate) async fn change(cx: Cx, typed: Fields) -> Result<Reply> {
    let item = item(&mut cx.tx().await?, cx.id("id")?).await?.seen_with(cx.op.permissions);
    let command = match typed.get("turn") {
        "" => form::change(&typed, item.id, &item.base_unit, cx.site()?.currency),
        turn => Ok(turned(&item, &typed, turn == "true")),
    };
    match cx.submit(&typed, command).await? {
        Ok(_) => Ok(Reply::see(format!("/items/{}", item.id))),
        Err(refused) => {
            // An act of the document brings no form along; the form then shows the item.
            let typed = if typed.get("turn").is_empty() { typed } else { form::of(&item)? };
            Ok(Reply::refused(edit_page(&cx, &item, &typed, Some(&refused)).await?))
        }
    }
}

fn turned(item: &Item, typed: &Fields, active: bool) -> ChangeItem {
    ChangeItem {
        id: item.id,
        version: typed.get("version").parse().unwrap_or_default(),
        name: None,
        sku: None,
        category: None,
        units: None,
        stock_rule: None,
        standard_cost: None,
        tax_category_id: None,
        active: Some(active),
    }
}

async fn edit_page(cx: &Cx, item: &Item, typed: &Fields, refused: Option<&Refused>) -> Result<Markup> {
    let taxes = tax::categories(&mut cx.tx().await?).await?;
    let here = format!("/items/{}", item.id);
    let fields = form::fields(cx, typed, &taxes, false, refused)?;
    let form = Form {
        more: form::laid_out(&fields, false),
        cancel: Some(Button::link(t("cancel"), here.clone())),
        ..Form::new(format!("{here}/change"), cx.guard(), Vec::new(), t("item-save"))
    };
    let mut crumbs = crumbs();
    crumbs.push(Crumb { label: item.name.clone(), href: here });
    let toolbar = Toolbar { crumbs, title: t("item-change"), now: None, buttons: Vec::new() };
    Ok(cx.page_with(toolbar, html! { @if let Some(refused) = refused { (refused.general()) } (ui::form(&form)) }))
}
