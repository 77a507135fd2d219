//! Browser stories: a real browser against the program as it is served. The steps are in `stories/browser/stories.mjs`.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use serde_json::{Value, json};
use testkit::{Story, run};

use super::bad_input;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("browser")
}

/// Where screenshots are left for people to look at.
fn shots(name: &str) -> PathBuf {
    std::env::temp_dir().join("hearth-screens").join(name)
}

/// Tells a story in the browser; what it measured comes back.
async fn tell(story: &Story, name: &str, more: Value) -> Value {
    let served = story.serve().await;
    let mut given =
        json!({ "url": served.url(""), "cookie": story.owner.cookie("__Host-hearth"), "slug": story.slug, "shots": shots(name) });
    if let (Value::Object(given), Value::Object(more)) = (&mut given, more) {
        given.extend(more);
    }
    let done = tokio::process::Command::new("node")
        .arg(folder().join("run.mjs"))
        .arg(name)
        .arg(given.to_string())
        .stdin(Stdio::null())
        .output()
        .await
        .expect("node is installed by `make test`");
    assert!(done.status.success(), "{name}: {}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    serde_json::from_slice(&done.stdout).unwrap_or_default()
}

/// The browser's person looks into their mail: the link of a letter of this kind is left where the steps find it.
async fn post(story: &Story, email: &str, kind: &str, place: &Path) {
    loop {
        story.platform_jobs().await;
        if let Some(letter) = story.letters_to(email).await.iter().find(|letter| letter.kind == kind) {
            std::fs::write(place.with_extension("new"), &letter.links[0]).unwrap();
            std::fs::rename(place.with_extension("new"), place).unwrap();
            return std::future::pending::<()>().await;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

#[test]
fn a_stranger_registers_opens_a_bakery_and_rings_the_first_sale() {
    run(async |story| {
        let slug = format!("{}-ada", story.slug);
        let place = tempfile::tempdir().unwrap();
        let letter = place.path().join("letter");
        let email = format!("ada-{slug}@example.com");
        let steps = tell(&story, "first_day", json!({ "slug": slug, "letter": letter }));
        tokio::select! { _ = steps => {}, () = post(&story, &email, "verify", &letter) => {} }
    });
}

#[test]
fn a_sale_rung_elsewhere_appears_by_itself() {
    run(async |story| {
        story.made_to_order("Coffee", 260, 55).await;
        let told = tell(&story, "live", json!({})).await;
        println!("slowest of five: {} ms", told["slowest_ms"]);
        assert!(told["slowest_ms"].is_number());
    });
}

#[test]
fn every_page_fits_a_phone_and_a_desk_in_both_themes() {
    run(async |story| {
        let flour = story
            .item(
                json!({ "name": "Strong flour", "kind": "ingredient", "baseUnit": "g", "units": [{ "code": "bag", "numerator": 25_000 }] }),
            )
            .await;
        let coffee = story.made_to_order("Coffee", 260, 55).await;
        let bread = story.stocked("Sourdough", 480).await;
        let receipt = story.bring_in(&bread, "20", 3000).await;
        let order = testkit::text(&story.sell(&bread, "2").await["id"]);
        story.sell(&coffee, "3").await;
        let mill = testkit::text(&story.post("/v1/suppliers", &json!({ "name": "The mill" })).await.ok().json()["id"]);
        let paths = json!({
            "home": "/", "reports": "/reports", "orders": "/orders", "ring": "/orders/new", "order": format!("/orders/{order}"),
            "refund": format!("/orders/{order}/refund"), "items": "/items", "item-new": "/items/new", "item": format!("/items/{flour}"),
            "stock": "/stock", "movements": "/stock/movements", "receive": "/receipts/new", "receipt": format!("/receipts/{receipt}"),
            "customers": "/customers", "customer-new": "/customers/new", "suppliers": "/suppliers", "supplier": format!("/suppliers/{mill}"),
            "ledger": "/ledger", "transfers": "/ledger/transfers", "import": "/import", "team": "/team", "settings": "/settings",
            "taxes": "/settings/taxes", "search": "/search?q=S", "places": "/places", "businesses": "/businesses", "missing": "/nothing-here",
            "security": "/account/security", "profile": "/account/profile", "second-setup": "/2fa/setup", "reauth": "/reauth",
            "email": "/account/email", "keys": "/settings/keys", "site-add": "/settings/sites/add", "join": "/join", "data": "/account/data",
            "receipts": "/receipts", "stock-places": "/stock/places"
        });
        let strange = json!({ "login": "/login", "register": "/register", "registered": "/registered", "forgot": "/forgot-password",
            "resend": "/resend-verification", "reset-code": "/reset-password?email=ada@example.com", "verify-over": "/verify-email?token=x", "stranger-missing": "/nothing-here" });
        tell(&story, "every_page", json!({ "paths": paths, "strange": strange })).await;
    });
}

#[test]
fn price_lists_fit_a_phone_and_a_desk_in_both_themes() {
    run(async |story| {
        let id = |answer: testkit::Answer| testkit::text(&answer.ok().json()["id"]);
        let cake = story.made_to_order("Cake", 300, 90).await;
        let trade = id(story.post("/v1/price-lists", &json!({ "name": "Wholesale", "includesTax": false })).await);
        let euro = json!({ "name": "Calais", "currency": "EUR", "includesTax": true });
        let calais = json!({ "name": "Calais", "timeZone": "Europe/Paris", "currency": "EUR" });
        let (site, euro) = (id(story.post("/v1/sites", &calais).await), id(story.post("/v1/price-lists", &euro).await));
        let zurich = id(story.post("/v1/sites", &json!({ "name": "Zürich", "timeZone": "Europe/Zurich", "currency": "CHF" })).await);
        for (list, price) in [(&trade, testkit::pounds(200)), (&euro, json!({ "minor": 450, "currency": "EUR" }))] {
            story.post(&format!("/v1/items/{cake}/price"), &json!({ "price": price, "listId": list })).await.ok();
        }
        let cafe = id(story.post("/v1/customers", &json!({ "name": "Café Nero", "priceListId": trade })).await);
        let mut sale = testkit::sale(&cake, "3");
        sale["customerId"] = json!(cafe);
        let order = id(story.post("/v1/sales", &sale).await);
        let mut there = testkit::sale(&cake, "2");
        there["siteId"] = json!(site);
        story.post("/v1/sales", &there).await.ok();
        let paths = json!({
            "price-lists": "/settings/price-lists", "price-list-new": "/settings/price-lists/new", "price-list": format!("/settings/price-lists/{trade}"),
            "site": format!("/settings/sites/{site}"), "site-without-list": format!("/settings/sites/{zurich}"), "item-lists": format!("/items/{cake}"),
            "items-of-list": format!("/items?list={euro}"), "customer": format!("/customers/{cafe}"), "wholesale": format!("/orders/{order}"),
            "receive-mixed": "/receipts/new", "reports-mixed": "/reports?by=site", "home-mixed": "/",
        });
        tell(&story, "every_page", json!({ "paths": paths, "strange": {} })).await;
    });
}

#[test]
fn accounts_and_payments_fit_a_phone_and_a_desk_in_both_themes() {
    run(async |story| {
        let coffee = story.made_to_order("Coffee", 260, 55).await;
        story.sell(&coffee, "3").await;
        let corner = testkit::text(
            &story.post("/v1/customers", &json!({ "name": "The corner shop", "phone": "0131 496 0000" })).await.ok().json()["id"],
        );
        for quantity in ["4", "9"] {
            let sold = json!({ "customerId": corner, "lines": [{ "itemId": coffee, "quantity": quantity }], "payments": [{ "method": "on_account" }] });
            story.post("/v1/sales", &sold).await.ok();
        }
        let received = json!({ "customerId": corner, "method": "card", "amount": testkit::pounds(1_500), "reference": "AB 12" });
        let received = story.post("/v1/payments", &received).await.ok().json();
        let (payment, owed) = (testkit::text(&received["id"]), testkit::text(&received["orders"][1]["id"]));
        let paths = json!({
            "orders-open": "/orders", "orders-owed": "/orders?owed=true", "accounts": "/customers", "customer": format!("/customers/{corner}"), "receive-payment": format!("/customers/{corner}/payment"),
            "payments": "/payments", "payment": format!("/payments/{payment}"), "order-owed": format!("/orders/{owed}"),
            "refund-owed": format!("/orders/{owed}/refund"),
        });
        tell(&story, "every_page", json!({ "paths": paths, "strange": {} })).await;
    });
}

#[test]
fn a_long_past_and_large_amounts_fit_a_phone_and_a_desk_in_both_themes() {
    run(async |story| {
        let mut bun = String::new();
        for (name, price) in [("Wedding cake in seven tiers with sugared violets", 48_123_500), ("Sourdough, whole", 480_000), ("Bun", 120)]
        {
            let item = story.made_to_order(name, price, price / 3).await;
            let dear = json!({ "price": testkit::pounds(price), "fromDay": "2026-05-01" });
            story.post(&format!("/v1/items/{item}/price"), &dear).await.ok();
            for (day, quantity) in [("2026-05-20", "37"), ("2026-06-02", "128"), ("2026-08-14", "64")] {
                let mut sold = testkit::sale(&item, quantity);
                sold["placedAt"] = json!(format!("{day}T09:30:00Z"));
                story.post("/v1/sales", &sold).await.ok();
            }
            bun = item;
        }
        let order = testkit::text(&story.sell(&bun, "4").await["id"]);
        let flour = story.item(json!({ "name": "Strong flour", "kind": "ingredient", "baseUnit": "g" })).await;
        story.bring_in(&flour, "25000", 2_000).await;
        story.post(&format!("/v1/orders/{order}/refund"), &json!({ "reason": "stale" })).await.ok();
        let paths = json!({
            "home-few": "/", "home-rest": "/?day=2026-07-20", "home-day": "/?day=2026-06-02", "refund-done": format!("/orders/{order}/refund"),
            "reports-large": "/reports?from=2026-05-01&to=2026-11-21&by=item", "reports-days": "/reports?from=2026-05-01&to=2026-11-21&by=day",
            "stock-flour": "/stock", "ring-wide": "/orders/new", "receive-wide": "/receipts/new",
        });
        tell(&story, "every_page", json!({ "paths": paths, "strange": {} })).await;
    });
}

#[test]
fn imports_fit_a_phone_and_a_desk_in_both_themes() {
    run(async |story| {
        let till = "date,time,ticket,item,quantity,price\n2017-03-01,09:00:00,1,Sourdough,2,3.20\n2017-03-01,09:05:00,2,NONE,1,1.90\n\
            2017-03-01,09:05:00,2,Cinnamon bun,2,1.90\n2017-03-01,09:10:00,301,Coffee,1,2.60\n2017-03-01,09:10:00,301,Cinnamon bun,-1,1.90\n";
        let given = async |file: &str| story.owner.upload("/import", &[], &[("files", "till.csv", file.as_bytes())]).await.location();
        let ran = async |page: &str, dry: bool, ends: &str| {
            let path = format!("/v1{}", page.replace("/import/", "/imports/"));
            story.post(&format!("{path}/run"), &json!({ "dryRun": dry, "decided": { "source": "Front till" } })).await.ok();
            story.jobs().await;
            assert_eq!(story.get(&path).await.ok().json()["state"], ends);
        };
        let first = given(till).await;
        ran(&first, false, "done").await;
        let again = given(till).await;
        // A line more and a column less: it would stand there twice.
        let longer = till.replace(",09:00:00", "").replace(",09:05:00", "").replace(",09:10:00", "").replace(",time", "")
            + "2017-03-02,4,Coffee,1,2.60\n";
        let (seen, tried) = (given(&longer).await, given(&longer).await);
        ran(&tried, true, "refused").await;
        let unread = given(&till.replace("2017-03-01", "the first")).await;
        let paths = json!({ "import-done": first, "import-again": again, "import-seen": seen, "import-tried": tried, "import-unread": unread,
            "search-ticket": "/search?q=301" });
        tell(&story, "every_page", json!({ "paths": paths, "strange": {} })).await;
    });
}

#[test]
fn the_team_and_the_operator_fit_a_phone_and_a_desk_in_both_themes() {
    run(async |story| {
        let ada = story.member(&[kernel::Role::Baker]).await;
        let account = ada.account.unwrap();
        let profile =
            json!({ "firstName": "Ada", "lastName": "Lovelace", "jobTitle": "Baker", "phones": ["+44 131 496 0000"], "version": 0 });
        story.post(&format!("/v1/team/members/{account}/profile"), &profile).await.ok();
        let invited = format!("grace.{}@example.com", story.clock.uuid());
        story.post("/v1/team/invitations", &json!({ "email": invited, "name": "Grace", "roles": ["seller"] })).await.ok();
        let token = story.letter(&invited, "invitation").await.token();
        story.post("/v1/team/roles", &json!({ "name": "Morning shift", "permissions": ["item:read", "stock:read"] })).await.ok();
        let (_, stranger) = story.neighbour().await;
        stranger.post("/v1/team/join", &json!({ "slug": story.slug })).await.ok();
        let paths = json!({
            "team-all": "/team", "team-add": "/team/add", "team-invite": "/team/invite", "member": format!("/team/{account}"),
            "member-edit": format!("/team/{account}/edit"), "roles": "/settings/roles",
        });
        let strange = json!({ "invitation": format!("/invitation?token={token}"), "invitation-over": "/invitation?token=x" });
        tell(&story, "every_page", json!({ "paths": paths, "strange": strange })).await;
        let operator = story.operator(&[kernel::PlatformRole::Admin]).await;
        for _ in 0..2 {
            bad_input::letter(&story).await;
        }
        let across = json!({
            "users": format!("/admin/users?email={}", &ada.email), "user": format!("/admin/users/{account}"), "mail": "/admin/mail",
            "mail-given-up": "/admin/mail?state=dead", "mail-again": "/admin/mail?state=queued&resent=2",
            "operator-security": "/account/security", "operator-profile": "/account/profile",
        });
        tell(&story, "every_page", json!({ "cookie": operator.cookie("__Host-hearth"), "paths": across, "strange": {} })).await;
    });
}

#[test]
fn the_trail_fits_a_phone_and_a_desk_in_both_themes() {
    run(async |story| {
        let bread = story.stocked("Sourdough", 480).await;
        story.bring_in(&bread, "20", 3000).await;
        story.sell(&bread, "2").await;
        story.get("/v1/orders?format=csv").await.ok();
        story.db.flush_activity().await;
        story.sequence().await;
        let row = |kind: &'static str| {
            let story = &story;
            async move { testkit::text(&story.get(&format!("/v1/trail?kind={kind}&sort=at")).await.ok().json()["rows"][0]["id"]) }
        };
        let (item, order) = (row("item").await, row("order").await);
        let own = json!({
            "activity": "/activity", "activity-none": "/activity?q=nothing", "activity-events": "/activity/events",
            "activity-item": format!("/activity/{item}"), "activity-order": format!("/activity/{order}"),
        });
        tell(&story, "every_page", json!({ "paths": own, "strange": {} })).await;
        let operator = story.operator(&[kernel::PlatformRole::Support]).await;
        let across = json!({
            "audit-logs": format!("/admin/audit-logs?business={}", story.slug), "audit-events": "/admin/audit-logs/events",
            "audit-entry": format!("/admin/audit-logs/entry?tenant={}&id={item}", story.tenant),
        });
        tell(&story, "every_page", json!({ "cookie": operator.cookie("__Host-hearth"), "paths": across, "strange": {} })).await;
    });
}

#[test]
fn support_looks_in_and_people_see_their_data_on_a_phone_and_a_desk_in_both_themes() {
    run(async |story| {
        let support = story.operator(&[kernel::PlatformRole::Admin]).await;
        story.owner.json("DELETE", &format!("/v1/team/members/{}", support.account.unwrap()), &json!({})).await.ok();
        let tenant = format!("/admin/tenants/{}", story.tenant);
        let operators = |more: Value| {
            let mut paths = json!({ "tenants": "/admin/tenants", "users": "/admin/users" });
            paths.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            paths
        };
        tell(
            &story,
            "every_page",
            json!({ "cookie": support.cookie("__Host-hearth"), "paths": operators(json!({ "tenant-shut": tenant })), "strange": {} }),
        )
        .await;
        tell(&story, "every_page", json!({ "paths": { "data": "/account/data", "support": "/settings/support" }, "strange": {} })).await;
        // A new account works in no business yet.
        let (email, _) = account(&story).await;
        let id = identity::find(&story.db, &email).await.unwrap();
        let (alone, _) = identity::session_for(&story.db, id, None).await.unwrap();
        let plain = json!({ "alone-open": "/open", "alone-data": "/account/data", "alone-businesses": "/businesses" });
        tell(&story, "every_page", json!({ "cookie": alone, "paths": plain, "strange": {} })).await;
        // The owner lets support in, support looks and stops, the owner shuts it out.
        let told = json!({ "support": support.cookie("__Host-hearth"), "tenant": tenant });
        tell(&story, "assist", told).await;
    });
}

#[test]
fn a_sale_is_rung_without_a_line_of_script() {
    run(async |story| {
        story.made_to_order("Coffee", 260, 55).await;
        tell(&story, "without_script", json!({})).await;
    });
}

/// An account that confirmed its address and has a password.
async fn account(story: &Story) -> (String, &'static str) {
    const PASSWORD: &str = "seven warm loaves on a rainy sill";
    let email = format!("ada-{}@example.com", story.slug);
    let browser = story.stranger();
    browser.post("/v1/auth/register", &json!({ "email": email, "password": PASSWORD })).await.is(202);
    let token = story.letter(&email, "verify").await.token();
    browser.post("/v1/auth/verify-email", &json!({ "token": token })).await.ok();
    (email, PASSWORD)
}

#[test]
fn an_owner_works_by_keyboard_alone_and_without_a_line_of_script() {
    run(async |story| {
        identity::set_password(&story.db, story.owner.account.unwrap(), "seven warm loaves on a rainy sill").await.unwrap();
        let invited = format!("grace.{}@example.com", story.clock.uuid());
        let more = json!({ "email": story.owner.email, "password": "seven warm loaves on a rainy sill", "invited": invited });
        tell(&story, "by_keyboard", more).await;
    });
}

#[test]
fn items_that_were_picked_by_mistake_are_taken_back() {
    run(async |story| {
        for (name, price) in [("Almond croissant", 320), ("Bun", 120), ("Coffee", 260)] {
            story.made_to_order(name, price, 55).await;
        }
        tell(&story, "picked", json!({})).await;
        assert!(story.check().await.is_empty());
    });
}

#[test]
fn every_component_fits_a_phone_and_a_desk_in_both_themes() {
    run(async |story| {
        tell(&story, "gallery", json!({})).await;
    });
}

#[test]
fn a_code_is_asked_for_at_sign_in_and_a_forgotten_password_is_chosen_anew_by_the_letter() {
    run(async |story| {
        let place = tempfile::tempdir().unwrap();
        let letter = place.path().join("letter");
        let (email, password) = account(&story).await;
        let seconds = story.clock.now().micros() / 1_000_000;
        let another = "eleven wet spoons under a copper moon";
        let more = json!({ "email": email, "password": password, "another": another, "seconds": seconds, "letter": letter });
        let steps = tell(&story, "second_step", more);
        tokio::select! { _ = steps => {}, () = post(&story, &email, "reset", &letter) => {} }
    });
}

#[test]
fn a_passkey_is_added_and_signs_in() {
    run(async |story| {
        let served = story.serve_named(|_, _| ()).await;
        let (email, password) = account(&story).await;
        let url = format!("http://localhost:{}", served.address.port());
        tell(&story, "passkey", json!({ "url": url, "email": email, "password": password })).await;
    });
}

/// A member of this name with a PIN.
async fn with_pin(story: &Story, name: &str, pin: &str) {
    let member = story.member(&[kernel::Role::Seller]).await;
    member.post("/v1/auth/pin", &json!({ "pin": pin })).await.ok();
    let mut system = story.db.system("story.name").await.unwrap();
    sqlx::query("UPDATE identity.member SET name = $3 WHERE tenant_id = $1 AND account_id = $2")
        .bind(story.tenant.uuid())
        .bind(member.account.unwrap().uuid())
        .bind(name)
        .execute(system.conn())
        .await
        .unwrap();
    system.commit().await.unwrap();
}

#[test]
fn a_till_is_registered_a_pin_signs_in_and_the_pause_locks_it() {
    run(async |story| {
        for name in ["Ada Lovelace", "Grace", "Mary Elizabeth Featherstonehaugh", "Josephine"] {
            with_pin(&story, name, "7294").await;
        }
        story.made_to_order("Coffee", 260, 55).await;
        let place = tempfile::tempdir().unwrap();
        // The clock is set when the browser's person gives the turn.
        let clock = async {
            for (turn, minutes) in [("slept", 16), ("paused", 51)] {
                while !place.path().join(turn).exists() {
                    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                }
                story.later(std::time::Duration::from_secs(minutes * 60));
                std::fs::write(place.path().join(format!("{turn}.done")), "").unwrap();
            }
            std::future::pending::<()>().await
        };
        let steps = tell(&story, "device", json!({ "place": place.path(), "pin": "7294" }));
        tokio::select! { _ = steps => {}, () = clock => {} }
    });
}

#[test]
fn a_person_signs_in_and_out_through_a_provider_that_nobody_here_wrote() {
    run(async |story| {
        // The provider's clock is the real one.
        story.clock.set(kernel::Source::real().now());
        let mut peer = None;
        let served = story
            .serve_named(|settings, url| {
                let certified = testkit::Peer::certified(url);
                settings.providers = vec![certified.provider()];
                peer = Some(certified);
            })
            .await;
        let email = format!("bea-{}@example.com", story.slug);
        let url = format!("http://localhost:{}", served.address.port());
        tell(&story, "provider", json!({ "url": url, "email": email, "slug": format!("{}-bea", story.slug) })).await;
    });
}

#[test]
fn a_business_s_own_rules_and_face_fit_a_phone_and_a_desk_in_both_themes() {
    run(async |story| {
        let logo: &[u8] = include_bytes!("../../browser/logo.png");
        story.owner.upload("/v1/settings/branding/logo", &[], &[("logo", "logo.png", logo)]).await.ok();
        let look = json!({ "colour": "#14532d", "replyTo": "hello@hill.example", "version": 1 });
        story.post("/v1/settings/branding", &look).await.ok();
        story.post("/v1/team/roles", &json!({ "name": "Night shift", "permissions": ["item:read"] })).await.ok();
        let own = json!({ "settings-security": "/settings/security", "settings-branding": "/settings/branding", "settings": "/settings" });
        let slug = &story.slug;
        let strange = json!({ "login-own": format!("/login/{slug}"), "register-own": format!("/register?business={slug}"),
            "forgot-own": format!("/forgot-password?business={slug}"), "reset-own": format!("/reset-password?email=ada@example.com&business={slug}") });
        tell(&story, "every_page", json!({ "paths": own, "strange": strange })).await;
        // Somebody of whom a second factor is demanded.
        let rules = json!({ "idleMinutes": 60, "reauthHours": 24, "secondFactor": "roles", "secondRoles": ["baker"], "version": 0 });
        story.post("/v1/settings/security", &rules).await.ok();
        let baker = story.member(&[kernel::Role::Baker]).await;
        let demanded = json!({ "setup-demanded": "/stock" });
        tell(&story, "every_page", json!({ "cookie": baker.cookie("__Host-hearth"), "paths": demanded, "strange": {} })).await;
        // The same by hand, from the business's page to where they wanted to be.
        let (email, password) = account(&story).await;
        let invited = json!({ "email": email, "name": "Ada", "roles": ["baker"] });
        story.post("/v1/team/invitations", &invited).await.ok();
        let (token, ada) = (story.letter(&email, "invitation").await.token(), story.stranger());
        let login = json!({ "email": email, "password": password, "session": "cookie" });
        ada.keep_csrf(ada.post("/v1/auth/login", &login).await.ok().json()["csrfToken"].as_str().unwrap());
        ada.post("/v1/auth/invitations/accept", &json!({ "token": token })).await.ok();
        let seconds = story.clock.now().micros() / 1_000_000;
        tell(&story, "own_face", json!({ "email": email, "password": password, "colour": "rgb(20, 83, 45)", "seconds": seconds })).await;
    });
}
