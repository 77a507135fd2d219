//! Walks over the whole route table.

use std::collections::BTreeMap;

use kernel::Permission;
use serde_json::json;
use testkit::{Story, run, text};
use uuid::Uuid;
use web::Answers;

use super::make;

/// Routes that anybody may call, each with its reason.
const OPEN: &[(&str, &str)] = &[
    ("GET /assets/{name}", "style and script of the sign-in page"),
    ("GET /ui", "the components, without data"),
    ("GET /healthz", "alive"),
    ("GET /health", "alive"),
    ("GET /readyz", "ready"),
    ("GET /version", "which program"),
    ("GET /v1/openapi.json", "the API's description"),
    ("GET /login", "signing in"),
    ("POST /login", "signing in"),
    ("GET /register", "an account of one's own"),
    ("POST /register", "an account of one's own"),
    ("POST /v1/auth/login", "signing in"),
    ("POST /v1/auth/register", "an account of one's own"),
    ("GET /reset-password", "a link with a token opens it"),
    ("POST /reset-password", "a link with a token opens it"),
    ("POST /v1/auth/reset-password", "a link with a token opens it"),
    ("POST /logout", "signing out, whoever one is"),
    ("POST /v1/auth/logout", "signing out, whoever one is"),
];

pub fn name(route: &web::Route) -> String {
    format!("{} {}", route.method, route.path)
}

#[test]
fn no_route_is_open_by_accident() {
    run(async |story| {
        for route in story.app.routes().iter().filter(|r| r.needs == Permission::Open) {
            assert!(OPEN.iter().any(|(open, _)| *open == name(route)), "{} is open to anybody; is it meant to be?", name(route));
        }
        let stranger = story.stranger();
        for route in story.app.routes().iter().filter(|r| r.needs != Permission::Open && r.method == "GET") {
            let path = route.path.replace("{id}", &Uuid::nil().to_string()).replace(['{', '}'], "");
            let answer = stranger.get(&path).await;
            let turned_away = answer.status == 401 || (route.answers == Answers::Page && answer.location().starts_with("/login"));
            assert!(turned_away, "{} answers a stranger with {}", name(route), answer.status);
        }
    });
}

#[test]
fn every_answer_carries_the_guards() {
    run(async |story| {
        for path in ["/", "/login", "/v1/items", "/v1/nothing", "/nothing", "/assets/none.css", "/healthz"] {
            for person in [&story.owner, &story.stranger()] {
                let answer = person.get(path).await;
                assert!(answer.header("content-security-policy").starts_with("default-src 'self'"), "{path}");
                assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
                assert_eq!(answer.header("x-frame-options"), "DENY", "{path}");
                assert!(!answer.header("x-request-id").is_empty(), "{path}");
                assert!(answer.header("access-control-allow-origin").is_empty(), "{path}");
            }
        }
    });
}

/// Things of the story's business, by the word of the path before their id: a route with an id and no fixture fails the walk.
pub async fn fixtures(story: &Story) -> BTreeMap<&'static str, String> {
    let item = story.stocked("Bread", 320).await;
    let receipt = story.bring_in(&item, "10", 1200).await;
    let order = text(&story.sell(&item, "1").await["id"]);
    let supplier = text(&story.post("/v1/suppliers", &json!({ "name": "Mill" })).await.ok().json()["id"]);
    BTreeMap::from([
        ("items", item),
        ("receipts", receipt),
        ("orders", order),
        ("suppliers", supplier),
        ("taxes", text(&story.post("/v1/taxes", &json!({ "name": "Luxury" })).await.ok().json()["id"])),
        ("members", text(&story.get("/v1/auth/me").await.ok().json()["account"])),
        ("team", text(&story.get("/v1/auth/me").await.ok().json()["account"])),
        ("businesses", story.tenant.to_string()),
        ("imports", import(story).await),
        ("import", import(story).await),
    ])
}

/// An import that was uploaded and not yet run.
pub async fn import(story: &Story) -> String {
    let file: &[u8] = b"date,ticket,item,price\n2026-11-01,1,Bread,3.20\n";
    text(&story.owner.upload("/v1/imports", &[], &[("files", "sales.csv", file)]).await.ok().json()["id"])
}

#[test]
fn a_neighbour_finds_nothing_by_any_id() {
    run(async |story| {
        let fixtures = fixtures(&story).await;
        let (_, neighbour) = story.neighbour().await;
        for route in story.app.routes().iter().filter(|r| r.has_id() && !r.path.starts_with("/assets")) {
            let parts: Vec<&str> = route.path.split('/').collect();
            let word = parts.iter().zip(parts.iter().skip(1)).find(|(_, p)| p.starts_with('{')).map(|(word, _)| *word).unwrap_or_default();
            let Some(id) = fixtures.get(word) else { panic!("{} names a thing by id, and no fixture makes one", name(route)) };
            let path = parts.iter().map(|p| if p.starts_with('{') { id.as_str() } else { p }).collect::<Vec<_>>().join("/");
            let answer = match (route.method.as_str(), route.answers) {
                ("GET", _) => neighbour.get(&path).await,
                (_, Answers::Json) => neighbour.json(route.method.as_str(), &path, &make::body(&route.name)).await,
                (_, Answers::Page) => neighbour.form(&path, &[]).await,
            };
            assert_eq!(answer.status, 404, "{}: a neighbour gets {}: {}", name(route), answer.status, answer.text());
        }
    });
}

#[test]
fn the_api_describes_itself() {
    run(async |story| {
        let document = web::openapi(&story.app);
        assert_eq!(document["openapi"], "3.1.0");
        let paths = document["paths"].as_object().unwrap();
        for route in story.app.routes().iter().filter(|r| r.answers == Answers::Json) {
            let operation = &paths[route.path][route.method.as_str().to_lowercase()];
            assert_eq!(operation["x-permission"], route.needs.code(), "{}", name(route));
        }
        // Every reference leads somewhere.
        let schemas = document["components"]["schemas"].as_object().unwrap();
        let text = document.to_string();
        for reference in text.split("#/components/schemas/").skip(1) {
            let schema = reference.split('"').next().unwrap();
            assert!(schemas.contains_key(schema), "no schema is called {schema}");
        }
    });
}
