//! Other sites' pages that may use the API: none, unless the operator lists their origins. They use it with tokens; a cookie
//! never signs them in.

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::Response,
};

use crate::{App, Cx};

/// Headers that such a page may send.
const SEND: &str = "authorization, content-type, idempotency-key, x-hearth-tenant";
/// Headers of answers that it may read.
const READ: &str = "idempotent-replayed, ratelimit-limit, ratelimit-remaining, ratelimit-reset, retry-after, x-request-id";
/// Seconds for which a browser remembers the answer.
const REMEMBERED: &str = "600";

/// The listed origin that a request for the API comes from.
fn listed(app: &App, path: &str, headers: &HeaderMap) -> Option<HeaderValue> {
    let sent = headers.get(header::ORIGIN)?;
    let origins = &app.settings().cors_origins;
    (path.starts_with("/v1/") && origins.iter().any(|origin| origin.as_bytes() == sent.as_bytes())).then(|| sent.clone())
}

/// Whether a request for the API comes from a page of a listed site.
pub(crate) fn is_listed(app: &App, path: &str, headers: &HeaderMap) -> bool {
    listed(app, path, headers).is_some()
}

/// What an answer of the API says to browsers. Whether anything is said depends on who asks, and caches are told so.
pub(crate) fn write(cx: &Cx, headers: &mut HeaderMap) {
    if cx.app.settings().cors_origins.is_empty() || !cx.address.starts_with("/v1/") {
        return;
    }
    headers.append(header::VARY, HeaderValue::from_static("origin"));
    if let Some(origin) = listed(&cx.app, &cx.address, &cx.headers) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(READ));
    }
}

/// The answer to a browser's question whether a listed site's page may send a request; none where it is no such question.
pub(crate) fn preflight(app: &App, request: &Request) -> Option<Response> {
    let path = request.uri().path();
    if request.method() != Method::OPTIONS || !request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD) {
        return None;
    }
    let origin = listed(app, path, request.headers())?;
    let mut methods: Vec<&str> = app.routes().iter().filter(|route| route.is_at(path)).map(|route| route.method.as_str()).collect();
    methods.sort_unstable();
    methods.dedup();
    let methods = HeaderValue::from_str(&methods.join(", ")).ok()?;
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::NO_CONTENT;
    let headers = answer.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(SEND));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(REMEMBERED));
    headers.insert(header::VARY, HeaderValue::from_static("origin, access-control-request-method, access-control-request-headers"));
    Some(answer)
}
