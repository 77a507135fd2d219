//! Stories of who may do what.

mod activity;
mod addresses;
mod assist;
mod auth_off;
mod brand;
mod business;
mod data;
mod devices;
mod external;
mod guesses;
mod invitations;
mod oneself;
mod operator;
mod passkeys;
mod passwords;
mod phone;
mod pins;
mod policy;
mod profile;
mod providers;
mod roles;
mod second;
mod sign_in;
mod team;
mod tokens;

use serde_json::{Value, json};
use testkit::{Answer, Person, Story};

const COOKIE: &str = "__Host-hearth";
const PASSWORD: &str = "xylophone marmalade quietly vanishes";

/// An address that no other story uses.
fn address(story: &Story) -> String {
    format!("ada.{}@example.com", story.clock.uuid())
}

/// Registers an address with [`PASSWORD`] and confirms it in the same browser.
async fn registered(story: &Story) -> String {
    let (email, browser) = (address(story), story.stranger());
    let answer = browser.post("/v1/auth/register", &json!({ "email": email, "password": PASSWORD })).await;
    assert_eq!(answer.is(202).json(), json!({ "accepted": true }));
    let token = story.letter(&email, "verify").await.token();
    let verified = browser.post("/v1/auth/verify-email", &json!({ "token": token })).await.ok().json();
    assert_eq!(verified, json!({ "email": email, "passwordNeeded": false }));
    email
}

/// Signs in, and keeps the token against forgery.
async fn sign_in(person: &Person, email: &str, password: &str) -> Answer {
    let answer = person.post("/v1/auth/login", &json!({ "email": email, "password": password, "session": "cookie" })).await;
    if let Ok(Value::String(token)) = serde_json::from_slice(&answer.body).map(|body: Value| body["csrfToken"].clone()) {
        person.keep_csrf(&token);
    }
    answer
}

/// The story's owner signs in anew: an hour passed, or their password changed.
async fn owner_again(story: &Story) {
    let (cookie, csrf) = identity::session_for(&story.db, story.owner.account.unwrap(), Some(story.tenant)).await.unwrap();
    story.owner.keep_cookie(COOKIE, &cookie);
    story.owner.keep_csrf(&csrf);
}

/// An answer without what differs from request to request.
fn said(answer: &Answer) -> (u16, Value) {
    let mut body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    if let Some(fields) = body.as_object_mut() {
        fields.remove("requestId");
    }
    (answer.status.as_u16(), body)
}

/// Signs in as a program does: the pair of tokens.
async fn tokens(story: &Story, email: &str) -> Value {
    story.stranger().post("/v1/auth/login", &json!({ "email": email, "password": PASSWORD })).await.is(200).json()
}

/// Asks with an access token or a key instead of a cookie.
async fn bearing(person: &Person, token: &str, method: &str, path: &str, body: &Value) -> Answer {
    person.json_with(method, path, body, &[("authorization", &format!("Bearer {token}"))]).await
}
