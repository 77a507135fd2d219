//! One import from its first line to its commit.

use db::{Db, Tx};
use kernel::{At, Change, Day, Error, ImportId, Money, Op, Permission, Result};
use pricing::Method;
use serde_json::json;
use tables::SaleLine;
use tokio::sync::mpsc;
use uuid::Uuid;
use web::{t, tf};

use super::{
    Alike, ImportAsk, ImportReport, Outcome, Progress, check,
    document::{self, New},
    known::{self, Count, Here},
    lines::{self, Batch, own_id, refused},
    look,
    measure::{self, Fault},
    place::Place,
    refused::{NotTaken, Sink},
    survey::{Items, Survey, item_fault},
    understand::{Reading, Understood, blocking, understand},
    write::{self, Sold, SoldLine, Totals},
};

/// Imports a past from files that nobody has looked into yet; see [`run_understood`].
pub async fn run(db: &Db, op: Op, ask: ImportAsk, progress: &(dyn Fn(Progress) + Send + Sync)) -> Result<ImportReport> {
    let understood = understand(ask.files.clone()).await?;
    run_understood(db, op, ask, understood, progress).await
}

/// Imports a past, or tries to: reads the files, and in one transaction finds or makes the items and writes orders, stock
/// and money. Lines that are refused stop everything unless the ask says otherwise; those that name no item never do.
/// What was imported before (a file by the digest of what it holds, a ticket by source, number and moment) is passed over.
/// Where most orders bear numbers that other orders of their days have, nothing is kept unless the ask says that they are
/// another till's.
///
/// One import of a business runs at a time: a second one is refused with `conflict`. `progress` is told after each chunk.
pub async fn run_understood(
    db: &Db,
    op: Op,
    ask: ImportAsk,
    understood: Understood,
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<ImportReport> {
    op.needs(Permission::ImportRun)?;
    check(&ask.options)?;
    let mut reading = Reading::of(understood, ask.mapping.clone())?;
    let mut tx = db.begin(op.clone()).await?;
    alone(&mut tx).await?;
    let place = Place::read(&mut tx, ask.options.site).await?;
    let before = known::pass_over_files(&mut tx, &mut reading).await?;
    let mut sink = Sink::open(db, &op, ask.import).await?;
    if let Some(already) = before {
        tx.give_up().await?;
        return Ok(empty(ask.import, &place, Outcome::Already, Some(already)));
    }
    let survey = Survey::read(reading.clone(), place.clone()).await?;
    sink.stops = survey.stops;
    let items = Items::find_or_make(&mut tx, survey, &place, ask.options.cost_percent).await?;
    let source = ask.options.source.clone().unwrap_or_else(|| reading.usual_source());
    let import = ask.import.unwrap_or_else(|| op.id());
    let made_here = ask.import.is_none() && !ask.dry_run;
    if made_here {
        document::insert(&mut tx, &New::of_run(import, &ask, &reading, &place, &source)).await?;
    }
    let earlier = earlier(&mut tx, &place, &source).await?;
    let writing = !ask.dry_run && (ask.skip_refused || !sink.stops);
    let report = empty((made_here || ask.import.is_some()).then_some(import), &place, Outcome::Tried, None);
    let mut work = Work { ask: &ask, place, items, sink, earlier, alike: Count::default(), import, made_here, writing, report, total: 0 };
    work.read(&mut tx, &reading, progress).await?;
    let report = work.end(tx, &reading).await?;
    if report.outcome == Outcome::Done && report.documents >= MANY {
        look_again(db, op).await;
    }
    Ok(report)
}

/// Orders from which on the planner must be told what is new.
const MANY: u64 = 500;

/// Tells the planner what the tables hold now. Should it fail, autovacuum does it within a minute or so.
async fn look_again(db: &Db, op: Op) {
    let look = async {
        let mut tx = db.begin(op).await?;
        sqlx::query!("SELECT sales.look_again()").execute(tx.conn()).await?;
        tx.commit().await
    };
    if let Err(error) = look.await {
        tracing::debug!(%error, "the planner was not told of an import");
    }
}

/// Holds the business's one place for imports until the transaction ends.
async fn alone(tx: &mut Tx) -> Result<()> {
    let key = format!("sales.import {}", tx.tenant());
    let free =
        sqlx::query_scalar!(r#"SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0)) AS "free!""#, key).fetch_one(tx.conn()).await?;
    if free { Ok(()) } else { Err(Error::Conflict("another import of this business is running".into())) }
}

/// Earlier imports of the same source, the last one first: their tickets are here already.
async fn earlier(tx: &mut Tx, place: &Place, source: &str) -> Result<Vec<Uuid>> {
    let tenant = tx.tenant().uuid();
    Ok(sqlx::query_scalar!(
        "SELECT id FROM sales.import WHERE tenant_id = $1 AND source = $2 AND site_id = $3 AND state = 'done' ORDER BY created_at DESC, id LIMIT 1000",
        tenant,
        source,
        place.site.uuid()
    )
    .fetch_all(tx.conn())
    .await?)
}

fn empty(import_id: Option<ImportId>, place: &Place, outcome: Outcome, already_imported: Option<ImportId>) -> ImportReport {
    ImportReport {
        import_id,
        outcome,
        lines: 0,
        accepted: 0,
        skipped: 0,
        refused: Vec::new(),
        refused_count: 0,
        left_out: 0,
        rounded: 0,
        documents: 0,
        items_made: 0,
        total: Money::new(0, place.currency),
        days: None,
        already_imported,
        alike: None,
        sample: Vec::new(),
    }
}

/// How a line says that it was paid, in the words of tills.
fn method(said: &str) -> Option<Method> {
    const WORDS: &[(Method, &[&str])] = &[
        (Method::Mobile, &["mobile", "pesa", "momo", "airtel", "wallet", "upi", "apple pay", "google pay"]),
        (Method::Card, &["card", "credit", "debit", "visa", "master", "amex", "maestro", "contactless", "eftpos", "carte", "tarjeta"]),
        (Method::Cash, &["cash", "esp\u{e8}ces", "efectivo", "bar"]),
    ];
    let said = said.to_lowercase();
    WORDS.iter().find(|(_, words)| words.iter().any(|word| said.contains(word))).map(|(method, _)| *method)
}

/// What the first line of a ticket says of its order.
struct Head {
    at: At,
    day: Day,
    hour: i16,
    /// The source's own number of it.
    external: Option<String>,
    method: Option<Method>,
}

impl Head {
    /// By what it is found here.
    fn number(&self) -> Option<(&str, Day)> {
        Some((self.external.as_deref()?, self.day))
    }
}

struct Work<'a> {
    ask: &'a ImportAsk,
    place: Place,
    items: Items,
    sink: Sink,
    earlier: Vec<Uuid>,
    /// Orders that stand here already, but not as this source's at this moment.
    alike: Count,
    import: ImportId,
    /// The import's own row is written by this transaction.
    made_here: bool,
    /// Nothing has stopped it so far.
    writing: bool,
    report: ImportReport,
    total: i128,
}

impl Work<'_> {
    async fn read(&mut self, tx: &mut Tx, reading: &Reading, progress: &(dyn Fn(Progress) + Send + Sync)) -> Result<()> {
        let (send, mut receive) = mpsc::channel::<Result<Batch>>(2);
        let reading = reading.clone();
        let reader = tokio::spawn(blocking(move || {
            lines::send(&reading, &send);
            Ok(())
        }));
        while let Some(batch) = receive.recv().await {
            let batch = batch?;
            let told = Progress { lines: batch.read, of: batch.of };
            self.take(tx, batch).await?;
            progress(told);
        }
        reader.await.map_err(|e| Error::Internal(e.to_string()))?
    }

    async fn take(&mut self, tx: &mut Tx, batch: Batch) -> Result<()> {
        let heads: Vec<_> = batch.tickets.iter().map(|ticket| self.head(ticket)).collect();
        let numbers: Vec<_> = heads.iter().map(|head| head.as_ref().ok().and_then(Head::number)).collect();
        let here = known::orders(tx, &self.place, self.import, &numbers).await?;
        let mut bad = batch.refused;
        let mut orders = Vec::with_capacity(batch.tickets.len());
        self.report.lines = batch.read;
        self.report.skipped += batch.skipped;
        for ((ticket, head), here) in batch.tickets.iter().zip(heads).zip(&here) {
            look::add(&mut self.report.sample, ticket);
            match head {
                Ok(head) => self.order(tx, ticket, head, here, &mut orders, &mut bad)?,
                Err((code, reason)) => bad.extend(ticket.iter().map(|line| refused(line, code, reason.clone()))),
            }
        }
        let made_by = (self.made_here && self.writing).then_some((&mut *tx, self.import));
        self.sink.take(&bad, made_by).await?;
        self.writing &= self.ask.skip_refused || !self.sink.stops;
        for order in &mut orders {
            self.report.documents += 1;
            order.n = i32::try_from(self.report.documents).map_err(|_| Error::rule("number.too_large"))?;
            self.report.accepted += order.lines.len() as u64;
            self.total += i128::from(order.totals.total);
            let (first, last) = self.report.days.unwrap_or((order.day, order.day));
            self.report.days = Some((first.min(order.day), last.max(order.day)));
        }
        if self.writing { write::write(tx, self.import, &self.place, &self.items, &orders).await } else { Ok(()) }
    }

    fn head(&self, ticket: &[SaleLine]) -> Result<Head, Fault> {
        let first = ticket.first().ok_or_else(|| ("line.no_item", t("tables-line-without-item")))?;
        let (at, day, hour) = self.place.moment(first)?;
        Ok(Head { at, day, hour, external: external(first)?, method: first.payment_method.as_deref().and_then(method) })
    }

    /// A ticket becomes an order; what it gives back becomes a second one, a refund.
    fn order(
        &mut self,
        tx: &Tx,
        ticket: &[SaleLine],
        head: Head,
        here: &[Here],
        orders: &mut Vec<Sold>,
        bad: &mut Vec<NotTaken>,
    ) -> Result<()> {
        let Head { at, day, hour, external, method } = head;
        if here.iter().any(|order| order.at == at && self.earlier.contains(&order.import)) {
            self.report.skipped += ticket.len() as u64;
            return Ok(());
        }
        let method = method.or(self.ask.options.method).unwrap_or(Method::Cash);
        let new = |back| Sold {
            id: tx.op().id(),
            payment: tx.op().id(),
            back,
            at,
            day,
            hour,
            external: external.clone(),
            method,
            lines: Vec::with_capacity(ticket.len()),
            totals: Totals::default(),
            n: 0,
        };
        let (mut sale, mut refund) = (None, None);
        for line in ticket {
            match self.line(line, day) {
                Ok((sold, rounded)) => {
                    self.report.rounded += u64::from(rounded);
                    let back = sold.quantity.micros() < 0;
                    let order = if back { &mut refund } else { &mut sale };
                    order.get_or_insert_with(|| new(back)).add(sold)?;
                }
                Err((code, reason)) => bad.push(refused(line, code, reason)),
            }
        }
        self.alike.add(here, u64::from(sale.is_some()) + u64::from(refund.is_some()));
        orders.extend(sale);
        orders.extend(refund);
        Ok(())
    }

    fn line(&mut self, line: &SaleLine, day: Day) -> Result<(SoldLine, bool), Fault> {
        if let Some(fault) = item_fault(line) {
            return Err(fault);
        }
        let measured = measure::measure(line, self.place.currency)?;
        let unpriced = || ("price.missing", tf("import-why-no-price", &[("item", &line.item)]));
        let number = self.items.of(line).ok_or_else(unpriced)?;
        let said = |error: Error| (error.code(), web::code_text(error.row()));
        let item = self.items.get(number).map_err(said)?;
        let measured = match measured.gross {
            Some(_) => measured,
            None => measure::at_price(measured, item.price(self.place.list, day, measured.quantity).ok_or_else(unpriced)?)?,
        };
        let amounts = write::with_tax(&self.place, item, day, &measured).map_err(said)?;
        let sold = SoldLine {
            item: number,
            name: line.item.clone(),
            quantity: measured.quantity,
            unit_price: measured.unit_price.unwrap_or(0),
            amounts,
        };
        Ok((sold, measured.rounded))
    }

    /// Keeps everything, or nothing, and says what came of it.
    async fn end(mut self, mut tx: Tx, reading: &Reading) -> Result<ImportReport> {
        let report = &mut self.report;
        report.refused = std::mem::take(&mut self.sink.first);
        (report.refused_count, report.left_out) = (self.sink.count, self.sink.left_out);
        report.items_made = self.items.made;
        report.total.minor = i64::try_from(self.total).map_err(|_| Error::rule("number.too_large"))?;
        report.alike = std::mem::take(&mut self.alike).told(&mut tx, report.documents).await?;
        let twice = report.alike.as_ref().is_some_and(Alike::most) && !self.ask.another_till;
        let stopped = twice || (self.sink.stops && !self.ask.skip_refused);
        report.outcome = match (stopped, report.documents, report.skipped) {
            (true, ..) | (_, 0, 0) => Outcome::Refused,
            (_, 0, _) => Outcome::Already,
            _ if self.ask.dry_run => Outcome::Tried,
            _ => Outcome::Done,
        };
        if report.outcome == Outcome::Already {
            report.already_imported = self.earlier.first().copied().map(ImportId::new);
        }
        if report.outcome != Outcome::Done {
            if self.made_here {
                // Its row goes with the transaction.
                report.import_id = None;
            }
            tx.give_up().await?;
            return Ok(self.report);
        }
        known::keep_files(&mut tx, self.import, reading).await?;
        document::record(&mut tx, self.import, &self.report).await?;
        let year = self.place.zone.local(self.place.now).year();
        tx.number("I", "import", self.import.uuid(), year);
        // One entry for the whole: the orders name their import, and a past has no history of its own to tell.
        let r = &self.report;
        let said = json!({ "lines": r.lines, "accepted": r.accepted, "refused": r.refused_count, "documents": r.documents, "total": r.total, "days": r.days });
        tx.log(Change::of("import.done", "import", self.import, &said));
        tx.commit().await?;
        Ok(self.report)
    }
}

/// The source's own number of an order, if it has one that can be kept.
fn external(line: &SaleLine) -> Result<Option<String>, Fault> {
    match own_id(line) {
        Some(id) if id.chars().count() > 100 => Err(("text.too_long", t("import-why-number-long"))),
        Some(id) if id.chars().any(char::is_control) => Err(("text.control", t("import-why-number-signs"))),
        id => Ok(id.map(str::to_owned)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tills_say_how_it_was_paid_in_many_words() {
        for (said, is) in [("Credit Card", Method::Card), ("VISA", Method::Card), ("M-Pesa", Method::Mobile), ("CASH", Method::Cash)] {
            assert_eq!(method(said), Some(is), "{said}");
        }
        assert_eq!(method("voucher"), None);
    }
}
