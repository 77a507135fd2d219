//! The one frame of every document of the business, its trail, and its sheet of paper.

use super::control::{Act, Button, Crumb, act, button, icon};
use super::figure::when;
use super::notice::{Tone, badge};
use super::words;
use maud::{Markup, html};

/// A name and what it is: customer, due day.
#[derive(Clone, Debug)]
pub struct Fact {
    /// The name.
    pub label: String,
    /// What it is.
    pub value: Markup,
}

impl Fact {
    /// A fact.
    pub fn new(label: impl Into<String>, value: Markup) -> Self {
        Self { label: label.into(), value }
    }
}

/// Facts as a list of pairs.
pub fn facts(list: &[Fact]) -> Markup {
    html! { dl.facts { @for fact in list { div { dt { (fact.label) } dd { (fact.value) } } } } }
}

/// Top of a document.
#[derive(Clone, Debug)]
pub struct Head {
    /// The way here.
    pub crumbs: Vec<Crumb>,
    /// What it is: "Order".
    pub kind: String,
    /// Its number.
    pub number: String,
    /// Tone of its state.
    pub tone: Tone,
    /// Its state in a word.
    pub state: String,
    /// Whom or what it is about.
    pub about: Option<String>,
    /// The few facts that one looks for first.
    pub facts: Vec<Fact>,
}

/// Something that happened to a document.
#[derive(Clone, Debug)]
pub struct Event {
    /// What happened: "Ready".
    pub what: String,
    /// Who did it, from which device.
    pub who: String,
    /// When, as people say it.
    pub when: String,
    /// When, ISO 8601.
    pub exact: String,
    /// Its tone.
    pub tone: Tone,
    /// What changed, or why.
    pub detail: Option<Markup>,
}

/// What happened, newest first as given.
pub fn timeline(events: &[Event]) -> Markup {
    html! {
        ol.timeline {
            @for event in events {
                @let (class, sign) = match event.tone {
                    Tone::Plain => ("event", None),
                    Tone::Done => ("event good", Some("check")),
                    Tone::Wrong => ("event bad", Some("warn")),
                    Tone::Waiting => ("event wait", Some("clock")),
                };
                li class=(class) {
                    span.event-sign { @if let Some(sign) = sign { (icon(sign)) } }
                    p.event-what { strong { (event.what) } }
                    p.event-who { (event.who) ", " (when(&event.when, &event.exact)) }
                    @if let Some(detail) = &event.detail { div.event-detail { (detail) } }
                }
            }
        }
    }
}

/// A document of the business.
#[derive(Clone, Debug)]
pub struct Document {
    /// Number and state first.
    pub head: Head,
    /// Then its lines; usually a table.
    pub lines: Markup,
    /// Then its money, if it has any; usually facts with a total.
    pub money: Option<Markup>,
    /// What this person may do now. The main one first, one at most.
    pub acts: Vec<Act>,
    /// Links that belong to it: its sheet of paper, the form that changes it.
    pub links: Vec<Button>,
    /// Its trail, newest first.
    pub history: Vec<Event>,
}

fn head(head: &Head) -> Markup {
    html! {
        @if !head.crumbs.is_empty() {
            nav.crumbs aria-label=(words::WHERE) { ol { @for crumb in &head.crumbs { li { a href=(crumb.href) { (crumb.label) } } } } }
        }
        div.document-title {
            h1 { span.unit { (head.kind) } " " span.number { (head.number) } }
            (badge(head.tone, &head.state))
        }
        @if let Some(about) = &head.about { p.document-about { (about) } }
        @if !head.facts.is_empty() { (facts(&head.facts)) }
    }
}

/// The frame of a document: number and state, acts, lines, money, and the trail on the side (below on a phone). It carries the
/// heading of the page: give the [`super::Page`] no toolbar.
pub fn document(document: &Document) -> Markup {
    html! {
        article.document {
            div.document-main {
                header.document-head { (head(&document.head)) }
                @if !(document.acts.is_empty() && document.links.is_empty()) {
                    div.document-acts role="group" aria-label=(words::ACTS) {
                        @for one in &document.acts { (act(one)) }
                        @for one in &document.links { (button(one)) }
                    }
                }
                section.document-lines { (document.lines) }
                @if let Some(money) = &document.money {
                    section.document-money aria-label=(words::MONEY) { (money) }
                }
            }
            @if !document.history.is_empty() {
                aside.document-history aria-labelledby="trail" { h2 id="trail" { (words::TRAIL) } (timeline(&document.history)) }
            }
        }
    }
}

/// A sheet of paper: receipt, delivery note, label.
#[derive(Clone, Debug)]
pub struct PrintSheet {
    /// Who gives it out, with address and tax number.
    pub from: Markup,
    /// What it is: "Delivery note 311".
    pub title: String,
    /// Facts at its top.
    pub facts: Vec<Fact>,
    /// Lines and totals.
    pub body: Markup,
    /// Signature, terms, thanks.
    pub foot: Option<Markup>,
}

/// A sheet that prints as it is shown, black on white in either theme, without what stands around it.
pub fn print_sheet(sheet: &PrintSheet) -> Markup {
    html! {
        article.sheet data-theme="light" {
            header.sheet-head { div.sheet-from { (sheet.from) } h2 { (sheet.title) } }
            (facts(&sheet.facts))
            (sheet.body)
            @if let Some(foot) = &sheet.foot { footer.sheet-foot { (foot) } }
        }
    }
}

/// A button that prints the page; there only where script runs, as every browser can print by itself.
pub fn print_button() -> Markup {
    html! { button.button.quiet.js-only type="button" data-print { (icon("print")) span { (words::PRINT) } } }
}
