//! Addresses as people write them: however a mailbox is written it is one account, and what is no address is refused.

use serde_json::json;
use testkit::Story;

use crate::{PASSWORD, address, sign_in};

/// Accounts whose address begins so.
async fn accounts(story: &Story, local: &str) -> Vec<String> {
    let mut system = story.db.system("story.accounts").await.unwrap();
    let sql = "SELECT email FROM identity.account WHERE starts_with(email, $1) ORDER BY email";
    sqlx::query_scalar(sql).bind(format!("{local}@")).fetch_all(system.conn()).await.unwrap()
}

/// Registers and confirms an address as it is typed; it is kept as `kept`.
async fn confirmed(story: &Story, typed: &str, kept: &str) {
    let browser = story.stranger();
    browser.post("/v1/auth/register", &json!({ "email": typed, "password": PASSWORD })).await.is(202);
    let token = story.letter(kept, "verify").await.token();
    let verified = browser.post("/v1/auth/verify-email", &json!({ "token": token })).await.ok().json();
    assert_eq!(verified["email"], json!(kept));
}

#[test]
fn a_domain_in_its_own_letters_and_in_ascii_is_one_account() {
    testkit::run(async |story| {
        let local = address(&story).split('@').next().unwrap().to_owned();
        let kept = format!("{local}@xn--bckerei-5wa.de");
        confirmed(&story, &format!("{local}@Bäckerei.de"), &kept).await;
        for domain in ["bäckerei.de", "xn--bckerei-5wa.de", "BA\u{308}CKEREI.DE", "XN--bckerei-5wa.de", "bäc\u{ad}kerei。de"] {
            let typed = format!("{local}@{domain}");
            sign_in(&story.stranger(), &typed, PASSWORD).await.is(200);
            // Registered again, the letter says that there is an account; a forgotten password goes to the same mailbox.
            story.stranger().post("/v1/auth/register", &json!({ "email": typed, "password": PASSWORD })).await.is(202);
            story.stranger().post("/v1/auth/forgot-password", &json!({ "email": typed })).await.is(202);
        }
        story.letter(&kept, "known").await;
        story.platform_jobs().await;
        let letters = story.letters_to(&kept).await;
        assert_eq!(letters.iter().filter(|letter| letter.kind == "known").count(), 5);
        assert_eq!(letters.iter().filter(|letter| letter.kind == "reset").count(), 5);
        let invite = async |domain: &str| {
            let wanted = json!({ "email": format!("{local}@{domain}"), "name": "Ada", "roles": ["seller"] });
            story.post("/v1/team/invitations", &wanted).await
        };
        invite("bäckerei.de").await.ok();
        invite("xn--bckerei-5wa.de").await.refused("invitation.exists");
        assert_eq!(accounts(&story, &local).await, [kept]);
    });
}

#[test]
fn attack_a_domain_that_looks_like_another_is_another_mailbox_and_shows_it() {
    testkit::run(async |story| {
        let local = address(&story).split('@').next().unwrap().to_owned();
        let right = format!("{local}@example.com");
        confirmed(&story, &right, &right).await;
        // The first letter of the domain is Cyrillic.
        let typed = format!("{local}@\u{435}xample.com");
        sign_in(&story.stranger(), &typed, PASSWORD).await.refused("login.wrong");
        confirmed(&story, &typed, &format!("{local}@xn--xample-2of.com")).await;
        assert_eq!(accounts(&story, &local).await, [right, format!("{local}@xn--xample-2of.com")]);
    });
}

#[test]
fn what_is_no_address_is_refused_by_its_field_wherever_it_is_typed() {
    testkit::run(async |story| {
        let long = format!("{}@{}.example", "a".repeat(64), ["b".repeat(62).as_str(); 4].join("."));
        assert_eq!(long.len(), 64 + 1 + 4 * 63 + 7);
        for wrong in [
            "ada\u{200f}@example.com",
            "ada@exam\u{200f}ple.com",
            "ada@exam\u{202e}ple.com",
            "\"ada\"@example.com",
            "\"ada lovelace\"@example.com",
            "ada@xn--a.example",
            "ada@[192.0.2.7]",
            "ada@example",
            &long,
            &format!("{}@example.com", "a".repeat(308)),
        ] {
            let register = json!({ "email": wrong, "password": PASSWORD });
            let invite = json!({ "email": wrong, "name": "Ada", "roles": ["seller"] });
            let stranger = story.stranger();
            for answer in [
                stranger.post("/v1/auth/register", &register).await,
                stranger.post("/v1/auth/forgot-password", &json!({ "email": wrong })).await,
                stranger.post("/v1/auth/resend-verification", &json!({ "email": wrong })).await,
                story.post("/v1/team/invitations", &invite).await,
                story.post("/v1/team/members", &invite).await,
            ] {
                let answer = answer.is(422).refused("email.format");
                assert_eq!(answer.json()["errors"][0]["field"], json!("email"), "{wrong}: {}", answer.text());
            }
            // At a sign-in it is an address that nobody has.
            sign_in(&stranger, wrong, PASSWORD).await.refused("login.wrong");
        }
    });
}

#[test]
fn addresses_that_were_kept_as_they_were_typed_are_written_in_ascii_by_the_migration() {
    testkit::own_database(async |story| {
        let local = address(&story).split('@').next().unwrap().to_owned();
        let domains = [
            ("bäckerei.de", "xn--bckerei-5wa.de"),
            ("хлеб.рф", "xn--90ahr3b.xn--p1ai"),
            ("パン屋.jp", "xn--odk8c277n.jp"),
            ("zum-süßen-brot.example", "xn--zum-sen-brot-p9a91b.example"),
        ];
        for (i, (typed, _)) in domains.iter().enumerate() {
            let email = format!("{local}.{i}@{typed}");
            let mut system = story.db.system("story.typed").await.unwrap();
            let sql = "INSERT INTO identity.account (id, email, created_at) VALUES (gen_random_uuid(), $1, now())";
            sqlx::query(sql).bind(&email).execute(system.conn()).await.unwrap();
            system.commit().await.unwrap();
        }
        story.as_role("hearth_owner", include_str!("../../migrations/20261121094100_ascii_domains.sql")).await;
        for (i, (typed, ascii)) in domains.iter().enumerate() {
            let (typed, kept) = (format!("{local}.{i}@{typed}"), format!("{local}.{i}@{ascii}"));
            assert_eq!(accounts(&story, &format!("{local}.{i}")).await, [kept.as_str()]);
            let found = [identity::find(&story.db, &typed).await.unwrap(), identity::find(&story.db, &kept).await.unwrap()];
            assert_eq!(found[0], found[1], "{typed}");
        }
    });
}
