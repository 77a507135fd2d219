//! What handlers answer.

use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::Response,
};
use kernel::{Error, Result};
use maud::Markup;
use serde::Serialize;

use crate::{Cx, problem};

/// An answer: status, headers, body.
pub struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: Vec<(HeaderName, String)>,
    pub(crate) body: Body,
    pub(crate) trips: u32,
}

impl Reply {
    /// Any bytes of a media type.
    pub fn bytes(content_type: &str, body: impl Into<Body>) -> Self {
        Self { status: StatusCode::OK, headers: vec![(header::CONTENT_TYPE, content_type.to_owned())], body: body.into(), trips: 0 }
    }

    /// JSON.
    pub fn json(value: &impl Serialize) -> Result<Self> {
        let text = serde_json::to_string(value).map_err(|e| Error::Internal(e.to_string()))?;
        Ok(Self::bytes("application/json", text))
    }

    /// What a command answered. What was done before under the same intent says so in a header.
    pub fn answer(answer: db::Answer) -> Self {
        let mut reply = Self::bytes("application/json", answer.body.to_string());
        reply.trips = answer.trips;
        if answer.again {
            reply = reply.header(HeaderName::from_static("idempotent-replayed"), "true");
        }
        reply
    }

    /// A page.
    pub fn page(page: Markup) -> Self {
        Self::bytes("text/html; charset=utf-8", page.into_string()).header(header::CACHE_CONTROL, "no-store")
    }

    /// A form that was refused, as it was typed.
    pub fn refused(page: Markup) -> Self {
        Self::page(page).status(StatusCode::UNPROCESSABLE_ENTITY)
    }

    /// Goes on to another page by GET. Only paths of this program.
    pub fn see(path: impl Into<String>) -> Self {
        let path = path.into();
        let safe = path.starts_with('/') && !path.starts_with("//") && !path.contains(['\\', '\t', '\r', '\n']);
        Self {
            status: StatusCode::SEE_OTHER,
            headers: vec![(header::LOCATION, if safe { path } else { "/".into() })],
            body: Body::empty(),
            trips: 0,
        }
    }

    /// A refusal as a problem document with members of its own, beside those that all have.
    pub fn problem(cx: &Cx, error: &Error, members: &serde_json::Value) -> Self {
        problem::reply_with(error, &cx.op.request.to_string(), members)
    }

    /// Nothing to say.
    pub fn empty() -> Self {
        Self { status: StatusCode::NO_CONTENT, headers: Vec::new(), body: Body::empty(), trips: 0 }
    }

    /// Another status.
    #[must_use]
    pub fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// One more header.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn into_response(self) -> Response {
        let mut response = Response::new(self.body);
        *response.status_mut() = self.status;
        for (name, value) in self.headers {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().append(name, value);
            }
        }
        response
    }
}
