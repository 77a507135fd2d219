//! How a period is put together from kept months and days, so that few rows are read for it. Pure.

use kernel::Day;

/// Kept months to add, and kept days to add to them or to take off again. Together they are the days of a period, each once.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Pieces {
    /// First days of months.
    pub months: Vec<Day>,
    /// Days, each with its sign in `signs`.
    pub days: Vec<Day>,
    /// 1 where the day is added, −1 where it is in a month that was added and is not asked for.
    pub signs: Vec<i64>,
}

/// A month has as many rows as so many days: items that are sold every day, and those that are not.
const MONTH: usize = 4;

impl Pieces {
    /// The days from `from` to `to` without `spoiled`, of which nothing kept is to be used. A month is taken where that reads less.
    pub fn of(from: Day, to: Day, spoiled: &[Day]) -> Self {
        let mut pieces = Self::default();
        let mut month = Day::from(from.date().first_of_month());
        while month <= to {
            let next = Day::from(month.date().last_of_month()).plus(1);
            pieces.add(month, next, |day| from <= day && day <= to && !spoiled.contains(&day));
            month = next;
        }
        pieces
    }

    fn add(&mut self, month: Day, next: Day, asked: impl Fn(Day) -> bool) {
        let all = (month.since_2000()..next.since_2000()).map(Day::from_2000);
        let (asked, others): (Vec<Day>, Vec<Day>) = all.partition(|day| asked(*day));
        let whole = others.len() + MONTH < asked.len();
        let (days, sign) = if whole { (others, -1) } else { (asked, 1) };
        if whole {
            self.months.push(month);
        }
        self.signs.extend(days.iter().map(|_| sign));
        self.days.extend(days);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    #[test]
    fn a_year_is_made_of_months_and_the_few_days_beside_them() {
        let year = Pieces::of(day("2025-11-25"), day("2026-11-26"), &[]);
        assert_eq!(year.months.len(), 12);
        assert_eq!(year.months.first().copied(), Some(day("2025-12-01")));
        let days: Vec<_> = year.days.iter().map(Day::to_string).zip(year.signs).collect();
        let told = |days: [(&str, i64); 10]| days.map(|(day, sign)| (day.to_owned(), sign)).to_vec();
        assert_eq!(
            days,
            told([
                ("2025-11-25", 1),
                ("2025-11-26", 1),
                ("2025-11-27", 1),
                ("2025-11-28", 1),
                ("2025-11-29", 1),
                ("2025-11-30", 1),
                ("2026-11-27", -1),
                ("2026-11-28", -1),
                ("2026-11-29", -1),
                ("2026-11-30", -1)
            ])
        );
        assert_eq!(Pieces::of(day("2026-02-01"), day("2026-02-28"), &[]), Pieces { months: vec![day("2026-02-01")], ..Pieces::default() });
        let one = Pieces::of(day("2026-02-01"), day("2026-02-01"), &[]);
        assert_eq!(one, Pieces { months: vec![], days: vec![day("2026-02-01")], signs: vec![1] });
    }

    proptest! {
        #[test]
        fn pieces_are_the_days_asked_for_each_once_and_few(
            from in -11_000..73_000_i32, length in 0..800_i32, spoiled in prop::collection::vec(0..800_i32, 0..9)
        ) {
            let (from, to) = (Day::from_2000(from), Day::from_2000(from + length));
            let spoiled: Vec<Day> = spoiled.into_iter().map(|n| from.plus(n)).filter(|day| *day <= to).collect();
            let pieces = Pieces::of(from, to, &spoiled);
            prop_assert_eq!(pieces.days.len(), pieces.signs.len());
            let mut sums: BTreeMap<Day, i64> = BTreeMap::new();
            for month in &pieces.months {
                let last = Day::from(month.date().last_of_month());
                for n in month.since_2000()..=last.since_2000() {
                    *sums.entry(Day::from_2000(n)).or_default() += 1;
                }
            }
            for (day, sign) in pieces.days.iter().zip(&pieces.signs) {
                *sums.entry(*day).or_default() += sign;
            }
            sums.retain(|_, times| *times != 0);
            let asked: BTreeMap<Day, i64> =
                (from.since_2000()..=to.since_2000()).map(Day::from_2000).filter(|day| !spoiled.contains(day)).map(|day| (day, 1)).collect();
            prop_assert_eq!(sums, asked);
            prop_assert!(pieces.days.len() <= 2 * 17 + spoiled.len());
        }
    }
}
