//! A file that is looked up in: the cells that are used, packed, and found by their key.

use std::collections::VecDeque;

use crate::column::{cut, join_key, key_hash};
use crate::lines::refused;
use crate::profile::fits;
use crate::rows::Rows;
use crate::{FileProfile, Limits, RefusedLine, Said, Source, TableError};

/// Refused lines of such a file that are kept; more mean that the file is broken.
const REFUSED: usize = 1_000;

/// Rows by key. All text lies in one string; a row is `width` ends of cells in it, the key first.
pub(crate) struct Lookup {
    text: String,
    ends: Vec<u32>,
    width: usize,
    /// Hash of the key and number of the row, sorted.
    index: Vec<(u64, u32)>,
}

impl Lookup {
    /// Loads the key and the `wanted` columns.
    pub(crate) fn load(
        source: &Source,
        file: &FileProfile,
        key: usize,
        wanted: &[usize],
        limits: &Limits,
        bad: &mut VecDeque<RefusedLine>,
    ) -> Result<Self, TableError> {
        let mut lookup = Self { text: String::new(), ends: Vec::new(), width: wanted.len() + 1, index: Vec::new() };
        let too_large = || {
            let reason = Said::LookupLarge { rows: limits.lookup_rows, megabytes: limits.lookup_bytes >> 20 };
            TableError::new(&file.name, "file.lookup_too_large", reason)
        };
        if file.rows > limits.lookup_rows {
            return Err(too_large());
        }
        let mut rows = Rows::open(source, file.encoding, &file.dialect, limits)?;
        let mut row = csv::StringRecord::new();
        let mut count = 0u32;
        while rows.next(&mut row)? {
            let name = join_key(row.get(key).unwrap_or_default());
            if !fits(&row, file.columns.len()) || name.is_empty() {
                let (code, reason) = if name.is_empty() {
                    ("line.unknown_key", Said::RowWithoutKey)
                } else {
                    ("line.cells", Said::RowCells { has: row.len(), wanted: file.columns.len() })
                };
                bad.push_back(refused(source.name(), rows.line, &row, code, reason));
                if bad.len() > REFUSED {
                    return Err(TableError::new(&file.name, "file.lookup_broken", Said::LookupBroken { most: REFUSED }));
                }
                continue;
            }
            lookup.push(name);
            for column in wanted {
                lookup.push(row.get(*column).unwrap_or_default().trim());
            }
            lookup.index.push((key_hash(name), count));
            count += 1;
            if lookup.text.len() > limits.lookup_bytes || u64::from(count) > limits.lookup_rows {
                return Err(too_large());
            }
        }
        lookup.index.sort_unstable();
        lookup.refuse_conflicts(file)?;
        Ok(lookup)
    }

    fn push(&mut self, cell: &str) {
        self.text.push_str(cell);
        self.ends.push(u32::try_from(self.text.len()).unwrap_or(u32::MAX));
    }

    fn refuse_conflicts(&self, file: &FileProfile) -> Result<(), TableError> {
        for pair in self.index.windows(2) {
            let [(hash, a), (next, b)] = [pair[0], pair[1]];
            let conflict =
                hash == next && self.cell(a, 0) == self.cell(b, 0) && (1..self.width).any(|i| self.cell(a, i) != self.cell(b, i));
            if conflict {
                let reason = Said::LookupTwice { key: cut(self.cell(a, 0)) };
                return Err(TableError::new(&file.name, "file.lookup_not_unique", reason));
            }
        }
        Ok(())
    }

    /// A cell of a row: the key is 0, the first wanted column 1.
    pub(crate) fn cell(&self, row: u32, cell: usize) -> &str {
        let at = row as usize * self.width + cell;
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        &self.text[start..self.ends[at] as usize]
    }

    /// The row with a key.
    pub(crate) fn find(&self, key: &str) -> Option<u32> {
        let hash = key_hash(key);
        let start = self.index.partition_point(|(other, _)| *other < hash);
        self.index[start..].iter().take_while(|(other, _)| *other == hash).map(|(_, row)| *row).find(|row| self.cell(*row, 0) == key)
    }
}
