//! From a column's counters to what it is and how it is read, with the reason.

use crate::column::{Dates, Evidence, Kind, Numbers, Stats, Sure};
use crate::mapping::Format;
use crate::{DateOrder, Mark, Said};

/// What was decided about a column.
pub(crate) struct Decided {
    pub kind: Kind,
    pub format: Format,
    pub sure: Sure,
    pub why: Said,
    pub exceptions: u64,
}

/// A kind holds when at least this many of a hundred cells are of it.
const SHARE: u64 = 90;

pub(crate) fn decide(stats: &Stats, usual: Option<(Mark, Said)>) -> Decided {
    let told = stats.told();
    let holds = |count: u64| count > 0 && count * 100 >= told * SHARE;
    let (stamps, days) = (stats.stamps.all(), stats.dates.all());
    // An export may drop the time at midnight: days among stamps are stamps.
    if stamps > 0 && holds(stamps + days) {
        let mut both = stats.stamps.clone();
        both.numbers += stats.dates.numbers;
        both.plain += stats.dates.plain;
        both.named += stats.dates.named;
        let (order, sure, why) = order(&both);
        return Decided { kind: Kind::Datetime, format: Format::Datetime { order }, sure, why, exceptions: told - stamps - days };
    }
    if holds(days) {
        let (order, sure, why) = order(&stats.dates);
        return Decided { kind: Kind::Date, format: Format::Date { order }, sure, why, exceptions: told - days };
    }
    if holds(stats.times) {
        let why = Said::HoldsTimes;
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
        return Decided { kind: Kind::Empty, format: Format::Text, sure: Sure::Certain, why: Said::HoldsNothing, exceptions: 0 };
    }
    Decided { kind: Kind::Text, format: Format::Text, sure: Sure::Certain, why: Said::HoldsWords, exceptions: 0 }
}

/// The line and the cell that decided. What is told of a counter above zero has them.
fn seen(evidence: &Evidence) -> (u64, String) {
    evidence.clone().unwrap_or_default()
}

fn line_has(evidence: &Evidence) -> Said {
    let (line, cell) = seen(evidence);
    Said::LineHas { line, cell }
}

fn order(dates: &Dates) -> (DateOrder, Sure, Said) {
    use DateOrder::{DayMonthYear, MonthDayYear, YearMonthDay};
    let say = |order: DateOrder, sure, why| (order, sure, Said::DaysLike { sample: order.sample(), why: Box::new(why) });
    match (dates.numbers, dates.plain, dates.named) {
        (0, _, 0) => return say(YearMonthDay, Sure::Certain, Said::YearInFront),
        (0, 0, _) => return (YearMonthDay, Sure::Certain, Said::MonthNamed),
        (0, years, months) => return (YearMonthDay, Sure::Certain, Said::YearsAndMonths { years, months }),
        _ => {}
    }
    match (&dates.first_over, &dates.second_over) {
        (Some(_), None) => return say(DayMonthYear, Sure::Certain, line_has(&dates.first_over)),
        (None, Some(_)) => return say(MonthDayYear, Sure::Certain, line_has(&dates.second_over)),
        (Some(_), Some(_)) => {
            let day_first = dates.day_first >= dates.month_first;
            let order = if day_first { DayMonthYear } else { MonthDayYear };
            let (one, other) = (line_has(&dates.first_over), line_has(&dates.second_over));
            return say(order, Sure::Unsure, Said::DaysDisagree { one: Box::new(one), other: Box::new(other) });
        }
        (None, None) => {}
    }
    if dates.dotted == dates.numbers {
        return say(DayMonthYear, Sure::Likely, Said::DaysWithDots);
    }
    let (day_back, month_back) = (dates.day_first_back, dates.month_first_back);
    if day_back != month_back {
        let order = if day_back < month_back { DayMonthYear } else { MonthDayYear };
        let (fewer, more) = (day_back.min(month_back), day_back.max(month_back));
        let sure = if fewer == 0 { Sure::Likely } else { Sure::Unsure };
        return say(order, sure, Said::DaysBack { fewer, more });
    }
    say(DayMonthYear, Sure::Unsure, Said::DaysUnsure { other: MonthDayYear.sample() })
}

fn mark(numbers: &Numbers, usual: Option<(Mark, Said)>) -> (Mark, Sure, Said) {
    let say = |mark: Mark, sure, why| (mark, sure, Said::NumbersLike { sample: mark.sample(), why });
    match (numbers.dot_only, numbers.comma_only) {
        (0, 0) => {}
        (_, 0) => return say(Mark::Dot, Sure::Certain, vec![line_has(&numbers.dot_evidence)]),
        (0, _) => return say(Mark::Comma, Sure::Certain, vec![line_has(&numbers.comma_evidence)]),
        (dot, comma) => {
            let mark = if dot >= comma { Mark::Dot } else { Mark::Comma };
            let (one, other) = (line_has(&numbers.dot_evidence), line_has(&numbers.comma_evidence));
            return say(mark, Sure::Unsure, vec![Said::NumbersDisagree { one: Box::new(one), other: Box::new(other) }]);
        }
    }
    if numbers.either == 0 {
        let mark = usual.map_or(Mark::Dot, |(mark, _)| mark);
        return (mark, Sure::Certain, Said::NoFraction);
    }
    let (line, cell) = seen(&numbers.either_evidence);
    if let Some((mark, why)) = usual {
        return say(mark, Sure::Likely, vec![why, Said::EitherWay { line, cell }]);
    }
    if numbers.either_with_comma == numbers.either {
        return say(Mark::Dot, Sure::Likely, vec![Said::CommaOfThousands { line, cell }]);
    }
    say(Mark::Dot, Sure::Unsure, vec![Said::NumbersUnsure { line, cell }])
}
