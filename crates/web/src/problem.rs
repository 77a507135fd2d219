//! Refusals as problem documents (RFC 9457) and as pages.

use axum::http::{StatusCode, header};
use kernel::Error;
use maud::html;
use serde_json::{Value, json};

use crate::{
    AT_DEVICE, Cx, Reply, code_text, field_text, t,
    ui::{self, Button, Trouble},
};

/// Seconds after which somebody who had too much at once may try again.
const AGAIN: u32 = 30;

/// The problem document of an error.
pub(crate) fn document(error: &Error, request: &str) -> Value {
    let row = error.row();
    let mut problem = json!({
        "type": format!("/docs/errors#{}", row.code),
        "title": code_text(row),
        "status": row.status,
        "code": row.code,
        "requestId": request,
    });
    match error {
        Error::Invalid(fields) => {
            let told = fields.iter().map(|f| json!({ "field": f.field, "code": f.code, "text": field_text(f) }));
            problem["errors"] = told.collect();
        }
        Error::Rule { field, detail, .. } => {
            if let Some(field) = field {
                problem["errors"] = json!([{ "field": field, "code": row.code, "text": code_text(row) }]);
            }
            if let Some(detail) = detail {
                problem["detail"] = json!(detail);
            }
        }
        Error::Forbidden(permission) => problem["detail"] = json!(format!("Needs {permission}.")),
        _ => {}
    }
    problem
}

/// Logs what people can't mend, once.
fn note(error: &Error, request: &str) {
    match error {
        Error::Internal(what) => tracing::error!(request, what, "internal error"),
        Error::Unavailable(_, what) => tracing::warn!(request, what, "unavailable"),
        Error::Conflict(what) => tracing::info!(request, what, "conflict"),
        _ => {}
    }
}

fn with_status(reply: Reply, error: &Error) -> Reply {
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let reply = reply.status(status);
    match error {
        Error::Unavailable(seconds, _) | Error::TooMany(seconds) => reply.header(header::RETRY_AFTER, seconds.to_string()),
        error if matches!(error.status(), 429 | 503) => reply.header(header::RETRY_AFTER, AGAIN.to_string()),
        _ => reply,
    }
}

/// A refusal as JSON.
pub(crate) fn reply(error: &Error, request: &str) -> Reply {
    note(error, request);
    with_status(Reply::bytes("application/problem+json", document(error, request).to_string()), error)
}

/// A refusal as JSON with members of its own.
pub(crate) fn reply_with(error: &Error, request: &str, members: &Value) -> Reply {
    note(error, request);
    let mut problem = document(error, request);
    if let (Some(problem), Some(members)) = (problem.as_object_mut(), members.as_object()) {
        problem.extend(members.clone());
    }
    with_status(Reply::bytes("application/problem+json", problem.to_string()), error)
}

/// A refusal as a page. Who is not signed in, must prove it again or lacks a second factor goes there and comes back.
pub(crate) fn page(cx: &Cx, error: &Error) -> Reply {
    let request = cx.op.request.to_string();
    note(error, &request);
    let asks = matches!(error, Error::Unauthenticated | Error::ReauthRequired | Error::SecondNeeded);
    if asks && cx.method == axum::http::Method::GET {
        let query = serde_urlencoded::to_string(&cx.query).unwrap_or_default();
        let here = if query.is_empty() { cx.address.clone() } else { format!("{}?{query}", cx.address) };
        let next = serde_urlencoded::to_string([("next", here)]).unwrap_or_default();
        let to = match error {
            Error::SecondNeeded => "/2fa/setup",
            // A registered device asks for a PIN, or shows its key.
            _ if cx.op.device.is_some() => "/device",
            Error::ReauthRequired => "/reauth",
            _ if cx.cookie(AT_DEVICE).is_some() => "/device",
            _ => "/login",
        };
        return Reply::see(format!("{to}?{next}"));
    }
    if error.code() == "tenant.none" {
        return Reply::see("/open");
    }
    let row = error.row();
    let detail = match error {
        Error::Rule { detail: Some(detail), .. } => Some(detail.clone()),
        Error::Invalid(fields) => Some(fields.iter().map(|f| format!("{}: {}", f.field, field_text(f))).collect::<Vec<_>>().join(" ")),
        _ => None,
    };
    // What the address asked for can't be had: the page without it can.
    let afresh = matches!(error, Error::Invalid(_)) && cx.method == axum::http::Method::GET && !cx.query.is_empty();
    let way_out = if afresh { Button::link(t("trouble-afresh"), &cx.address) } else { Button::link(t("trouble-home"), "/") };
    let trouble = Trouble {
        title: code_text(row),
        text: detail.unwrap_or_default(),
        kept: None,
        way_out: Some(way_out),
        request: (row.status >= 500).then(|| request.clone()),
    };
    let body = html! { (ui::trouble(&trouble)) };
    with_status(Reply::page(cx.page(t(&format!("trouble-{}", row.status)), body)), error)
}
