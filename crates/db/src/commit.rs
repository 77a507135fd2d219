//! What every business transaction leaves behind, written in two statements: one locks the hot stock rows in the order of
//! their keys and reads what they are worth, one writes movements, transfers, log, jobs, number and intent together.
//! This is the only writer of `stock.movement`, `stock.worth`, `stock.on_hand` and `ledger.transfer`: no slice can move
//! stock without its booking, or book without its document.

use std::collections::{BTreeMap, BTreeSet};

use kernel::{
    At, BookId, Day, DocumentRef, Error, ItemId, LocationId, LotId, Movement, Quantity, Result, SiteId, Transfer, Valuation, account,
};
use uuid::Uuid;

use crate::{
    Tx, trail,
    tx::{Left, NumberWanted},
};

/// The largest booking, in minor units: totals over years of the largest still fit.
const MOST: i64 = 10_000_000_000_000;

/// What a commit gave.
#[derive(Clone, Debug, Default)]
pub struct Committed {
    /// The number taken, as people say it.
    pub number: Option<String>,
    /// Round trips of the whole transaction.
    pub trips: u32,
}

/// Quantity and value of an item at a site.
#[derive(Clone, Copy, Debug, Default)]
struct Worth {
    quantity: i64,
    value: i64,
}

/// What is written to the hot rows, in the order of their keys.
#[derive(Default)]
struct Postings {
    /// Movements with their final value.
    movements: Vec<(Movement, i64)>,
    /// Change of quantity and value per site and item.
    worth: BTreeMap<(SiteId, ItemId), (i64, i64, &'static str)>,
    /// Change of quantity per location, item and lot.
    on_hand: BTreeMap<(LocationId, ItemId, Option<LotId>), i64>,
    transfers: Vec<Transfer>,
    /// Marks of days: those whose kept totals these postings spoil, and those that no transfer tells the sealer of.
    marks: BTreeSet<(Day, At)>,
}

/// Writes what `tx` collected, but does not commit. Returns the number taken.
pub(crate) async fn settle(tx: &mut Tx) -> Result<Option<String>> {
    let mut left = std::mem::take(&mut tx.left);
    if left.changes.iter().any(|change| !change.personal.is_empty()) {
        let (source, tenant) = (tx.op.source.clone(), tx.tenant);
        trail::enter(tx.conn(), &source, tenant, &mut left.changes).await?;
    }
    if left.movements.is_empty() && left.transfers.is_empty() && left.touched.is_empty() {
        if left.changes.is_empty() && left.jobs.is_empty() && left.number.is_none() && left.intent.is_none() {
            return Ok(None);
        }
        return write_record(tx, &left).await;
    }
    // All that can be made ready is, before others begin to wait.
    let record = Record::of(tx, &left);
    let postings = value_postings(tx, &left).await?;
    write_all(tx, &record, &postings).await
}

/// Locks what will change, reads its worth, and works out each movement's value and the bookings that follow.
async fn value_postings(tx: &mut Tx, left: &Left) -> Result<Postings> {
    let mut keys: Vec<(SiteId, ItemId)> =
        left.movements.iter().filter(|m| !matches!(m.valuation, Valuation::InPassing(_))).map(|m| (m.site, m.item)).collect();
    keys.sort_unstable();
    keys.dedup();
    let (sites, items): (Vec<Uuid>, Vec<Uuid>) = keys.iter().map(|(s, i)| (s.uuid(), i.uuid())).unzip();
    let tenant = tx.tenant.uuid();
    let rows = sqlx::query_file!("src/lock.sql", tenant, &sites, &items).fetch_all(tx.conn()).await?;
    let first = rows.first().ok_or(Error::NotFound)?;
    let closed = first.closed_through;
    let (through, until) = (first.sealing_through, first.sealing_until);
    let sealing = |day: Day, at: At| through.is_some_and(|through| day <= through) || until.is_some_and(|until| at < until);
    let mut worth: BTreeMap<(SiteId, ItemId), Worth> = rows
        .iter()
        .filter_map(|r| Some(((SiteId::new(r.site_id?), ItemId::new(r.item_id?)), Worth { quantity: r.quantity?, value: r.value? })))
        .collect();
    let mut postings = Postings::default();
    for movement in &left.movements {
        let value = value_of(movement, &mut worth)?;
        postings.take(movement, value)?;
    }
    postings.transfers.extend(left.transfers.iter().copied());
    postings.transfers = gathered(std::mem::take(&mut postings.transfers))?;
    postings.check_in_passing()?;
    postings.days(&left.touched, closed, sealing)?;
    Ok(postings)
}

/// A movement's value, and what remains after it.
fn value_of(movement: &Movement, worth: &mut BTreeMap<(SiteId, ItemId), Worth>) -> Result<i64> {
    let value = match movement.valuation {
        Valuation::InPassing(value) => return Ok(value),
        Valuation::Given(value) => value,
        Valuation::Average => {
            let on_hand = worth.get(&(movement.site, movement.item)).copied().unwrap_or_default();
            let (wanted, there) = (movement.quantity.negated(), Quantity::from_micros(on_hand.quantity));
            -Movement::issue_value(wanted, there, on_hand.value)
                .map_err(|e| e.at(format!("lines.{}.quantity", movement.document.line - 1)))?
        }
    };
    let after = worth.entry((movement.site, movement.item)).or_default();
    let too_large = || Error::rule("number.too_large");
    after.quantity = after.quantity.checked_add(movement.quantity.micros()).ok_or_else(too_large)?;
    after.value = after.value.checked_add(value).ok_or_else(too_large)?;
    if after.quantity < 0 {
        return Err(Error::rule("stock.short").at(format!("lines.{}.quantity", movement.document.line - 1)));
    }
    Ok(value)
}

impl Postings {
    fn take(&mut self, movement: &Movement, value: i64) -> Result<()> {
        if movement.quantity == Quantity::ZERO {
            return Err(Error::Internal("a movement of nothing".into()));
        }
        if !matches!(movement.valuation, Valuation::InPassing(_)) {
            let pair = self.worth.entry((movement.site, movement.item)).or_insert((0, 0, movement.currency.code()));
            pair.0 += movement.quantity.micros();
            pair.1 += value;
            *self.on_hand.entry((movement.location, movement.item, movement.lot)).or_default() += movement.quantity.micros();
        }
        let booking = Transfer {
            debit: account::INVENTORY,
            credit: movement.contra,
            amount: value,
            currency: movement.currency,
            document: movement.document,
            effective_at: movement.effective_at,
            day: movement.day,
        };
        self.transfers.extend(booking.signed());
        self.movements.push((movement.clone(), value));
        Ok(())
    }

    /// Movements in passing must cancel out per site and item, for they leave no trace in what is on hand.
    fn check_in_passing(&self) -> Result<()> {
        let mut sums: BTreeMap<(SiteId, ItemId), (i128, i128)> = BTreeMap::new();
        for (movement, value) in self.movements.iter().filter(|(m, _)| matches!(m.valuation, Valuation::InPassing(_))) {
            let sum = sums.entry((movement.site, movement.item)).or_default();
            sum.0 += i128::from(movement.quantity.micros());
            sum.1 += i128::from(*value);
        }
        if sums.values().all(|sum| *sum == (0, 0)) { Ok(()) } else { Err(Error::Internal("movements in passing do not cancel out".into())) }
    }

    /// Refuses closed days and days out of this world; notes days whose totals are kept, each with its earliest moment, for one is
    /// enough. A day that was only touched is marked always: no transfer tells the sealer of it.
    fn days(&mut self, touched: &[(Day, At)], closed: Option<Day>, sealing: impl Fn(Day, At) -> bool) -> Result<()> {
        let moved = self.movements.iter().map(|(m, _)| (m.day, m.effective_at));
        let posted = moved.chain(self.transfers.iter().map(|t| (t.day, t.effective_at)));
        let mut spoiled: BTreeMap<Day, At> = BTreeMap::new();
        for (day, at) in posted.chain(touched.iter().copied()) {
            if !day.is_sane() {
                return Err(Error::rule("day.out_of_range"));
            }
            if closed.is_some_and(|closed| day <= closed) {
                return Err(Error::rule("day.closed"));
            }
            if sealing(day, at) {
                spoiled.entry(day).and_modify(|first| *first = at.min(*first)).or_insert(at);
            }
        }
        self.marks = spoiled.into_iter().chain(touched.iter().copied()).collect();
        Ok(())
    }
}

/// One transfer per document, pair of accounts and day: a sale of five lines books its cost once.
fn gathered(transfers: Vec<Transfer>) -> Result<Vec<Transfer>> {
    let mut order: Vec<(DocumentRef, BookId, BookId, Day)> = Vec::new();
    let mut sums: BTreeMap<(Uuid, BookId, BookId, Day), Transfer> = BTreeMap::new();
    for transfer in transfers {
        if transfer.amount > MOST {
            return Err(Error::rule("number.too_large"));
        }
        if transfer.amount <= 0 || transfer.debit == transfer.credit {
            return Err(Error::Internal("a transfer needs two accounts and an amount above zero".into()));
        }
        let key = (transfer.document.id, transfer.debit, transfer.credit, transfer.day);
        match sums.get_mut(&key) {
            Some(sum) => {
                sum.amount = sum.amount.checked_add(transfer.amount).ok_or_else(|| Error::rule("number.too_large"))?;
                sum.document.line = 0;
            }
            None => {
                order.push((transfer.document, transfer.debit, transfer.credit, transfer.day));
                sums.insert(key, transfer);
            }
        }
    }
    Ok(order.into_iter().filter_map(|(doc, debit, credit, day)| sums.remove(&(doc.id, debit, credit, day))).collect())
}

/// The columns of the log entries, jobs, number and intent, as both statements take them.
struct Record {
    log_ids: Vec<Uuid>,
    actions: Vec<String>,
    kinds: Vec<String>,
    targets: Vec<Uuid>,
    before: Vec<Option<serde_json::Value>>,
    after: Vec<Option<serde_json::Value>>,
    reasons: Vec<Option<String>>,
    actor_kind: &'static str,
    actor_id: Option<Uuid>,
    actor_name: Option<String>,
    address: Option<String>,
    job_ids: Vec<Uuid>,
    job_names: Vec<String>,
    job_payloads: Vec<serde_json::Value>,
    job_times: Vec<At>,
    series: Option<String>,
    year: i32,
    document: Option<Uuid>,
    document_kind: &'static str,
    intent_id: Option<Uuid>,
    digest: Vec<u8>,
    answer: Option<serde_json::Value>,
}

impl Record {
    fn of(tx: &Tx, left: &Left) -> Self {
        let changes = &left.changes;
        let (actor_kind, actor_id, actor_name) = tx.op.actor.stored();
        let number: Option<&NumberWanted> = left.number.as_ref();
        let intent = left.intent.as_ref();
        Self {
            log_ids: changes.iter().map(|_| tx.op.source.uuid()).collect(),
            actions: changes.iter().map(|c| c.action.to_owned()).collect(),
            kinds: changes.iter().map(|c| c.kind.to_owned()).collect(),
            targets: changes.iter().map(|c| c.id).collect(),
            before: changes.iter().map(|c| c.before.clone()).collect(),
            after: changes.iter().map(|c| c.after.clone()).collect(),
            reasons: changes.iter().map(|c| c.reason.clone()).collect(),
            actor_kind,
            actor_id,
            actor_name,
            address: tx.op.address.map(|a| a.to_string()),
            job_ids: left.jobs.iter().map(|_| tx.op.source.uuid()).collect(),
            job_names: left.jobs.iter().map(|j| j.name.to_owned()).collect(),
            job_payloads: left.jobs.iter().map(|j| j.payload.clone()).collect(),
            job_times: left.jobs.iter().map(|j| j.run_at).collect(),
            series: number.map(|n| n.series.clone()),
            year: number.map_or(0, |n| n.year),
            document: number.map(|n| n.document),
            document_kind: number.map_or("", |n| n.kind),
            intent_id: intent.map(|(i, _)| i.id.uuid()),
            digest: intent.map(|(i, _)| i.digest.to_vec()).unwrap_or_default(),
            answer: intent.map(|(_, a)| a.clone()),
        }
    }
}

/// Hot rows that rise or fall, column by column, in the order of their keys.
struct Hot {
    first: Vec<Uuid>,
    second: Vec<Uuid>,
    lots: Vec<Uuid>,
    quantities: Vec<i64>,
    values: Vec<i64>,
    currencies: Vec<String>,
}

impl Hot {
    fn worth(postings: &Postings, wanted: impl Fn(&(i64, i64, &'static str)) -> bool) -> Self {
        let rows: Vec<_> = postings.worth.iter().filter(|(_, change)| wanted(change)).collect();
        Self {
            first: rows.iter().map(|(key, _)| key.0.uuid()).collect(),
            second: rows.iter().map(|(key, _)| key.1.uuid()).collect(),
            lots: Vec::new(),
            quantities: rows.iter().map(|(_, change)| change.0).collect(),
            values: rows.iter().map(|(_, change)| change.1).collect(),
            currencies: rows.iter().map(|(_, change)| change.2.to_owned()).collect(),
        }
    }

    fn on_hand(postings: &Postings, wanted: impl Fn(i64) -> bool) -> Self {
        let rows: Vec<_> = postings.on_hand.iter().filter(|(_, change)| wanted(**change)).collect();
        Self {
            first: rows.iter().map(|(key, _)| key.0.uuid()).collect(),
            second: rows.iter().map(|(key, _)| key.1.uuid()).collect(),
            lots: rows.iter().map(|(key, _)| lot(key.2)).collect(),
            quantities: rows.iter().map(|(_, change)| **change).collect(),
            values: Vec::new(),
            currencies: Vec::new(),
        }
    }

    /// How many rows, as the statement counts them.
    fn count(&self) -> i64 {
        i64::try_from(self.first.len()).unwrap_or(-1)
    }
}

/// One column of the movements.
fn of_moved<T>(postings: &Postings, column: impl Fn(&Movement) -> T) -> Vec<T> {
    postings.movements.iter().map(|(movement, _)| column(movement)).collect()
}

/// One column of the transfers.
fn of_booked<T>(postings: &Postings, column: impl Fn(&Transfer) -> T) -> Vec<T> {
    postings.transfers.iter().map(column).collect()
}

/// The whole statement: hot rows, movements, transfers, marks of days, and the record that every transaction may leave.
#[expect(clippy::too_many_lines, reason = "one statement, whose parameters are named one a line")]
async fn write_all(tx: &mut Tx, record: &Record, postings: &Postings) -> Result<Option<String>> {
    let (tenant, at, request) = (tx.tenant.uuid(), tx.op.at, tx.op.request.uuid());
    let up = Hot::worth(postings, |change| change.0 > 0 || (change.0 == 0 && change.1 != 0));
    let down = Hot::worth(postings, |change| change.0 < 0);
    let hand_up = Hot::on_hand(postings, |change| change > 0);
    let hand_down = Hot::on_hand(postings, |change| change < 0);
    let mark_ids: Vec<Uuid> = postings.marks.iter().map(|_| tx.op.source.uuid()).collect();
    let (marked_days, marked_at): (Vec<Day>, Vec<At>) = postings.marks.iter().copied().unzip();
    let transfer_ids = of_booked(postings, |_| tx.op.source.uuid());
    let row = sqlx::query_file!(
        "src/settle.sql",
        tenant,
        at,
        request,
        record.actor_kind,
        record.actor_id,
        record.actor_name,
        record.address,
        &record.log_ids,
        &record.actions,
        &record.kinds,
        &record.targets,
        &record.before as &[Option<serde_json::Value>],
        &record.after as &[Option<serde_json::Value>],
        &record.reasons as &[Option<String>],
        &record.job_ids,
        &record.job_names,
        &record.job_payloads,
        &record.job_times as &[At],
        record.series,
        record.year,
        record.document,
        record.document_kind,
        record.intent_id,
        &record.digest,
        record.answer,
        &up.first,
        &up.second,
        &up.quantities,
        &up.values,
        &up.currencies,
        &down.first,
        &down.second,
        &down.quantities,
        &down.values,
        &hand_up.first,
        &hand_up.second,
        &hand_up.lots,
        &hand_up.quantities,
        &hand_down.first,
        &hand_down.second,
        &hand_down.lots,
        &hand_down.quantities,
        &of_moved(postings, |m| m.id.uuid()),
        &of_moved(postings, |m| m.item.uuid()),
        &of_moved(postings, |m| m.site.uuid()),
        &of_moved(postings, |m| m.location.uuid()),
        &of_moved(postings, |m| m.lot.map(|l| l.uuid())) as &[Option<Uuid>],
        &of_moved(postings, |m| m.quantity.micros()),
        &postings.movements.iter().map(|(_, value)| *value).collect::<Vec<_>>(),
        &of_moved(postings, |m| m.currency.code().to_owned()),
        &of_moved(postings, |m| m.cause.code().to_owned()),
        &of_moved(postings, |m| m.document.kind.to_owned()),
        &of_moved(postings, |m| m.document.id),
        &of_moved(postings, |m| m.document.line),
        &of_moved(postings, |m| m.effective_at) as &[At],
        &of_moved(postings, |m| m.day) as &[Day],
        &of_moved(postings, |m| m.corrects.map(|c| c.uuid())) as &[Option<Uuid>],
        &transfer_ids,
        &of_booked(postings, |t| t.debit.uuid()),
        &of_booked(postings, |t| t.credit.uuid()),
        &of_booked(postings, |t| t.amount),
        &of_booked(postings, |t| t.currency.code().to_owned()),
        &of_booked(postings, |t| t.document.kind.to_owned()),
        &of_booked(postings, |t| t.document.id),
        &of_booked(postings, |t| t.document.line),
        &of_booked(postings, |t| t.effective_at) as &[At],
        &of_booked(postings, |t| t.day) as &[Day],
        &mark_ids,
        &marked_days as &[Day],
        &marked_at as &[At],
    )
    .fetch_one(tx.conn())
    .await?;
    // Every hot row that had to fall must have been there: one that was not means too little at that location.
    if row.worth_down != down.count() || row.hand_down != hand_down.count() {
        return Err(Error::rule("stock.short"));
    }
    Ok(row.number)
}

fn lot(lot: Option<LotId>) -> Uuid {
    lot.map_or(Uuid::nil(), LotId::uuid)
}

/// The same without postings: what most commands leave.
async fn write_record(tx: &mut Tx, left: &Left) -> Result<Option<String>> {
    let record = Record::of(tx, left);
    let (tenant, at, request) = (tx.tenant.uuid(), tx.op.at, tx.op.request.uuid());
    let row = sqlx::query_file!(
        "src/record.sql",
        tenant,
        at,
        request,
        record.actor_kind,
        record.actor_id,
        record.actor_name,
        record.address,
        &record.log_ids,
        &record.actions,
        &record.kinds,
        &record.targets,
        &record.before as &[Option<serde_json::Value>],
        &record.after as &[Option<serde_json::Value>],
        &record.reasons as &[Option<String>],
        &record.job_ids,
        &record.job_names,
        &record.job_payloads,
        &record.job_times as &[At],
        record.series,
        record.year,
        record.document,
        record.document_kind,
        record.intent_id,
        &record.digest,
        record.answer,
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(row.number)
}
