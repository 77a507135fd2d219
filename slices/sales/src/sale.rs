//! Ringing a sale: an order placed and paid at once.

use db::{Command, Tx};
use kernel::{At, Change, Currency, CustomerId, Error, ItemId, Money, OrderId, Permission, Quantity, Ratio, Result, SiteId};
use pricing::{Discount, Method, Mode, Quote, QuoteLine, Rounding, State, Totals};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;
use web::tf;

use crate::{
    order::{LINES, Line, Payment, Written},
    till::{self, PriceList, Till},
};

/// Rings a sale: what was sold, how it was paid. Stock, cost and money follow in the same moment.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RingSale {
    /// Made by the device, so that a sale sent twice is one.
    #[serde(default)]
    pub id: Option<OrderId>,
    /// Where; the site at which the registered device stands, else the first one, when none is named.
    #[serde(default)]
    pub site_id: Option<SiteId>,
    /// When it happened; now, when nothing is said. Never later than now.
    #[serde(default)]
    pub placed_at: Option<At>,
    /// Who bought; needed for a sale on account.
    #[serde(default)]
    pub customer_id: Option<CustomerId>,
    /// `counter` (the usual), `phone`, `web`, `delivery`.
    #[serde(default)]
    pub channel: Option<String>,
    /// 1 to 500 lines.
    pub lines: Vec<SaleLine>,
    /// Off the whole.
    #[serde(default)]
    pub discount: Option<Off>,
    /// Together they equal the total; one payment without an amount pays it all.
    pub payments: Vec<SalePayment>,
    /// A note, at most 1,000 signs.
    #[serde(default)]
    pub note: Option<String>,
}

/// One line of a sale.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SaleLine {
    /// What.
    pub item_id: ItemId,
    /// How many of the unit.
    pub quantity: Quantity,
    /// The base unit, when nothing is said.
    #[serde(default)]
    pub unit: Option<String>,
    /// Off this line.
    #[serde(default)]
    pub discount: Option<Off>,
    /// The earlier line, from 0, that this one belongs to.
    #[serde(default)]
    pub parent: Option<u32>,
}

/// A discount: an amount, or a part of it.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Off {
    /// So much.
    Amount(Money),
    /// So many parts per million: 100000 is 10 %.
    PartsPerMillion(i64),
}

impl Off {
    fn discount(self, currency: Currency, field: &str) -> Result<Discount> {
        match self {
            Self::Amount(money) if money.currency != currency => Err(Error::field(field, "money.currency")),
            Self::Amount(money) => Ok(Discount::Amount(money.minor)),
            Self::PartsPerMillion(parts) => Ok(Discount::PartsPerMillion(parts)),
        }
    }
}

/// How a sale is paid.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SalePayment {
    /// `cash`, `card`, `mobile`, `on_account`.
    pub method: String,
    /// All that is left, when nothing is said.
    #[serde(default)]
    pub amount: Option<Money>,
    /// The terminal's or provider's own number.
    #[serde(default)]
    pub reference: Option<String>,
}

/// A sale that was rung.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rung {
    /// The order.
    pub id: OrderId,
    /// Without tax.
    pub net: Money,
    /// Tax.
    pub tax: Money,
    /// What it came to.
    pub total: Money,
    /// What was paid.
    pub paid: Money,
}

impl Command for RingSale {
    const NEEDS: Permission = Permission::OrderSell;
    type Out = Rung;

    fn intent_id(&self) -> Option<Uuid> {
        self.id.map(OrderId::uuid)
    }

    async fn run(self, tx: &mut Tx) -> Result<Rung> {
        let at = moment("placedAt", self.placed_at, tx.now())?;
        let channel = channel(self.channel.as_deref())?;
        check_lines(&self.lines)?;
        check_note(self.note.as_deref())?;
        let items: Vec<ItemId> = self.lines.iter().map(|l| l.item_id).collect();
        let till = till::view(tx, self.site_id, at, &items, self.customer_id).await?;
        let priced = priced(&self.lines, self.discount, &till)?;
        let id = self.id.unwrap_or_else(|| tx.op().id());
        let payments = payments(tx, &self.payments, &priced.totals, till.currency)?;
        if self.customer_id.is_none() && payments.iter().any(|p| p.method == Method::OnAccount) {
            return Err(Error::rule("order.customer_needed").at("customerId"));
        }
        let year = till.day.date().year();
        let order = Written {
            id,
            kind: "sale",
            state: State::Paid,
            till: &till,
            at,
            customer: self.customer_id,
            channel,
            note: self.note,
            prices_include_tax: priced.includes_tax,
            refund_of: None,
            totals: priced.totals,
            lines: priced.lines,
            payments,
        };
        order.insert(tx).await?;
        order.take_stock(tx)?;
        order.book(tx);
        tx.number("S", "order", id.uuid(), year);
        let money = |minor| Money::new(minor, till.currency);
        let rung = Rung {
            id,
            net: money(order.totals.net),
            tax: money(order.totals.tax),
            total: money(order.totals.total),
            paid: money(order.payments.iter().map(|p| p.amount).sum()),
        };
        tx.log(Change::of("order.paid", "order", id, &json!({ "total": rung.total, "lines": order.lines.len(), "day": till.day })));
        Ok(rung)
    }
}

/// A sale (or a payment) happened now or before, never later; a device's clock may be five minutes fast.
pub(crate) fn moment(field: &str, said: Option<At>, now: At) -> Result<At> {
    match said {
        Some(at) if at > now.plus_seconds(300) => Err(Error::field(field, "time.later")),
        Some(at) => Ok(at),
        None => Ok(now),
    }
}

fn channel(said: Option<&str>) -> Result<&'static str> {
    const CHANNELS: &[&str] = &["counter", "phone", "web", "delivery"];
    match said {
        None => Ok("counter"),
        Some(said) => CHANNELS.iter().find(|c| **c == said).copied().ok_or_else(|| Error::field("channel", "choice.unknown")),
    }
}

pub(crate) fn check_note(note: Option<&str>) -> Result<()> {
    if note.is_some_and(|n| n.chars().count() > 1000) { Err(Error::field("note", "text.too_long")) } else { Ok(()) }
}

fn check_lines(lines: &[SaleLine]) -> Result<()> {
    if lines.is_empty() {
        return Err(Error::field("lines", "lines.needed"));
    }
    if lines.len() > LINES {
        return Err(Error::field("lines", "lines.too_many"));
    }
    match lines.iter().position(|l| l.quantity <= Quantity::ZERO) {
        Some(i) => Err(Error::field(format!("lines.{i}.quantity"), "number.positive")),
        None => Ok(()),
    }
}

/// Lines with their amounts.
pub(crate) struct Priced {
    pub lines: Vec<Line>,
    pub totals: Totals,
    pub includes_tax: bool,
}

/// What was asked for, in base units, before it is priced.
struct Asked {
    quantity: Quantity,
    ratio: Ratio,
    unit: String,
    price: i64,
}

fn asked(i: usize, line: &SaleLine, till: &Till, list: &PriceList) -> Result<Asked> {
    let item = till.items.get(&line.item_id).ok_or_else(|| Error::field(format!("lines.{i}.itemId"), "item.unknown"))?;
    if !item.active {
        return Err(Error::field(format!("lines.{i}.itemId"), "item.inactive"));
    }
    let unit = line.unit.clone().unwrap_or_else(|| item.base_unit.clone());
    let ratio = item.ratio(&unit).map_err(|e| e.at(format!("lines.{i}.unit")))?;
    let quantity = line.quantity.by(ratio).map_err(|e| e.at(format!("lines.{i}.quantity")))?;
    item.whole(line.quantity, ratio, quantity).map_err(|e| e.at(format!("lines.{i}.quantity")))?;
    let missing = || {
        let said = tf("sale-why-price", &[("item", &item.name), ("list", &list.name)]);
        Error::rule("price.missing").at(format!("lines.{i}.itemId")).because(said)
    };
    let price = item.price(line.item_id, list.id, till.day, quantity).ok_or_else(missing)?;
    Ok(Asked { quantity, ratio, unit, price })
}

/// Prices the lines by the sale's list as they are at the till's day.
pub(crate) fn priced(lines: &[SaleLine], discount: Option<Off>, till: &Till) -> Result<Priced> {
    let list = till.list()?;
    let asked = lines.iter().enumerate().map(|(i, line)| asked(i, line, till, list)).collect::<Result<Vec<_>>>()?;
    let quote_lines = lines.iter().zip(&asked).enumerate().map(|(i, (line, asked))| {
        Ok(QuoteLine {
            item: line.item_id,
            parent: line.parent.map(|p| p as usize),
            quantity: asked.quantity,
            unit_price_minor: asked.price,
            taxes: till.items.get(&line.item_id).map(|item| item.taxes.clone()).unwrap_or_default(),
            discount: line.discount.map(|off| off.discount(till.currency, &format!("lines.{i}.discount"))).transpose()?,
        })
    });
    let quoted = pricing::quote(&Quote {
        lines: quote_lines.collect::<Result<_>>()?,
        prices_include_tax: list.includes_tax,
        currency: till.currency,
        rounding: Rounding::PerLine,
        mode: Mode::HalfAway,
        order_discount: discount.map(|off| off.discount(till.currency, "discount")).transpose()?,
        cash_rounding: None,
    })?;
    let written = lines.iter().zip(asked).zip(quoted.lines).map(|((line, asked), amounts)| Line {
        item: line.item_id,
        name: till.items.get(&line.item_id).map(|i| i.name.clone()).unwrap_or_default(),
        quantity: asked.quantity,
        entered: line.quantity,
        unit: asked.unit,
        ratio: asked.ratio,
        unit_price: asked.price,
        parent: line.parent.map(|p| p as usize),
        amounts,
        refund_of: None,
    });
    Ok(Priced { lines: written.collect(), totals: quoted.totals, includes_tax: list.includes_tax })
}

/// Payments that equal what is to be paid; one without an amount takes the rest. A sale of nothing needs none.
fn payments(tx: &Tx, said: &[SalePayment], totals: &Totals, currency: Currency) -> Result<Vec<Payment>> {
    if said.len() > 20 {
        return Err(Error::field("payments", "lines.too_many"));
    }
    let mut left = totals.to_pay;
    for (i, payment) in said.iter().enumerate() {
        if let Some(amount) = payment.amount {
            if amount.currency != currency {
                return Err(Error::field(format!("payments.{i}.amount"), "money.currency"));
            }
            if amount.minor <= 0 {
                return Err(Error::field(format!("payments.{i}.amount"), "number.positive"));
            }
            left = left.checked_sub(amount.minor).ok_or_else(|| Error::rule("number.too_large"))?;
        }
    }
    let open = said.iter().filter(|p| p.amount.is_none()).count();
    if open > 1 || (open == 0 && left != 0) || (open == 1 && left < 0) {
        let total = Money::new(totals.to_pay, currency).to_string();
        return Err(Error::rule("order.paid_amount").at("payments").because(tf("sale-why-total", &[("total", &total)])));
    }
    let mut payments = Vec::with_capacity(said.len());
    for (i, payment) in said.iter().enumerate() {
        let method: Method = payment.method.parse().map_err(|_| Error::field(format!("payments.{i}.method"), "choice.unknown"))?;
        if payment.reference.as_ref().is_some_and(|r| r.chars().count() > 200) {
            return Err(Error::field(format!("payments.{i}.reference"), "text.too_long"));
        }
        let amount = payment.amount.map_or(left, |a| a.minor);
        if amount != 0 {
            payments.push(Payment { id: tx.op().id(), method, amount, reference: payment.reference.clone() });
        }
    }
    Ok(payments)
}
