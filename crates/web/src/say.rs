//! Days, moments and quantities as people say them.

use kernel::{At, Day, Quantity, Zone};
use maud::Markup;

use crate::{Cx, t, tf, ui};

/// A wall clock: by it, days and moments near now are said as people say them.
#[derive(Clone, Debug)]
pub struct Clock {
    /// What time it is.
    pub now: At,
    /// Where it hangs.
    pub zone: Zone,
}

impl Clock {
    /// `today`, `yesterday`, `tomorrow`, or `21 Nov 2026`; exact on hover.
    pub fn day(&self, day: Day) -> Markup {
        let said = self.near(day).map_or_else(|| day_text(day), |near| t(&format!("said-{near}")));
        ui::when(&said, &day.to_string())
    }

    /// `today 09:00`, or `21 Nov 2026 09:00`; exact on hover.
    pub fn moment(&self, at: At) -> Markup {
        ui::when(&self.moment_text(at), &at.to_string())
    }

    /// The same in letters alone.
    pub fn moment_text(&self, at: At) -> String {
        let local = self.zone.local(at);
        match self.near(Day::from(local.date())) {
            Some(near) => tf(&format!("said-{near}-at"), &[("time", &local.strftime("%H:%M").to_string())]),
            None => local.strftime("%-d %b %Y %H:%M").to_string(),
        }
    }

    fn near(&self, day: Day) -> Option<&'static str> {
        let today = Day::from(self.zone.local(self.now).date());
        match day.since_2000() - today.since_2000() {
            -1 => Some("yesterday"),
            0 => Some("today"),
            1 => Some("tomorrow"),
            _ => None,
        }
    }
}

impl Cx {
    /// The clock on the wall of the site that the page is about; of UTC where there is no site.
    pub fn clock(&self) -> Clock {
        Clock { now: self.op.at, zone: self.site().map_or_else(|_| Zone::utc(), |site| site.zone.clone()) }
    }

    /// The clock of the installation, whose people are anywhere.
    pub fn utc(&self) -> Clock {
        Clock { now: self.op.at, zone: Zone::utc() }
    }
}

/// `21 Nov 2026`.
pub fn day_text(day: Day) -> String {
    day.date().strftime("%-d %b %Y").to_string()
}

/// A quantity in the unit that people would use: 200,000 g are 200 kg. What would lose a digit stays as it is.
pub fn quantity(quantity: Quantity, unit: &str) -> Markup {
    let micros = quantity.micros();
    let larger = match unit {
        "g" => Some("kg"),
        "ml" => Some("l"),
        _ => None,
    };
    match larger.filter(|_| micros.unsigned_abs() >= 1_000_000_000 && micros % 1_000 == 0) {
        Some(larger) => ui::quantity(&grouped(Quantity::from_micros(micros / 1_000)), larger),
        None => ui::quantity(&grouped(quantity), unit),
    }
}

/// Thousands apart, as amounts have them.
fn grouped(quantity: Quantity) -> String {
    let text = quantity.to_string();
    let (sign, rest) = text.strip_prefix('-').map_or(("", text.as_str()), |rest| ("-", rest));
    let (whole, part) = rest.split_once('.').map_or((rest, String::new()), |(whole, part)| (whole, format!(".{part}")));
    let thousands: Vec<&str> = whole.as_bytes().rchunks(3).rev().filter_map(|digits| std::str::from_utf8(digits).ok()).collect();
    format!("{sign}{}{part}", thousands.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str, unit: &str) -> String {
        let markup = quantity(text.parse().unwrap(), unit).into_string();
        markup.replace("<span class=\"number\">", "").replace("<span class=\"unit\">", "").replace("</span>", "").replace('\u{a0}', " ")
    }

    #[test]
    fn a_quantity_is_said_in_the_unit_that_people_use() {
        assert_eq!(said("200000", "g"), "200 kg");
        assert_eq!(said("999", "g"), "999 g");
        assert_eq!(said("1250.5", "ml"), "1.2505 l");
        assert_eq!(said("1000.000001", "g"), "1,000.000001 g");
        assert_eq!(said("-1234567", "pc"), "\u{2212}1,234,567 pc");
        assert_eq!(said("-25000", "g"), "\u{2212}25 kg");
    }

    #[test]
    fn a_day_is_said_without_leading_zero() {
        assert_eq!(day_text("2026-11-05".parse().unwrap()), "5 Nov 2026");
    }
    #[test]
    fn days_and_moments_near_now_are_said_as_people_say_them() {
        let clock = Clock { now: "2026-11-22T00:30:00Z".parse().unwrap(), zone: "Europe/Paris".parse().unwrap() };
        let moment = |at: &str| clock.moment_text(at.parse().unwrap());
        assert_eq!(moment("2026-11-22T08:00:00Z"), "today 09:00");
        assert_eq!(moment("2026-11-21T23:10:00Z"), "today 00:10");
        assert_eq!(moment("2026-11-21T22:59:00Z"), "yesterday 23:59");
        assert_eq!(moment("2026-11-22T23:00:00Z"), "tomorrow 00:00");
        assert_eq!(moment("2026-11-20T22:59:00Z"), "20 Nov 2026 23:59");
        let day = |day: &str| clock.day(day.parse().unwrap()).into_string();
        assert!(day("2026-11-21").contains(">yesterday<") && day("2026-11-21").contains("2026-11-21"));
        assert!(day("2026-11-24").contains(">24 Nov 2026<"));
    }
}
