//! What the program answered.

use axum::http::{HeaderMap, StatusCode};
use serde_json::Value;

/// One answer, read whole.
#[derive(Clone, Debug)]
pub struct Answer {
    /// What was asked, for messages: `GET /v1/items`.
    pub asked: String,
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Holds it to a status; the message shows what was said instead.
    #[track_caller]
    pub fn is(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}: {}", self.asked, self.shown());
        self
    }

    /// Holds it to success, or to going on elsewhere after a form.
    #[track_caller]
    pub fn ok(self) -> Self {
        assert!(self.status.is_success() || self.status.is_redirection(), "{}: {}: {}", self.asked, self.status, self.shown());
        self
    }

    /// Holds it to a refusal with a code of the table.
    #[track_caller]
    pub fn refused(self, code: &str) -> Self {
        let row = kernel::code(code).unwrap_or_else(|| panic!("no such code: {code}"));
        assert_eq!((self.status.as_u16(), self.code().as_str()), (row.status, code), "{}: {}", self.asked, self.shown());
        self
    }

    /// The code of a problem document; empty when it is none. Refused fields have codes of their own: of one field it is that.
    pub fn code(&self) -> String {
        let problem: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        let errors = problem["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
        let one = match errors {
            [only] => only["code"].as_str(),
            _ => None,
        };
        one.or(problem["code"].as_str()).unwrap_or_default().to_owned()
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{}: no JSON ({error}): {}", self.asked, self.shown()))
    }

    /// A header, empty when it is not there.
    pub fn header(&self, name: &str) -> String {
        self.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).unwrap_or_default()
    }

    /// Where a form goes on.
    #[track_caller]
    pub fn location(&self) -> String {
        assert!(self.status.is_redirection(), "{}: {}: {}", self.asked, self.status, self.shown());
        self.header("location")
    }

    /// The value of the first input or textarea of a name on a page.
    #[track_caller]
    pub fn input(&self, name: &str) -> String {
        let text = self.text();
        let mark = format!("name=\"{name}\"");
        let tag = text.split('<').find(|tag| tag.contains(&mark)).unwrap_or_else(|| panic!("{}: no input {name}: {text}", self.asked));
        let value = match tag.strip_prefix("textarea").and_then(|rest| rest.split_once('>')) {
            Some((_, inside)) => inside,
            None => tag.split_once("value=\"").and_then(|(_, rest)| rest.split('"').next()).unwrap_or_default(),
        };
        value.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'").replace("&amp;", "&")
    }

    fn shown(&self) -> String {
        let location = self.header("location");
        let text: String = self.text().chars().take(2000).collect();
        if location.is_empty() { text } else { format!("goes on to {location} {text}") }
    }
}
