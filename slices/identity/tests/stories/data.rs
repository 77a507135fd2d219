//! A person's rights over their account: the file of everything that is kept of them, and its deletion.

use std::{collections::BTreeSet, time::Duration};

use identity::Kept;
use kernel::{PLATFORM, PlatformRole, Role};
use serde_json::{Value, json};
use sqlx::Row;
use testkit::{Person, Story};

use crate::{PASSWORD, registered, sign_in, tokens};

const DAY: u64 = 24 * 3600;
/// Of nobody else.
const NAME: &str = "Zebedee Quillfeather";
/// A PNG of one grey pixel.
const DOT: &[u8] = b"\x89\x50\x4e\x47\x0d\x0a\x1a\x0a\x00\x00\x00\x0d\x49\x48\x44\x52\x00\x00\x00\x01\x00\x00\x00\x01\x08\x00\x00\x00\x00\x3a\x7e\x9b\x55\
    \x00\x00\x00\x0a\x49\x44\x41\x54\x78\x9c\x63\x68\x00\x00\x00\x82\x00\x81\x77\xcd\x72\xb6\x00\x00\x00\x00\x49\x45\x4e\x44\xae\x42\x60\x82";

/// Somebody with an address, a password, a place in the business, and much that is kept of them.
async fn zebedee(story: &Story) -> (Person, String) {
    let email = registered(story).await;
    story.post("/v1/team/invitations", &json!({ "email": email, "name": NAME, "roles": ["manager"] })).await.ok();
    let token = story.letter(&email, "invitation").await.token();
    let mut zebedee = story.stranger();
    sign_in(&zebedee, &email, PASSWORD).await.is(200);
    zebedee.post("/v1/auth/invitations/accept", &json!({ "token": token })).await.ok();
    let switched = zebedee.post("/v1/auth/switch-tenant", &json!({ "tenant": story.tenant })).await.ok().json();
    zebedee.keep_csrf(switched["csrfToken"].as_str().unwrap());
    zebedee.account = Some(identity::find(&story.db, &email).await.unwrap());
    let account = zebedee.account.unwrap();
    let profile = json!({ "version": 0, "firstName": "Zebedee", "lastName": "Quillfeather", "phones": ["+44 131 496 0000"],
        "emergency": { "name": "Ermintrude", "phone": "+44 131 496 0001" } });
    zebedee.post(&format!("/v1/team/members/{account}/profile"), &profile).await.ok();
    let more = json!({ "version": 1, "nationalId": { "country": "GB", "number": "AB123456C" }, "jobTitle": "Baker",
        "pay": { "basis": "hour", "amount": { "minor": 1500, "currency": "GBP" }, "method": "bank" } });
    story.post(&format!("/v1/team/members/{account}/profile"), &more).await.ok();
    zebedee.upload(&format!("/team/{account}/photo"), &[], &[("photo", "me.png", DOT)]).await.ok();
    zebedee.post("/v1/team/invitations", &json!({ "email": format!("bea.{email}"), "name": "Bea", "roles": ["seller"] })).await.ok();
    zebedee.post("/v1/api-keys", &json!({ "name": "Shop", "permissions": ["item:read"] })).await.ok();
    story.stranger().post("/v1/auth/login", &json!({ "email": email, "password": "wrong" })).await.refused("login.wrong");
    story.stranger().post("/v1/auth/forgot-password", &json!({ "email": email })).await.is(202);
    story.letter(&email, "reset").await;
    let mut system = story.db.system("story.phone").await.unwrap();
    let phone = sqlx::query("UPDATE identity.account SET phone = '+447700900123' WHERE id = $1").bind(account.uuid());
    phone.execute(system.conn()).await.unwrap();
    system.commit().await.unwrap();
    (zebedee, email)
}

#[test]
fn a_person_takes_a_file_of_everything_that_is_kept_of_them() {
    testkit::run(async |story| {
        let (zebedee, email) = zebedee(&story).await;
        let account = zebedee.account.unwrap();
        story.db.flush_activity().await;
        // A price of the business, changed by them, and a profile of another member: neither is theirs to take along.
        let other = story.member(&[Role::Seller]).await;
        let note = json!({ "version": 0, "firstName": "Griselda" });
        zebedee.post(&format!("/v1/team/members/{}/profile", other.account.unwrap()), &note).await.ok();
        let answer = zebedee.get("/v1/auth/export").await.is(200);
        assert!(answer.header("content-disposition").contains("hearth-account.json"));
        let (text, file) = (answer.text(), answer.json());
        assert_eq!((&file["account"][0]["email"], &file["account"][0]["hasPassword"]), (&json!(email), &json!(true)));
        assert_eq!(file["account"][0]["phone"], "+447700900123");
        let business = &file["businesses"][0];
        assert_eq!((&business["called"], &business["slug"]), (&json!(NAME), &json!(story.slug)));
        assert_eq!(business["profile"]["nationalId"], "AB123456C");
        assert_eq!((&business["profile"]["first_name"], &business["profile"]["pay_minor"]), (&json!("Zebedee"), &json!(1500)));
        assert!(business["photo"].as_str().unwrap().len() > 100);
        let kinds: BTreeSet<&str> = rows(&file, "letters").iter().map(|row| row["kind"].as_str().unwrap()).collect();
        assert!(kinds.is_superset(&BTreeSet::from(["verify", "invitation", "reset", "data-exported"])), "{kinds:?}");
        let actions: BTreeSet<&str> = rows(&file, "trail").iter().map(|row| row["action"].as_str().unwrap()).collect();
        assert!(
            actions.is_superset(&BTreeSet::from(["member.joined", "profile.changed", "session.begun", "account.exported"])),
            "{actions:?}"
        );
        assert!(rows(&file, "personal").iter().any(|row| row["value"] == "Quillfeather"), "{}", file["personal"]);
        assert_eq!((rows(&file, "apiKeys").len(), rows(&file, "invitations").len()), (1, 2));
        assert!(!rows(&file, "activity").is_empty() && !rows(&file, "sessions").is_empty() && !rows(&file, "knownDevices").is_empty());
        // Nothing secret, and nobody else.
        for hidden in ["argon2", "hash", "sealed", "Griselda", &story.owner.email, &format!("bea.{email}")] {
            assert!(!text.contains(hidden), "{hidden} is in the file");
        }
        let page = zebedee.get("/account/data").await.is(200).text();
        assert!(page.contains("href=\"/account/data/file\""), "{page}");
        story.later(Duration::from_secs(16 * 60));
        zebedee.get("/v1/auth/export").await.refused("auth.again");
        assert_eq!(zebedee.get("/account/data/file").await.location(), "/reauth?next=%2Faccount%2Fdata%2Ffile");
        let said: i64 =
            count(&story, "SELECT count(*) FROM db.trail WHERE action = 'account.exported' AND target_id = $1", account.uuid()).await;
        assert_eq!(said, 1);
    });
}

fn rows<'a>(file: &'a Value, section: &str) -> &'a Vec<Value> {
    file[section].as_array().unwrap_or_else(|| panic!("no {section}"))
}

async fn count(story: &Story, sql: &'static str, id: uuid::Uuid) -> i64 {
    let mut system = story.db.system("story.count").await.unwrap();
    sqlx::query_scalar(sql).bind(id).fetch_one(system.conn()).await.unwrap()
}

/// Tables with a column that names an account, or can hold an address.
const NAMING: &str = r"SELECT DISTINCT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped
        AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'public')
        AND ((a.atttypid = 'uuid'::regtype AND (a.attname IN ('account_id', 'actor_id', 'subject_id', 'on_behalf') OR a.attname LIKE '%\_by'))
            OR (a.atttypid = 'text'::regtype AND a.attname IN ('email', 'recipient'))
            OR EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'f' AND k.confrelid = 'identity.account'::regclass))
    ORDER BY 1";

#[test]
fn every_table_that_names_an_account_is_told_or_left_out_for_a_reason() {
    testkit::run(async |story| {
        let mut system = story.db.system("story.catalog").await.unwrap();
        let found: Vec<String> = sqlx::query_scalar(NAMING).fetch_all(system.conn()).await.unwrap();
        drop(system);
        assert!(found.len() > 20, "the catalogue was read: {found:?}");
        let unknown: Vec<_> = found.iter().filter(|table| !identity::KEPT.iter().any(|(known, _)| known == table)).collect();
        assert!(unknown.is_empty(), "say in identity::KEPT what becomes of {unknown:?}");
        let gone: Vec<_> = identity::KEPT.iter().filter(|(known, _)| !found.iter().any(|table| table == known)).collect();
        assert!(gone.is_empty(), "these name no account: {gone:?}");
        let file = story.get("/v1/auth/export").await.is(200).json();
        for (table, kept) in identity::KEPT {
            match kept {
                Kept::Told(section) => assert!(file[section].is_array(), "{table} is not told as {section}"),
                Kept::Left(why) => assert!(why.len() > 10, "{table}"),
            }
        }
    });
}

#[test]
fn a_deletion_waits_two_weeks_and_a_sign_in_stops_it() {
    testkit::own_database(async |story| {
        let email = registered(&story).await;
        let (ada, pair) = (story.stranger(), tokens(&story, &email).await);
        sign_in(&ada, &email, PASSWORD).await.is(200);
        let asked = |address: &str, password: &str| json!({ "email": address, "password": password });
        ada.post("/v1/auth/erase", &asked("bea@example.com", PASSWORD)).await.refused("erase.address");
        ada.post("/v1/auth/erase", &asked(&email, "wrong")).await.refused("password.current");
        ada.post("/v1/auth/erase", &json!({ "email": email })).await.refused("text.needed");
        let erasing = ada.post("/v1/auth/erase", &asked(&email, PASSWORD)).await.ok().json();
        assert!(erasing["eraseAt"].as_str().unwrap().starts_with("2026-12-05T09:"), "{erasing}");
        let letter = story.letter(&email, "erase-asked").await;
        assert!(letter.text.contains("5 Dec 2026"), "{}", letter.text);
        // Every session ended, that of programs too.
        ada.get("/v1/auth/me").await.refused("auth.required");
        story.stranger().post("/v1/auth/refresh", &json!({ "refreshToken": pair["refreshToken"] })).await.refused("token.wrong");
        story.later(Duration::from_secs(13 * DAY));
        assert_eq!(identity::erase_due(&story.db).await.unwrap(), 0);
        sign_in(&ada, &email, PASSWORD).await.is(200);
        story.letter(&email, "erase-stopped").await;
        story.later(Duration::from_secs(2 * DAY));
        for _ in 0..2 {
            assert_eq!(identity::erase_due(&story.db).await.unwrap(), 0);
            story.later(Duration::from_secs(2 * 3600));
        }
        sign_in(&story.stranger(), &email, PASSWORD).await.is(200);
        // By page: what was typed stays, and the way out is a sign-in.
        let ada = story.stranger();
        sign_in(&ada, &email, PASSWORD).await.is(200);
        let refused = ada.form("/account/data/erase", &[("email", "x@example.com"), ("password", PASSWORD)]).await.is(422);
        assert!(refused.text().contains("not the address of this account") && refused.text().contains("x@example.com"));
        let done = ada.form("/account/data/erase", &[("email", &email), ("password", PASSWORD)]).await;
        assert_eq!(done.location(), "/login?done=erasing");
        // By a code from a letter, for accounts that have no password.
        sign_in(&ada, &email, PASSWORD).await.is(200);
        assert_eq!(ada.form("/account/data/code", &[]).await.location(), "/account/data?sent=1");
        assert!(ada.get("/account/data?sent=1").await.is(200).text().contains("name=\"code\""));
        let code = story.letter(&email, "again").await.code.unwrap();
        ada.form("/account/data/erase", &[("email", &email), ("code", "000000")]).await.is(422);
        assert_eq!(ada.form("/account/data/erase", &[("email", &email), ("code", &code)]).await.location(), "/login?done=erasing");
        // Even in the last hour, after the last letter.
        story.later(Duration::from_secs(14 * DAY));
        assert_eq!(identity::erase_due(&story.db).await.unwrap(), 0);
        story.letter(&email, "erasing").await;
        sign_in(&ada, &email, PASSWORD).await.is(200);
        story.later(Duration::from_secs(3 * 3600));
        assert_eq!(identity::erase_due(&story.db).await.unwrap(), 0);
    });
}

/// The tables and columns in which a text stands, whatever their type.
async fn standing(story: &Story, text: &str) -> Vec<String> {
    let mut system = story.db.system("story.search").await.unwrap();
    let columns = sqlx::query(
        "SELECT n.nspname, c.relname, a.attname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'public')
            AND a.atttypid IN ('text'::regtype, 'jsonb'::regtype, 'text[]'::regtype)",
    )
    .fetch_all(system.conn())
    .await
    .unwrap();
    assert!(columns.len() > 50);
    let mut found = Vec::new();
    for column in columns {
        let (schema, table, name): (String, String, String) = (column.get(0), column.get(1), column.get(2));
        let sql = format!("SELECT EXISTS (SELECT 1 FROM {schema}.{table} WHERE strpos(lower({name}::text), lower($1)) > 0)");
        let there: bool = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).bind(text).fetch_one(system.conn()).await.unwrap();
        if there {
            found.push(format!("{schema}.{table}.{name}"));
        }
    }
    found
}

/// Holds a log against its hashes and checkpoints.
async fn whole(story: &Story, tenant: kernel::TenantId, slug: &str) {
    story.sequence().await;
    story.db.checkpoint(Some(tenant)).await.unwrap();
    let verdict = story.db.verify_trail(tenant, slug, &[], None).await.unwrap();
    assert!(verdict.faults.is_empty() && verdict.entries > 0, "{verdict:?}");
}

#[test]
fn what_is_deleted_is_found_nowhere_and_the_logs_stay_whole() {
    testkit::own_database(async |story| {
        let (zebedee, email) = zebedee(&story).await;
        let account = zebedee.account.unwrap();
        let item = story.made_to_order("Coffee", 260, 55).await;
        let sold = json!({ "lines": [{ "itemId": item, "quantity": "1" }], "payments": [{ "method": "cash" }] });
        let order = zebedee.post("/v1/sales", &sold).await.ok().json();
        story.db.flush_activity().await;
        whole(&story, story.tenant, &story.slug).await;
        assert!(standing(&story, &email).await.len() >= 5 && standing(&story, "Quillfeather").await.len() >= 2);
        zebedee.post("/v1/auth/erase", &json!({ "email": email, "password": PASSWORD })).await.ok();
        story.later(Duration::from_secs(14 * DAY + 60));
        assert_eq!(identity::erase_due(&story.db).await.unwrap(), 0, "the last letter goes first");
        story.letter(&email, "erasing").await;
        story.later(Duration::from_secs(3601));
        assert_eq!(identity::erase_due(&story.db).await.unwrap(), 1);
        for text in [email.as_str(), "Quillfeather", "Zebedee", "Ermintrude", "AB123456C", "+447700900123"] {
            // The invitation that they sent to somebody else is that person's.
            let left = standing(&story, text).await;
            let left: Vec<_> = left.iter().filter(|column| !(column.ends_with(".email") || column.ends_with(".recipient"))).collect();
            assert!(left.is_empty(), "{text} stands in {left:?}");
        }
        let addressed = count(&story, "SELECT count(*) FROM post.letter WHERE account_id = $1", account.uuid()).await;
        assert_eq!(addressed, 0);
        let mut system = story.db.system("story.account").await.unwrap();
        let kept: i64 = sqlx::query_scalar(
            "SELECT (SELECT count(*) FROM identity.account WHERE email = $1) + (SELECT count(*) FROM identity.member WHERE email = $1)
                + (SELECT count(*) FROM identity.invitation WHERE email = $1) + (SELECT count(*) FROM post.letter WHERE recipient = $1)
                + (SELECT count(*) FROM identity.registration WHERE email = $1) + (SELECT count(*) FROM identity.challenge WHERE email = $1)",
        )
        .bind(&email)
        .fetch_one(system.conn())
        .await
        .unwrap();
        drop(system);
        assert_eq!(kept, 0, "of the address");
        whole(&story, story.tenant, &story.slug).await;
        whole(&story, PLATFORM, "hearth").await;
        crate::owner_again(&story).await;
        // The business sees a former member, and the order stays.
        let others = story.get("/v1/team/others").await.ok().json();
        assert_eq!((&others["rows"][0]["name"], &others["rows"][0]["state"]), (&json!("Former member"), &json!("left")));
        story.get(&format!("/v1/orders/{}", order["id"].as_str().unwrap())).await.ok();
        let told = story.get(&format!("/v1/trail?target={account}&action=member.erased")).await.ok().json();
        assert_eq!(told["rows"].as_array().unwrap().len(), 1, "{told}");
        story.stranger().post("/v1/auth/login", &json!({ "email": email, "password": PASSWORD })).await.refused("login.wrong");
        // The address begins anew, as somebody else.
        let browser = story.stranger();
        browser.post("/v1/auth/register", &json!({ "email": email, "password": PASSWORD })).await.is(202);
        let token = story.letter(&email, "verify").await.token();
        browser.post("/v1/auth/verify-email", &json!({ "token": token })).await.ok();
        assert_ne!(identity::find(&story.db, &email).await.unwrap(), account);
        sign_in(&browser, &email, PASSWORD).await.is(200);
        assert_eq!(browser.get("/v1/tenants").await.ok().json()["rows"], json!([]));
        let admin = story.operator(&[PlatformRole::Admin]).await;
        admin.post(&format!("/v1/admin/users/{account}/unlock"), &json!({ "reason": "x" })).await.refused("account.erased");
    });
}

#[test]
fn attack_the_only_owner_and_the_only_administrator_stay() {
    testkit::own_database(async |story| {
        let owner = &story.owner;
        identity::set_password(&story.db, owner.account.unwrap(), PASSWORD).await.unwrap();
        crate::owner_again(&story).await;
        let ada = story.stranger();
        sign_in(&ada, &owner.email, PASSWORD).await.is(200);
        let asked = json!({ "email": owner.email, "password": PASSWORD });
        let refused = ada.post("/v1/auth/erase", &asked).await.refused("account.last_owner");
        assert!(refused.text().contains(&story.slug), "{}", refused.text());
        // With a second owner they may; but when that one stops being one meanwhile, they stay and are told.
        let switched = ada.post("/v1/auth/switch-tenant", &json!({ "tenant": story.tenant })).await.ok().json();
        ada.keep_csrf(switched["csrfToken"].as_str().unwrap());
        let second = story.member(&[Role::Seller]).await;
        let roles = format!("/v1/team/members/{}/roles", second.account.unwrap());
        ada.post(&roles, &json!({ "version": 1, "roles": ["owner"] })).await.ok();
        ada.post("/v1/auth/erase", &asked).await.ok();
        second.post(&roles, &json!({ "version": 2, "roles": ["manager"] })).await.ok();
        story.later(Duration::from_secs(14 * DAY + 60));
        identity::erase_due(&story.db).await.unwrap();
        story.later(Duration::from_secs(3601));
        assert_eq!(identity::erase_due(&story.db).await.unwrap(), 0);
        story.letter(&owner.email, "erase-impossible").await;
        sign_in(&ada, &owner.email, PASSWORD).await.is(200);
        // The last administrator likewise.
        crate::owner_again(&story).await;
        let admin = story.operator(&[PlatformRole::Admin]).await;
        let codes = admin.post("/v1/auth/2fa/recovery-codes", &json!({})).await.ok().json();
        let code = &codes["recoveryCodes"][0];
        admin.post("/v1/auth/erase", &json!({ "email": admin.email, "code": code })).await.refused("admin.last");
    });
}

#[test]
fn the_operator_ends_the_sessions_of_one_and_of_everybody() {
    testkit::own_database(async |story| {
        let admin = story.operator(&[PlatformRole::Admin]).await;
        let email = registered(&story).await;
        let (ada, pair) = (story.stranger(), tokens(&story, &email).await);
        sign_in(&ada, &email, PASSWORD).await.is(200);
        let account = identity::find(&story.db, &email).await.unwrap();
        let end = "/v1/admin/sessions/end";
        admin.post(end, &json!({ "reason": "x" })).await.refused("sessions.whose");
        admin.post(end, &json!({ "account": account, "everybody": true, "reason": "x" })).await.refused("sessions.whose");
        admin.post(end, &json!({ "account": account, "reason": " " })).await.refused("text.needed");
        let ended = admin.post(end, &json!({ "account": account, "reason": "phone stolen" })).await.ok().json();
        assert_eq!(ended, json!({ "ended": 2 }));
        ada.get("/v1/auth/me").await.refused("auth.required");
        let token = pair["accessToken"].as_str().unwrap();
        crate::bearing(&story.stranger(), token, "GET", "/v1/auth/me", &json!({})).await.refused("token.wrong");
        story.get("/v1/auth/me").await.ok();
        // Everybody: owner, programs, and whoever asked for it. Only an administrator may.
        story.later(Duration::from_secs(2));
        let pair = tokens(&story, &email).await;
        let support = story.operator(&[PlatformRole::Support]).await;
        support.post(end, &json!({ "everybody": true, "reason": "x" })).await.refused("auth.forbidden");
        admin.post(end, &json!({ "everybody": true, "reason": "a backup leaked" })).await.ok();
        for person in [&story.owner, &admin, &support] {
            person.get("/v1/auth/me").await.refused("auth.required");
        }
        let token = pair["accessToken"].as_str().unwrap();
        crate::bearing(&story.stranger(), token, "GET", "/v1/auth/me", &json!({})).await.refused("token.wrong");
        story.stranger().post("/v1/auth/refresh", &json!({ "refreshToken": pair["refreshToken"] })).await.refused("token.wrong");
        let said = count(
            &story,
            "SELECT count(*) FROM db.trail WHERE action = 'sessions.all_ended' AND reason = 'a backup leaked' AND tenant_id = $1",
            PLATFORM.uuid(),
        );
        assert_eq!(said.await, 1);
        sign_in(&ada, &email, PASSWORD).await.is(200);
    });
}
