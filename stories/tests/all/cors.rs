//! Pages of other sites.

use axum::body::Body;
use axum::http::Request;
use serde_json::json;
use testkit::{Answer, Node, Person, Story, run};

use super::limits::{PASSWORD, account};

const SHOP: &str = "https://shop.example";

fn node(story: &Story) -> Node {
    story.node(|settings| {
        settings.cors_origins = vec![SHOP.into()];
        settings.limit_factor = 1000;
    })
}

async fn preflight(person: &Person, path: &str, origin: &str) -> Answer {
    let request = Request::options(path).header("origin", origin).header("access-control-request-method", "POST");
    person.send(request.header("access-control-request-headers", "authorization").body(Body::empty()).unwrap()).await
}

#[test]
fn without_a_list_no_other_site_is_answered() {
    run(async |story| {
        let answer = preflight(&story.stranger(), "/v1/items", SHOP).await.is(405);
        assert!(answer.header("access-control-allow-origin").is_empty() && !answer.header("vary").contains("origin"));
        let call = story.stranger().json_with("POST", "/v1/auth/login", &json!({}), &[("origin", SHOP)]).await.refused("auth.csrf");
        assert!(call.header("access-control-allow-origin").is_empty());
    });
}

#[test]
fn a_listed_site_uses_the_api_with_tokens() {
    run(async |story| {
        let (node, email) = (node(&story), account(&story).await);
        let asked = preflight(&node.stranger(), "/v1/auth/sessions", SHOP).await.is(204);
        assert_eq!(asked.header("access-control-allow-origin"), SHOP);
        assert_eq!(asked.header("access-control-allow-methods"), "DELETE, GET");
        assert!(asked.header("access-control-allow-headers").contains("authorization"));
        assert!(asked.header("vary").contains("origin"));
        assert!(asked.header("access-control-allow-credentials").is_empty());
        let headers = [("origin", SHOP), ("sec-fetch-site", "cross-site")];
        let login = json!({ "email": email, "password": PASSWORD });
        let answer = node.stranger().json_with("POST", "/v1/auth/login", &login, &headers).await.is(200);
        assert_eq!((answer.header("access-control-allow-origin").as_str(), answer.header("vary").contains("origin")), (SHOP, true));
        assert!(answer.header("access-control-expose-headers").contains("ratelimit-remaining"));
        let bearer = format!("Bearer {}", testkit::text(&answer.json()["accessToken"]));
        let with_token = [headers[0], headers[1], ("authorization", bearer.as_str())];
        node.stranger().json_with("GET", "/v1/auth/me", &json!(null), &with_token).await.is(200);
        node.stranger().json_with("DELETE", "/v1/auth/sessions", &json!(null), &with_token).await.ok();
        // Refusals can be read, too.
        let refused = node.stranger().json_with("GET", "/v1/auth/me", &json!(null), &headers).await.refused("auth.required");
        assert_eq!(refused.header("access-control-allow-origin"), SHOP);
    });
}

#[test]
fn attack_a_cookie_is_no_use_to_another_site_listed_or_not() {
    run(async |story| {
        let node = node(&story);
        let ada = node.stranger();
        ada.keep_cookie("__Host-hearth", &story.owner.cookie("__Host-hearth").unwrap());
        ada.keep_csrf(&story.owner.csrf());
        for site in [SHOP, "https://evil.example"] {
            let headers = [("origin", site), ("sec-fetch-site", "cross-site")];
            ada.json_with("POST", "/v1/items", &json!({}), &headers).await.refused("auth.csrf");
        }
        // A page's form is not the API.
        let headers = [("origin", SHOP)];
        node.stranger().json_with("POST", "/login", &json!({}), &headers).await.is(403);
    });
}

#[test]
fn nobody_else_and_nothing_else_is_answered() {
    run(async |story| {
        let node = node(&story);
        for (path, origin, status) in [
            ("/v1/items", "https://evil.example", 405),
            ("/v1/items", "http://shop.example", 405),
            ("/v1/items", "https://shop.example.evil.test", 405),
            ("/v1/items", "null", 405),
            ("/login", SHOP, 405),
            ("/v1/nothing/here", SHOP, 404),
        ] {
            let answer = preflight(&node.stranger(), path, origin).await.is(status);
            if path != "/v1/nothing/here" {
                assert!(answer.header("access-control-allow-origin").is_empty(), "{path} {origin}");
            }
            assert!(answer.header("access-control-allow-methods").is_empty(), "{path} {origin}");
        }
        // Caches keep answers apart also where no other site asks.
        assert!(node.stranger().get("/v1/openapi.json").await.is(200).header("vary").contains("origin"));
    });
}
