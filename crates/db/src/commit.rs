//! What every business transaction leaves behind, written in two statements: one locks the hot stock rows in the order of
//! their keys and reads what they are worth, one writes movements, transfers, log, jobs, number and intent together.
//! This is the only writer of `stock.movement`, `stock.worth`, `stock.on_hand` and `ledger.transfer`: no slice can move
//! stock without its booking, or book without its document.

use std::collections::BTreeMap;

use kernel::{Actor, BookId, Day, DocumentRef, Error, ItemId, LocationId, LotId, Movement, Quantity, Result, SiteId, Transfer, Valuation, account};
use uuid::Uuid;

use crate::{
    Tx,
    tx::{Left, NumberWanted},
};

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
    /// Days whose kept totals these postings spoil.
    dirty: Vec<Day>,
}

/// Writes what `tx` collected, but does not commit. Returns the number taken.
pub(crate) async fn settle(tx: &mut Tx) -> Result<Option<String>> {
    let left = std::mem::take(&mut tx.left);
    if left.movements.is_empty() && left.transfers.is_empty() {
        if left.changes.is_empty() && left.jobs.is_empty() && left.number.is_none() && left.intent.is_none() {
            return Ok(None);
        }
        return write_record(tx, &left).await;
    }
    let postings = value_postings(tx, &left).await?;
    write_all(tx, &left, &postings).await
}

/// Locks what will change, reads its worth, and works out each movement's value and the bookings that follow.
async fn value_postings(tx: &mut Tx, left: &Left) -> Result<Postings> {
    let mut keys: Vec<(SiteId, ItemId)> =
        left.movements.iter().filter(|m| !matches!(m.valuation, Valuation::InPassing(_))).map(|m| (m.site, m.item)).collect();
    keys.sort_unstable();
    keys.dedup();
    let (sites, items): (Vec<Uuid>, Vec<Uuid>) = keys.iter().map(|(s, i)| (s.uuid(), i.uuid())).unzip();
    let tenant = tx.tenant.uuid();
    let rows = sqlx::query!(
        r#"SELECT t.closed_through, t.sealing_through, w.site_id AS "site_id?", w.item_id AS "item_id?", w.quantity AS "quantity?", w.value AS "value?"
        FROM db.tenant t LEFT JOIN LATERAL (
            SELECT w.site_id, w.item_id, w.quantity, w.value
            FROM stock.worth w JOIN unnest($2::uuid[], $3::uuid[]) AS k (site_id, item_id) ON k.site_id = w.site_id AND k.item_id = w.item_id
            WHERE w.tenant_id = $1 ORDER BY w.site_id, w.item_id FOR UPDATE OF w) w ON true
        WHERE t.id = $1"#,
        tenant,
        &sites,
        &items
    )
    .fetch_all(tx.conn())
    .await?;
    let first = rows.first().ok_or(Error::NotFound)?;
    let (closed, sealing) = (first.closed_through, first.sealing_through);
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
    postings.days(closed, sealing)?;
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
            -Movement::issue_value(wanted, there, on_hand.value).map_err(|e| e.at(format!("lines.{}.quantity", movement.document.line - 1)))?
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

    /// Refuses closed days and days out of this world; notes days whose totals are kept.
    fn days(&mut self, closed: Option<Day>, sealing: Option<Day>) -> Result<()> {
        let mut days: Vec<Day> = self.movements.iter().map(|(m, _)| m.day).chain(self.transfers.iter().map(|t| t.day)).collect();
        days.sort_unstable();
        days.dedup();
        if days.iter().any(|day| !day.is_sane()) {
            return Err(Error::rule("day.out_of_range"));
        }
        if days.iter().any(|day| closed.is_some_and(|closed| *day <= closed)) {
            return Err(Error::rule("day.closed"));
        }
        self.dirty = days.into_iter().filter(|day| sealing.is_some_and(|sealing| *day <= sealing)).collect();
        Ok(())
    }
}

/// One transfer per document, pair of accounts and day: a sale of five lines books its cost once.
fn gathered(transfers: Vec<Transfer>) -> Result<Vec<Transfer>> {
    let mut order: Vec<(DocumentRef, BookId, BookId, Day)> = Vec::new();
    let mut sums: BTreeMap<(Uuid, BookId, BookId, Day), Transfer> = BTreeMap::new();
    for transfer in transfers {
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

/// The columns of the log entries, jobs, dirty days, number and intent, as both statements take them.
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
    actor_name: Option<&'static str>,
    address: Option<String>,
    job_ids: Vec<Uuid>,
    job_names: Vec<String>,
    job_payloads: Vec<serde_json::Value>,
    job_times: Vec<kernel::At>,
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
        let (actor_kind, actor_id, actor_name) = match tx.op.actor {
            Actor::Account(account) => ("account", Some(account.uuid()), None),
            Actor::Program(name) => ("program", None, Some(name)),
            Actor::Nobody => ("nobody", None, None),
        };
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

/// The whole statement. `RECORD` is what every transaction may leave; postings come before it.
async fn write_all(tx: &mut Tx, left: &Left, postings: &Postings) -> Result<Option<String>> {
    let record = Record::of(tx, left);
    let (tenant, at, request) = (tx.tenant.uuid(), tx.op.at, tx.op.request.uuid());
    let up: Vec<_> = postings.worth.iter().filter(|(_, d)| d.0 > 0 || (d.0 == 0 && d.1 != 0)).collect();
    let down: Vec<_> = postings.worth.iter().filter(|(_, d)| d.0 < 0).collect();
    let hand_up: Vec<_> = postings.on_hand.iter().filter(|(_, d)| **d > 0).collect();
    let hand_down: Vec<_> = postings.on_hand.iter().filter(|(_, d)| **d < 0).collect();
    let moved = &postings.movements;
    let booked = &postings.transfers;
    let dirty_ids: Vec<Uuid> = postings.dirty.iter().map(|_| tx.op.source.uuid()).collect();
    let transfer_ids: Vec<Uuid> = booked.iter().map(|_| tx.op.source.uuid()).collect();
    let answered = record.answer.clone();
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
        &record.job_times as &[kernel::At],
        record.series,
        record.year,
        record.document,
        record.document_kind,
        record.intent_id,
        &record.digest,
        answered,
        &up.iter().map(|(k, _)| k.0.uuid()).collect::<Vec<_>>(),
        &up.iter().map(|(k, _)| k.1.uuid()).collect::<Vec<_>>(),
        &up.iter().map(|(_, d)| d.0).collect::<Vec<_>>(),
        &up.iter().map(|(_, d)| d.1).collect::<Vec<_>>(),
        &up.iter().map(|(_, d)| d.2.to_owned()).collect::<Vec<_>>(),
        &down.iter().map(|(k, _)| k.0.uuid()).collect::<Vec<_>>(),
        &down.iter().map(|(k, _)| k.1.uuid()).collect::<Vec<_>>(),
        &down.iter().map(|(_, d)| d.0).collect::<Vec<_>>(),
        &down.iter().map(|(_, d)| d.1).collect::<Vec<_>>(),
        &hand_up.iter().map(|(k, _)| k.0.uuid()).collect::<Vec<_>>(),
        &hand_up.iter().map(|(k, _)| k.1.uuid()).collect::<Vec<_>>(),
        &hand_up.iter().map(|(k, _)| lot(k.2)).collect::<Vec<_>>(),
        &hand_up.iter().map(|(_, d)| **d).collect::<Vec<_>>(),
        &hand_down.iter().map(|(k, _)| k.0.uuid()).collect::<Vec<_>>(),
        &hand_down.iter().map(|(k, _)| k.1.uuid()).collect::<Vec<_>>(),
        &hand_down.iter().map(|(k, _)| lot(k.2)).collect::<Vec<_>>(),
        &hand_down.iter().map(|(_, d)| **d).collect::<Vec<_>>(),
        &moved.iter().map(|(m, _)| m.id.uuid()).collect::<Vec<_>>(),
        &moved.iter().map(|(m, _)| m.item.uuid()).collect::<Vec<_>>(),
        &moved.iter().map(|(m, _)| m.site.uuid()).collect::<Vec<_>>(),
        &moved.iter().map(|(m, _)| m.location.uuid()).collect::<Vec<_>>(),
        &moved.iter().map(|(m, _)| m.lot.map(|l| l.uuid())).collect::<Vec<_>>() as &[Option<Uuid>],
        &moved.iter().map(|(m, _)| m.quantity.micros()).collect::<Vec<_>>(),
        &moved.iter().map(|(_, v)| *v).collect::<Vec<_>>(),
        &moved.iter().map(|(m, _)| m.currency.code().to_owned()).collect::<Vec<_>>(),
        &moved.iter().map(|(m, _)| m.cause.code().to_owned()).collect::<Vec<_>>(),
        &moved.iter().map(|(m, _)| m.document.kind.to_owned()).collect::<Vec<_>>(),
        &moved.iter().map(|(m, _)| m.document.id).collect::<Vec<_>>(),
        &moved.iter().map(|(m, _)| m.document.line).collect::<Vec<_>>(),
        &moved.iter().map(|(m, _)| m.effective_at).collect::<Vec<_>>() as &[kernel::At],
        &moved.iter().map(|(m, _)| m.day).collect::<Vec<_>>() as &[Day],
        &moved.iter().map(|(m, _)| m.corrects.map(|c| c.uuid())).collect::<Vec<_>>() as &[Option<Uuid>],
        &transfer_ids,
        &booked.iter().map(|t| t.debit.uuid()).collect::<Vec<_>>(),
        &booked.iter().map(|t| t.credit.uuid()).collect::<Vec<_>>(),
        &booked.iter().map(|t| t.amount).collect::<Vec<_>>(),
        &booked.iter().map(|t| t.currency.code().to_owned()).collect::<Vec<_>>(),
        &booked.iter().map(|t| t.document.kind.to_owned()).collect::<Vec<_>>(),
        &booked.iter().map(|t| t.document.id).collect::<Vec<_>>(),
        &booked.iter().map(|t| t.document.line).collect::<Vec<_>>(),
        &booked.iter().map(|t| t.effective_at).collect::<Vec<_>>() as &[kernel::At],
        &booked.iter().map(|t| t.day).collect::<Vec<_>>() as &[Day],
        &dirty_ids,
        &postings.dirty as &[Day],
    )
    .fetch_one(tx.conn())
    .await?;
    // Every hot row that had to fall must have been there: one that was not means too little at that location.
    if row.worth_down != i64::try_from(down.len()).unwrap_or(-1) || row.hand_down != i64::try_from(hand_down.len()).unwrap_or(-1) {
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
        &record.job_times as &[kernel::At],
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
