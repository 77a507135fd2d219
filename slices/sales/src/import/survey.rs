//! The first reading: which items the files sell, so that they are found or made before the first line is written.

use std::collections::HashMap;

use db::Tx;
use jiff::civil::Date;
use kernel::{Currency, Day, Error, ItemId, Result};
use tables::SaleLine;
use web::t;

use super::{
    measure::{Fault, measure},
    place::{self, Item, Place},
    stops,
    understand::{Reading, blocking},
};

/// The most items of one import. A column that holds something else for each line is no item.
const MOST_ITEMS: usize = 20_000;

/// An item as the files name it.
pub(super) struct Seen {
    name: String,
    code: Option<String>,
    category: Option<String>,
    /// Minor units of one, as it was sold last.
    price: Option<i64>,
}

/// What the first reading found.
pub(super) struct Survey {
    seen: Vec<Seen>,
    index: HashMap<String, usize>,
    first: Option<Date>,
    /// A line was refused for a reason that stops the import.
    pub stops: bool,
}

/// By what a line's item is known within an import.
fn key(line: &SaleLine, key: &mut String) {
    key.clear();
    key.push_str(line.item_code.as_deref().unwrap_or_default());
    key.push('\u{1f}');
    key.push_str(&line.item);
}

/// What is wrong with the words of an item.
pub(super) fn item_fault(line: &SaleLine) -> Option<Fault> {
    if line.item.chars().count() > 200 {
        return Some(("text.too_long", t("import-why-item-long")));
    }
    let control = |text: &str| text.chars().any(char::is_control);
    if control(&line.item) || line.item_code.as_deref().is_some_and(control) {
        return Some(("text.control", t("import-why-item-signs")));
    }
    None
}

impl Survey {
    /// Reads everything once.
    pub async fn read(reading: Reading, place: Place) -> Result<Self> {
        blocking(move || {
            let mut survey = Self { seen: Vec::new(), index: HashMap::new(), first: None, stops: false };
            let mut buffer = String::new();
            for line in reading.lines()? {
                match line.map_err(super::table_error)? {
                    Ok(line) if reading.known.contains(&*line.file) => {}
                    Ok(line) => survey.take(line, place.currency, &mut buffer)?,
                    Err(refused) => survey.stops |= stops(refused.code),
                }
            }
            Ok(survey)
        })
        .await
    }

    fn take(&mut self, line: SaleLine, currency: Currency, buffer: &mut String) -> Result<()> {
        let Ok(measured) = measure(&line, currency) else {
            self.stops = true;
            return Ok(());
        };
        if item_fault(&line).is_some() {
            self.stops = true;
            return Ok(());
        }
        self.first = Some(self.first.map_or(line.at.date(), |first| first.min(line.at.date())));
        key(&line, buffer);
        let price = measured.unit_price.filter(|_| measured.quantity.micros() > 0);
        if let Some(n) = self.index.get(buffer.as_str()) {
            let seen = &mut self.seen[*n];
            seen.price = price.or(seen.price);
            if seen.category.is_none() {
                seen.category = line.category;
            }
            return Ok(());
        }
        if self.seen.len() == MOST_ITEMS {
            return Err(Error::rule("import.too_many_items"));
        }
        self.index.insert(buffer.clone(), self.seen.len());
        self.seen.push(Seen { name: line.item, code: line.item_code, category: line.category, price });
        Ok(())
    }
}

/// The items of an import, found or made.
pub(super) struct Items {
    index: HashMap<String, usize>,
    /// None: nothing is called that here, and nothing has a price for it.
    all: Vec<Option<Item>>,
    pub made: u64,
    buffer: String,
}

impl Items {
    /// Finds the items of a survey by code, then by name; makes those that the files price.
    pub async fn find_or_make(tx: &mut Tx, survey: Survey, place: &Place, cost_percent: i32) -> Result<Self> {
        let Survey { seen, index, first, .. } = survey;
        let mut ids = find(tx, &seen).await?;
        let missing: Vec<usize> = (0..seen.len()).filter(|n| ids[*n].is_none() && seen[*n].price.is_some()).collect();
        let past: Vec<catalog::PastItem> = missing.iter().map(|n| seen[*n].past(place, cost_percent)).collect();
        let from = first.map_or_else(|| Day::from(place.zone.local(place.now).date()), Day::from);
        let made = if past.is_empty() { Vec::new() } else { catalog::match_or_make(tx, &past, place.list, from).await? };
        for (n, id) in missing.iter().zip(&made) {
            ids[*n] = Some(*id);
        }
        let mut different = made;
        different.sort_unstable();
        different.dedup();
        let known: Vec<ItemId> = ids.iter().flatten().copied().collect();
        let mut read = place::items(tx, place, &known).await?.into_iter();
        let all = ids.iter().map(|id| id.and_then(|_| read.next())).collect();
        Ok(Self { index, all, made: u64::try_from(different.len()).unwrap_or(0), buffer: String::new() })
    }

    /// The number of a line's item.
    pub fn of(&mut self, line: &SaleLine) -> Option<usize> {
        key(line, &mut self.buffer);
        self.index.get(self.buffer.as_str()).copied().filter(|n| self.all[*n].is_some())
    }

    /// The item of a number that [`Items::of`] gave.
    pub fn get(&self, n: usize) -> Result<&Item> {
        self.all.get(n).and_then(Option::as_ref).ok_or_else(|| Error::Internal("an item got lost".into()))
    }
}

/// So many percent of a price, rounded to the nearest minor unit.
fn share(price: i64, percent: i32) -> i64 {
    i64::try_from((i128::from(price) * i128::from(percent) + 50) / 100).unwrap_or(0)
}

impl Seen {
    fn past(&self, place: &Place, cost_percent: i32) -> catalog::PastItem {
        let fits = |text: &Option<String>, most: usize| {
            text.clone().filter(|t| !t.is_empty() && t.chars().count() <= most && !t.chars().any(char::is_control))
        };
        let price = self.price.unwrap_or(0);
        catalog::PastItem {
            name: self.name.clone(),
            sku: fits(&self.code, 60),
            category: fits(&self.category, 100),
            unit_price: Some(price),
            // A standard cost is in the business's currency, and the files tell none of it at a site of another one.
            standard_cost: if place.own_currency { share(price, cost_percent) } else { 0 },
        }
    }
}

/// Items that are here already: by code, then by exact name.
async fn find(tx: &mut Tx, seen: &[Seen]) -> Result<Vec<Option<ItemId>>> {
    let tenant = tx.tenant().uuid();
    let names: Vec<String> = seen.iter().map(|s| s.name.clone()).collect();
    let codes: Vec<String> = seen.iter().filter_map(|s| s.code.clone()).collect();
    let rows = sqlx::query!(
        r#"SELECT id AS "id!", name AS "name!", sku FROM catalog.item WHERE tenant_id = $1 AND name = ANY($2)
        UNION SELECT id, name, sku FROM catalog.item WHERE tenant_id = $1 AND sku = ANY($3)"#,
        tenant,
        &names,
        &codes
    )
    .fetch_all(tx.conn())
    .await?;
    let by_code: HashMap<&str, ItemId> = rows.iter().filter_map(|r| Some((r.sku.as_deref()?, ItemId::new(r.id)))).collect();
    let by_name: HashMap<&str, ItemId> = rows.iter().map(|r| (r.name.as_str(), ItemId::new(r.id))).collect();
    let of = |s: &Seen| s.code.as_deref().and_then(|code| by_code.get(code)).or_else(|| by_name.get(s.name.as_str())).copied();
    Ok(seen.iter().map(of).collect())
}
