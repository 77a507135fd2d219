//! Dates and times as tables write them.

use jiff::civil::{Date, Time};
use jiff::tz::Offset;
use serde::{Deserialize, Serialize};

/// The order of day, month and year in a column. A year of four digits in front, and a month by its name, are read in any order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DateOrder {
    /// 2016-10-30, also 20161030.
    YearMonthDay,
    /// 30/10/2016, 30.10.2016.
    DayMonthYear,
    /// 10/30/2016.
    MonthDayYear,
}

impl DateOrder {
    /// The order as a person writes it down.
    pub fn sample(self) -> &'static str {
        match self {
            Self::YearMonthDay => "YYYY-MM-DD",
            Self::DayMonthYear => "D/MM/YYYY",
            Self::MonthDayYear => "M/DD/YYYY",
        }
    }
}

/// A date as it is written, before the order of its column is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    /// Says itself what is what: the year stands in front.
    Plain(Date),
    /// Says itself what is what: the month is named.
    Named(Date),
    /// Three numbers; the last one is the year unless the order says otherwise.
    Numbers { a: i16, b: i16, c: i16, dotted: bool },
}

impl Written {
    pub(crate) fn read(self, order: DateOrder) -> Option<Date> {
        match self {
            Self::Plain(date) | Self::Named(date) => Some(date),
            Self::Numbers { a, b, c, .. } => match order {
                DateOrder::DayMonthYear => date(full_year(c), b, a),
                DateOrder::MonthDayYear => date(full_year(c), a, b),
                DateOrder::YearMonthDay => (a < 100 && c <= 31).then(|| date(full_year(a), b, c)).flatten(),
            },
        }
    }
}

fn full_year(year: i16) -> i16 {
    match year {
        0..70 => 2000 + year,
        70..100 => 1900 + year,
        _ => year,
    }
}

/// Years outside are slips of the pen, not sales.
fn date(year: i16, month: i16, day: i16) -> Option<Date> {
    if !(1900..=2199).contains(&year) {
        return None;
    }
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

/// English, German, French and Swahili months by their first letters.
const MONTHS: &[(&str, i16)] = &[
    ("jan", 1),
    ("jän", 1),
    ("feb", 2),
    ("fév", 2),
    ("fev", 2),
    ("mar", 3),
    ("mär", 3),
    ("mac", 3),
    ("apr", 4),
    ("avr", 4),
    ("may", 5),
    ("mai", 5),
    ("mei", 5),
    ("juni", 6),
    ("june", 6),
    ("jun", 6),
    ("juin", 6),
    ("juil", 7),
    ("jul", 7),
    ("aug", 8),
    ("aoû", 8),
    ("aou", 8),
    ("ago", 8),
    ("sep", 9),
    ("oct", 10),
    ("okt", 10),
    ("nov", 11),
    ("dec", 12),
    ("dez", 12),
    ("déc", 12),
    ("des", 12),
];

fn month(word: &str) -> Option<i16> {
    let lower = word.trim_end_matches('.').to_lowercase();
    if lower.len() > 12 {
        return None;
    }
    MONTHS.iter().find(|(start, _)| lower.starts_with(start)).map(|(_, month)| *month)
}

/// Splits on one of the separators into exactly three parts.
fn three(text: &str) -> Option<([&str; 3], char)> {
    let separator = text.chars().find(|c| matches!(c, '/' | '-' | '.' | ' '))?;
    let mut parts = text.split(separator).filter(|part| separator != ' ' || !part.is_empty());
    let found = [parts.next()?, parts.next()?, parts.next()?];
    parts.next().is_none().then_some((found, separator))
}

fn small(text: &str) -> Option<i16> {
    (matches!(text.len(), 1 | 2 | 4) && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

/// Reads a date as it is written.
pub(crate) fn written(text: &str) -> Option<Written> {
    let text = text.trim();
    if !text.bytes().any(|b| b.is_ascii_digit()) || text.len() > 30 {
        return None;
    }
    if let Some(([first, second, third], separator)) = three(text)
        && let (Some(a), Some(b), Some(c)) = (small(first), small(second), small(third))
    {
        if second.len() > 2 {
            return None;
        }
        if first.len() == 4 {
            return date(a, b, c).map(Written::Plain);
        }
        let numbers = Written::Numbers { a, b, c, dotted: separator == '.' };
        let orders = [DateOrder::DayMonthYear, DateOrder::MonthDayYear, DateOrder::YearMonthDay];
        return orders.into_iter().any(|order| numbers.read(order).is_some()).then_some(numbers);
    }
    named(text)
}

/// `30 Oct 2016`, `30-Oct-16`, `30. Oktober 2016`, `October 30, 2016`, `Sun 30 Oct 2016`.
fn named(text: &str) -> Option<Written> {
    if !text.chars().any(char::is_alphabetic) {
        return None;
    }
    let mut words: Vec<&str> = text.split([' ', '-', '/', ',', '.']).filter(|word| !word.is_empty()).collect();
    if words.len() == 4 && words[0].chars().all(char::is_alphabetic) {
        words.remove(0);
    }
    let [first, second, year] = words.as_slice() else { return None };
    let (name, day) = if first.chars().all(char::is_alphabetic) { (first, second) } else { (second, first) };
    let day = day.trim_end_matches(|c: char| c.is_ascii_lowercase());
    date(full_year(small(year)?), month(name)?, small(day)?).map(Written::Named)
}

/// 20161030
pub(crate) fn compact(text: &str) -> Option<Date> {
    if text.len() != 8 || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    date(text[..4].parse().ok()?, text[4..6].parse().ok()?, text[6..].parse().ok()?)
}

/// Reads a date in the order of its column.
pub(crate) fn read_date(text: &str, order: DateOrder) -> Option<Date> {
    let text = text.trim();
    match written(text) {
        Some(found) => found.read(order),
        None => compact(text),
    }
}

/// A time of day, with the distance from UTC when the cell gives it.
pub(crate) type Clock = (Time, Option<Offset>);

/// Reads `9:58`, `09:58:11.250`, `11:38:36 AM`, `14h30`, `09:58:11Z`, `09:58+03:00`; with `dots` also `9.58`.
pub(crate) fn read_time(text: &str, dots: bool) -> Option<Clock> {
    let (text, offset) = take_offset(text.trim());
    let (text, half) = take_half(text);
    let mut parts = text.split(|c| c == ':' || c == 'h' || c == 'H' || (dots && c == '.'));
    let (hour, minute) = (parts.next()?, parts.next()?);
    let second = parts.next().unwrap_or("0");
    if parts.next().is_some() || hour.is_empty() || hour.len() > 2 || minute.len() != 2 || second.len() > 12 {
        return None;
    }
    let hour = number(hour)?;
    let hour = match half {
        None => hour,
        Some(_) if hour > 12 => return None,
        Some(afternoon) => hour % 12 + if afternoon { 12 } else { 0 },
    };
    let (second, nanos) = match second.split_once(['.', ',']) {
        Some((whole, fraction)) => (whole, nanoseconds(fraction)?),
        None => (second, 0),
    };
    let time = Time::new(i8::try_from(hour).ok()?, i8::try_from(number(minute)?).ok()?, i8::try_from(number(second)?).ok()?, nanos).ok()?;
    Some((time, offset))
}

fn number(text: &str) -> Option<u32> {
    (!text.is_empty() && text.len() <= 2 && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

fn nanoseconds(fraction: &str) -> Option<i32> {
    if fraction.is_empty() || fraction.len() > 9 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let value: i32 = fraction.parse().ok()?;
    Some(value * 10i32.pow(9 - u32::try_from(fraction.len()).ok()?))
}

/// Takes AM or PM off; true is the afternoon.
fn take_half(text: &str) -> (&str, Option<bool>) {
    for (mark, afternoon) in [("am", false), ("pm", true), ("a.m.", false), ("p.m.", true)] {
        let at = text.len().saturating_sub(mark.len());
        if text.get(at..).is_some_and(|end| end.eq_ignore_ascii_case(mark)) {
            return (text[..at].trim_end(), Some(afternoon));
        }
    }
    (text, None)
}

fn take_offset(text: &str) -> (&str, Option<Offset>) {
    if let Some(rest) = text.strip_suffix(['Z', 'z']) {
        return (rest, Some(Offset::UTC));
    }
    let Some(at) = text.rfind(['+', '-']).filter(|at| *at > 3) else { return (text, None) };
    let digits: String = text[at + 1..].chars().filter(|c| *c != ':').collect();
    let parsed =
        (matches!(digits.len(), 2 | 4) && digits.bytes().all(|b| b.is_ascii_digit())).then(|| digits.parse::<i32>().ok()).flatten();
    let Some(value) = parsed else { return (text, None) };
    let minutes = if digits.len() == 2 { value * 60 } else { value / 100 * 60 + value % 100 };
    let seconds = minutes * if text.as_bytes()[at] == b'-' { -60 } else { 60 };
    match Offset::from_seconds(seconds) {
        Ok(offset) => (text[..at].trim_end(), Some(offset)),
        Err(_) => (text, None),
    }
}

/// Splits a cell that holds date and time into the two.
pub(crate) fn split(text: &str) -> Option<(&str, &str)> {
    let text = text.trim();
    let colon = text.find(':')?;
    let digits = text[..colon].bytes().rev().take_while(u8::is_ascii_digit).count();
    let start = colon - digits;
    if digits == 0 || start == 0 {
        return None;
    }
    let front = text[..start].trim_end_matches(['T', ' ', ',']);
    (front.len() < start).then_some((front, &text[start..]))
}

#[cfg(test)]
mod tests {
    use jiff::civil;

    use super::*;

    #[test]
    fn dates_are_read_in_their_order() {
        use DateOrder::{DayMonthYear as Dmy, MonthDayYear as Mdy, YearMonthDay as Ymd};
        let day = civil::date(2016, 10, 30);
        for (text, order) in [
            ("2016-10-30", Dmy),
            ("2016/10/30", Mdy),
            ("2016.10.30", Ymd),
            ("20161030", Dmy),
            ("30/10/2016", Dmy),
            ("30.10.2016", Dmy),
            ("10/30/2016", Mdy),
            ("30-10-16", Dmy),
            ("16-10-30", Ymd),
            ("30 Oct 2016", Ymd),
            ("30-Oct-16", Mdy),
            ("30. Oktober 2016", Dmy),
            ("October 30, 2016", Dmy),
            ("30 octobre 2016", Dmy),
            ("Sun 30 Oct 2016", Dmy),
            ("30th Oct 2016", Dmy),
            (" 30/10/2016 ", Dmy),
        ] {
            assert_eq!(read_date(text, order), Some(day), "{text}");
        }
        assert_eq!(read_date("1/01/2023", Dmy), Some(civil::date(2023, 1, 1)));
        assert_eq!(read_date("3/2/23", Mdy), Some(civil::date(2023, 3, 2)));
    }

    #[test]
    fn days_that_do_not_exist_are_refused() {
        for text in [
            "30/02/2016",
            "2016-02-30",
            "31/04/2016",
            "0/1/2016",
            "1/13/2016",
            "13/13/2016",
            "2016-1",
            "1.2.3.4",
            "",
            "yesterday",
            "1/2/20166",
            "1/2/0201",
        ] {
            assert_eq!(read_date(text, DateOrder::DayMonthYear), None, "{text}");
        }
    }

    #[test]
    fn times_are_read_by_either_clock() {
        let time = |text| read_time(text, false).map(|(time, _)| time);
        assert_eq!(time("09:58:11"), Some(civil::time(9, 58, 11, 0)));
        assert_eq!(time("9:58"), Some(civil::time(9, 58, 0, 0)));
        assert_eq!(time("11:38:36 AM"), Some(civil::time(11, 38, 36, 0)));
        assert_eq!(time("12:05 am"), Some(civil::time(0, 5, 0, 0)));
        assert_eq!(time("12:05 p.m."), Some(civil::time(12, 5, 0, 0)));
        assert_eq!(time("1:00:00PM"), Some(civil::time(13, 0, 0, 0)));
        assert_eq!(time("14h30"), Some(civil::time(14, 30, 0, 0)));
        assert_eq!(time("23:59:59.250"), Some(civil::time(23, 59, 59, 250_000_000)));
        assert_eq!(read_time("9.58", true).map(|t| t.0), Some(civil::time(9, 58, 0, 0)));
        for text in ["24:00", "9:5", "13:00 PM", "12", "9.58", "a:bc", ":30", "1:00:61", "::"] {
            assert_eq!(time(text), None, "{text}");
        }
    }

    #[test]
    fn a_stamp_is_split_and_keeps_its_zone() {
        assert_eq!(split("2016-10-30T09:58:11"), Some(("2016-10-30", "09:58:11")));
        assert_eq!(split("10/30/2016, 9:58 PM"), Some(("10/30/2016", "9:58 PM")));
        assert_eq!(split("30 Oct 2016 09:58"), Some(("30 Oct 2016", "09:58")));
        assert_eq!(split("09:58"), None);
        assert_eq!(read_time("09:58:11Z", false).and_then(|t| t.1), Some(Offset::UTC));
        assert_eq!(read_time("09:58:11+03:00", false).and_then(|t| t.1), Offset::from_hours(3).ok());
        assert_eq!(read_time("09:58-0530", false).and_then(|t| t.1), Offset::from_seconds(-19800).ok());
    }
}
