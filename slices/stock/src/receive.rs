//! Receiving: what a delivery, a batch or an opening count brings in, as one document.

use std::collections::BTreeMap;

use catalog::{Sellable, StockRule};
use db::{Command, Tx};
use kernel::{
    At, Cause, Change, Currency, Day, DocumentRef, Entered, Error, FieldError, ItemId, LocationId, LotId, Money, Movement, Permission,
    Quantity, ReceiptId, Result, SiteId, Valuation, account,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;
use web::Site;

use crate::{Receipt, TillView, location::site_of, receipt::receipt, till_view};

/// The most lines of one receipt.
const LINES: usize = 500;

/// Where what is received comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ReceiptKind {
    /// From a supplier, who is owed for it.
    Delivery,
    /// Made by ourselves, at its standard cost unless an amount is given.
    Made,
    /// There when the books were opened.
    Opening,
}

impl ReceiptKind {
    /// All of them.
    pub const ALL: &[Self] = &[Self::Delivery, Self::Made, Self::Opening];

    /// The stored word.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Delivery => "delivery",
            Self::Made => "made",
            Self::Opening => "opening",
        }
    }

    const fn contra(self) -> kernel::BookId {
        match self {
            Self::Delivery => account::PAYABLE,
            Self::Made => account::MADE,
            Self::Opening => account::OPENING,
        }
    }

    const fn cause(self) -> Cause {
        match self {
            Self::Made => Cause::Made,
            Self::Delivery | Self::Opening => Cause::Received,
        }
    }
}

impl std::str::FromStr for ReceiptKind {
    type Err = Error;
    fn from_str(code: &str) -> Result<Self> {
        Self::ALL.iter().find(|kind| kind.code() == code).copied().ok_or_else(|| Error::rule("choice.unknown"))
    }
}

/// Receives stock: raises what is on hand and what it is worth, and books it.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReceiveStock {
    /// An id of the client's own choice, so that one received twice is one.
    pub id: Option<ReceiptId>,
    /// Where it comes from.
    pub kind: ReceiptKind,
    /// At which site; the first one unless given.
    pub site_id: Option<SiteId>,
    /// Into which location; the one that the site sells from unless given.
    pub location_id: Option<LocationId>,
    /// Who delivered, as written on the note; at most 200 characters.
    pub supplier: Option<String>,
    /// The note's number; at most 100 characters.
    pub reference: Option<String>,
    /// When it came; now unless this or a day is given.
    pub effective_at: Option<At>,
    /// On which business day, where the time is not known.
    pub day: Option<Day>,
    /// What came, 1 to 500 lines.
    pub lines: Vec<ReceiveLine>,
}

/// One line of what came.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReceiveLine {
    /// Of what.
    pub item_id: ItemId,
    /// How much, in `unit`.
    pub quantity: Quantity,
    /// The item's base unit, a common unit of its kind, or one of its own; the base unit unless given.
    pub unit: Option<String>,
    /// What the whole line cost. Needed unless it was made here.
    pub amount: Option<Money>,
    /// Its lot, where lots are kept.
    pub lot: Option<LotInput>,
}

/// A lot as it is written on the goods.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LotInput {
    /// Its code, at most 100 characters.
    pub code: String,
    /// Best before this day.
    pub best_before: Option<Day>,
}

/// A line as it is posted.
struct Line {
    item: ItemId,
    entered: Entered,
    quantity: Quantity,
    amount: i64,
    lot: Option<LotInput>,
}

/// When something came: the moment and its business day.
fn moment(site: &Site, now: At, at: Option<At>, day: Option<Day>) -> Result<(At, Day)> {
    let of = |at: At| site.zone.business_day(at, site.day_start);
    let (at, day) = match (at, day) {
        (Some(at), Some(day)) if of(at) != day => return Err(Error::rule("day.not_of_time").at("day")),
        (Some(at), _) => (at, of(at)),
        (None, Some(day)) if day != of(now) => (site.zone.start_of(day, site.day_start), day),
        (None, _) => (now, of(now)),
    };
    if !day.is_sane() {
        return Err(Error::rule("day.out_of_range").at("day"));
    }
    if day > of(now) {
        return Err(Error::rule("day.future").at("day"));
    }
    Ok((at, day))
}

/// Optional text, trimmed; at most `most` characters.
fn optional(text: Option<&str>, field: &str, most: usize) -> Result<Option<String>> {
    let text = text.map(str::trim).filter(|text| !text.is_empty());
    match text {
        Some(text) if text.chars().count() > most => Err(Error::field(field, "text.too_long")),
        text => Ok(text.map(str::to_owned)),
    }
}

impl ReceiveLine {
    /// The line, or the field at fault and the code of what is wrong with it.
    fn check(
        &self,
        kind: ReceiptKind,
        sellable: Option<&Sellable>,
        currency: Currency,
        day: Day,
    ) -> Result<Line, (&'static str, &'static str)> {
        let sellable = sellable.ok_or(("itemId", "item.unknown"))?;
        if sellable.stock_rule != StockRule::Stocked {
            return Err(("itemId", "stock.not_stocked"));
        }
        if self.quantity <= Quantity::ZERO {
            return Err(("quantity", "number.positive"));
        }
        let unit = self.unit.as_deref().map(str::trim).filter(|unit| !unit.is_empty()).unwrap_or(&sellable.base_unit);
        let ratio = sellable.ratio(unit).map_err(|error| ("unit", error.code()))?;
        let entered = Entered { quantity: self.quantity, unit: unit.to_owned(), ratio };
        let quantity = entered.base().map_err(|error| ("quantity", error.code()))?;
        if quantity <= Quantity::ZERO {
            return Err(("quantity", "number.positive"));
        }
        let amount = match (self.amount, kind) {
            (Some(amount), _) if amount.currency != currency => return Err(("amount", "money.currency")),
            (Some(amount), _) if amount.minor < 0 => return Err(("amount", "number.not_negative")),
            (Some(amount), _) => amount.minor,
            (None, ReceiptKind::Made) => sellable.standard_value(quantity).map_err(|error| ("quantity", error.code()))?,
            (None, _) => return Err(("amount", "body.missing_field")),
        };
        Ok(Line { item: self.item_id, entered, quantity, amount, lot: self.lot(day)? })
    }

    fn lot(&self, day: Day) -> Result<Option<LotInput>, (&'static str, &'static str)> {
        let Some(lot) = &self.lot else { return Ok(None) };
        let code = lot.code.trim();
        match lot.best_before {
            _ if code.is_empty() => Err(("lot.code", "text.needed")),
            _ if code.chars().count() > 100 => Err(("lot.code", "text.too_long")),
            Some(best) if !best.is_sane() => Err(("lot.bestBefore", "day.out_of_range")),
            Some(best) if best < day => Err(("lot.bestBefore", "lot.past")),
            best_before => Ok(Some(LotInput { code: code.to_owned(), best_before })),
        }
    }
}

impl ReceiveStock {
    fn items(&self) -> Result<Vec<ItemId>> {
        match self.lines.len() {
            0 => Err(Error::field("lines", "lines.needed")),
            n if n > LINES => Err(Error::field("lines", "lines.too_many")),
            _ => Ok(self.lines.iter().map(|line| line.item_id).collect()),
        }
    }

    /// All lines, or everything that is wrong with them.
    fn check(&self, view: &TillView, currency: Currency, day: Day) -> Result<Vec<Line>> {
        let (mut lines, mut wrong): (Vec<Line>, Vec<FieldError>) = (Vec::new(), Vec::new());
        for (n, line) in self.lines.iter().enumerate() {
            // What was made is worth its standard cost, unless it is said; in another currency than the business's there is none.
            let worthless = line.amount.is_none() && !view.own_currency;
            let checked = line.check(self.kind, view.sellables.get(&line.item_id), currency, day);
            match checked.and_then(|line| if worthless { Err(("amount", "body.missing_field")) } else { Ok(line) }) {
                Ok(line) => lines.push(line),
                Err((field, code)) => {
                    if let Error::Invalid(mut errors) = Error::field(format!("lines.{n}.{field}"), code) {
                        wrong.append(&mut errors);
                    }
                }
            }
        }
        if wrong.is_empty() { Ok(lines) } else { Err(Error::Invalid(wrong)) }
    }
}

/// The lots of the lines by item and code, made where they are new. A known lot keeps its date unless one is given.
async fn lots(tx: &mut Tx, lines: &[Line]) -> Result<BTreeMap<(ItemId, String), LotId>> {
    let mut wanted: BTreeMap<(ItemId, &str), Option<Day>> = BTreeMap::new();
    for line in lines {
        if let Some(lot) = &line.lot {
            let best = wanted.entry((line.item, &lot.code)).or_default();
            *best = best.or(lot.best_before);
        }
    }
    if wanted.is_empty() {
        return Ok(BTreeMap::new());
    }
    let ids: Vec<Uuid> = wanted.iter().map(|_| tx.op().source.uuid()).collect();
    let tenant = tx.tenant().uuid();
    let rows = sqlx::query!(
        "INSERT INTO stock.lot AS o (tenant_id, id, item_id, code, best_before)
        SELECT t.id, u.id, u.item_id, u.code, u.best_before
        FROM db.tenant t, unnest($2::uuid[], $3::uuid[], $4::text[], $5::date[]) AS u (id, item_id, code, best_before) WHERE t.id = $1
        ON CONFLICT (tenant_id, item_id, code) DO UPDATE SET best_before = coalesce(excluded.best_before, o.best_before)
        RETURNING id, item_id, code",
        tenant,
        &ids,
        &wanted.keys().map(|(item, _)| item.uuid()).collect::<Vec<_>>(),
        &wanted.keys().map(|(_, code)| (*code).to_owned()).collect::<Vec<_>>(),
        &wanted.values().copied().collect::<Vec<_>>() as &[Option<Day>]
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().map(|row| ((ItemId::new(row.item_id), row.code), LotId::new(row.id))).collect())
}

/// The location that is named, at this site.
async fn location_of(tx: &mut Tx, site: SiteId, wanted: LocationId) -> Result<LocationId> {
    let tenant = tx.tenant().uuid();
    let found = sqlx::query_scalar!(
        "SELECT id FROM stock.location WHERE tenant_id = $1 AND site_id = $2 AND id = $3",
        tenant,
        site.uuid(),
        wanted.uuid()
    )
    .fetch_optional(tx.conn())
    .await?;
    found.map(LocationId::new).ok_or_else(|| Error::rule("location.unknown").at("locationId"))
}

/// Where and when a receipt is posted.
struct Place {
    id: ReceiptId,
    site: SiteId,
    location: LocationId,
    currency: Currency,
    at: At,
    day: Day,
}

impl Command for ReceiveStock {
    const NEEDS: Permission = Permission::StockReceive;
    type Out = Receipt;

    fn intent_id(&self) -> Option<Uuid> {
        self.id.map(ReceiptId::uuid)
    }

    async fn run(self, tx: &mut Tx) -> Result<Receipt> {
        let items = self.items()?;
        let site = site_of(tx, self.site_id).await?;
        let (at, day) = moment(&site, tx.now(), self.effective_at, self.day)?;
        let view = till_view(tx, site.id, &items, day).await?;
        let lines = self.check(&view, site.currency, day)?;
        let location = match self.location_id {
            Some(wanted) => location_of(tx, site.id, wanted).await?,
            None => view.location,
        };
        let place = Place { id: self.id.unwrap_or_else(|| tx.op().id()), site: site.id, location, currency: site.currency, at, day };
        let lots = lots(tx, &lines).await?;
        save(tx, &self, &place, &lines, &lots).await?;
        let movements: Vec<Movement> = lines.iter().enumerate().map(|(n, line)| movement(tx, self.kind, &place, n, line, &lots)).collect();
        tx.post(movements);
        tx.number("R", "receipt", place.id.uuid(), day.date().year());
        let made = receipt(tx, place.id).await?;
        tx.log(Change::of("receipt.received", "receipt", place.id, &made));
        Ok(made.seen_with(tx.op().permissions))
    }
}

fn lot_of(line: &Line, lots: &BTreeMap<(ItemId, String), LotId>) -> Option<LotId> {
    lots.get(&(line.item, line.lot.as_ref()?.code.clone())).copied()
}

fn movement(tx: &Tx, kind: ReceiptKind, place: &Place, n: usize, line: &Line, lots: &BTreeMap<(ItemId, String), LotId>) -> Movement {
    Movement {
        id: tx.op().id(),
        item: line.item,
        site: place.site,
        location: place.location,
        lot: lot_of(line, lots),
        quantity: line.quantity,
        valuation: Valuation::Given(line.amount),
        currency: place.currency,
        cause: kind.cause(),
        document: DocumentRef { kind: "receipt", id: place.id.uuid(), line: i32::try_from(n + 1).unwrap_or(i32::MAX) },
        effective_at: place.at,
        day: place.day,
        contra: kind.contra(),
        corrects: None,
    }
}

async fn save(tx: &mut Tx, asked: &ReceiveStock, place: &Place, lines: &[Line], lots: &BTreeMap<(ItemId, String), LotId>) -> Result<()> {
    let too_large = || Error::rule("number.too_large").at("lines");
    let total = lines.iter().try_fold(0_i64, |sum, line| sum.checked_add(line.amount)).ok_or_else(too_large)?;
    let (supplier, reference) =
        (optional(asked.supplier.as_deref(), "supplier", 200)?, optional(asked.reference.as_deref(), "reference", 100)?);
    let (tenant, now) = (tx.tenant().uuid(), tx.now());
    sqlx::query!(
        r#"WITH head AS (
            INSERT INTO stock.receipt (tenant_id, id, kind, site_id, location_id, supplier, reference, currency, total, effective_at, day, created_at)
            SELECT t.id, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12 FROM db.tenant t WHERE t.id = $1
        )
        INSERT INTO stock.receipt_line (tenant_id, receipt_id, n, item_id, lot_id, quantity, entered_quantity, unit, numerator, denominator, amount)
        SELECT t.id, $2, u.n, u.item_id, u.lot_id, u.quantity, u.entered, u.unit, u.numerator, u.denominator, u.amount
        FROM db.tenant t, unnest($13::uuid[], $14::uuid[], $15::bigint[], $16::bigint[], $17::text[], $18::bigint[], $19::bigint[], $20::bigint[])
            WITH ORDINALITY AS u (item_id, lot_id, quantity, entered, unit, numerator, denominator, amount, n)
        WHERE t.id = $1"#,
        tenant,
        place.id.uuid(),
        asked.kind.code(),
        place.site.uuid(),
        place.location.uuid(),
        supplier,
        reference,
        place.currency.code(),
        total,
        place.at as At,
        place.day as Day,
        now as At,
        &lines.iter().map(|line| line.item.uuid()).collect::<Vec<_>>(),
        &lines.iter().map(|line| lot_of(line, lots).map(LotId::uuid)).collect::<Vec<_>>() as &[Option<Uuid>],
        &lines.iter().map(|line| line.quantity.micros()).collect::<Vec<_>>(),
        &lines.iter().map(|line| line.entered.quantity.micros()).collect::<Vec<_>>(),
        &lines.iter().map(|line| line.entered.unit.clone()).collect::<Vec<_>>(),
        &lines.iter().map(|line| line.entered.ratio.numerator()).collect::<Vec<_>>(),
        &lines.iter().map(|line| line.entered.ratio.denominator()).collect::<Vec<_>>(),
        &lines.iter().map(|line| line.amount).collect::<Vec<_>>()
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shop() -> Site {
        Site {
            id: SiteId::new(Uuid::from_u128(1)),
            name: "Shop".into(),
            zone: "Europe/London".parse().unwrap(),
            day_start: 240.try_into().unwrap(),
            currency: Currency::GBP,
        }
    }

    #[test]
    fn a_receipt_belongs_to_the_business_day_of_its_time() {
        let at = |text: &str| text.parse::<At>().unwrap();
        let day = |text: &str| text.parse::<Day>().unwrap();
        let now = at("2026-11-21T01:00:00Z");
        assert_eq!(moment(&shop(), now, None, None).unwrap(), (now, day("2026-11-20")));
        assert_eq!(moment(&shop(), now, None, Some(day("2026-11-20"))).unwrap(), (now, day("2026-11-20")));
        assert_eq!(moment(&shop(), now, None, Some(day("2026-11-10"))).unwrap(), (at("2026-11-10T04:00:00Z"), day("2026-11-10")));
        let mixed = moment(&shop(), now, Some(at("2026-11-10T12:00:00Z")), Some(day("2026-11-11")));
        assert_eq!(mixed.unwrap_err().code(), "day.not_of_time");
        assert_eq!(moment(&shop(), now, None, Some(day("2026-11-21"))).unwrap_err().code(), "day.future");
        assert_eq!(moment(&shop(), now, None, Some(day("1969-12-31"))).unwrap_err().code(), "day.out_of_range");
    }
}
