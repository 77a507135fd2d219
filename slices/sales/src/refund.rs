//! Paying back: a refund is an order of its own that names the one it pays back, line by line, never more than was sold.

use db::{Command, Tx};
use kernel::{
    Cause, Change, Currency, DocumentRef, Error, ItemId, LocationId, Money, Movement, OrderId, Permission, Quantity, Ratio, Result, SiteId,
    TaxId, Valuation, account,
};
use pricing::{Act, Method, QuotedLine, State, TaxRow, Totals};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;
use web::{t, tf};

use crate::{
    order::{Line, Payment, Written},
    sale::{Rung, check_note},
    till::{self, Item, StockRule, Till},
};

/// Pays back an order, whole or in part. What goes back on the shelf is returned to stock at what it had cost.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RefundOrder {
    /// The order that is paid back.
    pub id: OrderId,
    /// The refund's own id, made by the device, so that a refund sent twice is one.
    #[serde(default)]
    pub refund_id: Option<OrderId>,
    /// Which lines; all that is left, when nothing is said.
    #[serde(default)]
    pub lines: Option<Vec<RefundLine>>,
    /// How: `cash`, `card`, `mobile`; as it was paid, when nothing is said. What is still owed of the order is taken off the
    /// account before any money goes back, whatever is said here; `on_account` says that no money is to go back at all.
    #[serde(default)]
    pub method: Option<String>,
    /// Why.
    pub reason: String,
}

/// How much of a line is paid back.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RefundLine {
    /// The line's number, from 1.
    pub n: i32,
    /// Base units.
    pub quantity: Quantity,
    /// Whether it goes back on the shelf.
    #[serde(default)]
    pub restock: bool,
}

/// A sold line with what was paid back of it so far.
struct Sold {
    n: i32,
    item: ItemId,
    name: String,
    quantity: Quantity,
    unit_price: i64,
    amounts: QuotedLine,
    refunded: Quantity,
    /// What stock took for the line, less what came back.
    cost: i64,
    location: Option<LocationId>,
}

impl Command for RefundOrder {
    const NEEDS: Permission = Permission::OrderRefund;
    type Out = Rung;

    fn intent_id(&self) -> Option<Uuid> {
        self.refund_id.map(OrderId::uuid)
    }

    async fn run(self, tx: &mut Tx) -> Result<Rung> {
        let reason = self.reason.trim().to_owned();
        if reason.is_empty() {
            return Err(Error::field("reason", "text.needed"));
        }
        check_note(Some(&reason)).map_err(|_| Error::field("reason", "text.too_long"))?;
        let head = lock(tx, self.id).await?;
        let sold = sold_lines(tx, self.id).await?;
        let wanted = wanted(self.lines.as_deref(), &sold)?;
        let at = tx.now();
        let items: Vec<ItemId> = wanted.iter().map(|w| w.0.item).collect();
        let till = till::view(tx, Some(head.site), at, &items, None).await?;
        whole(&wanted, &till)?;
        let id = self.refund_id.unwrap_or_else(|| tx.op().id());
        let lines = wanted.iter().map(|(sold, quantity, _)| line_back(sold, *quantity)).collect::<Result<Vec<_>>>()?;
        let totals = totals(&lines)?;
        let off = head.owed.min(-totals.total);
        let payments = payments(tx, self.method.as_deref(), &head, totals.total, till.currency)?;
        let left: bool = sold.iter().any(|s| {
            let now: i64 = wanted.iter().filter(|w| w.0.n == s.n).map(|w| w.1.micros()).sum();
            s.quantity.micros() > s.refunded.micros() + now
        });
        let act = if left { Act::RefundPart } else { Act::Refund };
        let state = pricing::after(head.state, act)
            .map_err(|e| e.because(tf("refund-why-state", &[("state", &t(&format!("order-state-{}", head.state)))])))?;
        let order = Written {
            id,
            kind: "refund",
            state: State::Paid,
            till: &till,
            at,
            customer: head.customer,
            channel: "counter",
            note: Some(reason.clone()),
            prices_include_tax: head.prices_include_tax,
            refund_of: Some(self.id),
            totals,
            lines,
            payments,
        };
        order.insert(tx).await?;
        order.book(tx);
        for (n, (sold, quantity, restock)) in (1..).zip(&wanted) {
            if *restock {
                let stocked = order.till.items.get(&sold.item).is_some_and(|item| item.stock_rule == StockRule::Stocked);
                if !stocked {
                    return Err(Error::rule("stock.not_stocked").at(format!("lines.{}.restock", n - 1)));
                }
                let movement = back_on_shelf(tx, &order, n, sold, *quantity)?;
                tx.post([movement]);
            }
        }
        save(tx, self.id, head.version, state, off).await?;
        tx.number("C", "order", id.uuid(), till.day.date().year());
        let money = |minor| Money::new(minor, till.currency);
        let rung = Rung {
            id,
            net: money(order.totals.net),
            tax: money(order.totals.tax),
            total: money(order.totals.total),
            paid: money(order.totals.total),
        };
        let mut told = Change::of("order.refunded", "order", self.id, &json!({ "refund": id, "total": rung.total, "state": state.code() }));
        told = told.from(&json!({ "state": head.state.code() }));
        told.reason = Some(reason);
        tx.log(told);
        tx.log(Change::of("order.paid_back", "order", id, &json!({ "total": rung.total, "refundOf": self.id })));
        Ok(rung)
    }
}

struct Head {
    state: State,
    site: SiteId,
    customer: Option<kernel::CustomerId>,
    prices_include_tax: bool,
    version: i32,
    /// What is still owed of it.
    owed: i64,
    /// How money came in for it: with the sale, or else the last time that something was received of it.
    paid_by: Option<String>,
}

/// Locks the order, so that two refunds at once are one after the other; its customer before, as whoever receives a payment does,
/// so that what is owed of it stays what it is.
async fn lock(tx: &mut Tx, id: OrderId) -> Result<Head> {
    let tenant = tx.tenant().uuid();
    sqlx::query!(
        "SELECT c.id FROM sales.orders o JOIN sales.customer c ON c.tenant_id = o.tenant_id AND c.id = o.customer_id
        WHERE o.tenant_id = $1 AND o.id = $2 FOR NO KEY UPDATE OF c",
        tenant,
        id.uuid()
    )
    .fetch_optional(tx.conn())
    .await?;
    let row = sqlx::query!(
        r#"SELECT o.kind, o.state, o.site_id, o.customer_id, o.prices_include_tax, o.version, o.owed,
            (SELECT p.method FROM sales.allocation a JOIN sales.payment p ON p.tenant_id = a.tenant_id AND p.id = a.payment_id
                WHERE a.tenant_id = o.tenant_id AND a.order_id = o.id AND p.method <> 'on_account'
                ORDER BY p.n NULLS LAST, p.paid_at DESC, p.id DESC LIMIT 1) AS paid_by
        FROM sales.orders o WHERE o.tenant_id = $1 AND o.id = $2 FOR UPDATE OF o"#,
        tenant,
        id.uuid()
    )
    .fetch_optional(tx.conn())
    .await?
    .ok_or(Error::NotFound)?;
    if row.kind != "sale" {
        return Err(Error::rule("order.state"));
    }
    Ok(Head {
        state: row.state.parse()?,
        site: SiteId::new(row.site_id),
        customer: row.customer_id.map(kernel::CustomerId::new),
        prices_include_tax: row.prices_include_tax,
        version: row.version,
        owed: row.owed,
        paid_by: row.paid_by,
    })
}

async fn sold_lines(tx: &mut Tx, id: OrderId) -> Result<Vec<Sold>> {
    let tenant = tx.tenant().uuid();
    let rows = sqlx::query!(
        r#"SELECT l.n, l.item_id, l.name, l.quantity, l.unit_price, l.gross, l.discount, l.net, l.total,
            (SELECT jsonb_agg(jsonb_build_array(x.tax_id, x.base, x.amount) ORDER BY x.n) FROM sales.line_tax x
                WHERE x.tenant_id = $1 AND x.order_id = $2 AND x.line_n = l.n) AS taxes,
            coalesce((SELECT -sum(r.quantity) FROM sales.orders b JOIN sales.order_line r ON r.tenant_id = b.tenant_id AND r.order_id = b.id
                WHERE b.tenant_id = $1 AND b.refund_of = $2 AND r.refund_of_n = l.n), 0)::bigint AS "refunded!",
            (SELECT -sum(m.value) FROM stock.movement m
                WHERE m.tenant_id = $1 AND m.document_id = $2 AND m.document_line = l.n AND m.cause = 'sold')::bigint AS cost,
            (SELECT m.location_id FROM stock.movement m
                WHERE m.tenant_id = $1 AND m.document_id = $2 AND m.document_line = l.n AND m.cause = 'sold' LIMIT 1) AS location_id
        FROM sales.order_line l WHERE l.tenant_id = $1 AND l.order_id = $2 ORDER BY l.n"#,
        tenant,
        id.uuid()
    )
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter()
        .map(|r| {
            let taxes: Vec<(Uuid, i64, i64)> =
                r.taxes.map_or(Ok(Vec::new()), serde_json::from_value).map_err(|e| Error::Internal(e.to_string()))?;
            let taxes = taxes.into_iter().map(|(tax, base, amount)| TaxRow { tax: TaxId::new(tax), base, amount }).collect();
            Ok(Sold {
                n: r.n,
                item: ItemId::new(r.item_id),
                name: r.name,
                quantity: Quantity::from_micros(r.quantity),
                unit_price: r.unit_price,
                amounts: QuotedLine { gross: r.gross, discount: r.discount, net: r.net, taxes, total: r.total },
                refunded: Quantity::from_micros(r.refunded),
                cost: r.cost.unwrap_or(0),
                location: r.location_id.map(LocationId::new),
            })
        })
        .collect()
}

/// The lines to pay back: those named, or all that is left.
fn wanted<'a>(named: Option<&[RefundLine]>, sold: &'a [Sold]) -> Result<Vec<(&'a Sold, Quantity, bool)>> {
    let left = |s: &Sold| Quantity::from_micros(s.quantity.micros() - s.refunded.micros());
    let wanted: Vec<(&Sold, Quantity, bool)> = match named {
        None => sold.iter().map(|s| (s, left(s), false)).filter(|w| w.1 > Quantity::ZERO).collect(),
        Some(named) => named
            .iter()
            .enumerate()
            .map(|(i, line)| {
                let known = sold.iter().find(|s| s.n == line.n).ok_or_else(|| Error::field(format!("lines.{i}.n"), "choice.unknown"))?;
                if line.quantity <= Quantity::ZERO {
                    return Err(Error::field(format!("lines.{i}.quantity"), "number.positive"));
                }
                if line.quantity > left(known) || named.iter().take(i).any(|l| l.n == line.n) {
                    return Err(Error::rule("order.refund_more").at(format!("lines.{i}.quantity")));
                }
                Ok((known, line.quantity, line.restock))
            })
            .collect::<Result<_>>()?,
    };
    if wanted.is_empty() {
        return Err(if named.is_some() { Error::field("lines", "lines.needed") } else { Error::rule("order.refund_more") });
    }
    Ok(wanted)
}

/// What is counted comes back in whole pieces, as far as it was sold so: of a past that sold half a loaf, half may come back.
fn whole(wanted: &[(&Sold, Quantity, bool)], till: &Till) -> Result<()> {
    for (i, (sold, quantity, _)) in wanted.iter().enumerate() {
        let left = Quantity::from_micros(sold.quantity.micros() - sold.refunded.micros());
        let counted = till.items.get(&sold.item).is_some_and(Item::is_counted);
        if counted && left.is_whole() && !quantity.is_whole() {
            let said = tf("refund-why-whole", &[("item", &sold.name)]);
            return Err(Error::rule("quantity.whole").at(format!("lines.{i}.quantity")).because(said));
        }
    }
    Ok(())
}

/// The refund's line: its share of what the line came to, with the other sign.
fn line_back(sold: &Sold, quantity: Quantity) -> Result<Line> {
    let share = pricing::refund(&sold.amounts, sold.quantity, sold.refunded, quantity)?;
    let taxes = share.taxes.iter().map(|t| TaxRow { tax: t.tax, base: -t.base, amount: -t.amount }).collect();
    Ok(Line {
        item: sold.item,
        name: sold.name.clone(),
        quantity: quantity.negated(),
        entered: quantity.negated(),
        unit: "base".into(),
        ratio: Ratio::ONE,
        unit_price: sold.unit_price,
        parent: None,
        amounts: QuotedLine { gross: -share.gross, discount: -share.discount, net: -share.net, taxes, total: -share.total },
        refund_of: Some(sold.n),
    })
}

fn totals(lines: &[Line]) -> Result<Totals> {
    let sum = |of: fn(&QuotedLine) -> i64| {
        lines.iter().try_fold(0_i64, |sum, l| sum.checked_add(of(&l.amounts))).ok_or_else(|| Error::rule("number.too_large"))
    };
    let (gross, discount, net, total) = (sum(|a| a.gross)?, sum(|a| a.discount)?, sum(|a| a.net)?, sum(|a| a.total)?);
    Ok(Totals { gross, discount, net, tax: total - net, total, to_pay: total, rounding_difference: 0 })
}

/// How `total` (below zero) goes back: off the account as far as something is still owed of the order, the rest as money. Nobody
/// who owes for goods gets money for them, and nothing is left as a credit that no list of open orders would show.
fn payments(tx: &Tx, said: Option<&str>, head: &Head, total: i64, currency: Currency) -> Result<Vec<Payment>> {
    let said: Option<Method> = said.map(str::parse).transpose().map_err(|_| Error::field("method", "choice.unknown"))?;
    let off = head.owed.min(-total);
    let money = total + off;
    if said == Some(Method::OnAccount) && money != 0 {
        let owed = Money::new(head.owed, currency).to_string();
        return Err(Error::rule("order.refund_owed").at("method").because(tf("refund-why-owed", &[("owed", &owed)])));
    }
    let method = match said {
        Some(method) => method,
        None => head.paid_by.as_deref().map_or(Ok(Method::Cash), str::parse)?,
    };
    let payment = |method, amount| Payment { id: tx.op().id(), method, amount, reference: None };
    let both = [payment(Method::OnAccount, -off), payment(method, money)];
    Ok(both.into_iter().filter(|p| p.amount != 0).collect())
}

/// The line's share of what it had cost goes back; the last of it takes what is left of the cost.
fn back_on_shelf(tx: &Tx, order: &Written<'_>, n: i32, sold: &Sold, quantity: Quantity) -> Result<Movement> {
    let location = sold.location.ok_or_else(|| Error::rule("stock.not_stocked"))?;
    let value = share_of_cost(sold, quantity)?;
    Ok(Movement {
        id: tx.op().id(),
        item: sold.item,
        site: order.till.site,
        location,
        lot: None,
        quantity,
        valuation: Valuation::Given(value),
        currency: order.till.currency,
        cause: Cause::Returned,
        document: DocumentRef { kind: "order", id: order.id.uuid(), line: n },
        effective_at: order.at,
        day: order.till.day,
        contra: account::COST_OF_SALES,
        corrects: None,
    })
}

fn share_of_cost(sold: &Sold, quantity: Quantity) -> Result<i64> {
    let up_to = |q: i64| Movement::issue_value(Quantity::from_micros(q), sold.quantity, sold.cost);
    let before = if sold.refunded > Quantity::ZERO { up_to(sold.refunded.micros())? } else { 0 };
    Ok(up_to(sold.refunded.micros() + quantity.micros())? - before)
}

/// Writes the order's new state, and takes off what is no longer owed of it.
async fn save(tx: &mut Tx, id: OrderId, version: i32, state: State, off: i64) -> Result<()> {
    let tenant = tx.tenant().uuid();
    let done = sqlx::query!(
        "UPDATE sales.orders SET state = $3, owed = owed - $5, version = version + 1 WHERE tenant_id = $1 AND id = $2 AND version = $4",
        tenant,
        id.uuid(),
        state.code(),
        version,
        off
    )
    .execute(tx.conn())
    .await?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(Error::Stale) }
}
