//! What the operator sees and does.

use kernel::{PlatformRole, Role};
use serde_json::json;
use testkit::{MailServer, own_database, run};

use crate::{DEAD, SENT, reset, round, stands};

#[test]
fn a_letter_that_was_refused_is_sent_again_by_a_person() {
    run(async |story| {
        let (refusing, whole) = (MailServer::that("refuse"), MailServer::that("accept"));
        let support = story.operator(&[PlatformRole::Support]).await;
        let id = reset(&story, "ada@example.com").await;
        assert_eq!(round(&story, refusing.mail()).await, DEAD);
        let listed = support.get("/v1/admin/mail?state=dead").await.ok().json();
        let row = listed["rows"].as_array().unwrap().iter().find(|row| row["id"] == json!(id)).unwrap().clone();
        assert_eq!((row["to"].as_str(), row["kind"].as_str()), (Some("ada@example.com"), Some("reset")));
        assert_eq!(row["answer"], "550 5.1.1 No such mailbox here");
        let again = support.post(&format!("/v1/admin/mail/{id}/resend"), &json!({})).await.ok().json();
        assert_eq!((again["state"].as_str(), again["attempts"].as_i64()), (Some("queued"), Some(0)));
        assert_eq!(round(&story, whole.mail()).await, SENT);
        support.post(&format!("/v1/admin/mail/{id}/resend"), &json!({})).await.refused("letter.state");
        support.post(&format!("/v1/admin/mail/{id}/cancel"), &json!({})).await.refused("letter.state");
    });
}

#[test]
fn all_that_was_given_up_is_sent_again_once_the_mail_server_is_mended() {
    own_database(async |story| {
        let (refusing, whole) = (MailServer::that("refuse"), MailServer::that("accept"));
        let support = story.operator(&[PlatformRole::Support]).await;
        let mut given_up = Vec::new();
        for name in ["ada", "grace", "eve"] {
            given_up.push(reset(&story, &format!("{name}@example.com")).await);
            round(&story, refusing.mail()).await;
        }
        let cancelled = given_up.pop().unwrap();
        support.post(&format!("/v1/admin/mail/{cancelled}/cancel"), &json!({})).await.ok();
        // The page says how many there are, where they are looked at and to those who may.
        let act = "action=\"/admin/mail/resend\"";
        let page = support.get("/admin/mail?state=dead").await.ok().text();
        assert!(page.contains(act) && page.contains("Send all 2 that were given up again"), "{page}");
        assert!(!support.get("/admin/mail?state=sent").await.ok().text().contains(act));
        let billing = story.operator(&[PlatformRole::BillingAdmin]).await;
        billing.form("/admin/mail/resend", &[]).await.is(403);
        // Twice at once: each letter once.
        let body = json!({});
        let (one, other) = tokio::join!(support.form("/admin/mail/resend", &[]), support.post("/v1/admin/mail/resend", &body));
        let by_page: u64 = one.location().split("resent=").nth(1).unwrap().parse().unwrap();
        let by_call = other.ok().json();
        assert_eq!(by_page + by_call["resent"].as_u64().unwrap(), 2);
        let said = support.get("/admin/mail?state=queued&resent=2").await.ok().text();
        assert!(said.contains("2 letters wait to be sent again."), "{said}");
        assert_eq!(support.post("/v1/admin/mail/resend", &json!({})).await.ok().json(), json!({ "resent": 0, "givenUp": 0 }));
        for id in given_up {
            assert_eq!(stands(&story, id).await.state, "queued");
        }
        assert_eq!(stands(&story, cancelled).await.state, "cancelled", "what was cancelled stays so");
        while round(&story, whole.mail()).await != crate::NOTHING {}
        let mut sent: Vec<String> = whole.letters().iter().flat_map(|letter| letter.to.clone()).collect();
        sent.sort();
        assert_eq!(sent, ["ada@example.com", "grace@example.com"]);
        story.sequence().await;
        let admin = story.operator(&[PlatformRole::Admin]).await;
        let logged = admin.get("/v1/admin/audit-logs?action=letters.resent").await.ok().json();
        assert!(!logged["rows"].as_array().unwrap().is_empty(), "{logged}");
    });
}

#[test]
fn a_cancelled_letter_is_wiped_and_never_sent() {
    run(async |story| {
        let server = MailServer::that("accept");
        let support = story.operator(&[PlatformRole::Support]).await;
        let id = reset(&story, "ada@example.com").await;
        assert_eq!(support.form(&format!("/admin/mail/{id}/cancel"), &[]).await.location(), "/admin/mail");
        let stands = stands(&story, id).await;
        assert_eq!((stands.state.as_str(), stands.body), ("cancelled", None));
        assert_eq!(round(&story, server.mail()).await, crate::NOTHING);
        assert!(server.letters().is_empty());
        support.post(&format!("/v1/admin/mail/{}/cancel", story.tenant), &json!({})).await.refused("not_found");
        support.post("/v1/admin/mail/none/cancel", &json!({})).await.refused("not_found");
    });
}

#[test]
fn the_page_shows_what_waits_and_says_that_no_server_is_set() {
    own_database(async |story| {
        let support = story.operator(&[PlatformRole::Support]).await;
        let id = reset(&story, "grace@example.com").await;
        let page = support.get("/admin/mail").await.ok().text();
        assert!(page.contains("grace@example.com") && page.contains("HEARTH_SMTP_URL"), "{page}");
        assert!(page.contains(&format!("action=\"/admin/mail/{id}/resend\"")));
        assert!(!page.contains("012345") && !page.contains("t0ken"), "what it says is not shown");
        assert!(!support.get("/admin/mail?state=sent").await.ok().text().contains(&id.to_string()));
        for wrong in ["/v1/admin/mail?state=lost", "/v1/admin/mail?cursor=x"] {
            support.get(wrong).await.is(422);
        }
    });
}

#[test]
fn pages_of_letters_follow_each_other() {
    own_database(async |story| {
        let support = story.operator(&[PlatformRole::Support]).await;
        for n in 0..60 {
            reset(&story, &format!("ada{n}@example.com")).await;
            story.later(std::time::Duration::from_millis(1));
        }
        let first = support.get("/v1/admin/mail").await.ok().json();
        let next = testkit::text(&first["next"]);
        let second = support.get(&format!("/v1/admin/mail?cursor={next}")).await.ok().json();
        let ids =
            |page: &serde_json::Value| page["rows"].as_array().unwrap().iter().map(|row| testkit::text(&row["id"])).collect::<Vec<_>>();
        let (first, second) = (ids(&first), ids(&second));
        assert_eq!(first.len(), 50);
        assert!(!second.is_empty() && second.iter().all(|id| id < first.last().unwrap()), "newest first, nothing twice");
    });
}

#[test]
fn letters_are_the_operators_alone() {
    run(async |story| {
        let id = reset(&story, "ada@example.com").await;
        let billing = story.operator(&[PlatformRole::BillingAdmin]).await;
        for person in [&story.owner, &story.member(&[Role::Manager]).await, &billing] {
            person.get("/v1/admin/mail").await.refused("auth.forbidden");
            person.get("/admin/mail").await.is(403);
            person.post(&format!("/v1/admin/mail/{id}/resend"), &json!({})).await.refused("auth.forbidden");
        }
        story.stranger().get("/v1/admin/mail").await.refused("auth.required");
        assert_eq!(stands(&story, id).await.state, "queued");
    });
}
