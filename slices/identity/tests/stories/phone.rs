//! Codes by telephone.

use std::time::Duration;

use serde_json::json;
use testkit::{Node, Story};

use crate::{PASSWORD, registered, second, sign_in};

/// A program that has a gateway; what it would send waits in the queue.
fn with_gateway(story: &Story) -> Node {
    story.node(|settings| settings.texts = Some("https://sms.example".into()))
}

/// A number that no other story uses.
fn number(story: &Story) -> String {
    format!("+44{}", story.clock.uuid().as_u128() % 9_000_000_000 + 1_000_000_000)
}

/// The last code that was sent to a telephone.
async fn code(story: &Story, number: &str) -> String {
    let all = story.letters_to(number).await;
    let text = &all.last().unwrap().text;
    let code = text.split('#').nth(1).unwrap().to_owned();
    assert!(text.starts_with(&code) && text.contains("Never tell it") && text.ends_with(&format!("@hearth.test #{code}")), "{text}");
    code
}

#[test]
fn codes_come_to_a_telephone_once_it_is_confirmed() {
    testkit::run(async |story| {
        let (node, email, phone) = (with_gateway(&story), registered(&story).await, number(&story));
        let ada = node.stranger();
        sign_in(&ada, &email, PASSWORD).await.is(200);
        ada.post("/v1/auth/phone", &json!({ "phone": "0131 496 0000" })).await.refused("phone.format");
        ada.post("/v1/auth/phone", &json!({ "phone": phone })).await.is(202);
        ada.post("/v1/auth/phone/confirm", &json!({ "code": "000000" })).await.refused("second.wrong");
        // Not before the code came back: a code to prove again still comes by mail.
        ada.post("/v1/auth/reauth/send", &json!({})).await.is(202);
        assert!(story.letter(&email, "again").await.code.is_some());
        let kept = ada.post("/v1/auth/phone/confirm", &json!({ "code": code(&story, &phone).await })).await.ok().json();
        assert_eq!(kept["phone"], phone);
        assert!(story.letter(&email, "phone-set").await.text.contains(&phone[phone.len() - 3..]));
        ada.post("/v1/auth/phone/confirm", &json!({ "code": code(&story, &phone).await })).await.refused("second.wrong");
        // From now on.
        ada.post("/v1/auth/reauth/send", &json!({})).await.is(202);
        ada.post("/v1/auth/reauth/verify", &json!({ "code": code(&story, &phone).await })).await.ok();
        node.stranger().post("/v1/auth/forgot-password", &json!({ "email": email })).await.is(202);
        let letter = story.letter(&email, "reset").await;
        assert!(letter.code.is_none() && letter.text.contains("sent to your telephone") && !letter.links.is_empty(), "{}", letter.text);
        let chosen = json!({ "email": email, "code": code(&story, &phone).await, "newPassword": "seventeen quiet umbrellas waltz" });
        node.stranger().post("/v1/auth/reset-password", &chosen).await.ok();
    });
}

#[test]
fn without_a_gateway_there_are_no_codes_by_telephone() {
    testkit::run(async |story| {
        let email = registered(&story).await;
        let ada = story.stranger();
        sign_in(&ada, &email, PASSWORD).await.is(200);
        ada.post("/v1/auth/phone", &json!({ "phone": number(&story) })).await.refused("phone.off");
        assert!(!ada.get("/account/security").await.ok().text().contains("Codes by telephone"));
    });
}

#[test]
fn a_telephone_is_set_and_removed_by_page() {
    testkit::run(async |story| {
        let (node, email, phone) = (with_gateway(&story), registered(&story).await, number(&story));
        let ada = node.stranger();
        sign_in(&ada, &email, PASSWORD).await.is(200);
        let refused = ada.form("/account/phone", &[("phone", "12")]).await.is(422).text();
        assert!(refused.contains("value=\"12\"") && refused.contains("+44 131 496 0000"), "{refused}");
        assert_eq!(ada.form("/account/phone", &[("phone", &phone)]).await.location(), "/account/security#phone");
        assert!(ada.get("/account/security").await.ok().text().contains("A code was sent to"));
        ada.form("/account/phone/confirm", &[("code", "000000")]).await.is(422);
        let typed = code(&story, &phone).await;
        assert_eq!(ada.form("/account/phone/confirm", &[("code", &typed)]).await.location(), "/account/security?done=phone");
        let page = ada.get("/account/security").await.ok().text();
        assert!(page.contains(&format!("Codes go to {phone}")), "{page}");
        story.later(Duration::from_secs(16 * 60));
        assert_eq!(ada.form("/account/phone/remove", &[]).await.location(), "/reauth?next=/account/security");
        let proved = ada.post("/v1/auth/reauth/verify", &json!({ "password": PASSWORD })).await.ok().json();
        ada.keep_csrf(proved["csrfToken"].as_str().unwrap());
        assert_eq!(ada.form("/account/phone/remove", &[]).await.location(), "/account/security?done=phone-removed");
        story.letter(&email, "phone-removed").await;
    });
}

#[test]
fn attack_parallel_guesses_at_a_telephones_code() {
    testkit::run(async |story| {
        let (node, email, phone) = (with_gateway(&story), registered(&story).await, number(&story));
        let thief = node.stranger();
        sign_in(&thief, &email, PASSWORD).await.is(200);
        thief.post("/v1/auth/phone", &json!({ "phone": phone })).await.is(202);
        let right = code(&story, &phone).await;
        let wrong = if right == "000000" { "000001" } else { "000000" };
        let guess = async || thief.post("/v1/auth/phone/confirm", &json!({ "code": wrong })).await;
        tokio::join!(guess(), guess(), guess(), guess(), guess());
        // Three were counted, whoever came first: the right one comes too late.
        thief.post("/v1/auth/phone/confirm", &json!({ "code": right })).await.refused("second.wrong");
    });
}

#[test]
fn attack_a_stolen_session_moves_no_codes_to_another_telephone() {
    testkit::run(async |story| {
        let (node, email) = (with_gateway(&story), registered(&story).await);
        let thief = node.stranger();
        sign_in(&thief, &email, PASSWORD).await.is(200);
        story.later(Duration::from_secs(16 * 60));
        thief.post("/v1/auth/phone", &json!({ "phone": number(&story) })).await.refused("auth.again");
        thief.delete("/v1/auth/phone").await.refused("auth.again");
    });
}

#[test]
fn a_telephone_replaces_no_second_factor() {
    testkit::run(async |story| {
        let (node, email, phone) = (with_gateway(&story), registered(&story).await, number(&story));
        let ada = node.stranger();
        sign_in(&ada, &email, PASSWORD).await.is(200);
        ada.post("/v1/auth/phone", &json!({ "phone": phone })).await.is(202);
        ada.post("/v1/auth/phone/confirm", &json!({ "code": code(&story, &phone).await })).await.ok();
        second::set_up(&story, &ada).await;
        ada.post("/v1/auth/reauth/send", &json!({})).await.refused("reauth.mail");
    });
}
