//! Opening businesses, working in several, their settings and sites.

use serde_json::json;

use crate::{COOKIE, PASSWORD, registered, sign_in};

#[test]
fn opening_a_business_lays_down_everything_and_enters_it() {
    testkit::run(async |story| {
        let email = registered(&story).await;
        let ada = story.stranger();
        let page = ada.form("/login", &[("email", &email), ("password", PASSWORD)]).await;
        // Without a business there is one thing to do.
        assert_eq!(page.location(), "/open");
        assert_eq!(ada.get("/team").await.location(), "/open");
        ada.get("/v1/team/members").await.refused("tenant.none");
        ada.keep_csrf(&ada.get("/open").await.is(200).input("csrf"));
        let before = ada.cookie(COOKIE).unwrap();

        let slug = format!("mill-{}", &story.clock.uuid().simple().to_string()[20..]);
        let new = json!({ "name": "Old Mill", "slug": slug, "currency": "KES", "timeZone": "Africa/Nairobi", "siteName": "Mill Lane" });
        let (answer, work) = testkit::work(ada.post("/v1/tenants", &new)).await;
        assert_eq!(work.count(r#"SELECT 1 AS "one!" FROM identity.session"#), 1, "whose session it is, is asked once");
        let answer = answer.is(200).json();
        ada.keep_csrf(answer["csrfToken"].as_str().unwrap());
        // More may be done from now on, so the token is another.
        assert_ne!(ada.cookie(COOKIE).unwrap(), before);
        let me = ada.get("/v1/auth/me").await.ok().json();
        assert_eq!((&me["tenant"], &me["roles"]), (&answer["tenant"], &json!(["owner"])));
        assert_eq!(me["name"], json!(email.split('@').next().unwrap()));
        assert_eq!(me["tenants"][0]["slug"], json!(slug));
        let sites = ada.get("/v1/sites").await.ok().json();
        let site = &sites["rows"][0];
        assert_eq!(
            (&site["name"], &site["timeZone"], &site["dayStart"], &site["currency"]),
            (&json!("Mill Lane"), &json!("Africa/Nairobi"), &json!(240), &json!("KES"))
        );
        let mut system = story.db.system("story").await.unwrap();
        let tenant: uuid::Uuid = answer["tenant"].as_str().unwrap().parse().unwrap();
        let logged: i64 =
            sqlx::query_scalar("SELECT count(*) FROM db.trail WHERE tenant_id = $1 AND action = 'tenant.opened' AND target_id = $1")
                .bind(tenant)
                .fetch_one(system.conn())
                .await
                .unwrap();
        assert_eq!(logged, 1);
    });
}

#[test]
fn a_taken_short_name_and_wrong_fields_open_nothing() {
    testkit::run(async |story| {
        let (owner, slug) = (&story.owner, story.slug.as_str());
        let taken = json!({ "name": "Copy", "slug": slug, "currency": "GBP", "timeZone": "Europe/London" });
        let cookie = owner.cookie(COOKIE);
        owner.post("/v1/tenants", &taken).await.refused("tenant.slug_taken");
        let wrong = json!({ "name": " ", "slug": "Old Mill", "currency": "POUND", "timeZone": "Atlantis", "dayStart": "25:00" });
        let answer = owner.post("/v1/tenants", &wrong).await.is(422).json();
        let fields: Vec<_> =
            answer["errors"].as_array().unwrap().iter().map(|e| (e["field"].as_str().unwrap(), e["code"].as_str().unwrap())).collect();
        assert_eq!(
            fields,
            [
                ("name", "text.needed"),
                ("slug", "slug.format"),
                ("currency", "currency.unknown"),
                ("timeZone", "zone.unknown"),
                ("dayStart", "day_start.format")
            ]
        );
        // The page keeps what was typed and says which field it is.
        let typed = [("name", "Copy"), ("slug", slug), ("currency", "GBP"), ("timeZone", "Europe/London"), ("dayStart", "05:30")];
        let page = owner.form("/open", &typed).await.is(422);
        assert_eq!((page.input("slug").as_str(), page.input("dayStart").as_str()), (slug, "05:30"));
        assert!(page.text().contains("This short name is taken."), "{}", page.text());
        assert_eq!(owner.get("/v1/tenants").await.json()["rows"].as_array().unwrap().len(), 1);
        assert_eq!(owner.cookie(COOKIE), cookie);
        story.stranger().post("/v1/tenants", &taken).await.refused("auth.required");
    });
}

#[test]
fn one_works_in_one_of_ones_businesses_at_a_time_and_in_no_other() {
    testkit::run(async |story| {
        let (theirs, _) = story.neighbour().await;
        let owner = &story.owner;
        owner.post("/v1/auth/switch-tenant", &json!({ "tenant": theirs })).await.refused("not_found");
        let second = json!({ "name": "Second", "slug": format!("{}-second", story.slug), "currency": "GBP", "timeZone": "Europe/London" });
        let opened = owner.post("/v1/tenants", &second).await.is(200).json();
        owner.keep_csrf(opened["csrfToken"].as_str().unwrap());
        let before = owner.cookie(COOKIE).unwrap();
        let answer = owner.post("/v1/auth/switch-tenant", &json!({ "tenant": story.tenant })).await.is(200).json();
        owner.keep_csrf(answer["csrfToken"].as_str().unwrap());
        assert_ne!(owner.cookie(COOKIE).unwrap(), before);
        assert_eq!(owner.get("/v1/auth/me").await.json()["tenant"], json!(story.tenant));
        let page = owner.get("/businesses").await.is(200);
        let other = opened["tenant"].as_str().unwrap();
        assert!(page.text().contains("Active") && page.text().contains(&format!("/businesses/{other}")), "{}", page.text());

        // The next sign-in begins where the last session was.
        let account = identity::account_for(&story.db, &owner.email).await.unwrap();
        identity::set_password(&story.db, account, PASSWORD).await.unwrap();
        let signed_in = sign_in(&story.stranger(), &owner.email, PASSWORD).await.is(200).json();
        assert_eq!(signed_in["tenant"], json!(story.tenant));
    });
}

#[test]
fn settings_and_sites_change_and_stay_the_businesss_own() {
    testkit::run(async |story| {
        let owner = &story.owner;
        let page = owner.get("/settings").await.is(200);
        let version = page.input("version");
        assert_eq!(owner.form("/settings", &[("name", "Hill & Sons"), ("version", &version)]).await.location(), "/settings");
        assert_eq!(owner.get("/v1/settings").await.json()["name"], json!("Hill & Sons"));
        owner.post("/v1/settings", &json!({ "name": "Late", "version": 1 })).await.refused("stale");
        let late = owner.form("/settings", &[("name", "Late"), ("version", &version)]).await.is(422);
        assert_eq!(late.input("name"), "Late");

        let refused = owner.form("/settings/sites/add", &[("name", "Kiosk"), ("timeZone", "Mars/Base"), ("dayStart", "")]).await.is(422);
        assert_eq!(refused.input("timeZone"), "Mars/Base");
        let fields = [("name", "Kiosk"), ("timeZone", "Europe/Dublin"), ("dayStart", "06:00")];
        let here = owner.form("/settings/sites/add", &fields).await.location();
        let sites = owner.get("/v1/sites").await.json();
        assert_eq!(sites["rows"].as_array().unwrap().len(), 2);
        assert_eq!((&sites["rows"][1]["name"], &sites["rows"][1]["dayStart"]), (&json!("Kiosk"), &json!(360)));
        assert_eq!(here, format!("/settings/sites/{}", sites["rows"][1]["id"].as_str().unwrap()), "its own page");

        let mut tx = story.db.begin(story.op()).await.unwrap();
        let known = identity::sites(&mut tx).await.unwrap();
        assert_eq!(identity::site(&mut tx, known[1].id).await.unwrap().name, "Kiosk");
        let (_, neighbour) = story.neighbour().await;
        assert_eq!(neighbour.get("/v1/sites").await.json()["rows"].as_array().unwrap().len(), 1);
        let seller = story.member(&[kernel::Role::Seller]).await;
        seller.post("/v1/sites", &json!({ "name": "Mine", "timeZone": "UTC" })).await.refused("auth.forbidden");
        assert_eq!(seller.get("/settings").await.status.as_u16(), 403);
    });
}
