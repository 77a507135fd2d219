//! Stories of who may do what.

mod business;
mod sign_in;
mod team;

use serde_json::{Value, json};
use testkit::{Answer, Person, Story};

const COOKIE: &str = "__Host-hearth";
const PASSWORD: &str = "xylophone marmalade quietly vanishes";

/// An address that no other story uses.
fn address(story: &Story) -> String {
    format!("ada.{}@example.com", story.clock.uuid())
}

/// Registers an address with [`PASSWORD`].
async fn registered(story: &Story) -> String {
    let email = address(story);
    let answer = story.stranger().post("/v1/auth/register", &json!({ "email": email, "password": PASSWORD })).await;
    assert_eq!(answer.is(202).json(), json!({ "accepted": true }));
    email
}

/// Signs in, and keeps the token against forgery.
async fn sign_in(person: &Person, email: &str, password: &str) -> Answer {
    let answer = person.post("/v1/auth/login", &json!({ "email": email, "password": password })).await;
    if let Ok(Value::String(token)) = serde_json::from_slice(&answer.body).map(|body: Value| body["csrfToken"].clone()) {
        person.keep_csrf(&token);
    }
    answer
}

/// An answer without what differs from request to request.
fn said(answer: &Answer) -> (u16, Value) {
    let mut body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    if let Some(fields) = body.as_object_mut() {
        fields.remove("requestId");
    }
    (answer.status.as_u16(), body)
}
