//! Wrong guesses, and proving again who one is.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
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

/// Every hour's work of identity that lets go what is long over.
async fn sweep(story: &testkit::Story) {
    let sweep = identity::slice().periodic.iter().find(|one| one.name == "identity.sweep").unwrap();
    (sweep.run)(story.db.clone()).await.unwrap();
}

/// As if so many had been wrong in a row, wherever something was guessed at.
async fn wrong_so_far(story: &testkit::Story, many: i32) {
    let mut system = story.db.system("story.guesses").await.unwrap();
    let sql = "UPDATE identity.guess SET failures = $1, shut_until = NULL";
    assert_eq!(sqlx::query(sql).bind(many).execute(system.conn()).await.unwrap().rows_affected(), 1);
    system.commit().await.unwrap();
}

#[test]
fn after_a_hundred_wrong_guesses_a_password_is_off_until_a_reset() {
    testkit::own_database(async |story| {
        let email = registered(&story).await;
        let known = story.stranger();
        sign_in(&known, &email, PASSWORD).await.is(200);
        let strange = async |password: &str| sign_in(&story.stranger(), &email, password).await;
        strange(WRONG).await.refused("login.wrong");
        wrong_so_far(&story, 98).await;
        strange(WRONG).await.refused("login.wrong");
        strange(WRONG).await.refused("login.wrong");
        // No pause brings it back, nor the month after which other guesses are forgotten, nor the hour's work.
        for days in [0, 1, 31, 400] {
            story.later(Duration::from_secs(days * 24 * 3600));
            sweep(&story).await;
            strange(PASSWORD).await.refused("login.disabled");
        }
        story.owner_comes_back().await;
        let operator = story.operator(&[kernel::PlatformRole::Support]).await;
        let id = identity::find(&story.db, &email).await.unwrap();
        operator.post(&format!("/v1/admin/users/{id}/unlock"), &json!({ "reason": "asked by phone" })).await.ok();
        strange(PASSWORD).await.refused("login.disabled");
        // A new password is another thing to guess at.
        story.stranger().post("/v1/auth/forgot-password", &json!({ "email": email })).await.is(202);
        let token = story.letter(&email, "reset").await.token();
        let chosen = json!({ "token": token, "newPassword": "seventeen quiet umbrellas waltz" });
        story.stranger().post("/v1/auth/reset-password", &chosen).await.ok();
        strange("seventeen quiet umbrellas waltz").await.is(200);
    });
}

#[test]
fn a_password_that_strangers_switched_off_works_on_a_known_device_and_stays_off_elsewhere() {
    testkit::own_database(async |story| {
        let email = registered(&story).await;
        let known = story.stranger();
        sign_in(&known, &email, PASSWORD).await.is(200);
        sign_in(&story.stranger(), &email, WRONG).await.refused("login.wrong");
        wrong_so_far(&story, 100).await;
        sign_in(&known, &email, PASSWORD).await.is(200);
        sign_in(&story.stranger(), &email, PASSWORD).await.refused("login.disabled");
        // A hundred wrong ones on the known device itself, and a reset there.
        sign_in(&known, &email, WRONG).await.refused("login.wrong");
        let mut system = story.db.system("story.guesses").await.unwrap();
        let off = sqlx::query("UPDATE identity.guess SET failures = 100, shut_until = NULL").execute(system.conn()).await.unwrap();
        assert_eq!(off.rows_affected(), 2);
        system.commit().await.unwrap();
        sign_in(&known, &email, PASSWORD).await.refused("login.disabled");
        story.stranger().post("/v1/auth/forgot-password", &json!({ "email": email })).await.is(202);
        let token = story.letter(&email, "reset").await.token();
        let chosen = json!({ "token": token, "newPassword": "seventeen quiet umbrellas waltz" });
        story.stranger().post("/v1/auth/reset-password", &chosen).await.ok();
        for browser in [&known, &story.stranger()] {
            sign_in(browser, &email, "seventeen quiet umbrellas waltz").await.is(200);
        }
    });
}

#[test]
fn after_a_hundred_wrong_codes_a_second_factor_is_off_until_it_is_taken_away() {
    testkit::own_database(async |story| {
        let email = registered(&story).await;
        let ada = story.stranger();
        sign_in(&ada, &email, PASSWORD).await.is(200);
        let (secret, _) = crate::second::set_up(&story, &ada).await;
        let guess = async |code: &str| {
            let login = json!({ "email": email, "password": PASSWORD });
            let awaited = story.stranger().post("/v1/auth/login", &login).await.is(200).json();
            story.stranger().post("/v1/auth/2fa/verify", &json!({ "mfaToken": awaited["mfaToken"], "code": code })).await
        };
        guess("12345").await.refused("second.wrong");
        wrong_so_far(&story, 100).await;
        story.later(Duration::from_secs(31 * 24 * 3600));
        sweep(&story).await;
        guess(&story.code(&secret, 0)).await.refused("second.disabled");
        story.owner_comes_back().await;
        let operator = story.operator(&[kernel::PlatformRole::Admin]).await;
        let id = identity::find(&story.db, &email).await.unwrap();
        operator.post(&format!("/v1/admin/users/{id}/reset-2fa"), &json!({ "reason": "seen in person" })).await.ok();
        sign_in(&ada, &email, PASSWORD).await.is(200);
        crate::second::set_up(&story, &ada).await;
    });
}

#[test]
fn a_password_kept_at_an_older_cost_is_kept_anew_at_the_next_sign_in() {
    testkit::run(async |story| {
        let email = registered(&story).await;
        let kept = async || -> String {
            let mut system = story.db.system("story.kept").await.unwrap();
            let sql = "SELECT password_hash FROM identity.account WHERE email = $1";
            sqlx::query_scalar(sql).bind(&email).fetch_one(system.conn()).await.unwrap()
        };
        // As it was kept by a program of years ago: an eighth of the memory, one pass, one lane.
        let params = argon2::Params::new(8 * 1024, 1, 1, Some(32)).unwrap();
        let older = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
        let mut tag = [0; 32];
        older.hash_password_into(PASSWORD.as_bytes(), &[7; 16], &mut tag).unwrap();
        let outdated = format!("$argon2id$v=19$m=8192,t=1,p=1${}${}", STANDARD_NO_PAD.encode([7; 16]), STANDARD_NO_PAD.encode(tag));
        let mut system = story.db.system("story.older").await.unwrap();
        let sql = "UPDATE identity.account SET password_hash = $2 WHERE email = $1";
        sqlx::query(sql).bind(&email).bind(&outdated).execute(system.conn()).await.unwrap();
        system.commit().await.unwrap();
        sign_in(&story.stranger(), &email, WRONG).await.refused("login.wrong");
        assert_eq!(kept().await, outdated, "a wrong one changes nothing");
        sign_in(&story.stranger(), &email, PASSWORD).await.is(200);
        let anew = kept().await;
        assert!(anew.starts_with("$argon2id$v=19$m=65536,t=3,p=2$"), "{anew}");
        sign_in(&story.stranger(), &email, PASSWORD).await.is(200);
        assert_eq!(kept().await, anew, "once");
    });
}

#[test]
fn another_network_asks_who_it_is_and_the_proof_holds_there() {
    testkit::run(async |story| {
        let email = registered(&story).await;
        let at_home = story.stranger().from("192.0.2.7");
        sign_in(&at_home, &email, PASSWORD).await.is(200);
        // Another address of the same network is no news.
        at_home.from("192.0.2.250").get("/v1/auth/me").await.ok();
        let away = at_home.from("198.51.100.7");
        away.get("/v1/auth/me").await.refused("auth.again");
        away.post("/v1/auth/reauth/verify", &json!({ "password": WRONG })).await.refused("password.current");
        let proved = away.post("/v1/auth/reauth/verify", &json!({ "password": PASSWORD })).await.ok().json();
        away.keep_csrf(proved["csrfToken"].as_str().unwrap());
        away.get("/v1/auth/me").await.ok();
        // The session went along: where it was before, it is asked again.
        at_home.get("/v1/auth/me").await.refused("auth.again");
        at_home.from("2001:db8:1:2a00::1").get("/v1/auth/me").await.refused("auth.again");
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
