//! The second reading, on a thread of its own: lines come in tickets, tickets in chunks, and no more than three chunks
//! are held at a time.

use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    hash::{DefaultHasher, Hash, Hasher},
};

use kernel::Result;
use tables::SaleLine;
use tokio::sync::mpsc;
use web::{t, tf};

use super::{refused::NotTaken, understand::Reading};

/// Lines of a chunk; a ticket that begins in it ends in it.
const CHUNK: usize = 2_000;
/// The most lines of one ticket. A column that holds the same for ever is no ticket.
const MOST_LINES: usize = 5_000;
/// Lines of one ticket lie at most so far apart; tills begin to count anew, and then a number means another ticket.
const HOURS: i64 = 12;

/// Whole tickets in the order of the files.
#[derive(Default)]
pub(super) struct Batch {
    pub tickets: Vec<Vec<SaleLine>>,
    pub refused: Vec<NotTaken>,
    /// Lines that another file of this import, or an earlier import of the same file, has already.
    pub skipped: u64,
    /// Lines read so far, and in all.
    pub read: u64,
    pub of: u64,
    lines: usize,
}

/// The source's own id of a line's order: the ticket, or the line's own where there are no tickets.
pub(super) fn own_id(line: &SaleLine) -> Option<&str> {
    line.ticket.as_deref().or(line.source_line_id.as_deref())
}

/// A line that was read but can't be taken.
pub(super) fn refused(line: &SaleLine, code: &'static str, reason: String) -> NotTaken {
    let raw = [own_id(line).unwrap_or_default(), &line.at.to_string(), &line.item, &line.quantity.to_string()].join(" | ");
    NotTaken { file: line.file.to_string(), line: line.line_no, code, reason, raw }
}

/// Reads to the end and sends what it read; ends early when nobody listens any more.
pub(super) fn send(reading: &Reading, to: &mpsc::Sender<Result<Batch>>) {
    let result = (|| -> Result<()> {
        let mut lines = reading.lines()?;
        let mut tickets = Tickets { several: reading.line_files().len() > 1, ..Tickets::default() };
        let mut batch = Batch::default();
        while let Some(line) = lines.next() {
            match line.map_err(super::table_error)? {
                Ok(line) if reading.known.contains(&*line.file) => batch.skipped += 1,
                Ok(line) => tickets.take(line, &mut batch),
                Err(refused) => batch.refused.push(refused.into()),
            }
            if batch.lines + batch.refused.len() >= CHUNK {
                (batch.read, batch.of) = lines.progress();
                if to.blocking_send(Ok(std::mem::take(&mut batch))).is_err() {
                    return Ok(());
                }
            }
        }
        tickets.end(&mut batch);
        (batch.read, batch.of) = lines.progress();
        // Nobody listens any more: there is nobody to tell, either.
        let _ = to.blocking_send(Ok(batch));
        Ok(())
    })();
    if let Err(error) = result {
        let _ = to.blocking_send(Err(error));
    }
}

/// Puts lines that follow each other into tickets, and knows which tickets were there before.
#[derive(Default)]
struct Tickets {
    open: Vec<SaleLine>,
    /// Hashes of file, ticket and day: a ticket comes once in a file.
    ended: HashSet<u64>,
    /// Hashes of ticket and moment with the number of their file: files may overlap.
    moments: HashMap<u64, u32>,
    /// There are several files with lines.
    several: bool,
    file: u32,
}

fn hash(of: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

impl Tickets {
    fn take(&mut self, line: SaleLine, batch: &mut Batch) {
        if !self.open.first().is_some_and(|first| together(first, &line)) {
            let next_file = self.open.first().is_some_and(|first| first.file != line.file);
            self.end(batch);
            self.file += u32::from(next_file);
        }
        if self.open.len() == MOST_LINES {
            let reason = tf("import-why-ticket-long", &[("most", &MOST_LINES.to_string())]);
            batch.refused.push(refused(&line, "lines.too_many", reason));
            return;
        }
        self.open.push(line);
    }

    /// Ends the ticket that is open.
    fn end(&mut self, batch: &mut Batch) {
        let ticket = std::mem::take(&mut self.open);
        let Some(first) = ticket.first() else { return };
        if let Some(id) = own_id(first).filter(|_| self.several) {
            match self.moments.entry(hash((id, first.at))) {
                Entry::Occupied(entry) if *entry.get() != self.file => {
                    batch.skipped += ticket.len() as u64;
                    return;
                }
                Entry::Occupied(_) => {}
                Entry::Vacant(entry) => {
                    entry.insert(self.file);
                }
            }
        }
        if first.ticket.is_some() && !self.ended.insert(hash((self.file, &first.ticket, first.at.date()))) {
            let reason = t("import-why-ticket-apart");
            batch.refused.extend(ticket.iter().map(|line| refused(line, "line.ticket_apart", reason.clone())));
            return;
        }
        batch.lines += ticket.len();
        batch.tickets.push(ticket);
    }
}

fn together(first: &SaleLine, next: &SaleLine) -> bool {
    let apart = (next.at.date() - first.at.date()).get_days().abs();
    let near = apart <= 1 && first.at.duration_until(next.at).as_hours().abs() < HOURS;
    first.ticket.is_some() && first.ticket == next.ticket && first.file == next.file && near
}
