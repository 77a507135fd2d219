//! Days are closed while tills sell. A closing waits for whoever is posting in its database: these stories, which keep sales in
//! flight, have one each.

use std::cell::Cell;

use db::{Command, Tx};
use kernel::Result;
use sales::RingSale;
use serde_json::json;
use testkit::{Answer, Story, own_database, pounds, sale, text};

/// A sale of a coffee whose transaction is open: its order is written, and it waits.
async fn in_flight(story: &Story, coffee: &str) -> (Tx, String) {
    let mut tx = story.db.begin(story.op()).await.unwrap();
    let asked: RingSale = serde_json::from_value(sale(coffee, "1")).unwrap();
    let rung = asked.run(&mut tx).await.unwrap();
    (tx, rung.id.to_string())
}

/// Receives flour today. (Another sale would wait for the number of the one in flight.)
async fn receive(story: &Story, flour: &str) -> Answer {
    let delivery = json!({ "kind": "delivery", "lines": [{ "itemId": flour, "quantity": "1", "amount": pounds(100) }] });
    story.post("/v1/receipts", &delivery).await
}

/// Closes today while a sale is in flight, and ends the sale as soon as the day takes nothing new; how the sale ended.
async fn closed_meanwhile(story: &Story, flour: &str, flying: Tx) -> Result<()> {
    let ended = Cell::new(false);
    let closing = async {
        story.post("/v1/ledger/close", &json!({ "day": "2026-11-21" })).await.ok();
        ended.set(true);
    };
    let selling = async {
        while receive(story, flour).await.status == 200 {}
        receive(story, flour).await.refused("day.closed");
        let page = story.get("/ledger").await.ok().text();
        assert!(!ended.get() && page.contains("No day is closed yet"), "nothing is closed while a sale is in flight");
        flying.commit().await.map(|_| ())
    };
    let ((), sold) = futures::join!(closing, selling);
    assert!(story.get("/ledger").await.ok().text().contains("Closed through 21 Nov 2026"));
    sold
}

/// What the log says, the oldest entry first.
async fn told(story: &Story) -> Vec<(String, String)> {
    story.sequence().await;
    let rows = story.get("/v1/trail?limit=200").await.ok().json();
    let mut told: Vec<_> = rows["rows"].as_array().unwrap().iter().map(|row| (text(&row["action"]), text(&row["targetId"]))).collect();
    told.reverse();
    told
}

#[test]
fn a_sale_that_is_being_written_lands_before_the_day_is_closed() {
    own_database(async |story| {
        let (coffee, flour) = (story.made_to_order("Coffee", 260, 55).await, story.stocked("Flour", 100).await);
        let (mut tx, order) = in_flight(&story, &coffee).await;
        tx.flush().await.unwrap();
        closed_meanwhile(&story, &flour, tx).await.unwrap();
        story.get(&format!("/v1/orders/{order}")).await.ok();
        let told = told(&story).await;
        let at = |action: &str, target: &str| told.iter().position(|(a, t)| a == action && t == target).unwrap();
        assert!(at("order.paid", &order) < at("ledger.closed", &story.tenant.to_string()), "{told:?}");
        assert!(story.check().await.is_empty());
    });
}

#[test]
fn a_sale_that_comes_to_its_end_while_the_day_is_closed_is_refused() {
    own_database(async |story| {
        let (coffee, flour) = (story.made_to_order("Coffee", 260, 55).await, story.stocked("Flour", 100).await);
        // Something else is on its way as well, so that the closing waits.
        let (mut first, _) = in_flight(&story, &coffee).await;
        first.flush().await.unwrap();
        let (late, order) = in_flight(&story, &coffee).await;
        closed_meanwhile(&story, &flour, first).await.unwrap();
        assert_eq!(late.commit().await.unwrap_err().code(), "day.closed");
        story.get(&format!("/v1/orders/{order}")).await.is(404);
        assert!(story.check().await.is_empty());
    });
}

#[test]
fn a_closing_that_waits_in_vain_closes_nothing() {
    own_database(async |story| {
        let (coffee, flour) = (story.made_to_order("Coffee", 260, 55).await, story.stocked("Flour", 100).await);
        let (mut tx, _) = in_flight(&story, &coffee).await;
        tx.flush().await.unwrap();
        story.post("/v1/ledger/close", &json!({ "day": "2026-11-21" })).await.refused("conflict");
        receive(&story, &flour).await.ok();
        tx.commit().await.unwrap();
        story.post("/v1/ledger/close", &json!({ "day": "2026-11-21" })).await.ok();
        story.post("/v1/sales", &sale(&coffee, "1")).await.refused("day.closed");
        assert!(story.check().await.is_empty());
    });
}

/// A program that died between announcing and closing leaves its days refusing postings, but not for long.
#[test]
fn what_a_closing_announced_that_died_is_taken_back() {
    own_database(async |story| {
        let coffee = story.made_to_order("Coffee", 260, 55).await;
        let died =
            "UPDATE db.tenant SET closing_through = '2026-11-21', closing_id = gen_random_uuid(), closing_at = '2026-11-21T08:00:00Z'";
        story.as_role("hearth_system", died).await;
        story.post("/v1/sales", &sale(&coffee, "1")).await.refused("day.closed");
        story.app.jobs().seal_all().await.unwrap();
        story.sell(&coffee, "1").await;
        story.as_role("hearth_system", died).await;
        story.post("/v1/ledger/close", &json!({ "day": "2026-11-20" })).await.ok();
        story.sell(&coffee, "1").await;
        assert!(story.check().await.is_empty());
    });
}
