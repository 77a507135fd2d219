//! Bodies that are no command: unreadable, of another kind, too large, too deep.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::{Body, Bytes};
use axum::http::{Method, Request};
use futures::stream;
use serde_json::json;
use testkit::run;
use web::Answers;

use super::{Senders, changing, nowhere, send, taking_json};
use crate::all::routes::name;

const JSON: Option<&str> = Some("application/json");
/// The most that a body may hold.
const MOST: usize = 2 * 1024 * 1024;

#[test]
fn what_is_no_json_object_is_refused_as_such() {
    run(async |story| {
        let senders = Senders::of(&story).await;
        let broken = [
            &b"{\"name\":"[..],
            b"{]",
            b"nul",
            b"'a'",
            b"\xef\xbb\xbf{}",
            b"\xff\xfe{}",
            b"{\"a\":\"\xc3\x28\"}",
            b"{} {}",
            b"{\"a\":01}",
            b"{\"a\":NaN}",
        ];
        let other = [&b"[]"[..], b"7", b"\"text\"", b"null", b"true"];
        for route in taking_json(&story) {
            for body in broken.iter().chain(&other) {
                let answer = send(senders.to(&route), &route, JSON, body.to_vec()).await.refused("body.json");
                assert_eq!(answer.status, 400, "{}", name(&route));
            }
        }
    });
}

#[test]
fn what_is_not_called_json_is_not_read() {
    run(async |story| {
        let senders = Senders::of(&story).await;
        let kinds = [
            None,
            Some("text/plain"),
            Some("application/x-www-form-urlencoded"),
            Some("multipart/form-data; boundary=x"),
            Some("application/jsonp"),
        ];
        for route in taking_json(&story) {
            for kind in kinds {
                send(senders.to(&route), &route, kind, "{}").await.refused("body.type");
            }
            let read = send(senders.to(&route), &route, Some("application/json; charset=utf-8"), "{\"flavour\":\"rye\"}").await;
            assert_eq!(read.code(), "body.unknown_field", "{}", name(&route));
        }
    });
}

#[test]
fn an_unknown_field_is_named() {
    run(async |story| {
        let senders = Senders::of(&story).await;
        for route in taking_json(&story) {
            let refused = send(senders.to(&route), &route, JSON, "{\"flavour\":\"rye\"}").await.refused("body.unknown_field");
            assert_eq!(refused.json()["errors"][0]["field"], "flavour", "{}", name(&route));
        }
        let deep = json!({ "lines": [{ "itemId": uuid::Uuid::nil(), "quantity": "1", "colour": "red" }], "payments": [] });
        let refused = story.post("/v1/sales", &deep).await.refused("body.unknown_field");
        assert_eq!(refused.json()["errors"][0]["field"], "lines.0.colour");
    });
}

#[test]
fn json_of_ten_thousand_levels_is_refused_and_nothing_breaks() {
    run(async |story| {
        let senders = Senders::of(&story).await;
        for route in taking_json(&story) {
            for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
                let deep = format!("{{\"name\":{}1{}}}", open.repeat(10_000), close.repeat(10_000));
                send(senders.to(&route), &route, JSON, deep).await.refused("body.json");
            }
        }
    });
}

/// A body that says nothing of its length: a beginning, then spaces; and how much of it was read.
fn endless(begin: &'static str, bytes: usize) -> (Body, Arc<AtomicUsize>) {
    let read = Arc::new(AtomicUsize::new(0));
    let counted = read.clone();
    let rest = std::iter::repeat_n(Bytes::from(vec![b' '; 64 * 1024]), bytes / (64 * 1024));
    let pieces = std::iter::once(Bytes::from_static(begin.as_bytes())).chain(rest).map(move |piece| {
        counted.fetch_add(piece.len(), Ordering::SeqCst);
        Ok::<_, Infallible>(piece)
    });
    (Body::from_stream(stream::iter(pieces)), read)
}

#[test]
fn a_body_over_the_limit_is_refused_before_it_is_read_whole() {
    run(async |story| {
        let senders = Senders::of(&story).await;
        let routes: Vec<_> = changing(&story).filter(|r| !r.slow).cloned().collect();
        for route in routes {
            let kind = if route.answers == Answers::Json { JSON } else { Some("application/x-www-form-urlencoded") };
            for bytes in [MOST + 128 * 1024, 30 * 1024 * 1024] {
                let (body, read) = endless("", bytes);
                let answer = send(senders.to(&route), &route, kind, body).await.is(413);
                if route.answers == Answers::Json {
                    answer.refused("body.too_large");
                }
                assert!(read.load(Ordering::SeqCst) <= MOST + 128 * 1024, "{} read {read:?} bytes", name(&route));
            }
        }
    });
}

#[test]
fn a_body_just_under_the_limit_is_read() {
    run(async |story| {
        let body = format!("{{\"colour\":\"red\"}}{}", " ".repeat(MOST - 16));
        let sales = taking_json(&story).into_iter().find(|r| r.path == "/v1/sales").unwrap();
        send(&story.owner, &sales, JSON, body).await.refused("body.unknown_field");
    });
}

#[test]
fn what_comes_before_the_token_of_an_upload_is_not_read_without_end() {
    run(async |story| {
        let token = "--x\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n";
        let headers = "--x\r\nContent-Disposition: form-data; name=\"csrf\"; filename=";
        for route in changing(&story).filter(|r| r.slow).cloned().collect::<Vec<_>>() {
            for (begin, most) in [(token, 256 * 1024), (headers, MOST + 128 * 1024), ("no part at all", MOST + 128 * 1024)] {
                let (body, read) = endless(begin, 30 * 1024 * 1024);
                let request =
                    Request::builder().method(&route.method).uri(nowhere(&route)).header("content-type", "multipart/form-data; boundary=x");
                let answer = story.owner.send(request.body(body).unwrap()).await.is(403);
                assert!(answer.text().contains("too old"), "{}", answer.text());
                assert!(read.load(Ordering::SeqCst) <= most, "{} read {read:?} bytes after {begin}", name(&route));
            }
        }
    });
}

#[test]
fn a_method_that_an_address_does_not_take_is_said() {
    run(async |story| {
        let mut taken: BTreeMap<&str, Vec<Method>> = BTreeMap::new();
        for route in story.app.routes() {
            taken.entry(route.path).or_default().push(route.method.clone());
        }
        for (path, methods) in taken {
            for method in
                [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE].into_iter().filter(|m| !methods.contains(m))
            {
                let asked = path.replace(['{', '}'], "");
                let request = Request::builder().method(&method).uri(&asked).header("x-csrf-token", story.owner.csrf());
                let answer = story.owner.send(request.body(Body::empty()).unwrap()).await.is(405);
                assert!(methods.iter().all(|m| answer.header("allow").contains(m.as_str())), "{method} {asked}: {:?}", answer.headers);
                if path.starts_with("/v1/") {
                    assert_eq!(answer.header("content-type"), "application/problem+json", "{method} {asked}");
                    answer.refused("method");
                }
            }
        }
    });
}
