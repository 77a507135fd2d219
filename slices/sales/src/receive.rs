//! Receiving what is owed: a payment of its own, for orders that were put on account.

use db::{Command, Tx};
use kernel::{
    At, Change, Currency, CustomerId, Day, DocumentRef, Error, Money, OrderId, PaymentId, Permission, Result, SiteId, Transfer, account,
};
use pricing::Method;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;
use web::tf;

use crate::{sale::moment, till};

/// The most orders that one payment pays.
pub(crate) const ORDERS: usize = 500;

/// Receives a payment for what a customer owes. The oldest orders are paid first unless it is told which; never more is taken than
/// is owed.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReceivePayment {
    /// Made by the device, so that a payment sent twice is one.
    #[serde(default)]
    pub id: Option<PaymentId>,
    /// Who pays.
    pub customer_id: CustomerId,
    /// `cash`, `card`, `mobile`.
    pub method: String,
    /// How much; in the currency of the site.
    pub amount: Money,
    /// The terminal's or provider's own number, or what the customer wrote; at most 200 signs.
    #[serde(default)]
    pub reference: Option<String>,
    /// The first site, when none is named.
    #[serde(default)]
    pub site_id: Option<SiteId>,
    /// When it happened; now, when nothing is said. Never later than now, and on no day before that of what it pays.
    #[serde(default)]
    pub paid_at: Option<At>,
    /// Which orders it pays, at most 500, each once; together they equal the amount. The oldest first, when nothing is said.
    #[serde(default)]
    pub orders: Option<Vec<PaysOrder>>,
}

/// How much of a payment pays an order.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PaysOrder {
    /// The order.
    pub id: OrderId,
    /// How much of it.
    pub amount: Money,
}

/// A payment that was received.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Received {
    /// The payment.
    pub id: PaymentId,
    /// Who paid.
    pub customer_id: CustomerId,
    /// How much.
    pub amount: Money,
    /// The business day.
    pub day: Day,
    /// What it pays.
    pub orders: Vec<ReceivedFor>,
}

/// An order that was paid, in whole or in part.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReceivedFor {
    /// The order.
    pub id: OrderId,
    /// How much of it was paid now.
    pub amount: Money,
    /// What is still owed of it.
    pub owed: Money,
}

/// An order of the customer's with what is owed of it.
#[derive(Clone, Debug)]
struct Open {
    id: OrderId,
    called: String,
    day: Day,
    owed: i64,
}

/// How much goes to an order.
type Part = (Open, i64);

impl Command for ReceivePayment {
    const NEEDS: Permission = Permission::OrderSell;
    type Out = Received;

    fn intent_id(&self) -> Option<Uuid> {
        self.id.map(PaymentId::uuid)
    }

    async fn run(self, tx: &mut Tx) -> Result<Received> {
        let at = moment("paidAt", self.paid_at, tx.now())?;
        let method = self.check()?;
        let till = till::view(tx, self.site_id, at, &[], None).await?;
        if self.amount.currency != till.currency {
            return Err(Error::field("amount", "money.currency"));
        }
        lock(tx, self.customer_id).await?;
        let parts = match &self.orders {
            Some(told) => {
                let open = named(tx, self.customer_id, till.currency, told).await?;
                as_told(told, &open, self.amount, till.day)?
            }
            None => oldest_first(oldest(tx, self.customer_id, till.currency, till.day).await?, self.amount)?,
        };
        let id = self.id.unwrap_or_else(|| tx.op().id());
        let reference = self.reference.as_deref().map(str::trim).filter(|r| !r.is_empty());
        let paid = Paid { id, customer: self.customer_id, method, amount: self.amount, reference, at, day: till.day, site: till.site };
        paid.insert(tx, &parts).await?;
        let booked = Transfer {
            debit: method.account(),
            credit: account::RECEIVABLE,
            amount: self.amount.minor,
            currency: till.currency,
            document: DocumentRef { kind: "payment", id: id.uuid(), line: 0 },
            effective_at: at,
            day: till.day,
        };
        tx.book([booked]);
        tx.number("P", "payment", id.uuid(), till.day.date().year());
        let money = |minor| Money::new(minor, till.currency);
        let orders = parts.iter().map(|(o, amount)| ReceivedFor { id: o.id, amount: money(*amount), owed: money(o.owed - amount) });
        let received = Received { id, customer_id: self.customer_id, amount: self.amount, day: till.day, orders: orders.collect() };
        let told = json!({ "customerId": self.customer_id, "method": method.code(), "amount": self.amount, "day": till.day, "orders": received.orders });
        tx.log(Change::of("payment.received", "payment", id, &told));
        Ok(received)
    }
}

impl ReceivePayment {
    /// What can be said without looking: the method that it names, and refusals of what can't be.
    fn check(&self) -> Result<Method> {
        let method: Method = self.method.parse().map_err(|_| Error::field("method", "choice.unknown"))?;
        if method == Method::OnAccount {
            return Err(Error::field("method", "choice.unknown"));
        }
        if self.amount.minor <= 0 {
            return Err(Error::field("amount", "number.positive"));
        }
        if self.reference.as_ref().is_some_and(|r| r.chars().count() > 200) {
            return Err(Error::field("reference", "text.too_long"));
        }
        let Some(orders) = &self.orders else { return Ok(method) };
        if orders.is_empty() {
            return Err(Error::field("orders", "lines.needed"));
        }
        if orders.len() > ORDERS {
            return Err(Error::field("orders", "lines.too_many"));
        }
        let mut sum = 0_i64;
        for (i, order) in orders.iter().enumerate() {
            if order.amount.currency != self.amount.currency {
                return Err(Error::field(format!("orders.{i}.amount"), "money.currency"));
            }
            if order.amount.minor <= 0 {
                return Err(Error::field(format!("orders.{i}.amount"), "number.positive"));
            }
            if orders.iter().take(i).any(|earlier| earlier.id == order.id) {
                return Err(Error::rule("payment.orders").at(format!("orders.{i}.id")));
            }
            sum = sum.checked_add(order.amount.minor).ok_or_else(|| Error::rule("number.too_large"))?;
        }
        if sum == self.amount.minor {
            Ok(method)
        } else {
            let sum = Money::new(sum, self.amount.currency).to_string();
            Err(Error::rule("payment.orders").at("orders").because(tf("payment-why-orders", &[("sum", &sum)])))
        }
    }
}

/// Holds the customer's row until the transaction ends: whoever changes what they owe waits here, so that two payments at once are
/// one after the other. Sales on account only add to it, and wait for nobody.
async fn lock(tx: &mut Tx, customer: CustomerId) -> Result<()> {
    let tenant = tx.tenant().uuid();
    let found =
        sqlx::query_scalar!("SELECT id FROM sales.customer WHERE tenant_id = $1 AND id = $2 FOR NO KEY UPDATE", tenant, customer.uuid());
    found.fetch_optional(tx.conn()).await?.ok_or_else(|| Error::rule("customer.unknown").at("customerId"))?;
    Ok(())
}

/// The customer's open orders up to a day, the oldest first, as many as one payment pays; and what is owed of them all.
async fn oldest(tx: &mut Tx, customer: CustomerId, currency: Currency, day: Day) -> Result<(Vec<Open>, i64)> {
    let tenant = tx.tenant().uuid();
    let rows = sqlx::query!(
        r#"SELECT o.id, coalesce(n.number, '') AS "called!", o.day, o.owed, (sum(o.owed) OVER ())::bigint AS "all!"
        FROM sales.orders o LEFT JOIN db.number n ON n.tenant_id = o.tenant_id AND n.document_id = o.id
        WHERE o.tenant_id = $1 AND o.customer_id = $2 AND o.owed > 0 AND o.currency = $3 AND o.day <= $4
        ORDER BY o.placed_at, o.id LIMIT $5"#,
        tenant,
        customer.uuid(),
        currency.code(),
        day as Day,
        i64::try_from(ORDERS).unwrap_or(i64::MAX)
    )
    .fetch_all(tx.conn())
    .await?;
    let all = rows.first().map_or(0, |r| r.all);
    Ok((rows.into_iter().map(|r| Open { id: OrderId::new(r.id), called: r.called, day: r.day, owed: r.owed }).collect(), all))
}

/// The customer's orders among those that are named.
async fn named(tx: &mut Tx, customer: CustomerId, currency: Currency, told: &[PaysOrder]) -> Result<Vec<Open>> {
    let tenant = tx.tenant().uuid();
    let ids: Vec<Uuid> = told.iter().map(|o| o.id.uuid()).collect();
    let rows = sqlx::query!(
        r#"SELECT o.id, coalesce(n.number, '') AS "called!", o.day, o.owed
        FROM sales.orders o LEFT JOIN db.number n ON n.tenant_id = o.tenant_id AND n.document_id = o.id
        WHERE o.tenant_id = $1 AND o.id = ANY ($2) AND o.customer_id = $3 AND o.currency = $4"#,
        tenant,
        &ids,
        customer.uuid(),
        currency.code()
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().map(|r| Open { id: OrderId::new(r.id), called: r.called, day: r.day, owed: r.owed }).collect())
}

/// Which orders are paid, as it was told: the customer's own, none with more than is owed of it, none before its day.
fn as_told(told: &[PaysOrder], open: &[Open], amount: Money, day: Day) -> Result<Vec<Part>> {
    let part = |(i, part): (usize, &PaysOrder)| {
        let order = open.iter().find(|o| o.id == part.id);
        let order = order.ok_or_else(|| Error::rule("order.unknown").at(format!("orders.{i}.id")))?;
        if part.amount.minor > order.owed {
            let owed = Money::new(order.owed, amount.currency).to_string();
            let said = tf("payment-why-owed-of", &[("owed", &owed), ("order", &order.called)]);
            return Err(Error::rule("payment.more_than_owed").at(format!("orders.{i}.amount")).because(said));
        }
        if order.day > day {
            return Err(Error::rule("payment.before_order").at("paidAt"));
        }
        Ok((order.clone(), part.amount.minor))
    };
    told.iter().enumerate().map(part).collect()
}

/// The oldest orders first, each in whole, the last one with what is left.
fn oldest_first((open, all): (Vec<Open>, i64), amount: Money) -> Result<Vec<Part>> {
    if amount.minor > all {
        let said = tf("payment-why-owed", &[("owed", &Money::new(all, amount.currency).to_string())]);
        return Err(Error::rule("payment.more_than_owed").at("amount").because(said));
    }
    let mut left = amount.minor;
    let mut parts = Vec::new();
    for order in open {
        let part = order.owed.min(left);
        if part > 0 {
            parts.push((order, part));
        }
        left -= part;
    }
    if left > 0 {
        let most = Money::new(amount.minor - left, amount.currency).to_string();
        let said = tf("payment-why-most", &[("count", &ORDERS.to_string()), ("sum", &most)]);
        return Err(Error::rule("lines.too_many").at("amount").because(said));
    }
    Ok(parts)
}

/// A payment as it is written.
struct Paid<'a> {
    id: PaymentId,
    customer: CustomerId,
    method: Method,
    amount: Money,
    reference: Option<&'a str>,
    at: At,
    day: Day,
    site: SiteId,
}

impl Paid<'_> {
    /// Writes the payment, what it pays, and what is owed of that from now on, in one statement.
    async fn insert(&self, tx: &mut Tx, parts: &[Part]) -> Result<()> {
        let (tenant, taken_by, device) = (tx.tenant().uuid(), tx.op().account().ok().map(|a| a.uuid()), tx.op().device.map(|d| d.uuid()));
        let less = sqlx::query_scalar!(
            r#"WITH paid AS (
                INSERT INTO sales.payment (tenant_id, id, method, amount, currency, reference, paid_at, day, site_id, customer_id, taken_by, device_id)
                SELECT t.id, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12 FROM db.tenant t WHERE t.id = $1
            ), allocated AS (
                INSERT INTO sales.allocation (tenant_id, payment_id, n, order_id, amount)
                SELECT t.id, $2, u.n, u.order_id, u.amount
                FROM db.tenant t, unnest($13::uuid[], $14::bigint[]) WITH ORDINALITY AS u (order_id, amount, n) WHERE t.id = $1
            ), less AS (
                UPDATE sales.orders o SET owed = o.owed - u.amount, version = o.version + 1
                FROM unnest($13::uuid[], $14::bigint[]) AS u (order_id, amount) WHERE o.tenant_id = $1 AND o.id = u.order_id
                RETURNING 1
            )
            SELECT count(*) AS "less!" FROM less"#,
            tenant,
            self.id.uuid(),
            self.method.code(),
            self.amount.minor,
            self.amount.currency.code(),
            self.reference,
            self.at as At,
            self.day as Day,
            self.site.uuid(),
            self.customer.uuid(),
            taken_by,
            device,
            &parts.iter().map(|(o, _)| o.id.uuid()).collect::<Vec<_>>(),
            &parts.iter().map(|(_, amount)| *amount).collect::<Vec<_>>()
        )
        .fetch_one(tx.conn())
        .await?;
        if usize::try_from(less).is_ok_and(|less| less == parts.len()) { Ok(()) } else { Err(Error::Stale) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pounds(minor: i64) -> Money {
        Money::new(minor, "GBP".parse().unwrap())
    }

    fn open(owed: &[i64]) -> (Vec<Open>, i64) {
        let day: Day = "2026-11-21".parse().unwrap();
        let one = |(n, owed): (u128, &i64)| Open { id: OrderId::new(Uuid::from_u128(n)), called: format!("S-{n}"), day, owed: *owed };
        ((1..).zip(owed).map(one).collect(), owed.iter().sum())
    }

    #[test]
    fn more_orders_than_one_payment_takes_are_paid_in_steps() {
        let (orders, all) = open(&[100; ORDERS]);
        let parts = oldest_first((orders, all + 500), pounds(all + 1));
        assert_eq!(parts.unwrap_err().code(), "lines.too_many");
    }

    proptest! {
        /// Whatever is owed and however much comes in: it is given out to the last penny, to no order more than is owed of it, and
        /// none is begun before those older than it are paid.
        #[test]
        fn what_comes_in_pays_the_oldest_first(owed in proptest::collection::vec(1..100_000_i64, 0..60), part in 0.0..1.2_f64) {
            let (orders, all) = open(&owed);
            let amount = ((all as f64 * part) as i64).max(1);
            match oldest_first((orders.clone(), all), pounds(amount)) {
                Err(refused) => prop_assert!(amount > all && refused.code() == "payment.more_than_owed"),
                Ok(parts) => {
                    prop_assert_eq!(parts.iter().map(|(_, part)| part).sum::<i64>(), amount);
                    prop_assert!(parts.iter().zip(&orders).all(|((paid, _), order)| paid.id == order.id));
                    prop_assert!(parts.iter().all(|(order, part)| *part > 0 && *part <= order.owed));
                    prop_assert!(parts.iter().rev().skip(1).all(|(order, part)| *part == order.owed));
                }
            }
        }
    }
}
