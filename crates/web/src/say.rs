//! Days and moments as people say them, exact on hover.

use kernel::{At, Day, Zone};
use maud::Markup;

use crate::ui;

/// `21 Nov 2026`.
pub fn day_text(day: Day) -> String {
    day.date().strftime("%-d %b %Y").to_string()
}

/// A day as people say it.
pub fn day(day: Day) -> Markup {
    ui::when(&day_text(day), &day.to_string())
}

/// `21 Nov 2026 09:00`, by the clock of a zone.
pub fn moment(at: At, zone: &Zone) -> Markup {
    ui::when(&zone.local(at).strftime("%-d %b %Y %H:%M").to_string(), &at.to_string())
}
