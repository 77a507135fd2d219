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
