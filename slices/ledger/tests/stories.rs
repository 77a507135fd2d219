//! Balances, closed days, and what the check finds.

use serde_json::{Value, json};
use testkit::{pounds, run, text};

/// What a book holds as of a day, in pence.
async fn balance(story: &testkit::Story, code: &str, as_of: &str) -> i64 {
    let rows = story.get(&format!("/v1/ledger/balances?asOf={as_of}")).await.ok().json();
    let row = rows["rows"].as_array().unwrap().iter().find(|row| row["code"] == code).cloned().unwrap_or_default();
    row["balance"]["minor"].as_i64().unwrap_or(0)
}

/// Receives flour on a day; the receipt's id.
async fn receive(story: &testkit::Story, item: &str, day: &str, amount: i64) -> String {
    let receipt = json!({ "kind": "delivery", "day": day, "lines": [{ "itemId": item, "quantity": "1", "amount": pounds(amount) }] });
    text(&story.post("/v1/receipts", &receipt).await.ok().json()["id"])
}

fn day(text: &str) -> kernel::Day {
    text.parse().unwrap()
}

#[test]
fn a_business_begins_with_its_books_and_nothing_in_them() {
    run(async |story| {
        let all = story.get("/v1/ledger/balances").await.ok().json();
        assert_eq!((&all["asOf"], &all["rows"]), (&json!("2026-11-21"), &json!([])));
        let page = story.get("/ledger/transfers").await.ok().text();
        for book in ["1000 Cash", "1200 Stock at cost", "6000 Expenses"] {
            assert!(page.contains(book), "{book}");
        }
        assert!(story.get("/ledger").await.ok().text().contains("Nothing was booked"));
    });
}

#[test]
fn balances_are_the_same_before_and_after_sealing_and_after_a_late_posting() {
    run(async |story| {
        let flour = story.stocked("Flour", 100).await;
        for (on, amount) in [("2026-11-10", 100), ("2026-11-12", 20), ("2026-11-20", 3)] {
            receive(&story, &flour, on, amount).await;
        }
        let seen = async || {
            let mut seen = Vec::new();
            for as_of in ["2026-11-09", "2026-11-10", "2026-11-12", "2026-11-21"] {
                seen.push((balance(&story, "1200", as_of).await, balance(&story, "2000", as_of).await));
            }
            seen
        };
        let before = seen().await;
        assert_eq!(before, [(0, 0), (100, -100), (120, -120), (123, -123)]);
        story.seal(day("2026-11-19")).await;
        assert_eq!(seen().await, before, "sealed");
        receive(&story, &flour, "2026-11-10", 5).await;
        assert_eq!(seen().await, [(0, 0), (105, -105), (125, -125), (128, -128)], "the late one marks its day");
        story.seal(day("2026-11-19")).await;
        assert_eq!(seen().await, [(0, 0), (105, -105), (125, -125), (128, -128)], "sealed again");
        assert!(story.check().await.is_empty());
    });
}

#[test]
fn balances_of_a_day_that_still_runs_are_the_same_as_it_is_sealed_further() {
    run(async |story| {
        let flour = story.stocked("Flour", 100).await;
        let seen = async || balance(&story, "1200", "2026-11-21").await;
        let until = async |time: &str| {
            let until = format!("2026-11-21T{time}:00Z").parse().unwrap();
            story.seal_as_far_as(db::Reach { through: day("2026-11-20"), until }).await;
        };
        receive(&story, &flour, "2026-11-21", 100).await;
        until("08:00").await;
        receive(&story, &flour, "2026-11-21", 20).await;
        assert_eq!(seen().await, 120);
        for time in ["09:30", "23:00"] {
            until(time).await;
            assert_eq!(seen().await, 120, "sealed until {time}");
            assert!(story.check().await.is_empty());
        }
        receive(&story, &flour, "2026-11-21", 3).await;
        assert_eq!(seen().await, 123, "marked");
        until("23:00").await;
        assert_eq!(seen().await, 123);
        assert!(story.check().await.is_empty());
    });
}

#[test]
fn a_balance_opens_to_its_transfers_and_a_transfer_to_its_document() {
    run(async |story| {
        let flour = story.stocked("Flour", 100).await;
        let receipt = receive(&story, &flour, "2026-11-20", 1850).await;
        let page = story.get("/ledger").await.ok().text();
        assert!(page.contains("£18.50") && page.contains("/ledger/transfers?book="), "{page}");
        let all = story.get("/v1/ledger/balances").await.ok().json();
        let book = text(&all["rows"][0]["bookId"]);
        let rows = story.get(&format!("/v1/ledger/transfers?book={book}&from=2026-11-20&to=2026-11-20")).await.ok().json();
        assert_eq!((&rows["rows"][0]["amount"], &rows["rows"][0]["documentId"]), (&json!(1850), &json!(receipt)));
        assert_eq!(story.get(&format!("/v1/ledger/transfers?book={book}&to=2026-11-19")).await.ok().json()["rows"], json!([]));
        let transfers = story.get(&format!("/ledger/transfers?book={book}")).await.ok().text();
        assert!(transfers.contains(&format!("/receipts/{receipt}")), "{transfers}");
        story.get(&format!("/receipts/{receipt}")).await.ok();
    });
}

#[test]
fn a_closed_day_stays_closed() {
    run(async |story| {
        let flour = story.stocked("Flour", 100).await;
        let close = |day: &str| json!({ "day": day });
        story.post("/v1/ledger/close", &close("2026-11-22")).await.refused("day.future");
        story.post("/v1/ledger/close", &close("2026-11-10")).await.ok();
        story.post("/v1/ledger/close", &close("2026-11-10")).await.refused("day.closed_later");
        story.post("/v1/ledger/close", &close("2026-11-09")).await.refused("day.closed_later");
        let late = json!({ "kind": "delivery", "day": "2026-11-10", "lines": [{ "itemId": flour, "quantity": "1", "amount": pounds(1) }] });
        story.post("/v1/receipts", &late).await.refused("day.closed");
        receive(&story, &flour, "2026-11-11", 1).await;
        let refused = story.form("/ledger/close", &[("day", "2026-11-08")]).await.is(422);
        assert_eq!(refused.input("day"), "2026-11-08");
        let asked = story.form("/ledger/close", &[("day", "2026-11-11")]).await.is(200);
        assert!(asked.text().contains("Nothing can be booked on 11 Nov 2026 or before it any more"), "{}", asked.text());
        assert!(story.get("/ledger").await.ok().text().contains("Closed through 10 Nov 2026"), "one click closes nothing");
        // The answer to a question about another day asks again.
        story.form("/ledger/close", &[("day", "2026-11-12"), ("sure", "2026-11-11")]).await.is(200);
        let sure = [("day", &*asked.input("day")), ("sure", &*asked.input("sure"))];
        assert_eq!(story.form("/ledger/close", &sure).await.location(), "/ledger");
        assert!(story.get("/ledger").await.ok().text().contains("Closed through 11 Nov 2026"));
        assert!(story.check().await.is_empty());
    });
}

#[test]
fn sellers_see_no_books_and_managers_close_no_days() {
    run(async |story| {
        let seller = story.member(&[kernel::Role::Seller]).await;
        seller.get("/v1/ledger/balances").await.is(403);
        let manager = story.member(&[kernel::Role::Manager]).await;
        manager.get("/v1/ledger/balances").await.ok();
        manager.post("/v1/ledger/close", &json!({ "day": "2026-11-10" })).await.is(403);
        assert!(!manager.get("/ledger").await.ok().text().contains("Close the days"));
    });
}

#[test]
fn what_was_asked_wrongly_is_said() {
    run(async |story| {
        story.get("/v1/ledger/balances?asOf=yesterday").await.refused("day.format");
        story.get("/v1/ledger/transfers?book=1200").await.refused("choice.unknown");
        story.get("/v1/ledger/transfers?colour=red").await.refused("filter.unknown");
        let bad: Value = json!({ "day": "2026-11-10", "force": true });
        story.post("/v1/ledger/close", &bad).await.refused("body.unknown_field");
    });
}

/// Spoils one kept total, and books on a closed day past the program: the check names the book and the document.
#[test]
fn the_check_names_what_was_spoiled() {
    testkit::own_database(async |story| {
        let flour = story.stocked("Flour", 100).await;
        let receipt = receive(&story, &flour, "2026-11-10", 100).await;
        story.seal(day("2026-11-19")).await;
        story.post("/v1/ledger/close", &json!({ "day": "2026-11-05" })).await.ok();
        story.as_role("postgres", "UPDATE ledger.day_balance SET debit = debit + 1 WHERE debit > 0").await;
        story.later(std::time::Duration::from_secs(60));
        let late = receive(&story, &flour, "2026-11-11", 7).await;
        story.as_role("postgres", "UPDATE ledger.transfer SET day = '2026-11-05' WHERE amount = 7; DELETE FROM db.dirty_day").await;
        let found = story.check().await;
        let of = |check: &str| -> Vec<String> {
            let all = found.iter().map(|b| &b.finding);
            all.filter(|f| f.check == check).map(|f| f.id.to_string()).collect()
        };
        assert!(of("ledger.day_balance").contains(&kernel::account::INVENTORY.to_string()), "{found:?}");
        assert_eq!(of("ledger.closed"), [late], "{found:?}");
        assert_ne!(of("ledger.closed"), [receipt]);
    });
}
