//! One request as handlers see it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use axum::http::{HeaderMap, Method};
use bytes::Bytes;
use db::{Answer, Command, Intent, Tx, list::Asked};
use kernel::{At, Currency, DayStart, DeviceId, Error, FieldError, Op, Permission, Permissions, Result, Role, SiteId, Zone};
use maud::{Markup, html};
use uuid::Uuid;

use crate::{
    Answers, App, Fields, Rates, Route, code_text, field_text, t, tf,
    ui::{self, Act, Crumb, Frame, Guard, Page, Theme, Tone, Toolbar, User},
};

/// Places of a rank below this are for every day.
const DAILY: u8 = 50;
/// So many places are not divided.
const FEW: usize = 6;

/// Who sent a request.
#[derive(Clone, Debug)]
pub struct Visitor {
    /// Who, for which tenant, with which permissions.
    pub op: Op,
    /// What pages show of them; none when nobody is signed in.
    pub viewer: Option<Arc<Viewer>>,
}

/// A place of the business, as forms and reports need it.
#[derive(Clone, Debug)]
pub struct Site {
    /// The site.
    pub id: SiteId,
    /// Its name.
    pub name: String,
    /// Its zone.
    pub zone: Zone,
    /// When its days begin.
    pub day_start: DayStart,
    /// Its currency.
    pub currency: Currency,
}

/// The cookie of a registered device's browser: its people sign in by PIN. It says nothing else, and proves nothing.
pub const AT_DEVICE: &str = "__Host-hearth-till";

/// The registered device that a person is signed in on.
#[derive(Clone, Debug)]
pub struct Device {
    /// The device.
    pub id: DeviceId,
    /// Its name.
    pub name: String,
    /// Seconds without use after which the PIN is asked for.
    pub pause_seconds: i64,
}

/// A signed-in person as pages show them.
#[derive(Clone, Debug, Default)]
pub struct Viewer {
    /// The address they sign in with.
    pub email: String,
    /// Their name in this business, or the address.
    pub name: String,
    /// Their roles here.
    pub roles: Vec<Role>,
    /// The active business, if they have one.
    pub business: Option<String>,
    /// Its short name.
    pub slug: Option<String>,
    /// Its sites, the first one first.
    pub sites: Vec<Site>,
    /// The registered device, where they signed in by PIN.
    pub device: Option<Device>,
    /// What every form and every state-changing call by cookie must carry; none where a token or a key signs in.
    pub csrf: Option<String>,
    /// Who is signed in is support, at work here on somebody's behalf.
    pub assisting: Option<Assisting>,
}

/// Support at work in a business: what every page says of it.
#[derive(Clone, Debug)]
pub struct Assisting {
    /// The owner who let them in.
    pub on_behalf: String,
    /// Until when at the latest.
    pub until: At,
    /// Whether they may also act.
    pub acting: bool,
}

/// One request.
#[derive(Clone)]
pub struct Cx {
    /// The program.
    pub app: App,
    /// Who asks, for which tenant, when.
    pub op: Op,
    /// The signed-in person.
    pub viewer: Option<Arc<Viewer>>,
    /// The route.
    pub route: Arc<Route>,
    /// The method.
    pub method: Method,
    /// The address without its query.
    pub address: String,
    /// The path's parameters.
    pub path: Vec<(String, String)>,
    /// The query's parameters.
    pub query: Vec<(String, String)>,
    /// Headers.
    pub headers: HeaderMap,
    /// The body, at most as large as the route takes.
    pub body: Bytes,
    /// What the answer tells of limits.
    pub rates: Rates,
}

/// What refused a form: its fields and a sentence above them.
#[derive(Debug)]
pub struct Refused {
    /// The error.
    pub error: Error,
    /// Whether a field of the form took the complaint of a rule to itself.
    said: AtomicBool,
}

impl Refused {
    /// By an error.
    pub fn new(error: Error) -> Self {
        Self { error, said: AtomicBool::new(false) }
    }

    /// What is wrong with a field. Whoever asks shows it there.
    pub fn of(&self, field: &str) -> Option<String> {
        match &self.error {
            Error::Invalid(fields) => fields.iter().find(|f| f.field == field).map(field_text),
            Error::Rule { code, field: Some(blamed), detail } if blamed == field => {
                self.said.store(true, Ordering::Relaxed);
                Some(detail.clone().unwrap_or_else(|| code_text(code)))
            }
            _ => None,
        }
    }

    /// The fields at fault.
    pub fn fields(&self) -> Vec<FieldError> {
        match &self.error {
            Error::Invalid(fields) => fields.clone(),
            _ => Vec::new(),
        }
    }

    /// The sentence above the form.
    pub fn sentence(&self) -> String {
        match &self.error {
            Error::Rule { code, detail, .. } => detail.as_ref().map_or_else(|| code_text(code), |d| format!("{} {d}", code_text(code))),
            other => code_text(other.row()),
        }
    }

    /// The banner above a form that lists its wrong fields itself: nothing where each complaint stands at its field. A rule may blame
    /// what the form has no field for, so ask once its fields are made.
    pub fn general(&self) -> Markup {
        let at_fields = !self.fields().is_empty() || self.said.load(Ordering::Relaxed);
        if at_fields { Markup::default() } else { self.banner() }
    }

    /// The banner above the form.
    pub fn banner(&self) -> Markup {
        ui::banner(ui::Tone::Wrong, &self.sentence(), None)
    }
}

impl Cx {
    /// A parameter of the path as a typed value; what can't be read is not found.
    pub fn id<T: std::str::FromStr>(&self, name: &str) -> Result<T> {
        let value = self.path.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str()).unwrap_or_default();
        value.parse().map_err(|_| Error::NotFound)
    }

    /// A parameter of the query that is not empty.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str()).filter(|v| !v.is_empty())
    }

    /// The query as a list takes it; `keep` names parameters that are the page's own.
    pub fn asked(&self, keep: &[&str]) -> Result<Asked> {
        let mut asked = Asked::default();
        for (name, value) in &self.query {
            match name.as_str() {
                "sort" => asked.sort = Some(value.clone()),
                "cursor" => asked.cursor = Some(value.clone()),
                "limit" => {
                    asked.limit = Some(value.parse().ok().filter(|n| *n > 0).ok_or_else(|| Error::field("limit", "body.wrong_type"))?)
                }
                "format" => {}
                name if keep.contains(&name) => {}
                _ => asked.filters.push((name.clone(), value.clone())),
            }
        }
        Ok(asked)
    }

    /// Opens a transaction in which several reads see one state of the database.
    pub async fn snapshot(&self) -> Result<Tx> {
        self.app.db().snapshot(self.op.clone()).await
    }

    /// Opens a transaction for reading; it is rolled back when dropped.
    pub async fn tx(&self) -> Result<Tx> {
        self.app.db().begin(self.op.clone()).await
    }

    /// Runs a command once for the request's `Idempotency-Key`, if it has one.
    pub async fn run<C: Command>(&self, command: C) -> Result<Answer> {
        let key = self.headers.get("idempotency-key").and_then(|v| v.to_str().ok()).filter(|k| !k.is_empty() && k.len() <= 255);
        let key = key.map(str::to_owned).or_else(|| command.intent_id().map(|id| id.to_string()));
        let intent = key.map(|key| Intent::of(&key, &self.op, &format!("{} {}", self.method, self.address), &self.content()));
        self.app.db().run(self.op.clone(), intent, command).await
    }

    /// The body without its spelling: the same fields in another order are the same content.
    fn content(&self) -> Vec<u8> {
        serde_json::from_slice::<serde_json::Value>(&self.body)
            .ok()
            .and_then(|v| serde_json::to_vec(&v).ok())
            .unwrap_or_else(|| self.body.to_vec())
    }

    /// Runs what a form asked for, once for the form's `intent`. What the person can mend comes back as [`Refused`].
    pub async fn submit<C: Command>(&self, fields: &Fields, command: Result<C>) -> Result<Result<Answer, Refused>> {
        let intent =
            fields.intent().map(|key| Intent::of(key, &self.op, &format!("{} {}", self.method, self.address), fields.content().as_bytes()));
        let result = match command {
            Ok(command) => self.app.db().run(self.op.clone(), intent, command).await,
            Err(error) => Err(error),
        };
        Self::refusable(result)
    }

    /// Splits what the person can mend from what they can't.
    pub fn refusable<T>(result: Result<T>) -> Result<Result<T, Refused>> {
        match result {
            Ok(done) => Ok(Ok(done)),
            Err(error @ (Error::Invalid(_) | Error::Rule { .. } | Error::Stale | Error::Conflict(_) | Error::TooMany(_))) => {
                Ok(Err(Refused::new(error)))
            }
            Err(error) => Err(error),
        }
    }

    /// What whoever sent the request may do at this moment, for answers that go on: none when their session ended, or works for
    /// another business now.
    pub(crate) async fn permissions_now(&self) -> Permissions {
        let Some(authenticate) = self.app.authenticate() else { return self.op.permissions };
        let (mut parts, ()) = axum::http::Request::new(()).into_parts();
        parts.headers = self.headers.clone();
        match authenticate(&self.app, &parts, self.op.address).await {
            Ok(visitor) if visitor.op.tenant == self.op.tenant => visitor.op.permissions,
            _ => Permissions::NONE,
        }
    }

    /// The signed-in person.
    pub fn viewer(&self) -> Result<&Viewer> {
        self.viewer.as_deref().ok_or(Error::Unauthenticated)
    }

    /// The site that the address names (`?site=`), or the first.
    pub fn site(&self) -> Result<&Site> {
        let sites = &self.viewer()?.sites;
        let wanted = self.param("site").and_then(|id| id.parse::<SiteId>().ok());
        wanted.and_then(|id| sites.iter().find(|s| s.id == id)).or(sites.first()).ok_or(Error::rule("tenant.none"))
    }

    /// What a new form carries: the CSRF token and an intent of its own.
    pub fn guard(&self) -> Guard {
        Guard { csrf: self.viewer.as_ref().and_then(|v| v.csrf.clone()).unwrap_or_default(), intent: self.op.source.uuid().to_string() }
    }

    /// What was sent under a name, as JSON or as a form; for looks at a body before its handler reads it.
    pub fn sent(&self, name: &str) -> Option<String> {
        if self.route.answers == Answers::Json {
            let body: serde_json::Value = serde_json::from_slice(&self.body).ok()?;
            return body.get(name)?.as_str().map(str::to_owned);
        }
        Fields::read(self).ok().map(|fields| fields.get(name).to_owned())
    }

    /// A cookie's value.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.headers.get_all("cookie").iter().filter_map(|v| v.to_str().ok()).flat_map(|v| v.split(';')).find_map(|pair| {
            let (n, v) = pair.trim().split_once('=')?;
            (n == name).then_some(v)
        })
    }

    /// The places that this person's roles need: those of every day, and the others. A few of them stand all together.
    pub fn places(&self) -> (Vec<ui::Place>, Vec<ui::Place>) {
        let mut all: Vec<_> = self.app.slices().iter().flat_map(|s| s.places).filter(|p| self.op.permissions.has(p.needs)).collect();
        all.sort_by_key(|p| p.rank);
        let daily = if all.len() <= FEW { all.len() } else { all.iter().filter(|p| p.rank < DAILY).count() };
        let here = |href: &str| if href == "/" { self.address == "/" } else { self.address.starts_with(href) };
        let mut places: Vec<_> = all
            .into_iter()
            .map(|p| ui::Place { label: t(p.label), href: p.href.to_owned(), icon: p.icon, current: here(p.href), waiting: None })
            .collect();
        let others = places.split_off(daily);
        (places, others)
    }

    /// The rail: of the business, or, for the operator's people without one, of the installation.
    fn frame(&self) -> Option<Frame> {
        let viewer = self.viewer.as_ref()?;
        let (places, others) = self.places();
        let installation = || self.op.permissions.has(Permission::PlatformRead).then(|| t("frame-installation"));
        Some(Frame {
            business: viewer.business.clone().or_else(installation)?,
            site: viewer.sites.first().filter(|_| viewer.sites.len() == 1).map(|s| s.name.clone()),
            switches: Vec::new(),
            links: self.own_link("frame-businesses", "/businesses").into_iter().collect(),
            search: self.op.permissions.has(Permission::Member),
            places,
            others,
            all: "/places".into(),
            user: self.user(viewer),
        })
    }

    /// A page of the account's own, where the op may open such pages: not on a registered device, and not at work for somebody.
    fn own_link(&self, label: &str, href: &str) -> Option<Crumb> {
        self.op.permissions.has(Permission::OwnAccount).then(|| Crumb { label: t(label), href: href.to_owned() })
    }

    fn user(&self, viewer: &Viewer) -> User {
        let links = [("frame-security", "/account/security"), ("frame-profile", "/account/profile"), ("frame-data", "/account/data")];
        let roles = viewer.roles.iter().map(|role| t(&format!("role-{role}"))).collect::<Vec<_>>().join(", ");
        User {
            name: viewer.name.clone(),
            role: if viewer.assisting.is_some() { t("frame-support") } else { roles },
            email: viewer.email.clone(),
            links: links.into_iter().filter_map(|(label, href)| self.own_link(label, href)).collect(),
            sign_out: Act { icon: Some("leave"), ..Act::new(t("sign-out"), "/logout", self.guard()) },
        }
    }

    /// What stands on every page while support works in a business on somebody's behalf, with the way out.
    fn assisting(&self) -> Option<Markup> {
        let viewer = self.viewer.as_ref()?;
        let now = viewer.assisting.as_ref()?;
        let text = tf(
            if now.acting { "assist-acting" } else { "assist-looking" },
            &[("business", viewer.business.as_deref().unwrap_or_default()), ("owner", &now.on_behalf)],
        );
        let said = html! { (text) " " (t("assist-until")) " " (self.clock().moment(now.until)) "." };
        Some(ui::notice(Tone::Waiting, &said, &Act::new(t("assist-stop"), "/assist/stop", self.guard())))
    }

    /// A whole page in the frame of the signed-in person.
    pub fn page(&self, title: impl Into<String>, body: Markup) -> Markup {
        self.page_with(Toolbar { crumbs: Vec::new(), title: title.into(), now: None, buttons: Vec::new() }, body)
    }

    /// The same in the look of a business, while nobody is signed in.
    pub fn page_of(&self, brand: Option<ui::Brand>, title: impl Into<String>, body: Markup) -> Markup {
        let toolbar = Toolbar { title: title.into(), ..Toolbar::default() };
        let mut page = Page::new(toolbar.title.clone(), body).toolbar(toolbar);
        page.frame = self.frame();
        page.brand = brand.filter(|_| page.frame.is_none());
        self.whole(page)
    }

    /// A whole page with a toolbar: title, what is true now, the main action.
    pub fn page_with(&self, toolbar: Toolbar, body: Markup) -> Markup {
        self.page_after(toolbar, body, None)
    }

    /// The same, saying what was just done.
    pub fn page_after(&self, toolbar: Toolbar, body: Markup, done: Option<&ui::Toast>) -> Markup {
        let mut page = Page::new(toolbar.title.clone(), body).toolbar(toolbar);
        page.frame = self.frame();
        page.toast = done.map(ui::toast);
        self.whole(page)
    }

    /// A whole page without a toolbar of its own (documents bring their head along).
    pub fn bare_page(&self, title: impl Into<String>, body: Markup) -> Markup {
        let mut page = Page::new(title, body);
        page.frame = self.frame();
        self.whole(page)
    }

    /// A whole page without a frame, whoever is signed in, with large targets: for who comes to a device.
    pub fn page_alone(&self, title: impl Into<String>, body: Markup) -> Markup {
        let title = title.into();
        let bar = Toolbar { title: title.clone(), ..Toolbar::default() };
        self.whole(Page { floor: true, ..Page::new(title, body).toolbar(bar) })
    }

    fn whole(&self, mut page: Page) -> Markup {
        page.theme = Theme::named(self.cookie("__Host-theme").unwrap_or_default());
        if let Some(viewer) = self.viewer.as_ref().filter(|_| page.frame.is_some()) {
            page.pause = viewer.device.as_ref().map(|device| (device.pause_seconds, viewer.csrf.clone().unwrap_or_default()));
        }
        page.notice = self.assisting();
        page.user = self.viewer.as_ref().filter(|viewer| viewer.csrf.is_some() && !page.floor).map(|viewer| self.user(viewer));
        ui::page(&page)
    }

    /// A new UUID.
    pub fn uuid(&self) -> Uuid {
        self.op.source.uuid()
    }
}
