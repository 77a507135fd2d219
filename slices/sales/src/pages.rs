//! Orders on pages: the list, one order as a document, ringing a simple sale, paying back.

use db::Tx;
use kernel::{CustomerId, DeviceId, Error, ItemId, Money, OrderId, Permission, Quantity, Result, SiteId};
use maud::{Markup, html};
use pricing::Act as Move;
use serde_json::{Map, Value};
use web::{
    Clock, Cx, Fields, ListPage, Refused, Reply, Routes, Site, Typed, history, t, tf,
    ui::{self, Button, Choice, ColumnKind, Crumb, Document, Fact, Field, FilterBar, Form, Head, Row, Table, Tone, Toolbar},
};

use crate::{
    account::MONEY,
    list::ORDERS,
    order::{self, Order, OrderPayment, OrderTax},
    refund::{RefundLine, RefundOrder},
    sale::{Off, RingSale, SaleLine, SalePayment},
};

/// Rows of the simple sale's form.
const ROWS: usize = 6;
/// Items offered while typing.
const OFFERED: i64 = 1_000;
pub(crate) const METHODS: &[&str] = &["cash", "card", "mobile", "on_account"];

pub(crate) fn routes(routes: &mut Routes) {
    routes.page("GET /orders", Permission::OrderRead, list);
    routes.page("GET /orders/new", Permission::OrderSell, async |cx: Cx| ring_page(&cx, Typed::default()).await);
    routes.form("POST /orders/new", Permission::OrderSell, ring);
    routes.page("GET /orders/{id}", Permission::OrderRead, document);
    routes.page("GET /orders/{id}/refund", Permission::OrderRefund, async |cx: Cx| refund_page(&cx, Typed::default()).await);
    routes.form("POST /orders/{id}/refund", Permission::OrderRefund, refund);
}

fn ring_button() -> Button {
    Button::link(t("sale-ring"), "/orders/new").main().icon("plus")
}

/// What the address asks for and no field of the list's filters says: "Only orders with Bread, in Leith".
async fn narrowed(cx: &Cx, tx: &mut Tx) -> Result<Option<String>> {
    let id = |name: &str| cx.param(name).and_then(|id| id.parse::<uuid::Uuid>().ok());
    let (item, site, customer) = (id("item"), id("site"), id("customer"));
    let names = sqlx::query!(
        "SELECT (SELECT i.name FROM catalog.item i WHERE i.tenant_id = $1 AND i.id = $2) AS item,
            (SELECT s.name FROM identity.site s WHERE s.tenant_id = $1 AND s.id = $3) AS site,
            (SELECT c.name FROM sales.customer c WHERE c.tenant_id = $1 AND c.id = $4) AS customer",
        tx.tenant().uuid(),
        item,
        site,
        customer
    )
    .fetch_one(tx.conn())
    .await?;
    let named = |asked: bool, name: Option<String>, said: fn(&str) -> String| {
        asked.then(|| name.map_or_else(|| t("orders-of-nothing"), |name| said(&name)))
    };
    let hour = cx.param("hour").and_then(|hour| hour.parse::<u8>().ok());
    let parts = [
        named(item.is_some(), names.item, |item| tf("orders-with-item", &[("item", item)])),
        hour.map(|hour| tf("orders-at-hour", &[("from", &format!("{hour:02}:00")), ("to", &format!("{hour:02}:59"))])),
        named(site.is_some(), names.site, |site| tf("orders-in-site", &[("site", site)])),
        named(customer.is_some(), names.customer, |customer| tf("orders-for-customer", &[("customer", customer)])),
        cx.param("import").filter(|import| !import.is_empty()).map(|_| t("orders-of-import")),
    ];
    let what = parts.into_iter().flatten().collect::<Vec<_>>().join(", ");
    Ok((!what.is_empty()).then(|| tf("orders-only", &[("what", &what)])))
}

async fn list(cx: Cx) -> Result<Markup> {
    let mut tx = cx.tx().await?;
    let state = |code: &str| Choice::new(code, t(&format!("order-state-{code}")));
    let filter = FilterBar {
        action: "/orders".into(),
        fields: vec![
            Field::new("from", t("order-filter-from"), ui::Kind::Date).value(cx.param("from").unwrap_or_default()).optional(),
            Field::new("to", t("order-filter-to"), ui::Kind::Date).value(cx.param("to").unwrap_or_default()).optional(),
            Field::new(
                "state",
                t("order-filter-state"),
                ui::Kind::Select(vec![Choice::new("", t("order-filter-any")), state("paid"), state("partly_refunded"), state("refunded")]),
            )
            .value(cx.param("state").unwrap_or_default())
            .optional(),
            Field::new(
                "owed",
                t("order-filter-owed"),
                ui::Kind::Select(vec![
                    Choice::new("", t("order-filter-any")),
                    Choice::new("true", t("order-owed")),
                    Choice::new("false", t("order-owed-nothing")),
                ]),
            )
            .value(cx.param("owed").unwrap_or_default())
            .optional(),
        ],
        keep: ["item", "hour", "site", "customer", "import", "kind"]
            .iter()
            .filter_map(|n| cx.param(n).map(|v| ((*n).to_owned(), v.to_owned())))
            .collect(),
        clear: (!cx.query.is_empty()).then(|| "/orders".to_owned()),
        found: narrowed(&cx, &mut tx).await?,
    };
    let sells = cx.op.permissions.has(Permission::OrderSell);
    let list = ListPage {
        list: &ORDERS,
        here: "/orders",
        api: "/v1/orders",
        name: "called",
        open: |row: &Map<String, Value>| Some(format!("/orders/{}", row.get("id")?.as_str()?)),
        empty: ui::Empty { icon: "order", title: t("orders-empty-title"), text: t("orders-empty-text"), first: sells.then(ring_button) },
        clock: cx.clock(),
        codes: &[("kind", "order-kind"), ("state", "order-state")],
        within: &[("state", "owed", "order-state-with-owed")],
        files_only: &["day", "net"],
    };
    let table = list.show(&cx, &mut tx).await?;
    let toolbar = Toolbar { crumbs: Vec::new(), title: t("orders"), now: None, buttons: sells.then(ring_button).into_iter().collect() };
    Ok(cx.page_with(toolbar, html! { (ui::filter_bar(&filter)) (table) }))
}

fn called(order: &Order) -> String {
    order.number.clone().or_else(|| order.external_number.clone()).unwrap_or_else(|| t("order-unnumbered"))
}

async fn document(cx: Cx) -> Result<Markup> {
    let id: OrderId = cx.id("id")?;
    let mut tx = cx.tx().await?;
    let order = order::load(&mut tx, id).await?;
    let clock = cx.clock();
    let events = history(&mut tx, order::uuid(id), &clock).await?;
    let may_refund = order.acts(cx.op.permissions)?.contains(&Move::Refund);
    let tone = if order.state == "paid" { Tone::Done } else { Tone::Waiting };
    let body = ui::document(&Document {
        head: Head {
            crumbs: vec![Crumb { label: t("orders"), href: "/orders".into() }],
            kind: t(&format!("order-kind-{}", order.kind)),
            number: called(&order),
            tone,
            state: order.said_state(),
            about: order.note.clone(),
            facts: facts(&order, &clock),
        },
        lines: ui::table(&lines(&order)),
        money: Some(money(&order)),
        acts: Vec::new(),
        links: may_refund.then(|| Button::link(t("refund"), format!("/orders/{id}/refund"))).into_iter().collect(),
        history: events,
    });
    Ok(cx.bare_page(called(&order), body))
}

fn facts(order: &Order, clock: &Clock) -> Vec<Fact> {
    let local = clock.zone.local(order.placed_at).strftime("%A %-d %B %Y, %H:%M").to_string();
    let mut facts = vec![
        Fact::new(t("order-when"), ui::when(&local, &order.placed_at.to_string())),
        Fact::new(t("order-day"), clock.day(order.day)),
        Fact::new(t("order-site"), html! { (order.site) }),
        Fact::new(t("order-channel"), html! { (t(&format!("order-channel-{}", order.channel))) }),
    ];
    if let Some(device) = &order.device {
        facts.push(Fact::new(t("order-device"), html! { (device) }));
    }
    if let Some(seller) = &order.seller {
        facts.push(Fact::new(t("order-seller"), html! { (seller) }));
    }
    if let Some((id, customer)) = order.customer_id.zip(order.customer.as_ref()) {
        facts.push(Fact::new(t("order-customer"), html! { a href={ "/customers/" (id) } { (customer) } }));
    }
    if let Some(of) = order.refund_of {
        facts.push(Fact::new(t("order-refund-of"), link(of, order.refund_of_number.as_deref())));
    }
    if !order.refunds.is_empty() {
        facts.push(refunds(order));
    }
    facts
}

/// The orders that pay it back.
fn refunds(order: &Order) -> Fact {
    Fact::new(t("order-refunds"), html! { @for refund in &order.refunds { (link(refund.id, refund.number.as_deref())) " " } })
}

/// Another order, called by its number.
fn link(id: OrderId, number: Option<&str>) -> Markup {
    html! { a href={ "/orders/" (id) } { @if let Some(number) = number { (number) } @else { (t("order-unnumbered")) } } }
}

fn lines(order: &Order) -> Table {
    let columns = vec![
        ui::Column::new(t("order-line-item"), ColumnKind::Text),
        ui::Column::new(t("order-line-quantity"), ColumnKind::Number),
        ui::Column::new(t("order-line-price"), ColumnKind::Number),
        // The lines add up to what stands first below them: the total, or what it is without the tax that comes on top.
        ui::Column::new(t(if order.prices_include_tax { "order-line-total" } else { "order-line-net" }), ColumnKind::Number),
    ];
    let rows = order.lines.iter().map(|line| {
        let entered = line.entered.to_string().replace('-', "\u{2212}");
        let refunded = tf("order-line-refunded", &[("quantity", &line.refunded.to_string())]);
        Row {
            id: line.n.to_string(),
            name: line.name.clone(),
            href: Some(format!("/items/{}", line.item_id)),
            cells: vec![
                html! { (line.name) @if line.refunded > Quantity::ZERO { " " span class="unit" { (refunded) } } },
                ui::quantity(&entered, &line.unit),
                html! { (line.unit_price) },
                html! { (if order.prices_include_tax { line.total } else { line.net }) },
            ],
        }
    });
    Table { caption: t("order-line-item"), columns, rows: rows.collect(), total: None, bulk: None, empty: None }
}

/// What makes the total; below it how it was paid and what it left.
fn money(order: &Order) -> Markup {
    let mut made = Vec::new();
    if order.discount.minor != 0 {
        made.push(Fact::new(t("order-gross"), html! { (order.gross) }));
        made.push(Fact::new(t("order-discount"), html! { (order.discount) }));
    }
    made.push(Fact::new(t("order-net"), html! { (order.net) }));
    let taxes = taxes(order);
    for tax in &taxes {
        let of = [("name", &*tax.name), ("percent", &tax.percent.to_string()), ("base", &tax.base.to_string())];
        made.push(Fact::new(tf("order-tax-of", &of), html! { (tax.amount) }));
    }
    // One tax alone is its own sum.
    if taxes.len() != 1 {
        made.push(Fact::new(t("order-tax"), html! { (order.tax) }));
    }
    made.push(Fact::new(t("order-total"), html! { (order.total) }));
    let mut after = Vec::new();
    if order.rounding.minor != 0 {
        after.push(Fact::new(t("order-rounding"), html! { (order.rounding) }));
    }
    after
        .extend(order.payments.iter().map(|payment| paid(payment, t(&format!("method-{}", payment.method)), payment.reference.as_deref())));
    // Their references stand on their own pages: they were given for more than this order.
    for payment in &order.received {
        let (method, day) = (t(&format!("method-{}", payment.method)), web::day_text(payment.day));
        after.push(paid(payment, tf("order-received", &[("method", &method), ("day", &day)]), None));
    }
    if order.payments.iter().any(|payment| payment.method == "on_account") && order.kind == "sale" {
        after.push(Fact::new(t("order-owed"), html! { (order.owed) }));
    }
    // Only those who may see what things cost get the lines' costs.
    if let Some(costs) = order.lines.iter().map(|l| l.cost).collect::<Option<Vec<Money>>>() {
        let cost = costs.iter().map(|c| c.minor).sum::<i64>();
        after.push(Fact::new(t("order-cost"), html! { (Money::new(cost, order.total.currency)) }));
        after.push(Fact::new(t("order-margin"), html! { (Money::new(order.net.minor - cost, order.total.currency)) }));
    }
    html! { div.stack { (ui::facts(&made)) (ui::facts(&after)) } }
}

/// A payment: what it is, its number, its reference, and how much of it is the order's.
fn paid(payment: &OrderPayment, label: String, reference: Option<&str>) -> Fact {
    let link = html! { a class="number" href={ "/payments/" (payment.id) } { (payment.number) } };
    Fact::new(label, html! { (link) " " @if let Some(said) = reference { span.unit { (said) } " " } (payment.amount) })
}

/// The order's taxes, each summed over the lines.
fn taxes(order: &Order) -> Vec<OrderTax> {
    let mut sums: Vec<OrderTax> = Vec::new();
    for tax in order.lines.iter().flat_map(|line| &line.taxes) {
        match sums.iter_mut().find(|sum| sum.tax_id == tax.tax_id) {
            Some(sum) => {
                sum.base.minor += tax.base.minor;
                sum.amount.minor += tax.amount.minor;
            }
            None => sums.push(tax.clone()),
        }
    }
    sums
}

/// What the form offers: items that have a price, customers, and the site of the device that one is signed in on.
struct Offer {
    items: Vec<(ItemId, String)>,
    customers: Vec<Choice>,
    own_site: Option<SiteId>,
}

/// Where money is taken: at the site that was chosen; else at the device's own, or the first.
pub(crate) fn chosen_site<'a>(cx: &'a Cx, own: Option<SiteId>, chosen: &str) -> Result<&'a Site> {
    let wanted = chosen.trim().parse().ok().or(own.filter(|_| chosen.trim().is_empty()));
    match wanted.and_then(|id: SiteId| cx.viewer.as_deref()?.sites.iter().find(|site| site.id == id)) {
        Some(site) => Ok(site),
        None => cx.site(),
    }
}

/// The site of the device that one is signed in on.
pub(crate) async fn own_site(tx: &mut Tx) -> Result<Option<SiteId>> {
    let tenant = tx.tenant().uuid();
    let Some(device) = tx.op().device.map(DeviceId::uuid) else { return Ok(None) };
    let site = sqlx::query_scalar!("SELECT site_id FROM identity.device WHERE tenant_id = $1 AND id = $2", tenant, device);
    Ok(site.fetch_optional(tx.conn()).await?.map(SiteId::new))
}

async fn offer(tx: &mut Tx) -> Result<Offer> {
    let tenant = tx.tenant().uuid();
    let items = sqlx::query!(
        "SELECT i.id, i.name FROM catalog.item i WHERE i.tenant_id = $1 AND i.active
            AND EXISTS (SELECT 1 FROM catalog.price p WHERE p.tenant_id = i.tenant_id AND p.item_id = i.id) ORDER BY i.name LIMIT $2",
        tenant,
        OFFERED
    )
    .fetch_all(tx.conn())
    .await?;
    let customers = sqlx::query!("SELECT id, name FROM sales.customer WHERE tenant_id = $1 ORDER BY name LIMIT 500", tenant)
        .fetch_all(tx.conn())
        .await?;
    Ok(Offer {
        own_site: own_site(tx).await?,
        items: items.into_iter().map(|r| (ItemId::new(r.id), r.name)).collect(),
        customers: std::iter::once(Choice::new("", t("sale-customer-none")))
            .chain(customers.into_iter().map(|r| Choice::new(r.id.to_string(), r.name)))
            .collect(),
    })
}

fn methods() -> ui::Kind {
    ui::Kind::Select(METHODS.iter().map(|m| Choice::new(*m, t(&format!("method-{m}")))).collect())
}

/// Which of several sites it is sold at.
pub(crate) fn site_field(cx: &Cx, own: Option<SiteId>, typed: &Typed<'_>) -> Result<Option<Field>> {
    let sites = &cx.viewer()?.sites;
    let choices = sites.iter().map(|site| Choice::new(site.id.to_string(), &site.name)).collect();
    let field = Field::new("siteId", t("sale-site"), ui::Kind::Select(choices)).value(chosen_site(cx, own, "")?.id.to_string());
    Ok((sites.len() > 1).then(|| typed.field(field)))
}

async fn ring_page(cx: &Cx, typed: Typed<'_>) -> Result<Markup> {
    let offer = offer(&mut cx.tx().await?).await?;
    let site = site_field(cx, offer.own_site, &typed)?;
    let currency = chosen_site(cx, offer.own_site, site.as_ref().map_or("", |field| &field.value))?.currency;
    if offer.items.is_empty() {
        let first = Some(Button::link(t("sale-no-items-first"), "/items/new").main());
        let empty = ui::Empty { icon: "order", title: t("sale-no-items-title"), text: t("sale-no-items-text"), first };
        return Ok(cx.page(t("sale-ring"), ui::empty(&empty)));
    }
    let choices: Vec<Choice> = offer.items.iter().map(|(_, name)| Choice::new(name.clone(), name.clone())).collect();
    let rows = typed.rows("lines").max(ROWS);
    let mut lines = Vec::new();
    for (shown, i) in (1..).zip(0..rows) {
        let (item, quantity) = (format!("lines.{i}.itemId"), format!("lines.{i}.quantity"));
        let kind = ui::Kind::Search { choices: choices.clone(), source: None };
        let label = tf("sale-line-item", &[("n", &shown.to_string())]);
        let field = Field::new(item, label, kind).optional();
        // A sale of nothing is said where its first item belongs.
        let item = if i == 0 { typed.blamed(field, &["lines"]).focus() } else { typed.field(field) };
        lines.push(vec![item, typed.field(Field::new(quantity, t("sale-line-quantity"), ui::Kind::Number).value("1").optional())]);
    }
    let pay = [
        typed.blamed(Field::new("method", t("sale-method"), methods()).value("cash"), &["payments", "payments.0.method"]),
        typed.blamed(Field::new("customer", t("sale-customer"), ui::Kind::Select(offer.customers)).optional(), &["customerId"]),
        typed.field(Field::new("discount", t("sale-discount"), ui::Kind::Money { currency: currency.sign().into() }).optional()),
        typed.field(Field::text("note", t("sale-note")).optional()),
    ];
    let mut form = Form::new("/orders/new", cx.guard(), Vec::new(), t("sale-done"));
    form.enter_moves = true;
    form.cancel = Some(Button::link(t("sale-leave"), "/orders"));
    form.more = html! {
        (ui::mend(site.iter().chain(lines.iter().flatten()).chain(&pay)))
        @if let Some(site) = site { (ui::field_line(&[site])) }
        (ui::line_set(&t("sale-lines"), Some(&t("sale-lines-help")), &lines))
        h2 { (t("sale-pay")) }
        (ui::field_line(&pay[..2]))
        (ui::field_line(&pay[2..]))
    };
    let crumbs = vec![Crumb { label: t("orders"), href: "/orders".into() }];
    Ok(cx.page_with(Toolbar { crumbs, title: t("sale-ring"), ..Toolbar::default() }, html! { (typed.banner()) (ui::form(&form)) }))
}

/// Reads the form; what names no item is refused where it was typed.
fn read_sale(cx: &Cx, fields: &Fields, offer: &Offer) -> Result<RingSale> {
    let mut read = fields.reader();
    let mut lines = Vec::new();
    for i in 0..fields.rows("lines") {
        let name = format!("lines.{i}.itemId");
        let typed = fields.get(&name).trim();
        if typed.is_empty() {
            continue;
        }
        let found = offer.items.iter().find(|(_, n)| n.trim().eq_ignore_ascii_case(typed));
        if found.is_none() {
            read.refuse(&name, "item.unknown");
        }
        let quantity = read.quantity(&format!("lines.{i}.quantity"));
        if let (Some((item, _)), Some(quantity)) = (found, quantity) {
            lines.push(SaleLine { item_id: *item, quantity, unit: None, discount: None, parent: None });
        }
    }
    let site = chosen_site(cx, offer.own_site, fields.get("siteId"))?;
    let site_id = read.optional("siteId", "site.unknown").or(Some(site.id));
    let discount = if fields.get("discount").trim().is_empty() { None } else { read.money("discount", site.currency) };
    let customer_id: Option<CustomerId> = read.optional("customer", "customer.unknown");
    let note = read.optional_text("note", 1000);
    let payments = vec![SalePayment { method: fields.get("method").to_owned(), amount: None, reference: None }];
    read.done(|| {
        Some(RingSale {
            id: None,
            site_id,
            placed_at: None,
            customer_id,
            channel: None,
            lines,
            discount: discount.map(Off::Amount),
            payments,
            note,
        })
    })
}

async fn ring(cx: Cx, fields: Fields) -> Result<Reply> {
    let offer = offer(&mut cx.tx().await?).await?;
    let command = read_sale(&cx, &fields, &offer);
    match cx.submit(&fields, command).await? {
        Ok(answer) => Ok(Reply::see(format!("/orders/{}", answer.body["id"].as_str().unwrap_or_default()))),
        Err(refused) => {
            let refused = to_rows(refused, "lines", &filled(&fields));
            Ok(Reply::refused(ring_page(&cx, Typed::again(&fields, &refused)).await?))
        }
    }
}

/// The rows of the sale's form in which an item stands.
fn filled(fields: &Fields) -> Vec<usize> {
    (0..fields.rows("lines")).filter(|i| !fields.get(&format!("lines.{i}.itemId")).trim().is_empty()).collect()
}

/// A command counts without the form's empty rows: complaints go back to the row where they were typed.
pub(crate) fn to_rows(refused: Refused, prefix: &str, filled: &[usize]) -> Refused {
    let row = |field: String| -> String {
        let mut parts = field.splitn(3, '.');
        match (parts.next(), parts.next().and_then(|n| n.parse::<usize>().ok()).and_then(|n| filled.get(n)), parts.next()) {
            (Some(said), Some(row), Some(rest)) if said == prefix => format!("{prefix}.{row}.{rest}"),
            _ => field.clone(),
        }
    };
    let error = match refused.error {
        Error::Rule { code, field, detail } => Error::Rule { code, field: field.map(row), detail },
        // What the form itself refused stands at its row already.
        other => other,
    };
    Refused::new(error)
}

async fn refund_page(cx: &Cx, typed: Typed<'_>) -> Result<Markup> {
    let order = order::load(&mut cx.tx().await?, cx.id("id")?).await?;
    let title = tf("refund-title", &[("number", &called(&order))]);
    let up = |label, href| Crumb { label, href };
    let crumbs = vec![up(t("orders"), "/orders".into()), up(called(&order), format!("/orders/{}", order.id))];
    let body = if order.acts(cx.op.permissions)?.contains(&Move::Refund) {
        refund_form(cx, &order, &typed)
    } else if order.refunds.is_empty() {
        return Err(Error::rule("order.state"));
    } else {
        html! { (ui::banner(Tone::Done, &t("refund-all-done"), None)) (ui::facts(&[refunds(&order)])) }
    };
    Ok(cx.page_with(Toolbar { crumbs, title, ..Toolbar::default() }, body))
}

/// What is left of an order, line by line.
fn refund_form(cx: &Cx, order: &Order, typed: &Typed<'_>) -> Markup {
    let id = order.id;
    let mut lines = Vec::new();
    for line in order.lines.iter().filter(|line| line.refunded < line.quantity) {
        let left = Quantity::from_micros(line.quantity.micros() - line.refunded.micros());
        let (name, shelf) = (format!("quantity.{}", line.n), format!("restock.{}", line.n));
        let label = tf("refund-line", &[("name", &line.name), ("left", &left.to_string())]);
        lines.push(typed.field(Field::new(name, label, ui::Kind::Number).value(left.to_string()).optional()));
        if line.stocked {
            lines.push(typed.field(Field::new(shelf, tf("refund-restock", &[("name", &line.name)]), ui::Kind::Checkbox).optional()));
        }
    }
    let why = vec![typed.field(refund_method(order)), typed.field(Field::text("reason", t("refund-reason")).help(t("refund-reason-help")))];
    let mut form = Form::new(format!("/orders/{id}/refund"), cx.guard(), Vec::new(), t("refund-done"));
    form.cancel = Some(Button::link(t("sale-leave"), format!("/orders/{id}")));
    form.more = html! {
        (ui::mend(lines.iter().chain(&why)))
        (ui::field_set(&t("refund-lines"), Some(&t("refund-lines-help")), &lines))
        (ui::field_set(&t("refund"), None, &why))
    };
    html! { (typed.banner()) (ui::form(&form)) }
}

/// How money goes back. While something is owed of the order, that is taken off first, and the form says so.
fn refund_method(order: &Order) -> Field {
    let came_by = order.payments.iter().chain(order.received.last()).find(|p| p.method != "on_account").map(|p| p.method.clone());
    let choices = MONEY.iter().map(|m| Choice::new(*m, t(&format!("method-{m}")))).collect();
    let field = Field::new("method", t("refund-method"), ui::Kind::Select(choices)).value(came_by.unwrap_or_else(|| MONEY[0].to_owned()));
    if order.owed.minor == 0 { field } else { field.help(tf("refund-owed-help", &[("owed", &order.owed.to_string())])) }
}

fn read_refund(fields: &Fields, order: &Order) -> Result<RefundOrder> {
    let mut read = fields.reader();
    let mut lines = Vec::new();
    for line in &order.lines {
        let name = format!("quantity.{}", line.n);
        match read.optional_quantity(&name) {
            Some(quantity) if quantity < Quantity::ZERO => read.refuse(&name, "number.not_negative"),
            Some(quantity) if quantity.micros() > line.quantity.micros() - line.refunded.micros() => {
                read.refuse(&name, "order.refund_more")
            }
            Some(quantity) if quantity > Quantity::ZERO => {
                lines.push(RefundLine { n: line.n, quantity, restock: read.flag(&format!("restock.{}", line.n)) });
            }
            _ => {}
        }
    }
    let reason = read.text("reason", 1000);
    let method = Some(fields.get("method").to_owned()).filter(|m| !m.is_empty());
    read.done(|| Some(RefundOrder { id: order.id, refund_id: None, lines: Some(lines), method, reason }))
}

async fn refund(cx: Cx, fields: Fields) -> Result<Reply> {
    let id: OrderId = cx.id("id")?;
    let order = order::load(&mut cx.tx().await?, id).await?;
    match cx.submit(&fields, read_refund(&fields, &order)).await? {
        Ok(_) => Ok(Reply::see(format!("/orders/{id}"))),
        Err(refused) => Ok(Reply::refused(refund_page(&cx, Typed::again(&fields, &refused)).await?)),
    }
}
