//! What whoever runs the installation does from the command line, beside the program at work.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};

use super::super::{Serving, ended, hearth, place};
use super::selling::{PASSWORD, Till, open_business};

fn said(data: &Path, arguments: &[&str]) -> Value {
    let all = [arguments, &["--json"]].concat();
    let (code, said) = ended(&mut hearth(data, &all));
    assert_eq!(code, 0, "{arguments:?}: {said}");
    serde_json::from_str(&said).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {said}"))
}

/// Chooses a password by a link.
fn choose(serving: &Serving, link: &str) -> u16 {
    let stranger = Till { address: serving.address, cookie: String::new(), csrf: String::new() };
    let token = link.split("token=").nth(1).unwrap();
    stranger.ask("POST", "/v1/auth/reset-password", &json!({ "token": token, "newPassword": PASSWORD })).unwrap().0
}

#[test]
fn an_administrator_is_made_and_let_back_in_without_a_mail_server() {
    let dir = place();
    let serving = Serving::start(dir.path());
    let made = said(dir.path(), &["admin", "create", "ada@example.com"]);
    assert_eq!(choose(&serving, made["link"].as_str().unwrap()), 200);
    assert_eq!(choose(&serving, made["link"].as_str().unwrap()), 422, "once");
    let ada = Till::sign_in(serving.address);
    // What is the operator's waits for a second factor.
    assert_eq!(ada.ask("GET", "/v1/admin/users", &json!({})).unwrap().0, 403);
    let begun = ada.done("POST", "/v1/auth/2fa/enable-init", &json!({}));
    let step = kernel::Source::real().now().micros() / 1_000_000 / 30;
    ada.done("POST", "/v1/auth/2fa/enable-complete", &json!({ "code": testkit::code(begun["secret"].as_str().unwrap(), step) }));
    let users = ada.done("GET", "/v1/admin/users", &json!({}));
    assert_eq!(users["rows"][0]["email"], "ada@example.com");
    let me = ada.done("GET", "/v1/auth/me", &json!({}));
    assert_eq!(me["platformRoles"], json!(["ADMIN"]));
    // Locked out, and let back in: a new link ends the one before.
    let (first, second) =
        (said(dir.path(), &["admin", "recover", "Ada@example.com"]), said(dir.path(), &["admin", "recover", "ada@example.com"]));
    assert_eq!(choose(&serving, first["link"].as_str().unwrap()), 422);
    assert_eq!(choose(&serving, second["link"].as_str().unwrap()), 200);
    let (status, ..) = ada.ask("GET", "/v1/auth/me", &json!({})).unwrap();
    assert_eq!(status, 401, "a new password ends every session");
    let (code, told) = ended(&mut hearth(dir.path(), &["admin", "recover", "nobody@example.com"]));
    assert!(code == 1 && told.contains("no account signs in as nobody@example.com"), "{told}");
}

#[test]
fn accounts_are_locked_and_unlocked_from_the_command_line() {
    let dir = place();
    let serving = Serving::start(dir.path());
    open_business(dir.path(), serving.address);
    let ada = Till::sign_in(serving.address);
    let lock = |more: &[&str]| ended(&mut hearth(dir.path(), &[&["users", "lock", "ada@example.com", "--reason", "left"], more].concat()));
    let (code, told) = lock(&[]);
    assert!(code == 1 && told.contains("no owner who can sign in"), "{told}");
    let (code, told) = lock(&["--even-last-owner"]);
    assert_eq!(code, 0, "{told}");
    std::thread::sleep(std::time::Duration::from_secs(1));
    assert_eq!(ada.ask("GET", "/v1/auth/me", &json!({})).unwrap().0, 401, "felt within a second");
    said(dir.path(), &["users", "unlock", "ada@example.com", "--reason", "came back"]);
    // Signed in again, she sets a second factor up; it is asked for until it is taken away.
    let ada = Till::sign_in(serving.address);
    let begun = ada.done("POST", "/v1/auth/2fa/enable-init", &json!({}));
    let step = kernel::Source::real().now().micros() / 1_000_000 / 30;
    ada.done("POST", "/v1/auth/2fa/enable-complete", &json!({ "code": testkit::code(begun["secret"].as_str().unwrap(), step) }));
    let stranger = Till { address: serving.address, cookie: String::new(), csrf: String::new() };
    let login = json!({ "email": "ada@example.com", "password": PASSWORD, "session": "cookie" });
    assert_eq!(stranger.done("POST", "/v1/auth/login", &login)["mfaRequired"], json!(true));
    said(dir.path(), &["users", "reset-2fa", "ada@example.com", "--reason", "lost phone"]);
    std::thread::sleep(std::time::Duration::from_secs(1));
    assert_eq!(ada.ask("GET", "/v1/auth/me", &json!({})).unwrap().0, 401, "its sessions ended");
    assert!(stranger.done("POST", "/v1/auth/login", &login)["csrfToken"].is_string(), "the password alone signs in");
    let (code, told) = ended(&mut hearth(dir.path(), &["users", "lock", "ada@example.com"]));
    assert!(code == 2 && told.contains("--reason"), "{told}");
}

#[test]
fn keys_are_changed_under_load_and_no_request_fails() {
    let dir = place();
    let serving = Serving::start(dir.path());
    open_business(dir.path(), serving.address);
    let stranger = Till { address: serving.address, cookie: String::new(), csrf: String::new() };
    let login = json!({ "email": "ada@example.com", "password": PASSWORD });
    let first = stranger.done("POST", "/v1/auth/login", &login);
    let (done, asked) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|threads| {
        let worker = threads.spawn(|| {
            let mut pair = first.clone();
            while !done.load(Ordering::SeqCst) {
                // Each refresh signs a token with the signing key and seals a successor with the ring.
                pair = stranger.done("POST", "/v1/auth/refresh", &json!({ "refreshToken": pair["refreshToken"] }));
                asked.fetch_add(1, Ordering::SeqCst);
                // As often as one session may.
                std::thread::sleep(std::time::Duration::from_millis(2100));
            }
        });
        let keys = std::fs::read_to_string(dir.path().join("encryption.keys")).unwrap();
        let signing = said(dir.path(), &["keys", "rotate", "--signing"]);
        let again = said(dir.path(), &["keys", "rotate", "--signing"]);
        assert_eq!(signing["signing"]["kid"], again["signing"]["kid"], "one that waits is not overtaken");
        let sealed = said(dir.path(), &["keys", "rotate", "--encryption"]);
        assert!(sealed["encryption"]["sealed"].as_u64().unwrap() >= 2, "{sealed}");
        let now = std::fs::read_to_string(dir.path().join("encryption.keys")).unwrap();
        assert!(now != keys && now.lines().count() == 1, "the old key is gone");
        done.store(true, Ordering::SeqCst);
        worker.join().unwrap();
    });
    assert!(asked.load(Ordering::SeqCst) > 1);
    // The program that starts with the new key alone opens everything.
    assert_eq!(serving.end(), Some(0));
    let serving = Serving::start(dir.path());
    let stranger = Till { address: serving.address, ..stranger };
    stranger.done("POST", "/v1/auth/login", &login);
    let published = stranger.done("GET", "/.well-known/jwks.json", &json!({}));
    assert_eq!(published["keys"].as_array().unwrap().len(), 2, "{published}");
}

#[test]
fn everybody_is_signed_out_from_the_command_line() {
    let dir = place();
    let serving = Serving::start(dir.path());
    open_business(dir.path(), serving.address);
    let out = |more: &[&str]| ended(&mut hearth(dir.path(), &[&["users", "sign-out", "--reason", "a backup leaked"], more].concat()));
    for whose in [&["ada@example.com"][..], &["--all"]] {
        let ada = Till::sign_in(serving.address);
        let stranger = Till { address: serving.address, cookie: String::new(), csrf: String::new() };
        let pair = stranger.done("POST", "/v1/auth/login", &json!({ "email": "ada@example.com", "password": PASSWORD }));
        let (code, told) = out(whose);
        assert_eq!(code, 0, "{told}");
        std::thread::sleep(std::time::Duration::from_secs(1));
        assert_eq!(ada.ask("GET", "/v1/auth/me", &json!({})).unwrap().0, 401, "felt within a second");
        let refreshed = stranger.ask("POST", "/v1/auth/refresh", &json!({ "refreshToken": pair["refreshToken"] })).unwrap();
        assert_eq!(refreshed.0, 401, "{whose:?}");
    }
    assert!(out(&["nobody@example.com"]).0 == 1 && out(&[]).0 == 2 && out(&["ada@example.com", "--all"]).0 == 2);
}

#[test]
fn a_person_s_data_is_printed_and_deleted_from_the_command_line() {
    let dir = place();
    let serving = Serving::start(dir.path());
    open_business(dir.path(), serving.address);
    let added = json!({ "email": "zebedee@example.com", "name": "Zebedee", "roles": ["seller"] });
    let zebedee = Till::sign_in(serving.address).done("POST", "/v1/team/members", &added);
    let (code, printed) = ended(&mut hearth(dir.path(), &["users", "export", "zebedee@example.com"]));
    let file: Value = serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed}"));
    assert_eq!((code, &file["account"][0]["email"]), (0, &json!("zebedee@example.com")));
    assert_eq!(file["businesses"][0]["called"], "Zebedee");
    let erase =
        |email: &str, more: &[&str]| ended(&mut hearth(dir.path(), &[&["users", "erase", email, "--reason", "asked"], more].concat()));
    assert_eq!(erase("zebedee@example.com", &[]).0, 2, "without --yes nothing is done");
    let (code, told) = erase("ada@example.com", &["--yes"]);
    assert!(code == 1 && told.contains("no owner who can sign in"), "{told}");
    let (code, told) = erase("zebedee@example.com", &["--yes"]);
    assert!(code == 0 && told.contains(zebedee["accountId"].as_str().unwrap()), "{told}");
    assert_eq!(erase("zebedee@example.com", &["--yes"]).0, 1, "the address is nobody's any more");
    let others = Till::sign_in(serving.address).done("GET", "/v1/team/others", &json!({}));
    assert_eq!(others["rows"][0]["name"], "Former member");
    let (code, told) = ended(&mut hearth(dir.path(), &["trail", "verify"]));
    assert_eq!(code, 0, "{told}");
}

#[test]
fn a_job_that_failed_for_good_is_listed_and_retried_from_the_command_line() {
    testkit::own_database(async |story| {
        let dir = place();
        let run = |arguments: &[&str]| {
            let mut command = hearth(dir.path(), &[&["jobs"], arguments].concat());
            command.env("HEARTH_MODE", "production").env("HEARTH_PUBLIC_URL", "https://bakery.example");
            command.env("HEARTH_DATABASE_URL", story.database_url("hearth_app"));
            command.env("HEARTH_DATABASE_SYSTEM_URL", story.database_url("hearth_system"));
            command.env("HEARTH_ENCRYPTION_KEYS", "stories QSByaW5nIGZvciBzdG9yaWVzLCBhbmQgbm90aGluZyE=");
            ended(&mut command)
        };
        assert_eq!(run(&["list"]), (0, "No job waits for a person.\n".to_owned()));
        // Somebody else's import of this business never ends.
        let till = b"date,time,ticket,item,price\n2017-03-01,09:00:00,1,Bread,3.20\n";
        let page = story.owner.upload("/import", &[], &[("files", "till.csv", till)]).await.location();
        let import = format!("/v1/imports/{}", page.rsplit('/').next().unwrap());
        story.post(&format!("{import}/run"), &json!({})).await.ok();
        let mut other = PgConnection::connect(&story.database_url("hearth_app")).await.unwrap();
        let alone = format!("SELECT pg_advisory_lock(hashtextextended('sales.import {}', 0))", story.tenant);
        sqlx::raw_sql(sqlx::AssertSqlSafe(alone)).execute(&mut other).await.unwrap();
        for _ in 0..8 {
            story.jobs().await;
            story.later(std::time::Duration::from_secs(600));
        }
        let listed: Value = serde_json::from_str(&run(&["list", "--json"]).1).unwrap();
        let dead = &listed["rows"][0];
        assert_eq!(
            (&dead["name"], &dead["tenant"], &dead["attempts"]),
            (&json!("sales.import"), &json!(story.slug), &json!(8)),
            "{listed}"
        );
        let (code, said) = run(&["list"]);
        assert!(code == 0 && said.contains("another import of this business is running"), "{said}");
        story.owner_comes_back().await;
        assert_eq!(story.get(&import).await.ok().json()["state"], "failed");

        other.close().await.unwrap();
        let (code, said) = run(&["retry", dead["id"].as_str().unwrap()]);
        assert!(code == 0 && said.contains("is queued again"), "{said}");
        assert_eq!(run(&["list"]).1, "No job waits for a person.\n");
        // It is due by the clock of the command, which is the real one; stories live in another time.
        story.clock.set(kernel::Source::real().now().max(story.clock.now()).plus_seconds(60));
        story.jobs().await;
        story.owner_comes_back().await;
        assert_eq!(story.get(&import).await.ok().json()["state"], "done");
        let (code, said) = run(&["retry", dead["id"].as_str().unwrap()]);
        assert!(code == 1 && said.contains("no dead job has the id"), "{said}");
        assert_eq!(run(&["retry", "the-import"]).0, 2);
    });
}
