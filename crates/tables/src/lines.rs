//! The sale lines of the files, one at a time and in their order.

use std::collections::VecDeque;
use std::sync::Arc;

use csv::StringRecord;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;

use crate::column::{cut, join_key};
use crate::moment;
use crate::number::read_number;
use crate::profile::fits;
use crate::resolve::{self, Origin, Plan, Slot};
use crate::rows::Rows;
use crate::{DateOrder, Decimal, FileProfile, Format, Limits, Mapping, Mark, RefusedLine, Role, Said, Source, TableError};

/// One line of a past sale, as the file has it. Text is trimmed; a cell that looks like a formula is text.
#[derive(Debug, Clone, PartialEq)]
pub struct SaleLine {
    /// The file's name.
    pub file: Arc<str>,
    /// The line in the file, counted from 1 with the header and blank lines. With the file's digest it is the line's identity.
    pub line_no: u64,
    /// The source's own id of the line.
    pub source_line_id: Option<String>,
    /// The ticket; `12.0` is 12.
    pub ticket: Option<String>,
    /// The day and time on the clock of the place; midnight when `time_known` is false.
    pub at: DateTime,
    /// The file gives the time of day.
    pub time_known: bool,
    /// The distance from UTC, where the cell itself gives it.
    pub offset: Option<Offset>,
    /// The item's name with its parts, such as the size; its code when there is no name. Never empty.
    pub item: String,
    /// The item's code.
    pub item_code: Option<String>,
    /// The item's category.
    pub category: Option<String>,
    /// How many; below zero when taken back.
    pub quantity: Decimal,
    /// The price of one.
    pub unit_price: Option<Decimal>,
    /// The price of the line; below zero when paid back.
    pub line_total: Option<Decimal>,
    /// What was taken off, with the sign that the file gives it.
    pub discount: Option<Decimal>,
    /// The tax of the line.
    pub tax: Option<Decimal>,
    /// The customer.
    pub customer: Option<String>,
    /// Who sold.
    pub seller: Option<String>,
    /// Where.
    pub site: Option<String>,
    /// How it was ordered.
    pub channel: Option<String>,
    /// How it was paid.
    pub payment_method: Option<String>,
}

impl SaleLine {
    /// The line gives goods or money back.
    pub fn is_refund(&self) -> bool {
        self.quantity.is_negative() || self.line_total.is_some_and(Decimal::is_negative)
    }

    /// The price of the line: its total, or quantity times unit price. Discounts are not taken off here, since files differ in
    /// whether the price is before or after them. Nothing when the file has no price, or on overflow.
    pub fn amount(&self) -> Option<Decimal> {
        self.line_total.or_else(|| self.quantity.checked_mul(self.unit_price?))
    }
}

/// Reads the sale lines of the files by a mapping. The files that are looked up in are loaded now, the others are read as the iterator goes.
///
/// # Errors
/// A `mapping.*` code when the mapping does not fit the files, a `file.*` code when a file can't be read or is too large to be looked up in.
pub fn read(sources: &[Source], profiles: &[FileProfile], mapping: &Mapping, limits: &Limits) -> Result<Lines, TableError> {
    let (mut plan, refused) = resolve::plan(sources, profiles, mapping, limits)?;
    let files = std::mem::take(&mut plan.files);
    let total = files.iter().map(|(_, profile)| profile.rows).sum();
    Ok(Lines {
        plan,
        files,
        current: None,
        row: StringRecord::new(),
        hits: Vec::new(),
        refused,
        limits: limits.clone(),
        read: 0,
        total,
        ended: false,
    })
}

/// A file that is being read.
struct Open {
    rows: Rows,
    name: Arc<str>,
    columns: usize,
    left: u64,
}

/// What looking up gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hit {
    Row(u32),
    /// Nothing was to be looked up.
    Empty,
    Unknown,
}

/// The sale lines. An outer error ends the reading: what came before must not be kept. An inner one is a line that was refused.
pub struct Lines {
    plan: Plan,
    files: VecDeque<(Source, FileProfile)>,
    current: Option<Open>,
    row: StringRecord,
    hits: Vec<Hit>,
    refused: VecDeque<RefusedLine>,
    limits: Limits,
    read: u64,
    total: u64,
    ended: bool,
}

/// A line that is refused: its code and what is wrong.
type Fault = (&'static str, Said);

pub(crate) fn refused(file: &str, line_no: u64, row: &StringRecord, code: &'static str, reason: Said) -> RefusedLine {
    let mut raw = String::new();
    for cell in row {
        if raw.len() > 400 {
            raw.push_str(" …");
            break;
        }
        if !raw.is_empty() {
            raw.push_str(" | ");
        }
        raw.push_str(&cut(cell));
    }
    RefusedLine { file: file.to_owned(), line_no, code, reason: Box::new(reason), raw }
}

impl Iterator for Lines {
    type Item = Result<Result<SaleLine, RefusedLine>, TableError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(line) = self.refused.pop_front() {
            return Some(Ok(Err(line)));
        }
        if self.ended {
            return None;
        }
        let next = self.advance().transpose();
        self.ended = !matches!(next, Some(Ok(_)));
        next
    }
}

impl Lines {
    /// Rows read so far, and rows in all files with lines: the two ends of a progress bar.
    pub fn progress(&self) -> (u64, u64) {
        (self.read, self.total)
    }

    fn advance(&mut self) -> Result<Option<Result<SaleLine, RefusedLine>>, TableError> {
        loop {
            let Some(open) = &mut self.current else {
                let Some((source, profile)) = self.files.pop_front() else { return Ok(None) };
                let rows = Rows::open(&source, profile.encoding, &profile.dialect, &self.limits)?;
                self.current = Some(Open { rows, name: source.shared_name(), columns: profile.columns.len(), left: profile.rows });
                continue;
            };
            let more = open.rows.next(&mut self.row)?;
            if more == (open.left == 0) {
                return Err(TableError::new(&open.name, "file.changed", Said::FileChanged));
            }
            if more {
                open.left -= 1;
                self.read += 1;
                return Ok(Some(self.take()));
            }
            self.current = None;
        }
    }

    /// Turns the row that was read into a sale line.
    fn take(&mut self) -> Result<SaleLine, RefusedLine> {
        let Some(open) = &self.current else {
            return Err(refused("", 0, &self.row, "line.cells", Said::LineCells { has: self.row.len(), wanted: 0 }));
        };
        let (name, line_no, columns) = (Arc::clone(&open.name), open.rows.line, open.columns);
        let line = if fits(&self.row, columns) {
            self.look_up();
            self.line(&name, line_no)
        } else {
            Err(("line.cells", Said::LineCells { has: self.row.len(), wanted: columns }))
        };
        line.map_err(|(code, reason)| refused(&name, line_no, &self.row, code, reason))
    }

    fn look_up(&mut self) {
        self.hits.clear();
        for table in &self.plan.tables {
            let hit = match self.cell(&table.pointer) {
                Ok(Some(key)) => table.lookup.find(join_key(key)).map_or(Hit::Unknown, Hit::Row),
                Ok(None) => Hit::Empty,
                Err(hit) => hit,
            };
            self.hits.push(hit);
        }
    }

    /// The content of a cell; nothing when it is blank or holds a word for nothing.
    fn cell(&self, slot: &Slot) -> Result<Option<&str>, Hit> {
        let cell = match slot.origin {
            Origin::Line(column) => self.row.get(column).unwrap_or_default().trim(),
            Origin::Table(table, cell) => match self.hits[table] {
                Hit::Row(row) => self.plan.tables[table].lookup.cell(row, cell),
                Hit::Empty => return Ok(None),
                Hit::Unknown => return Err(Hit::Unknown),
            },
        };
        let empty = cell.is_empty() || slot.empty_words.iter().any(|word| word.eq_ignore_ascii_case(cell));
        Ok((!empty).then_some(cell))
    }

    /// Says which key was not found on the way to a cell.
    fn unknown(&self, slot: &Slot) -> Fault {
        let mut origin = slot.origin;
        while let Origin::Table(at, _) = origin {
            let table = &self.plan.tables[at];
            if let Ok(key) = self.cell(&table.pointer) {
                let (column, key) = (table.pointer.name.clone(), cut(key.unwrap_or_default()));
                return ("line.unknown_key", Said::NotInFile { column, key, file: table.name.clone() });
            }
            origin = table.pointer.origin;
        }
        ("line.unknown_key", Said::NotKnown { column: slot.name.clone() })
    }

    fn text(&self, slot: &Slot) -> Result<Option<&str>, Fault> {
        let Some(cell) = self.cell(slot).map_err(|_| self.unknown(slot))? else { return Ok(None) };
        if cell.contains(['\n', '\r']) {
            return Err(("line.open_quote", Said::LineBreak { column: slot.name.clone() }));
        }
        if cell.len() > self.limits.text_chars && cell.chars().count() > self.limits.text_chars {
            return Err(("line.too_long", Said::LongText { column: slot.name.clone(), most: self.limits.text_chars }));
        }
        Ok(Some(cell))
    }

    fn role_text(&self, role: Role) -> Result<Option<String>, Fault> {
        match self.plan.slot(role) {
            Some(slot) => Ok(self.text(slot)?.map(str::to_owned)),
            None => Ok(None),
        }
    }

    fn id(&self, role: Role) -> Result<Option<String>, Fault> {
        match self.plan.slot(role) {
            Some(slot) => Ok(self.text(slot)?.map(|cell| join_key(cell).to_owned())),
            None => Ok(None),
        }
    }

    fn number(&self, role: Role) -> Result<Option<Decimal>, Fault> {
        let Some(slot) = self.plan.slot(role) else { return Ok(None) };
        let Some(cell) = self.text(slot)? else { return Ok(None) };
        let mark = if let Format::Number { mark } = slot.format { mark } else { Mark::Dot };
        match read_number(cell, mark) {
            Some(number) => Ok(Some(number)),
            None => {
                let said = Said::NotNumber { column: slot.name.clone(), cell: cut(cell), sample: mark.sample() };
                Err(("line.bad_number", said))
            }
        }
    }

    fn quantity(&self) -> Result<Decimal, Fault> {
        match (self.number(Role::Quantity)?, self.plan.slot(Role::Quantity)) {
            (Some(quantity), _) => Ok(quantity),
            (None, None) => Ok(Decimal::ONE),
            (None, Some(slot)) => Err(("line.bad_number", empty(slot))),
        }
    }

    fn line(&self, file: &Arc<str>, line_no: u64) -> Result<SaleLine, Fault> {
        let item_code = self.id(Role::ItemId)?;
        let item = self.item(item_code.as_deref())?;
        let (at, time_known, offset) = self.moment()?;
        Ok(SaleLine {
            file: Arc::clone(file),
            line_no,
            source_line_id: self.id(Role::LineId)?,
            ticket: self.id(Role::Ticket)?,
            at,
            time_known,
            offset,
            item,
            item_code,
            category: self.role_text(Role::Category)?,
            quantity: self.quantity()?,
            unit_price: self.number(Role::UnitPrice)?,
            line_total: self.number(Role::LineTotal)?,
            discount: self.number(Role::Discount)?,
            tax: self.number(Role::Tax)?,
            customer: self.role_text(Role::Customer)?,
            seller: self.role_text(Role::Seller)?,
            site: self.role_text(Role::Site)?,
            channel: self.role_text(Role::Channel)?,
            payment_method: self.role_text(Role::PaymentMethod)?,
        })
    }

    fn item(&self, code: Option<&str>) -> Result<String, Fault> {
        let name = match self.plan.slot(Role::Item) {
            Some(slot) => self.text(slot)?,
            None => None,
        };
        let Some(name) = name.or(code) else {
            let slot = self.plan.slot(Role::ItemId).filter(|slot| matches!(slot.origin, Origin::Line(_))).or(self.plan.slot(Role::Item));
            let cell = slot
                .and_then(|slot| if let Origin::Line(column) = slot.origin { self.row.get(column) } else { None })
                .unwrap_or_default()
                .trim();
            let reason = if cell.is_empty() {
                Said::LineWithoutItem
            } else {
                Said::NotItem { column: slot.map_or_else(String::new, |s| s.name.clone()), cell: cut(cell) }
            };
            return Err(("line.no_item", reason));
        };
        let mut item = name.to_owned();
        for slot in self.plan.item_parts() {
            if let Some(part) = self.text(slot)? {
                item.push(' ');
                item.push_str(part);
            }
        }
        Ok(item)
    }

    fn moment(&self) -> Result<(DateTime, bool, Option<Offset>), Fault> {
        if let Some(slot) = self.plan.slot(Role::Datetime) {
            let cell = self.text(slot)?.ok_or_else(|| ("line.bad_date", empty(slot)))?;
            return match moment::split(cell) {
                None => Ok((day(slot, cell)?.to_datetime(Time::midnight()), false, None)),
                Some((date, time)) => {
                    let (time, offset) = clock(slot, time, false)?;
                    Ok((day(slot, date)?.to_datetime(time), true, offset))
                }
            };
        }
        let Some(slot) = self.plan.slot(Role::Date) else { return Err(("line.bad_date", Said::LineWithoutDay)) };
        let cell = self.text(slot)?.ok_or_else(|| ("line.bad_date", empty(slot)))?;
        // A spreadsheet may have put midnight behind every day.
        let date = day(slot, moment::split(cell).map_or(cell, |(date, _)| date))?;
        let Some(slot) = self.plan.slot(Role::Time) else { return Ok((date.to_datetime(Time::midnight()), false, None)) };
        let cell = self.text(slot)?.ok_or_else(|| ("line.bad_time", empty(slot)))?;
        let (time, offset) = clock(slot, moment::split(cell).map_or(cell, |(_, time)| time), true)?;
        Ok((date.to_datetime(time), true, offset))
    }
}

fn empty(slot: &Slot) -> Said {
    Said::CellEmpty { column: slot.name.clone() }
}

fn day(slot: &Slot, cell: &str) -> Result<Date, Fault> {
    let (Format::Date { order } | Format::Datetime { order }) = slot.format else {
        return moment::read_date(cell, DateOrder::YearMonthDay).ok_or_else(|| bad_day(slot, cell, DateOrder::YearMonthDay));
    };
    moment::read_date(cell, order).ok_or_else(|| bad_day(slot, cell, order))
}

fn bad_day(slot: &Slot, cell: &str, order: DateOrder) -> Fault {
    ("line.bad_date", Said::NotDay { column: slot.name.clone(), cell: cut(cell), sample: order.sample() })
}

fn clock(slot: &Slot, cell: &str, dots: bool) -> Result<moment::Clock, Fault> {
    moment::read_time(cell, dots).ok_or_else(|| ("line.bad_time", Said::NotTime { column: slot.name.clone(), cell: cut(cell) }))
}
