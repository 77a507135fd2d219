//! What the world does to letters.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use post::{Mail, Outcome, Postman, Server, Smtp};
use serde_json::json;
use testkit::{MailServer, run, sender, smtp};

use crate::{DEAD, LATER, NOTHING, SENT, reset, round, stands};

#[test]
fn a_refused_letter_is_laid_aside_with_the_servers_words() {
    run(async |story| {
        let server = MailServer::that("refuse");
        let id = reset(&story, "nobody@example.com").await;
        assert_eq!(round(&story, server.mail()).await, DEAD);
        let stands = stands(&story, id).await;
        assert_eq!((stands.state.as_str(), stands.attempts), ("dead", 1));
        assert_eq!(stands.answer, "550 5.1.1 No such mailbox here");
        assert!(stands.body.is_some(), "a person may send it again");
        story.db.flush_activity().await;
        let mut system = story.db.system("story.activity").await.unwrap();
        let noted: Vec<String> = sqlx::query_scalar("SELECT action FROM db.activity WHERE tenant_id = $1 AND target_id = $2")
            .bind(story.tenant.uuid())
            .bind(id.uuid())
            .fetch_all(system.conn())
            .await
            .unwrap();
        assert_eq!(noted, ["mail.dead"]);
        assert_eq!(round(&story, server.mail()).await, NOTHING);
    });
}

#[test]
fn a_greylisted_letter_comes_again_after_a_minute() {
    run(async |story| {
        let server = MailServer::that("greylist");
        let id = reset(&story, "ada@example.com").await;
        assert_eq!(round(&story, server.mail()).await, LATER);
        let first = stands(&story, id).await;
        let waits = (first.run_at.micros() - story.clock.now().micros()) / 1_000_000;
        assert!((60..=72).contains(&waits), "{waits} s");
        assert_eq!((first.state.as_str(), first.answer.as_str()), ("queued", "450 4.2.0 Greylisted, come again"));
        assert_eq!(round(&story, server.mail()).await, NOTHING, "not before its time");
        story.later(Duration::from_secs(73));
        assert_eq!(round(&story, server.mail()).await, SENT);
        assert_eq!(stands(&story, id).await.attempts, 2);
    });
}

#[test]
fn letters_wait_for_a_server_that_is_away() {
    run(async |story| {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let way = || smtp(&format!("smtp://127.0.0.1:{port}"));
        let id = reset(&story, "ada@example.com").await;
        let mut waited = Vec::new();
        for _ in 0..8 {
            assert_eq!(round(&story, way()).await, LATER);
            let next = stands(&story, id).await.run_at;
            waited.push((next.micros() - story.clock.now().micros()) / 60_000_000);
            story.clock.set(next);
        }
        assert!(waited[0] < 2 && waited[5] >= 32 && waited[7] >= 60 && waited[7] <= 72, "a minute at first, an hour at last: {waited:?}");
        let server = MailServer::with(json!({ "behaviour": "accept", "port": port }));
        assert_eq!(round(&story, way()).await, SENT);
        assert_eq!(server.letters().len(), 1);
    });
}

#[test]
fn a_letter_that_nobody_takes_for_a_day_is_laid_aside() {
    run(async |story| {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let begun = story.clock.now();
        let id = reset(&story, "ada@example.com").await;
        while round(&story, smtp(&format!("smtp://127.0.0.1:{port}"))).await == LATER {
            story.clock.set(stands(&story, id).await.run_at);
        }
        let stands = stands(&story, id).await;
        let hours = (story.clock.now().micros() - begun.micros()) / 3_600_000_000;
        assert_eq!(stands.state, "dead");
        assert!((22..=29).contains(&hours), "{hours} h and {} attempts", stands.attempts);
    });
}

#[test]
fn a_connection_lost_after_the_letter_is_tried_again_under_the_same_id() {
    run(async |story| {
        let (broken, whole) = (MailServer::that("drop"), MailServer::that("accept"));
        let id = reset(&story, "ada@example.com").await;
        assert_eq!(round(&story, broken.mail()).await, LATER);
        story.later(Duration::from_secs(80));
        assert_eq!(round(&story, whole.mail()).await, SENT);
        let (first, second) = (&broken.letters()[0], &whole.letters()[0]);
        assert_eq!(first.header("Message-ID"), second.header("Message-ID"));
        assert_eq!(first.lines("Date"), second.lines("Date"), "it is the same letter, not another one");
        assert_eq!(stands(&story, id).await.attempts, 2);
    });
}

#[test]
fn a_server_that_says_nothing_is_left() {
    run(async |story| {
        let server = MailServer::that("silent");
        let impatient = Server::parse(&format!("smtp://127.0.0.1:{}", server.port)).unwrap();
        let id = reset(&story, "ada@example.com").await;
        assert_eq!(round(&story, Smtp::with_patience(&impatient, sender(), Duration::from_millis(300))).await, LATER);
        assert_eq!(stands(&story, id).await.answer, "no answer within 300ms");
    });
}

#[test]
fn a_late_answer_is_not_taken_for_the_next_letters() {
    run(async |story| {
        // The first letter is answered after its sender lost patience; the second recipient is refused.
        let server = MailServer::with(json!({ "behaviour": "late" }));
        let impatient = Server::parse(&format!("smtp://127.0.0.1:{}", server.port)).unwrap();
        let mail = Arc::new(Smtp::with_patience(&impatient, sender(), Duration::from_millis(500)));
        let postman = Postman::new(story.db.clone(), Some(mail), None);
        let first = reset(&story, "slow@example.com").await;
        assert_eq!(postman.round(Some(story.tenant)).await.unwrap(), LATER);
        let refused = reset(&story, "nobody@example.com").await;
        assert_eq!(postman.round(Some(story.tenant)).await.unwrap(), DEAD);
        assert_eq!(stands(&story, refused).await.answer, "550 5.1.1 No such mailbox here");
        assert_eq!(stands(&story, first).await.state, "queued");
    });
}

#[test]
fn a_slow_server_is_waited_for_and_its_letters_go_side_by_side() {
    run(async |story| {
        let server = MailServer::with(json!({ "behaviour": "accept", "delay": 300 }));
        for n in 0..8 {
            reset(&story, &format!("ada{n}@example.com")).await;
        }
        let begun = std::time::Instant::now();
        assert_eq!(round(&story, server.mail()).await.sent, 8);
        assert!(begun.elapsed() < Duration::from_millis(8 * 300), "one after the other would take longer");
    });
}

#[test]
fn what_a_killed_worker_held_is_taken_up_again() {
    run(async |story| {
        let (silent, whole) = (MailServer::that("silent"), MailServer::that("accept"));
        let id = reset(&story, "ada@example.com").await;
        let (db, mail, tenant) = (story.db.clone(), silent.mail(), story.tenant);
        let worker = tokio::spawn(async move { Postman::new(db, Some(Arc::new(mail)), None).round(Some(tenant)).await });
        while stands(&story, id).await.state != "sending" {
            tokio::task::yield_now().await;
        }
        worker.abort();
        assert!(worker.await.unwrap_err().is_cancelled());
        assert_eq!(round(&story, whole.mail()).await, NOTHING, "its worker may still be at it");
        story.later(Duration::from_secs(181));
        assert_eq!(round(&story, whole.mail()).await, SENT);
        assert_eq!(stands(&story, id).await.attempts, 2);
    });
}

#[test]
fn a_wrong_password_is_not_the_letters_fault() {
    run(async |story| {
        let server = MailServer::with(json!({ "behaviour": "accept", "password": "s3cret" }));
        let way = |password: &str| smtp(&format!("smtp://ada:{password}@127.0.0.1:{}", server.port));
        let id = reset(&story, "ada@example.com").await;
        assert_eq!(round(&story, way("wrong")).await, LATER);
        assert_eq!(stands(&story, id).await.answer, "535 5.7.8 Wrong user or password");
        story.later(Duration::from_secs(80));
        assert_eq!(round(&story, way("s3cret")).await, SENT);
    });
}

#[test]
fn a_server_that_can_not_prove_who_it_is_gets_nothing() {
    run(async |story| {
        // The server's own certificate is signed by nobody.
        let starttls = MailServer::with(json!({ "behaviour": "accept", "starttls": true, "password": "s3cret" }));
        let wrapped = MailServer::with(json!({ "behaviour": "accept", "secure": true, "password": "s3cret" }));
        let plain = MailServer::with(json!({ "behaviour": "accept", "password": "s3cret" }));
        for (server, url) in [
            (&starttls, format!("smtp://ada:s3cret@127.0.0.1:{}?tls=required", starttls.port)),
            (&wrapped, format!("smtps://ada:s3cret@127.0.0.1:{}", wrapped.port)),
            (&plain, format!("smtp://ada:s3cret@127.0.0.1:{}?tls=required", plain.port)),
        ] {
            let letter = post::Parcel::new(
                &story.clock,
                post::Address::new("ada@example.com").unwrap(),
                &post::Brand::hearth(),
                &post::letters::test(),
            );
            let outcome = smtp(&url).send(letter.unwrap()).await;
            assert!(matches!(&outcome, Outcome::Later(why) if !why.contains("s3cret")), "{outcome:?}");
            assert!(server.letters().is_empty());
        }
    });
}
