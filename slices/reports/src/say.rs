//! How days, hours, amounts and comparisons are said. Pure.

use std::cmp::Ordering;

use kernel::{Currency, Day, Money};
use maud::Markup;
use web::{
    tf,
    ui::{self, Against},
};

/// `Sunday 9 April 2017`.
pub(crate) fn day(day: Day) -> String {
    day.date().strftime("%A %-d %B %Y").to_string()
}

/// `April 2017`.
pub(crate) fn month(first: Day) -> String {
    first.date().strftime("%B %Y").to_string()
}

/// `9 Apr`, under a column of a chart.
pub(crate) fn short_day(day: Day) -> String {
    day.date().strftime("%-d %b").to_string()
}

/// `08:00`.
pub(crate) fn hour(hour: i16) -> String {
    format!("{hour:02}:00")
}

/// An amount with its currency in a lighter ink.
pub(crate) fn money(minor: i64, currency: Currency) -> Markup {
    let said = Money::new(minor, currency).to_string();
    let (minus, rest) = said.strip_prefix('\u{2212}').map_or(("", said.as_str()), |rest| ("\u{2212}", rest));
    let digits = rest.trim_start_matches(currency.sign()).trim_start_matches('\u{a0}');
    ui::money(&format!("{minus}{digits}"), currency.sign())
}

/// How a figure stands to an earlier one; none where the earlier one was nothing and no share of it can be told.
fn change(now: i64, before: i64) -> Option<(Ordering, String)> {
    if before == 0 {
        return None;
    }
    let (apart, size) = ((i128::from(now) - i128::from(before)).abs(), i128::from(before).abs());
    let percent = (apart * 100 + size / 2) / size;
    let said = if percent == 0 { "under 1 %".to_owned() } else { format!("{percent} %") };
    Some((now.cmp(&before), said))
}

/// An earlier day: its name in a sentence and its figure.
#[derive(Clone, Debug)]
pub(crate) struct Before<'a> {
    pub name: &'a str,
    pub value: i64,
}

/// A figure against the day before and the same weekday of the week before, whole days both, in one sentence:
/// "8 % more than Saturday, 3 % less than last Sunday". `more_is_good` is none where it is neither good nor bad.
pub(crate) fn against(now: i64, yesterday: &Before<'_>, week_ago: &Before<'_>, more_is_good: Option<bool>) -> Option<Against> {
    let (first, second) = (change(now, yesterday.value), change(now, week_ago.value));
    let with = |course: Ordering, name: &str| tf(if course.is_eq() { "home-as" } else { "home-than" }, &[("day", name)]);
    let good = |course: Ordering| more_is_good.filter(|_| course.is_ne()).map(|good| good == course.is_gt());
    let part = |(course, difference): &(Ordering, String), name: &str| {
        let key = match course {
            Ordering::Greater => "home-more",
            Ordering::Less => "home-less",
            Ordering::Equal => "home-same",
        };
        tf(key, &[("difference", difference), ("day", name)])
    };
    match (first, second) {
        (Some((course, difference)), second) => {
            let rest = second.map(|change| format!(", {}", part(&change, week_ago.name))).unwrap_or_default();
            Some(Against { difference, course, good: good(course), with: format!("{}{rest}", with(course, yesterday.name)) })
        }
        (None, Some((course, difference))) => Some(Against { difference, course, good: good(course), with: with(course, week_ago.name) }),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(now: i64, yesterday: i64, week_ago: i64) -> Option<(String, Ordering, Option<bool>, String)> {
        web::text::install([include_str!("../texts/en.ftl")].into_iter());
        let (a, b) = (Before { name: "Saturday", value: yesterday }, Before { name: "last Sunday", value: week_ago });
        against(now, &a, &b, Some(true)).map(|a| (a.difference, a.course, a.good, a.with))
    }

    #[test]
    fn a_figure_is_compared_with_both_days() {
        let (difference, course, good, with) = said(108, 100, 111).unwrap();
        assert_eq!((difference.as_str(), course, good), ("8 %", Ordering::Greater, Some(true)));
        assert_eq!(with, "than Saturday, 3 % less than last Sunday");
        let (.., with) = said(100, 100, 50).unwrap();
        assert_eq!(with, "as Saturday, 100 % more than last Sunday");
        let (.., good, with) = said(100, 200, 100).unwrap();
        assert_eq!((good, with.as_str()), (Some(false), "than Saturday, the same as last Sunday"));
    }

    #[test]
    fn a_day_without_sales_is_no_measure() {
        assert_eq!(said(108, 0, 0), None);
        let (difference, .., with) = said(0, 0, 50).unwrap();
        assert_eq!((difference.as_str(), with.as_str()), ("100 %", "than last Sunday"));
        let (.., with) = said(5, 10, 0).unwrap();
        assert_eq!(with, "than Saturday");
    }

    #[test]
    fn small_negative_and_enormous_changes_are_said() {
        assert_eq!(change(1001, 1000), Some((Ordering::Greater, "under 1 %".into())));
        assert_eq!(change(-50, -100), Some((Ordering::Greater, "50 %".into())));
        assert_eq!(change(i64::MAX, i64::MIN), Some((Ordering::Greater, "200 %".into())));
        assert_eq!(change(7, 7), Some((Ordering::Equal, "under 1 %".into())));
    }

    #[test]
    fn amounts_keep_sign_and_grouping() {
        let plain = |minor, currency: &str| {
            money(minor, currency.parse().unwrap()).into_string().replace("<span class=\"unit\">", "").replace("</span>", "")
        };
        assert_eq!(plain(-123_456, "GBP"), "<span class=\"number\">\u{2212}£1,234.56");
        assert_eq!(plain(120_000, "KES"), "<span class=\"number\">KES\u{a0}1,200.00");
    }
}
