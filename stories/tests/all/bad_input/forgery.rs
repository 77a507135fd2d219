//! What another site makes a browser send.

use axum::body::Body;
use axum::http::Request;
use axum::http::request::Builder;
use testkit::{Answer, HOST, Person, Story, run};
use web::{Answers, Route};

use super::{Senders, changing, nowhere, refused_well};
use crate::all::routes::name;

fn ask(route: &Route) -> Builder {
    Request::builder().method(&route.method).uri(nowhere(route))
}

/// An empty body of the kind that the route takes.
async fn without_content(person: &Person, route: &Route, request: Builder) -> Answer {
    let (kind, body) = match route.answers {
        _ if route.slow => ("multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--x--\r\n"),
        Answers::Json => ("application/json", "{}"),
        Answers::Page => ("application/x-www-form-urlencoded", "a=1"),
    };
    person.send(request.header("content-type", kind).body(Body::from(body)).unwrap()).await
}

#[track_caller]
fn refused_as_forged(answer: &Answer, route: &Route) {
    assert_eq!(answer.status, 403, "{}: {}", name(route), answer.text());
    refused_well(answer, route.answers);
    match route.answers {
        Answers::Json => assert_eq!(answer.code(), "auth.csrf", "{}", name(route)),
        Answers::Page => assert!(answer.text().contains(kernel::code("auth.csrf").unwrap().text()), "{}", name(route)),
    }
}

/// Asks every route with these headers, and with the sender's own token where `token` says so.
async fn every_changing_route(story: &Story, senders: &Senders, token: bool, headers: &[(&str, &str)]) {
    let mut walked = 0;
    for route in changing(story) {
        let sender = senders.to(route);
        let own = if token { ask(route).header("x-csrf-token", sender.csrf()) } else { ask(route) };
        let request = headers.iter().fold(own, |request, (name, value)| request.header(*name, *value));
        refused_as_forged(&without_content(sender, route, request).await, route);
        walked += 1;
    }
    assert!(walked > 40, "only {walked} routes change something");
}

#[test]
fn a_cookie_without_its_token_changes_nothing() {
    run(async |story| {
        let senders = Senders::of(&story).await;
        every_changing_route(&story, &senders, false, &[]).await;
        every_changing_route(&story, &senders, false, &[("x-csrf-token", "made-up")]).await;
        every_changing_route(&story, &senders, false, &[("x-csrf-token", "")]).await;
    });
}

#[test]
fn the_token_of_another_session_is_refused() {
    run(async |story| {
        let (senders, token) = (Senders::of(&story).await, story.neighbour().await.1.csrf());
        every_changing_route(&story, &senders, false, &[("x-csrf-token", &token)]).await;
    });
}

#[test]
fn what_another_site_sends_is_refused_even_with_the_token() {
    run(async |story| {
        let senders = Senders::of(&story).await;
        let near = format!("http://{HOST}.evil.test");
        let other_scheme = format!("https://{HOST}");
        for origin in ["https://evil.test", "null", "", "http://hearth.test:81", &near, &other_scheme] {
            every_changing_route(&story, &senders, true, &[("origin", origin)]).await;
        }
        for site in ["cross-site", "same-site", "anything"] {
            every_changing_route(&story, &senders, true, &[("sec-fetch-site", site)]).await;
        }
    });
}

#[test]
fn the_programs_own_pages_pass() {
    run(async |story| {
        let own = format!("http://{HOST}");
        for headers in
            [[("origin", own.as_str()), ("sec-fetch-site", "same-origin")], [("origin", own.as_str()), ("sec-fetch-site", "none")]]
        {
            let site = serde_json::json!({ "name": "Shop", "timeZone": "Europe/London" });
            story.owner.json_with("POST", "/v1/sites", &site, &headers).await.ok();
        }
    });
}
