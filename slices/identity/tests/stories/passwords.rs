//! Confirming an address, forgetting a password, changing it.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::extract::Path;
use serde_json::json;

use crate::{PASSWORD, address, registered, said, sign_in, tokens};

const OTHER: &str = "seventeen quiet umbrellas waltz";

#[test]
fn attack_a_mail_scanner_that_opens_links_spends_nothing() {
    testkit::run(async |story| {
        let (email, browser) = (address(&story), story.stranger());
        browser.form("/register", &[("email", &email), ("password", PASSWORD)]).await.is(303);
        let token = story.letter(&email, "verify").await.token();
        for _ in 0..3 {
            let page = story.stranger().get(&format!("/verify-email?token={token}")).await.is(200);
            assert!(page.text().contains(&email), "{}", page.text());
            story.stranger().get(&format!("/v1/auth/verify-email?token={token}")).await.ok();
        }
        assert_eq!(browser.form("/verify-email", &[("token", &token)]).await.location(), "/login?done=verified");
        browser.form("/verify-email", &[("token", &token)]).await.is(422);
        story.stranger().get(&format!("/v1/auth/verify-email?token={token}")).await.refused("verify.link");
        sign_in(&browser, &email, PASSWORD).await.is(200);

        browser.form("/forgot-password", &[("email", &email)]).await.is(303);
        let token = story.letter(&email, "reset").await.token();
        for _ in 0..3 {
            story.stranger().get(&format!("/reset-password?token={token}")).await.is(200);
        }
        let chosen = [("token", token.as_str()), ("newPassword", OTHER)];
        assert_eq!(story.stranger().form("/reset-password", &chosen).await.location(), "/login?done=password");
        sign_in(&browser, &email, OTHER).await.is(200);
    });
}

#[test]
fn attack_a_pre_registered_address_inherits_no_password() {
    testkit::run(async |story| {
        let email = address(&story);
        // Somebody else registers Ada's address with a password of their own.
        story.stranger().post("/v1/auth/register", &json!({ "email": email, "password": PASSWORD })).await.is(202);
        sign_in(&story.stranger(), &email, PASSWORD).await.refused("login.wrong");
        // Ada follows the link, in her own browser.
        let token = story.letter(&email, "verify").await.token();
        let ada = story.stranger();
        let verified = ada.post("/v1/auth/verify-email", &json!({ "token": token })).await.ok().json();
        assert_eq!(verified["passwordNeeded"], json!(true));
        sign_in(&story.stranger(), &email, PASSWORD).await.refused("login.wrong");
        let chosen = json!({ "token": verified["resetToken"], "newPassword": OTHER });
        ada.post("/v1/auth/reset-password", &chosen).await.ok();
        sign_in(&ada, &email, OTHER).await.is(200);
        sign_in(&story.stranger(), &email, PASSWORD).await.refused("login.wrong");
        // Who registered elsewhere and knows the password keeps it.
        let (email, phone) = (address(&story), story.stranger());
        phone.post("/v1/auth/register", &json!({ "email": email, "password": PASSWORD })).await.is(202);
        let token = story.letter(&email, "verify").await.token();
        let verified = story.stranger().post("/v1/auth/verify-email", &json!({ "token": token, "password": PASSWORD })).await.ok().json();
        assert_eq!(verified["passwordNeeded"], json!(false));
        sign_in(&phone, &email, PASSWORD).await.is(200);
    });
}

#[test]
fn a_confirmation_stands_for_a_day_and_can_be_sent_again() {
    testkit::run(async |story| {
        let (email, browser) = (address(&story), story.stranger());
        browser.post("/v1/auth/register", &json!({ "email": email, "password": PASSWORD })).await.is(202);
        let first = story.letter(&email, "verify").await.token();
        browser.post("/v1/auth/resend-verification", &json!({ "email": email })).await.is(202);
        story.platform_jobs().await;
        let second = story.letters_to(&email).await.pop().unwrap().token();
        assert_ne!(first, second);
        browser.post("/v1/auth/verify-email", &json!({ "token": first })).await.refused("verify.link");
        story.later(Duration::from_secs(24 * 3600 + 1));
        browser.post("/v1/auth/verify-email", &json!({ "token": second })).await.refused("verify.link");
    });
}

#[test]
fn attack_strangers_learn_nothing_about_which_addresses_are_known() {
    testkit::run(async |story| {
        let (known, unknown) = (registered(&story).await, address(&story));
        for path in ["/v1/auth/forgot-password", "/v1/auth/resend-verification"] {
            let one = story.stranger().post(path, &json!({ "email": known })).await.is(202);
            let other = story.stranger().post(path, &json!({ "email": unknown })).await.is(202);
            assert_eq!((said(&one), one.headers.len()), (said(&other), other.headers.len()), "{path}");
        }
        let one = story.stranger().post("/v1/auth/register", &json!({ "email": known, "password": OTHER })).await.is(202);
        let other = story.stranger().post("/v1/auth/register", &json!({ "email": unknown, "password": OTHER })).await.is(202);
        assert_eq!((said(&one), one.headers.len()), (said(&other), other.headers.len()));
        // The owner of the known address is told; it keeps its password.
        story.letter(&known, "known").await;
        sign_in(&story.stranger(), &known, PASSWORD).await.is(200);
        sign_in(&story.stranger(), &known, OTHER).await.refused("login.wrong");
    });
}

#[test]
fn attack_known_and_unknown_addresses_cause_the_same_hashes_statements_and_letters() {
    testkit::run(async |story| {
        let known = registered(&story).await;
        // Hashes, and letters that are asked for, of each.
        let paths = [
            ("/v1/auth/login", json!({ "password": OTHER }), 1, 0),
            ("/v1/auth/register", json!({ "password": OTHER }), 1, 1),
            ("/v1/auth/forgot-password", json!({}), 0, 1),
            ("/v1/auth/resend-verification", json!({}), 0, 1),
        ];
        for (path, body, hashes, letters) in paths {
            let sent = async |email: &str| {
                let mut body = body.clone();
                body["email"] = json!(email);
                let (answer, work) = testkit::work(story.stranger().post(path, &body)).await;
                (answer.status, work)
            };
            let (unknown_status, unknown) = sent(&address(&story)).await;
            let (known_status, known) = sent(&known).await;
            assert_eq!((known_status, &known), (unknown_status, &unknown), "{path}");
            assert!(!known.statements.is_empty(), "{path}: nothing was counted");
            assert_eq!((known.hashes, known.count("INSERT INTO db.job")), (hashes, letters), "{path}: {:#?}", known.statements);
        }
    });
}

#[test]
fn how_good_a_password_is_is_said_while_it_is_typed() {
    testkit::run(async |story| {
        let browser = story.stranger();
        let said = async |typed: &str| {
            browser.form("/password/strength", &[("password", typed), ("email", "ada.lovelace@example.com")]).await.is(200).text()
        };
        assert!(!said("").await.contains("meter"), "before anything is typed nothing is said");
        let endless = "a loaf ".repeat(40);
        for (typed, why) in [("crumbs", "15 characters"), (endless.as_str(), "128"), ("ada.lovelace and her bread", "your address")] {
            let told = said(typed).await;
            assert!(told.contains(why) && !told.contains(r#"value="3""#) && !told.contains(r#"value="4""#), "{typed}: {told}");
        }
        assert!(said(PASSWORD).await.contains(r#"value="4""#));
        // New passwords are chosen in a field that has the meter; old ones are typed in one that has not.
        assert!(browser.get("/register").await.ok().text().contains("/password/strength"));
        assert!(!browser.get("/login").await.ok().text().contains("/password/strength"));
        let huge = "x".repeat(100_000);
        for nonsense in ["\u{0}", "\u{202e}🍞", huge.as_str()] {
            let answer = browser.form("/password/strength", &[("password", nonsense)]).await;
            assert!(answer.status.is_success() || answer.status.is_client_error(), "{}", answer.text());
        }
    });
}

#[test]
fn a_forgotten_password_is_chosen_anew_by_code_and_every_session_ends() {
    testkit::run(async |story| {
        let email = registered(&story).await;
        let (ada, pair) = (story.stranger(), tokens(&story, &email).await);
        sign_in(&ada, &email, PASSWORD).await.is(200);
        story.stranger().post("/v1/auth/forgot-password", &json!({ "email": email })).await.is(202);
        let letter = story.letter(&email, "reset").await;
        let code = letter.code.clone().unwrap();
        let wanted = json!({ "email": email, "code": code, "newPassword": OTHER });
        let weak = json!({ "email": email, "code": code, "newPassword": "short" });
        story.stranger().post("/v1/auth/reset-password", &weak).await.refused("password.short");
        story.stranger().post("/v1/auth/reset-password", &wanted).await.ok();
        ada.get("/v1/auth/me").await.refused("auth.required");
        crate::bearing(&story.stranger(), pair["accessToken"].as_str().unwrap(), "GET", "/v1/auth/me", &json!({}))
            .await
            .refused("token.wrong");
        sign_in(&ada, &email, OTHER).await.is(200);
        story.letter(&email, "password-changed").await;
        // Used once.
        story.stranger().post("/v1/auth/reset-password", &wanted).await.refused("reset.code");
        let by_link = json!({ "token": letter.token(), "newPassword": PASSWORD });
        story.stranger().post("/v1/auth/reset-password", &by_link).await.refused("password.link");
    });
}

#[test]
fn attack_three_wrong_codes_void_the_code_and_not_the_link() {
    testkit::run(async |story| {
        let email = registered(&story).await;
        story.stranger().post("/v1/auth/forgot-password", &json!({ "email": email })).await.is(202);
        let letter = story.letter(&email, "reset").await;
        let right = letter.code.clone().unwrap();
        let wrong = if right == "000000" { "111111" } else { "000000" };
        let guess = async |code: &str| {
            let wanted = json!({ "email": email, "code": code, "newPassword": OTHER });
            story.stranger().post("/v1/auth/reset-password", &wanted).await
        };
        // In parallel: three are looked at, whichever they are.
        futures::future::join_all((0..12).map(|_| guess(wrong))).await.into_iter().for_each(|answer| {
            answer.refused("reset.code");
        });
        guess(&right).await.refused("reset.code");
        let by_link = json!({ "token": letter.token(), "newPassword": OTHER });
        story.stranger().post("/v1/auth/reset-password", &by_link).await.ok();
        sign_in(&story.stranger(), &email, OTHER).await.is(200);
    });
}

#[test]
fn a_reset_stands_for_a_quarter_of_an_hour_and_only_the_last_one_counts() {
    testkit::run(async |story| {
        let email = registered(&story).await;
        let ask = async || {
            story.stranger().post("/v1/auth/forgot-password", &json!({ "email": email })).await.is(202);
            story.platform_jobs().await;
            story.letter(&email, "reset").await.token()
        };
        let first = ask().await;
        let second = loop {
            let token = ask().await;
            if token != first {
                break token;
            }
        };
        let use_it =
            async |token: &str| story.stranger().post("/v1/auth/reset-password", &json!({ "token": token, "newPassword": OTHER })).await;
        use_it(&first).await.refused("password.link");
        story.later(Duration::from_secs(15 * 60 + 1));
        use_it(&second).await.refused("password.link");
    });
}

#[test]
fn attack_links_in_letters_lead_to_the_configured_address_whatever_the_host_header_says() {
    testkit::run(async |story| {
        let email = registered(&story).await;
        let headers = [("host", "evil.example"), ("x-forwarded-host", "evil.example"), ("forwarded", "host=evil.example")];
        story.stranger().json_with("POST", "/v1/auth/forgot-password", &json!({ "email": email }), &headers).await.is(202);
        let letter = story.letter(&email, "reset").await;
        assert!(letter.links.iter().all(|link| link.starts_with("http://hearth.test/")), "{:?}", letter.links);
        assert!(!letter.html.contains("evil.example") && !letter.text.contains("evil.example"));
    });
}

/// A corpus of breached passwords that holds one, made from the public description of Have I Been Pwned's range interface; it
/// notes what it was asked.
async fn corpus(held: &str) -> (String, Arc<Mutex<Vec<String>>>) {
    use sha1::{Digest, Sha1};
    let digest: String = Sha1::digest(held).iter().map(|byte| format!("{byte:02X}")).collect();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let noted = asked.clone();
    let answer = async move |Path(prefix): Path<String>| {
        noted.lock().unwrap().push(prefix.clone());
        let padding = format!("{}:0\r\n", "0".repeat(35));
        if digest.starts_with(&prefix) { format!("{padding}{}:42\r\n", &digest[5..]) } else { padding }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/range/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, axum::Router::new().route("/range/{prefix}", axum::routing::get(answer))).await });
    (url, asked)
}

#[test]
fn a_password_that_was_stolen_elsewhere_is_not_chosen_here() {
    testkit::run(async |story| {
        let (url, asked) = corpus(OTHER).await;
        let node = story.node(|settings| settings.breaches = Some(url));
        let email = registered(&story).await;
        let ada = node.stranger();
        sign_in(&ada, &email, PASSWORD).await.is(200);
        let change = |new: &str| json!({ "currentPassword": PASSWORD, "newPassword": new });
        ada.post("/v1/auth/change-password", &change(OTHER)).await.refused("password.breached");
        let register = json!({ "email": address(&story), "password": OTHER });
        node.stranger().post("/v1/auth/register", &register).await.refused("password.breached");
        ada.post("/v1/auth/change-password", &change("a corpus of quiet marmalade")).await.ok();
        let asked = asked.lock().unwrap().clone();
        assert!(asked.len() == 3 && asked.iter().all(|sent| sent.len() == 5), "the corpus learns five digits: {asked:?}");
    });
}

#[test]
fn a_corpus_that_does_not_answer_refuses_nobody() {
    testkit::run(async |story| {
        let node = story.node(|settings| settings.breaches = Some("http://127.0.0.1:9/range".into()));
        let register = json!({ "email": address(&story), "password": OTHER });
        node.stranger().post("/v1/auth/register", &register).await.is(202);
    });
}

#[test]
fn changing_a_password_needs_the_old_one_and_ends_the_other_sessions() {
    testkit::run(async |story| {
        let email = registered(&story).await;
        let (here, there) = (story.stranger(), story.stranger());
        sign_in(&here, &email, PASSWORD).await.is(200);
        sign_in(&there, &email, PASSWORD).await.is(200);
        let change = |current: &str, new: &str| json!({ "currentPassword": current, "newPassword": new });
        here.post("/v1/auth/change-password", &change("not this one at all", OTHER)).await.refused("password.current");
        here.post("/v1/auth/change-password", &change(PASSWORD, &email)).await.refused("password.personal");
        here.post("/v1/auth/change-password", &change(PASSWORD, OTHER)).await.ok();
        here.get("/v1/auth/me").await.ok();
        there.get("/v1/auth/me").await.refused("auth.required");
        sign_in(&there, &email, OTHER).await.is(200);
    });
}
