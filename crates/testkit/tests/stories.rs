//! The harness itself: what stories rely on.

use std::time::Duration;

use kernel::Role;
use serde_json::json;
use testkit::{own_cluster, own_database, run, start};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

#[test]
fn each_story_has_a_business_and_an_owner_of_its_own() {
    run(async |story| {
        let me = story.get("/v1/auth/me").await.ok().json();
        assert_eq!(me["tenant"], story.tenant.to_string());
        assert_eq!(me["roles"], json!(["owner"]));
        let (other, neighbour) = story.neighbour().await;
        assert_ne!(other, story.tenant);
        let theirs = neighbour.get("/v1/auth/me").await.ok().json();
        assert_eq!(theirs["tenants"].as_array().unwrap().len(), 1);
        story.stranger().get("/v1/auth/me").await.refused("auth.required");
    });
}

#[test]
fn members_may_do_what_their_roles_allow() {
    run(async |story| {
        let seller = story.member(&[Role::Seller]).await;
        let site = json!({ "name": "Shop", "timeZone": "Europe/London" });
        seller.post("/v1/sites", &site).await.refused("auth.forbidden");
        story.post("/v1/sites", &site).await.ok();
        let sites = seller.get("/v1/sites").await.ok().json();
        assert_eq!(sites["rows"].as_array().unwrap().len(), 2);
    });
}

#[test]
fn what_comes_without_the_token_is_refused() {
    run(async |story| {
        story.owner.keep_csrf("forged");
        story.post("/v1/sites", &json!({ "name": "Shop", "timeZone": "Europe/London" })).await.refused("auth.csrf");
    });
}

#[test]
fn the_clock_stands_until_it_is_moved() {
    run(async |story| {
        // Each request takes a millisecond, and nothing else does.
        let now = story.clock.now();
        assert!(now.micros() - start().micros() < 1_000_000);
        story.later(Duration::from_secs(2 * 3600));
        story.get("/v1/auth/me").await.refused("auth.required");
    });
}

#[test]
fn the_log_is_numbered_when_the_story_says_so() {
    run(async |story| {
        story.sequence().await;
        let before = story.db.head(story.op()).await.unwrap();
        story.post("/v1/suppliers", &json!({ "name": "The mill" })).await.ok();
        assert_eq!(story.db.head(story.op()).await.unwrap(), before);
        story.sequence().await;
        assert_eq!(story.db.head(story.op()).await.unwrap(), before + 1);
        assert_eq!(story.jobs().await, 0);
        assert!(story.check().await.is_empty());
    });
}

#[test]
fn a_story_may_have_the_whole_installation() {
    own_database(async |story| {
        let mut system = story.db.system("story").await.unwrap();
        let tenants: i64 =
            sqlx::query_scalar("SELECT count(*) FROM db.tenant WHERE slug <> 'hearth'").fetch_one(system.conn()).await.unwrap();
        assert_eq!(tenants, 1);
    });
}

#[test]
fn a_served_story_streams_what_happens_and_ends_its_streams() {
    run(async |story| {
        let served = story.serve().await;
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        let ask = format!("GET /v1/live HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\n\r\n", served.address, story.owner.cookies());
        stream.write_all(ask.as_bytes()).await.unwrap();
        let mut lines = BufReader::new(stream).lines();
        assert_eq!(lines.next_line().await.unwrap().unwrap(), "HTTP/1.1 200 OK");
        story.post("/v1/sites", &json!({ "name": "Shop", "timeZone": "Europe/London" })).await.ok();
        while !lines.next_line().await.unwrap().expect("the stream goes on").contains("site.added") {}
        served.end().await;
        let mut rest = Vec::new();
        lines.into_inner().read_to_end(&mut rest).await.unwrap();
    });
}

#[test]
fn a_database_that_went_away_is_said_and_comes_back() {
    own_cluster(true, async |story, mut cluster| {
        story.get("/readyz").await.is(200);
        cluster.kill();
        let refused = story.get("/v1/auth/me").await.refused("unavailable");
        assert!(!refused.header("retry-after").is_empty());
        story.stranger().get("/healthz").await.is(200);
        cluster.start_again();
        story.get("/v1/auth/me").await.ok();
        cluster.stop();
        story.stranger().get("/readyz").await.is(503);
        cluster.start_again();
        story.post("/v1/sites", &json!({ "name": "Shop", "timeZone": "Europe/London" })).await.ok();
    });
}
