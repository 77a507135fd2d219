//! The program as a whole: its slices, its database, its routes.

use std::{sync::Arc, time::Duration};

use axum::{Router, http::StatusCode, response::IntoResponse};
use db::{Db, Jobs};
use tower_http::{catch_panic::CatchPanicLayer, compression::CompressionLayer, timeout::TimeoutLayer};

use crate::{Authenticate, Route, Routes, Slice, gate, live, palette, text};

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
        let routes = routes.all.into_iter().map(Arc::new).collect();
        Self { inner: Arc::new(Inner { db, slices, settings, routes, authenticate }) }
    }

    /// The database.
    pub fn db(&self) -> &Db {
        &self.inner.db
    }

    /// The slices, lower ones first.
    pub fn slices(&self) -> &[Slice] {
        &self.inner.slices
    }

    /// How the program is reached.
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// Every route. OpenAPI and the walks over all routes read it.
    pub fn routes(&self) -> &[Arc<Route>] {
        &self.inner.routes
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
