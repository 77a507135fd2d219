//! What stands around a page: the rail with the places, the toolbar with title and main act.

use super::control::{Act, Button, Crumb, act, button, icon};
use super::words;
use maud::{Markup, html};

/// A place of the rail.
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

/// Places that the bar of a phone shows.
const PHONE: usize = 5;

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
    /// The address they sign in with.
    pub email: String,
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
    /// Where more businesses and sites are.
    pub links: Vec<Crumb>,
    /// Whether there is something to search.
    pub search: bool,
    /// The five or six places that the role needs every day. A phone shows the first five.
    pub places: Vec<Place>,
    /// Every other place: quieter, below; on a phone behind "More".
    pub others: Vec<Place>,
    /// The page of all places.
    pub all: String,
    /// The person.
    pub user: User,
}

/// Business and site; a menu where there is something to change to. It opens without script. Where there is not, it leads home.
fn switch(frame: &Frame) -> Markup {
    let now = html! {
        span.mark { (icon("hearth")) }
        span.switch-now { strong { (frame.business) } @if let Some(site) = &frame.site { span { (site) } } }
    };
    if frame.switches.is_empty() && frame.links.is_empty() {
        return html! { a.switch href="/" { (now) } };
    }
    html! {
        details.switch data-menu {
            summary { (now) (icon("unfold")) }
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
                @for link in &frame.links { a href=(link.href) { (link.label) } }
            }
        }
    }
}

fn user(user: &User) -> Markup {
    html! {
        details.user data-menu {
            summary { (icon("person")) span.user-name { strong { (user.name) } span { (user.role) } } }
            div.menu {
                p.menu-label { strong { (user.name) } br; (user.role) @if user.email != user.name { br; (user.email) } }
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

/// The head of a page without a rail: whose it is, and, once one is signed in, as whom and the way out.
pub(super) fn plain_head(mark: &Markup, user: Option<&User>) -> Markup {
    html! {
        @match user {
            None => (mark),
            Some(user) => header.toolbar {
                (mark)
                div.toolbar-acts { span.help { (user.name) } (act(&user.sign_out)) }
            },
        }
    }
}

fn place(place: &Place) -> Markup {
    html! {
        a href=(place.href) aria-current=[place.current.then_some("page")] {
            (icon(place.icon))
            span.place-name { (place.label) }
            @if let Some(waiting) = place.waiting { span.count { (waiting) } }
        }
    }
}

/// Places as large rows: the page behind "More".
pub fn place_list(places: &[Place]) -> Markup {
    html! { nav.place-list aria-label=(words::PLACES) { @for one in places { (place(one)) } } }
}

/// The rail: at the left on a desktop; on a phone its top stays above and the places become a bar below.
pub fn rail(frame: &Frame) -> Markup {
    // On a phone the page may lie in a place that the bar does not show.
    let elsewhere = frame.places.iter().skip(PHONE).chain(&frame.others).any(|one| one.current);
    html! {
        header.rail {
            (switch(frame))
            @if frame.search {
                a.go href="/search" data-open="palette" title=(words::GO_TO) { (icon("search")) span { (words::SEARCH) } kbd { "/" } }
            }
            nav.places aria-label=(words::PLACES) {
                @for one in &frame.places { (place(one)) }
                @if !frame.others.is_empty() {
                    div.others { @for one in &frame.others { (place(one)) } }
                }
                @if frame.places.len() + frame.others.len() > PHONE {
                    a.more-places href=(frame.all) aria-current=[elsewhere.then_some("true")] { (icon("more")) span.place-name { (words::MORE_PLACES) } }
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
