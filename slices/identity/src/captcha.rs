//! Is it a person? Cloudflare Turnstile, where the operator has set it up: always for who registers, and for who signs in or gives
//! a second factor once there were wrong guesses. A provider that does not answer lets nobody register, and lets sign-ins go on: the lockout guards
//! those.

use std::time::Duration;

use axum::http::{HeaderValue, header};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use kernel::{At, Error, Result};
use maud::{Markup, html};
use serde::Deserialize;
use web::{
    Captcha, Cx, Reply,
    counters::{Ask, How, Key},
    network, t,
    ui::{Tone, banner},
};

use crate::outside::{self, Outside};

/// Wrong guesses for an address after which a sign-in needs proof.
const OF_ACCOUNT: u32 = 3;
/// Wrong guesses from a client after which it does.
const OF_CLIENT: u32 = 10;
/// Seconds for which wrong guesses count: 15 minutes.
const WINDOW: u32 = 15 * 60;
/// How long the provider may take.
const PATIENCE: Duration = Duration::from_secs(3);
/// The longest token, in bytes.
const TOKEN: usize = 2048;
/// Where the widget comes from.
const ORIGIN: &str = "https://challenges.cloudflare.com";
/// Cloudflare's secret for trying passes every token and names no host of ours; production refuses it at the start.
const TRYING: &str = "1x0000000000000000000000000000000AA";

/// What the person wants to do; a token for one serves not the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Login,
    Register,
    Second,
}

impl Action {
    fn name(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Register => "register",
            Self::Second => "second",
        }
    }
}

/// What the provider says of a token.
#[derive(Deserialize)]
struct Verdict {
    success: bool,
    #[serde(default)]
    hostname: Option<String>,
    #[serde(default)]
    action: Option<String>,
    #[serde(default, rename = "error-codes")]
    errors: Vec<String>,
}

/// What became of a check.
enum Checked {
    Person,
    Nobody,
    NoAnswer(String),
}

/// Registering needs proof, always.
pub(crate) async fn before_register(cx: &Cx, token: Option<&str>) -> Result<()> {
    bounded(token)?;
    let Some(captcha) = &cx.app.settings().captcha else { return Ok(()) };
    match check(cx, captcha, token, Action::Register).await? {
        Checked::Person => Ok(()),
        Checked::Nobody => Err(Error::rule("captcha.needed")),
        Checked::NoAnswer(why) => {
            tracing::warn!(why, "Turnstile does not answer: nobody can register");
            Err(Error::rule("captcha.unavailable"))
        }
    }
}

/// Signing in needs proof once there were wrong guesses.
pub(crate) async fn before_login(cx: &Cx, email: &str, token: Option<&str>) -> Result<()> {
    bounded(token)?;
    if is_wanted(cx, email).await { person(cx, token, Action::Login).await } else { Ok(()) }
}

/// A guess at a second factor of which so many were wrong needs proof.
pub(crate) async fn before_second(cx: &Cx, token: Option<&str>) -> Result<()> {
    person(cx, token, Action::Second).await
}

/// Refuses whom the provider takes for nobody; where it does not answer, the lockout guards what is guessed.
async fn person(cx: &Cx, token: Option<&str>, action: Action) -> Result<()> {
    let Some(captcha) = &cx.app.settings().captcha else { return Ok(()) };
    match check(cx, captcha, token, action).await? {
        Checked::Person => Ok(()),
        Checked::Nobody => Err(Error::rule("captcha.needed")),
        Checked::NoAnswer(why) => {
            tracing::warn!(why, "Turnstile does not answer: sign-ins go on without it");
            Ok(())
        }
    }
}

/// A refusal as JSON; one of a guess says whether the next one needs proof.
pub(crate) fn refusal(cx: &Cx, error: Error, wanted: bool) -> Result<Reply> {
    if error.status() == 401 && wanted {
        return Ok(Reply::problem(cx, &error, &serde_json::json!({ "captchaRequired": true })));
    }
    Err(error)
}

/// Refuses what is too long to be a token, asked for or not.
pub(crate) fn bounded(token: Option<&str>) -> Result<()> {
    if token.is_some_and(|token| token.len() > TOKEN) { Err(Error::field("captchaToken", "text.too_long")) } else { Ok(()) }
}

/// The two counts of wrong guesses.
fn asks(cx: &Cx, email: &str) -> [Ask; 2] {
    let ask = |rule, value: &str, most| Ask { key: Key::of(rule, value), most, seconds: WINDOW };
    [ask("captcha.account", email, OF_ACCOUNT), ask("captcha.address", &network(cx.op.address), OF_CLIENT)]
}

fn now(cx: &Cx) -> At {
    cx.app.db().source().now()
}

/// Whether the next sign-in needs proof. An empty address asks about the client alone.
pub(crate) async fn is_wanted(cx: &Cx, email: &str) -> bool {
    cx.app.settings().captcha.is_some() && cx.app.limits().count(How::Look, &asks(cx, email), now(cx)).await.full
}

/// Counts a wrong guess.
pub(crate) async fn guessed_wrong(cx: &Cx, email: &str) {
    if cx.app.settings().captcha.is_some() {
        cx.app.limits().count(How::Add, &asks(cx, email), now(cx)).await;
    }
}

/// Forgets the wrong guesses for an address, whose owner has come. Those of the client stay: they may have been for others.
pub(crate) async fn guessed_right(cx: &Cx, email: &str) {
    if cx.app.settings().captcha.is_some() {
        cx.app.limits().count(How::Forget, &asks(cx, email)[..1], now(cx)).await;
    }
}

async fn check(cx: &Cx, captcha: &Captcha, token: Option<&str>, action: Action) -> Result<Checked> {
    let Some(token) = token.map(str::trim).filter(|token| !token.is_empty() && token.len() <= TOKEN) else { return Ok(Checked::Nobody) };
    let verdict = match ask(cx, captcha, token).await {
        Ok(verdict) => verdict,
        Err(why) => return Ok(Checked::NoAnswer(why)),
    };
    // The provider's own faults, and ours with it, are not the person's.
    let ours = ["internal-error", "missing-input-secret", "invalid-input-secret", "bad-request"];
    if let Some(fault) = verdict.errors.iter().find(|error| ours.contains(&error.as_str())) {
        return Ok(Checked::NoAnswer(fault.clone()));
    }
    let host = cx.app.settings().public_url.parse::<axum::http::Uri>().ok().and_then(|uri| uri.host().map(str::to_owned));
    let here = captcha.secret == TRYING || (verdict.hostname == host && verdict.action.as_deref() == Some(action.name()));
    Ok(if verdict.success && here { Checked::Person } else { Checked::Nobody })
}

/// Asks the provider, within its time. A token that was asked about is spent.
async fn ask(cx: &Cx, captcha: &Captcha, token: &str) -> Result<Verdict, String> {
    let mut form = vec![("secret", captcha.secret.clone()), ("response", token.to_owned())];
    form.extend(cx.op.address.map(|address| ("remoteip", address.to_string())));
    let body = serde_urlencoded::to_string(form).map_err(|error| error.to_string())?;
    let outside = cx.app.part::<Outside>();
    let client = outside.client().await.map_err(|error| error.to_string())?;
    let request = client.post(&captcha.verify_url).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").timeout(PATIENCE);
    let (status, read) = outside::answer(request.body(body)).await?;
    serde_json::from_slice(&read).map_err(|_| format!("status {} without a verdict", status.as_u16()))
}

/// A page's widget, and the policy that lets it in; nothing where none is set up.
pub(crate) struct Widget {
    nonce: String,
    site_key: Option<String>,
    action: Action,
}

impl Widget {
    /// The widget of a page that always shows it.
    pub fn new(cx: &Cx, action: Action) -> Self {
        let site_key = cx.app.settings().captcha.as_ref().map(|captcha| captcha.site_key.clone());
        Self { nonce: URL_SAFE_NO_PAD.encode(cx.op.source.bytes::<16>()), site_key, action }
    }

    /// The same of a page that shows it where it is `needed`.
    pub fn where_needed(cx: &Cx, action: Action, needed: bool) -> Self {
        let widget = Self::new(cx, action);
        if needed { widget } else { Self { site_key: None, ..widget } }
    }

    /// That of the sign-in page: it is there once it is needed.
    pub async fn at_login(cx: &Cx, email: &str) -> Self {
        Self::where_needed(cx, Action::Login, is_wanted(cx, email).await)
    }

    /// What stands in the form. The widget adds the field `cf-turnstile-response`.
    pub fn markup(&self) -> Markup {
        let Some(site_key) = &self.site_key else { return html! {} };
        html! {
            div.cf-turnstile data-sitekey=(site_key) data-action=(self.action.name()) data-size="flexible" {}
            noscript { (banner(Tone::Wrong, &t("captcha-script"), None)) }
            script src={ (ORIGIN) "/turnstile/v0/api.js" } nonce=(self.nonce) async defer {}
        }
    }

    /// The answer with the policy that this page needs.
    pub fn allowed(&self, reply: Reply) -> Reply {
        if self.site_key.is_none() {
            return reply;
        }
        let policy = format!(
            "default-src 'self'; script-src 'self' 'nonce-{}' {ORIGIN}; frame-src {ORIGIN}; object-src 'none'; base-uri 'none'; \
             frame-ancestors 'none'; form-action 'self'",
            self.nonce
        );
        debug_assert!(HeaderValue::from_str(&policy).is_ok());
        reply.header(header::CONTENT_SECURITY_POLICY, policy)
    }
}

/// What the widget put into a form.
pub(crate) fn token(fields: &web::Fields) -> Option<String> {
    Some(fields.get("cf-turnstile-response").to_owned()).filter(|token| !token.is_empty())
}
