//! Support looks into a business with its owner's consent, and with nothing else.

use std::time::Duration;

use kernel::{PlatformRole, Role};
use serde_json::{Value, json};
use testkit::{Person, Story};

const HOUR: Duration = Duration::from_secs(3600);

/// The owner lets support in.
async fn let_in(story: &Story, hours: i64, acting: bool) -> Value {
    story.post("/v1/settings/support", &json!({ "hours": hours, "reason": "the totals of Friday", "acting": acting })).await.ok().json()
}

/// Somebody of support begins in the story's business.
async fn begin(story: &Story, support: &Person) -> testkit::Answer {
    begin_in(support, story.tenant).await
}

async fn begin_in(support: &Person, tenant: kernel::TenantId) -> testkit::Answer {
    let answer = support.post(&format!("/v1/admin/tenants/{tenant}/assist"), &json!({ "reason": "ticket 7" })).await;
    if answer.status.is_success() {
        support.keep_csrf(answer.json()["csrfToken"].as_str().unwrap());
    }
    answer
}

/// Somebody of support who works in no business.
async fn support(story: &Story) -> Person {
    let support = story.operator(&[PlatformRole::Support]).await;
    story.owner.json("DELETE", &format!("/v1/team/members/{}", support.account.unwrap()), &json!({})).await.ok();
    support
}

#[test]
fn support_looks_in_with_the_owners_consent_and_the_trail_says_for_whom() {
    testkit::run(async |story| {
        let (support, item) = (support(&story).await, story.stocked("Bread", 320).await);
        let listed = support.get(&format!("/v1/admin/tenants?slug={}", story.slug)).await.ok().json();
        assert_eq!((&listed["rows"][0]["name"], &listed["rows"][0]["members"]), (&json!("Hill Bakery"), &json!(1)));
        let consent = let_in(&story, 4, true).await;
        assert_eq!(consent["acting"], true);
        let told = story.letter(&story.owner.email, "support-act").await;
        assert!(told.text.contains("until 21 Nov 2026 13:00 UTC"), "{}", told.text);
        let one = support.get(&format!("/v1/admin/tenants/{}", story.tenant)).await.ok().json();
        assert_eq!(one["consent"]["reason"], "the totals of Friday");
        let at_work = begin(&story, &support).await.is(200).json();
        assert!(at_work["until"].as_str().unwrap().starts_with("2026-11-21T10:00:"), "an hour: {at_work}");
        let begun = story.letter(&story.owner.email, "support-begun").await;
        assert!(begun.text.contains(&support.email) && begun.text.contains("ticket 7"), "{}", begun.text);
        // They see the business, act in it, and every page says so.
        support.get("/v1/orders").await.ok();
        let page = support.get("/").await.is(200).text();
        assert!(page.contains("You work in Hill Bakery for") && page.contains("action=\"/assist/stop\""), "{page}");
        assert!(!page.contains("/account/security") && !page.contains("/admin/users"), "{page}");
        let version = support.get(&format!("/v1/items/{item}")).await.ok().json()["version"].clone();
        support.post(&format!("/v1/items/{item}"), &json!({ "version": version, "name": "Rye bread" })).await.ok();
        let owner = story.get("/v1/auth/me").await.ok().json()["name"].as_str().unwrap().to_owned();
        let wanted = format!("{} for {owner}", support.email);
        story.sequence().await;
        let trail = story.get(&format!("/v1/trail?target={item}")).await.ok().json();
        let entry = trail["rows"].as_array().unwrap().iter().find(|row| row["actorKind"] == "support").unwrap().clone();
        assert_eq!((&entry["who"], &entry["actorId"]), (&json!(wanted), &json!(support.account.unwrap())), "{trail}");
        assert!(story.get(&format!("/activity/{}", entry["id"].as_str().unwrap())).await.is(200).text().contains(&wanted));
        // They stop: their own rights are back, and those of the business gone.
        assert_eq!(support.form("/assist/stop", &[]).await.location(), format!("/admin/tenants/{}", story.tenant));
        support.get("/v1/orders").await.refused("tenant.none");
        support.get("/v1/admin/tenants").await.ok();
        let past = story.get("/v1/settings/support").await.ok().json();
        assert_eq!((&past["past"][0]["who"], &past["past"][0]["reason"]), (&json!(support.email), &json!("ticket 7")));
        let shown = story.get("/settings/support").await.is(200).text();
        assert!(shown.contains("ticket 7") && shown.contains("Shut support out"), "{shown}");
        let admin = story.operator(&[PlatformRole::Support]).await;
        let across = admin.get(&format!("/v1/admin/audit-logs?business={}&action=item.changed", story.slug)).await.ok().json();
        assert_eq!(across["rows"][0]["who"], json!(wanted), "{across}");
    });
}

#[test]
fn an_owner_lets_support_in_and_out_by_page() {
    testkit::run(async |story| {
        let refused = story.form("/settings/support", &[("hours", "80"), ("reason", "look at Friday")]).await.is(422).text();
        assert!(refused.contains("1 to 72 hours") && refused.contains("look at Friday"), "{refused}");
        story.form("/settings/support", &[("hours", "x"), ("reason", "")]).await.is(422);
        assert_eq!(story.form("/settings/support", &[("hours", "2"), ("reason", "look at Friday")]).await.location(), "/settings/support");
        let support = support(&story).await;
        let page = format!("/admin/tenants/{}", story.tenant);
        assert!(support.get(&page).await.is(200).text().contains("look at Friday"));
        support.form(&format!("{page}/assist"), &[("reason", "")]).await.is(422);
        assert_eq!(support.form(&format!("{page}/assist"), &[("reason", "ticket 7")]).await.location(), "/");
        assert!(support.get("/orders").await.is(200).text().contains("You can change nothing"));
        assert_eq!(story.form("/settings/support/end", &[]).await.location(), "/settings/support");
        story.letter(&story.owner.email, "support-shut-out").await;
        support.get("/v1/orders").await.refused("tenant.none");
        story.owner.json("DELETE", "/v1/settings/support", &json!({})).await.refused("not_found");
    });
}

#[test]
fn attack_without_consent_nobody_of_support_gets_in() {
    testkit::run(async |story| {
        let support = support(&story).await;
        begin(&story, &support).await.refused("support.no_consent");
        support.get("/v1/orders").await.refused("tenant.none");
        // A consent of another business is none of this one.
        let (neighbours, neighbour) = story.neighbour().await;
        let consent = json!({ "hours": 1, "reason": "look", "acting": true });
        neighbour.post("/v1/settings/support", &consent).await.ok();
        begin(&story, &support).await.refused("support.no_consent");
        begin_in(&support, neighbours).await.is(200);
        support.get(&format!("/v1/team/members/{}", story.owner.account.unwrap())).await.refused("not_found");
        support.post("/v1/assist/stop", &json!({})).await.ok();
        support.keep_csrf(support.get("/v1/auth/me").await.ok().json()["csrfToken"].as_str().unwrap());
        // One that is over, and one of somebody who owns the business no more.
        let_in(&story, 1, false).await;
        story.later(HOUR);
        crate::owner_again(&story).await;
        let support = self::support(&story).await;
        begin(&story, &support).await.refused("support.no_consent");
        // No manager, no key and no seller gives it.
        for roles in [&[Role::Manager][..], &[Role::Seller], &[Role::Accountant]] {
            story.member(roles).await.post("/v1/settings/support", &consent).await.refused("auth.forbidden");
        }
        let key = story.post("/v1/api-keys", &json!({ "name": "K", "permissions": ["settings:write"] })).await.ok().json();
        crate::bearing(&story.stranger(), key["key"].as_str().unwrap(), "POST", "/v1/settings/support", &consent)
            .await
            .refused("auth.forbidden");
        let billing = story.operator(&[PlatformRole::BillingAdmin]).await;
        begin(&story, &billing).await.refused("auth.forbidden");
        begin_in(&support, kernel::PLATFORM).await.refused("not_found");
    });
}

#[test]
fn attack_support_that_only_looks_changes_nothing() {
    testkit::run(async |story| {
        let (support, item) = (support(&story).await, story.stocked("Bread", 320).await);
        let_in(&story, 4, false).await;
        begin(&story, &support).await.is(200);
        support.get(&format!("/v1/items/{item}")).await.ok();
        let sold = json!({ "lines": [{ "itemId": item, "quantity": "1" }], "payments": [{ "method": "cash" }] });
        support.post("/v1/sales", &sold).await.refused("auth.forbidden");
        // Every route that changes anything of the business refuses; what is open to all does nothing here.
        for route in story.app.routes().iter().filter(|route| route.method != "GET" && route.needs != kernel::Permission::Open) {
            let path =
                route.path.replace("{id}", &item).replace("{accountId}", &story.owner.account.unwrap().to_string()).replace(['{', '}'], "");
            let answer = support.json(route.method.as_str(), &path, &json!({})).await;
            assert!(answer.status.is_client_error(), "{} {}: {} {}", route.method, route.path, answer.status, answer.text());
        }
        support.get("/v1/orders").await.ok();
    });
}

#[test]
fn attack_support_gives_itself_no_role_and_touches_no_account() {
    testkit::run(async |story| {
        let admin = story.operator(&[PlatformRole::Admin]).await;
        let (account, owner) = (admin.account.unwrap(), story.owner.account.unwrap());
        let profile = json!({ "version": 0, "nationalId": { "country": "GB", "number": "AB123456C" },
            "pay": { "basis": "hour", "amount": { "minor": 1500, "currency": "GBP" }, "method": "bank" } });
        story.post(&format!("/v1/team/members/{owner}/profile"), &profile).await.ok();
        let_in(&story, 4, true).await;
        begin(&story, &admin).await.is(200);
        let own_role = json!({ "name": "All", "permissions": ["settings:write"] });
        for (path, body) in [
            ("/v1/team/members".to_owned(), json!({ "email": admin.email, "name": "Eve", "roles": ["owner"] })),
            (format!("/v1/team/members/{account}/roles"), json!({ "version": 1, "roles": ["owner"] })),
            ("/v1/team/invitations".to_owned(), json!({ "email": "eve@example.com", "name": "Eve", "roles": ["owner"] })),
            ("/v1/team/roles".to_owned(), own_role),
            ("/v1/api-keys".to_owned(), json!({ "name": "K", "permissions": ["item:read"] })),
            ("/v1/settings/support".to_owned(), json!({ "hours": 72, "reason": "longer", "acting": true })),
            (format!("/v1/admin/users/{account}/roles"), json!({ "roles": ["ADMIN"], "reason": "x" })),
            (format!("/v1/admin/tenants/{}/assist", story.tenant), json!({ "reason": "longer" })),
            ("/v1/auth/change-password".to_owned(), json!({ "currentPassword": "x", "newPassword": "y" })),
            ("/v1/auth/2fa/enable-init".to_owned(), json!({})),
            ("/v1/auth/passkeys/register/begin".to_owned(), json!({})),
            ("/v1/auth/switch-tenant".to_owned(), json!({ "tenant": story.tenant })),
            ("/v1/auth/erase".to_owned(), json!({ "email": story.owner.email, "password": "x" })),
            (format!("/v1/team/members/{owner}/profile"), json!({ "version": 1, "jobTitle": "Nobody" })),
        ] {
            let answer = admin.post(&path, &body).await;
            assert_eq!(answer.status.as_u16(), 403, "{path}: {}", answer.text());
        }
        for path in ["/v1/auth/export", "/v1/auth/sessions", "/v1/admin/users", "/v1/api-keys", "/v1/trail/export?format=jsonl"] {
            admin.get(path).await.refused("auth.forbidden");
        }
        // Neither pay nor the national id is seen.
        let seen = admin.get(&format!("/v1/team/members/{owner}/profile")).await.ok().json();
        assert!(seen["nationalId"].is_null() && seen["pay"].is_null(), "{seen}");
        // Taken from support meanwhile, the role is felt at once.
        admin.post("/v1/assist/stop", &json!({})).await.ok();
    });
}

#[test]
fn an_assistance_ends_by_itself_with_the_consent_and_with_either_ones_right_to_it() {
    testkit::run(async |story| {
        let began = async || {
            crate::owner_again(&story).await;
            let support = support(&story).await;
            begin(&story, &support).await.is(200);
            support.get("/v1/orders").await.ok();
            support
        };
        let ended = async |support: &Person| support.get("/v1/orders").await.refused("tenant.none");
        // After an hour at the latest, though the consent goes on.
        let_in(&story, 4, false).await;
        let one = began().await;
        story.later(HOUR - Duration::from_secs(60));
        one.get("/v1/orders").await.ok();
        story.later(Duration::from_secs(61));
        ended(&one).await;
        // With another consent instead of the first.
        let one = began().await;
        crate::owner_again(&story).await;
        let_in(&story, 1, true).await;
        ended(&one).await;
        // With the consent's own end.
        story.later(Duration::from_secs(1800));
        let one = began().await;
        story.later(Duration::from_secs(1801));
        ended(&one).await;
        // When support is support no more.
        crate::owner_again(&story).await;
        let_in(&story, 4, false).await;
        let one = began().await;
        let admin = story.operator(&[PlatformRole::Admin]).await;
        let roles = format!("/v1/admin/users/{}/roles", one.account.unwrap());
        admin.post(&roles, &json!({ "roles": [], "reason": "left" })).await.ok();
        ended(&one).await;
        // When the owner who let them in owns nothing any more.
        let one = began().await;
        let second = story.member(&[Role::Seller]).await;
        let of = |who: &Person| format!("/v1/team/members/{}/roles", who.account.unwrap());
        story.post(&of(&second), &json!({ "version": 1, "roles": ["owner"] })).await.ok();
        second.post(&of(&story.owner), &json!({ "version": 1, "roles": ["manager"] })).await.ok();
        // What is known of a session is asked for again within a second.
        let begun = std::time::Instant::now();
        while one.get("/v1/orders").await.status.is_success() {
            assert!(begun.elapsed() < Duration::from_millis(1500), "a second passed");
            tokio::task::yield_now().await;
        }
        ended(&one).await;
    });
}
