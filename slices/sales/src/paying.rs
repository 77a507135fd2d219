//! Payments on pages: the list, and one payment as a document.

use kernel::{PaymentId, Permission, Result};
use maud::{Markup, html};
use serde_json::{Map, Value};
use web::{
    Clock, Cx, ListPage, Routes, history, t,
    ui::{self, Choice, ColumnKind, Crumb, Document, Fact, Field, FilterBar, Head, Row, Table, Tone, Toolbar},
};

use crate::{
    pages::METHODS,
    payment::{self, PAYMENTS, PaidOrder, Payment},
};

pub(crate) fn routes(routes: &mut Routes) {
    routes.page("GET /payments", Permission::OrderRead, list);
    routes.page("GET /payments/{id}", Permission::OrderRead, document);
}

fn filter(cx: &Cx) -> FilterBar {
    let asked = |name: &str, label: &str, kind| Field::new(name, t(label), kind).value(cx.param(name).unwrap_or_default()).optional();
    let any = Choice::new("", t("order-filter-any"));
    let methods = METHODS.iter().map(|m| Choice::new(*m, t(&format!("method-{m}"))));
    FilterBar {
        action: "/payments".into(),
        fields: vec![
            asked("from", "order-filter-from", ui::Kind::Date),
            asked("to", "order-filter-to", ui::Kind::Date),
            asked("method", "payment-method", ui::Kind::Select(std::iter::once(any).chain(methods).collect())),
            asked("number", "payment-number", ui::Kind::Text),
        ],
        keep: ["customer", "site"].iter().filter_map(|n| cx.param(n).map(|v| ((*n).to_owned(), v.to_owned()))).collect(),
        clear: (!cx.query.is_empty()).then(|| "/payments".to_owned()),
        found: None,
    }
}

async fn list(cx: Cx) -> Result<Markup> {
    let list = ListPage {
        list: &PAYMENTS,
        here: "/payments",
        api: "/v1/payments",
        name: "number",
        open: |row: &Map<String, Value>| Some(format!("/payments/{}", row.get("id")?.as_str()?)),
        empty: ui::Empty { icon: "card", title: t("payments-empty-title"), text: t("payments-empty-text"), first: None },
        clock: cx.clock(),
        codes: &[("method", "method")],
        within: &[],
        files_only: &["day", "taken_by"],
    };
    let table = list.show(&cx, &mut cx.tx().await?).await?;
    let toolbar = Toolbar { crumbs: Vec::new(), title: t("payments"), now: None, buttons: Vec::new() };
    Ok(cx.page_with(toolbar, html! { (ui::filter_bar(&filter(&cx))) (table) }))
}

async fn document(cx: Cx) -> Result<Markup> {
    let id: PaymentId = cx.id("id")?;
    let mut tx = cx.tx().await?;
    let payment = payment::load(&mut tx, id).await?;
    let clock = cx.clock();
    let events = history(&mut tx, payment.told_by(), &clock).await?;
    let (tone, state) = match (payment.method.as_str(), payment.amount.minor > 0) {
        ("on_account", true) => (Tone::Waiting, "payment-state-owed"),
        ("on_account", false) => (Tone::Plain, "payment-state-taken-off"),
        (_, true) => (Tone::Done, "payment-state-received"),
        (_, false) => (Tone::Plain, "payment-state-paid-back"),
    };
    let body = ui::document(&Document {
        head: Head {
            crumbs: vec![Crumb { label: t("payments"), href: "/payments".into() }],
            kind: t("kind-payment"),
            number: payment.number.clone(),
            tone,
            state: t(state),
            about: None,
            facts: facts(&payment, &clock),
        },
        lines: ui::table(&orders(&payment.orders, &clock)),
        money: Some(ui::facts(&[
            Fact::new(t("payment-method"), html! { (t(&format!("method-{}", payment.method))) }),
            Fact::new(t("payment-amount"), html! { (payment.amount) }),
        ])),
        acts: Vec::new(),
        links: Vec::new(),
        history: events,
    });
    Ok(cx.bare_page(payment.number, body))
}

fn facts(payment: &Payment, clock: &Clock) -> Vec<Fact> {
    let local = clock.zone.local(payment.paid_at).strftime("%A %-d %B %Y, %H:%M").to_string();
    let mut facts = vec![
        Fact::new(t("payment-when"), ui::when(&local, &payment.paid_at.to_string())),
        Fact::new(t("payment-day"), clock.day(payment.day)),
        Fact::new(t("payment-site"), html! { (payment.site) }),
    ];
    if let Some((id, customer)) = payment.customer_id.zip(payment.customer.as_ref()) {
        facts.push(Fact::new(t("payment-customer"), html! { a href={ "/customers/" (id) } { (customer) } }));
    }
    for (label, said) in
        [("payment-reference", &payment.reference), ("payment-taken-by", &payment.taken_by), ("order-device", &payment.device)]
    {
        facts.extend(said.as_ref().map(|said| Fact::new(t(label), html! { (said) })));
    }
    facts
}

/// What it pays, order by order.
fn orders(orders: &[PaidOrder], clock: &Clock) -> Table {
    let rows = orders.iter().map(|order| {
        let called = order.number.clone().unwrap_or_else(|| t("order-unnumbered"));
        Row {
            id: order.id.to_string(),
            name: called.clone(),
            href: Some(format!("/orders/{}", order.id)),
            cells: vec![
                html! { span.number { (called) } },
                clock.moment(order.placed_at),
                html! { (order.amount) },
                html! { (order.owed) },
            ],
        }
    });
    Table {
        caption: t("payment-pays"),
        columns: vec![
            ui::Column::new(t("order-number"), ColumnKind::Text),
            ui::Column::new(t("order-when"), ColumnKind::Date),
            ui::Column::new(t("payment-pays"), ColumnKind::Number),
            ui::Column::new(t("order-owed"), ColumnKind::Number),
        ],
        rows: rows.collect(),
        total: None,
        bulk: None,
        empty: None,
    }
}
