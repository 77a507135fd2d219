//! Days, moments and quantities as people say them.

use kernel::{At, Day, Quantity, Zone};
use maud::Markup;

use crate::ui;

/// `21 Nov 2026`.
pub fn day_text(day: Day) -> String {
    day.date().strftime("%-d %b %Y").to_string()
}

/// A day as people say it, exact on hover.
pub fn day(day: Day) -> Markup {
    ui::when(&day_text(day), &day.to_string())
}

/// `21 Nov 2026 09:00`, by the clock of a zone.
pub fn moment(at: At, zone: &Zone) -> Markup {
    ui::when(&zone.local(at).strftime("%-d %b %Y %H:%M").to_string(), &at.to_string())
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
}
