//! A payment is a document: how much came in (or went back) how, of whom, and for which orders. What is taken with a sale follows
//! its number (`S-2026-000123/1`), so that the till takes no second one; what is received later has a number of its own.

use db::{
    Tx,
    list::{Column, Filter, Kind, List, Sort},
};
use futures::future::BoxFuture;
use kernel::{At, Currency, CustomerId, Day, DeviceId, Error, Money, OrderId, PaymentId, Permission, Result, SiteId};
use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use utoipa::ToSchema;
use uuid::Uuid;
use web::{Cx, Found, Routes};

/// Payments, newest first. What was put on account is among them, by that method: no money came in for it.
pub(crate) static PAYMENTS: List = List {
    name: "payments",
    sql: "SELECT p.id, (SELECT c.number FROM sales.payment_called c WHERE c.tenant_id = p.tenant_id AND c.id = p.id) AS number, p.paid_at, p.day, p.method, p.amount, p.currency, p.reference,
            p.customer_id, (SELECT c.name FROM sales.customer c WHERE c.tenant_id = p.tenant_id AND c.id = p.customer_id) AS customer,
            p.site_id, (SELECT s.name FROM identity.site s WHERE s.tenant_id = p.tenant_id AND s.id = p.site_id) AS site,
            (SELECT m.name FROM identity.member m WHERE m.tenant_id = p.tenant_id AND m.account_id = p.taken_by) AS taken_by
        FROM sales.payment p
        WHERE p.tenant_id = $1",
    columns: &[
        Column::hidden("id", Kind::Id),
        Column::shown("number", Kind::Text, "payment-number"),
        Column::shown("paid_at", Kind::Time, "payment-when"),
        Column::shown("day", Kind::Day, "payment-day"),
        Column::shown("method", Kind::Text, "payment-method"),
        Column::hidden("customer_id", Kind::Id),
        Column::shown("customer", Kind::Text, "payment-customer"),
        Column::shown("reference", Kind::Text, "payment-reference"),
        Column::hidden("site_id", Kind::Id),
        Column::shown("site", Kind::Text, "payment-site"),
        Column::shown("taken_by", Kind::Text, "payment-taken-by"),
        Column::shown("currency", Kind::Text, "payment-currency"),
        Column::shown("amount", Kind::Money, "payment-amount"),
    ],
    filters: &[
        // A business day lies within a day or two of its moments wherever the site is: so the index by time serves days as well.
        Filter { name: "from", sql: "day >= {} AND paid_at >= ({}::timestamp - interval '3 days') AT TIME ZONE 'UTC'", kind: Kind::Day },
        Filter { name: "to", sql: "day <= {} AND paid_at < ({}::timestamp + interval '4 days') AT TIME ZONE 'UTC'", kind: Kind::Day },
        Filter { name: "method", sql: "method = {}", kind: Kind::Text },
        Filter { name: "customer", sql: "customer_id = {}", kind: Kind::Id },
        Filter { name: "site", sql: "site_id = {}", kind: Kind::Id },
        Filter { name: "number", sql: "id IN (SELECT c.id FROM sales.payments_called($1, {}) c (id))", kind: Kind::Text },
    ],
    sorts: &[Sort { name: "paid", column: "paid_at", kind: Kind::Time }],
    newest_first: true,
    key: "id",
};

pub(crate) fn routes(routes: &mut Routes) {
    routes.list("GET /v1/payments", Permission::OrderRead, &PAYMENTS);
    routes.json::<Payment, _, _>("GET /v1/payments/{id}", Permission::OrderRead, "Payment", &[], async |cx: Cx| {
        let id: PaymentId = cx.id("id")?;
        load(&mut cx.tx().await?, id).await
    });
}

/// A payment as the API gives it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Payment {
    /// Its id.
    pub id: PaymentId,
    /// Its number: `S-2026-000123/1` of what was taken with a sale, `P-2026-000007` of what was received later.
    pub number: String,
    /// `cash`, `card`, `mobile`; `on_account` is what was put on account, or taken off it by a refund.
    pub method: String,
    /// How much; below zero where it was paid back.
    pub amount: Money,
    /// The terminal's or provider's own number, or what the customer wrote.
    pub reference: Option<String>,
    /// When.
    pub paid_at: At,
    /// The business day.
    pub day: Day,
    /// Where.
    pub site_id: SiteId,
    /// The site's name.
    pub site: String,
    /// The registered device that it was taken on.
    pub device_id: Option<DeviceId>,
    /// The device's name.
    pub device: Option<String>,
    /// Who took it.
    pub taken_by: Option<String>,
    /// Of whom.
    pub customer_id: Option<CustomerId>,
    /// The customer's name.
    pub customer: Option<String>,
    /// Received later than what it pays was sold.
    pub later: bool,
    /// What it pays, in the order in which it was told.
    pub orders: Vec<PaidOrder>,
}

/// An order that a payment pays.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PaidOrder {
    /// The order.
    pub id: OrderId,
    /// Its number, or the one that the source of a past order gave it.
    pub number: Option<String>,
    /// When it was placed.
    pub placed_at: At,
    /// What it came to.
    pub total: Money,
    /// How much of the payment pays it.
    pub amount: Money,
    /// What is still owed of it.
    pub owed: Money,
}

/// An order that is paid, as the statement's JSON has it: id, number, moment, total, amount, owed.
type OrderRow = (OrderId, Option<String>, At, i64, i64, i64);

/// Reads a whole payment.
pub(crate) async fn load(tx: &mut Tx, id: PaymentId) -> Result<Payment> {
    let tenant = tx.tenant().uuid();
    let r = sqlx::query!(
        r#"SELECT coalesce((SELECT w.number FROM sales.payment_called w WHERE w.tenant_id = p.tenant_id AND w.id = p.id), '') AS "number!", p.method, p.amount, p.currency, p.reference, p.paid_at, p.day,
            p.site_id, s.name AS "site?", p.device_id, d.name AS "device?", m.name AS "taken_by?", p.customer_id, c.name AS "customer?", p.document_id,
            (SELECT json_agg(json_build_array(a.order_id, coalesce(n.number, o.external_number), o.placed_at, o.total, a.amount, o.owed) ORDER BY a.n)
                FROM sales.allocation a JOIN sales.orders o ON o.tenant_id = a.tenant_id AND o.id = a.order_id
                LEFT JOIN db.number n ON n.tenant_id = a.tenant_id AND n.document_id = a.order_id
                WHERE a.tenant_id = $1 AND a.payment_id = p.id) AS "orders: Json<Vec<OrderRow>>"
        FROM sales.payment p
        LEFT JOIN identity.site s ON s.tenant_id = p.tenant_id AND s.id = p.site_id
        LEFT JOIN identity.device d ON d.tenant_id = p.tenant_id AND d.id = p.device_id
        LEFT JOIN identity.member m ON m.tenant_id = p.tenant_id AND m.account_id = p.taken_by
        LEFT JOIN sales.customer c ON c.tenant_id = p.tenant_id AND c.id = p.customer_id
        WHERE p.tenant_id = $1 AND p.id = $2"#,
        tenant,
        id.uuid()
    )
    .fetch_optional(tx.conn())
    .await?
    .ok_or(Error::NotFound)?;
    let currency: Currency = r.currency.parse().map_err(|e: &str| Error::Internal(e.into()))?;
    let money = |minor| Money::new(minor, currency);
    let order = |(id, number, placed_at, total, amount, owed): OrderRow| PaidOrder {
        id,
        number,
        placed_at,
        total: money(total),
        amount: money(amount),
        owed: money(owed),
    };
    Ok(Payment {
        id,
        number: r.number,
        method: r.method,
        amount: money(r.amount),
        reference: r.reference,
        paid_at: r.paid_at,
        day: r.day,
        site_id: SiteId::new(r.site_id),
        site: r.site.unwrap_or_default(),
        device_id: r.device_id.map(DeviceId::new),
        device: r.device,
        taken_by: r.taken_by,
        customer_id: r.customer_id.map(CustomerId::new),
        customer: r.customer,
        later: r.document_id.is_none(),
        orders: r.orders.map_or_else(Vec::new, |json| json.0).into_iter().map(order).collect(),
    })
}

impl Payment {
    /// The document whose history tells of it: its own, or that of the order it was taken with.
    pub(crate) fn told_by(&self) -> Uuid {
        match self.orders.first() {
            Some(order) if !self.later => order.id.uuid(),
            _ => self.id.uuid(),
        }
    }
}

/// A payment by its number. Those with a series of their own are found as every numbered document is.
pub(crate) fn search<'a>(tx: &'a mut Tx, wanted: &'a str) -> BoxFuture<'a, Result<Vec<Found>>> {
    Box::pin(async move {
        if !wanted.contains('/') || !tx.op().permissions.has(Permission::OrderRead) {
            return Ok(Vec::new());
        }
        let tenant = tx.tenant().uuid();
        let rows = sqlx::query!(
            r#"SELECT p.id, coalesce((SELECT w.number FROM sales.payment_called w WHERE w.tenant_id = p.tenant_id AND w.id = p.id), '') AS "number!"
            FROM sales.payments_called($1, $2) c (id) JOIN sales.payment p ON p.tenant_id = $1 AND p.id = c.id
            WHERE p.document_id IS NOT NULL ORDER BY p.paid_at DESC, p.id LIMIT 10"#,
            tenant,
            wanted
        )
        .fetch_all(tx.conn())
        .await?;
        Ok(rows.into_iter().map(|r| Found { label: r.number, kind: "payment", href: format!("/payments/{}", r.id) }).collect())
    })
}
