//! Wrong guesses, and proving again who one is.

use std::time::Duration;

use serde_json::json;

use crate::{PASSWORD, address, registered, sign_in};

const WRONG: &str = "not the password of anybody";

#[test]
fn attack_parallel_guesses_do_not_beat_the_lockout() {
    testkit::run(async |story| {
        let email = registered(&story).await;
        let stranger = story.stranger();
        let body = json!({ "email": email, "password": WRONG });
        let guess = || stranger.post("/v1/auth/login", &body);
        // Two hashes run at once, so these take a moment.
        let all = futures::future::join_all((0..12).map(|_| guess())).await;
        let codes: Vec<String> = all.iter().map(testkit::Answer::code).collect();
        assert_eq!(codes.iter().filter(|code| *code == "login.wrong").count(), 5, "{codes:?}");
        assert_eq!(codes.iter().filter(|code| *code == "login.shut").count(), 7, "{codes:?}");
        // Shut means shut: the right password is not looked at.
        sign_in(&story.stranger(), &email, PASSWORD).await.refused("login.shut");
        story.letter(&email, "locked").await;
        story.later(Duration::from_secs(301));
        sign_in(&story.stranger(), &email, PASSWORD).await.is(200);
    });
}

#[test]
fn each_pause_is_twice_as_long_up_to_an_hour() {
    testkit::run(async |story| {
        let email = address(&story);
        let mut pause = 300;
        for _ in 0..6 {
            for _ in 0..5 {
                sign_in(&story.stranger(), &email, "x").await.refused("login.wrong");
            }
            sign_in(&story.stranger(), &email, "x").await.refused("login.shut");
            story.later(Duration::from_secs(pause - 1));
            sign_in(&story.stranger(), &email, "x").await.refused("login.shut");
            story.later(Duration::from_secs(2));
            pause = (pause * 2).min(3600);
        }
    });
}

#[test]
fn an_unknown_address_is_shut_like_a_known_one_and_nobody_is_written_to() {
    testkit::run(async |story| {
        let (known, unknown) = (registered(&story).await, address(&story));
        let mut said = Vec::new();
        for email in [&known, &unknown] {
            let mut codes = Vec::new();
            for _ in 0..7 {
                codes.push(crate::said(&sign_in(&story.stranger(), email, "x").await));
            }
            said.push(codes);
        }
        assert_eq!(said[0], said[1]);
        story.letter(&known, "locked").await;
        assert!(story.letters_to(&unknown).await.is_empty());
    });
}

#[test]
fn a_stranger_can_t_shut_a_person_out_of_a_known_device() {
    testkit::run(async |story| {
        let email = registered(&story).await;
        let ada = story.stranger();
        sign_in(&ada, &email, PASSWORD).await.is(200);
        ada.post("/v1/auth/logout", &json!({})).await.is(204);
        for _ in 0..6 {
            sign_in(&story.stranger(), &email, "x").await;
        }
        sign_in(&story.stranger(), &email, PASSWORD).await.refused("login.shut");
        sign_in(&ada, &email, PASSWORD).await.is(200);
        // And a reset opens it for every device.
        for _ in 0..6 {
            sign_in(&story.stranger(), &email, "x").await;
        }
        story.stranger().post("/v1/auth/forgot-password", &json!({ "email": email })).await.is(202);
        let token = story.letter(&email, "reset").await.token();
        let chosen = json!({ "token": token, "newPassword": "seventeen quiet umbrellas waltz" });
        story.stranger().post("/v1/auth/reset-password", &chosen).await.ok();
        sign_in(&story.stranger(), &email, "seventeen quiet umbrellas waltz").await.is(200);
    });
}

#[test]
fn a_sign_in_from_a_new_device_is_told_by_mail_and_from_a_known_one_is_not() {
    testkit::run(async |story| {
        let email = registered(&story).await;
        let (first, second) = (story.stranger(), story.stranger());
        sign_in(&first, &email, PASSWORD).await.is(200);
        assert!(story.letters_to(&email).await.iter().all(|letter| letter.kind != "new-device"), "the first device is no news");
        sign_in(&second, &email, PASSWORD).await.is(200);
        sign_in(&second, &email, PASSWORD).await.is(200);
        sign_in(&first, &email, PASSWORD).await.is(200);
        assert_eq!(story.letters_to(&email).await.iter().filter(|letter| letter.kind == "new-device").count(), 1);
    });
}

#[test]
fn attack_a_session_does_not_move_to_another_browser() {
    testkit::run(async |story| {
        let email = registered(&story).await;
        let ada = story.stranger();
        let firefox = [("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0")];
        let newer = [("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:146.0) Gecko/20100101 Firefox/146.0")];
        let curl = [("user-agent", "curl/8.1")];
        let login = json!({ "email": email, "password": PASSWORD, "session": "cookie" });
        ada.json_with("POST", "/v1/auth/login", &login, &firefox).await.is(200);
        ada.json_with("GET", "/v1/auth/me", &json!({}), &newer).await.ok();
        ada.json_with("GET", "/v1/auth/me", &json!({}), &curl).await.refused("auth.required");
        // The session is over for the first browser, too: somebody had its cookie.
        ada.json_with("GET", "/v1/auth/me", &json!({}), &firefox).await.refused("auth.required");
    });
}

#[test]
fn after_a_day_a_person_proves_again_by_password_or_by_mail() {
    testkit::run(async |story| {
        let email = registered(&story).await;
        let ada = story.stranger();
        sign_in(&ada, &email, PASSWORD).await.is(200);
        let a_day = async || {
            for _ in 0..29 {
                story.later(Duration::from_secs(50 * 60));
                ada.get("/v1/auth/me").await;
            }
            ada.get("/v1/auth/me").await.refused("auth.again");
        };
        a_day().await;
        let page = ada.get("/reauth?next=/businesses").await.is(200);
        assert_eq!(page.input("next"), "/businesses");
        ada.post("/v1/auth/reauth/verify", &json!({ "password": WRONG })).await.refused("password.current");
        let before = ada.cookie(crate::COOKIE);
        let answer = ada.post("/v1/auth/reauth/verify", &json!({ "password": PASSWORD })).await.ok().json();
        assert_ne!(ada.cookie(crate::COOKIE), before, "a new token, so that no planted one is proved");
        ada.keep_csrf(answer["csrfToken"].as_str().unwrap());
        ada.get("/v1/auth/me").await.ok();

        a_day().await;
        ada.post("/v1/auth/reauth/send", &json!({})).await.is(202);
        let right = story.letter(&email, "again").await.code.unwrap();
        let wrong = if right == "000000" { "111111" } else { "000000" };
        ada.post("/v1/auth/reauth/verify", &json!({ "code": wrong })).await.refused("second.wrong");
        let page = ada.form("/reauth", &[("code", &right), ("next", "/businesses")]).await;
        assert_eq!(page.location(), "/businesses");
    });
}

#[test]
fn attack_three_wrong_mailed_codes_void_the_code() {
    testkit::run(async |story| {
        let email = registered(&story).await;
        let ada = story.stranger();
        sign_in(&ada, &email, PASSWORD).await.is(200);
        ada.post("/v1/auth/reauth/send", &json!({})).await.is(202);
        let right = story.letter(&email, "again").await.code.unwrap();
        let wrong = if right == "000000" { "111111" } else { "000000" };
        let body = json!({ "code": wrong });
        futures::future::join_all((0..6).map(|_| ada.post("/v1/auth/reauth/verify", &body))).await;
        ada.post("/v1/auth/reauth/verify", &json!({ "code": right })).await.refused("second.wrong");
    });
}
