//! A chunk of past orders into the books: the same rows, movements and transfers that the till leaves, many at once.

use db::Tx;
use kernel::{
    At, BookId, Cause, Day, DocumentRef, Error, ImportId, Movement, OrderId, PaymentId, Quantity, Result, Transfer, Valuation, account,
};
use pricing::{Method, Mode, Quote, QuoteLine, QuotedLine, Rounding};
use uuid::Uuid;

use super::{
    measure::Measured,
    place::{Item, Place},
    survey::Items,
};

/// A past order, ready to be written.
pub(super) struct Sold {
    pub id: OrderId,
    pub payment: PaymentId,
    /// Something was given back.
    pub back: bool,
    pub at: At,
    pub day: Day,
    pub hour: i16,
    pub external: Option<String>,
    pub method: Method,
    pub lines: Vec<SoldLine>,
    pub totals: Totals,
    /// Which one of its import it is, from 1: its payment is called so where its ticket has no number.
    pub n: i32,
}

/// A line of it.
pub(super) struct SoldLine {
    /// Its number among the import's items.
    pub item: usize,
    pub name: String,
    pub quantity: Quantity,
    pub unit_price: i64,
    pub amounts: QuotedLine,
}

/// Sums of its lines.
#[derive(Clone, Copy, Default)]
pub(super) struct Totals {
    pub gross: i64,
    pub discount: i64,
    pub net: i64,
    pub tax: i64,
    pub total: i64,
}

impl Sold {
    /// Adds a line's amounts to the order's.
    pub fn add(&mut self, line: SoldLine) -> Result<()> {
        let sum = |a: i64, b: i64| a.checked_add(b).ok_or_else(|| Error::rule("number.too_large"));
        let (t, a) = (self.totals, &line.amounts);
        self.totals = Totals {
            gross: sum(t.gross, a.gross)?,
            discount: sum(t.discount, a.discount)?,
            net: sum(t.net, a.net)?,
            tax: sum(t.tax, a.tax()?)?,
            total: sum(t.total, a.total)?,
        };
        self.lines.push(line);
        Ok(())
    }

    /// The document whose number its payment follows, and which one of that it is: of a ticket that sells and gives back, what
    /// was given back is the second.
    fn payment_number(&self, import: ImportId) -> (Uuid, i32) {
        match self.external {
            Some(_) => (self.id.uuid(), if self.back { 2 } else { 1 }),
            None => (import.uuid(), self.n),
        }
    }
}

/// A line's amounts with its taxes, by the same arithmetic as the till's: the amount after discount is priced as one piece.
pub(super) fn with_tax(place: &Place, item: &Item, day: Day, measured: &Measured) -> Result<QuotedLine> {
    let gross = measured.gross.ok_or_else(|| Error::rule("price.missing"))?;
    let amount = gross - measured.discount;
    let taxes = item.taxes(day);
    if taxes.is_empty() {
        return Ok(QuotedLine { gross, discount: measured.discount, net: amount, taxes: Vec::new(), total: amount });
    }
    let line = QuoteLine { item: item.id, parent: None, quantity: Quantity::ONE, unit_price_minor: amount, taxes, discount: None };
    let quoted = pricing::quote(&Quote {
        lines: vec![line],
        prices_include_tax: place.includes_tax,
        currency: place.currency,
        rounding: Rounding::PerLine,
        mode: Mode::HalfAway,
        order_discount: None,
        cash_rounding: None,
    })?;
    let priced = quoted.lines.into_iter().next().ok_or_else(|| Error::Internal("a quote lost its line".into()))?;
    Ok(QuotedLine { gross, discount: measured.discount, ..priced })
}

/// Writes a chunk: orders and what belongs to them in one statement, movements and transfers in another.
pub(super) async fn write(tx: &mut Tx, import: ImportId, place: &Place, items: &Items, orders: &[Sold]) -> Result<()> {
    if orders.is_empty() {
        return Ok(());
    }
    insert(tx, import, place, items, orders).await?;
    for order in orders {
        tx.book(transfers(place, order));
        for (n, line) in (1..).zip(&order.lines) {
            let item = items.get(line.item)?;
            if item.moves {
                let moved = movements(tx, place, order, n, line, item)?;
                tx.post(moved);
            }
        }
    }
    tx.flush().await
}

/// Its parts from 1 on, each with the order's id.
fn numbered<'a, T: 'a>(orders: &'a [Sold], parts: impl Fn(&'a Sold) -> Box<dyn Iterator<Item = T> + 'a>) -> Vec<(Uuid, i32, T)> {
    orders.iter().flat_map(|o| (1..).zip(parts(o)).map(move |(n, part)| (o.id.uuid(), n, part))).collect()
}

async fn insert(tx: &mut Tx, import: ImportId, place: &Place, items: &Items, orders: &[Sold]) -> Result<()> {
    let tenant = tx.tenant().uuid();
    let lines = numbered(orders, |o| Box::new(o.lines.iter()));
    let sold: Vec<&Item> = lines.iter().map(|(.., line)| items.get(line.item)).collect::<Result<_>>()?;
    let line_taxes = lines.iter().map(|(.., line)| line.amounts.tax()).collect::<Result<Vec<i64>>>()?;
    let taxes =
        numbered(orders, |o| Box::new((1_i32..).zip(&o.lines).flat_map(|(n, line)| line.amounts.taxes.iter().map(move |row| (n, row)))));
    // What came to nothing was not paid.
    let paid: Vec<&Sold> = orders.iter().filter(|o| o.totals.total != 0).collect();
    let (documents, numbers): (Vec<Uuid>, Vec<i32>) = paid.iter().map(|o| o.payment_number(import)).unzip();
    sqlx::query_file!(
        "src/import/insert.sql",
        tenant,
        place.site.uuid(),
        place.currency.code(),
        place.includes_tax,
        import.uuid(),
        &orders.iter().map(|o| o.id.uuid()).collect::<Vec<_>>(),
        &orders.iter().map(|o| o.back).collect::<Vec<_>>(),
        &orders.iter().map(|o| o.at).collect::<Vec<_>>() as &[At],
        &orders.iter().map(|o| o.day).collect::<Vec<_>>() as &[Day],
        &orders.iter().map(|o| o.hour).collect::<Vec<_>>(),
        &orders.iter().map(|o| o.totals.gross).collect::<Vec<_>>(),
        &orders.iter().map(|o| o.totals.discount).collect::<Vec<_>>(),
        &orders.iter().map(|o| o.totals.net).collect::<Vec<_>>(),
        &orders.iter().map(|o| o.totals.tax).collect::<Vec<_>>(),
        &orders.iter().map(|o| o.totals.total).collect::<Vec<_>>(),
        &orders.iter().map(|o| o.external.clone()).collect::<Vec<_>>() as &[Option<String>],
        &lines.iter().map(|(order, ..)| *order).collect::<Vec<_>>(),
        &lines.iter().map(|(_, n, _)| *n).collect::<Vec<_>>(),
        &sold.iter().map(|item| item.id.uuid()).collect::<Vec<_>>(),
        &lines.iter().map(|(.., l)| l.name.clone()).collect::<Vec<_>>(),
        &lines.iter().map(|(.., l)| l.quantity.micros()).collect::<Vec<_>>(),
        &sold.iter().map(|item| item.base_unit.clone()).collect::<Vec<_>>(),
        &lines.iter().map(|(.., l)| l.unit_price).collect::<Vec<_>>(),
        &lines.iter().map(|(.., l)| l.amounts.gross).collect::<Vec<_>>(),
        &lines.iter().map(|(.., l)| l.amounts.discount).collect::<Vec<_>>(),
        &lines.iter().map(|(.., l)| l.amounts.net).collect::<Vec<_>>(),
        &line_taxes,
        &lines.iter().map(|(.., l)| l.amounts.total).collect::<Vec<_>>(),
        &taxes.iter().map(|(order, ..)| *order).collect::<Vec<_>>(),
        &taxes.iter().map(|(_, n, _)| *n).collect::<Vec<_>>(),
        &taxes.iter().map(|(.., (line, _))| *line).collect::<Vec<_>>(),
        &taxes.iter().map(|(.., (_, row))| row.tax.uuid()).collect::<Vec<_>>(),
        &taxes.iter().map(|(.., (_, row))| row.base).collect::<Vec<_>>(),
        &taxes.iter().map(|(.., (_, row))| row.amount).collect::<Vec<_>>(),
        &paid.iter().map(|o| o.payment.uuid()).collect::<Vec<_>>(),
        &paid.iter().map(|o| o.method.code().to_owned()).collect::<Vec<_>>(),
        &paid.iter().map(|o| o.totals.total).collect::<Vec<_>>(),
        &paid.iter().map(|o| o.at).collect::<Vec<_>>() as &[At],
        &paid.iter().map(|o| o.day).collect::<Vec<_>>() as &[Day],
        &paid.iter().map(|o| o.id.uuid()).collect::<Vec<_>>(),
        &orders.iter().map(|o| i32::try_from(o.lines.len()).unwrap_or(i32::MAX)).collect::<Vec<_>>(),
        &orders.iter().flat_map(|o| o.lines.iter().map(|_| o.at)).collect::<Vec<_>>() as &[At],
        &documents,
        &numbers,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The sale is owed, and its payment pays what is owed, as at the till.
fn transfers(place: &Place, order: &Sold) -> impl Iterator<Item = Transfer> {
    let one = |debit: BookId, credit: BookId, amount: i64| {
        let document = DocumentRef { kind: "order", id: order.id.uuid(), line: 0 };
        Transfer { debit, credit, amount, currency: place.currency, document, effective_at: order.at, day: order.day }.signed()
    };
    [
        one(account::RECEIVABLE, account::SALES, order.totals.net),
        one(account::RECEIVABLE, account::TAX, order.totals.tax),
        one(order.method.account(), account::RECEIVABLE, order.totals.total),
    ]
    .into_iter()
    .flatten()
}

/// Made and sold in passing at standard cost, or returned and unmade: the stock of today stays as it is.
fn movements(tx: &Tx, place: &Place, order: &Sold, n: i32, line: &SoldLine, item: &Item) -> Result<[Movement; 2]> {
    let value = item.standard_value(line.quantity)?;
    let one = |quantity: Quantity, value: i64, cause: Cause, contra: BookId| Movement {
        id: tx.op().id(),
        item: item.id,
        site: place.site,
        location: place.location,
        lot: None,
        quantity,
        valuation: Valuation::InPassing(value),
        currency: place.currency,
        cause,
        document: DocumentRef { kind: "order", id: order.id.uuid(), line: n },
        effective_at: order.at,
        day: order.day,
        contra,
        corrects: None,
    };
    let left = if order.back { Cause::Returned } else { Cause::Sold };
    Ok([one(line.quantity, value, Cause::Made, account::MADE), one(line.quantity.negated(), -value, left, account::COST_OF_SALES)])
}
