//! What stands around a page: the rail with the places, the toolbar with title and main act.

use super::control::{Act, Button, Crumb, act, button, icon};
use super::words;
use maud::{Markup, html};

/// One of the five or six places that a role needs.
#[derive(Clone, Debug)]
pub struct Place {
    /// Its name.
    pub label: String,
    /// Its address.
    pub href: String,
    /// Name of its icon.
    pub icon: &'static str,
    /// Whether the page lies in it.
    pub current: bool,
    /// How many things wait there, where that matters.
    pub waiting: Option<u64>,
}

/// A business or site to change to.
#[derive(Clone, Debug)]
pub struct Choice {
    /// Its name.
    pub label: String,
    /// Address that changes to it.
    pub href: String,
    /// Whether it is the one shown.
    pub current: bool,
}

/// The choice of business or site.
#[derive(Clone, Debug)]
pub struct Switch {
    /// What is chosen: "Business", "Site".
    pub label: String,
    /// The choices; with one alone there is nothing to choose.
    pub choices: Vec<Choice>,
}

/// Who is signed in.
#[derive(Clone, Debug)]
pub struct User {
    /// Name.
    pub name: String,
    /// Role in this business.
    pub role: String,
    /// Pages of their own: profile, sessions.
    pub links: Vec<Crumb>,
    /// Ends the session.
    pub sign_out: Act,
}

/// All that stands in the rail.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The business.
    pub business: String,
    /// The site, where one is chosen.
    pub site: Option<String>,
    /// What the top changes: businesses, sites.
    pub switches: Vec<Switch>,
    /// The places.
    pub places: Vec<Place>,
    /// The person.
    pub user: User,
}

fn switch(frame: &Frame) -> Markup {
    html! {
        details.switch data-menu {
            summary {
                span.mark { (icon("hearth")) }
                span.switch-now { strong { (frame.business) } @if let Some(site) = &frame.site { span { (site) } } }
                (icon("unfold"))
            }
            div.menu {
                @for switch in &frame.switches {
                    p.menu-label { (switch.label) }
                    @for choice in &switch.choices {
                        a href=(choice.href) aria-current=[choice.current.then_some("true")] {
                            span { (choice.label) }
                            @if choice.current { (icon("check")) }
                        }
                    }
                }
            }
        }
    }
}

fn user(user: &User) -> Markup {
    html! {
        details.user data-menu {
            summary { (icon("person")) span.user-name { strong { (user.name) } span { (user.role) } } }
            div.menu {
                @for link in &user.links { a href=(link.href) { (link.label) } }
                div.theme.js-only role="group" aria-label=(words::THEME) {
                    @for (value, label) in [("auto", words::THEME_AUTO), ("light", words::THEME_LIGHT), ("dark", words::THEME_DARK)] {
                        button type="button" data-theme-set=(value) { (label) }
                    }
                }
                (act(&user.sign_out))
            }
        }
    }
}

/// The rail: at the left on a desktop; on a phone its top stays above and the places become a bar below.
pub fn rail(frame: &Frame) -> Markup {
    html! {
        header.rail {
            (switch(frame))
            a.go href="/search" data-open="palette" title=(words::GO_TO) { (icon("search")) span { (words::SEARCH) } kbd { "/" } }
            nav.places aria-label=(words::PLACES) {
                @for place in &frame.places {
                    a href=(place.href) aria-current=[place.current.then_some("page")] {
                        (icon(place.icon))
                        span.place-name { (place.label) }
                        @if let Some(waiting) = place.waiting { span.count { (waiting) } }
                    }
                }
            }
            (user(&frame.user))
        }
    }
}

/// Top of a page: its title, what is true now, the one main act.
#[derive(Clone, Debug, Default)]
pub struct Toolbar {
    /// The way here; only in depth.
    pub crumbs: Vec<Crumb>,
    /// Title of the page.
    pub title: String,
    /// What is true now: "38 orders, 4 of them late".
    pub now: Option<Markup>,
    /// The main act and, rarely, further quiet ones.
    pub buttons: Vec<Button>,
}

/// The toolbar of a page.
pub fn toolbar(bar: &Toolbar) -> Markup {
    html! {
        div.toolbar {
            div.toolbar-text {
                @if !bar.crumbs.is_empty() {
                    nav.crumbs aria-label=(words::WHERE) { ol { @for crumb in &bar.crumbs { li { a href=(crumb.href) { (crumb.label) } } } } }
                }
                h1 { (bar.title) }
                @if let Some(now) = &bar.now { p.now-line { (now) } }
            }
            @if !bar.buttons.is_empty() { div.toolbar-acts { @for one in &bar.buttons { (button(one)) } } }
        }
    }
}
