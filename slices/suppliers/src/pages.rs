//! Suppliers on pages: the list, one supplier with its price list, the forms.

use db::Tx;
use kernel::{ItemId, Permission, Result, SupplierId};
use maud::{Markup, html};
use web::{
    Clock, Cx, Fields, ListPage, Reply, Routes, Typed, history, t,
    ui::{self, Button, Choice, ColumnKind, Crumb, Document, Fact, Field, Form, Head, Row, Table, Tone, Toolbar},
};

use crate::{
    price::{SetSupplierPrice, SupplierPrice},
    supplier::{self, AddSupplier, SUPPLIERS, Supplier},
};

pub(crate) fn routes(routes: &mut Routes) {
    routes.page("GET /suppliers", Permission::SupplierRead, list);
    routes.page("GET /suppliers/new", Permission::SupplierWrite, async |cx: Cx| Ok(new_page(&cx, Typed::default())));
    routes.form("POST /suppliers/new", Permission::SupplierWrite, add);
    routes.page("GET /suppliers/{id}", Permission::SupplierRead, async |cx: Cx| document(&cx, Typed::default()).await);
    routes.form("POST /suppliers/{id}/prices", Permission::SupplierWrite, set_price);
}

fn new_button() -> Button {
    Button::link(t("supplier-new"), "/suppliers/new").main()
}

async fn list(cx: Cx) -> Result<Markup> {
    let list = ListPage {
        list: &SUPPLIERS,
        here: "/suppliers",
        api: "/v1/suppliers",
        name: "name",
        open: |row| Some(format!("/suppliers/{}", row.get("id")?.as_str()?)),
        empty: ui::Empty { icon: "van", title: t("suppliers-empty-title"), text: t("suppliers-empty-text"), first: Some(new_button()) },
        clock: cx.clock(),
        codes: &[],
        within: &[],
        files_only: &[],
    };
    let body = list.show(&cx, &mut cx.tx().await?).await?;
    Ok(cx.page_with(Toolbar { crumbs: Vec::new(), title: t("suppliers-title"), now: None, buttons: vec![new_button()] }, body))
}

fn new_page(cx: &Cx, typed: Typed<'_>) -> Markup {
    let field = |name: &str, label: &str, kind: ui::Kind| typed.field(Field::new(name, t(label), kind));
    let list = vec![
        field("name", "supplier-name", ui::Kind::Text).focus(),
        field("email", "supplier-email", ui::Kind::Email).optional(),
        field("phone", "supplier-phone", ui::Kind::Text).optional(),
    ];
    let cancel = Some(Button::link(t("supplier-leave"), "/suppliers"));
    let form = Form { cancel, ..Form::new("/suppliers/new", cx.guard(), list, t("supplier-save")) };
    let crumbs = vec![Crumb { label: t("suppliers-title"), href: "/suppliers".into() }];
    cx.page_with(Toolbar { crumbs, title: t("supplier-new"), ..Toolbar::default() }, html! { (typed.banner()) (ui::form(&form)) })
}

async fn add(cx: Cx, fields: Fields) -> Result<Reply> {
    let mut read = fields.reader();
    let (name, email, phone) = (read.text("name", 200), read.optional_text("email", 320), read.optional_text("phone", 40));
    let command = read.done(|| Some(AddSupplier { id: None, name, email, phone }));
    Ok(match cx.submit(&fields, command).await? {
        Ok(answer) => Reply::see(format!("/suppliers/{}", answer.body["id"].as_str().unwrap_or_default())),
        Err(refused) => Reply::refused(new_page(&cx, Typed::again(&fields, &refused))),
    })
}

async fn document(cx: &Cx, typed: Typed<'_>) -> Result<Markup> {
    let id: SupplierId = cx.id("id")?;
    let mut tx = cx.tx().await?;
    let supplier = supplier::load(&mut tx, id).await?;
    let clock = cx.clock();
    let events = history(&mut tx, id.uuid(), &clock).await?;
    let writes = cx.op.permissions.has(Permission::SupplierWrite);
    let form = if writes {
        price_form(cx, &mut tx, &supplier, typed).await?
    } else {
        html! {}
    };
    let body = ui::document(&Document {
        head: Head {
            crumbs: vec![Crumb { label: t("suppliers-title"), href: "/suppliers".into() }],
            kind: t("kind-supplier"),
            number: supplier.name.clone(),
            tone: Tone::Plain,
            state: t("supplier-state"),
            about: None,
            facts: [("supplier-email", &supplier.email), ("supplier-phone", &supplier.phone)]
                .into_iter()
                .filter_map(|(label, value)| value.as_ref().map(|v| Fact::new(t(label), html! { (v) })))
                .collect(),
        },
        lines: html! { (ui::table(&price_table(&supplier.prices, &clock))) (form) },
        money: None,
        acts: Vec::new(),
        links: Vec::new(),
        history: events,
    });
    Ok(cx.bare_page(supplier.name, body))
}

fn price_table(prices: &[SupplierPrice], clock: &Clock) -> Table {
    let rows = prices.iter().map(|price| Row {
        id: price.item_id.to_string(),
        name: price.item.clone(),
        href: Some(format!("/items/{}", price.item_id)),
        cells: vec![
            html! { (price.item) },
            ui::quantity(&price.quantity.to_string(), &price.unit),
            html! { (price.amount) },
            clock.day(price.from_day),
        ],
    });
    Table {
        caption: t("supplier-prices"),
        columns: vec![
            ui::Column::new(t("supplier-item"), ColumnKind::Text),
            ui::Column::new(t("supplier-quantity"), ColumnKind::Number),
            ui::Column::new(t("supplier-price"), ColumnKind::Number),
            ui::Column::new(t("supplier-from"), ColumnKind::Date),
        ],
        rows: rows.collect(),
        total: None,
        bulk: None,
        empty: Some(ui::Empty {
            icon: "book",
            title: t("supplier-prices-empty-title"),
            text: t("supplier-prices-empty-text"),
            first: None,
        }),
    }
}

/// Items that are bought, by name.
async fn items(tx: &mut Tx) -> Result<Vec<(ItemId, String)>> {
    let tenant = tx.tenant().uuid();
    let rows = sqlx::query!("SELECT id, name FROM catalog.item WHERE tenant_id = $1 AND active ORDER BY kind, name LIMIT 1000", tenant)
        .fetch_all(tx.conn())
        .await?;
    Ok(rows.into_iter().map(|r| (ItemId::new(r.id), r.name)).collect())
}

async fn price_form(cx: &Cx, tx: &mut Tx, supplier: &Supplier, typed: Typed<'_>) -> Result<Markup> {
    let choices = items(tx).await?.into_iter().map(|(_, name)| Choice::new(name.clone(), name)).collect();
    let currency = cx.site()?.currency.sign().to_owned();
    let field = |name: &str, label: &str, kind: ui::Kind| Field::new(name, t(label), kind);
    let list = vec![
        typed.field(field("itemId", "supplier-item", ui::Kind::Search { choices, source: None })),
        typed.field(field("quantity", "supplier-quantity", ui::Kind::Number).value("1")),
        typed.field(field("unit", "supplier-unit", ui::Kind::Text).help(t("supplier-unit-help"))),
        typed.field(field("amount", "supplier-price", ui::Kind::Money { currency })),
        typed.field(field("fromDay", "supplier-from", ui::Kind::Date).optional().help(t("supplier-from-help"))),
    ];
    let mut form = Form::new(format!("/suppliers/{}/prices", supplier.id), cx.guard(), Vec::new(), t("supplier-price-save"));
    form.more = html! {
        h2 { (t("supplier-price-new")) }
        (ui::mend(&list))
        (ui::fields(&list[..1]))
        (ui::field_line(&list[1..]))
    };
    Ok(html! { (typed.banner()) (ui::form(&form)) })
}

async fn read_price(cx: &Cx, fields: &Fields) -> Result<SetSupplierPrice> {
    let items = items(&mut cx.tx().await?).await?;
    let mut read = fields.reader();
    let wanted = read.text("itemId", 200);
    let item = items.iter().find(|(_, name)| name.trim().eq_ignore_ascii_case(&wanted)).map(|(id, _)| *id);
    if item.is_none() && !wanted.is_empty() {
        read.refuse("itemId", "item.unknown");
    }
    let quantity = read.quantity("quantity");
    let unit = read.text("unit", 20);
    let amount = read.money("amount", cx.site()?.currency);
    let from_day = read.optional("fromDay", "day.format");
    let id = cx.id("id")?;
    read.done(|| Some(SetSupplierPrice { id, item_id: item?, quantity, unit, amount: amount?, from_day }))
}

async fn set_price(cx: Cx, fields: Fields) -> Result<Reply> {
    let id: SupplierId = cx.id("id")?;
    supplier::load(&mut cx.tx().await?, id).await?;
    let command = read_price(&cx, &fields).await;
    match cx.submit(&fields, command).await? {
        Ok(_) => Ok(Reply::see(format!("/suppliers/{id}"))),
        Err(refused) => Ok(Reply::refused(document(&cx, Typed::again(&fields, &refused)).await?)),
    }
}
