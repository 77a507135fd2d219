//! What a report is asked for: a period, a dimension, a site. Pure.

use std::str::FromStr;

use kernel::{Day, Error, Result, SiteId};
use serde::Serialize;
use utoipa::ToSchema;

/// What the rows of a report stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// Business days.
    Day,
    /// Hours of the day on the site's wall clock, all days together.
    Hour,
    /// Items, the most sold first.
    Item,
    /// Sites.
    Site,
}

impl By {
    /// All of them, as they are offered.
    pub const ALL: &[Self] = &[Self::Day, Self::Hour, Self::Item, Self::Site];

    /// As the address and the command line name it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Hour => "hour",
            Self::Item => "item",
            Self::Site => "site",
        }
    }
}
impl FromStr for By {
    type Err = Error;
    fn from_str(code: &str) -> Result<Self> {
        Self::ALL.iter().find(|by| by.code() == code).copied().ok_or_else(|| Error::field("by", "choice.unknown"))
    }
}

/// A report's question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    /// First business day.
    pub from: Day,
    /// Last business day.
    pub to: Day,
    /// What rows stand for.
    pub by: By,
    /// One site, or all.
    pub site: Option<SiteId>,
}

/// The longest period: ten years with their leap days.
const MOST_DAYS: i32 = 3_653;

impl Ask {
    /// Reads the parameters of an address or a command line. Refuses with `period`, `day.format`, `choice.unknown`, `site.unknown`.
    pub fn read(from: Option<&str>, to: Option<&str>, by: Option<&str>, site: Option<&str>) -> Result<Self> {
        let day = |name: &str, text: Option<&str>| {
            let text = text.ok_or_else(|| Error::rule("period").at(name))?;
            text.parse::<Day>().map_err(|_| Error::field(name, "day.format"))
        };
        let site = site.map(|id| id.parse().map_err(|_| Error::field("site", "site.unknown"))).transpose()?;
        let ask = Self { from: day("from", from)?, to: day("to", to)?, by: by.map_or(Ok(By::Day), str::parse)?, site };
        ask.check()?;
        Ok(ask)
    }

    /// Refuses (`period`) a period that ends before it begins, is longer than ten years, or lies outside 1970 to 2199.
    pub fn check(&self) -> Result<()> {
        let length = i64::from(self.to.since_2000()) - i64::from(self.from.since_2000());
        let sane = self.from.is_sane() && self.to.is_sane() && (0..i64::from(MOST_DAYS)).contains(&length);
        if sane { Ok(()) } else { Err(Error::rule("period").at("to")) }
    }

    /// The days of the period, in order.
    pub fn days(&self) -> impl Iterator<Item = Day> + use<> {
        (self.from.since_2000()..=self.to.since_2000()).map(Day::from_2000)
    }
}

/// A period that people name by a word, seen from the last day that has sales.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Named {
    /// Text key of the word.
    pub label: &'static str,
    pub from: Day,
    pub to: Day,
}

/// The named periods that end with `last`; `first` is the first day that has sales.
pub(crate) fn named(first: Day, last: Day) -> [Named; 5] {
    let back = |days: i32| last.plus(1 - days);
    let month = Day::from(last.date().first_of_month());
    [
        Named { label: "reports-last-day", from: last, to: last },
        Named { label: "reports-week", from: back(7), to: last },
        Named { label: "reports-four-weeks", from: back(28), to: last },
        Named { label: "reports-month", from: month, to: last },
        if first < back(MOST_DAYS) {
            Named { label: "reports-ten-years", from: back(MOST_DAYS), to: last }
        } else {
            Named { label: "reports-past", from: first, to: last }
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    #[test]
    fn named_periods_end_with_the_last_day_and_never_pass_ten_years() {
        let spans: Vec<(i32, Day)> =
            named(day("2016-10-30"), day("2017-04-09")).iter().map(|n| (n.to.since_2000() - n.from.since_2000() + 1, n.to)).collect();
        assert_eq!(spans, [1, 7, 28, 9, 162].map(|days| (days, day("2017-04-09"))));
        let long = named(day("1980-01-01"), day("2024-02-29"));
        assert_eq!((named(day("2016-10-30"), day("2017-04-09"))[4].label, long[4].label), ("reports-past", "reports-ten-years"));
        for one in long {
            let ask = Ask { from: one.from, to: one.to, by: By::Day, site: None };
            assert!(ask.check().is_ok(), "{one:?}");
            assert_eq!(ask.days().count(), usize::try_from(one.to.since_2000() - one.from.since_2000() + 1).unwrap());
        }
    }

    #[test]
    fn bad_questions_are_refused_by_their_code() {
        let refused = |from, to, by| match Ask::read(from, to, by, None).unwrap_err() {
            Error::Invalid(fields) => fields[0].code,
            error => error.code(),
        };
        assert_eq!(refused(None, Some("2017-04-09"), None), "period");
        assert_eq!(refused(Some("2017-04-09"), Some("2017-04-08"), None), "period");
        assert_eq!(refused(Some("2007-04-09"), Some("2017-04-09"), None), "period");
        assert_eq!(refused(Some("0017-04-09"), Some("0017-04-09"), None), "period");
        assert_eq!(refused(Some("9.4.2017"), Some("2017-04-09"), None), "day.format");
        assert_eq!(refused(Some("2017-04-09"), Some("2017-04-09"), Some("week")), "choice.unknown");
        assert!(Ask::read(Some("2017-04-09"), Some("2017-04-09"), Some("hour"), None).is_ok());
        assert_eq!(Ask::read(Some("2017-04-09"), Some("2017-04-09"), None, Some("x")).unwrap_err().code(), "invalid");
    }
}
