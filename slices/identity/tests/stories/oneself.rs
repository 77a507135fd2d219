//! The pages of one's own account: security, the second factor, another address.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{PASSWORD, address, registered, sign_in};

#[test]
fn another_address_counts_once_it_is_confirmed_and_the_old_one_is_told() {
    testkit::run(async |story| {
        let (old, new) = (registered(&story).await, address(&story));
        let (ada, elsewhere) = (story.stranger(), story.stranger());
        sign_in(&ada, &old, PASSWORD).await.is(200);
        sign_in(&elsewhere, &old, PASSWORD).await.is(200);
        ada.post("/v1/auth/change-email", &json!({ "newEmail": new, "password": "wrong" })).await.refused("password.current");
        ada.post("/v1/auth/change-email", &json!({ "newEmail": new, "password": PASSWORD })).await.is(202);
        let token = story.letter(&new, "new-email").await.token();
        // Until then the old one counts; opening the link spends nothing.
        sign_in(&story.stranger(), &old, PASSWORD).await.is(200);
        for _ in 0..2 {
            assert!(story.stranger().get(&format!("/account/email?token={token}")).await.is(200).text().contains(&new));
        }
        assert_eq!(story.stranger().form("/account/email/confirm", &[("token", &token)]).await.location(), "/login?done=verified");
        story.stranger().form("/account/email/confirm", &[("token", &token)]).await.is(422);
        story.letter(&old, "email-changed").await;
        elsewhere.get("/v1/auth/me").await.refused("auth.required");
        sign_in(&story.stranger(), &old, PASSWORD).await.refused("login.wrong");
        sign_in(&story.stranger(), &new, PASSWORD).await.is(200);
    });
}

#[test]
fn attack_changing_to_somebody_s_address_tells_only_them() {
    testkit::run(async |story| {
        let (mine, theirs) = (registered(&story).await, registered(&story).await);
        let ada = story.stranger();
        sign_in(&ada, &mine, PASSWORD).await.is(200);
        let known = ada.post("/v1/auth/change-email", &json!({ "newEmail": theirs, "password": PASSWORD })).await.is(202);
        let unknown = ada.post("/v1/auth/change-email", &json!({ "newEmail": address(&story), "password": PASSWORD })).await.is(202);
        assert_eq!(crate::said(&known), crate::said(&unknown));
        story.letter(&theirs, "known").await;
    });
}

#[test]
fn a_changed_address_is_a_member_s_address_too() {
    testkit::run(async |story| {
        let account = story.owner.account.unwrap();
        identity::set_password(&story.db, account, PASSWORD).await.unwrap();
        let (ada, new) = (story.stranger(), address(&story));
        sign_in(&ada, &story.owner.email, PASSWORD).await.is(200);
        ada.post("/v1/auth/change-email", &json!({ "newEmail": new, "password": PASSWORD })).await.is(202);
        let token = story.letter(&new, "new-email").await.token();
        story.stranger().post("/v1/auth/change-email/confirm", &json!({ "token": token })).await.ok();
        sign_in(&ada, &new, PASSWORD).await.is(200);
        assert_eq!(ada.get(&format!("/v1/team/members/{account}")).await.ok().json()["email"], json!(new));
    });
}

#[test]
fn the_security_page_shows_sessions_and_ends_them() {
    testkit::run(async |story| {
        let email = registered(&story).await;
        let (ada, phone) = (story.stranger(), story.stranger());
        sign_in(&ada, &email, PASSWORD).await.is(200);
        let android = [("user-agent", "Mozilla/5.0 (Android 15; Mobile; rv:145.0) Gecko/145.0 Firefox/145.0")];
        let login = json!({ "email": email, "password": PASSWORD, "session": "cookie" });
        phone.json_with("POST", "/v1/auth/login", &login, &android).await.is(200);
        let page = ada.get("/account/security").await.is(200);
        assert!(page.text().contains("Firefox, Android"), "{}", page.text());
        assert_eq!(page.header("cache-control"), "no-store");
        assert_eq!(ada.form("/account/sessions/end", &[]).await.location(), "/account/security?done=sessions");
        phone.json_with("GET", "/v1/auth/me", &json!({}), &android).await.refused("auth.required");
        let refused = ada.form("/account/password", &[("currentPassword", "x"), ("newPassword", "y")]).await.is(422);
        assert!(refused.text().contains("not the password until now"), "{}", refused.text());
        let history = ada.get("/account/profile").await.is(200).text();
        assert!(history.contains("Signed in") && history.contains("All other sessions were ended"), "{history}");
    });
}

#[test]
fn a_second_factor_is_set_up_by_page() {
    testkit::run(async |story| {
        let email = registered(&story).await;
        let ada = story.stranger();
        sign_in(&ada, &email, PASSWORD).await.is(200);
        let page = ada.get("/2fa/setup").await.is(200).text();
        assert!(page.contains("<svg"), "{page}");
        // Loaded again it is the same secret: a phone that scanned the first one is not wrong.
        let secret = |page: &str| page.split("<code>").nth(1).unwrap().split('<').next().unwrap().replace(' ', "");
        let first = secret(&page);
        assert_eq!(secret(&ada.get("/2fa/setup").await.text()), first);
        let refused = ada.form("/2fa/setup", &[("code", "000")]).await.is(422);
        assert_eq!(secret(&refused.text()), first);
        let codes = ada.form("/2fa/setup", &[("code", &crate::second::code(&first, &story, 0))]).await.is(200);
        assert_eq!(codes.text().matches("<li><code>").count(), 10, "{}", codes.text());
        story.later(Duration::from_secs(30));
        ada.form("/2fa/off", &[("code", "000000")]).await.is(422);
        assert_eq!(
            ada.form("/2fa/off", &[("code", &crate::second::code(&first, &story, 0))]).await.location(),
            "/account/security?done=second-off"
        );
    });
}

#[test]
fn attack_another_address_asked_for_by_a_thief_ends_with_the_password_s_reset() {
    testkit::run(async |story| {
        let (email, thiefs) = (registered(&story).await, address(&story));
        let thief = story.stranger();
        sign_in(&thief, &email, PASSWORD).await.is(200);
        thief.post("/v1/auth/change-email", &json!({ "newEmail": thiefs, "password": PASSWORD })).await.is(202);
        let link = story.letter(&thiefs, "new-email").await.token();
        story.stranger().post("/v1/auth/forgot-password", &json!({ "email": email })).await.is(202);
        let token = story.letter(&email, "reset").await.token();
        let chosen = json!({ "token": token, "newPassword": "seventeen quiet umbrellas waltz" });
        story.stranger().post("/v1/auth/reset-password", &chosen).await.ok();
        thief.post("/v1/auth/change-email/confirm", &json!({ "token": link })).await.refused("verify.link");
    });
}

#[test]
fn attack_a_stolen_session_sets_up_no_way_in_that_stays() {
    testkit::run(async |story| {
        let email = registered(&story).await;
        let ada = story.stranger();
        sign_in(&ada, &email, PASSWORD).await.is(200);
        story.later(Duration::from_secs(16 * 60));
        ada.get("/v1/auth/me").await.ok();
        for path in ["/v1/auth/2fa/enable-init", "/v1/auth/passkeys/register/begin"] {
            ada.post(path, &json!({})).await.refused("auth.again");
        }
        assert_eq!(ada.get("/2fa/setup").await.location(), "/reauth?next=%2F2fa%2Fsetup");
        let proved = ada.post("/v1/auth/reauth/verify", &json!({ "password": PASSWORD })).await.ok().json();
        ada.keep_csrf(proved["csrfToken"].as_str().unwrap());
        ada.post("/v1/auth/2fa/enable-init", &json!({})).await.ok();
    });
}

#[test]
fn attack_a_stolen_session_shuts_its_owner_out_of_no_other() {
    testkit::run(async |story| {
        let email = registered(&story).await;
        let (thief, ada) = (story.stranger(), story.stranger());
        sign_in(&thief, &email, PASSWORD).await.is(200);
        story.later(Duration::from_secs(16 * 60));
        sign_in(&ada, &email, PASSWORD).await.is(200);
        let listed = thief.get("/v1/auth/sessions").await.ok().json();
        let other = listed["rows"].as_array().unwrap().iter().find(|row| row["current"] == false).unwrap();
        thief.delete(&format!("/v1/auth/sessions/{}", other["id"].as_str().unwrap())).await.refused("auth.again");
        thief.delete("/v1/auth/sessions").await.refused("auth.again");
        // Ada signed in just now: she ends the thief's.
        ada.delete("/v1/auth/sessions").await.is(204);
        thief.get("/v1/auth/me").await.refused("auth.required");
    });
}

#[test]
fn a_page_that_looks_for_news_by_itself_keeps_nobody_signed_in() {
    testkit::run(async |story| {
        let email = registered(&story).await;
        let ada = story.stranger();
        sign_in(&ada, &email, PASSWORD).await.is(200);
        let by_itself = async |headers: &[(&str, &str)]| ada.json_with("GET", "/v1/auth/me", &Value::Null, headers).await;
        story.later(Duration::from_secs(40 * 60));
        by_itself(&[("hx-request", "live")]).await.ok();
        story.later(Duration::from_secs(15 * 60));
        by_itself(&[("accept", "text/event-stream")]).await.ok();
        // Whoever clicks stays.
        ada.get("/v1/auth/me").await.ok();
        story.later(Duration::from_secs(40 * 60));
        by_itself(&[("hx-request", "live")]).await.ok();
        story.later(Duration::from_secs(21 * 60));
        by_itself(&[("hx-request", "live")]).await.refused("auth.required");
        ada.get("/v1/auth/me").await.refused("auth.required");
    });
}

#[test]
fn attack_an_address_that_a_business_added_starts_afresh_for_its_owner() {
    testkit::run(async |story| {
        // A business adds Ada's address, chooses the first password itself, and sets a second factor up.
        let email = address(&story);
        let added = story.post("/v1/team/members", &json!({ "email": email, "name": "Ada", "roles": ["seller"] })).await.ok().json();
        let token = added["passwordLink"].as_str().unwrap().split("token=").nth(1).unwrap().to_owned();
        let thief = story.stranger();
        thief.post("/v1/auth/reset-password", &json!({ "token": token, "newPassword": PASSWORD })).await.ok();
        sign_in(&thief, &email, PASSWORD).await.is(200);
        crate::second::set_up(&story, &thief).await;
        // Ada reads her mail and chooses a password: what was set up before is gone.
        story.stranger().post("/v1/auth/forgot-password", &json!({ "email": email })).await.is(202);
        let token = story.letter(&email, "reset").await.token();
        let ada = story.stranger();
        let chosen = json!({ "token": token, "newPassword": "seventeen quiet umbrellas waltz" });
        ada.post("/v1/auth/reset-password", &chosen).await.ok();
        thief.get("/v1/auth/me").await.refused("auth.required");
        let signed_in = sign_in(&ada, &email, "seventeen quiet umbrellas waltz").await.is(200).json();
        assert!(signed_in["mfaRequired"].is_null(), "{signed_in}");
    });
}

#[test]
fn who_works_in_no_business_signs_out_from_every_page() {
    testkit::run(async |story| {
        let email = registered(&story).await;
        let ada = story.stranger();
        let signs_out = "action=\"/logout\"";
        assert!(!ada.get("/login").await.text().contains(signs_out));
        sign_in(&ada, &email, PASSWORD).await.is(200);
        for path in ["/open", "/account/security", "/businesses", "/nothing-here"] {
            let page = ada.get(path).await.text();
            assert!(page.contains(signs_out) && page.contains(&email), "{path}: {page}");
        }
        // The operator's people without a business have the installation's frame.
        let admin = story.operator(&[kernel::PlatformRole::Admin]).await;
        story.owner.json("DELETE", &format!("/v1/team/members/{}", admin.account.unwrap()), &json!({})).await.ok();
        let page = admin.get("/admin/users").await.is(200).text();
        assert!(page.contains(signs_out) && page.contains("Installation") && page.contains("href=\"/admin/tenants\""), "{page}");
        assert!(!page.contains("href=\"/search\""), "there is nothing to search: {page}");
        assert_eq!(ada.form("/logout", &[]).await.location(), "/login");
        ada.get("/v1/auth/me").await.refused("auth.required");
    });
}
