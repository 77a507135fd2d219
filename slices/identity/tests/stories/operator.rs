//! What the operator does to accounts, and what the log says of it.

use kernel::PlatformRole;
use serde_json::{Value, json};

use crate::{PASSWORD, registered, sign_in, tokens};

async fn id_of(story: &testkit::Story, email: &str) -> String {
    identity::find(&story.db, email).await.unwrap().to_string()
}

/// What the platform's log says of a target, newest first: action, reason.
async fn said_of(story: &testkit::Story, target: &str) -> Vec<(String, Option<String>)> {
    let mut system = story.db.system("story.log").await.unwrap();
    sqlx::query_as("SELECT action, reason FROM db.trail WHERE tenant_id = $1 AND target_id = $2::uuid ORDER BY at DESC, id DESC")
        .bind(kernel::PLATFORM.uuid())
        .bind(target)
        .fetch_all(system.conn())
        .await
        .unwrap()
}

#[test]
fn a_locked_account_is_shut_out_at_once_and_the_log_says_who_whom_and_why() {
    testkit::run(async |story| {
        let admin = story.operator(&[PlatformRole::Admin]).await;
        let email = registered(&story).await;
        let (ada, pair) = (story.stranger(), tokens(&story, &email).await);
        sign_in(&ada, &email, PASSWORD).await.is(200);
        let id = id_of(&story, &email).await;
        let path = |act: &str| format!("/v1/admin/users/{id}/{act}");
        admin.post(&path("lock"), &json!({ "reason": " " })).await.refused("text.needed");
        let locked = admin.post(&path("lock"), &json!({ "reason": "left the company" })).await.ok().json();
        assert_eq!((&locked["lockReason"], locked["lockedAt"].is_null()), (&json!("left the company"), false));
        ada.get("/v1/auth/me").await.refused("auth.required");
        crate::bearing(&story.stranger(), pair["accessToken"].as_str().unwrap(), "GET", "/v1/auth/me", &json!({}))
            .await
            .refused("token.wrong");
        story.stranger().post("/v1/auth/refresh", &json!({ "refreshToken": pair["refreshToken"] })).await.refused("token.wrong");
        // Who knows the password is told; who does not learns nothing.
        sign_in(&ada, &email, PASSWORD).await.refused("account.locked");
        sign_in(&ada, &email, "not the password at all").await.refused("login.wrong");
        let (action, reason) = said_of(&story, &id).await.remove(0);
        assert_eq!((action.as_str(), reason.as_deref()), ("account.locked", Some("left the company")));
        admin.post(&path("unlock"), &json!({ "reason": "came back" })).await.ok();
        sign_in(&ada, &email, PASSWORD).await.is(200);
    });
}

#[test]
fn attack_an_account_made_beforehand_is_given_no_rights_as_it_is() {
    testkit::run(async |story| {
        // A business adds Ada's address, chooses the first password itself, and waits.
        let email = crate::address(&story);
        let added = story.post("/v1/team/members", &json!({ "email": email, "name": "Ada", "roles": ["seller"] })).await.ok().json();
        let token = added["passwordLink"].as_str().unwrap().split("token=").nth(1).unwrap().to_owned();
        let thief = story.stranger();
        thief.post("/v1/auth/reset-password", &json!({ "token": token, "newPassword": PASSWORD })).await.ok();
        sign_in(&thief, &email, PASSWORD).await.is(200);
        // Nobody takes it in for its address, and whoever runs the installation gives it rights without what was set up before.
        let (_, neighbour) = story.neighbour().await;
        let slug = neighbour.get("/v1/auth/me").await.ok().json()["tenants"][0]["slug"].clone();
        thief.post("/v1/team/join", &json!({ "slug": slug })).await.refused("account.unconfirmed");
        identity::make_admin(&story.db, &story.op(), &email).await.unwrap();
        thief.get("/v1/auth/me").await.refused("auth.required");
        sign_in(&thief, &email, PASSWORD).await.refused("login.wrong");
    });
}

#[test]
fn a_second_factor_is_taken_away_and_its_owner_is_told() {
    testkit::run(async |story| {
        let admin = story.operator(&[PlatformRole::Admin]).await;
        let email = registered(&story).await;
        let ada = story.stranger();
        sign_in(&ada, &email, PASSWORD).await.is(200);
        let path = format!("/v1/admin/users/{}/reset-2fa", id_of(&story, &email).await);
        // Where there is none, there is nothing to tell.
        admin.post(&path, &json!({ "reason": "asked by phone" })).await.ok();
        assert!(story.letters_to(&email).await.iter().all(|letter| letter.kind != "second-factor-reset"));
        sign_in(&ada, &email, PASSWORD).await.is(200);
        crate::second::set_up(&story, &ada).await;
        assert_eq!(sign_in(&story.stranger(), &email, PASSWORD).await.is(200).json()["mfaRequired"], json!(true));
        let user = admin.post(&path, &json!({ "reason": "lost phone, seen in person" })).await.ok().json();
        assert_eq!(user["twoFactor"], json!(false));
        let letter = story.letter(&email, "second-factor-reset").await;
        assert!(letter.links.iter().any(|link| link == "http://hearth.test/account/security"), "{}", letter.text);
        ada.get("/v1/auth/me").await.refused("auth.required");
        assert!(sign_in(&ada, &email, PASSWORD).await.is(200).json()["mfaRequired"].is_null());
    });
}

#[test]
fn support_reads_and_unlocks_and_no_more() {
    testkit::run(async |story| {
        let support = story.operator(&[PlatformRole::Support]).await;
        let email = registered(&story).await;
        for _ in 0..5 {
            sign_in(&story.stranger(), &email, "x").await.refused("login.wrong");
        }
        let id = id_of(&story, &email).await;
        let user = support.get(&format!("/v1/admin/users/{id}")).await.ok().json();
        assert!(!user["shutUntil"].is_null(), "{user}");
        let path = |act: &str| format!("/v1/admin/users/{id}/{act}");
        let why = json!({ "reason": "asked by phone" });
        support.post(&path("lock"), &why).await.refused("auth.forbidden");
        support.post(&path("reset-2fa"), &why).await.refused("auth.forbidden");
        support.post(&path("roles"), &json!({ "roles": ["ADMIN"], "reason": "x" })).await.refused("auth.forbidden");
        support.post(&path("unlock"), &why).await.ok();
        sign_in(&story.stranger(), &email, PASSWORD).await.is(200);
        support.post(&path("resend-verification"), &why).await.is(202);
        story.letter(&email, "reset").await;
        // An owner of a business is nobody here.
        story.get("/v1/admin/users").await.refused("auth.forbidden");
        assert_eq!(story.get("/admin/users").await.status.as_u16(), 403);
    });
}

#[test]
fn attack_the_last_administrator_and_oneself_can_t_be_locked_out() {
    testkit::own_database(async |story| {
        let (one, other) = (story.operator(&[PlatformRole::Admin]).await, story.operator(&[PlatformRole::Admin]).await);
        let (first, second) = (one.account.unwrap(), other.account.unwrap());
        let why = json!({ "reason": "a mistake" });
        one.post(&format!("/v1/admin/users/{first}/lock"), &why).await.refused("admin.self");
        one.post(&format!("/v1/admin/users/{first}/roles"), &json!({ "roles": [], "reason": "x" })).await.refused("admin.self");
        // Both lock each other at the same moment: one of them stays.
        let lock = |target| format!("/v1/admin/users/{target}/lock");
        let (to_second, to_first) = (lock(second), lock(first));
        let (a, b) = futures::future::join(one.post(&to_second, &why), other.post(&to_first, &why)).await;
        assert_eq!([a.status, b.status].iter().filter(|s| s.is_success()).count(), 1, "{} {}", a.text(), b.text());
    });
}

#[test]
fn the_only_owner_of_a_business_is_not_locked_by_accident() {
    testkit::run(async |story| {
        let admin = story.operator(&[PlatformRole::Admin]).await;
        let owner = story.owner.account.unwrap();
        let path = format!("/v1/admin/users/{owner}/lock");
        let refused = admin.post(&path, &json!({ "reason": "x" })).await.refused("account.last_owner");
        assert!(refused.text().contains(&story.slug), "{}", refused.text());
        story.get("/v1/auth/me").await.ok();
        admin.post(&path, &json!({ "reason": "a court order", "evenLastOwner": true })).await.ok();
        story.get("/v1/auth/me").await.refused("auth.required");
    });
}

#[test]
fn accounts_are_found_by_address_state_and_business() {
    testkit::run(async |story| {
        let admin = story.operator(&[PlatformRole::Admin, PlatformRole::Support]).await;
        let email = registered(&story).await;
        let rows = async |query: String| -> Vec<Value> {
            admin.get(&format!("/v1/admin/users?{query}")).await.ok().json()["rows"].as_array().unwrap().clone()
        };
        let found = rows(format!("email={email}")).await;
        assert_eq!((found.len(), &found[0]["email"], &found[0]["twoFactor"]), (1, &json!(email), &json!(false)));
        assert_eq!(rows(format!("email={email}&locked=true")).await.len(), 0);
        assert_eq!(rows(format!("email={}&role=SUPPORT", admin.email)).await.len(), 1);
        assert_eq!(rows(format!("tenant={}&limit=200", story.tenant)).await.len(), 2);
        admin.get("/v1/admin/users?nothing=1").await.refused("filter.unknown");
        let page = admin.get(&format!("/admin/users?email={email}")).await.is(200);
        assert!(page.text().contains(&email), "{}", page.text());
        // By page: why is asked for, and what was typed stays.
        let id = id_of(&story, &email).await;
        admin.form(&format!("/admin/users/{id}/lock"), &[("reason", "")]).await.is(422);
        assert_eq!(
            admin.form(&format!("/admin/users/{id}/lock"), &[("reason", "on leave")]).await.location(),
            format!("/admin/users/{id}")
        );
        assert!(admin.get(&format!("/admin/users/{id}")).await.text().contains("on leave"));
    });
}

#[test]
fn platform_roles_are_given_and_felt_at_once() {
    testkit::run(async |story| {
        let admin = story.operator(&[PlatformRole::Admin]).await;
        let email = registered(&story).await;
        let ada = story.stranger();
        sign_in(&ada, &email, PASSWORD).await.is(200);
        ada.get("/v1/admin/users").await.refused("auth.forbidden");
        let path = format!("/v1/admin/users/{}/roles", id_of(&story, &email).await);
        admin.post(&path, &json!({ "roles": ["SUPPORT"], "reason": "new colleague" })).await.ok();
        ada.get("/v1/admin/users").await.refused("second.needed");
        story.second_factor(&ada).await;
        ada.get("/v1/admin/users").await.ok();
        admin.post(&path, &json!({ "roles": [], "reason": "left" })).await.ok();
        ada.get("/v1/admin/users").await.refused("auth.forbidden");
    });
}
