//! Fields as data: label above, help below, error beside, the unit inside.

use super::words;
use maud::{Markup, html};

/// One of several values.
#[derive(Clone, Debug)]
pub struct Choice {
    /// What is sent.
    pub value: String,
    /// What is read.
    pub label: String,
}

impl Choice {
    /// A choice.
    pub fn new(value: impl Into<String>, label: impl Into<String>) -> Self {
        Self { value: value.into(), label: label.into() }
    }
}

/// What a field takes.
#[derive(Clone, Debug)]
pub enum Kind {
    /// A line of text.
    Text,
    /// An e-mail address.
    Email,
    /// A password.
    Password,
    /// A PIN: digits that are not shown.
    Pin,
    /// A plain number.
    Number,
    /// An amount; the currency stands inside the field.
    Money {
        /// Sign or code of the currency.
        currency: String,
    },
    /// A quantity; the unit stands inside the field.
    Quantity {
        /// Sign of the unit.
        unit: String,
    },
    /// A day; value in ISO form.
    Date,
    /// A time of day; value in ISO form.
    Time,
    /// One of a few values.
    Select(Vec<Choice>),
    /// One of many values, found by typing. What is sent is what stands in the field.
    Search {
        /// Values to offer at once.
        choices: Vec<Choice>,
        /// Address that answers `?name=typed` with `<option>` elements, for lists too long to send.
        source: Option<String>,
    },
    /// Yes or no; set when the value is not empty. Sends `true`.
    Checkbox,
    /// Several lines of text.
    Area {
        /// Lines shown at first.
        rows: u8,
    },
    /// Sent, never shown.
    Hidden,
}

/// One field of a form.
#[derive(Clone, Debug)]
pub struct Field {
    /// Name under which it is sent.
    pub name: String,
    /// Id in the page; `f-` and the name at first. Change it when two forms of a page share a name.
    pub id: String,
    /// Stands above.
    pub label: String,
    /// Stands below.
    pub help: Option<String>,
    /// Stands beside; says what to mend.
    pub error: Option<String>,
    /// What was typed, or what is stored.
    pub value: String,
    /// What it takes.
    pub kind: Kind,
    /// Whether it must be filled; the others say that they are optional.
    pub required: bool,
    /// Value of the `autocomplete` attribute; `off` at first, as most fields are about the business, not the person.
    pub autocomplete: &'static str,
    /// Whether the cursor stands here at first. One per page.
    pub focus: bool,
    /// Address that says, while it is typed, how good a password is: it takes the field and the form's `email`.
    pub meter: Option<&'static str>,
}

impl Field {
    /// A required field of this kind.
    pub fn new(name: impl Into<String>, label: impl Into<String>, kind: Kind) -> Self {
        let name = name.into();
        let id = format!("f-{name}");
        let label = label.into();
        let (value, autocomplete) = (String::new(), "off");
        Self { name, id, label, help: None, error: None, value, kind, required: true, autocomplete, focus: false, meter: None }
    }

    /// A required line of text.
    pub fn text(name: impl Into<String>, label: impl Into<String>) -> Self {
        Self::new(name, label, Kind::Text)
    }

    /// A hidden value.
    pub fn hidden(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self::new(name, "", Kind::Hidden).value(value)
    }

    /// The same with a value.
    pub fn value(self, value: impl Into<String>) -> Self {
        Self { value: value.into(), ..self }
    }

    /// The same with help below.
    pub fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }

    /// The same with an error beside.
    pub fn error(self, error: impl Into<String>) -> Self {
        Self { error: Some(error.into()), ..self }
    }

    /// The same with another id.
    pub fn id(self, id: impl Into<String>) -> Self {
        Self { id: id.into(), ..self }
    }

    /// The same, allowed to stay empty.
    pub fn optional(self) -> Self {
        Self { required: false, ..self }
    }

    /// The same with a value for the `autocomplete` attribute.
    pub fn autocomplete(self, autocomplete: &'static str) -> Self {
        Self { autocomplete, ..self }
    }

    /// The same with the cursor in it.
    pub fn focus(self) -> Self {
        Self { focus: true, ..self }
    }

    /// The same with a meter below.
    pub fn meter(self, address: &'static str) -> Self {
        Self { meter: Some(address), ..self }
    }

    fn described_by(&self) -> Option<String> {
        let help = self.help.as_ref().map(|_| format!("{}-help", self.id));
        let error = self.error.as_ref().map(|_| format!("{}-error", self.id));
        match (error, help) {
            (Some(error), Some(help)) => Some(format!("{error} {help}")),
            (one, other) => one.or(other),
        }
    }

    /// Type and keyboard of a one-line field. Numbers are text: a number field would refuse "1,5" and lose what was typed.
    fn line(&self) -> (&'static str, Option<&'static str>) {
        match self.kind {
            Kind::Email => ("email", None),
            Kind::Password => ("password", None),
            Kind::Pin => ("password", Some("numeric")),
            Kind::Date => ("date", None),
            Kind::Time => ("time", None),
            Kind::Number | Kind::Money { .. } | Kind::Quantity { .. } => ("text", Some("decimal")),
            _ => ("text", None),
        }
    }
}

fn line(field: &Field, list: Option<&str>, source: Option<&str>) -> Markup {
    let (kind, keyboard) = field.line();
    // A password or PIN goes back to the page never, whoever filled the value in.
    let value = if matches!(field.kind, Kind::Password | Kind::Pin) { "" } else { &field.value };
    let target = list.map(|list| format!("#{list}"));
    html! {
        input.numeric[keyboard == Some("decimal")] id=(field.id) name=(field.name) type=(kind) value=(value) inputmode=[keyboard]
            required[field.required] autofocus[field.focus] autocomplete=(field.autocomplete) list=[list]
            hx-get=[source] hx-trigger=[source.map(|_| "input changed delay:80ms")] hx-target=[source.and(target)] hx-swap=[source.map(|_| "innerHTML")]
            aria-invalid=[field.error.as_ref().map(|_| "true")] aria-describedby=[field.described_by()];
    }
}

fn select(field: &Field, choices: &[Choice]) -> Markup {
    html! {
        select id=(field.id) name=(field.name) required[field.required] autofocus[field.focus] autocomplete=(field.autocomplete)
            aria-invalid=[field.error.as_ref().map(|_| "true")] aria-describedby=[field.described_by()] {
            @if (!field.required || field.value.is_empty()) && choices.iter().all(|choice| !choice.value.is_empty()) { option value="" { (words::CHOOSE) } }
            @for choice in choices { option value=(choice.value) selected[choice.value == field.value] { (choice.label) } }
        }
    }
}

fn search(field: &Field, choices: &[Choice], source: Option<&str>) -> Markup {
    let list = format!("{}-list", field.id);
    html! {
        (line(field, Some(&list), source))
        datalist id=(list) {
            @for choice in choices { option value=(choice.value) { (choice.label) } }
        }
    }
}

fn area(field: &Field, rows: u8) -> Markup {
    html! {
        textarea id=(field.id) name=(field.name) rows=(rows) required[field.required] autofocus[field.focus]
            autocomplete=(field.autocomplete) aria-invalid=[field.error.as_ref().map(|_| "true")]
            aria-describedby=[field.described_by()] { "\n" (field.value) }
    }
}

/// The control alone, with what stands inside the field.
fn control(field: &Field) -> Markup {
    let inside = match &field.kind {
        Kind::Select(choices) => select(field, choices),
        Kind::Search { choices, source } => search(field, choices, source.as_deref()),
        Kind::Area { rows } => area(field, *rows),
        Kind::Money { currency } => html! { span.affix { (currency) } (line(field, None, None)) },
        Kind::Quantity { unit } => html! { (line(field, None, None)) span.affix { (unit) } },
        _ => line(field, None, None),
    };
    let short = matches!(field.kind, Kind::Number | Kind::Money { .. } | Kind::Quantity { .. } | Kind::Date | Kind::Time);
    html! { div.control.short[short] { (inside) } }
}

fn notes(field: &Field) -> Markup {
    html! {
        @if let Some(error) = &field.error { p.error id={ (field.id) "-error" } { (super::icon("warn")) span { (error) } } }
        @if let Some(help) = &field.help { p.help id={ (field.id) "-help" } { (help) } }
        @if let Some(address) = field.meter {
            output.help.js-only for=(field.id) hx-post=(address) hx-params={ (field.name) ",email,csrf" }
                hx-trigger={ "input delay:300ms from:#" (field.id) } hx-swap="innerHTML" {}
        }
    }
}

/// One field with all that belongs to it.
pub fn field(field: &Field) -> Markup {
    match field.kind {
        Kind::Hidden => html! { input type="hidden" name=(field.name) value=(field.value); },
        Kind::Checkbox => html! {
            div.field.check.invalid[field.error.is_some()] {
                label.check-label for=(field.id) {
                    input id=(field.id) name=(field.name) type="checkbox" value="true" checked[!field.value.is_empty()]
                        required[field.required] aria-invalid=[field.error.as_ref().map(|_| "true")]
                        aria-describedby=[field.described_by()];
                    span { (field.label) }
                }
                (notes(field))
            }
        },
        _ => html! {
            div.field.invalid[field.error.is_some()] {
                label for=(field.id) {
                    (field.label)
                    @if !field.required { " " span.optional { (words::OPTIONAL) } }
                }
                (control(field))
                (notes(field))
            }
        },
    }
}

/// Several fields, one under the other.
pub fn fields(list: &[Field]) -> Markup {
    html! { @for one in list { (field(one)) } }
}
