//! Numbers as people read them: amounts, quantities, times, and the figures of a day.

use super::chart::sparkline;
use super::control::icon;
use super::words;
use maud::{Markup, html};

/// The sign of a number apart from its digits; a hyphen becomes a true minus.
fn signed(text: &str) -> (&'static str, &str) {
    match text.strip_prefix(['-', '−']) {
        Some(digits) => ("−", digits),
        None => ("", text),
    }
}

/// An amount with its currency before it, in a lighter ink: `money("-3.20", "£")` reads −£3.20.
pub fn money(amount: &str, currency: &str) -> Markup {
    let (sign, digits) = signed(amount);
    let gap = if currency.chars().count() > 1 { "\u{a0}" } else { "" };
    html! { span.number { (sign) span.unit { (currency) (gap) } (digits) } }
}

/// An amount with its currency behind it, as some languages write: 3,20 €.
pub fn money_after(amount: &str, currency: &str) -> Markup {
    let (sign, digits) = signed(amount);
    html! { span.number { (sign) (digits) span.unit { "\u{a0}" (currency) } } }
}

/// A quantity with its unit in a lighter ink.
pub fn quantity(amount: &str, unit: &str) -> Markup {
    money_after(amount, unit)
}

/// A time as people say it, exact on hover. `exact` is ISO 8601.
pub fn when(said: &str, exact: &str) -> Markup {
    html! { time datetime=(exact) title=(exact) { (said) } }
}

/// What a figure is compared with.
#[derive(Clone, Debug)]
pub struct Against {
    /// The difference, without sign: "8 %".
    pub difference: String,
    /// Whether the figure is more, less or the same.
    pub course: std::cmp::Ordering,
    /// Whether that is good; `None` where it is neither.
    pub good: Option<bool>,
    /// With what: "than last Friday".
    pub with: String,
}

/// A figure of the day.
#[derive(Clone, Debug)]
pub struct Figure {
    /// What is counted.
    pub label: String,
    /// The number, made by [`money`] or [`quantity`].
    pub value: Markup,
    /// What it is compared with.
    pub against: Option<Against>,
    /// Its course, oldest first, where that matters.
    pub course: Vec<f64>,
    /// Where one sees what it is made of: every figure can be opened.
    pub href: Option<String>,
}

fn against(against: &Against) -> Markup {
    let (sign, word) = match against.course {
        std::cmp::Ordering::Greater => ("up", words::MORE),
        std::cmp::Ordering::Less => ("down", words::LESS),
        std::cmp::Ordering::Equal => ("minus", words::SAME),
    };
    let class = match against.good {
        Some(true) => "against good",
        Some(false) => "against bad",
        None => "against",
    };
    html! {
        p class=(class) {
            (icon(sign))
            span {
                @if against.course.is_ne() { (against.difference) " " }
                (word) " " (against.with)
            }
        }
    }
}

/// A figure.
pub fn figure(figure: &Figure) -> Markup {
    html! {
        div.figure {
            div.figure-head {
                p.figure-label {
                    @match &figure.href {
                        Some(href) => { a.cover href=(href) { (figure.label) } }
                        None => { (figure.label) }
                    }
                }
                @if figure.course.len() > 1 { (sparkline(&figure.course, &figure.label)) }
            }
            p.figure-value { (figure.value) }
            @if let Some(with) = &figure.against { (against(with)) }
        }
    }
}

/// Several figures side by side; five stand as two and three where they have no room in one row.
pub fn figures(list: &[Figure]) -> Markup {
    html! { div.figures.five[list.len() == 5] { @for one in list { (figure(one)) } } }
}
