//! Programs: access tokens, refresh tokens, keys of a business.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::{bearing, registered, tokens};

fn text<'a>(pair: &'a Value, name: &str) -> &'a str {
    pair[name].as_str().unwrap_or_else(|| panic!("no {name} in {pair}"))
}

fn part(token: &str, n: usize) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(n).unwrap()).unwrap()).unwrap()
}

/// What the platform's trail says of a session: action, what it became.
async fn in_trail(story: &testkit::Story, session: &str) -> Vec<(String, Value)> {
    let mut system = story.db.system("story.trail").await.unwrap();
    sqlx::query_as("SELECT action, after FROM db.trail WHERE tenant_id = $1 AND target_id = $2::uuid ORDER BY at, id")
        .bind(kernel::PLATFORM.uuid())
        .bind(session)
        .fetch_all(system.conn())
        .await
        .unwrap()
}

#[test]
fn a_program_signs_in_and_its_token_is_signed_by_a_published_key() {
    testkit::run(async |story| {
        let email = registered(&story).await;
        let pair = tokens(&story, &email).await;
        assert_eq!((&pair["tokenType"], &pair["expiresIn"]), (&json!("Bearer"), &json!(900)));
        let token = text(&pair, "accessToken");
        let (head, claims) = (part(token, 0), part(token, 1));
        assert_eq!(head["alg"], "ES256");
        for claim in ["iss", "aud", "sub", "sid", "scope", "iat", "exp", "jti"] {
            assert!(!claims[claim].is_null(), "{claim} in {claims}");
        }
        assert_eq!((&claims["iss"], &claims["sub"]), (&json!("http://hearth.test"), &pair["account"]));
        let published = story.stranger().get("/.well-known/jwks.json").await.ok().json();
        let key = published["keys"].as_array().unwrap().iter().find(|key| key["kid"] == head["kid"]).expect("the key is published");
        assert_eq!((&key["kty"], &key["crv"], &key["alg"], &key["use"]), (&json!("EC"), &json!("P-256"), &json!("ES256"), &json!("sig")));
        assert!(key["d"].is_null(), "{key}");
        let me = bearing(&story.stranger(), token, "GET", "/v1/auth/me", &json!({})).await.ok().json();
        assert_eq!((&me["email"], me["csrfToken"].is_null()), (&json!(email), true));
        // A token needs no CSRF token, for no browser sends it by itself.
        let business =
            json!({ "name": "Old Mill", "slug": format!("mill-{}", &email[4..12]), "currency": "GBP", "timeZone": "Europe/London" });
        bearing(&story.stranger(), token, "DELETE", "/v1/auth/sessions", &business).await.is(204);
        // Opening a business changes the browser's session: without one nothing is opened.
        for (path, body) in [("/v1/tenants", &business), ("/v1/auth/switch-tenant", &json!({ "tenant": story.tenant }))] {
            bearing(&story.stranger(), token, "POST", path, body).await.refused("session.browser");
        }
        let opened = bearing(&story.stranger(), token, "GET", "/v1/tenants", &json!({})).await.ok().json();
        assert_eq!(opened["rows"], json!([]), "{opened}");
        // It stands for a quarter of an hour, and two minutes for clocks that differ.
        story.later(Duration::from_secs(15 * 60 + 110));
        bearing(&story.stranger(), token, "GET", "/v1/auth/me", &json!({})).await.ok();
        story.later(Duration::from_secs(20));
        bearing(&story.stranger(), token, "GET", "/v1/auth/me", &json!({})).await.refused("token.wrong");
    });
}

#[test]
fn attack_tokens_that_are_confused_or_forged_are_refused() {
    testkit::run(async |story| {
        let email = registered(&story).await;
        let pair = tokens(&story, &email).await;
        let token = text(&pair, "accessToken");
        let parts: Vec<&str> = token.split('.').collect();
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let (head, claims) = (part(token, 0), part(token, 1));
        let with_head = |name: &str, value: Value| {
            let mut head = head.clone();
            head[name] = value;
            head
        };
        let mut later = claims.clone();
        later["exp"] = json!(4_000_000_000_i64);
        let mut other = claims.clone();
        other["scope"] = json!("platform:admin");
        // The public key as the secret of HS256: what a library does that takes the algorithm from the token.
        let published = story.stranger().get("/.well-known/jwks.json").await.ok().text();
        let hmac = |secret: &[u8]| {
            let head = encode(&with_head("alg", json!("HS256")));
            let signed = format!("{head}.{}", parts[1]);
            let key = jsonwebtoken::EncodingKey::from_secret(secret);
            let signature = jsonwebtoken::crypto::sign(signed.as_bytes(), &key, jsonwebtoken::Algorithm::HS256).unwrap();
            format!("{signed}.{signature}")
        };
        let forged = [
            format!("{}.{}.", encode(&with_head("alg", json!("none"))), parts[1]),
            format!("{}.{}.{}", encode(&with_head("alg", json!("none"))), parts[1], parts[2]),
            format!("{}.{}.{}", encode(&with_head("alg", json!("ES384"))), parts[1], parts[2]),
            format!("{}.{}.{}", encode(&with_head("kid", json!("another"))), parts[1], parts[2]),
            format!("{}.{}.{}", encode(&with_head("kid", json!(null))), parts[1], parts[2]),
            format!(
                "{}.{}.{}",
                encode(&with_head("jwk", json!({ "kty": "EC", "crv": "P-256", "x": "AA", "y": "AA" }))),
                parts[1],
                parts[2]
            ),
            format!("{}.{}.{}", parts[0], encode(&later), parts[2]),
            format!("{}.{}.{}", parts[0], encode(&other), parts[2]),
            format!("{}.{}.{}", parts[0], parts[1], URL_SAFE_NO_PAD.encode([0; 64])),
            hmac(published.as_bytes()),
            hmac(b""),
            String::new(),
            "a.b.c".into(),
            "x".repeat(20_000),
        ];
        for forged in forged {
            let answer = bearing(&story.stranger(), &forged, "GET", "/v1/auth/me", &json!({})).await;
            assert_eq!(answer.status.as_u16(), 401, "{forged:.80}");
        }
        bearing(&story.stranger(), token, "GET", "/v1/auth/me", &json!({})).await.ok();
    });
}

#[test]
fn a_refresh_token_is_used_once_and_a_lost_answer_signs_nobody_out() {
    testkit::run(async |story| {
        let email = registered(&story).await;
        let first = tokens(&story, &email).await;
        let refresh = async |token: &str| story.stranger().post("/v1/auth/refresh", &json!({ "refreshToken": token })).await;
        let second = refresh(text(&first, "refreshToken")).await.ok().json();
        assert_eq!(first["session"], second["session"]);
        // The answer was lost: asked again within ten seconds, the same successor comes.
        let again = refresh(text(&first, "refreshToken")).await.ok().json();
        assert_eq!(again["refreshToken"], second["refreshToken"]);
        story.later(Duration::from_secs(29 * 24 * 3600));
        let third = refresh(text(&second, "refreshToken")).await.ok().json();
        // Unused for more than 30 days it is over.
        story.later(Duration::from_secs(30 * 24 * 3600 + 1));
        refresh(text(&third, "refreshToken")).await.refused("token.wrong");
        refresh("nonsense").await.refused("token.wrong");
    });
}

#[test]
fn attack_a_stolen_refresh_token_ends_its_family_and_no_other() {
    testkit::run(async |story| {
        let email = registered(&story).await;
        let (phone, till) = (tokens(&story, &email).await, tokens(&story, &email).await);
        let refresh = async |token: &str| story.stranger().post("/v1/auth/refresh", &json!({ "refreshToken": token })).await;
        let next = refresh(text(&phone, "refreshToken")).await.ok().json();
        story.later(Duration::from_secs(11));
        // The thief comes with the spent one.
        refresh(text(&phone, "refreshToken")).await.refused("token.wrong");
        refresh(text(&next, "refreshToken")).await.refused("token.wrong");
        bearing(&story.stranger(), text(&next, "accessToken"), "GET", "/v1/auth/me", &json!({})).await.refused("token.wrong");
        // The other device goes on.
        bearing(&story.stranger(), text(&till, "accessToken"), "GET", "/v1/auth/me", &json!({})).await.ok();
        refresh(text(&till, "refreshToken")).await.ok();
        // Once, and to its owner.
        let told = story.letter(&email, "signed-out").await;
        assert!(told.text.contains("was used a second time"), "{}", told.text);
        assert_eq!(story.letters_to(&email).await.iter().filter(|letter| letter.kind == "signed-out").count(), 1);
        let trail: Vec<(String, Value)> = in_trail(&story, text(&phone, "session")).await;
        let stolen: Vec<&Value> = trail.iter().filter(|(action, _)| action == "session.stolen").map(|(_, after)| after).collect();
        assert_eq!(stolen, [&json!({ "account": phone["account"] })], "{trail:?}");
        assert!(in_trail(&story, text(&till, "session")).await.iter().all(|(action, _)| action != "session.stolen"));
    });
}

#[test]
fn a_new_signing_key_is_published_an_hour_before_it_signs() {
    testkit::own_database(async |story| {
        let email = registered(&story).await;
        // A node reads the keys anew after half a minute; here each look is a node's that just started.
        let node = || story.node(|settings| settings.limit_factor = 1_000_000);
        let signs = async || {
            let login = json!({ "email": email, "password": crate::PASSWORD });
            let pair = node().stranger().post("/v1/auth/login", &login).await.is(200).json();
            part(text(&pair, "accessToken"), 0)["kid"].as_str().unwrap().to_owned()
        };
        let published = async || -> Vec<String> {
            let set = node().stranger().get("/.well-known/jwks.json").await.ok().json();
            set["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
        };
        let old = signs().await;
        let (new, signs_from) = identity::rotate_signing(&story.db, false).await.unwrap();
        assert_ne!(new, old);
        assert_eq!(signs_from.micros() - story.clock.now().micros(), 3600 * 1_000_000);
        assert_eq!(published().await, [old.clone(), new.clone()], "the next key is known before it signs");
        assert_eq!(signs().await, old);
        story.later(Duration::from_secs(3599));
        assert_eq!(signs().await, old);
        let last = tokens(&story, &email).await;
        assert_eq!(part(text(&last, "accessToken"), 0)["kid"], json!(old));
        story.later(Duration::from_secs(1));
        assert_eq!(signs().await, new);
        // What the old one signed stands until its own end, and no token outlives the key.
        let me = async || bearing(&node().stranger(), text(&last, "accessToken"), "GET", "/v1/auth/me", &json!({})).await;
        story.later(Duration::from_secs(14 * 60));
        me().await.ok();
        assert_eq!(published().await, [old, new.clone()]);
        story.later(Duration::from_secs(6 * 60));
        me().await.refused("token.wrong");
        assert_eq!(published().await, [new]);
    });
}

#[test]
fn attack_parallel_refreshes_have_one_winner() {
    testkit::run(async |story| {
        let email = registered(&story).await;
        let first = tokens(&story, &email).await;
        let body = json!({ "refreshToken": first["refreshToken"] });
        let stranger = story.stranger();
        let all = futures::future::join_all((0..8).map(|_| stranger.post("/v1/auth/refresh", &body))).await;
        let next: std::collections::BTreeSet<String> =
            all.into_iter().map(|answer| answer.ok().json()["refreshToken"].as_str().unwrap().to_owned()).collect();
        assert_eq!(next.len(), 1, "one successor, answered to all of them");
    });
}

#[test]
fn a_session_that_is_ended_takes_its_tokens_with_it() {
    testkit::run(async |story| {
        let email = registered(&story).await;
        let (one, other) = (tokens(&story, &email).await, tokens(&story, &email).await);
        let mine = text(&one, "accessToken");
        let ask = async |token: &str| bearing(&story.stranger(), token, "GET", "/v1/auth/me", &json!({})).await;
        ask(text(&other, "accessToken")).await.ok();
        let listed = bearing(&story.stranger(), mine, "GET", "/v1/auth/sessions", &json!({})).await.ok().json();
        let rows = listed["rows"].as_array().unwrap();
        assert_eq!(rows.len(), 2, "{listed}");
        assert_eq!(rows.iter().filter(|row| row["current"] == true).count(), 1);
        let path = format!("/v1/auth/sessions/{}", text(&other, "session"));
        bearing(&story.stranger(), mine, "DELETE", &path, &json!({})).await.is(204);
        ask(text(&other, "accessToken")).await.refused("token.wrong");
        story.stranger().post("/v1/auth/refresh", &json!({ "refreshToken": other["refreshToken"] })).await.refused("token.wrong");
        ask(mine).await.ok();
        // Nobody ends another's.
        let stranger = tokens(&story, &registered(&story).await).await;
        let path = format!("/v1/auth/sessions/{}", text(&one, "session"));
        bearing(&story.stranger(), text(&stranger, "accessToken"), "DELETE", &path, &json!({})).await.refused("not_found");
        bearing(&story.stranger(), mine, "POST", "/v1/auth/logout", &json!({})).await.is(204);
        ask(mine).await.refused("token.wrong");
    });
}

#[test]
fn a_key_for_programs_may_what_it_was_given_and_no_more() {
    testkit::run(async |story| {
        let wanted = json!({ "name": "Web shop", "permissions": ["item:read", "order:sell"] });
        let made = story.post("/v1/api-keys", &wanted).await.is(200).json();
        let key = text(&made, "key").to_owned();
        assert!(key.starts_with(text(&made, "prefix")) && key.starts_with("hearth_"), "{made}");
        let shop = story.stranger();
        bearing(&shop, &key, "GET", "/v1/items", &json!({})).await.ok();
        bearing(&shop, &key, "GET", "/v1/team/members", &json!({})).await.refused("auth.forbidden");
        bearing(&shop, &key, "POST", "/v1/api-keys", &wanted).await.refused("auth.forbidden");
        bearing(&shop, &format!("{}x", &key[..key.len() - 1]), "GET", "/v1/items", &json!({})).await.refused("token.wrong");
        let list = story.get("/v1/api-keys").await.ok();
        assert!(!list.text().contains(&key) && list.text().contains(text(&made, "prefix")), "{}", list.text());
        assert!(!list.json()["rows"][0]["usedAt"].is_null());
        // A neighbour's owner neither sees nor ends it.
        let (_, neighbour) = story.neighbour().await;
        assert_eq!(neighbour.get("/v1/api-keys").await.ok().json()["rows"], json!([]));
        let path = format!("/v1/api-keys/{}", text(&made, "id"));
        neighbour.delete(&path).await.refused("not_found");
        story.owner.json("DELETE", &path, &json!({})).await.ok();
        bearing(&shop, &key, "GET", "/v1/items", &json!({})).await.refused("token.wrong");
        // Nobody gives what they lack, and nothing of the operator's.
        let manager = story.member(&[kernel::Role::Manager]).await;
        let beyond = json!({ "name": "x", "permissions": ["settings:write"] });
        manager.post("/v1/api-keys", &beyond).await.refused("role.beyond_own");
        for unknown in ["platform:admin", "all", ""] {
            story.post("/v1/api-keys", &json!({ "name": "x", "permissions": [unknown] })).await.refused("permission.unknown");
        }
    });
}

#[test]
fn a_demoted_member_s_token_loses_its_rights_at_once() {
    testkit::run(async |story| {
        let ada = registered(&story).await;
        let account = identity::account_for(&story.db, &ada).await.unwrap();
        let mut system = story.db.system("story.join").await.unwrap();
        sqlx::query("INSERT INTO identity.member (tenant_id, account_id, email, name, roles, created_at) VALUES ($1, $2, $3, 'Ada', ARRAY['manager'], now())")
            .bind(story.tenant.uuid())
            .bind(account.uuid())
            .bind(&ada)
            .execute(system.conn())
            .await
            .unwrap();
        system.commit().await.unwrap();
        let pair = tokens(&story, &ada).await;
        let token = text(&pair, "accessToken");
        bearing(&story.stranger(), token, "GET", "/v1/reports/sales?from=2026-11-01&to=2026-11-02&by=day", &json!({})).await.ok();
        story.post(&format!("/v1/team/members/{account}/roles"), &json!({ "roles": ["driver"], "version": 1 })).await.ok();
        bearing(&story.stranger(), token, "GET", "/v1/reports/sales?from=2026-11-01&to=2026-11-02&by=day", &json!({}))
            .await
            .refused("auth.forbidden");
    });
}

#[test]
fn a_key_that_ended_while_no_program_asked_stays_ended() {
    testkit::run(async |story| {
        let made = story.post("/v1/api-keys", &json!({ "name": "Shop", "permissions": ["item:read"] })).await.is(200).json();
        let (shop, key) = (story.stranger(), text(&made, "key").to_owned());
        bearing(&shop, &key, "GET", "/v1/items", &json!({})).await.ok();
        story.owner.json("DELETE", &format!("/v1/api-keys/{}", text(&made, "id")), &json!({})).await.ok();
        // Nobody asks for hours, and what said that the key ended is swept.
        story.later(Duration::from_secs(2 * 3600));
        let mut system = story.db.system("story.sweep").await.unwrap();
        let sql = "DELETE FROM identity.revocation WHERE tenant_id = $1";
        sqlx::query(sql).bind(story.tenant.uuid()).execute(system.conn()).await.unwrap();
        system.commit().await.unwrap();
        bearing(&shop, &key, "GET", "/v1/items", &json!({})).await.refused("token.wrong");
    });
}

#[test]
fn a_key_is_made_seen_once_and_taken_back_by_page() {
    testkit::run(async |story| {
        let refused = story.form("/settings/keys", &[("name", ""), ("days", "9999"), ("item:read", "true")]).await.is(422).text();
        assert!(refused.contains("value=\"9999\"") && refused.contains("checked"), "what was typed is kept: {refused}");
        let made = story.form("/settings/keys", &[("name", "Web shop"), ("days", "30"), ("item:read", "true")]).await.is(200).text();
        let key = made.split("<code>").nth(1).unwrap().split('<').next().unwrap().to_owned();
        bearing(&story.stranger(), &key, "GET", "/v1/items", &json!({})).await.ok();
        bearing(&story.stranger(), &key, "GET", "/v1/orders", &json!({})).await.refused("auth.forbidden");
        let page = story.get("/settings/keys").await.ok().text();
        assert!(page.contains("Web shop") && page.contains(&key[..15]) && !page.contains(&key), "{page}");
        let id = story.get("/v1/api-keys").await.ok().json()["rows"][0]["id"].as_str().unwrap().to_owned();
        assert_eq!(story.form(&format!("/settings/keys/{id}/revoke"), &[]).await.location(), "/settings/keys");
        bearing(&story.stranger(), &key, "GET", "/v1/items", &json!({})).await.is(401);
        story.member(&[kernel::Role::Seller]).await.get("/settings/keys").await.is(403);
    });
}
