//! The order is the document: what a customer asked for, what it came to, how it was paid. A sale is an order that was
//! paid; a refund is an order of its own that names the one it pays back.

use db::Tx;
use futures::future::BoxFuture;
use kernel::{
    At, Cause, Currency, CustomerId, Day, DeviceId, DocumentRef, Error, ItemId, Money, Movement, OrderId, PaymentId, Permission,
    Permissions, Quantity, Ratio, Result, SiteId, TaxId, Transfer, Valuation, account,
};
use pricing::{Act, Method, QuotedLine, State, Totals};
use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use utoipa::ToSchema;
use uuid::Uuid;
use web::{Found, t, tf};

use crate::till::{Item, StockRule, Till};

/// The most lines of one order.
pub(crate) const LINES: usize = 500;

/// A line ready to be written: what was asked for and what it came to.
pub(crate) struct Line {
    pub item: ItemId,
    pub name: String,
    /// Base units, with the document's sign.
    pub quantity: Quantity,
    pub entered: Quantity,
    pub unit: String,
    pub ratio: Ratio,
    pub unit_price: i64,
    pub parent: Option<usize>,
    pub amounts: QuotedLine,
    /// On a refund: the line that is paid back.
    pub refund_of: Option<i32>,
}

/// Money received or, negative, paid back.
pub(crate) struct Payment {
    pub id: PaymentId,
    pub method: Method,
    pub amount: i64,
    pub reference: Option<String>,
}

/// An order as it is written.
pub(crate) struct Written<'a> {
    pub id: OrderId,
    pub kind: &'static str,
    pub state: State,
    pub till: &'a Till,
    pub at: At,
    pub customer: Option<CustomerId>,
    pub channel: &'static str,
    pub note: Option<String>,
    pub prices_include_tax: bool,
    pub refund_of: Option<OrderId>,
    pub totals: Totals,
    pub lines: Vec<Line>,
    pub payments: Vec<Payment>,
}

impl Written<'_> {
    fn document(&self, line: usize) -> DocumentRef {
        DocumentRef { kind: "order", id: self.id.uuid(), line: i32::try_from(line).unwrap_or(0) }
    }

    /// Writes order, lines, taxes, payments and allocations in one statement. What the tenant has no such customer for is refused.
    pub async fn insert(&self, tx: &mut Tx) -> Result<()> {
        let (tenant, seller, device) = (tx.tenant().uuid(), tx.op().account().ok().map(|a| a.uuid()), tx.op().device.map(|d| d.uuid()));
        let lines = &self.lines;
        let taxes: Vec<(i32, &pricing::TaxRow)> =
            (1..).zip(lines).flat_map(|(n, line)| line.amounts.taxes.iter().map(move |row| (n, row))).collect();
        let line_tax = lines.iter().map(|l| l.amounts.tax()).collect::<Result<Vec<i64>>>()?;
        sqlx::query_file!(
            "src/insert.sql",
            tenant,
            self.id.uuid(),
            self.kind,
            self.state.code(),
            self.till.site.uuid(),
            seller,
            device,
            self.customer.map(CustomerId::uuid),
            self.channel,
            self.at as At,
            self.till.day as Day,
            self.till.hour,
            self.till.currency.code(),
            self.totals.gross,
            self.totals.discount,
            self.totals.net,
            self.totals.tax,
            self.totals.total,
            self.totals.rounding_difference,
            self.prices_include_tax,
            self.refund_of.map(OrderId::uuid),
            self.note,
            &lines.iter().map(|l| l.item.uuid()).collect::<Vec<_>>(),
            &lines.iter().map(|l| l.name.clone()).collect::<Vec<_>>(),
            &lines.iter().map(|l| l.quantity.micros()).collect::<Vec<_>>(),
            &lines.iter().map(|l| l.entered.micros()).collect::<Vec<_>>(),
            &lines.iter().map(|l| l.unit.clone()).collect::<Vec<_>>(),
            &lines.iter().map(|l| l.ratio.numerator()).collect::<Vec<_>>(),
            &lines.iter().map(|l| l.ratio.denominator()).collect::<Vec<_>>(),
            &lines.iter().map(|l| l.unit_price).collect::<Vec<_>>(),
            &lines.iter().map(|l| l.parent.and_then(|p| i32::try_from(p + 1).ok())).collect::<Vec<_>>() as &[Option<i32>],
            &lines.iter().map(|l| l.amounts.gross).collect::<Vec<_>>(),
            &lines.iter().map(|l| l.amounts.discount).collect::<Vec<_>>(),
            &lines.iter().map(|l| l.amounts.net).collect::<Vec<_>>(),
            &line_tax,
            &lines.iter().map(|l| l.amounts.total).collect::<Vec<_>>(),
            &lines.iter().map(|l| l.refund_of).collect::<Vec<_>>() as &[Option<i32>],
            &taxes.iter().map(|(n, _)| *n).collect::<Vec<_>>(),
            &taxes.iter().map(|(_, t)| t.tax.uuid()).collect::<Vec<_>>(),
            &taxes.iter().map(|(_, t)| t.base).collect::<Vec<_>>(),
            &taxes.iter().map(|(_, t)| t.amount).collect::<Vec<_>>(),
            &self.payments.iter().map(|p| p.id.uuid()).collect::<Vec<_>>(),
            &self.payments.iter().map(|p| p.method.code().to_owned()).collect::<Vec<_>>(),
            &self.payments.iter().map(|p| p.amount).collect::<Vec<_>>(),
            &self.payments.iter().map(|p| p.reference.clone()).collect::<Vec<_>>() as &[Option<String>],
            self.owed(),
        )
        .execute(tx.conn())
        .await
        .map_err(|error| match Error::from(error) {
            refused if refused.code() == "customer.unknown" => refused.at("customerId"),
            other => other,
        })?;
        Ok(())
    }

    /// What a sale leaves owed. A refund leaves nothing: what it takes off the account is no longer owed of the order that it pays back.
    fn owed(&self) -> i64 {
        let on_account = self.payments.iter().filter(|p| p.method == Method::OnAccount && self.refund_of.is_none());
        on_account.map(|p| p.amount).sum()
    }

    /// Books what was sold, its tax, its rounding and its payments: the sale is owed, and each payment pays what is owed.
    pub fn book(&self, tx: &mut Tx) {
        if self.totals.total == 0 {
            tx.touch(self.till.day, self.at);
        }
        let transfer = |debit, credit, amount| {
            Transfer {
                debit,
                credit,
                amount,
                currency: self.till.currency,
                document: self.document(0),
                effective_at: self.at,
                day: self.till.day,
            }
            .signed()
        };
        tx.book(transfer(account::RECEIVABLE, account::SALES, self.totals.net));
        tx.book(transfer(account::RECEIVABLE, account::TAX, self.totals.tax));
        tx.book(transfer(account::RECEIVABLE, account::ROUNDING, self.totals.rounding_difference));
        for payment in self.payments.iter().filter(|p| p.method != Method::OnAccount) {
            tx.book(transfer(payment.method.account(), account::RECEIVABLE, payment.amount));
        }
    }

    /// Takes what was sold out of stock; what is made to order is made and sold in passing, at its standard cost.
    pub fn take_stock(&self, tx: &mut Tx) -> Result<()> {
        for (n, line) in (1..).zip(&self.lines) {
            let item = self.till.items.get(&line.item).ok_or_else(|| Error::rule("item.unknown"))?;
            let movements = self.movements(tx, n, line, item)?;
            tx.post(movements);
        }
        Ok(())
    }

    fn movements(&self, tx: &Tx, n: usize, line: &Line, item: &Item) -> Result<Vec<Movement>> {
        let one = |quantity, valuation, cause, contra| Movement {
            id: tx.op().id(),
            item: line.item,
            site: self.till.site,
            location: self.till.location,
            lot: None,
            quantity,
            valuation,
            currency: self.till.currency,
            cause,
            document: self.document(n),
            effective_at: self.at,
            day: self.till.day,
            contra,
            corrects: None,
        };
        Ok(match item.stock_rule {
            StockRule::None => Vec::new(),
            StockRule::Stocked => vec![one(line.quantity.negated(), Valuation::Average, Cause::Sold, account::COST_OF_SALES)],
            StockRule::MadeToOrder => {
                let value = item.standard_value(line.quantity)?;
                vec![
                    one(line.quantity, Valuation::InPassing(value), Cause::Made, account::MADE),
                    one(line.quantity.negated(), Valuation::InPassing(-value), Cause::Sold, account::COST_OF_SALES),
                ]
            }
        })
    }
}

/// What a sale is called of which something is still owed: in its own books it is done with, but nobody would call it paid.
const ON_ACCOUNT: &str = "on_account";

/// An order as the API gives it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Order {
    /// Its id.
    pub id: OrderId,
    /// Its number, once it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// `sale` or `refund`.
    pub kind: String,
    /// `open`, `paid`, `on_account` (sold, and something of it is still `owed`), `partly_refunded`, `refunded`, `voided`.
    pub state: String,
    /// Where.
    pub site_id: SiteId,
    /// The site's name.
    pub site: String,
    /// The registered device that it was rung on.
    pub device_id: Option<DeviceId>,
    /// The device's name.
    pub device: Option<String>,
    /// Who sold it.
    pub seller: Option<String>,
    /// Who bought it.
    pub customer_id: Option<CustomerId>,
    /// The customer's name.
    pub customer: Option<String>,
    /// How it came: `counter`, `import`, ….
    pub channel: String,
    /// When.
    pub placed_at: At,
    /// The business day.
    pub day: Day,
    /// Whether its prices held the taxes; else the taxes came on top.
    pub prices_include_tax: bool,
    /// At list price, before discounts.
    pub gross: Money,
    /// All discounts.
    pub discount: Money,
    /// Without tax.
    pub net: Money,
    /// Tax.
    pub tax: Money,
    /// What it comes to.
    pub total: Money,
    /// What rounding to coins added.
    pub rounding: Money,
    /// The order that this one pays back.
    pub refund_of: Option<OrderId>,
    /// That order's number.
    pub refund_of_number: Option<String>,
    /// The orders that pay this one back, the first one first, at most 500.
    pub refunds: Vec<OrderRefund>,
    /// The number that the source of an imported order gave it.
    pub external_number: Option<String>,
    /// A note.
    pub note: Option<String>,
    /// Its lines.
    pub lines: Vec<OrderLine>,
    /// How it was paid when it was placed.
    pub payments: Vec<OrderPayment>,
    /// What was received later of what was put on account, the earliest first, 500 of them.
    pub received: Vec<OrderPayment>,
    /// What is still owed of it on account.
    pub owed: Money,
}

impl Order {
    /// What somebody with these permissions can do with it.
    pub(crate) fn acts(&self, permissions: Permissions) -> Result<Vec<Act>> {
        let state = if self.state == ON_ACCOUNT { State::Paid } else { self.state.parse()? };
        // A refund is done with when it is made.
        Ok(if self.kind == "sale" { pricing::acts(state, permissions) } else { Vec::new() })
    }

    /// Its state as people read it: "On account, £12.00 owed".
    pub(crate) fn said_state(&self) -> String {
        let state = t(&format!("order-state-{}", self.state));
        if self.owed.minor == 0 { state } else { tf("order-state-with-owed", &[("this", &state), ("more", &self.owed.to_string())]) }
    }
}

/// An order that pays another one back.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderRefund {
    /// Its id.
    pub id: OrderId,
    /// Its number.
    pub number: Option<String>,
    /// What it paid back, below zero.
    pub total: Money,
}

/// A line of an order.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderLine {
    /// From 1.
    pub n: i32,
    /// The line that it belongs to.
    pub parent: Option<i32>,
    /// What.
    pub item_id: ItemId,
    /// What the customer read.
    pub name: String,
    /// Base units.
    pub quantity: Quantity,
    /// As it was entered.
    pub entered: Quantity,
    /// The unit beside it.
    pub unit: String,
    /// Per base unit.
    pub unit_price: Money,
    /// Off this line.
    pub discount: Money,
    /// Without tax.
    pub net: Money,
    /// Tax.
    pub tax: Money,
    /// The taxes that it consists of; none where nothing is taxed.
    pub taxes: Vec<OrderTax>,
    /// With tax.
    pub total: Money,
    /// What the stock ledger took for it; only for those who may see what things cost (`cost:read`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<Money>,
    /// Whether it was taken from the shelf, and so may go back there.
    pub stocked: bool,
    /// How much of it was paid back already, in base units.
    pub refunded: Quantity,
}

/// One tax of a line.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderTax {
    /// The tax.
    pub tax_id: TaxId,
    /// What the receipt calls it.
    pub name: String,
    /// Its rate in percent: `"20"`, `"17.5"`.
    pub percent: Quantity,
    /// What it is taken of.
    pub base: Money,
    /// What it comes to.
    pub amount: Money,
}

/// A payment of an order.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderPayment {
    /// Its id.
    pub id: PaymentId,
    /// Its number: the order's and which one of it, or one of its own where it was received later.
    pub number: String,
    /// Its business day.
    pub day: Day,
    /// `cash`, `card`, `mobile`, `on_account`.
    pub method: String,
    /// How much of it pays this order.
    pub amount: Money,
    /// The terminal's or provider's own number.
    pub reference: Option<String>,
}

/// A refund, and a line's tax, as the statements' JSON has them.
type RefundRow = (OrderId, Option<String>, i64);
type TaxRow = (TaxId, String, i64, i64, i64);

/// Reads a whole order.
pub(crate) async fn load(tx: &mut Tx, id: OrderId) -> Result<Order> {
    let tenant = tx.tenant().uuid();
    let head = sqlx::query!(
        r#"SELECT o.kind, o.state, o.site_id, o.customer_id, o.channel, o.placed_at, o.day, o.currency, o.gross, o.discount, o.net, o.tax, o.total, o.rounding,
            o.prices_include_tax, o.refund_of, o.external_number, o.note, o.device_id, o.owed, n.number AS "number?", m.name AS "seller?", c.name AS "customer?", s.name AS site, d.name AS "device?",
            (SELECT coalesce(r.number, b.external_number) FROM sales.orders b LEFT JOIN db.number r ON r.tenant_id = b.tenant_id AND r.document_id = b.id
                WHERE b.tenant_id = $1 AND b.id = o.refund_of) AS refund_of_number,
            (SELECT json_agg(json_build_array(f.id, f.number, f.total)) FROM (
                SELECT b.id, r.number, b.total FROM sales.orders b LEFT JOIN db.number r ON r.tenant_id = b.tenant_id AND r.document_id = b.id
                WHERE b.tenant_id = $1 AND b.refund_of = o.id ORDER BY b.placed_at, b.id LIMIT 500) f) AS "refunds: Json<Vec<RefundRow>>"
        FROM sales.orders o JOIN identity.site s ON s.tenant_id = o.tenant_id AND s.id = o.site_id
        LEFT JOIN identity.device d ON d.tenant_id = o.tenant_id AND d.id = o.device_id
        LEFT JOIN db.number n ON n.tenant_id = o.tenant_id AND n.document_id = o.id
        LEFT JOIN identity.member m ON m.tenant_id = o.tenant_id AND m.account_id = o.seller_id
        LEFT JOIN sales.customer c ON c.tenant_id = o.tenant_id AND c.id = o.customer_id
        WHERE o.tenant_id = $1 AND o.id = $2"#,
        tenant,
        id.uuid()
    )
    .fetch_optional(tx.conn())
    .await?
    .ok_or(Error::NotFound)?;
    let currency: Currency = head.currency.parse().map_err(|e: &str| Error::Internal(e.into()))?;
    let money = |minor| Money::new(minor, currency);
    let refund = |(id, number, total): RefundRow| OrderRefund { id, number, total: money(total) };
    let (payments, received) = load_payments(tx, id, currency).await?;
    Ok(Order {
        id,
        number: head.number,
        kind: head.kind,
        state: if head.state == State::Paid.code() && head.owed > 0 { ON_ACCOUNT.to_owned() } else { head.state },
        site_id: SiteId::new(head.site_id),
        site: head.site,
        device_id: head.device_id.map(DeviceId::new),
        device: head.device,
        seller: head.seller,
        customer_id: head.customer_id.map(CustomerId::new),
        customer: head.customer,
        channel: head.channel,
        placed_at: head.placed_at,
        day: head.day,
        prices_include_tax: head.prices_include_tax,
        gross: money(head.gross),
        discount: money(head.discount),
        net: money(head.net),
        tax: money(head.tax),
        total: money(head.total),
        rounding: money(head.rounding),
        refund_of: head.refund_of.map(OrderId::new),
        refund_of_number: head.refund_of_number,
        refunds: head.refunds.map_or_else(Vec::new, |json| json.0).into_iter().map(refund).collect(),
        external_number: head.external_number,
        note: head.note,
        lines: load_lines(tx, id, currency).await?,
        payments,
        received,
        owed: money(head.owed),
    })
}

async fn load_lines(tx: &mut Tx, id: OrderId, currency: Currency) -> Result<Vec<OrderLine>> {
    let tenant = tx.tenant().uuid();
    let rows = sqlx::query!(
        r#"SELECT l.n, l.parent_n, l.item_id, l.name, l.quantity, l.entered_quantity, l.unit, l.unit_price, l.discount, l.net, l.tax, l.total, i.stock_rule, x.taxes AS "taxes: Json<Vec<TaxRow>>",
            coalesce((SELECT -sum(m.value) FROM stock.movement m WHERE m.tenant_id = $1 AND m.document_id = $2 AND m.document_line = l.n
                AND m.cause IN ('sold', 'returned')), 0)::bigint AS "cost!",
            coalesce((SELECT -sum(r.quantity) FROM sales.orders b JOIN sales.order_line r ON r.tenant_id = b.tenant_id AND r.order_id = b.id
                WHERE b.tenant_id = $1 AND b.refund_of = $2 AND r.refund_of_n = l.n), 0)::bigint AS "refunded!"
        FROM sales.order_line l JOIN catalog.item i ON i.tenant_id = l.tenant_id AND i.id = l.item_id
        LEFT JOIN (
            SELECT t.line_n, json_agg(json_build_array(t.tax_id, c.name, c.rate_ppm, t.base, t.amount) ORDER BY t.n) AS taxes
            FROM sales.line_tax t JOIN catalog.tax c ON c.tenant_id = t.tenant_id AND c.id = t.tax_id
            WHERE t.tenant_id = $1 AND t.order_id = $2 GROUP BY t.line_n
        ) x ON x.line_n = l.n
        WHERE l.tenant_id = $1 AND l.order_id = $2 ORDER BY l.n"#,
        tenant,
        id.uuid()
    )
    .fetch_all(tx.conn())
    .await?;
    let money = |minor| Money::new(minor, currency);
    let tax = |(tax_id, name, ppm, base, amount): TaxRow| OrderTax {
        tax_id,
        name,
        percent: Quantity::from_micros(ppm * 100),
        base: money(base),
        amount: money(amount),
    };
    let sees_cost = tx.op().permissions.has(Permission::CostRead);
    Ok(rows
        .into_iter()
        .map(|r| OrderLine {
            n: r.n,
            parent: r.parent_n,
            item_id: ItemId::new(r.item_id),
            name: r.name,
            quantity: Quantity::from_micros(r.quantity),
            entered: Quantity::from_micros(r.entered_quantity),
            unit: r.unit,
            unit_price: money(r.unit_price),
            discount: money(r.discount),
            net: money(r.net),
            tax: money(r.tax),
            taxes: r.taxes.map_or_else(Vec::new, |json| json.0).into_iter().map(tax).collect(),
            total: money(r.total),
            cost: sees_cost.then(|| money(r.cost)),
            stocked: r.stock_rule == "stocked",
            refunded: Quantity::from_micros(r.refunded),
        })
        .collect())
}

/// How an order was paid when it was placed, and what was received of it later.
async fn load_payments(tx: &mut Tx, id: OrderId, currency: Currency) -> Result<(Vec<OrderPayment>, Vec<OrderPayment>)> {
    let tenant = tx.tenant().uuid();
    let rows = sqlx::query!(
        r#"SELECT p.id, coalesce((SELECT w.number FROM sales.payment_called w WHERE w.tenant_id = p.tenant_id AND w.id = p.id), '') AS "number!", p.day, p.method, a.amount, p.reference, p.n
        FROM sales.allocation a
        JOIN sales.payment p ON p.tenant_id = a.tenant_id AND p.id = a.payment_id
        WHERE a.tenant_id = $1 AND a.order_id = $2 ORDER BY p.n NULLS LAST, p.paid_at, p.id LIMIT 520"#,
        tenant,
        id.uuid()
    )
    .fetch_all(tx.conn())
    .await?;
    let (mut payments, mut received) = (Vec::new(), Vec::new());
    for r in rows {
        let with_order = r.n.is_some();
        let payment = OrderPayment {
            id: PaymentId::new(r.id),
            number: r.number,
            day: r.day,
            method: r.method,
            amount: Money::new(r.amount, currency),
            reference: r.reference,
        };
        if with_order { payments.push(payment) } else { received.push(payment) }
    }
    Ok((payments, received))
}

/// What is typed of a ticket's number before others that begin with it are found: fewer signs begin most of a past's.
const BEGINNING: usize = 3;

/// Orders of a past by the number that their till gave them, the newest of that number first, then those whose number begins so.
pub(crate) fn search<'a>(tx: &'a mut Tx, wanted: &'a str) -> BoxFuture<'a, Result<Vec<Found>>> {
    Box::pin(async move {
        if !tx.op().permissions.has(Permission::OrderRead) {
            return Ok(Vec::new());
        }
        let tenant = tx.tenant().uuid();
        let end = if wanted.chars().count() < BEGINNING { wanted.to_owned() } else { format!("{wanted}\u{10ffff}") };
        let rows = sqlx::query!(
            r#"(SELECT id AS "id!", external_number AS "number!", day AS "day!", total AS "total!", currency AS "currency!" FROM sales.orders
                WHERE tenant_id = $1 AND external_number = $2 AND import_id IS NOT NULL ORDER BY placed_at DESC LIMIT 10)
            UNION ALL (SELECT id, external_number, day, total, currency FROM sales.orders
                WHERE tenant_id = $1 AND external_number > $2 AND external_number < $3 AND import_id IS NOT NULL
                ORDER BY external_number, placed_at LIMIT 10)
            LIMIT 10"#,
            tenant,
            wanted,
            end
        )
        .fetch_all(tx.conn())
        .await?;
        let found = rows.into_iter().map(|r| {
            let currency: Currency = r.currency.parse().map_err(|e: &str| Error::Internal(e.into()))?;
            // Tills count anew, and what was given back bears the number of its sale: the day and the total tell them apart.
            let label = format!("{} · {} · {}", r.number, r.day, Money::new(r.total, currency));
            Ok(Found { label, kind: "order", href: format!("/orders/{}", r.id) })
        });
        found.collect()
    })
}

/// The id of a document as a plain UUID, for history.
pub(crate) fn uuid(id: OrderId) -> Uuid {
    id.uuid()
}
