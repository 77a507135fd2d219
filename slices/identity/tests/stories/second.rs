//! The second factor: codes by time, recovery codes, and what a reset does not go round.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::{Person, Story};

use crate::{PASSWORD, registered, sign_in};

/// A code at the story's time.
pub fn code(secret: &str, story: &Story, steps: i64) -> String {
    story.code(secret, steps)
}

/// Sets a second factor up; returns the secret and the recovery codes.
pub async fn set_up(story: &Story, ada: &Person) -> (String, Vec<String>) {
    let begun = ada.post("/v1/auth/2fa/enable-init", &json!({})).await.ok().json();
    assert!(begun["qr"].as_str().unwrap().starts_with("<svg") && begun["uri"].as_str().unwrap().starts_with("otpauth://totp/"), "{begun}");
    let (secret, codes) = story.second_factor(ada).await;
    assert_eq!(codes.len(), 10);
    (secret, codes)
}

/// Signs in up to the second factor.
async fn first_factor(story: &Story, email: &str) -> Value {
    let answer = story.stranger().post("/v1/auth/login", &json!({ "email": email, "password": PASSWORD })).await.is(200).json();
    assert_eq!((&answer["mfaRequired"], answer["accessToken"].is_null()), (&json!(true), true));
    answer["mfaToken"].clone()
}

async fn verify(story: &Story, token: &Value, code: &str) -> testkit::Answer {
    story.stranger().post("/v1/auth/2fa/verify", &json!({ "mfaToken": token, "code": code })).await
}

#[test]
fn with_a_second_factor_the_password_alone_signs_nobody_in() {
    testkit::run(async |story| {
        let email = registered(&story).await;
        let (ada, elsewhere) = (story.stranger(), story.stranger());
        sign_in(&elsewhere, &email, PASSWORD).await.is(200);
        sign_in(&ada, &email, PASSWORD).await.is(200);
        let (secret, _) = set_up(&story, &ada).await;
        ada.get("/v1/auth/me").await.ok();
        elsewhere.get("/v1/auth/me").await.refused("auth.required");
        story.letter(&email, "second-factor-on").await;
        assert_eq!(ada.get("/v1/auth/me").await.json()["twoFactor"], json!(true));
        ada.post("/v1/auth/2fa/enable-init", &json!({})).await.refused("second.on");

        let token = first_factor(&story, &email).await;
        // The code that set it up was taken; its step is never taken again.
        verify(&story, &token, &code(&secret, &story, 0)).await.refused("second.wrong");
        story.later(Duration::from_secs(30));
        let now = code(&secret, &story, 0);
        verify(&story, &token, &now).await.is(200);
        verify(&story, &token, &now).await.refused("second.over");
        // A minute early or late is too much, half a minute is not.
        let token = first_factor(&story, &email).await;
        verify(&story, &token, &code(&secret, &story, 2)).await.refused("second.wrong");
        verify(&story, &token, &code(&secret, &story, 1)).await.is(200);
        // Who dawdles begins again.
        let token = first_factor(&story, &email).await;
        story.later(Duration::from_secs(301));
        verify(&story, &token, &code(&secret, &story, 0)).await.refused("second.over");
        verify(&story, &json!("nonsense"), "123456").await.refused("second.over");
    });
}

#[test]
fn attack_parallel_codes_of_one_step_sign_in_once() {
    testkit::run(async |story| {
        let email = registered(&story).await;
        let ada = story.stranger();
        sign_in(&ada, &email, PASSWORD).await.is(200);
        let (secret, recovery) = set_up(&story, &ada).await;
        story.later(Duration::from_secs(30));
        let tokens = [first_factor(&story, &email).await, first_factor(&story, &email).await, first_factor(&story, &email).await];
        let now = code(&secret, &story, 0);
        let won = futures::future::join_all(tokens.iter().map(|token| verify(&story, token, &now))).await;
        assert_eq!(won.iter().filter(|answer| answer.status.is_success()).count(), 1);
        // Likewise a recovery code.
        let token = first_factor(&story, &email).await;
        let other = first_factor(&story, &email).await;
        let stranger = story.stranger();
        let bodies = [&token, &other].map(|token| json!({ "mfaToken": token, "recoveryCode": recovery[0] }));
        let won = futures::future::join_all(bodies.iter().map(|body| stranger.post("/v1/auth/recovery-login", body))).await;
        assert_eq!(won.iter().filter(|answer| answer.status.is_success()).count(), 1);
        // In capitals and without its hyphen it is the same code.
        let token = first_factor(&story, &email).await;
        let typed = recovery[1].replace('-', " ").to_uppercase();
        story.stranger().post("/v1/auth/recovery-login", &json!({ "mfaToken": token, "recoveryCode": typed })).await.is(200);
    });
}

#[test]
fn attack_wrong_codes_shut_the_second_factor_and_not_the_password() {
    testkit::run(async |story| {
        let email = registered(&story).await;
        let ada = story.stranger();
        sign_in(&ada, &email, PASSWORD).await.is(200);
        let (secret, _) = set_up(&story, &ada).await;
        story.later(Duration::from_secs(30));
        let right = code(&secret, &story, 0);
        let wrong = if right == "000000" { "111111" } else { "000000" };
        let token = first_factor(&story, &email).await;
        let all = futures::future::join_all((0..9).map(|_| verify(&story, &token, wrong))).await;
        let codes: Vec<String> = all.iter().map(testkit::Answer::code).collect();
        assert_eq!(codes.iter().filter(|code| *code == "second.wrong").count(), 5, "{codes:?}");
        assert_eq!(codes.iter().filter(|code| *code == "second.shut").count(), 4, "{codes:?}");
        verify(&story, &token, &right).await.refused("second.shut");
        story.later(Duration::from_secs(301));
        let token = first_factor(&story, &email).await;
        verify(&story, &token, &code(&secret, &story, 0)).await.is(200);
    });
}

#[test]
fn attack_a_reset_does_not_go_round_the_second_factor() {
    testkit::run(async |story| {
        let email = registered(&story).await;
        let ada = story.stranger();
        sign_in(&ada, &email, PASSWORD).await.is(200);
        set_up(&story, &ada).await;
        story.stranger().post("/v1/auth/forgot-password", &json!({ "email": email })).await.is(202);
        let token = story.letter(&email, "reset").await.token();
        let thief = story.stranger();
        let chosen = json!({ "token": token, "newPassword": PASSWORD });
        let answer = thief.post("/v1/auth/reset-password", &chosen).await.ok();
        assert!(answer.header("set-cookie").is_empty());
        first_factor(&story, &email).await;
        thief.get("/v1/auth/me").await.refused("auth.required");
    });
}

#[test]
fn switching_off_needs_a_code_and_recovery_codes_are_renewed() {
    testkit::run(async |story| {
        let email = registered(&story).await;
        let ada = story.stranger();
        sign_in(&ada, &email, PASSWORD).await.is(200);
        ada.post("/v1/auth/2fa/recovery-codes", &json!({})).await.refused("second.off");
        ada.post("/v1/auth/2fa/disable", &json!({ "code": "123456" })).await.refused("second.off");
        let (_, old) = set_up(&story, &ada).await;
        let new = ada.post("/v1/auth/2fa/recovery-codes", &json!({})).await.ok().json();
        ada.post("/v1/auth/2fa/disable", &json!({ "code": old[0] })).await.refused("second.wrong");
        ada.post("/v1/auth/2fa/disable", &json!({ "code": new["recoveryCodes"][0] })).await.ok();
        story.letter(&email, "second-factor-off").await;
        sign_in(&story.stranger(), &email, PASSWORD).await.is(200);
    });
}

#[test]
fn by_page_the_second_step_follows_the_first() {
    testkit::run(async |story| {
        let email = registered(&story).await;
        let ada = story.stranger();
        sign_in(&ada, &email, PASSWORD).await.is(200);
        let (secret, _) = set_up(&story, &ada).await;
        story.later(Duration::from_secs(30));
        let browser = story.stranger();
        let page = browser.form("/login", &[("email", &email), ("password", PASSWORD), ("next", "/businesses")]).await.is(200);
        let (token, next) = (page.input("mfaToken"), page.input("next"));
        let again = browser.form("/2fa/verify", &[("mfaToken", &token), ("next", &next), ("code", "12")]).await.is(401);
        assert_eq!((again.input("mfaToken"), again.input("next")), (token.clone(), "/businesses".into()));
        let done = browser.form("/2fa/verify", &[("mfaToken", &token), ("next", &next), ("code", &code(&secret, &story, 0))]).await;
        assert_eq!(done.location(), "/open");
        browser.get("/v1/auth/me").await.ok();
    });
}

#[test]
fn a_wrong_code_is_said_at_its_field_and_in_the_list_above_and_no_third_time() {
    testkit::run(async |story| {
        let (ada, email) = (story.stranger(), registered(&story).await);
        sign_in(&ada, &email, PASSWORD).await.is(200);
        set_up(&story, &ada).await;
        let said = |page: testkit::Answer, code: &str| {
            let text = page.text();
            let times = text.matches(&kernel::code(code).unwrap().text().replace('\'', "&#39;")).count();
            assert_eq!((times, text.matches("class=\"banner bad\"").count()), (2, 1), "{code}: {text}");
            assert!(text.contains("aria-invalid"), "{code}: the field is marked: {text}");
        };
        let browser = story.stranger();
        let asked = browser.form("/login", &[("email", &email), ("password", PASSWORD)]).await.is(200);
        let token = asked.input("mfaToken");
        for wrong in ["000000", "abcde-fghjk"] {
            said(browser.form("/2fa/verify", &[("mfaToken", &token), ("code", wrong)]).await.is(401), "second.wrong");
        }
        said(ada.form("/reauth", &[("code", "000000")]).await.is(422), "second.wrong");
        let change = [("currentPassword", "x"), ("newPassword", "seven loaves on the window sill")];
        said(ada.form("/account/password", &change).await.is(422), "password.current");
        // A refusal that blames no field of the page still stands above it.
        let over = browser.form("/2fa/verify", &[("mfaToken", "nonsense"), ("code", "000000")]).await.is(401).text();
        assert!(over.contains(kernel::code("second.over").unwrap().text()), "{over}");
    });
}
