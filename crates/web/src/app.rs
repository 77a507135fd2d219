//! The program as a whole: its slices, its database, its routes.

use std::{
    any::{Any, TypeId},
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    http::{Method, StatusCode},
    response::IntoResponse,
};
use db::{Db, Jobs};
use tower_http::{catch_panic::CatchPanicLayer, compression::CompressionLayer, timeout::TimeoutLayer};

use crate::{Answers, Authenticate, Bounds, Limits, Redis, Route, Routes, Slice, gate, live, palette, text};

/// How the program is reached.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The address that people type, for links and the check of origins: `https://hearth.example`.
    pub public_url: String,
    /// Production mode.
    pub production: bool,
    /// How many proxies stand before the program.
    pub trusted_proxies: usize,
    /// Where uploads lie until they are read.
    pub spool: std::path::PathBuf,
    /// Where letters go, in words; with none they stay in the queue.
    pub mail: Option<String>,
    /// Where text messages go, in words; with none nobody can have codes sent to a telephone.
    pub texts: Option<String>,
    /// Where several nodes count together.
    pub redis: Option<Redis>,
    /// How many times each limit is as wide as it says; 1 in production.
    pub limit_factor: u32,
    /// What asks whether somebody is a person.
    pub captcha: Option<Captcha>,
    /// The corpus of breached passwords that chosen ones are held against.
    pub breaches: Option<String>,
    /// Other sites whose pages may use the API with tokens: `https://shop.example`.
    pub cors_origins: Vec<String>,
    /// Identity providers through which people may sign in.
    pub providers: Vec<Provider>,
    /// Whose access tokens count beside the program's own.
    pub external: Option<ExternalTokens>,
    /// The short name of the business as whose first owner everybody on this machine acts; none where people sign in.
    pub auth_off: Option<String>,
}

impl Default for Settings {
    /// One program on this machine.
    fn default() -> Self {
        Self {
            public_url: "http://127.0.0.1:8080".into(),
            production: false,
            trusted_proxies: 0,
            spool: std::env::temp_dir(),
            mail: None,
            texts: None,
            redis: None,
            limit_factor: 1,
            captcha: None,
            breaches: None,
            cors_origins: Vec::new(),
            providers: Vec::new(),
            external: None,
            auth_off: None,
        }
    }
}

/// Cloudflare Turnstile.
#[derive(Clone)]
pub struct Captcha {
    /// Stands in pages.
    pub site_key: String,
    /// Known to Cloudflare and to the program.
    pub secret: String,
    /// Who is asked whether a token is good.
    pub verify_url: String,
}

impl std::fmt::Debug for Captcha {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Captcha({})", self.site_key)
    }
}

/// An OpenID Connect provider.
#[derive(Clone)]
pub struct Provider {
    /// Its name in addresses and on the button: small letters, digits, hyphens.
    pub name: String,
    /// Who it is: the address under which it describes itself.
    pub issuer: String,
    /// As whom the program is known there.
    pub client_id: String,
    /// What proves it.
    pub client_secret: String,
    /// What is asked for, separated by spaces; `openid` is among it.
    pub scopes: String,
}

impl std::fmt::Debug for Provider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Provider({} {})", self.name, self.issuer)
    }
}

/// An identity provider whose access tokens are taken.
#[derive(Clone, Debug)]
pub struct ExternalTokens {
    /// The `iss` of its tokens.
    pub issuer: String,
    /// The `aud` that they must name.
    pub audience: String,
    /// Where its public keys are.
    pub jwks_url: String,
    /// What they may be signed by: `RS256`, `ES256`, `EdDSA`.
    pub algorithms: Vec<String>,
}

/// One program. Cheap to clone.
#[derive(Clone)]
pub struct App {
    inner: Arc<Inner>,
}

struct Inner {
    db: Db,
    slices: Vec<Slice>,
    settings: Settings,
    routes: Vec<Arc<Route>>,
    authenticate: Option<Authenticate>,
    bounds: Bounds,
    limits: Limits,
    stray_limits: Vec<&'static str>,
    parts: Mutex<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>,
}

/// A request that takes longer is given up; uploads and streams are their own routes.
const TIMEOUT: Duration = Duration::from_secs(60);

impl App {
    /// Puts the slices together, lower ones first.
    pub fn new(db: Db, slices: Vec<Slice>, settings: Settings) -> Self {
        text::install(slices.iter().map(|s| s.texts));
        let mut routes = Routes::default();
        palette::routes(&mut routes);
        live::routes(&mut routes);
        gate::routes(&mut routes);
        for slice in &slices {
            routes.slice = slice.name;
            (slice.routes)(&mut routes);
        }
        let authenticate = slices.iter().find_map(|s| s.authenticate);
        let stray_limits = routes.limit_all();
        let routes = routes.all.into_iter().map(Arc::new).collect();
        let limits = Limits::new(settings.redis.clone(), if settings.production { 1 } else { settings.limit_factor });
        let (bounds, parts) = (Bounds::default(), Mutex::default());
        Self { inner: Arc::new(Inner { db, slices, settings, routes, authenticate, bounds, limits, stray_limits, parts }) }
    }

    /// The database.
    pub fn db(&self) -> &Db {
        &self.inner.db
    }

    /// The slices, lower ones first.
    pub fn slices(&self) -> &[Slice] {
        &self.inner.slices
    }

    /// What a slice keeps in this program's memory, made when it is first asked for: one of each type.
    pub fn part<T: Default + Send + Sync + 'static>(&self) -> Arc<T> {
        let mut parts = self.inner.parts.lock().unwrap_or_else(PoisonError::into_inner);
        let part = parts.entry(TypeId::of::<T>()).or_insert_with(|| Arc::new(T::default())).clone();
        // Kept under its own type, so it is one.
        part.downcast().unwrap_or_default()
    }

    /// How the program is reached.
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// What is taken up at once.
    pub fn bounds(&self) -> &Bounds {
        &self.inner.bounds
    }

    /// How often what may be asked for.
    pub fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    /// Limits that were declared for a route that is not there: a story finds none.
    pub fn stray_limits(&self) -> &[&'static str] {
        &self.inner.stray_limits
    }

    /// Every route. OpenAPI and the walks over all routes read it.
    pub fn routes(&self) -> &[Arc<Route>] {
        &self.inner.routes
    }

    /// Whether an address (with or without a query) is one of the program's pages, which can be gone to.
    pub fn is_page(&self, address: &str) -> bool {
        let path = address.split(['?', '#']).next().unwrap_or_default();
        let page = |route: &&Arc<Route>| route.answers == Answers::Page && route.method == Method::GET;
        self.routes().iter().filter(page).any(|route| route.is_at(path))
    }

    pub(crate) fn authenticate(&self) -> Option<Authenticate> {
        self.inner.authenticate
    }

    /// Everything that runs beside requests.
    pub fn jobs(&self) -> Jobs {
        let slices = self.slices();
        Jobs::new(
            self.db().clone(),
            slices.iter().flat_map(|s| s.later).copied().collect(),
            slices.iter().flat_map(|s| s.periodic).copied().collect(),
            slices.iter().flat_map(|s| s.seals).copied().collect(),
        )
    }

    /// The HTTP service.
    pub fn router(&self) -> Router {
        let mut router = Router::new();
        for route in self.routes() {
            let (app, route) = (self.clone(), route.clone());
            let path = route.path;
            let filter = route.method_filter();
            let slow = route.slow;
            let mut handler = axum::routing::on(filter, move |request| gate::serve(app.clone(), route.clone(), request));
            if !slow {
                handler = handler.layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, TIMEOUT));
            }
            router = router.route(path, handler);
        }
        let (missing, wrong) = (self.clone(), self.clone());
        router
            .fallback(move |request| gate::not_found(missing.clone(), request))
            .method_not_allowed_fallback(move |request| gate::wrong_method(wrong.clone(), request))
            .layer(CompressionLayer::new())
            .layer(CatchPanicLayer::custom(|_| {
                tracing::error!("a request panicked");
                (StatusCode::INTERNAL_SERVER_ERROR, "Hearth failed. Nothing was changed.").into_response()
            }))
            .layer(axum::middleware::map_response(gate::guard_headers))
    }
}
