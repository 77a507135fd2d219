//! Addresses with anything in their paths and parameters.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::Value;
use testkit::{Answer, Story, run};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use web::{Answers, Route};

use super::{Senders, fixtures, make, nowhere, refused_well, routes};

/// Values of parameters, as they stand in an address.
pub(super) fn garbage() -> Vec<String> {
    let mut all: Vec<String> = [
        "notaday",
        "abc",
        "-1",
        "0",
        "999999",
        "99999999999999999999",
        "1e30",
        "%F0%9F%A5%90",
        "%E2%80%AE%D7%A9",
        "%FF%FE",
        "%",
        "%zz",
        "2026-02-30",
    ]
    .map(str::to_owned)
    .into();
    all.extend(
        [
            "9999-12-31",
            "0000-01-01",
            "2026-11-21",
            "00000000-0000-0000-0000-000000000000",
            "null",
            "true",
            "'%20OR%201=1--",
            "%5B%5D",
            "a%26b",
        ]
        .map(str::to_owned),
    );
    all.push("x".repeat(5_000));
    all
}

/// Routes that are asked by GET and end.
pub(super) fn reading(story: &Story, answers: Answers) -> Vec<std::sync::Arc<Route>> {
    let all = story.app.routes().iter().filter(|r| r.method == Method::GET && r.answers == answers);
    // The live stream never ends; assets have no parameters.
    let all: Vec<_> = all.filter(|r| r.path != "/v1/live" && !r.path.starts_with("/assets/")).cloned().collect();
    assert!(all.len() > 15, "the routes were read");
    all
}

async fn ask(senders: &Senders, route: &Route, path: &str) {
    let answer = senders.to(route).get(path).await;
    held(&answer, route);
}

/// Holds an answer to any address.
#[track_caller]
fn held(answer: &Answer, route: &Route) {
    assert!(answer.status.as_u16() < 500 && answer.status != 403, "{}: {}", answer.asked, answer.text());
    if answer.status.is_client_error() {
        refused_well(answer, route.answers);
        if answer.status == 422 && route.answers == Answers::Json {
            let field = answer.json()["errors"][0]["field"].clone();
            assert!(field.as_str().is_some_and(|f| !f.is_empty()), "{}: names no field: {}", answer.asked, answer.text());
        }
    }
}

#[test]
fn no_parameter_of_the_api_breaks_it() {
    run(async |story| {
        let (fixtures, senders) = (fixtures(&story).await, Senders::of(&story).await);
        for route in reading(&story, Answers::Json) {
            let path = make::address(&route, &fixtures);
            let own: Vec<&str> =
                route.query.iter().copied().chain(route.list.iter().flat_map(|l| l.filters.iter().map(|f| f.name))).collect();
            for name in own.into_iter().chain(["sort", "cursor", "limit", "format", "from", "unknown"]) {
                for value in garbage() {
                    ask(&senders, &route, &format!("{path}?{name}={value}")).await;
                }
            }
        }
    });
}

#[test]
fn no_parameter_of_a_page_breaks_it() {
    run(async |story| {
        let (fixtures, senders) = (fixtures(&story).await, Senders::of(&story).await);
        let names: BTreeSet<&str> = story
            .app
            .routes()
            .iter()
            .flat_map(|r| r.query.iter().copied().chain(r.list.iter().flat_map(|l| l.filters.iter().map(|f| f.name))))
            .collect();
        let names: Vec<&str> = names.into_iter().chain(["sort", "cursor", "limit", "format", "period", "theme", "q", "unknown"]).collect();
        let long = "x".repeat(5_000);
        for route in reading(&story, Answers::Page) {
            let path = make::address(&route, &fixtures);
            for name in &names {
                for value in ["notaday", "9999-12-31", &long] {
                    ask(&senders, &route, &format!("{path}?{name}={value}")).await;
                }
            }
        }
    });
}

#[test]
fn no_parameter_of_what_is_taken_away_breaks_it() {
    run(async |story| {
        let senders = Senders::of(&story).await;
        let removing: Vec<_> = story.app.routes().iter().filter(|r| r.method == Method::DELETE && r.takes.is_none()).collect();
        assert!(!removing.is_empty(), "the routes were read");
        for route in removing {
            let sender = senders.to(route);
            for name in ["id", "reason", "version", "tenant", "unknown"] {
                for value in garbage() {
                    // What is away already is asked for: nothing is taken from the next question.
                    let path = format!("{}?{name}={value}", nowhere(route));
                    let request = Request::builder().method(Method::DELETE).uri(path).header("x-csrf-token", sender.csrf());
                    let Ok(request) = request.body(Body::empty()) else { continue };
                    held(&sender.send(request).await, route);
                }
            }
        }
    });
}

#[test]
fn what_a_list_does_not_know_is_refused_by_name() {
    run(async |story| {
        let senders = Senders::of(&story).await;
        for route in story.app.routes().iter().filter(|r| r.list.is_some() && !r.has_id()) {
            let field = async |query: &str| {
                let problem: Value = senders.to(route).get(&format!("{}?{query}", route.path)).await.is(422).json();
                problem["errors"][0]["field"].as_str().unwrap_or_default().to_owned()
            };
            for (query, blamed) in [
                ("colour=red", "colour"),
                ("sort=colour", "sort"),
                ("cursor=abc", "cursor"),
                ("limit=abc", "limit"),
                ("limit=-1", "limit"),
                ("limit=0", "limit"),
                ("format=exe", "format"),
            ] {
                assert_eq!(field(query).await, blamed, "{} {query}", route.path);
            }
            for format in ["csv", "xlsx"] {
                assert_eq!(field(&format!("format={format}&colour=red")).await, "colour", "{}", route.path);
            }
            let rows =
                senders.to(route).get(&format!("{}?limit=999999", route.path)).await.is(200).json()["rows"].as_array().unwrap().len();
            assert!(rows <= 200, "{}: {rows} rows", route.path);
        }
    });
}

#[test]
fn a_nul_in_an_address_is_refused() {
    run(async |story| {
        let (fixtures, senders) = (fixtures(&story).await, Senders::of(&story).await);
        for answers in [Answers::Json, Answers::Page] {
            for route in reading(&story, answers) {
                let path = make::address(&route, &fixtures);
                for query in ["q=%00", "a%00b=1", "from=2026-11-21%00"] {
                    let answer = senders.to(&route).get(&format!("{path}?{query}")).await.is(422);
                    refused_well(&answer, answers);
                    assert!(answers == Answers::Page || answer.code() == "text.control", "{}", answer.text());
                }
            }
        }
    });
}

#[test]
fn ids_that_are_none_find_nothing() {
    run(async |story| {
        let long = "x".repeat(10_000);
        let ids = [
            "%00",
            "..",
            "%2e%2e%2f",
            "..%2f..%2fetc%2fpasswd",
            "%FF",
            "%zz",
            "0",
            "-1",
            "null",
            "%F0%9F%A5%90",
            "a%20b",
            "00000000-0000-0000-0000-00000000000g",
            ";",
            &long,
        ];
        let senders = Senders::of(&story).await;
        // A sign-in page is there for every short name.
        for route in story.app.routes().iter().filter(|r| r.has_id() && r.path != "/login/{slug}") {
            let sender = senders.to(route);
            for id in ids {
                let parts: Vec<&str> = route.path.split('/').map(|part| if part.starts_with('{') { id } else { part }).collect();
                let path = parts.join("/");
                let answer = match (route.method.as_str(), route.answers) {
                    ("GET", _) => sender.get(&path).await,
                    ("POST", _) if path.ends_with("/photo") => sender.upload(&path, &[], &[("photo", "me.png", routes::DOT)]).await,
                    (_, Answers::Json) => sender.json(route.method.as_str(), &path, &make::body(&route.name)).await,
                    (_, Answers::Page) => sender.form(&path, &[]).await,
                };
                // Two of the longest make an address that nothing takes.
                let fine = matches!(answer.status.as_u16(), 404 | 422) || (answer.status == 413 && path.len() > 16 * 1024);
                assert!(fine, "{}: {}: {}", answer.asked, answer.status, answer.text());
                refused_well(&answer, route.answers);
            }
        }
    });
}

#[test]
fn an_address_of_a_megabyte_is_refused_and_the_program_goes_on() {
    run(async |story| {
        let served = story.serve().await;
        for path in [
            format!("/v1/items/{}", "a".repeat(1_000_000)),
            format!("/v1/items?q={}", "a".repeat(40_000)),
            format!("/items?q={}", "a".repeat(20_000)),
        ] {
            let mut stream = TcpStream::connect(served.address).await.unwrap();
            let ask = format!(
                "GET {path} HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\nConnection: close\r\n\r\n",
                served.address,
                story.owner.cookies()
            );
            // The program may hang up before it has heard all of it.
            let _ = stream.write_all(ask.as_bytes()).await;
            let mut said = Vec::new();
            let _ = stream.read_to_end(&mut said).await;
            let said = String::from_utf8_lossy(&said);
            let status = said.split(' ').nth(1).unwrap_or_default();
            assert!(["413", "414", "431"].contains(&status), "{} letters: {said}", path.len());
        }
        story.get("/v1/items").await.is(200);
    });
}
