//! The database goes away while tills sell, and comes back: nothing answered is lost, nothing is there twice.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::{Answer, OwnCluster, Person, Story, own_cluster, run, sale, text};
use tokio::sync::watch;
use tokio::task::JoinSet;
use uuid::Uuid;

/// Far more than anything here takes, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// How soon tills sell again once the database is back.
const RECOVERY: Duration = Duration::from_secs(15);
const SELLERS: usize = 4;
const STOCKED: i64 = 100_000;

/// What has been answered so far, over all tills.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    sold: usize,
    unavailable: usize,
    over: bool,
}

/// What one till knows of its sales at the end.
#[derive(Debug, Default)]
struct Till {
    /// Answered 200, with the number.
    answered: Vec<(Uuid, String)>,
    /// Refused for good.
    refused: Vec<(Uuid, String)>,
    /// Given up after a 503: they may be there or not.
    unknown: Vec<Uuid>,
}

fn fresh() -> Uuid {
    kernel::Source::real().uuid()
}

/// How long the answer says to wait; a 503 that does not say so, or with another code, fails.
fn wait_said(answer: &Answer) -> Duration {
    let seconds = answer.clone().refused("unavailable").header("retry-after").parse().expect("Retry-After is in seconds");
    Duration::from_secs(seconds)
}

impl Till {
    /// Sells one by one until the tally says that it is over. After a 503 it waits as told; every second sale is then sent again
    /// under its id until it is answered, the others are given up.
    async fn sell(person: Person, item: String, tally: Arc<watch::Sender<Tally>>) -> Self {
        let mut till = Self::default();
        for n in 0_usize.. {
            if tally.borrow().over {
                break;
            }
            let id = fresh();
            let mut asked = sale(&item, "1");
            asked["id"] = json!(id);
            let answer = till.ring(&person, &asked, n % 2 == 0, &tally).await;
            match answer {
                Some(answer) if answer.status == 200 => {
                    till.answered.push((id, text(&answer.json()["number"])));
                    tally.send_modify(|t| t.sold += 1);
                }
                Some(answer) => till.refused.push((id, answer.text())),
                None => till.unknown.push(id),
            }
        }
        till
    }

    async fn ring(&self, person: &Person, asked: &Value, again: bool, tally: &watch::Sender<Tally>) -> Option<Answer> {
        loop {
            let answer = person.post("/v1/sales", asked).await;
            if answer.status != 503 {
                return Some(answer);
            }
            let wait = wait_said(&answer);
            tally.send_modify(|t| t.unavailable += 1);
            tokio::time::sleep(wait).await;
            if !again {
                return None;
            }
        }
    }
}

async fn until(tally: &watch::Sender<Tally>, what: &str, holds: impl FnMut(&Tally) -> bool) {
    let mut seen = tally.subscribe();
    let waited = tokio::time::timeout(PATIENCE, seen.wait_for(holds)).await;
    assert!(waited.is_ok(), "{what}: {:?}", *tally.borrow());
}

/// Four tills sell; the fault comes and goes; then everything is counted.
async fn sell_through(story: &Story, cluster: &mut OwnCluster, fault: fn(&mut OwnCluster)) {
    let bread = story.stocked("Sourdough", 480).await;
    story.bring_in(&bread, &STOCKED.to_string(), 10_000_000).await;
    let tally = Arc::new(watch::Sender::new(Tally::default()));
    let mut tills = JoinSet::new();
    for _ in 0..SELLERS {
        let seller = story.member(&[kernel::Role::Seller]).await;
        tills.spawn(Till::sell(seller, bread.clone(), tally.clone()));
    }
    until(&tally, "the tills sell", |t| t.sold >= 40).await;
    fault(cluster);
    until(&tally, "the tills are told that the database is away", |t| t.unavailable >= SELLERS).await;
    cluster.start_again();
    let (back, before) = (Instant::now(), tally.borrow().sold);
    until(&tally, "the tills sell again", |t| t.sold >= before + 40).await;
    assert!(back.elapsed() < RECOVERY, "selling again took {:?}", back.elapsed());
    tally.send_modify(|t| t.over = true);
    count(story, &bread, &tills.join_all().await).await;
}

/// Holds what is in the database to what the tills were told.
async fn count(story: &Story, bread: &str, tills: &[Till]) {
    let refused: Vec<_> = tills.iter().flat_map(|t| &t.refused).collect();
    assert!(refused.is_empty(), "a database that is away is no reason to refuse a sale for good: {refused:?}");
    let there = orders(story).await;
    let answered: Vec<_> = tills.iter().flat_map(|t| &t.answered).collect();
    let lost: Vec<_> = answered.iter().filter(|(id, number)| !there.contains(&(*id, number.clone()))).collect();
    assert!(lost.is_empty(), "answered and not there: {lost:?}");
    let numbers: BTreeSet<_> = there.iter().map(|(_, number)| number).collect();
    assert_eq!(numbers.len(), there.len(), "two sales share a number");
    let known: BTreeSet<Uuid> = answered.iter().map(|(id, _)| *id).chain(tills.iter().flat_map(|t| t.unknown.iter().copied())).collect();
    assert!(there.iter().all(|(id, _)| known.contains(id)), "a sale that nobody asked for");
    // Stock, money and log tell of the same sales, each once.
    assert_eq!(story.on_hand(bread).await, (STOCKED - i64::try_from(there.len()).unwrap()).to_string());
    assert!(story.check().await.is_empty(), "{:?}", story.check().await);
}

/// Every order with its number.
async fn orders(story: &Story) -> Vec<(Uuid, String)> {
    let mut tx = story.db.begin(story.op()).await.unwrap();
    let sql = "SELECT o.id, n.number FROM sales.orders o LEFT JOIN db.number n ON n.tenant_id = o.tenant_id AND n.document_id = o.id WHERE o.tenant_id = $1";
    let rows: Vec<(Uuid, Option<String>)> = sqlx::query_as(sql).bind(story.tenant.uuid()).fetch_all(tx.conn()).await.unwrap();
    rows.into_iter().map(|(id, number)| (id, number.unwrap_or_else(|| panic!("the sale {id} has no number")))).collect()
}

#[test]
fn tills_sell_on_after_the_database_was_stopped_and_started_under_load() {
    own_cluster(true, async |story, mut cluster| sell_through(&story, &mut cluster, OwnCluster::stop).await);
}

#[test]
fn tills_sell_on_after_the_database_was_killed_under_load() {
    own_cluster(true, async |story, mut cluster| sell_through(&story, &mut cluster, OwnCluster::kill).await);
}

#[test]
fn pages_say_that_the_database_is_away_and_when_to_come_back() {
    own_cluster(true, async |story, mut cluster| {
        story.get("/items").await.is(200);
        cluster.stop();
        for path in ["/", "/items", "/orders/new"] {
            let page = story.get(path).await.is(503);
            assert_eq!(page.header("retry-after"), "1", "{path}");
            assert!(page.header("content-type").starts_with("text/html"), "{path}");
        }
        let typed = [("lines.0.itemId", "Coffee"), ("lines.0.quantity", "1"), ("method", "cash")];
        assert_eq!(story.form("/orders/new", &typed).await.is(503).header("retry-after"), "1");
        cluster.start_again();
        story.get("/items").await.is(200);
    });
}

#[test]
fn a_sale_whose_answer_was_lost_with_the_database_is_answered_when_it_is_sent_again() {
    own_cluster(true, async |story, mut cluster| {
        let coffee = story.made_to_order("Coffee", 260, 55).await;
        let mut asked = sale(&coffee, "1");
        asked["id"] = json!(fresh());
        let first = story.post("/v1/sales", &asked).await.is(200).json();
        cluster.kill();
        wait_said(&story.post("/v1/sales", &asked).await);
        cluster.start_again();
        let again = story.post("/v1/sales", &asked).await.is(200);
        assert_eq!((again.header("idempotent-replayed").as_str(), again.json()), ("true", first));
        assert_eq!(orders(&story).await.len(), 1);
    });
}

#[test]
fn a_sale_that_was_written_and_never_answered_is_there_once_when_it_is_sent_again() {
    own_cluster(true, async |story, mut cluster| {
        let coffee = story.made_to_order("Coffee", 260, 55).await;
        let mut asked = sale(&coffee, "1");
        asked["id"] = json!(fresh());
        // Commits are written, then wait for a second server that there is not: the one moment in which an answer can be lost.
        story.as_role("postgres", "ALTER SYSTEM SET synchronous_standby_names = 'nobody'").await;
        story.as_role("postgres", "SELECT pg_reload_conf()").await;
        let kill = async {
            until_found(&story, "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'", 1).await;
            cluster.kill();
        };
        let (lost, ()) = tokio::join!(story.post("/v1/sales", &asked), kill);
        wait_said(&lost);
        cluster.start_again();
        story.as_role("postgres", "ALTER SYSTEM RESET synchronous_standby_names").await;
        story.as_role("postgres", "SELECT pg_reload_conf()").await;
        let there = orders(&story).await;
        assert_eq!(there.len(), 1, "it was written");
        let again = story.post("/v1/sales", &asked).await.is(200);
        assert_eq!((again.header("idempotent-replayed").as_str(), text(&again.json()["number"])), ("true", there[0].1.clone()));
        assert_eq!(orders(&story).await, there);
        assert!(story.check().await.is_empty());
    });
}

#[test]
fn a_sale_sent_again_while_the_first_still_runs_waits_for_it_and_gets_its_answer() {
    run(async |story| {
        let bread = story.stocked("Sourdough", 480).await;
        story.bring_in(&bread, "5", 1000).await;
        let mut asked = sale(&bread, "1");
        asked["id"] = json!(fresh());
        // Somebody holds the bread's stock, so the first attempt can't end before the second has begun.
        let mut holder = story.db.begin(story.op()).await.unwrap();
        sqlx::query("SELECT 1 FROM stock.worth WHERE tenant_id = $1 FOR UPDATE")
            .bind(story.tenant.uuid())
            .fetch_all(holder.conn())
            .await
            .unwrap();
        let release = async {
            until_found(&story, WAITING, 2).await;
            drop(holder);
        };
        let (first, second, ()) = tokio::join!(story.post("/v1/sales", &asked), story.post("/v1/sales", &asked), release);
        assert_eq!(first.clone().is(200).json(), second.clone().is(200).json());
        let again = [first, second].iter().filter(|a| a.header("idempotent-replayed") == "true").count();
        assert_eq!(again, 1, "one was rung, the other was told of it");
        assert_eq!((orders(&story).await.len(), story.on_hand(&bread).await.as_str()), (1, "4"));
        assert!(story.check().await.is_empty());
    });
}

#[test]
fn a_sale_that_waits_too_long_for_another_is_refused_and_rung_once_when_it_is_sent_again() {
    run(async |story| {
        let bread = story.stocked("Sourdough", 480).await;
        story.bring_in(&bread, "5", 1000).await;
        let mut asked = sale(&bread, "1");
        asked["id"] = json!(fresh());
        let mut holder = story.db.begin(story.op()).await.unwrap();
        sqlx::query("SELECT 1 FROM stock.worth WHERE tenant_id = $1 FOR UPDATE")
            .bind(story.tenant.uuid())
            .fetch_all(holder.conn())
            .await
            .unwrap();
        story.post("/v1/sales", &asked).await.refused("conflict");
        assert!(orders(&story).await.is_empty());
        drop(holder);
        story.post("/v1/sales", &asked).await.is(200);
        assert_eq!((orders(&story).await.len(), story.on_hand(&bread).await.as_str()), (1, "4"));
    });
}

/// Sales that wait for a lock.
const WAITING: &str =
    "SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid WHERE NOT l.granted AND a.datname = current_database()
    AND a.pid IN (SELECT pid FROM pg_locks WHERE relation = 'sales.orders'::regclass)";

/// Returns when the database counts so many.
async fn until_found(story: &Story, sql: &'static str, many: i64) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mut tx = story.db.begin(story.op()).await.unwrap();
        let found: i64 = sqlx::query_scalar(sql).fetch_one(tx.conn()).await.unwrap();
        if found >= many {
            return;
        }
        assert!(Instant::now() < deadline, "{found} of {many}: {sql}");
        tokio::task::yield_now().await;
    }
}
