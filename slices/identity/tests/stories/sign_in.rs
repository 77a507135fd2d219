//! Registering, signing in and out, and what a session is worth.

use std::time::Duration;

use serde_json::json;

use crate::{COOKIE, PASSWORD, address, registered, said, sign_in};

#[test]
fn registering_signing_in_and_out() {
    testkit::run(async |story| {
        let email = registered(&story).await;
        let ada = story.stranger();
        // Written in capitals it is the same address.
        let answer = sign_in(&ada, &email.to_uppercase(), PASSWORD).await.is(200);
        assert_eq!(answer.json()["tenant"], json!(null));
        let cookie = answer.header("set-cookie");
        for part in ["__Host-hearth=", "; Path=/", "; Secure", "; HttpOnly", "; SameSite=Lax"] {
            assert!(cookie.contains(part), "{cookie}");
        }
        assert!(!cookie.contains("Domain"), "{cookie}");
        let me = ada.get("/v1/auth/me").await.ok().json();
        assert_eq!(
            (&me["email"], &me["tenants"], &me["permissions"]),
            (&json!(email), &json!([]), &json!(["open", "again", "second", "signed-in", "own-account"]))
        );
        assert_eq!(me["csrfToken"], json!(ada.csrf()));

        // The cookie as it was, for whoever kept a copy.
        let copy = story.stranger();
        copy.keep_cookie(COOKIE, &ada.cookie(COOKIE).unwrap());
        copy.get("/v1/auth/me").await.ok();
        ada.post("/v1/auth/logout", &json!({})).await.is(204);
        assert_eq!(ada.cookie(COOKIE), None);
        copy.get("/v1/auth/me").await.refused("auth.required");
    });
}

#[test]
fn a_wrong_password_an_unknown_address_and_nonsense_are_answered_alike() {
    testkit::run(async |story| {
        let email = registered(&story).await;
        let invited = address(&story);
        identity::account_for(&story.db, &invited).await.unwrap();
        let stranger = story.stranger();
        let wrong = sign_in(&stranger, &email, "not the password at all").await.refused("login.wrong");
        for (email, password) in [
            (address(&story).as_str(), PASSWORD),
            (&invited, PASSWORD),
            ("no address", PASSWORD),
            (&email, ""),
            (&email, &"long ".repeat(5000)),
        ] {
            let other = sign_in(&stranger, email, password).await;
            assert_eq!(said(&other), said(&wrong));
        }
        assert_eq!(stranger.cookie(COOKIE), None);
    });
}

#[test]
fn registering_a_known_address_says_and_changes_nothing() {
    testkit::run(async |story| {
        let email = registered(&story).await;
        let again = json!({ "email": email, "password": "another sentence nobody would guess" });
        let answer = story.stranger().post("/v1/auth/register", &again).await.is(202);
        assert_eq!(answer.json(), json!({ "accepted": true }));
        sign_in(&story.stranger(), &email, "another sentence nobody would guess").await.refused("login.wrong");
        sign_in(&story.stranger(), &email, PASSWORD).await.is(200);
    });
}

#[test]
fn a_refused_password_says_which_rule_it_breaks() {
    testkit::run(async |story| {
        let stranger = story.stranger();
        for (password, code) in [
            ("short", "password.short"),
            (&*"far too long ".repeat(10), "password.long"),
            ("lovelace.ada bakes bread", "password.personal"),
            ("QwertyuiopQwertyuiop", "password.common"),
            ("qwertyuiopqwertyuiopq", "password.weak"),
        ] {
            stranger.post("/v1/auth/register", &json!({ "email": "lovelace.ada@example.com", "password": password })).await.refused(code);
        }
        stranger.post("/v1/auth/register", &json!({ "email": "ada", "password": PASSWORD })).await.refused("email.format");
        stranger
            .post("/v1/auth/register", &json!({ "email": "a@b.cd", "password": PASSWORD, "role": "owner" }))
            .await
            .refused("body.unknown_field");
        // A page keeps the address and forgets the password.
        let page = stranger.form("/register", &[("email", "ada@example.com"), ("password", "too short")]).await.is(422);
        assert_eq!((page.input("email"), page.input("password")), ("ada@example.com".into(), String::new()));
        assert!(page.text().contains("at least 15"), "{}", page.text());
    });
}

#[test]
fn a_request_from_elsewhere_or_without_the_token_is_refused() {
    testkit::run(async |story| {
        let owner = &story.owner;
        let body = json!({ "name": "Kiosk", "timeZone": "Europe/London" });
        for headers in [
            [("origin", "https://evil.example")],
            [("origin", "null")],
            [("sec-fetch-site", "cross-site")],
            [("sec-fetch-site", "same-site")],
        ] {
            owner.json_with("POST", "/v1/sites", &body, &headers).await.refused("auth.csrf");
        }
        // Signing somebody in from another site is refused, too, though no session is there to protect.
        let login = json!({ "email": "a@b.cd", "password": "x" });
        story.stranger().json_with("POST", "/v1/auth/login", &login, &[("origin", "https://evil.example")]).await.refused("auth.csrf");
        let token = owner.csrf();
        for wrong in ["", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", &token[1..]] {
            owner.keep_csrf(wrong);
            owner.post("/v1/sites", &body).await.refused("auth.csrf");
            assert_eq!(owner.form("/logout", &[]).await.status.as_u16(), 403);
        }
        // Somebody else's token is no better.
        let (_, neighbour) = story.neighbour().await;
        owner.keep_csrf(&neighbour.csrf());
        owner.post("/v1/sites", &body).await.refused("auth.csrf");
        owner.keep_csrf(&token);
        owner.json_with("POST", "/v1/sites", &body, &[("origin", "http://hearth.test"), ("sec-fetch-site", "same-origin")]).await.ok();
    });
}

#[test]
fn each_sign_in_makes_a_new_token_and_ends_the_old_session() {
    testkit::run(async |story| {
        let email = registered(&story).await;
        let ada = story.stranger();
        // A token that somebody planted is not taken over.
        let planted = "A".repeat(43);
        ada.keep_cookie(COOKIE, &planted);
        ada.get("/v1/auth/me").await.refused("auth.required");
        sign_in(&ada, &email, PASSWORD).await.is(200);
        let first = ada.cookie(COOKIE).unwrap();
        assert_ne!(first, planted);
        sign_in(&ada, &email, PASSWORD).await.is(200);
        assert_ne!(ada.cookie(COOKIE).unwrap(), first);
        let old = story.stranger();
        old.keep_cookie(COOKIE, &first);
        old.get("/v1/auth/me").await.refused("auth.required");
        for broken in ["", "x", "not base64 at all!", &"A".repeat(10_000)] {
            old.keep_cookie(COOKIE, broken);
            old.get("/v1/auth/me").await.refused("auth.required");
        }
    });
}

#[test]
fn a_session_ends_after_an_hour_unused_and_is_proved_again_after_a_day() {
    testkit::run(async |story| {
        let minutes = |n: u64| story.later(Duration::from_secs(60 * n));
        minutes(59);
        story.get("/v1/auth/me").await.ok();
        minutes(59);
        story.get("/v1/auth/me").await.ok();
        minutes(61);
        story.get("/v1/auth/me").await.refused("auth.required");

        let (_, other) = story.neighbour().await;
        for _ in 0..28 {
            minutes(50);
            other.get("/v1/auth/me").await.ok();
        }
        minutes(50);
        other.get("/v1/auth/me").await.refused("auth.again");
        assert_eq!(other.get("/items?x=1").await.location(), "/reauth?next=%2Fitems%3Fx%3D1");
        minutes(61);
        other.get("/v1/auth/me").await.refused("auth.required");
    });
}

#[test]
fn signing_in_by_page_leads_back_and_never_elsewhere() {
    testkit::run(async |story| {
        let stranger = story.stranger();
        let sent = stranger.get("/team?sort=-since").await.location();
        assert_eq!(sent, "/login?next=%2Fteam%3Fsort%3D-since");
        let page = stranger.get(&sent).await.is(200);
        assert_eq!((page.input("next").as_str(), page.header("cache-control").as_str()), ("/team?sort=-since", "no-store"));

        let account = identity::account_for(&story.db, &story.owner.email).await.unwrap();
        identity::set_password(&story.db, account, PASSWORD).await.unwrap();
        story.get("/v1/auth/me").await.refused("auth.required");
        let email = story.owner.email.as_str();
        let refused = stranger.form("/login", &[("email", email), ("password", "wrong"), ("next", "/team")]).await.is(401);
        assert_eq!((refused.input("email").as_str(), refused.input("next").as_str()), (email, "/team"));
        for (next, goes) in [
            ("/team?sort=-since", "/team?sort=-since"),
            ("/items?x=1", "/items?x=1"),
            ("/logout", "/"),
            ("/v1/items", "/"),
            ("/no/such/page", "/"),
            ("/items/../logout", "/"),
            ("//evil.example", "/"),
            ("https://evil.example", "/"),
            ("/\\evil.example", "/"),
            ("/\t/evil.example", "/"),
        ] {
            let fields = [("email", email), ("password", PASSWORD), ("next", next)];
            assert_eq!(story.stranger().form("/login", &fields).await.location(), goes);
        }
        stranger.form("/login", &[("email", email), ("password", PASSWORD)]).await.is(303);
        // Who is signed in goes home.
        assert_eq!(stranger.get("/login").await.location(), "/");
        assert_eq!(stranger.get("/login?next=//evil.example").await.location(), "/");
        assert_eq!(stranger.get("/register").await.location(), "/");
    });
}
