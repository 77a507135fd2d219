//! Walks over the whole route table.

use std::collections::BTreeMap;

use kernel::Permission;
use serde_json::{Value, json};
use testkit::{Story, run, text};
use uuid::Uuid;
use web::Answers;

use super::make;

/// Routes that anybody may call, each with its reason.
const OPEN: &[(&str, &str)] = &[
    ("GET /assets/{name}", "style and script of the sign-in page"),
    ("GET /ui", "the components, without data, for who builds"),
    ("GET /healthz", "alive"),
    ("GET /health", "alive"),
    ("GET /readyz", "ready"),
    ("GET /version", "which program"),
    ("GET /v1/openapi.json", "the API's description"),
    ("GET /login", "signing in"),
    ("GET /login/{slug}", "signing in, on a business's own page"),
    ("GET /brand/{slug}/{file}", "logo and colour of letters and of that page"),
    ("POST /login", "signing in"),
    ("GET /register", "an account of one's own"),
    ("POST /register", "an account of one's own"),
    ("POST /v1/auth/login", "signing in"),
    ("POST /v1/auth/register", "an account of one's own"),
    ("GET /reset-password", "a link with a token opens it"),
    ("POST /reset-password", "a link with a token opens it"),
    ("POST /v1/auth/reset-password", "a link with a token opens it"),
    ("GET /.well-known/jwks.json", "the keys that signatures are held against"),
    ("POST /v1/auth/refresh", "a refresh token opens it"),
    ("POST /v1/auth/2fa/verify", "the second step of signing in"),
    ("POST /v1/auth/recovery-login", "the second step of signing in"),
    ("POST /2fa/verify", "the second step of signing in"),
    ("GET /registered", "says that a letter is on its way"),
    ("GET /verify-email", "a link with a token opens it"),
    ("POST /verify-email", "a link with a token opens it"),
    ("GET /v1/auth/verify-email", "a link with a token opens it"),
    ("POST /v1/auth/verify-email", "a link with a token opens it"),
    ("GET /2fa/verify", "leads to the sign-in"),
    ("POST /password/strength", "judges what is typed and keeps nothing"),
    ("GET /resend-verification", "asking for a letter"),
    ("POST /resend-verification", "asking for a letter"),
    ("POST /v1/auth/resend-verification", "asking for a letter"),
    ("GET /forgot-password", "asking for a letter"),
    ("POST /forgot-password", "asking for a letter"),
    ("POST /v1/auth/forgot-password", "asking for a letter"),
    ("GET /account/email", "a link with a token opens it"),
    ("POST /account/email/confirm", "a link with a token opens it"),
    ("POST /v1/auth/change-email/confirm", "a link with a token opens it"),
    ("GET /invitation", "a link with a token opens it"),
    ("POST /invitation", "a link with a token opens it"),
    ("POST /v1/auth/invitations/accept", "a link with a token opens it"),
    ("POST /v1/auth/passkeys/login/begin", "signing in"),
    ("POST /v1/auth/passkeys/login/finish", "signing in"),
    ("GET /v1/auth/oidc/{provider}/start", "signing in"),
    ("GET /v1/auth/oidc/{provider}/callback", "signing in"),
    ("POST /v1/devices/register", "a code opens it"),
    ("GET /device/register", "a code opens it"),
    ("GET /device", "signing in by PIN"),
    ("POST /device/people", "a device's key opens it"),
    ("POST /device/pin", "a device's key opens it"),
    ("POST /device/login", "signing in by PIN"),
    ("POST /v1/auth/device/challenge", "signing in by PIN"),
    ("POST /v1/auth/device/people", "a device's key opens it"),
    ("POST /v1/auth/device/login", "signing in by PIN"),
    ("POST /v1/auth/device/prove", "a device's key opens it"),
    ("POST /v1/auth/device/lock", "locks one's own session"),
    ("POST /logout", "signing out, whoever one is"),
    ("POST /assist/stop", "support stops, whatever stands of it"),
    ("POST /v1/assist/stop", "support stops, whatever stands of it"),
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

/// What every answer carries, whoever asks and whatever comes of it.
#[track_caller]
fn guarded(answer: &testkit::Answer) {
    let asked = &answer.asked;
    let policy = answer.header("content-security-policy");
    for part in ["default-src 'self'", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"] {
        assert!(policy.contains(part), "{asked}: {policy}");
    }
    assert!(!policy.contains("unsafe") && !policy.contains('*') && !policy.contains("http"), "{asked}: {policy}");
    assert!(answer.header("strict-transport-security").starts_with("max-age=31536000"), "{asked}");
    assert_eq!(answer.header("x-content-type-options"), "nosniff", "{asked}");
    assert_eq!(answer.header("x-frame-options"), "DENY", "{asked}");
    assert_eq!(answer.header("referrer-policy"), "same-origin", "{asked}");
    assert!(answer.header("permissions-policy").contains("camera=()"), "{asked}");
    assert!(!answer.header("x-request-id").is_empty(), "{asked}");
    assert!(!answer.header("cache-control").is_empty(), "{asked}");
    let sharing = answer.headers.keys().find(|name| name.as_str().starts_with("access-control-"));
    assert!(sharing.is_none(), "{asked}: {sharing:?}");
}

#[test]
fn every_answer_carries_the_guards() {
    run(async |story| {
        let stranger = story.stranger();
        let origin = [("origin", "https://shop.example")];
        for route in story.app.routes() {
            let path = route.path.replace(['{', '}'], "");
            guarded(&stranger.json(route.method.as_str(), &path, &json!({})).await);
            guarded(&stranger.json_with(route.method.as_str(), &path, &json!({}), &origin).await);
            guarded(&stranger.json_with("OPTIONS", &path, &json!({}), &[origin[0], ("access-control-request-method", "POST")]).await);
            if route.method == "GET" && !route.slow {
                guarded(&story.get(&path).await);
            }
        }
        for path in ["/v1/nothing", "/nothing", "/assets/none.css"] {
            guarded(&story.get(path).await);
            guarded(&stranger.get(path).await);
        }
    });
}

/// Things of the story's business, by the word of the path before their id: a route with an id and no fixture fails the walk.
pub async fn fixtures(story: &Story) -> BTreeMap<&'static str, String> {
    let item = story.stocked("Bread", 320).await;
    let receipt = story.bring_in(&item, "10", 1200).await;
    let order = text(&story.sell(&item, "1").await["id"]);
    let payment = text(&story.get(&format!("/v1/orders/{order}")).await.ok().json()["payments"][0]["id"]);
    let supplier = text(&story.post("/v1/suppliers", &json!({ "name": "Mill" })).await.ok().json()["id"]);
    let entry = text(&story.get("/v1/trail?limit=1").await.ok().json()["rows"][0]["id"]);
    BTreeMap::from([
        ("items", item),
        ("receipts", receipt),
        ("orders", order),
        ("payments", payment),
        ("customers", owing(story).await),
        ("suppliers", supplier),
        ("price-lists", text(&story.post("/v1/price-lists", &json!({ "name": "Fairs", "includesTax": false })).await.ok().json()["id"])),
        ("sites", story.site.to_string()),
        ("taxes", text(&story.post("/v1/taxes", &json!({ "name": "Luxury" })).await.ok().json()["id"])),
        ("members", text(&story.get("/v1/auth/me").await.ok().json()["account"])),
        ("team", text(&story.get("/v1/auth/me").await.ok().json()["account"])),
        ("businesses", story.tenant.to_string()),
        ("sessions", text(&story.get("/v1/auth/sessions").await.ok().json()["rows"][0]["id"])),
        ("api-keys", api_key(story, "Shop").await),
        ("keys", api_key(story, "Till").await),
        ("passkeys", passkey(story).await),
        ("oidc", "nobody".to_owned()),
        ("brand", story.slug.clone()),
        ("{slug}", logo(story).await),
        ("login", story.slug.clone()),
        ("activity", entry.clone()),
        ("trail", entry),
        ("invitations", invitation(story).await),
        ("roles", role(story).await),
        ("photo", photo(story).await),
        ("devices", device(story).await),
        ("imports", import(story).await),
        ("import", import(story).await),
    ])
}

/// A key for programs.
pub async fn api_key(story: &Story, name: &str) -> String {
    text(&story.post("/v1/api-keys", &json!({ "name": name, "permissions": ["item:read"] })).await.ok().json()["id"])
}

/// A customer who owes for a feast.
pub async fn owing(story: &Story) -> String {
    let feast = story.made_to_order("Feast", 900_000, 100).await;
    let customer = text(&story.post("/v1/customers", &json!({ "name": "Hotel" })).await.ok().json()["id"]);
    let sold = json!({ "customerId": customer, "lines": [{ "itemId": feast, "quantity": "1" }], "payments": [{ "method": "on_account" }] });
    story.post("/v1/sales", &sold).await.ok();
    customer
}

/// An invitation that waits.
pub async fn invitation(story: &Story) -> String {
    let body = json!({ "email": format!("{}@example.com", story.clock.uuid()), "name": "Ada", "roles": ["seller"] });
    text(&story.post("/v1/team/invitations", &body).await.ok().json()["id"])
}

/// A role of the business's own that nobody has.
pub async fn role(story: &Story) -> String {
    let body = json!({ "name": story.clock.uuid().to_string(), "permissions": ["item:read"] });
    let made = story.post("/v1/team/roles", &body).await;
    if made.code() != "role.too_many" {
        return text(&made.ok().json()["id"]);
    }
    // So many were made that a business has no room for one more: those that nobody has go.
    for one in story.get("/v1/team/roles").await.ok().json()["own"].as_array().unwrap() {
        story.owner.delete(&format!("/v1/team/roles/{}", text(&one["id"]))).await;
    }
    text(&story.post("/v1/team/roles", &body).await.ok().json()["id"])
}

/// A device that waits for its code; its id.
pub async fn device(story: &Story) -> String {
    text(&waiting_device(story).await["id"])
}

/// The code of a device that waits for it.
pub async fn device_code(story: &Story) -> String {
    text(&waiting_device(story).await["code"])
}

async fn waiting_device(story: &Story) -> Value {
    let body = json!({ "name": "Front till", "kind": "till", "siteId": story.site });
    let made = story.post("/v1/devices", &body).await;
    if made.code() != "device.many" {
        return made.ok().json();
    }
    // So many were made that a business has no room for one more: the newest goes, for what a walk registered at its beginning stays.
    let all = story.get("/v1/devices?sort=-created").await.ok().json();
    let one = all["rows"].as_array().unwrap().iter().find(|row| row["state"] != "revoked").unwrap();
    story.owner.delete(&format!("/v1/devices/{}", text(&one["id"]))).await.ok();
    story.post("/v1/devices", &body).await.ok().json()
}

/// A member who has a PIN.
pub async fn with_pin(story: &Story) -> String {
    let member = story.member(&[kernel::Role::Seller]).await;
    member.post("/v1/auth/pin", &json!({ "pin": "7294" })).await.ok();
    member.account.unwrap().to_string()
}

/// A PNG of one grey pixel.
pub const DOT: &[u8] = b"\x89\x50\x4e\x47\x0d\x0a\x1a\x0a\x00\x00\x00\x0d\x49\x48\x44\x52\x00\x00\x00\x01\x00\x00\x00\x01\x08\x00\x00\x00\x00\x3a\x7e\x9b\x55\
    \x00\x00\x00\x0a\x49\x44\x41\x54\x78\x9c\x63\x68\x00\x00\x00\x82\x00\x81\x77\xcd\x72\xb6\x00\x00\x00\x00\x49\x45\x4e\x44\xae\x42\x60\x82";

/// The owner, with a photo.
async fn photo(story: &Story) -> String {
    let owner = story.owner.account.unwrap().to_string();
    story.owner.upload(&format!("/team/{owner}/photo"), &[], &[("photo", "me.png", DOT)]).await.ok();
    owner
}

/// The business's logo: the name of its file.
pub async fn logo(story: &Story) -> String {
    let branding = story.owner.upload("/v1/settings/branding/logo", &[], &[("logo", "logo.png", DOT)]).await.ok().json();
    text(&branding["logo"]).rsplit('/').next().unwrap_or_default().to_owned()
}

/// A passkey of the story's owner; no device holds it.
async fn passkey(story: &Story) -> String {
    let (id, mut system) = (story.clock.uuid(), story.db.system("story.passkey").await.unwrap());
    sqlx::query("INSERT INTO identity.passkey (id, account_id, credential_id, credential, name, signs, created_at) VALUES ($1, $2, $3, '{}', 'Phone', 0, $4)")
        .bind(id)
        .bind(story.owner.account.unwrap().uuid())
        .bind(id.as_bytes().as_slice())
        .bind(story.clock.now())
        .execute(system.conn())
        .await
        .unwrap();
    system.commit().await.unwrap();
    id.to_string()
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
        // What is the operator's no member of any business reaches, by whatever id. A sign-in page is there for every short name.
        let reachable =
            |r: &&std::sync::Arc<web::Route>| !r.path.starts_with("/assets") && r.path != "/login/{slug}" && !r.needs.is_of_platform();
        for route in story.app.routes().iter().filter(|r| r.has_id()).filter(reachable) {
            let parts: Vec<&str> = route.path.split('/').collect();
            let word = parts.iter().zip(parts.iter().skip(1)).find(|(_, p)| p.starts_with('{')).map(|(word, _)| *word).unwrap_or_default();
            let Some(id) = fixtures.get(word) else { panic!("{} names a thing by id, and no fixture makes one", name(route)) };
            let path = parts.iter().map(|p| if p.starts_with('{') { id.as_str() } else { p }).collect::<Vec<_>>().join("/");
            let answer = match (route.method.as_str(), route.answers) {
                ("GET", _) => neighbour.get(&path).await,
                ("POST", _) if path.ends_with("/photo") => neighbour.upload(&path, &[], &[("photo", "me.png", DOT)]).await,
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

#[test]
fn what_is_the_operators_no_owner_of_a_business_reaches() {
    run(async |story| {
        for route in story.app.routes().iter().filter(|r| r.needs.is_of_platform()) {
            let path = route.path.replace("{id}", &Uuid::nil().to_string());
            let answer = match (route.method.as_str(), route.answers) {
                ("GET", _) => story.get(&path).await,
                (_, Answers::Json) => story.owner.json(route.method.as_str(), &path, &make::body(&route.name)).await,
                (_, Answers::Page) => story.form(&path, &[]).await,
            };
            assert_eq!(answer.status, 403, "{}: {}", name(route), answer.text());
        }
    });
}

#[test]
fn production_has_no_gallery() {
    run(async |story| {
        story.get("/ui").await.ok();
        story.node(|settings| settings.production = true).stranger().get("/ui").await.is(404);
    });
}
