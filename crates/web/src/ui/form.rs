//! Forms made of fields: the whole form, field sets, filters, periods.

use super::control::{Button, Guard, Weight, button, guard, icon};
use super::input::{Choice, Field, Kind, fields};
use super::words;
use maud::{Markup, html};

/// A whole form that changes something.
#[derive(Clone, Debug)]
pub struct Form {
    /// Where it is posted.
    pub action: String,
    /// Token and intent.
    pub guard: Guard,
    /// Its fields; errors in them are also listed on top, with links.
    pub fields: Vec<Field>,
    /// What stands between the fields and the buttons: lines, a keypad.
    pub more: Markup,
    /// Names the act.
    pub submit: String,
    /// Where one goes without saving.
    pub cancel: Option<Button>,
    /// Whether Enter moves to the next field (forms for much typing) instead of sending the form.
    pub enter_moves: bool,
    /// How strongly its act asks to be pressed.
    pub weight: Weight,
}

impl Form {
    /// A form with these fields and no more.
    pub fn new(action: impl Into<String>, guard: Guard, fields: Vec<Field>, submit: impl Into<String>) -> Self {
        let (action, submit) = (action.into(), submit.into());
        Self { action, guard, fields, more: html! {}, submit, cancel: None, enter_moves: false, weight: Weight::Main }
    }
}

/// What is wrong, each with a link to its field. A form says it of its own fields; say it of those in [`Form::more`].
pub fn mend<'a>(list: impl IntoIterator<Item = &'a Field>) -> Markup {
    let wrong: Vec<_> = list.into_iter().filter_map(|field| Some((field, field.error.as_ref()?))).collect();
    if wrong.is_empty() {
        return html! {};
    }
    html! {
        div.banner.bad role="alert" {
            (icon("warn"))
            div {
                strong { (words::MEND) }
                ul { @for (field, error) in wrong { li { a href={ "#" (field.id) } { (field.label) } ": " (error) } } }
            }
        }
    }
}

/// A form.
pub fn form(form: &Form) -> Markup {
    html! {
        form.form method="post" action=(form.action) data-enter[form.enter_moves] novalidate {
            (guard(&form.guard))
            (mend(&form.fields))
            (fields(&form.fields))
            (form.more)
            div.form-acts {
                (button(&Button::submit(form.submit.as_str()).weight(form.weight)))
                @if let Some(cancel) = &form.cancel { (button(cancel)) }
            }
        }
    }
}

/// Fields that belong together, under one heading.
pub fn field_set(legend: &str, help: Option<&str>, list: &[Field]) -> Markup {
    html! {
        fieldset.field-set {
            legend { (legend) }
            @if let Some(help) = help { p.help { (help) } }
            (fields(list))
        }
    }
}

/// Fields side by side where there is room.
pub fn field_line(list: &[Field]) -> Markup {
    html! { div.field-line { (fields(list)) } }
}

/// What is rarely needed, behind one word. It stands open where something in it is wrong or filled.
pub fn fold(label: &str, open: bool, inside: &Markup) -> Markup {
    html! { details.fold open[open] { summary { (label) } div.field-set { (inside) } } }
}

/// Lines of a document under one legend: the fields of each stand side by side where there is room, named once on top.
pub fn line_set(legend: &str, help: Option<&str>, lines: &[Vec<Field>]) -> Markup {
    html! {
        fieldset.field-set.line-set {
            legend { (legend) }
            @if let Some(help) = help { p.help { (help) } }
            @for line in lines { (field_line(line)) }
        }
    }
}

/// A period in one word: today, this week.
#[derive(Clone, Debug)]
pub struct Preset {
    /// The word.
    pub label: String,
    /// Address of this page with that period.
    pub href: String,
    /// Whether it is the period shown.
    pub current: bool,
}

/// From one day to another, both within.
#[derive(Clone, Debug)]
pub struct Period {
    /// Address of this page.
    pub action: String,
    /// First day, ISO.
    pub from: String,
    /// Last day, ISO.
    pub to: String,
    /// Periods of one word.
    pub presets: Vec<Preset>,
    /// Other parameters of the address to keep: name and value.
    pub keep: Vec<(String, String)>,
}

/// Chooses a period, by a word or by two days (`from` and `to` in the address).
pub fn period_picker(period: &Period) -> Markup {
    html! {
        div.period {
            nav.presets aria-label=(words::SHOW) {
                @for preset in &period.presets { a href=(preset.href) aria-current=[preset.current.then_some("true")] { (preset.label) } }
            }
            form.period-days method="get" action=(period.action) {
                @for (name, value) in &period.keep { input type="hidden" name=(name) value=(value); }
                div.filter { label for="period-from" { (words::FROM) } input id="period-from" type="date" name="from" value=(period.from) required; }
                div.filter { label for="period-to" { (words::TO) } input id="period-to" type="date" name="to" value=(period.to) required; }
                (button(&Button::submit(words::SHOW).weight(Weight::Quiet)))
            }
        }
    }
}

/// The filters of a list; they live in the address.
#[derive(Clone, Debug)]
pub struct FilterBar {
    /// Address of the list.
    pub action: String,
    /// The filters; an empty value filters nothing.
    pub fields: Vec<Field>,
    /// Other parameters of the address to keep: name and value.
    pub keep: Vec<(String, String)>,
    /// Address of the list without filters, where some are set.
    pub clear: Option<String>,
    /// What the filters leave: "38 orders".
    pub found: Option<String>,
}

/// The filters of a list. With script a changed select filters at once.
pub fn filter_bar(bar: &FilterBar) -> Markup {
    html! {
        form.filters method="get" action=(bar.action) aria-label=(words::FILTERS) data-filters {
            @for (name, value) in &bar.keep { input type="hidden" name=(name) value=(value); }
            @for field in &bar.fields { (filter(field)) }
            div.filter-acts {
                (button(&Button::submit(words::SHOW).weight(Weight::Quiet)))
                @if let Some(clear) = &bar.clear { a href=(clear) { (words::CLEAR) } }
                @if let Some(found) = &bar.found { output.found { (found) } }
            }
        }
    }
}

/// A filter is a field that may stay empty, and need not say so.
fn filter(field: &Field) -> Markup {
    html! {
        div.filter {
            label for=(field.id) { (field.label) }
            @match &field.kind {
                Kind::Select(choices) => { select id=(field.id) name=(field.name) { @for choice in choices { (option(choice, &field.value)) } } }
                Kind::Date => { input id=(field.id) name=(field.name) type="date" value=(field.value); }
                Kind::Checkbox => { input id=(field.id) name=(field.name) type="checkbox" value="true" checked[!field.value.is_empty()]; }
                _ => { input id=(field.id) name=(field.name) type="search" value=(field.value) autocomplete="off"; }
            }
        }
    }
}

fn option(choice: &Choice, value: &str) -> Markup {
    html! { option value=(choice.value) selected[choice.value == value] { (choice.label) } }
}
