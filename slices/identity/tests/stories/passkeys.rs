//! Passkeys against an authenticator that a story holds in its hand, so that it can be made to lie. A real browser's is in the
//! browser stories.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use testkit::{Answer, Authenticator, Person, Story, run};
use vault::SigningKey;

use crate::{COOKIE, PASSWORD, registered, sign_in};

async fn signed_in(story: &Story) -> (Person, String) {
    let (ada, email) = (story.stranger(), registered(story).await);
    sign_in(&ada, &email, PASSWORD).await.ok();
    (ada, email)
}

async fn begin_adding(person: &Person) -> Value {
    person.post("/v1/auth/passkeys/register/begin", &json!({})).await.ok().json()
}

async fn finish_adding(person: &Person, begun: &Value, made: &Value) -> Answer {
    person
        .post("/v1/auth/passkeys/register/finish", &json!({ "ceremony": begun["ceremony"], "name": "My phone", "credential": made }))
        .await
}

/// A new passkey of somebody who is signed in.
async fn added(story: &Story, person: &Person) -> Authenticator {
    let (mut device, begun) = (Authenticator::new(story), begin_adding(person).await);
    let made = device.make(&begun["publicKey"]);
    finish_adding(person, &begun, &made).await.ok();
    device
}

async fn begin_showing(person: &Person) -> Value {
    person.post("/v1/auth/passkeys/login/begin", &json!({})).await.ok().json()
}

async fn finish_showing(person: &Person, begun: &Value, shown: &Value) -> Answer {
    let answer = person
        .post("/v1/auth/passkeys/login/finish", &json!({ "ceremony": begun["ceremony"], "credential": shown, "session": "cookie" }))
        .await;
    if answer.status == 200 {
        person.keep_csrf(answer.json()["csrfToken"].as_str().unwrap());
    }
    answer
}

async fn show(person: &Person, device: &Authenticator) -> Answer {
    let begun = begin_showing(person).await;
    finish_showing(person, &begun, &device.show(&begun["publicKey"])).await
}

#[test]
fn a_passkey_is_added_signs_in_and_is_removed() {
    run(async |story| {
        let (ada, email) = signed_in(&story).await;
        let device = added(&story, &ada).await;
        story.letter(&email, "passkey-added").await;
        let all = ada.get("/v1/auth/passkeys").await.ok().json();
        assert_eq!((all["rows"][0]["name"].as_str(), all["rows"][0]["usedAt"].is_null()), (Some("My phone"), true));
        let browser = story.stranger();
        show(&browser, &device).await.ok();
        assert_eq!(browser.get("/v1/auth/me").await.ok().json()["email"], json!(email));
        // A program gets tokens.
        let begun = begin_showing(&story.stranger()).await;
        let shown = device.show(&begun["publicKey"]);
        let pair = story
            .stranger()
            .post("/v1/auth/passkeys/login/finish", &json!({ "ceremony": begun["ceremony"], "credential": shown }))
            .await
            .ok()
            .json();
        assert!(pair["accessToken"].is_string());
        let mut system = story.db.system("story.second").await.unwrap();
        let second: bool = sqlx::query_scalar("SELECT bool_and(second) FROM identity.session s JOIN identity.account a ON a.id = s.account_id WHERE a.email = $1 AND s.created_at > (SELECT min(created_at) FROM identity.passkey p WHERE p.account_id = a.id)")
            .bind(&email).fetch_one(system.conn()).await.unwrap();
        drop(system);
        assert!(second, "a passkey is both factors");
        let id = testkit::text(&all["rows"][0]["id"]);
        story.owner.delete(&format!("/v1/auth/passkeys/{id}")).await.is(404);
        browser.delete(&format!("/v1/auth/passkeys/{id}")).await.is(204);
        story.letter(&email, "passkey-removed").await;
        show(&story.stranger(), &device).await.refused("passkey.wrong");
    });
}

#[test]
fn adding_or_removing_a_passkey_ends_the_other_sessions_and_is_told() {
    run(async |story| {
        let (ada, email) = signed_in(&story).await;
        let elsewhere = async || {
            let (browser, program) = (story.stranger(), crate::tokens(&story, &email).await);
            sign_in(&browser, &email, PASSWORD).await.ok();
            (browser, program["accessToken"].as_str().unwrap().to_owned())
        };
        let over = async |(browser, token): (Person, String)| {
            browser.get("/v1/auth/me").await.refused("auth.required");
            crate::bearing(&story.stranger(), &token, "GET", "/v1/auth/me", &json!({})).await.refused("token.wrong");
            ada.get("/v1/auth/me").await.ok();
        };
        let before = elsewhere().await;
        added(&story, &ada).await;
        over(before).await;
        story.letter(&email, "passkey-added").await;
        let before = elsewhere().await;
        let id = testkit::text(&ada.get("/v1/auth/passkeys").await.ok().json()["rows"][0]["id"]);
        ada.delete(&format!("/v1/auth/passkeys/{id}")).await.is(204);
        over(before).await;
        story.letter(&email, "passkey-removed").await;
    });
}

#[test]
fn attack_a_stolen_session_removes_no_passkey() {
    run(async |story| {
        let (ada, email) = signed_in(&story).await;
        let device = added(&story, &ada).await;
        let id = testkit::text(&ada.get("/v1/auth/passkeys").await.ok().json()["rows"][0]["id"]);
        story.later(Duration::from_secs(16 * 60));
        ada.delete(&format!("/v1/auth/passkeys/{id}")).await.refused("auth.again");
        assert_eq!(ada.form(&format!("/account/passkeys/{id}/remove"), &[]).await.location(), "/reauth?next=/account/security");
        show(&story.stranger(), &device).await.ok();
        assert!(story.letters_to(&email).await.iter().all(|letter| letter.kind != "passkey-removed"));
        // Who shows again who they are removes it.
        let proved = ada.post("/v1/auth/reauth/verify", &json!({ "password": PASSWORD })).await.ok().json();
        ada.keep_csrf(proved["csrfToken"].as_str().unwrap());
        let done = ada.form(&format!("/account/passkeys/{id}/remove"), &[]).await;
        assert_eq!(done.location(), "/account/security?done=passkey-removed");
        story.letter(&email, "passkey-removed").await;
        show(&story.stranger(), &device).await.refused("passkey.wrong");
    });
}

#[test]
fn a_passkey_needs_no_second_factor_and_proves_again() {
    run(async |story| {
        let (ada, _) = signed_in(&story).await;
        let device = added(&story, &ada).await;
        crate::second::set_up(&story, &ada).await;
        show(&ada, &device).await.ok();
        // Every half hour something is done; after a day it is asked again who it is.
        for _ in 0..49 {
            story.later(Duration::from_secs(1800));
            ada.get("/v1/auth/sessions").await;
        }
        ada.get("/v1/auth/me").await.is(401);
        let begun = begin_showing(&ada).await;
        let passkey = json!({ "ceremony": begun["ceremony"], "credential": device.show(&begun["publicKey"]) });
        let renewed = ada.post("/v1/auth/reauth/verify", &json!({ "passkey": passkey })).await.ok().json();
        ada.keep_csrf(renewed["csrfToken"].as_str().unwrap());
        ada.get("/v1/auth/me").await.ok();
        // Somebody else's passkey proves nothing.
        let (bea, _) = signed_in(&story).await;
        let begun = begin_showing(&bea).await;
        let passkey = json!({ "ceremony": begun["ceremony"], "credential": device.show(&begun["publicKey"]) });
        bea.post("/v1/auth/reauth/verify", &json!({ "passkey": passkey })).await.refused("passkey.wrong");
    });
}

#[test]
fn attack_ceremonies_are_used_once_in_time_and_by_their_own_account() {
    run(async |story| {
        let ((ada, _), (bea, _)) = (signed_in(&story).await, signed_in(&story).await);
        let mut device = Authenticator::new(&story);
        let begun = begin_adding(&ada).await;
        let made = device.make(&begun["publicKey"]);
        finish_adding(&bea, &begun, &made).await.refused("passkey.over");
        finish_adding(&ada, &begun, &made).await.ok();
        finish_adding(&ada, &begun, &made).await.refused("passkey.over");
        // The same passkey by a new ceremony.
        let again = begin_adding(&bea).await;
        let made = device.make(&again["publicKey"]);
        finish_adding(&bea, &again, &made).await.refused("passkey.exists");
        // Garbage spends the ceremony.
        for garbage in [json!({}), json!("x"), json!(null), json!({ "id": "AA", "rawId": "AA", "type": "public-key", "response": {} })] {
            let begun = begin_adding(&ada).await;
            finish_adding(&ada, &begun, &garbage).await.refused("passkey.wrong");
            let begun = begin_showing(&ada).await;
            finish_showing(&story.stranger(), &begun, &garbage).await.refused("passkey.wrong");
            finish_showing(&story.stranger(), &begun, &device.show(&begun["publicKey"])).await.refused("passkey.over");
        }
        let (late, late_login) = (begin_adding(&ada).await, begin_showing(&ada).await);
        story.later(Duration::from_secs(301));
        let made = Authenticator::new(&story).make(&late["publicKey"]);
        finish_adding(&ada, &late, &made).await.refused("passkey.over");
        finish_showing(&story.stranger(), &late_login, &device.show(&late_login["publicKey"])).await.refused("passkey.over");
        // One kind of ceremony is not the other.
        let begun = begin_adding(&ada).await;
        finish_showing(&story.stranger(), &begun, &device.show(&begun["publicKey"])).await.refused("passkey.over");
    });
}

#[test]
fn attack_parallel_finishes_of_one_ceremony() {
    run(async |story| {
        let (ada, _) = signed_in(&story).await;
        let device = added(&story, &ada).await;
        let begun = begin_showing(&ada).await;
        let shown = device.show(&begun["publicKey"]);
        let browsers: Vec<Person> = (0..8).map(|_| story.stranger()).collect();
        let answers = futures::future::join_all(browsers.iter().map(|browser| finish_showing(browser, &begun, &shown))).await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
        assert_eq!(browsers.iter().filter(|browser| browser.cookie(COOKIE).is_some()).count(), 1);
    });
}

#[test]
fn attack_passkey_of_another_origin_name_or_hand() {
    run(async |story| {
        let (ada, _) = signed_in(&story).await;
        let right = added(&story, &ada).await;
        type Lie = fn(&mut Authenticator);
        let lies: [(&str, Lie); 5] = [
            ("an origin of the same kind", |device| device.origin = "http://hearth.test.evil.example".into()),
            ("another port", |device| device.origin = "http://hearth.test:8443".into()),
            ("another name", |device| device.name = "evil.example".into()),
            ("nobody verified", |device| device.flags = 0b001),
            ("nobody there", |device| device.flags = 0b100),
        ];
        let mut device = right;
        for (what, lie) in lies {
            let (origin, name, flags) = (device.origin.clone(), device.name.clone(), device.flags);
            lie(&mut device);
            let stranger = story.stranger();
            let answer = show(&stranger, &device).await;
            assert_eq!((answer.status.as_u16(), stranger.cookie(COOKIE)), (401, None), "{what}");
            let mut other = Authenticator::new(&story);
            lie(&mut other);
            let begun = begin_adding(&ada).await;
            let made = other.make(&begun["publicKey"]);
            assert_eq!(finish_adding(&ada, &begun, &made).await.status.as_u16(), 401, "{what}");
            (device.origin, device.name, device.flags) = (origin, name, flags);
        }
        // Another key under the same id; another person's handle.
        let (key, person) = (std::mem::replace(&mut device.key, SigningKey::generate().unwrap()), device.person.clone());
        show(&story.stranger(), &device).await.refused("passkey.wrong");
        device.key = key;
        device.person = URL_SAFE_NO_PAD.encode(story.clock.uuid().as_bytes());
        show(&story.stranger(), &device).await.refused("passkey.wrong");
        device.person = person;
        show(&story.stranger(), &device).await.ok();
    });
}

#[test]
fn attack_copied_passkey() {
    run(async |story| {
        let (ada, email) = signed_in(&story).await;
        let device = added(&story, &ada).await;
        device.signs.set(7);
        show(&story.stranger(), &device).await.ok();
        // A copy counts on from where it was taken.
        device.signs.set(5);
        let thief = story.stranger();
        show(&thief, &device).await.refused("passkey.doubted");
        assert_eq!(thief.cookie(COOKIE), None);
        story.letter(&email, "passkey-doubted").await;
        // From now on neither of them signs in, and the owner sees why.
        device.signs.set(8);
        show(&story.stranger(), &device).await.refused("passkey.doubted");
        assert_eq!(ada.get("/v1/auth/passkeys").await.ok().json()["rows"][0]["doubted"], true);
        assert!(ada.get("/account/security").await.ok().text().contains("May have been copied"));
    });
}

#[test]
fn passkeys_need_a_name_to_be_tied_to() {
    run(async |story| {
        let node = story.node(|settings| settings.public_url = "http://127.0.0.1:8080".into());
        node.stranger().post("/v1/auth/passkeys/login/begin", &json!({})).await.refused("passkey.off");
        assert!(!node.stranger().get("/login").await.ok().text().contains("data-passkey"));
        assert!(story.stranger().get("/login").await.ok().text().contains("data-passkey=\"login\""));
    });
}

#[test]
fn attack_where_a_second_factor_is_demanded_the_password_does_not_go_round_the_passkey() {
    run(async |story| {
        let (ada, email) = signed_in(&story).await;
        story.post("/v1/team/invitations", &json!({ "email": email, "name": "Ada", "roles": ["baker"] })).await.ok();
        let token = story.letter(&email, "invitation").await.token();
        ada.post("/v1/auth/invitations/accept", &json!({ "token": token })).await.ok();
        show(&ada, &added(&story, &ada).await).await.ok();
        let device = added(&story, &ada).await;
        let thief = story.stranger();
        sign_in(&thief, &email, PASSWORD).await.is(200);
        thief.get("/v1/items").await.ok();
        let rules = json!({ "idleMinutes": 60, "reauthHours": 24, "secondFactor": "everybody", "version": 0 });
        story.post("/v1/settings/security", &rules).await.ok();
        // The passkey was given in this session, in that one it was not: nothing else proves it there, and no new factor is set up.
        ada.get("/v1/items").await.ok();
        thief.get("/v1/items").await.refused("auth.again");
        thief.post("/v1/auth/2fa/enable-init", &json!({})).await.refused("auth.again");
        thief.post("/v1/auth/passkeys/register/begin", &json!({})).await.refused("auth.again");
        thief.post("/v1/auth/reauth/verify", &json!({ "password": PASSWORD })).await.refused("reauth.second");
        thief.post("/v1/auth/reauth/send", &json!({})).await.refused("reauth.mail");
        thief.post("/v1/auth/reauth/verify", &json!({ "code": "123456" })).await.refused("reauth.mail");
        let page = thief.get("/reauth").await.is(200).text();
        assert!(
            page.contains(&web::t("reauth-second")) && !page.contains("type=\"password\"") && page.contains("data-passkey=\"again\""),
            "{page}"
        );
        let pair = crate::tokens(&story, &email).await;
        crate::bearing(&story.stranger(), pair["accessToken"].as_str().unwrap(), "GET", "/v1/items", &json!({}))
            .await
            .refused("auth.again");
        // Whoever holds it goes on.
        let begun = begin_showing(&thief).await;
        let shown = json!({ "ceremony": begun["ceremony"], "credential": device.show(&begun["publicKey"]) });
        let proved = thief.post("/v1/auth/reauth/verify", &json!({ "passkey": shown })).await.ok().json();
        thief.keep_csrf(proved["csrfToken"].as_str().unwrap());
        thief.get("/v1/items").await.ok();
        // The last passkey removed, another factor is set up before anything else.
        for row in thief.get("/v1/auth/passkeys").await.ok().json()["rows"].as_array().unwrap() {
            thief.delete(&format!("/v1/auth/passkeys/{}", row["id"].as_str().unwrap())).await.is(204);
        }
        thief.get("/v1/items").await.refused("second.needed");
        // What was signed in elsewhere ended with the factor.
        ada.get("/v1/items").await.refused("auth.required");
    });
}
