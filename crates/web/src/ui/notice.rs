//! What the program says of itself: states, banners, toasts, emptiness, trouble, waiting.

use super::control::{Act, Button, act, button, icon};
use super::words::{self, Word};
use maud::{Markup, html};

/// What a colour means. A word or sign always stands beside it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// Nothing special.
    #[default]
    Plain,
    /// Done, as it should be.
    Done,
    /// Wrong: someone must act.
    Wrong,
    /// Waiting for someone or something.
    Waiting,
}

impl Tone {
    fn class(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Done => "good",
            Self::Wrong => "bad",
            Self::Waiting => "wait",
        }
    }

    fn sign(self) -> &'static str {
        match self {
            Self::Plain => "info",
            Self::Done => "check",
            Self::Wrong => "warn",
            Self::Waiting => "clock",
        }
    }

    fn word(self) -> Word {
        match self {
            Self::Plain => words::NOTE,
            Self::Done => words::DONE,
            Self::Wrong => words::WRONG,
            Self::Waiting => words::WAITING,
        }
    }
}

/// The state of something, as sign and word.
pub fn badge(tone: Tone, label: &str) -> Markup {
    html! {
        span.badge.(tone.class()) { @if tone != Tone::Plain { (icon(tone.sign())) } (label) }
    }
}

/// A message that stays as long as it is true. Its act, if any, is the way out.
pub fn banner(tone: Tone, text: &str, way_out: Option<&Button>) -> Markup {
    let role = if tone == Tone::Wrong { "alert" } else { "status" };
    html! {
        div.banner.(tone.class()) role=(role) {
            (icon(tone.sign()))
            p { strong { (tone.word()) ". " } (text) }
            @if let Some(way_out) = way_out { (button(way_out)) }
        }
    }
}

/// A message that stays as long as it is true, with the act that ends it.
pub fn notice(tone: Tone, text: &Markup, end: &Act) -> Markup {
    html! {
        div.banner.(tone.class()) role="status" {
            (icon(tone.sign()))
            p { (text) }
            (act(end))
        }
    }
}

/// What was just done.
#[derive(Clone, Debug)]
pub struct Toast {
    /// Says what happened: "Order 1042 cancelled."
    pub text: String,
    /// Takes it back; name it [`words::UNDO`].
    pub undo: Option<Act>,
}

/// A toast. With script it goes by itself after a while, unless someone is about to use it.
pub fn toast(toast: &Toast) -> Markup {
    html! {
        div.toast data-toast {
            (icon("check"))
            p { (toast.text) }
            @if let Some(undo) = &toast.undo { (act(undo)) }
            button.button.quiet.only-icon.js-only type="button" data-close { (icon("cross")) span.hidden { (words::CLOSE) } }
        }
    }
}

/// A place where nothing is yet.
#[derive(Clone, Debug)]
pub struct Empty {
    /// Name of an icon.
    pub icon: &'static str,
    /// Says what is not there.
    pub title: String,
    /// Says what to do first.
    pub text: String,
    /// Does it.
    pub first: Option<Button>,
}

/// The empty state of a list or page.
pub fn empty(state: &Empty) -> Markup {
    html! {
        div.empty {
            span.empty-sign { (icon(state.icon)) }
            h2 { (state.title) }
            p { (state.text) }
            @if let Some(first) = &state.first { (button(first)) }
        }
    }
}

/// Something that did not work.
#[derive(Clone, Debug)]
pub struct Trouble {
    /// Says what happened.
    pub title: String,
    /// Says why, and what to do.
    pub text: String,
    /// Says what was not lost, where something could have been.
    pub kept: Option<String>,
    /// The way out.
    pub way_out: Option<Button>,
    /// Number under which an operator finds it.
    pub request: Option<String>,
}

/// The error state of a page.
pub fn trouble(state: &Trouble) -> Markup {
    html! {
        div.empty.trouble role="alert" {
            span.empty-sign { (icon("warn")) }
            h2 { (state.title) }
            p { (state.text) }
            @if let Some(kept) = &state.kept { p { strong { (words::KEPT) } " " (kept) } }
            @if let Some(way_out) = &state.way_out { (button(way_out)) }
            @if let Some(request) = &state.request { p.help { (words::REQUEST) " " code { (request) } } }
        }
    }
}

/// The shape of what comes.
#[derive(Clone, Copy, Debug)]
pub enum Skeleton {
    /// A table of so many rows.
    Table(u8),
    /// So many figures.
    Figures(u8),
    /// A document.
    Document,
}

/// The loading state, shaped like what comes.
pub fn skeleton(shape: Skeleton) -> Markup {
    let (class, count) = match shape {
        Skeleton::Table(rows) => ("skeleton rows", rows),
        Skeleton::Figures(count) => ("skeleton boxes", count),
        Skeleton::Document => ("skeleton paper", 6),
    };
    html! {
        div class=(class) role="status" aria-busy="true" {
            span.hidden { (words::LOADING) }
            @for _ in 0..count { span.bone aria-hidden="true" {} }
        }
    }
}
