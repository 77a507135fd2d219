//! What a customer owes: their page with the orders that are open on account, and the form that receives a payment for them.

use db::Tx;
use kernel::{At, Currency, CustomerId, Day, Error, Money, OrderId, Permission, Result};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use web::{
    Cx, Fields, Reply, Routes, Site, Typed, history, t, tf,
    ui::{self, Button, Choice, ColumnKind, Crumb, Document, Fact, Field, Form, Head, Row, Table, Tone, Toolbar},
};

use crate::{
    Customer, customer,
    pages::{chosen_site, own_site, site_field, to_rows},
    receive::{ORDERS, PaysOrder, ReceivePayment},
};

/// Orders that the page and the form show: the oldest ones, which are paid first. All of them are a list of their own.
const SHOWN: usize = 50;
/// Payments that the page shows: the last ones.
const PAYMENTS: i64 = 10;
/// How money comes in.
pub(crate) const MONEY: &[&str] = &["cash", "card", "mobile"];

pub(crate) fn routes(routes: &mut Routes) {
    routes.json::<CustomerAccount, _, _>("GET /v1/customers/{id}", Permission::CustomerRead, "Customer", &[], async |cx: Cx| {
        let id: CustomerId = cx.id("id")?;
        load(&mut cx.tx().await?, id, ORDERS).await
    });
    routes.page("GET /customers/{id}", Permission::CustomerRead, async |cx: Cx| document(&cx, Typed::default()).await);
    routes.page("GET /customers/{id}/payment", Permission::OrderSell, async |cx: Cx| form_page(&cx, Typed::default()).await);
    routes.form("POST /customers/{id}/payment", Permission::OrderSell, receive);
}

/// A customer with what they owe.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CustomerAccount {
    /// The customer.
    #[serde(flatten)]
    pub customer: Customer,
    /// What is owed now, one amount for each currency; none where nothing is. Only for those who may read orders (`order:read`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owed: Option<Vec<Money>>,
    /// The orders that are open on account, the oldest first, 500 of them. Only for those who may read orders.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_orders: Option<Vec<OpenOrder>>,
}

/// An order of which something is still owed.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OpenOrder {
    /// The order.
    pub id: OrderId,
    /// Its number.
    pub number: Option<String>,
    /// When it was placed.
    pub placed_at: At,
    /// Its business day.
    pub day: Day,
    /// What it came to.
    pub total: Money,
    /// What is still owed of it.
    pub owed: Money,
}

/// Reads a customer with as many open orders.
async fn load(tx: &mut Tx, id: CustomerId, most: usize) -> Result<CustomerAccount> {
    let mut account = CustomerAccount { customer: customer::customer(tx, id).await?, owed: None, open_orders: None };
    if tx.op().permissions.has(Permission::OrderRead) {
        account.owed = Some(owed(tx, id).await?);
        account.open_orders = Some(open_orders(tx, id, most).await?);
    }
    Ok(account)
}

fn currency(code: &str) -> Result<Currency> {
    code.parse().map_err(|e: &str| Error::Internal(e.into()))
}

async fn owed(tx: &mut Tx, id: CustomerId) -> Result<Vec<Money>> {
    let tenant = tx.tenant().uuid();
    let rows = sqlx::query!(
        r#"SELECT currency, sum(owed)::bigint AS "owed!" FROM sales.orders WHERE tenant_id = $1 AND customer_id = $2 AND owed > 0
        GROUP BY currency ORDER BY currency"#,
        tenant,
        id.uuid()
    )
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter().map(|r| Ok(Money::new(r.owed, currency(&r.currency)?))).collect()
}

async fn open_orders(tx: &mut Tx, id: CustomerId, most: usize) -> Result<Vec<OpenOrder>> {
    let tenant = tx.tenant().uuid();
    let rows = sqlx::query!(
        r#"SELECT o.id, n.number AS "number?", o.placed_at, o.day, o.currency, o.total, o.owed
        FROM sales.orders o LEFT JOIN db.number n ON n.tenant_id = o.tenant_id AND n.document_id = o.id
        WHERE o.tenant_id = $1 AND o.customer_id = $2 AND o.owed > 0 ORDER BY o.placed_at, o.id LIMIT $3"#,
        tenant,
        id.uuid(),
        i64::try_from(most).unwrap_or(i64::MAX)
    )
    .fetch_all(tx.conn())
    .await?;
    let open = rows.into_iter().map(|r| {
        let currency = currency(&r.currency)?;
        Ok(OpenOrder {
            id: OrderId::new(r.id),
            number: r.number,
            placed_at: r.placed_at,
            day: r.day,
            total: Money::new(r.total, currency),
            owed: Money::new(r.owed, currency),
        })
    });
    open.collect()
}

/// The page of a customer; with what was typed where a change of theirs was refused.
pub(crate) async fn document(cx: &Cx, typed: Typed<'_>) -> Result<Markup> {
    let id: CustomerId = cx.id("id")?;
    let mut tx = cx.tx().await?;
    let account = load(&mut tx, id, SHOWN).await?;
    let (customer, events) = (&account.customer, history(&mut tx, id.uuid(), &cx.clock()).await?);
    let owed = account.owed.clone().unwrap_or_default();
    let (tone, state) = match &account.owed {
        None => (Tone::Plain, t("customer-state")),
        Some(owed) if owed.is_empty() => (Tone::Done, t("customer-owes-nothing")),
        Some(_) => (Tone::Waiting, t("customer-owes")),
    };
    let mut facts = customer::facts(customer);
    facts.extend(owed.iter().map(|money| Fact::new(t("customer-owed"), html! { (money) })));
    let mut links = Vec::new();
    if !owed.is_empty() && cx.op.permissions.has(Permission::OrderSell) {
        links.push(Button::link(t("payment-receive"), format!("/customers/{id}/payment")).main().icon("plus"));
    }
    let lines = match &account.open_orders {
        Some(open) => html! {
            h2 { (t("customer-open")) }
            (open_table(cx, open))
            @if open.len() == SHOWN { p { a href={ "/orders?owed=true&customer=" (id) } { (t("customer-all-open")) } } }
            p { a href={ "/orders?customer=" (id) } { (t("customer-all-orders")) } " · " a href={ "/payments?customer=" (id) } { (t("customer-all-payments")) } }
            (payments(cx, &mut tx, id).await?)
        },
        None => html! {},
    };
    let body = ui::document(&Document {
        head: Head { crumbs: customer::crumbs(), kind: t("kind-customer"), number: customer.name.clone(), tone, state, about: None, facts },
        lines: html! { (lines) (customer::change_form(cx, &mut tx, customer, &typed).await?) },
        money: None,
        acts: Vec::new(),
        links,
        history: events,
    });
    Ok(cx.bare_page(customer.name.clone(), body))
}

fn open_table(cx: &Cx, open: &[OpenOrder]) -> Markup {
    let clock = cx.clock();
    let rows = open.iter().map(|order| Row {
        id: order.id.to_string(),
        name: called(order),
        href: Some(format!("/orders/{}", order.id)),
        cells: vec![
            html! { span.number { (called(order)) } },
            clock.moment(order.placed_at),
            html! { (order.total) },
            html! { (order.owed) },
        ],
    });
    ui::table(&Table {
        caption: t("customer-open"),
        columns: vec![
            ui::Column::new(t("order-number"), ColumnKind::Text),
            ui::Column::new(t("order-when"), ColumnKind::Date),
            ui::Column::new(t("order-total"), ColumnKind::Number),
            ui::Column::new(t("order-owed"), ColumnKind::Number),
        ],
        rows: rows.collect(),
        total: None,
        bulk: None,
        empty: Some(ui::Empty { icon: "check", title: t("customer-open-empty-title"), text: t("customer-open-empty-text"), first: None }),
    })
}

fn called(order: &OpenOrder) -> String {
    order.number.clone().unwrap_or_else(|| t("order-unnumbered"))
}

/// The last payments: what was only put on account is none of them.
async fn payments(cx: &Cx, tx: &mut Tx, id: CustomerId) -> Result<Markup> {
    let (tenant, clock) = (tx.tenant().uuid(), cx.clock());
    let rows = sqlx::query!(
        r#"SELECT p.id, coalesce((SELECT w.number FROM sales.payment_called w WHERE w.tenant_id = p.tenant_id AND w.id = p.id), '') AS "number!", p.paid_at, p.method, p.amount, p.currency
        FROM sales.payment p WHERE p.tenant_id = $1 AND p.customer_id = $2 AND p.method <> 'on_account' ORDER BY p.paid_at DESC, p.id DESC LIMIT $3"#,
        tenant,
        id.uuid(),
        PAYMENTS
    )
    .fetch_all(tx.conn())
    .await?;
    if rows.is_empty() {
        return Ok(html! {});
    }
    let rows = rows.into_iter().map(|r| {
        Ok(Row {
            id: r.id.to_string(),
            name: r.number.clone(),
            href: Some(format!("/payments/{}", r.id)),
            cells: vec![
                html! { span.number { (r.number) } },
                clock.moment(r.paid_at),
                html! { (t(&format!("method-{}", r.method))) },
                html! { (Money::new(r.amount, currency(&r.currency)?)) },
            ],
        })
    });
    let table = Table {
        caption: t("customer-payments"),
        columns: vec![
            ui::Column::new(t("payment-number"), ColumnKind::Text),
            ui::Column::new(t("payment-when"), ColumnKind::Date),
            ui::Column::new(t("payment-method"), ColumnKind::Text),
            ui::Column::new(t("payment-amount"), ColumnKind::Number),
        ],
        rows: rows.collect::<Result<_>>()?,
        total: None,
        bulk: None,
        empty: None,
    };
    Ok(html! { h2 { (t("customer-payments")) } (ui::table(&table)) })
}

/// The orders that the form names, row by row: those that stood there when it was filled, or those that are open now.
fn rows<'a>(open: &'a [OpenOrder], typed: &Typed<'_>) -> Vec<(String, Option<&'a OpenOrder>)> {
    let sent: Vec<String> = (0..typed.rows("orders")).map(|i| typed.field(Field::hidden(format!("orders.{i}.id"), "")).value).collect();
    let ids = if sent.is_empty() { open.iter().map(|o| o.id.to_string()).collect() } else { sent };
    ids.into_iter().map(|id| (id.clone(), open.iter().find(|o| o.id.to_string() == id))).collect()
}

async fn form_page(cx: &Cx, typed: Typed<'_>) -> Result<Markup> {
    let id: CustomerId = cx.id("id")?;
    let mut tx = cx.tx().await?;
    let (account, own) = (load(&mut tx, id, SHOWN).await?, own_site(&mut tx).await?);
    let name = account.customer.name;
    let mut crumbs = customer::crumbs();
    crumbs.push(Crumb { label: name.clone(), href: format!("/customers/{id}") });
    let toolbar = Toolbar { crumbs, title: tf("payment-receive-from", &[("name", &name)]), ..Toolbar::default() };
    let (owed, open) = (account.owed.unwrap_or_default(), account.open_orders.unwrap_or_default());
    let first = Some(Button::link(t("payment-leave"), format!("/customers/{id}")));
    if open.is_empty() {
        let empty = ui::Empty { icon: "check", title: t("customer-open-empty-title"), text: t("customer-open-empty-text"), first };
        return Ok(cx.page_with(toolbar, html! { (typed.banner()) (ui::empty(&empty)) }));
    }
    let site = site_field(cx, own, &typed)?;
    let currency = chosen_site(cx, own, site.as_ref().map_or("", |field| &field.value))?.currency;
    let due = owed.iter().find(|money| money.currency == currency).map(|money| money.digits()).unwrap_or_default();
    let methods = ui::Kind::Select(MONEY.iter().map(|m| Choice::new(*m, t(&format!("method-{m}")))).collect());
    let kind = ui::Kind::Money { currency: currency.sign().into() };
    let pay = [
        typed.blamed(Field::new("amount", t("payment-amount"), kind).value(due).focus(), &["orders", "customerId"]),
        typed.field(Field::new("method", t("payment-method"), methods).value(MONEY[0])),
        typed.field(Field::text("reference", t("payment-reference")).optional()),
    ];
    let (mut lines, mut ids) = (Vec::new(), Vec::new());
    for (i, (order, known)) in rows(&open, &typed).into_iter().enumerate() {
        let label = match known {
            Some(order) => {
                tf("payment-order", &[("number", &called(order)), ("day", &web::day_text(order.day)), ("owed", &order.owed.to_string())])
            }
            None => t("payment-order-gone"),
        };
        let kind = ui::Kind::Money { currency: known.map_or(currency, |order| order.owed.currency).sign().into() };
        let (name, hidden) = (format!("orders.{i}.amount"), format!("orders.{i}.id"));
        lines.push(typed.blamed(Field::new(name, label, kind).optional(), &[&hidden]));
        ids.push(Field::hidden(hidden, order));
    }
    let mut form = Form::new(format!("/customers/{id}/payment"), cx.guard(), ids, t("payment-receive-done"));
    form.enter_moves = true;
    form.cancel = first;
    form.more = html! {
        (ui::mend(site.iter().chain(&pay).chain(&lines)))
        @if let Some(site) = site { (ui::field_line(&[site])) }
        (ui::field_line(&pay))
        (ui::field_set(&t("payment-orders"), Some(&t("payment-orders-help")), &lines))
    };
    Ok(cx.page_with(toolbar, html! { (typed.banner()) (ui::form(&form)) }))
}

/// Reads the form; rows without an amount are left out.
fn read(fields: &Fields, customer_id: CustomerId, open: &[OpenOrder], site: &Site) -> Result<ReceivePayment> {
    let mut read = fields.reader();
    let amount = read.money("amount", site.currency);
    let method = fields.get("method").to_owned();
    let reference = read.optional_text("reference", 200);
    let mut orders = Vec::new();
    for i in filled(fields) {
        let id: Option<OrderId> = read.parse(&format!("orders.{i}.id"), "order.unknown");
        let known = open.iter().find(|o| Some(o.id) == id);
        let amount = read.money(&format!("orders.{i}.amount"), known.map_or(site.currency, |o| o.owed.currency));
        orders.extend(id.zip(amount).map(|(id, amount)| PaysOrder { id, amount }));
    }
    let site_id = read.optional("siteId", "site.unknown").or(Some(site.id));
    let orders = (!orders.is_empty()).then_some(orders);
    read.done(|| Some(ReceivePayment { id: None, customer_id, method, amount: amount?, reference, site_id, paid_at: None, orders }))
}

/// The rows in which an amount stands.
fn filled(fields: &Fields) -> Vec<usize> {
    (0..fields.rows("orders")).filter(|i| !fields.get(&format!("orders.{i}.amount")).trim().is_empty()).collect()
}

async fn receive(cx: Cx, fields: Fields) -> Result<Reply> {
    let id: CustomerId = cx.id("id")?;
    let mut tx = cx.tx().await?;
    let (account, own) = (load(&mut tx, id, ORDERS).await?, own_site(&mut tx).await?);
    drop(tx);
    let site = chosen_site(&cx, own, fields.get("siteId"))?;
    let command = read(&fields, id, &account.open_orders.unwrap_or_default(), site);
    match cx.submit(&fields, command).await? {
        Ok(answer) => Ok(Reply::see(format!("/payments/{}", answer.body["id"].as_str().unwrap_or_default()))),
        Err(refused) => {
            let refused = to_rows(refused, "orders", &filled(&fields));
            Ok(Reply::refused(form_page(&cx, Typed::again(&fields, &refused)).await?))
        }
    }
}
