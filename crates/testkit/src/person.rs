//! Somebody at a browser or a program: asks in-process, keeps cookies, sends what guards against forgery.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Request, header};
use http_body_util::BodyExt;
use kernel::{AccountId, At, Source};
use serde_json::Value;
use tower::ServiceExt;

use crate::Answer;

/// Somebody who asks the program. Clones share cookies, like tabs of one browser.
#[derive(Clone)]
pub struct Person {
    router: Router,
    source: Source,
    /// Whose session it is; none for a stranger.
    pub account: Option<AccountId>,
    /// The address they sign in with; empty for a stranger.
    pub email: String,
    kept: Arc<Mutex<Kept>>,
    peer: Option<SocketAddr>,
}

#[derive(Default)]
struct Kept {
    cookies: BTreeMap<String, String>,
    csrf: String,
}

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Person({})", if self.email.is_empty() { "a stranger" } else { &self.email })
    }
}

impl Person {
    pub(crate) fn stranger(router: Router, source: Source) -> Self {
        Self { router, source, account: None, email: String::new(), kept: Arc::default(), peer: None }
    }

    /// The same, asking from an address.
    #[must_use]
    pub fn from(&self, address: &str) -> Self {
        Self { peer: Some(SocketAddr::new(address.parse().unwrap(), 40_000)), ..self.clone() }
    }

    /// Remembers a cookie.
    pub fn keep_cookie(&self, name: &str, value: &str) {
        self.kept().cookies.insert(name.to_owned(), value.to_owned());
    }

    /// A kept cookie.
    pub fn cookie(&self, name: &str) -> Option<String> {
        self.kept().cookies.get(name).cloned()
    }

    /// All cookies as a browser would send them.
    pub fn cookies(&self) -> String {
        self.kept().cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    /// Remembers the token that guards against forged requests.
    pub fn keep_csrf(&self, token: &str) {
        token.clone_into(&mut self.kept().csrf);
    }

    /// That token.
    pub fn csrf(&self) -> String {
        self.kept().csrf.clone()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap()
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    /// POST of JSON.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.json("POST", path, body).await
    }

    /// PUT of JSON.
    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        self.json("PUT", path, body).await
    }

    /// PATCH of JSON.
    pub async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.json("PATCH", path, body).await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Answer {
        let request = Request::delete(path).header("x-csrf-token", self.csrf());
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// JSON by any method.
    pub async fn json(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.json_with(method, path, body, &[]).await
    }

    /// JSON with further headers, such as `Idempotency-Key`.
    pub async fn json_with(&self, method: &str, path: &str, body: &Value, headers: &[(&str, &str)]) -> Answer {
        let request = Request::builder().method(method).uri(path).header("x-csrf-token", self.csrf());
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        self.send(request.header(header::CONTENT_TYPE, "application/json").body(Body::from(body.to_string())).unwrap()).await
    }

    /// A form as a browser sends it; token and intent are added where `fields` has none.
    pub async fn form(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let (csrf, intent) = (self.csrf(), self.source.uuid().to_string());
        let added = [("csrf", csrf.as_str()), ("intent", intent.as_str())];
        let added = added.into_iter().filter(|(name, _)| !fields.iter().any(|(given, _)| given == name));
        let all: Vec<(&str, &str)> = added.chain(fields.iter().copied()).collect();
        let body = serde_urlencoded::to_string(&all).unwrap();
        let request = Request::post(path).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(request.body(Body::from(body)).unwrap()).await
    }

    /// A form with a file in it, as a browser sends it; the token comes first.
    pub async fn upload(&self, path: &str, fields: &[(&str, &str)], files: &[(&str, &str, &[u8])]) -> Answer {
        const EDGE: &str = "----a-line-that-no-file-has";
        let csrf = self.csrf();
        let mut body = Vec::new();
        for (name, value) in [("csrf", csrf.as_str())].iter().chain(fields) {
            body.extend(format!("--{EDGE}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").into_bytes());
        }
        for (name, file, content) in files {
            let head = format!(
                "--{EDGE}\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{file}\"\r\nContent-Type: application/octet-stream\r\n\r\n"
            );
            body.extend(head.into_bytes());
            body.extend_from_slice(content);
            body.extend_from_slice(b"\r\n");
        }
        body.extend(format!("--{EDGE}--\r\n").into_bytes());
        let request = Request::post(path).header(header::CONTENT_TYPE, format!("multipart/form-data; boundary={EDGE}"));
        self.send(request.body(Body::from(body)).unwrap()).await
    }

    /// Any request, with the cookies. A settable clock goes on by a millisecond, as no two requests come at one moment.
    pub async fn send(&self, mut request: Request<Body>) -> Answer {
        self.source.set(At::from_micros(self.source.now().micros() + 1000));
        let cookies = self.cookies();
        if !cookies.is_empty() {
            request.headers_mut().insert(header::COOKIE, cookies.parse().unwrap());
        }
        if let Some(peer) = self.peer {
            request.extensions_mut().insert(ConnectInfo(peer));
        }
        request.headers_mut().entry(header::HOST).or_insert(crate::HOST.parse().unwrap());
        let asked = format!("{} {}", request.method(), request.uri());
        let (head, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap_or_else(|error| panic!("{asked}: the answer broke off: {error}")).to_bytes().to_vec();
        self.take_cookies(&head.headers);
        Answer { asked, status: head.status, headers: head.headers, body }
    }

    fn take_cookies(&self, headers: &HeaderMap) {
        for set in headers.get_all(header::SET_COOKIE) {
            let text = set.to_str().unwrap();
            let (pair, attributes) = text.split_once(';').unwrap_or((text, ""));
            let (name, value) = pair.split_once('=').unwrap();
            let gone = value.is_empty() || attributes.to_ascii_lowercase().contains("max-age=0");
            if gone {
                self.kept().cookies.remove(name);
            } else {
                self.keep_cookie(name, value);
            }
        }
    }
}
