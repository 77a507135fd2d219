//! Things to press: buttons, acts, tabs, steps, layers, and the controls of a shop floor.

use super::words;
use crate::assets;
use maud::{Markup, html};

/// How strongly a button asks to be pressed. A page has one main button at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Weight {
    /// The next thing to do; the only use of the accent.
    Main,
    /// Everything else.
    #[default]
    Quiet,
    /// What takes something away.
    Danger,
}

impl Weight {
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Main => "button main",
            Self::Quiet => "button quiet",
            Self::Danger => "button danger",
        }
    }
}

/// What a button does.
#[derive(Clone, Debug)]
pub enum Does {
    /// Goes to an address.
    Go(String),
    /// Submits the form that it stands in.
    Submit,
    /// Submits the form that it stands in, with a name and a value.
    SubmitAs(String, String),
    /// Opens the dialog or drawer with this id; without script it goes to the address of a page with the same form.
    Open {
        /// Id of the layer.
        layer: String,
        /// Page with the same content.
        href: String,
    },
}

/// One button or link that looks like one.
#[derive(Clone, Debug)]
pub struct Button {
    /// Names the act: "Close the day".
    pub label: String,
    /// What it does.
    pub does: Does,
    /// How strongly it asks.
    pub weight: Weight,
    /// Name of an icon in `icons.svg`.
    pub icon: Option<&'static str>,
}

impl Button {
    /// A quiet link.
    pub fn link(label: impl Into<String>, href: impl Into<String>) -> Self {
        Self { label: label.into(), does: Does::Go(href.into()), weight: Weight::Quiet, icon: None }
    }

    /// The main button of a form.
    pub fn submit(label: impl Into<String>) -> Self {
        Self { label: label.into(), does: Does::Submit, weight: Weight::Main, icon: None }
    }

    /// A quiet link that opens a layer of this page.
    pub fn open(label: impl Into<String>, layer: impl Into<String>, href: impl Into<String>) -> Self {
        let does = Does::Open { layer: layer.into(), href: href.into() };
        Self { label: label.into(), does, weight: Weight::Quiet, icon: None }
    }

    /// The same with a weight.
    pub fn weight(self, weight: Weight) -> Self {
        Self { weight, ..self }
    }

    /// The same as the main thing to do.
    pub fn main(self) -> Self {
        self.weight(Weight::Main)
    }

    /// The same with an icon.
    pub fn icon(self, icon: &'static str) -> Self {
        Self { icon: Some(icon), ..self }
    }
}

/// A sign from `icons.svg`; decoration only, a word stands beside it.
pub fn icon(name: &str) -> Markup {
    html! {
        svg.icon viewBox="0 0 24 24" width="20" height="20" aria-hidden="true" { use href={ (assets::url("icons.svg")) "#" (name) } {} }
    }
}

/// A button.
pub fn button(button: &Button) -> Markup {
    let class = button.weight.class();
    let inside = html! {
        @if let Some(name) = button.icon { (icon(name)) }
        span { (button.label) }
    };
    match &button.does {
        Does::Go(href) => html! { a class=(class) href=(href) { (inside) } },
        Does::Submit => html! { button class=(class) type="submit" { (inside) } },
        Does::SubmitAs(name, value) => html! { button class=(class) type="submit" name=(name) value=(value) { (inside) } },
        Does::Open { layer, href } => {
            html! { a class=(class) href=(href) data-open=(layer) aria-haspopup="dialog" { (inside) } }
        }
    }
}

/// What makes a form safe to send: the token of the session, and the id under which the act is done once.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    /// Value of the hidden field `csrf`.
    pub csrf: String,
    /// Value of the hidden field `intent`.
    pub intent: String,
}

/// The hidden fields of a guard.
pub fn guard(guard: &Guard) -> Markup {
    html! {
        input type="hidden" name="csrf" value=(guard.csrf);
        input type="hidden" name="intent" value=(guard.intent);
    }
}

/// Something that one may do now: a form of one button.
#[derive(Clone, Debug)]
pub struct Act {
    /// Names the act.
    pub label: String,
    /// How strongly it asks.
    pub weight: Weight,
    /// Where the form is posted.
    pub action: String,
    /// Token and intent.
    pub guard: Guard,
    /// Further hidden fields: name and value.
    pub fields: Vec<(String, String)>,
    /// Asked before what can't be undone; `None` for everything else.
    pub confirm: Option<String>,
    /// Name of an icon.
    pub icon: Option<&'static str>,
}

impl Act {
    /// A quiet act without further fields.
    pub fn new(label: impl Into<String>, action: impl Into<String>, guard: Guard) -> Self {
        let (label, action) = (label.into(), action.into());
        Self { label, weight: Weight::Quiet, action, guard, fields: Vec::new(), confirm: None, icon: None }
    }

    /// The same with a weight.
    pub fn weight(self, weight: Weight) -> Self {
        Self { weight, ..self }
    }

    /// The same with a question before it.
    pub fn confirm(self, question: impl Into<String>) -> Self {
        Self { confirm: Some(question.into()), ..self }
    }
}

/// An act as a form.
pub fn act(act: &Act) -> Markup {
    html! {
        form.act method="post" action=(act.action) data-confirm=[act.confirm.as_deref()] {
            (guard(&act.guard))
            @for (name, value) in &act.fields { input type="hidden" name=(name) value=(value); }
            button class=(act.weight.class()) type="submit" {
                @if let Some(name) = act.icon { (icon(name)) }
                span { (act.label) }
            }
        }
    }
}

/// A link of a chain, from the whole to the part.
#[derive(Clone, Debug)]
pub struct Crumb {
    /// Name of the page.
    pub label: String,
    /// Its address.
    pub href: String,
}

/// One of several views of the same thing.
#[derive(Clone, Debug)]
pub struct Tab {
    /// Name of the view.
    pub label: String,
    /// Its address.
    pub href: String,
    /// Whether it is shown now.
    pub current: bool,
    /// How many things lie there, where that matters.
    pub count: Option<u64>,
}

/// Views of the same thing, as links. `label` names the choice for a screen reader.
pub fn tabs(label: &str, tabs: &[Tab]) -> Markup {
    html! {
        nav.tabs aria-label=(label) {
            @for tab in tabs {
                a href=(tab.href) aria-current=[tab.current.then_some("page")] {
                    (tab.label)
                    @if let Some(count) = tab.count { " " span.count { (count) } }
                }
            }
        }
    }
}

/// Where a step of a longer work stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepState {
    /// Behind us.
    Done,
    /// The one being done.
    Now,
    /// To come.
    Next,
}

/// A step of a longer work.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its name.
    pub label: String,
    /// Where it stands.
    pub state: StepState,
    /// Address, for steps that one may open.
    pub href: Option<String>,
}

/// The steps of a longer work.
pub fn stepper(steps: &[Step]) -> Markup {
    html! {
        ol.stepper {
            @for step in steps {
                @let (class, word) = match step.state {
                    StepState::Done => ("step done", words::STEP_DONE),
                    StepState::Now => ("step now", words::STEP_NOW),
                    StepState::Next => ("step next", words::STEP_NEXT),
                };
                li class=(class) aria-current=[(step.state == StepState::Now).then_some("step")] {
                    span.step-sign { @if step.state == StepState::Done { (icon("check")) } }
                    @match &step.href {
                        Some(href) => a href=(href) { (step.label) },
                        None => span { (step.label) },
                    }
                    span.hidden { ", " (word) }
                }
            }
        }
    }
}

/// Something that lies over the page: a dialog or a drawer.
#[derive(Clone, Debug)]
pub struct Layer {
    /// Id that a [`Does::Open`] names.
    pub id: String,
    /// Says what it is for.
    pub title: String,
    /// Usually a form that also has a page of its own.
    pub body: Markup,
}

fn layer(class: &str, layer: &Layer) -> Markup {
    let heading = format!("{}-title", layer.id);
    html! {
        dialog class=(class) id=(layer.id) aria-labelledby=(heading) {
            div.layer-head {
                h2 id=(heading) { (layer.title) }
                form method="dialog" { button.button.quiet.only-icon type="submit" { (icon("cross")) span.hidden { (words::CLOSE) } } }
            }
            (layer.body)
        }
    }
}

/// A dialog in the middle of the page, closed until something opens it.
pub fn dialog(content: &Layer) -> Markup {
    layer("dialog", content)
}

/// A drawer at the side of the page (from below on a phone), closed until something opens it.
pub fn drawer(content: &Layer) -> Markup {
    layer("dialog drawer", content)
}

/// A form that takes files.
#[derive(Clone, Debug)]
pub struct FileDrop {
    /// Where the files go.
    pub action: String,
    /// Token and intent.
    pub guard: Guard,
    /// Name of the field; also makes its id.
    pub name: String,
    /// What is wanted: "Photographs of the menu".
    pub label: String,
    /// What is allowed: kinds and size.
    pub help: String,
    /// Value of the `accept` attribute.
    pub accept: String,
    /// Whether several files may come at once.
    pub many: bool,
}

/// A place to drop files on; a plain file field without script. With script the progress of the sending is shown.
pub fn file_drop(drop: &FileDrop) -> Markup {
    let id = format!("drop-{}", drop.name);
    html! {
        form.drop method="post" action=(drop.action) enctype="multipart/form-data" data-drop {
            (guard(&drop.guard))
            label.drop-zone for=(id) {
                (icon("file"))
                strong { (drop.label) }
                span.help { (words::DROP) }
                input id=(id) type="file" name=(drop.name) accept=(drop.accept) multiple[drop.many] required
                    aria-describedby={ (id) "-help" };
            }
            p.help id={ (id) "-help" } { (drop.help) }
            progress.progress max="100" value="0" aria-label=(drop.label) hidden {}
            (button(&Button::submit(words::SEND)))
        }
    }
}

/// Large digits for the field with the id `target`. Shown only where script runs; the field itself always works.
pub fn keypad(target: &str) -> Markup {
    html! {
        div.keypad role="group" aria-label=(words::KEYPAD) data-keypad=(target) {
            @for key in ["7", "8", "9", "4", "5", "6", "1", "2", "3", words::POINT, "0"] {
                button.key type="button" value=(key) { (key) }
            }
            button.key type="button" value="back" { (icon("backspace")) span.hidden { (words::BACKSPACE) } }
        }
    }
}

/// The same for a PIN, as telephones have it: no decimal sign, and one at the top.
pub fn pin_pad(target: &str) -> Markup {
    html! {
        div.keypad role="group" aria-label=(words::KEYPAD) data-keypad=(target) {
            @for key in ["1", "2", "3", "4", "5", "6", "7", "8", "9"] { button.key type="button" value=(key) { (key) } }
            span {}
            button.key type="button" value="0" { "0" }
            button.key type="button" value="back" { (icon("backspace")) span.hidden { (words::BACKSPACE) } }
        }
    }
}

/// A field for a hand scanner: a search form; with script it takes what is scanned wherever the focus is.
pub fn scan_field(label: &str, name: &str, action: &str) -> Markup {
    let id = format!("scan-{name}");
    html! {
        form.scan method="get" action=(action) role="search" {
            label for=(id) { (label) }
            div.control {
                (icon("scan"))
                input id=(id) name=(name) type="text" autocomplete="off" autocapitalize="off" spellcheck="false" required data-scan;
                (button(&Button::submit(words::FIND).weight(Weight::Quiet)))
            }
        }
    }
}
