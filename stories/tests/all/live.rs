//! The log, numbered in the order of commits, and read as it grows.

use std::time::Duration;

use testkit::{Served, Story, run};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    time::timeout,
};

/// Reads `count` events of the live stream after the given number; their numbers and names.
async fn events(story: &Story, served: &Served, after: Option<i64>, count: usize) -> Vec<(i64, String)> {
    let mut stream = BufReader::new(TcpStream::connect(served.address).await.unwrap());
    let resume = after.map_or(String::new(), |n| format!("Last-Event-ID: {n}\r\n"));
    let request = format!("GET /v1/live HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\n{resume}\r\n", served.address, story.owner.cookies());
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut found = Vec::new();
    let (mut id, mut name) = (0, String::new());
    let mut line = String::new();
    while found.len() < count {
        line.clear();
        let read = timeout(Duration::from_secs(20), stream.read_line(&mut line)).await.expect("the stream goes on").unwrap();
        assert!(read > 0, "the stream ended after {found:?}");
        if let Some(n) = line.strip_prefix("id:") {
            id = n.trim().parse().unwrap();
        } else if let Some(event) = line.strip_prefix("event:") {
            name = event.trim().to_owned();
        } else if line.trim().is_empty() && id != 0 {
            found.push((std::mem::take(&mut id), std::mem::take(&mut name)));
        }
    }
    found
}

#[test]
fn a_reader_that_comes_back_misses_nothing_and_gets_nothing_twice() {
    run(async |story| {
        let coffee = story.made_to_order("Coffee", 260, 55).await;
        let served = story.serve().await;
        story.sequence().await;
        let before = story.db.head(story.op()).await.unwrap();
        story.sell(&coffee, "1").await;
        let first = events(&story, &served, Some(before), 1).await;
        for _ in 0..5 {
            story.sell(&coffee, "1").await;
        }
        let rest = events(&story, &served, Some(first[0].0), 5).await;
        let all: Vec<i64> = first.iter().chain(&rest).map(|(n, _)| *n).collect();
        let whole: Vec<i64> = (all[0]..all[0] + 6).collect();
        assert_eq!(all, whole, "numbers follow each other");
        assert!(rest.iter().all(|(_, name)| name == "order.paid"), "{rest:?}");
    });
}

/// Opens a live stream; it and the status that it was answered with.
async fn stream(served: &Served, cookies: &str) -> (BufReader<TcpStream>, String) {
    let mut stream = BufReader::new(TcpStream::connect(served.address).await.unwrap());
    stream.write_all(format!("GET /v1/live HTTP/1.1\r\nHost: {}\r\nCookie: {cookies}\r\n\r\n", served.address).as_bytes()).await.unwrap();
    let (mut head, mut line) = (String::new(), String::new());
    while line != "\r\n" {
        line.clear();
        assert!(timeout(Duration::from_secs(20), stream.read_line(&mut line)).await.expect("it answers").unwrap() > 0, "{head}");
        head.push_str(&line.to_ascii_lowercase());
    }
    (stream, head)
}

#[test]
fn an_account_has_ten_live_streams_and_one_that_ends_makes_room() {
    run(async |story| {
        let served = story.serve().await;
        let cookies = story.owner.cookies();
        let mut open = Vec::new();
        for _ in 0..10 {
            let (stream, head) = stream(&served, &cookies).await;
            assert!(head.starts_with("http/1.1 200 "), "{head}");
            open.push(stream);
        }
        let refused = stream(&served, &cookies).await.1;
        assert!(refused.starts_with("http/1.1 429 ") && refused.contains("retry-after: 30"), "{refused}");
        story.get("/v1/live").await.refused("limit.streams");
        let seller = story.member(&[kernel::Role::Seller]).await;
        assert!(stream(&served, &seller.cookies()).await.1.starts_with("http/1.1 200 "), "another account has its own");
        drop(open.pop());
        // The program notices at the latest with the next event.
        let room = async {
            loop {
                story.post("/v1/customers", &serde_json::json!({ "name": format!("Customer {}", open.len()) })).await.ok();
                let (stream, head) = stream(&served, &cookies).await;
                if head.starts_with("http/1.1 200 ") {
                    return stream;
                }
            }
        };
        timeout(Duration::from_secs(20), room).await.expect("there is room again");
    });
}

#[test]
fn the_log_is_numbered_without_gaps_however_many_write_at_once() {
    run(async |story| {
        let coffee = story.made_to_order("Coffee", 260, 55).await;
        let sales = (0..20).map(|_| story.sell(&coffee, "1"));
        futures::future::join_all(sales).await;
        story.sequence().await;
        let mut tx = story.db.begin(story.op()).await.unwrap();
        let (count, first, last): (i64, i64, i64) = sqlx::query_as("SELECT count(*), min(n), max(n) FROM db.log WHERE tenant_id = $1")
            .bind(story.tenant.uuid())
            .fetch_one(tx.conn())
            .await
            .unwrap();
        assert_eq!((first, last), (1, count));
        let paid: i64 = sqlx::query_scalar("SELECT count(*) FROM db.log WHERE tenant_id = $1 AND action = 'order.paid'")
            .bind(story.tenant.uuid())
            .fetch_one(tx.conn())
            .await
            .unwrap();
        assert_eq!(paid, 20);
    });
}

#[test]
fn what_was_written_in_the_log_can_not_be_changed_by_a_request() {
    run(async |story| {
        story.sequence().await;
        for statement in
            ["UPDATE db.log SET action = 'x'", "DELETE FROM db.log", "DELETE FROM db.log_inbox", "INSERT INTO db.log SELECT * FROM db.log"]
        {
            let mut tx = story.db.begin(story.op()).await.unwrap();
            let refused = sqlx::query(statement).execute(tx.conn()).await.unwrap_err().to_string();
            assert!(refused.contains("permission denied"), "{statement}: {refused}");
        }
    });
}

#[test]
fn requests_that_are_given_up_leave_no_trace_in_other_peoples_work() {
    run(async |story| {
        let coffee = story.made_to_order("Coffee", 260, 55).await;
        let served = story.serve().await;
        for n in 0..200_u32 {
            for path in ["/v1/orders?format=csv", "/v1/items?format=csv", "/"] {
                let mut stream = TcpStream::connect(served.address).await.unwrap();
                let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\n\r\n", served.address, story.owner.cookies());
                stream.write_all(request.as_bytes()).await.unwrap();
                if n.is_multiple_of(2) {
                    tokio::task::yield_now().await;
                }
                // Closed without a word, while the transaction is beginning or at work.
                stream.set_zero_linger().unwrap();
            }
            if n.is_multiple_of(10) {
                story.sell(&coffee, "1").await;
            }
        }
        let mut tx = story.db.begin(story.op()).await.unwrap();
        let read_only: String = sqlx::query_scalar("SHOW transaction_read_only").fetch_one(tx.conn()).await.unwrap();
        assert_eq!(read_only, "off");
    });
}

#[test]
fn a_stream_ends_with_its_session() {
    run(async |story| {
        let coffee = story.made_to_order("Coffee", 260, 55).await;
        let served = story.serve().await;
        let ada = story.member(&[kernel::Role::Seller]).await;
        let (mut heard, status) = stream(&served, &ada.cookies()).await;
        assert!(status.contains("200"), "{status}");
        ada.post("/v1/auth/logout", &serde_json::json!({})).await.is(204);
        story.sell(&coffee, "1").await;
        let (mut rest, mut line) = (String::new(), String::new());
        // The last piece of a body is empty.
        while line.trim_end() != "0" {
            line.clear();
            timeout(Duration::from_secs(20), heard.read_line(&mut line)).await.expect("the stream ends").unwrap();
            rest.push_str(&line);
        }
        assert!(!rest.contains("order.paid"), "{rest}");
    });
}
