//! A stand-in for Cloudflare Turnstile's `siteverify`, made from its public description: form or JSON, a token that is good once
//! and for 300 seconds, the error codes, host and action in the answer, the documented secrets for trying.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Response, StatusCode, header};
use axum::routing::post;
use kernel::Source;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use web::Captcha;

/// The widget's secret.
const SECRET: &str = "0x4AAAAAAAstories";
/// Secrets for trying: passes, fails, spent.
const PASSES: &str = "1x0000000000000000000000000000000AA";
const FAILS: &str = "2x0000000000000000000000000000000AA";
const SPENT: &str = "3x0000000000000000000000000000000AA";
/// What widgets for trying give.
const DUMMY: &str = "XXXX.DUMMY.TOKEN.XXXX";

/// How it behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// As described.
    Works,
    /// Takes the question and never answers.
    Silent,
    /// Says that it failed itself.
    Broken,
    /// Answers what is no verdict.
    Garbled,
}

struct State {
    behaviour: Behaviour,
    /// Tokens that were given out and not spent: host and action.
    given: BTreeMap<String, (String, String)>,
    spent: Vec<String>,
    asked: Vec<BTreeMap<String, String>>,
    count: u32,
}

/// A running stand-in; it ends when this is dropped.
pub struct Turnstile {
    url: String,
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
    /// While it is here, it serves.
    _stop: watch::Sender<bool>,
}

impl Turnstile {
    /// Begins to answer on a port of this machine.
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/siteverify", listener.local_addr().unwrap());
        let state = State { behaviour: Behaviour::Works, given: BTreeMap::new(), spent: Vec::new(), asked: Vec::new(), count: 0 };
        let state = Arc::new(Mutex::new(state));
        let held = state.clone();
        let answer = move |headers: HeaderMap, body: Bytes| answer(held.clone(), headers, body);
        let (stop, stopped) = watch::channel(false);
        let router = Router::new().route("/siteverify", post(answer));
        let task = tokio::spawn(hearth::http::serve(listener, router, stopped));
        Self { url, state, task, _stop: stop }
    }

    /// The settings of a program that asks it.
    pub fn captcha(&self) -> Captcha {
        self.captcha_with(SECRET)
    }

    /// The same with another secret.
    pub fn captcha_with(&self, secret: &str) -> Captcha {
        Captcha { site_key: "0x4AAAAAAAsite".into(), secret: secret.into(), verify_url: self.url.clone() }
    }

    /// Behaves so from now on.
    pub fn that(&self, behaviour: Behaviour) {
        self.state.lock().unwrap().behaviour = behaviour;
    }

    /// The token that the widget on a page of `host` gives a person who wants to `action`.
    pub fn token(&self, host: &str, action: &str) -> String {
        let mut state = self.state.lock().unwrap();
        state.count += 1;
        let token = format!("0.token-{}", state.count);
        state.given.insert(token.clone(), (host.to_owned(), action.to_owned()));
        token
    }

    /// What it was asked so far, field by field.
    pub fn asked(&self) -> Vec<BTreeMap<String, String>> {
        self.state.lock().unwrap().asked.clone()
    }
}

impl Drop for Turnstile {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn fields(headers: &HeaderMap, body: &[u8]) -> Option<BTreeMap<String, String>> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match kind.split(';').next().unwrap_or_default() {
        "application/json" => serde_json::from_slice(body).ok(),
        "application/x-www-form-urlencoded" => serde_urlencoded::from_bytes(body).ok(),
        _ => None,
    }
}

fn verdict(state: &mut State, fields: &BTreeMap<String, String>) -> Value {
    let fails = |code: &str| json!({ "success": false, "error-codes": [code] });
    let get = |name: &str| fields.get(name).map(String::as_str).filter(|text| !text.is_empty());
    let passes = |host: &str, action: &str| {
        let at = Source::real().now().to_string();
        json!({ "success": true, "error-codes": [], "challenge_ts": at, "hostname": host, "action": action, "cdata": "" })
    };
    let Some(secret) = get("secret") else { return fails("missing-input-secret") };
    let Some(token) = get("response") else { return fails("missing-input-response") };
    match secret {
        PASSES if token == DUMMY => return passes("example.com", ""),
        FAILS => return fails("invalid-input-response"),
        SPENT => return fails("timeout-or-duplicate"),
        SECRET if token != DUMMY => {}
        SECRET | PASSES => return fails("invalid-input-response"),
        _ => return fails("invalid-input-secret"),
    }
    if state.spent.iter().any(|spent| spent == token) {
        return fails("timeout-or-duplicate");
    }
    match state.given.remove(token) {
        Some((host, action)) => {
            state.spent.push(token.to_owned());
            passes(&host, &action)
        }
        None => fails("invalid-input-response"),
    }
}

async fn answer(state: Arc<Mutex<State>>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let behaviour = state.lock().unwrap().behaviour;
    let said = match behaviour {
        Behaviour::Silent => std::future::pending().await,
        Behaviour::Broken => json!({ "success": false, "error-codes": ["internal-error"] }),
        Behaviour::Garbled => json!("<html>"),
        Behaviour::Works => match fields(&headers, &body) {
            Some(fields) => {
                let mut state = state.lock().unwrap();
                state.asked.push(fields.clone());
                verdict(&mut state, &fields)
            }
            None => json!({ "success": false, "error-codes": ["bad-request"] }),
        },
    };
    let mut answer = Response::new(Body::from(said.to_string()));
    *answer.status_mut() = if behaviour == Behaviour::Garbled { StatusCode::BAD_GATEWAY } else { StatusCode::OK };
    answer
}
