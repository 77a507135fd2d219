//! What a person looks at before they confirm: the first lines as they were read, and a choice for each column.

use kernel::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tables::{Assigned, ColumnRef, DateOrder, Decimal, Format, Mapping, Mark, Part, Role, SaleLine};
use web::Fields;

use super::understand::Reading;

/// Lines of the sample.
const SAMPLE: usize = 8;
/// Lines that are looked at before anything is tried. A file may hold more than can be read while a person waits for its page.
const FIRST: usize = 1_000;
/// Columns of a file that a page lets one change; the others stay as they were taken.
pub(super) const COLUMNS: usize = 60;

/// A line as it was read.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Sample {
    pub line: u64,
    pub ticket: Option<String>,
    pub at: String,
    pub item: String,
    pub quantity: String,
    pub price: Option<String>,
    pub amount: Option<String>,
}

/// Adds lines to a sample that is not full.
pub(super) fn add(sample: &mut Vec<Sample>, lines: &[SaleLine]) {
    let room = SAMPLE.saturating_sub(sample.len());
    sample.extend(lines.iter().take(room).map(|line| Sample {
        line: line.line_no,
        ticket: super::lines::own_id(line).map(str::to_owned),
        at: if line.time_known { line.at.strftime("%Y-%m-%d %H:%M:%S").to_string() } else { line.at.date().to_string() },
        item: line.item.clone(),
        quantity: line.quantity.normalized().to_string(),
        price: line.unit_price.map(|d| d.to_string()),
        amount: line.amount().map(|amount| like(amount, line).to_string()),
    }));
}

/// An amount with as many decimals as the prices beside it.
fn like(amount: Decimal, line: &SaleLine) -> Decimal {
    let scale = line.unit_price.or(line.line_total).map_or(0, Decimal::scale);
    amount.units_at(scale).and_then(|units| Decimal::new(units, scale)).unwrap_or(amount)
}

/// The first lines by a mapping, of files that were not imported before. To be called where blocking is allowed.
pub(super) fn first_lines(reading: &Reading) -> Result<Vec<SaleLine>> {
    let mut first = Vec::new();
    for line in reading.lines()?.take(FIRST) {
        first.extend(line.map_err(super::table_error)?.ok().filter(|line| !reading.known.contains(&*line.file)));
    }
    Ok(first)
}

/// A column as the page shows it.
pub(super) struct Shown {
    pub name: String,
    pub examples: String,
    pub format: Format,
    pub empty_words: Vec<String>,
}

/// The columns of a file as it was profiled.
pub(super) fn columns(profiles: &Value, file: &str) -> Vec<Shown> {
    let all = profiles.as_array().map_or(&[][..], Vec::as_slice);
    let found = all.iter().find(|p| p.get("name").and_then(Value::as_str) == Some(file));
    let columns = found.and_then(|p| p.get("columns")).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    columns.iter().map(shown).collect()
}

fn shown(column: &Value) -> Shown {
    let words = |name: &str| column.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let examples: Vec<String> = words("examples").iter().filter_map(Value::as_str).take(3).map(str::to_owned).collect();
    Shown {
        name: column.get("name").and_then(Value::as_str).unwrap_or_default().to_owned(),
        examples: examples.join(" · "),
        format: column.get("format").cloned().and_then(|f| serde_json::from_value(f).ok()).unwrap_or(Format::Text),
        empty_words: words("empty_words").iter().filter_map(|pair| pair.get(0)?.as_str().map(str::to_owned)).collect(),
    }
}

/// How a column could be read: the word in the form, and the text that says it.
pub(super) const FORMATS: &[(&str, &str)] = &[
    ("ymd", "import-format-ymd"),
    ("dmy", "import-format-dmy"),
    ("mdy", "import-format-mdy"),
    ("dot", "import-format-dot"),
    ("comma", "import-format-comma"),
];

/// The word of a format.
pub(super) fn format_word(format: Format) -> &'static str {
    match format {
        Format::Date { order } | Format::Datetime { order } => match order {
            DateOrder::YearMonthDay => "ymd",
            DateOrder::DayMonthYear => "dmy",
            DateOrder::MonthDayYear => "mdy",
        },
        Format::Number { mark: Mark::Dot } => "dot",
        Format::Number { mark: Mark::Comma } => "comma",
        Format::Text | Format::Time => "",
    }
}

/// How a column of a role is read, by the word that a person chose.
fn format(role: Role, word: &str) -> Format {
    let order = match word {
        "dmy" => DateOrder::DayMonthYear,
        "mdy" => DateOrder::MonthDayYear,
        _ => DateOrder::YearMonthDay,
    };
    let mark = if word == "comma" { Mark::Comma } else { Mark::Dot };
    match role {
        Role::Date => Format::Date { order },
        Role::Datetime => Format::Datetime { order },
        Role::Time => Format::Time,
        Role::Quantity | Role::UnitPrice | Role::LineTotal | Role::Discount | Role::Tax => Format::Number { mark },
        _ => Format::Text,
    }
}

/// The mapping that a form says: `role.<file>.<column>` and `format.<file>.<column>`, counted from 0. Columns that the form
/// does not name stay as they were.
pub(super) fn mapping(fields: &Fields, old: &Mapping, profiles: &Value) -> Result<Mapping> {
    let mut mapping = old.clone();
    let first_lines = old.files.iter().find(|f| f.part == Part::Lines).map(|f| f.name.as_str());
    for (f, file) in old.files.iter().enumerate() {
        let other_lines = file.part == Part::Lines && first_lines != Some(&file.name);
        if file.part == Part::Unused || other_lines {
            continue;
        }
        for (c, column) in columns(profiles, &file.name).into_iter().take(COLUMNS).enumerate() {
            let name = format!("role.{f}.{c}");
            let Some(said) = fields.every(&name).next() else { continue };
            let here = ColumnRef::Name(column.name.clone());
            let before = mapping.columns.iter().position(|a| a.file == file.name && a.column == here);
            let before = before.map(|at| mapping.columns.remove(at));
            if said.is_empty() {
                continue;
            }
            let role = Role::ALL.into_iter().find(|r| r.name() == said).ok_or_else(|| Error::field(name.clone(), "choice.unknown"))?;
            let empty_words = before.map_or(column.empty_words, |b| b.empty_words);
            let format = format(role, fields.get(&format!("format.{f}.{c}")));
            mapping.columns.push(Assigned { role, file: file.name.clone(), column: here, format, empty_words });
        }
    }
    Ok(mapping)
}
