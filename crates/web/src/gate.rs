//! The way every request goes: who sent it, may they, is it theirs (CSRF), how large is it; then its handler; then the
//! answer with its headers. Written once, so no route can forget any of it.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    body::Body,
    extract::{DefaultBodyLimit, FromRequest, Multipart, Request},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header, request::Parts},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use db::{Activity, activity};
use futures::{TryStreamExt, stream};
use kernel::{Error, Op, Permission, Result};
use subtle::ConstantTimeEq;

use crate::{Answers, App, Cx, Fields, Rates, Reply, Route, Routes, Settings, Visitor, assets, cors, limits, problem, routes::Does};

/// The largest body of a command or a form, in bytes.
const BODY: usize = 2 * 1024 * 1024;
/// The longest CSRF token that is read, in bytes.
const TOKEN: usize = 1024;
/// The longest address, in bytes.
const ADDRESS: usize = 16 * 1024;

/// A multipart body whose CSRF field was checked: the rest of its parts.
pub struct Upload {
    /// The parts, to be read one after the other.
    pub parts: Multipart,
}

/// Routes of the frame itself: files with content in their names.
pub(crate) fn routes(routes: &mut Routes) {
    routes.raw("GET /assets/{name}", Permission::Open, Answers::Page, &[], async |cx: Cx| {
        let (bytes, kind) = assets::find(&cx.address).ok_or(Error::NotFound)?;
        Ok(Reply::bytes(kind, Bytes::from_static(bytes)).header(header::CACHE_CONTROL, "public, max-age=31536000, immutable"))
    });
    routes.raw("GET /v1/openapi.json", Permission::Open, Answers::Json, &[], async |cx: Cx| Reply::json(&crate::openapi(&cx.app)));
    routes.page("GET /ui", Permission::Open, async |cx: Cx| {
        // For who builds: in front of strangers there is no such page.
        if cx.app.settings().production {
            return Err(Error::NotFound);
        }
        Ok(crate::ui::gallery_in(crate::ui::Theme::named(cx.param("theme").unwrap_or_default())))
    });
}

/// Serves one request of one route.
pub(crate) async fn serve(app: App, route: Arc<Route>, request: Request) -> Response {
    let begun = std::time::Instant::now();
    let (parts, body) = request.into_parts();
    let visitor = visitor(&app, &parts).await;
    let mut cx = bare(&app, route.clone(), &parts);
    let result = match visitor {
        Ok(visitor) => {
            cx.op = visitor.op;
            cx.viewer = visitor.viewer;
            let handled = handle(&mut cx, parts, body).await;
            handled.inspect_err(|error| note_refused(&cx, error))
        }
        Err(error) => Err(error),
    };
    finish(&cx, result, begun.elapsed())
}

/// What was refused for who asked, or whence, is noted: what their role does not include, what another site's page made a
/// browser send.
fn note_refused(cx: &Cx, error: &Error) {
    let route = cx.route.path;
    let (action, detail) = match error {
        Error::Forbidden(permission) => (activity::REFUSED, serde_json::json!({ "route": route, "needs": permission })),
        // Who is not signed in has nothing that could be misused, and is not counted yet.
        Error::Rule { code, .. } if code.code == "auth.csrf" && cx.viewer.is_some() => {
            (activity::FORGED, serde_json::json!({ "route": route }))
        }
        _ => return,
    };
    cx.app.db().note(Activity::of(&cx.op, action, "route").detail(detail));
}

async fn handle(cx: &mut Cx, parts: Parts, body: Body) -> Result<Reply> {
    if parts.uri.path_and_query().is_some_and(|p| p.as_str().len() > ADDRESS) {
        return Err(Error::rule("body.too_large"));
    }
    if let Some((name, _)) = cx.path.iter().chain(&cx.query).find(|(n, v)| n.contains('\0') || v.contains('\0')) {
        return Err(Error::field(name.replace('\0', ""), "text.control"));
    }
    let changes = !matches!(cx.method, Method::GET | Method::HEAD);
    limits::of_caller(cx).await?;
    if changes {
        same_origin(cx)?;
    }
    cx.op.needs(cx.route.needs)?;
    let route = cx.route.clone();
    match &route.does {
        Does::Handle(handler) => {
            cx.body =
                if changes { axum::body::to_bytes(body, BODY).await.map_err(|_| Error::rule("body.too_large"))? } else { Bytes::new() };
            if changes {
                check_token(cx)?;
            }
            limits::of_route(cx).await?;
            handler(cx.clone()).await
        }
        Does::Upload(handler) => {
            let checked = Arc::new(AtomicBool::new(false));
            let mut request = Request::from_parts(parts, paced(body, checked.clone()));
            // The handler counts what it takes; axum's own limit is that of a form.
            DefaultBodyLimit::disable().apply(&mut request);
            let mut multipart = Multipart::from_request(request, &()).await.map_err(|_| Error::rule("body.type"))?;
            let sent = match cx.headers.get("x-csrf-token") {
                Some(token) => token.to_str().unwrap_or_default().to_owned(),
                None => first_field(&mut multipart).await?,
            };
            token_matches(cx, &sent)?;
            limits::of_route(cx).await?;
            checked.store(true, Ordering::Relaxed);
            let _place = cx.op.tenant.map(|tenant| cx.app.bounds().upload(tenant)).transpose()?;
            handler(cx.clone(), Upload { parts: multipart }).await
        }
    }
}

/// The CSRF token as the first part of an upload; whatever else comes first is refused.
async fn first_field(multipart: &mut Multipart) -> Result<String> {
    let bad = |_| Error::rule("auth.csrf");
    match multipart.next_field().await.map_err(bad)? {
        Some(mut field) if field.name() == Some("csrf") => {
            let mut token = Vec::new();
            while let Some(more) = field.chunk().await.map_err(bad)? {
                token.extend_from_slice(&more);
                if token.len() > TOKEN {
                    return Err(Error::rule("auth.csrf"));
                }
            }
            String::from_utf8(token).map_err(|_| Error::rule("auth.csrf"))
        }
        _ => Err(Error::rule("auth.csrf")),
    }
}

/// Hands an upload on piece by piece: the reader of its parts keeps all that comes at once, and would go on for as long as
/// the next piece is there. Before the token was `checked` it breaks off where a form would.
fn paced(body: Body, checked: Arc<AtomicBool>) -> Body {
    let pieces = stream::try_unfold((body.into_data_stream(), 0), move |(mut pieces, read)| {
        let checked = checked.clone();
        async move {
            tokio::task::yield_now().await;
            let Some(piece) = pieces.try_next().await? else { return Ok(None) };
            let read = if checked.load(Ordering::Relaxed) { 0 } else { read + piece.len() };
            if read > BODY { Err(axum::Error::new(Error::rule("body.too_large"))) } else { Ok(Some((piece, (pieces, read)))) }
        }
    });
    Body::from_stream(pieces)
}

/// Refuses what another site's page makes a browser send. A listed site's may use the API, but not by a cookie.
fn same_origin(cx: &Cx) -> Result<()> {
    let text = |name: &str| cx.headers.get(name).and_then(|v| v.to_str().ok());
    if cors::is_listed(&cx.app, &cx.address, &cx.headers) && cx.viewer.as_ref().is_none_or(|viewer| viewer.csrf.is_none()) {
        return Ok(());
    }
    if text("sec-fetch-site").is_some_and(|site| !matches!(site, "same-origin" | "none")) {
        return Err(Error::rule("auth.csrf"));
    }
    let Some(sent) = text("origin") else { return Ok(()) };
    if is_own_origin(sent, text("host"), cx.app.settings()) { Ok(()) } else { Err(Error::rule("auth.csrf")) }
}

/// Whether an origin is the program's: that of its public address. While it is built and tried on one machine it may be
/// asked by any name of that machine, too.
fn is_own_origin(sent: &str, host: Option<&str>, settings: &Settings) -> bool {
    let Some(sent) = origin(sent) else { return false };
    let here = || host.and_then(|host| origin(&format!("http://{host}"))).filter(|own| !settings.production && is_loopback(&own.1));
    origin(&settings.public_url).is_some_and(|own| own == sent) || here().is_some_and(|own| own == sent)
}

/// Scheme, host and port of an address.
fn origin(address: &str) -> Option<(String, String, u16)> {
    let uri: Uri = address.parse().ok()?;
    let scheme = uri.scheme_str()?.to_ascii_lowercase();
    let usual = if scheme == "https" { 443 } else { 80 };
    Some((scheme, uri.host()?.to_ascii_lowercase(), uri.port_u16().unwrap_or(usual)))
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// A state-changing request that a cookie signs in must carry the session's token, in a header or a form's field.
fn check_token(cx: &Cx) -> Result<()> {
    if cx.viewer.as_ref().is_none_or(|viewer| viewer.csrf.is_none()) {
        return Ok(());
    }
    let sent = match cx.headers.get("x-csrf-token") {
        Some(token) => token.to_str().unwrap_or_default().to_owned(),
        None => Fields::token(cx),
    };
    token_matches(cx, &sent)
}

fn token_matches(cx: &Cx, sent: &str) -> Result<()> {
    match cx.viewer.as_ref().and_then(|viewer| viewer.csrf.as_ref()) {
        Some(token) if !bool::from(token.as_bytes().ct_eq(sent.as_bytes())) => Err(Error::rule("auth.csrf")),
        _ => Ok(()),
    }
}

async fn visitor(app: &App, parts: &Parts) -> Result<Visitor> {
    let address = address(app, parts)?;
    let mut visitor = match app.authenticate() {
        Some(authenticate) => authenticate(app, parts, address).await?,
        None => Visitor { op: Op::nobody(app.db().source()), viewer: None },
    };
    visitor.op.address = address;
    Ok(visitor)
}

/// The client's address: the peer's, or, behind so many trusted proxies, that entry of `X-Forwarded-For` from the right. One
/// that can't be read, or is missing where a proxy should have written it, is refused: nobody's guesses go uncounted.
fn address(app: &App, parts: &Parts) -> Result<Option<IpAddr>> {
    let peer = parts.extensions.get::<axum::extract::ConnectInfo<std::net::SocketAddr>>().map(|c| c.0.ip());
    let hops = app.settings().trusted_proxies;
    if hops == 0 {
        return Ok(peer.map(|peer| peer.to_canonical()));
    }
    let all: Vec<&str> =
        parts.headers.get_all("x-forwarded-for").iter().filter_map(|v| v.to_str().ok()).flat_map(|v| v.split(',')).map(str::trim).collect();
    // The program itself asks without a proxy: for its health, from this machine.
    if all.is_empty() && peer.is_some_and(|peer| peer.is_loopback()) {
        return Ok(peer);
    }
    let named = all.len().checked_sub(hops).and_then(|i| all.get(i)).and_then(|a| a.parse::<IpAddr>().ok());
    named.map(|address| Some(address.to_canonical())).ok_or_else(|| Error::rule("proxy.address"))
}

fn bare(app: &App, route: Arc<Route>, parts: &Parts) -> Cx {
    let path = path_values(route.path, parts.uri.path());
    let query = parts.uri.query().and_then(|q| serde_urlencoded::from_str(q).ok()).unwrap_or_default();
    Cx {
        app: app.clone(),
        op: Op::nobody(app.db().source()),
        viewer: None,
        route,
        method: parts.method.clone(),
        address: parts.uri.path().to_owned(),
        path,
        query,
        headers: parts.headers.clone(),
        body: Bytes::new(),
        rates: Rates::default(),
    }
}

/// The values of a pattern's parameters; the router has matched them already.
fn path_values(pattern: &str, path: &str) -> Vec<(String, String)> {
    pattern
        .split('/')
        .zip(path.split('/'))
        .filter_map(|(p, v)| Some((p.strip_prefix('{')?.strip_suffix('}')?.to_owned(), v.to_owned())))
        .collect()
}

fn finish(cx: &Cx, result: Result<Reply>, took: Duration) -> Response {
    let request = cx.op.request.to_string();
    let reply = match result {
        Ok(reply) => reply,
        Err(error) if cx.route.answers == Answers::Page => problem::page(cx, &error),
        Err(error) => problem::reply(&error, &request),
    };
    let timing = format!("total;dur={:.2}, trips;desc={}", took.as_secs_f64() * 1000.0, reply.trips);
    let mut response = reply.into_response();
    let headers = response.headers_mut();
    let put = |headers: &mut HeaderMap, name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    cx.rates.write(headers);
    cors::write(cx, headers);
    put(headers, "x-request-id", &request);
    put(headers, "server-timing", &timing);
    if !headers.contains_key(header::CACHE_CONTROL) {
        put(headers, "cache-control", "no-store");
    }
    tracing::debug!(request, route = cx.route.path, status = response.status().as_u16(), ms = took.as_secs_f64() * 1000.0, "served");
    response
}

/// What every answer carries, errors and files included.
pub(crate) async fn guard_headers(mut response: Response) -> Response {
    const GUARDS: &[(&str, &str)] = &[
        ("strict-transport-security", "max-age=31536000; includeSubDomains"),
        ("content-security-policy", "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "same-origin"),
        ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=()"),
        ("cross-origin-opener-policy", "same-origin"),
    ];
    for (name, value) in GUARDS {
        // A page that needs something of elsewhere brings a policy of its own.
        response.headers_mut().entry(HeaderName::from_static(name)).or_insert(HeaderValue::from_static(value));
    }
    response
}

fn stray(app: &App, request: &Request) -> (Cx, Parts) {
    let (parts, ()) = {
        let mut builder = axum::http::Request::builder().method(request.method().clone()).uri(request.uri().clone());
        if let Some(headers) = builder.headers_mut() {
            *headers = request.headers().clone();
        }
        builder.body(()).unwrap_or_default().into_parts()
    };
    let page = !parts.uri.path().starts_with("/v1/");
    let mut table = Routes::default();
    table.raw("GET /", Permission::Open, if page { Answers::Page } else { Answers::Json }, &[], async |_| Err(Error::NotFound));
    // One route was added just now.
    (bare(app, Arc::new(table.all.remove(0)), &parts), parts)
}

/// An address that nothing serves.
pub(crate) async fn not_found(app: App, request: Request) -> Response {
    let (mut cx, parts) = stray(&app, &request);
    // Who is signed in keeps their places around the page.
    if cx.route.answers == Answers::Page
        && let Ok(visitor) = visitor(&app, &parts).await
    {
        cx.op = visitor.op;
        cx.viewer = visitor.viewer;
    }
    finish(&cx, Err(Error::NotFound), Duration::ZERO)
}

/// A method that an address does not take; or a browser's question before another site's page uses the API.
pub(crate) async fn wrong_method(app: App, request: Request) -> Response {
    if let Some(answer) = cors::preflight(&app, &request) {
        return answer;
    }
    let response = finish(&stray(&app, &request).0, Err(Error::rule("method")), Duration::ZERO);
    (StatusCode::METHOD_NOT_ALLOWED, response).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(public_url: &str, production: bool) -> Settings {
        Settings { public_url: public_url.into(), production, ..Settings::default() }
    }

    #[test]
    fn in_production_the_public_address_alone_is_the_origin() {
        let shop = settings("https://bakery.example", true);
        for own in ["https://bakery.example", "https://bakery.example:443", "HTTPS://Bakery.Example"] {
            assert!(is_own_origin(own, Some("10.0.0.7:8080"), &shop), "{own}");
        }
        for foreign in
            ["http://bakery.example", "https://bakery.example:8443", "https://bakery.example.evil.test", "null", "", "bakery.example"]
        {
            assert!(!is_own_origin(foreign, Some("bakery.example"), &shop), "{foreign}");
        }
        assert!(!is_own_origin("http://127.0.0.1:8080", Some("127.0.0.1:8080"), &shop));
    }

    #[test]
    fn on_one_machine_any_of_its_names_is_the_origin() {
        let tried = settings("http://127.0.0.1:8080", false);
        for (own, host) in
            [("http://localhost:8080", "localhost:8080"), ("http://[::1]:9000", "[::1]:9000"), ("http://127.0.0.1:8080", "x")]
        {
            assert!(is_own_origin(own, Some(host), &tried), "{own}");
        }
        for (foreign, host) in [
            ("https://localhost:8080", "localhost:8080"),
            ("http://localhost:8080", "localhost:9000"),
            ("http://evil.test", "evil.test"),
            ("http://192.0.2.1:8080", "192.0.2.1:8080"),
        ] {
            assert!(!is_own_origin(foreign, Some(host), &tried), "{foreign}");
        }
    }
}
