//! The whole document of a page.

use super::control::icon;
use super::frame::{Frame, Toolbar, User, plain_head, rail, toolbar};
use super::words;
use crate::assets;
use maud::{DOCTYPE, Markup, html};

/// Which theme a page is shown in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// As the device says.
    #[default]
    Auto,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Theme {
    /// The theme of a cookie or parameter; anything unknown is as the device says.
    pub fn named(name: &str) -> Self {
        match name {
            "light" => Self::Light,
            "dark" => Self::Dark,
            _ => Self::Auto,
        }
    }

    pub(super) fn attribute(self) -> Option<&'static str> {
        match self {
            Self::Auto => None,
            Self::Light => Some("light"),
            Self::Dark => Some("dark"),
        }
    }
}

/// Whose page it is to the eye, before one is signed in: a business's, by its name, logo and colour.
#[derive(Clone, Debug)]
pub struct Brand {
    /// Its name.
    pub name: String,
    /// Address, width and height of its logo.
    pub logo: Option<(String, u32, u32)>,
    /// Address of a style that sets its colour: of this program, for the policy lets no style into the page itself.
    pub style: Option<String>,
}

/// A page.
#[derive(Clone, Debug)]
pub struct Page {
    /// Language of the words, such as `en`.
    pub lang: String,
    /// Theme; the person's choice lies in the cookie `theme`.
    pub theme: Theme,
    /// Larger targets, for till, bakehouse and driver pages.
    pub floor: bool,
    /// The rail; `None` before one is signed in: then the page is one narrow column.
    pub frame: Option<Frame>,
    /// Whose page it is, where it has no rail; the installation's own at first.
    pub brand: Option<Brand>,
    /// Who is signed in, for the head of a page without a rail.
    pub user: Option<User>,
    /// What is true on every page just now, above everything else.
    pub notice: Option<Markup>,
    /// Title of the window.
    pub title: String,
    /// Title on the page, what is true now, main act; `None` where the matter has a heading of its own, as documents have.
    pub toolbar: Option<Toolbar>,
    /// The matter.
    pub body: Markup,
    /// What was just done, with its undo: made by [`super::toast`].
    pub toast: Option<Markup>,
    /// On a registered device: seconds without use after which its script locks it, and the token that the script sends.
    pub pause: Option<(i64, String)>,
}

impl Page {
    /// A page in English, in the theme of the device, without rail and toolbar.
    pub fn new(title: impl Into<String>, body: Markup) -> Self {
        let (lang, title) = ("en".to_owned(), title.into());
        Self {
            lang,
            theme: Theme::Auto,
            floor: false,
            frame: None,
            brand: None,
            user: None,
            notice: None,
            title,
            toolbar: None,
            body,
            toast: None,
            pause: None,
        }
    }

    /// The same with a toolbar.
    pub fn toolbar(self, toolbar: Toolbar) -> Self {
        Self { toolbar: Some(toolbar), ..self }
    }

    /// The same with a rail.
    pub fn frame(self, frame: Frame) -> Self {
        Self { frame: Some(frame), ..self }
    }
}

/// htmx may neither add styles nor evaluate text: the content policy forbids both. Answers that refuse a form (4xx) are shown.
const HTMX: &str = concat!(
    r#"{"includeIndicatorStyles":false,"allowEval":false,"allowScriptTags":false,"selfRequestsOnly":true,"#,
    r#""historyCacheSize":0,"refreshOnHistoryMiss":true,"defaultSettleDelay":0,"#,
    r#""responseHandling":[{"code":"204","swap":false},{"code":"[2-4]..","swap":true},{"code":"...","swap":false,"error":true}]}"#
);

fn head(page: &Page) -> Markup {
    let (style, htmx, script) = (assets::named("app.css"), assets::named("htmx.min.js"), assets::named("app.js"));
    html! {
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover";
            meta name="color-scheme" content="light dark";
            meta name="htmx-config" content=(HTMX);
            title { (page.title) " · " (page.brand.as_ref().map_or(words::HEARTH, |brand| brand.name.as_str())) }
            link rel="icon" type="image/svg+xml" href=(assets::url("sign.svg"));
            link rel="stylesheet" href=(style.path) integrity=(style.integrity);
            @if let Some(style) = page.brand.as_ref().and_then(|brand| brand.style.as_ref()) { link rel="stylesheet" href=(style); }
            script src=(script.path) integrity=(script.integrity) defer {}
            script src=(htmx.path) integrity=(htmx.integrity) defer {}
            @if let Some((pause, csrf)) = &page.pause { (device_script(Some((*pause, csrf)))) }
        }
    }
}

/// The script of registered devices: it holds the key. With seconds of pause and the session's token it locks the page and shows
/// the key in time; without, it acts on the forms of a page that is about devices.
pub fn device_script(on: Option<(i64, &str)>) -> Markup {
    let script = assets::named("device.js");
    html! {
        script src=(script.path) integrity=(script.integrity) data-pause=[on.map(|(pause, _)| pause)] data-csrf=[on.map(|(_, csrf)| csrf)] defer {}
    }
}

/// Whose page it is, above its title.
fn sign(brand: Option<&Brand>) -> Markup {
    html! {
        p.mark-line {
            @if let Some(brand) = brand {
                @if let Some((logo, width, height)) = &brand.logo { img src=(logo) alt="" width=(width) height=(height); }
                strong { (brand.name) }
            } @else {
                span.mark { (icon("hearth")) }
                strong { (words::HEARTH) }
            }
        }
    }
}

/// The search over everything, and the question before what can't be undone.
fn layers() -> Markup {
    html! {
        dialog.dialog.palette id="palette" aria-label=(words::SEARCH) {
            form.control method="get" action="/search" role="search" {
                label.hidden for="palette-q" { (words::GO_TO) }
                (icon("search"))
                input id="palette-q" type="search" name="q" placeholder=(words::GO_TO) autocomplete="off" required;
                button.button.quiet type="submit" { (words::GO) }
            }
        }
        dialog.dialog.question id="question" aria-labelledby="question-text" {
            p id="question-text" {}
            form.form-acts method="dialog" {
                button.button.quiet type="submit" value="no" { (words::KEEP) }
                button.button.danger type="submit" value="yes" { (words::YES) }
            }
        }
    }
}

/// The document of a page.
pub fn page(page: &Page) -> Markup {
    let framed = page.frame.is_some();
    html! {
        (DOCTYPE)
        html lang=(page.lang) data-theme=[page.theme.attribute()] {
            (head(page))
            body.framed[framed].plain[!framed].floor[page.floor] {
                a.skip href="#main" { (words::SKIP) }
                @if let Some(frame) = &page.frame { (rail(frame)) }
                main id="main" tabindex="-1" {
                    @if let Some(notice) = &page.notice { (notice) }
                    @if !framed { (plain_head(&sign(page.brand.as_ref()), page.user.as_ref())) }
                    @if let Some(bar) = &page.toolbar { (toolbar(bar)) }
                    div.banner.wait role="status" data-not-live hidden { (icon("clock")) p { strong { (words::WAITING) ". " } (words::NOT_LIVE) } }
                    (page.body)
                }
                div.toasts id="toasts" role="status" aria-live="polite" { @if let Some(toast) = &page.toast { (toast) } }
                (layers())
            }
        }
    }
}
