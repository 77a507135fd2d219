//! Authentication switched off, on one machine.

use axum::{body::Body, http::Request};
use serde_json::json;
use testkit::{Answer, Person, run};

async fn ask(person: &Person, host: &str, headers: &[(&str, &str)], method: &str, path: &str, body: &str) -> Answer {
    let request = Request::builder().method(method).uri(path).header("host", host).header("content-type", "application/json");
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    person.send(request.body(Body::from(body.to_owned())).unwrap()).await
}

#[test]
fn on_this_machine_everybody_is_the_owner_and_other_sites_stay_out() {
    run(async |story| {
        let slug = story.slug.clone();
        let node = story.node(|settings| {
            settings.limit_factor = 1_000_000;
            settings.auth_off = Some(slug);
        });
        let anybody = node.stranger();
        let me = ask(&anybody, "localhost:8080", &[], "GET", "/v1/auth/me", "").await.ok().json();
        assert_eq!(
            (me["email"].as_str(), me["tenant"].as_str()),
            (Some(story.owner.email.as_str()), Some(story.tenant.to_string().as_str()))
        );
        let supplier = json!({ "name": "Mill" }).to_string();
        let csrf = me["csrfToken"].as_str().unwrap();
        ask(&anybody, "127.0.0.1:8080", &[("x-csrf-token", csrf)], "POST", "/v1/suppliers", &supplier).await.ok();
        // A page of another site in the same browser has neither the token nor the name.
        ask(&anybody, "localhost:8080", &[], "POST", "/v1/suppliers", &supplier).await.refused("auth.csrf");
        for bent in ["evil.example", "localhost.evil.example", "192.0.2.1", "[2001:db8::1]", ""] {
            ask(&anybody, bent, &[], "GET", "/v1/auth/me", "").await.is(401);
        }
        // Whoever brings a token is who it says, or nobody.
        ask(&anybody, "localhost", &[("authorization", "Bearer made-up")], "GET", "/v1/auth/me", "").await.is(401);
    });
}

#[test]
fn production_never_lets_everybody_in() {
    run(async |story| {
        let slug = story.slug.clone();
        let node = story.node(|settings| {
            settings.auth_off = Some(slug);
            settings.production = true;
        });
        ask(&node.stranger(), "localhost", &[], "GET", "/v1/auth/me", "").await.is(401);
        assert!(identity::first_owner(&story.db, "nowhere").await.unwrap().is_none());
    });
}
