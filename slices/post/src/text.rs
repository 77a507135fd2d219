//! Text messages to telephones: short, and only for codes. They wait in the same queue as letters, and leave by whatever gateway the
//! configuration describes: one HTTP request.

use std::time::Duration;

use futures::future::BoxFuture;
use kernel::{AccountId, Error, Result, Source, TenantId};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use sqlx::PgConnection;
use tokio::sync::OnceCell;
use vault::Keyring;
use web::tf;

use crate::address::one_line;
use crate::letter::{self, Brand, LetterId, Written};
use crate::mail::Outcome;

/// How long one request may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// The longest answer that is read, in bytes.
const ANSWER: usize = 64 * 1024;

/// A telephone's number: E.164, with its `+`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phone(String);

impl Phone {
    /// Takes a number that is written so already.
    pub fn new(text: &str) -> Result<Self> {
        let digits = text.strip_prefix('+').filter(|d| (7..=15).contains(&d.len()) && d.bytes().all(|b| b.is_ascii_digit()));
        digits.filter(|d| !d.starts_with('0')).map(|_| Self(text.to_owned())).ok_or_else(|| Error::field("phone", "phone.format"))
    }

    /// The number.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Takes text messages away.
pub trait Texts: Send + Sync {
    /// Where they go, for people; it holds no secret.
    fn place(&self) -> String;

    /// Tries once to send one, and gives up by itself within a minute.
    fn send(&self, to: Phone, text: String) -> BoxFuture<'_, Outcome>;
}

/// A gateway of text messages as it is configured: where a request is sent, what it says, which headers it carries.
#[derive(Clone)]
pub struct Gateway {
    url: reqwest::Url,
    body: String,
    headers: HeaderMap,
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Gateway({})", self.shown())
    }
}

impl Gateway {
    /// Reads the three settings: an http or https address; a form or an object of JSON with `{to}` and `{text}` in it; lines of
    /// `name: value`. The error says which of them is wrong.
    pub fn parse(url: &str, body: &str, headers: &str) -> std::result::Result<Self, &'static str> {
        let url: reqwest::Url = url.parse().ok().filter(|u: &reqwest::Url| ["http", "https"].contains(&u.scheme())).ok_or("url")?;
        let body = body.trim().to_owned();
        let filled = fill(&body, "+440000000", "text \"&");
        let read = if is_json(&body) {
            serde_json::from_str::<serde_json::Value>(&filled).is_ok()
        } else {
            body.split('&').all(|pair| pair.contains('='))
        };
        if !read || !body.contains("{to}") || !body.contains("{text}") {
            return Err("body");
        }
        let mut all = HeaderMap::new();
        all.insert(
            CONTENT_TYPE,
            HeaderValue::from_static(if is_json(&body) { "application/json" } else { "application/x-www-form-urlencoded" }),
        );
        for line in headers.lines().filter(|line| !line.trim().is_empty()) {
            let (name, value) = line.split_once(':').ok_or("headers")?;
            let name: HeaderName = name.trim().parse().map_err(|_| "headers")?;
            let mut value: HeaderValue = value.trim().parse().map_err(|_| "headers")?;
            value.set_sensitive(true);
            all.insert(name, value);
        }
        Ok(Self { url, body, headers: all })
    }

    /// Where it is, without what could be secret: path and query may be.
    pub fn shown(&self) -> String {
        format!("{}://{}", self.url.scheme(), self.url.host_str().unwrap_or_default())
    }

    /// Whether what is sent can be read on the way to another machine.
    pub fn is_readable(&self) -> bool {
        let here = self.url.host_str().is_some_and(|host| {
            host == "localhost" || host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        });
        self.url.scheme() == "http" && !here
    }
}

fn is_json(body: &str) -> bool {
    body.starts_with('{')
}

/// Puts number and text in their places, as the body's kind writes them.
fn fill(body: &str, to: &str, text: &str) -> String {
    let written = |value: &str| {
        if is_json(body) {
            // Without its quotation marks: the body has them.
            let quoted = serde_json::Value::from(value).to_string();
            quoted[1..quoted.len() - 1].to_owned()
        } else {
            serde_urlencoded::to_string([("", value)]).unwrap_or_default().trim_start_matches('=').to_owned()
        }
    };
    // The number first: a text that holds `{to}` stays as it is.
    let parts: Vec<String> = body.split("{text}").map(|part| part.replace("{to}", &written(to))).collect();
    parts.join(&written(text))
}

/// Sends by a gateway.
pub struct HttpTexts {
    gateway: Gateway,
    client: OnceCell<reqwest::Client>,
}

impl HttpTexts {
    /// By this one.
    pub fn new(gateway: Gateway) -> Self {
        Self { gateway, client: OnceCell::new() }
    }

    async fn try_once(&self, to: &Phone, text: &str) -> std::result::Result<Outcome, reqwest::Error> {
        let make = async || reqwest::Client::builder().timeout(PATIENCE).redirect(reqwest::redirect::Policy::none()).build();
        let client = self.client.get_or_try_init(make).await?;
        let Gateway { url, body, headers } = &self.gateway;
        let mut answer = client.post(url.clone()).headers(headers.clone()).body(fill(body, &to.0, text)).send().await?;
        let (status, mut read) = (answer.status(), Vec::new());
        while let Some(piece) = answer.chunk().await? {
            read.extend_from_slice(&piece);
            if read.len() > ANSWER {
                break;
            }
        }
        let said = format!("{status} {}", one_line(&String::from_utf8_lossy(&read), 200));
        Ok(match status.as_u16() {
            200..=299 => Outcome::Sent(said),
            408 | 425 | 429 | 500..=599 => Outcome::Later(said),
            _ => Outcome::Refused(said),
        })
    }
}

impl Texts for HttpTexts {
    fn place(&self) -> String {
        self.gateway.shown()
    }

    fn send(&self, to: Phone, text: String) -> BoxFuture<'_, Outcome> {
        Box::pin(async move { self.try_once(&to, &text).await.unwrap_or_else(|e| Outcome::Later(e.without_url().to_string())) })
    }
}

/// What a text message with a code says: the code, whose it is, that nobody may be told; and, last, the line by which telephones
/// fill it in on the page of this host and on no other.
pub fn code(brand: &Brand, code: &str, public_url: &str) -> String {
    let host = public_url.split("://").nth(1).unwrap_or_default().split(['/', ':']).next().unwrap_or_default();
    let name = brand.name.clone().unwrap_or_else(|| web::t("letter-installation"));
    format!("{}\n\n@{host} #{code}", tf("text-code", &[("code", code), ("name", &name)]))
}

/// A text message to be sent.
#[derive(Clone, Debug)]
pub struct Text {
    /// Whose it is.
    pub tenant: TenantId,
    /// Whom it is about, where that is an account.
    pub account: Option<AccountId>,
    /// To whom.
    pub to: Phone,
    /// Its kind, as letters have one.
    pub kind: &'static str,
    /// What it says.
    pub words: String,
}

/// Queues a text message on the connection of an open transaction, as [`letter::queue`] does a letter.
pub async fn queue(conn: &mut PgConnection, vault: &Keyring, source: &Source, text: &Text) -> Result<LetterId> {
    let written = Written { from: None, reply_to: None, subject: String::new(), html: String::new(), text: text.words.clone() };
    let to = letter::Recipient { tenant: text.tenant, account: text.account, kind: text.kind, recipient: text.to.as_str(), way: "text" };
    letter::enter(conn, vault, source, &to, &written).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_e164() {
        assert_eq!(Phone::new("+441314960000").unwrap().as_str(), "+441314960000");
        for wrong in ["", "441314960000", "+0131496000", "+44", "+44131496000000000", "+44 131 496 0000", "+4413149600a0"] {
            assert!(Phone::new(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn number_and_text_are_written_as_the_body_is() {
        let text = "0 & \"1\" {to}\n=2";
        assert_eq!(fill("To={to}&Body={text}", "+44131", text), "To=%2B44131&Body=0+%26+%221%22+%7Bto%7D%0A%3D2");
        let json = fill(r#"{"to":["{to}"],"text":"{text}"}"#, "+44131", text);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&json).unwrap(), serde_json::json!({ "to": ["+44131"], "text": text }));
    }

    #[test]
    fn settings_that_can_t_be_read_are_named() {
        let parse = |url: &str, body: &str, headers: &str| Gateway::parse(url, body, headers).map(|g| g.shown());
        let (url, body) = ("https://sms.example/v1/send?key=secret", "to={to}&text={text}");
        assert_eq!(parse(url, body, "Authorization: Bearer secret\n\nX-From: Hill"), Ok("https://sms.example".to_owned()));
        assert_eq!(parse("sms.example", body, ""), Err("url"));
        for wrong in ["", "to={to}", "text={text}", "{\"to\": {to}, \"text\": \"{text}\"", "{to}{text}"] {
            assert_eq!(parse(url, wrong, ""), Err("body"), "{wrong}");
        }
        for wrong in ["Authorization", "Bad name: x", "X: a\u{1}b"] {
            assert_eq!(parse(url, body, wrong), Err("headers"), "{wrong}");
        }
        assert!(Gateway::parse("http://sms.example", body, "").unwrap().is_readable());
        assert!(!Gateway::parse("http://127.0.0.1:9/x", body, "").unwrap().is_readable());
    }
}
