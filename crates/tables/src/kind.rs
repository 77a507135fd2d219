//! From a column's counters to what it is and how it is read, with the reason.

use crate::column::{Dates, Evidence, Kind, Numbers, Stats, Sure};
use crate::mapping::Format;
use crate::{DateOrder, Mark};

/// What was decided about a column.
pub(crate) struct Decided {
    pub kind: Kind,
    pub format: Format,
    pub sure: Sure,
    pub why: String,
    pub exceptions: u64,
}

/// A kind holds when at least this many of a hundred cells are of it.
const SHARE: u64 = 90;

pub(crate) fn decide(stats: &Stats, usual: Option<(Mark, String)>) -> Decided {
    let told = stats.told();
    let holds = |count: u64| count > 0 && count * 100 >= told * SHARE;
    let (stamps, days) = (stats.stamps.all(), stats.dates.all());
    // An export may drop the time at midnight: days among stamps are stamps.
    if stamps > 0 && holds(stamps + days) {
        let mut both = stats.stamps.clone();
        both.numbers += stats.dates.numbers;
        let (order, sure, why) = order(&both);
        return Decided { kind: Kind::Datetime, format: Format::Datetime { order }, sure, why, exceptions: told - stamps - days };
    }
    if holds(days) {
        let (order, sure, why) = order(&stats.dates);
        return Decided { kind: Kind::Date, format: Format::Date { order }, sure, why, exceptions: told - days };
    }
    if holds(stats.times) {
        let why = "its cells are times of day".to_owned();
        return Decided { kind: Kind::Time, format: Format::Time, sure: Sure::Certain, why, exceptions: told - stats.times };
    }
    let numbers = &stats.numbers;
    if holds(numbers.all()) {
        let (mark, sure, why) = mark(numbers, usual);
        // A cell that could be read either way has a fraction unless its mark groups thousands.
        let grouped =
            numbers.either == if mark == Mark::Dot { numbers.either_with_comma } else { numbers.either - numbers.either_with_comma };
        let kind = if numbers.fractions == 0 && numbers.money == 0 && grouped { Kind::Whole } else { Kind::Number };
        return Decided { kind, format: Format::Number { mark }, sure, why, exceptions: told - numbers.all() };
    }
    if told == 0 {
        return Decided { kind: Kind::Empty, format: Format::Text, sure: Sure::Certain, why: "it holds nothing".to_owned(), exceptions: 0 };
    }
    Decided { kind: Kind::Text, format: Format::Text, sure: Sure::Certain, why: "it holds words".to_owned(), exceptions: 0 }
}

fn show(evidence: &Evidence) -> String {
    evidence.as_ref().map(|(line, cell)| format!("line {line} has {cell}")).unwrap_or_default()
}

fn order(dates: &Dates) -> (DateOrder, Sure, String) {
    use DateOrder::{DayMonthYear, MonthDayYear, YearMonthDay};
    let say = |order: DateOrder, sure, why: String| (order, sure, format!("it is {} because {why}", order.sample()));
    if dates.numbers == 0 {
        return say(YearMonthDay, Sure::Certain, "the year stands in front, or the month is named".to_owned());
    }
    match (&dates.first_over, &dates.second_over) {
        (Some(_), None) => return say(DayMonthYear, Sure::Certain, show(&dates.first_over)),
        (None, Some(_)) => return say(MonthDayYear, Sure::Certain, show(&dates.second_over)),
        (Some(_), Some(_)) => {
            let day_first = dates.day_first >= dates.month_first;
            let order = if day_first { DayMonthYear } else { MonthDayYear };
            let why = format!("most rows fit, but they do not agree: {}, {}", show(&dates.first_over), show(&dates.second_over));
            return say(order, Sure::Unsure, why);
        }
        (None, None) => {}
    }
    if dates.dotted == dates.numbers {
        return say(DayMonthYear, Sure::Likely, "dates with dots are written so; no day is over 12".to_owned());
    }
    let (day_back, month_back) = (dates.day_first_back, dates.month_first_back);
    if day_back != month_back {
        let order = if day_back < month_back { DayMonthYear } else { MonthDayYear };
        let (fewer, more) = (day_back.min(month_back), day_back.max(month_back));
        let sure = if fewer == 0 { Sure::Likely } else { Sure::Unsure };
        let why = format!("read so, {fewer} rows lie before the row above, read the other way {more}; no day is over 12");
        return say(order, sure, why);
    }
    say(DayMonthYear, Sure::Unsure, "nothing else tells: no day is over 12, so it could as well be M/DD/YYYY".to_owned())
}

fn mark(numbers: &Numbers, usual: Option<(Mark, String)>) -> (Mark, Sure, String) {
    let say = |mark: Mark, sure, why: String| (mark, sure, format!("its numbers are written like {} because {why}", mark.sample()));
    match (numbers.dot_only, numbers.comma_only) {
        (0, 0) => {}
        (_, 0) => return say(Mark::Dot, Sure::Certain, show(&numbers.dot_evidence)),
        (0, _) => return say(Mark::Comma, Sure::Certain, show(&numbers.comma_evidence)),
        (dot, comma) => {
            let mark = if dot >= comma { Mark::Dot } else { Mark::Comma };
            let why = format!("most are, but they do not agree: {}, {}", show(&numbers.dot_evidence), show(&numbers.comma_evidence));
            return say(mark, Sure::Unsure, why);
        }
    }
    if numbers.either == 0 {
        let mark = usual.map_or(Mark::Dot, |(mark, _)| mark);
        return (mark, Sure::Certain, "its numbers have no fraction".to_owned());
    }
    if let Some((mark, why)) = usual {
        return say(mark, Sure::Likely, format!("{why}; {} alone could be read either way", show(&numbers.either_evidence)));
    }
    if numbers.either_with_comma == numbers.either {
        return say(
            Mark::Dot,
            Sure::Likely,
            format!("{}, and three digits behind a comma are usually thousands", show(&numbers.either_evidence)),
        );
    }
    say(Mark::Dot, Sure::Unsure, format!("nothing else tells: {} could also be thousands", show(&numbers.either_evidence)))
}
