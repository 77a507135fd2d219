//! The business's rules of sign-in, and a second factor that is demanded.

use std::time::Duration;

use kernel::{PlatformRole, Role};
use serde_json::{Value, json};
use testkit::{Answer, Person, Story, run};

use crate::{PASSWORD, address, bearing, registered, sign_in, tokens};

const RULES: &str = "/v1/settings/security";

/// The rules as they are sent, from those that were read.
fn rules(second: &str, roles: &[&str], version: i32) -> Value {
    json!({ "idleMinutes": 60, "reauthHours": 24, "secondFactor": second, "secondRoles": roles, "version": version })
}

async fn demand(story: &Story, second: &str, roles: &[&str]) {
    let version = story.get(RULES).await.ok().json()["version"].as_i64().unwrap();
    story.post(RULES, &rules(second, roles, i32::try_from(version).unwrap())).await.ok();
}

/// Somebody who works in the story's business and signs in by password.
async fn hired(story: &Story, role: &str) -> (Person, String) {
    let (ada, email) = (story.stranger(), registered(story).await);
    let invited = json!({ "email": email, "name": "Ada", "roles": [role] });
    story.post("/v1/team/invitations", &invited).await.ok();
    let token = story.letter(&email, "invitation").await.token();
    sign_in(&ada, &email, PASSWORD).await.is(200);
    ada.post("/v1/auth/invitations/accept", &json!({ "token": token })).await.ok();
    sign_in(&ada, &email, PASSWORD).await.is(200);
    (ada, email)
}

#[test]
fn the_rules_are_changed_within_bounds_and_the_trail_says_from_what_to_what() {
    run(async |story| {
        let first = story.get(RULES).await.ok().json();
        let usual = json!({ "idleMinutes": 60, "reauthHours": 24, "secondFactor": "offered", "secondRoles": [], "secondOwnRoles": [], "version": 0 });
        assert_eq!(first, usual);
        let with = |name: &str, value: Value| {
            let mut body = rules("offered", &[], 0);
            body[name] = value;
            body
        };
        for minutes in [4, 721, -1] {
            story.post(RULES, &with("idleMinutes", json!(minutes))).await.refused("policy.idle");
        }
        for hours in [0, 169] {
            story.post(RULES, &with("reauthHours", json!(hours))).await.refused("policy.again");
        }
        story.post(RULES, &with("secondFactor", json!("sometimes"))).await.is(422);
        story.post(RULES, &rules("roles", &[], 0)).await.refused("role.needed");
        let unknown = json!([story.clock.uuid()]);
        let mut body = rules("roles", &["baker"], 0);
        body["secondOwnRoles"] = unknown;
        story.post(RULES, &body).await.refused("role.unknown");
        story.post(RULES, &rules("offered", &[], 3)).await.refused("stale");

        let saved = story.post(RULES, &with("idleMinutes", json!(5))).await.ok().json();
        assert_eq!((&saved["idleMinutes"], &saved["version"]), (&json!(5), &json!(1)));
        story.post(RULES, &rules("offered", &[], 0)).await.refused("stale");
        let mut system = story.db.system("story.log").await.unwrap();
        let logged: (Value, Value) = sqlx::query_as("SELECT before, after FROM db.trail WHERE tenant_id = $1 AND action = 'policy.saved'")
            .bind(story.tenant.uuid())
            .fetch_one(system.conn())
            .await
            .unwrap();
        assert_eq!((&logged.0["idleMinutes"], &logged.1["idleMinutes"]), (&json!(60), &json!(5)));
        // What is not given is nobody's to change.
        let manager = story.member(&[Role::Manager]).await;
        manager.get(RULES).await.refused("auth.forbidden");
        manager.post(RULES, &rules("offered", &[], 1)).await.refused("auth.forbidden");
    });
}

#[test]
fn two_who_make_the_first_rules_at_once_do_not_overwrite_each_other() {
    run(async |story| {
        let (one, other) = (rules("offered", &[], 0), rules("everybody", &[], 0));
        let second = story.member(&[Role::Owner]).await;
        let (a, b) = tokio::join!(story.post(RULES, &one), second.post(RULES, &other));
        let done = [&a, &b].iter().filter(|answer| answer.status.is_success()).count();
        assert_eq!(done, 1, "{} {}", a.text(), b.text());
    });
}

#[test]
fn a_browser_rests_as_long_as_its_business_says() {
    run(async |story| {
        let ada = story.member(&[Role::Seller]).await;
        story.later(Duration::from_secs(59 * 60));
        ada.get("/v1/auth/me").await.ok();
        story.get("/v1/auth/me").await.ok();
        let page = story.get("/settings/security").await.is(200);
        let fields = [
            ("version", page.input("version")),
            ("idleMinutes", "5".into()),
            ("reauthHours", "24".into()),
            ("secondFactor", "offered".into()),
        ];
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let again = story.form("/settings/security", &[fields[0], ("idleMinutes", "soon"), fields[2], fields[3]]).await.is(422);
        assert_eq!(again.input("idleMinutes"), "soon");
        assert_eq!(story.form("/settings/security", &fields).await.location(), "/settings/security?done=1");
        story.later(Duration::from_secs(299));
        ada.get("/v1/auth/me").await.ok();
        story.later(Duration::from_secs(301));
        ada.get("/v1/auth/me").await.refused("auth.required");
    });
}

#[test]
fn who_must_have_a_second_factor_can_do_nothing_but_set_one_up() {
    run(async |story| {
        let (baker, _) = hired(&story, "baker").await;
        let seller = story.member(&[Role::Seller]).await;
        baker.get("/v1/items").await.ok();
        demand(&story, "roles", &["baker"]).await;
        // Felt at once, by whom it concerns and nobody else.
        seller.get("/v1/items").await.ok();
        for path in ["/v1/items", "/v1/auth/me", "/v1/auth/sessions", "/v1/tenants", "/v1/auth/passkeys"] {
            baker.get(path).await.refused("second.needed").is(403);
        }
        baker.post("/v1/auth/2fa/recovery-codes", &json!({})).await.refused("second.needed");
        assert_eq!(baker.get("/stock?site=1").await.location(), "/2fa/setup?next=%2Fstock%3Fsite%3D1");
        // The page says why, and leads back to where they wanted to be.
        let page = baker.get("/2fa/setup?next=%2Fstock%3Fsite%3D1").await.is(200);
        assert!(page.text().contains(&web::t("setup-demanded")), "{}", page.text());
        let secret = page.text().split("<code>").nth(1).unwrap().split('<').next().unwrap().replace(' ', "");
        let wrong = baker.form("/2fa/setup", &[("next", &page.input("next")), ("code", "12")]).await.is(422);
        assert_eq!(wrong.input("next"), "/stock?site=1");
        let done = baker.form("/2fa/setup", &[("next", "/stock?site=1"), ("code", &story.code(&secret, 0))]).await.is(200);
        assert!(done.text().contains("href=\"/stock?site=1\""), "{}", done.text());
        baker.get("/v1/items").await.ok();
        baker.get("/stock").await.is(200);
        // Switched off, it is demanded again.
        story.later(Duration::from_secs(30));
        baker.post("/v1/auth/2fa/disable", &json!({ "code": story.code(&secret, 0) })).await.ok();
        baker.get("/v1/items").await.refused("second.needed");
        demand(&story, "offered", &[]).await;
        baker.get("/v1/items").await.ok();
    });
}

#[test]
fn who_proved_long_ago_proves_first_and_comes_back_to_the_set_up() {
    run(async |story| {
        let (baker, _) = hired(&story, "baker").await;
        demand(&story, "everybody", &[]).await;
        story.later(Duration::from_secs(16 * 60));
        let page = baker.get("/2fa/setup?next=%2Fstock").await;
        assert_eq!(page.location(), "/reauth?next=%2F2fa%2Fsetup%3Fnext%3D%252Fstock");
        let page = baker.get(&page.location()).await.is(200);
        let proved = baker.form("/reauth", &[("csrf", &page.input("csrf")), ("password", PASSWORD), ("next", &page.input("next"))]).await;
        assert_eq!(proved.location(), "/2fa/setup?next=%2Fstock");
        let page = baker.get(&proved.location()).await.is(200);
        assert_eq!(page.input("next"), "/stock");
    });
}

#[test]
fn a_next_page_of_elsewhere_is_not_gone_to() {
    run(async |story| {
        let (baker, _) = hired(&story, "baker").await;
        demand(&story, "everybody", &[]).await;
        let page = baker.get("/2fa/setup?next=//evil.example").await.is(200);
        let secret = page.text().split("<code>").nth(1).unwrap().split('<').next().unwrap().replace(' ', "");
        let done = baker.form("/2fa/setup", &[("next", "//evil.example"), ("code", &story.code(&secret, 0))]).await.is(200);
        assert!(!done.text().contains("evil.example"), "{}", done.text());
    });
}

#[test]
fn it_can_be_demanded_of_a_role_of_ones_own_until_the_role_goes() {
    run(async |story| {
        let role = story.post("/v1/team/roles", &json!({ "name": "Night", "permissions": ["item:read"] })).await.ok().json()["id"].clone();
        let ada = story.member(&[Role::Seller]).await;
        let mut body = rules("roles", &[], 0);
        body["secondOwnRoles"] = json!([role]);
        story.post(RULES, &body).await.ok();
        ada.get("/v1/items").await.ok();
        let path = format!("/v1/team/members/{}/roles", ada.account.unwrap());
        story.post(&path, &json!({ "roles": ["seller"], "ownRoles": [role], "version": 1 })).await.ok();
        ada.get("/v1/items").await.refused("second.needed");
        story.post(&path, &json!({ "roles": ["seller"], "ownRoles": [], "version": 2 })).await.ok();
        ada.get("/v1/items").await.ok();
        story.owner.delete(&format!("/v1/team/roles/{}", role.as_str().unwrap())).await.ok();
        assert_eq!(story.get(RULES).await.ok().json()["secondOwnRoles"], json!([]));
    });
}

#[test]
fn by_page_the_roles_are_ticked_and_kept() {
    run(async |story| {
        let role = story.post("/v1/team/roles", &json!({ "name": "Night", "permissions": ["item:read"] })).await.ok().json()["id"].clone();
        let role = role.as_str().unwrap();
        let page = story.get("/settings/security").await.is(200);
        let version = page.input("version");
        let base = [("version", version.as_str()), ("idleMinutes", "30"), ("reauthHours", "12"), ("secondFactor", "roles")];
        let refused = story.form("/settings/security", &base).await.is(422);
        assert!(refused.text().contains("Choose at least one role."), "{}", refused.text());
        let ticked = [base.as_slice(), &[("role.seller", "true"), ("own", role)]].concat();
        assert_eq!(story.form("/settings/security", &ticked).await.location(), "/settings/security?done=1");
        let now = story.get(RULES).await.ok().json();
        assert_eq!((&now["secondRoles"], &now["secondOwnRoles"], &now["idleMinutes"]), (&json!(["seller"]), &json!([role]), &json!(30)));
    });
}

#[test]
fn keys_for_programs_are_exempt() {
    run(async |story| {
        let key = story.post("/v1/api-keys", &json!({ "name": "Till", "permissions": ["item:read"] })).await.ok().json()["key"].clone();
        story.second_factor(&story.owner).await;
        demand(&story, "everybody", &[]).await;
        bearing(&story.stranger(), key.as_str().unwrap(), "GET", "/v1/items", &json!({})).await.ok();
        story.get("/v1/items").await.ok();
    });
}

/// Asks with the access token of a pair.
async fn by(story: &Story, pair: &Value, method: &str, path: &str, body: &Value) -> Answer {
    bearing(&story.stranger(), pair["accessToken"].as_str().unwrap(), method, path, body).await
}

#[test]
fn a_programs_tokens_wait_for_the_second_factor_too() {
    run(async |story| {
        let (_, email) = hired(&story, "baker").await;
        let pair = tokens(&story, &email).await;
        by(&story, &pair, "GET", "/v1/items", &json!({})).await.ok();
        demand(&story, "everybody", &[]).await;
        by(&story, &pair, "GET", "/v1/items", &json!({})).await.refused("second.needed");
        let begun = by(&story, &pair, "POST", "/v1/auth/2fa/enable-init", &json!({})).await.ok().json();
        let code = story.code(begun["secret"].as_str().unwrap(), 0);
        by(&story, &pair, "POST", "/v1/auth/2fa/enable-complete", &json!({ "code": code })).await.ok();
        // The token in hand says nothing of it; the next one does.
        by(&story, &pair, "GET", "/v1/items", &json!({})).await.refused("auth.again");
        let next = story.stranger().post("/v1/auth/refresh", &json!({ "refreshToken": pair["refreshToken"] })).await.ok().json();
        by(&story, &next, "GET", "/v1/items", &json!({})).await.ok();
    });
}

#[test]
fn attack_a_password_does_not_go_round_a_factor_that_was_set_up_elsewhere() {
    run(async |story| {
        let (ada, email) = hired(&story, "baker").await;
        // The thief has the password, and is in before the factor is there.
        let thief = story.stranger();
        sign_in(&thief, &email, PASSWORD).await.is(200);
        demand(&story, "everybody", &[]).await;
        story.second_factor(&ada).await;
        ada.get("/v1/items").await.ok();
        thief.get("/v1/items").await.refused("auth.required");
        thief.get("/2fa/setup").await.is(303);
        let answer = sign_in(&thief, &email, PASSWORD).await.is(200).json();
        assert_eq!(answer["mfaRequired"], json!(true));
    });
}

#[test]
fn a_role_of_the_operators_is_of_no_use_without_a_second_factor() {
    run(async |story| {
        let admin = story.operator(&[PlatformRole::Admin]).await;
        for role in ["ADMIN", "SUPPORT", "BILLING_ADMIN"] {
            let email = registered(&story).await;
            let ada = story.stranger();
            sign_in(&ada, &email, PASSWORD).await.is(200);
            let id = identity::find(&story.db, &email).await.unwrap();
            admin.post(&format!("/v1/admin/users/{id}/roles"), &json!({ "roles": [role], "reason": "new colleague" })).await.ok();
            ada.get("/v1/admin/users").await.refused("second.needed");
            assert_eq!(ada.get("/admin/users").await.location(), "/2fa/setup?next=%2Fadmin%2Fusers");
            story.second_factor(&ada).await;
            let answer = ada.get("/v1/admin/users").await;
            assert_eq!(answer.status, if role == "BILLING_ADMIN" { 403 } else { 200 }, "{role}");
            assert!(!answer.text().contains("second.needed"), "{role}");
        }
    });
}

#[test]
fn the_link_that_makes_an_administrator_leads_to_the_second_factor() {
    run(async |story| {
        let email = address(&story);
        let id = identity::make_admin(&story.db, &story.op(), &email).await.unwrap();
        let link = identity::recovery_link(&story.app, &story.op(), id).await.unwrap();
        let (browser, token) = (story.stranger(), link.split_once("token=").unwrap().1);
        let chosen = browser.form("/reset-password", &[("token", token), ("newPassword", PASSWORD)]).await;
        assert_eq!(chosen.location(), "/login?done=password");
        let entered = browser.form("/login", &[("email", &email), ("password", PASSWORD), ("next", "/admin/users")]).await;
        let on = browser.get(&entered.location()).await;
        assert!(on.location().starts_with("/2fa/setup?next="), "{}", on.location());
        assert!(browser.get(&on.location()).await.is(200).text().contains(&web::t("setup-demanded")));
    });
}
