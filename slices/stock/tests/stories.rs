//! Receiving, on hand, worth, and what the check finds.

use kernel::{Cause, Currency, DocumentRef, ItemId, Movement, Quantity, Valuation, account};
use serde_json::{Value, json};
use testkit::{Story, pounds, run, text};

/// Flour, counted in grams, with a bag of 25 kg.
async fn flour(story: &Story) -> String {
    story.item(json!({ "name": "Flour", "kind": "ingredient", "baseUnit": "g", "units": [{ "code": "bag", "numerator": 25_000 }] })).await
}

fn delivery(lines: &Value) -> Value {
    json!({ "kind": "delivery", "supplier": "The mill", "reference": "4711", "lines": lines })
}

/// What a book holds, in pence.
async fn balance(story: &Story, code: &str) -> i64 {
    let rows = story.get("/v1/ledger/balances").await.ok().json();
    let row = rows["rows"].as_array().unwrap().iter().find(|row| row["code"] == code).cloned().unwrap_or_default();
    row["balance"]["minor"].as_i64().unwrap_or(0)
}

/// Takes so many base units out, at what they are worth.
async fn issue(story: &Story, item: &str, quantity: &str) -> kernel::Result<()> {
    let item: ItemId = item.parse().unwrap();
    let mut tx = story.db.begin(story.op()).await?;
    let location = stock::selling_location(&mut tx, story.site).await?;
    let now = tx.now();
    tx.post([Movement {
        id: tx.op().id(),
        item,
        site: story.site,
        location,
        lot: None,
        quantity: quantity.parse::<Quantity>()?.negated(),
        valuation: Valuation::Average,
        currency: Currency::GBP,
        cause: Cause::Corrected,
        document: DocumentRef { kind: "correction", id: tx.op().source.uuid(), line: 1 },
        effective_at: now,
        day: "2026-11-21".parse().unwrap(),
        contra: account::STOCK_DIFFERENCE,
        corrects: None,
    }]);
    tx.commit().await.map(|_| ())
}

/// Quantity and value of an item; none when there is nothing.
async fn worth(story: &Story, item: &str) -> Option<(String, i64)> {
    let rows = story.get(&format!("/v1/stock/worth?item={item}")).await.ok().json();
    let row = rows["rows"].get(0)?.clone();
    Some((text(&row["quantity"]), row["value"].as_i64().unwrap()))
}

#[test]
fn receiving_flour_raises_stock_and_what_is_owed() {
    run(async |story| {
        let flour = flour(&story).await;
        let received = story
            .post("/v1/receipts", &delivery(&json!([{ "itemId": flour, "quantity": "2", "unit": "bag", "amount": pounds(3600) }])))
            .await
            .ok();
        let receipt = received.json();
        assert_eq!(
            (&receipt["number"], &receipt["total"], &receipt["day"]),
            (&json!("R-2026-000001"), &pounds(3600), &json!("2026-11-21"))
        );
        let line = &receipt["lines"][0];
        assert_eq!(
            (&line["entered"], &line["unit"], &line["quantity"]),
            (&json!("2"), &json!("bag"), &json!("50000")),
            "shown as it was typed"
        );
        assert_eq!(story.on_hand(&flour).await, "50000");
        assert_eq!(worth(&story, &flour).await, Some(("50000".into(), 3600)));
        assert_eq!((balance(&story, "1200").await, balance(&story, "2000").await), (3600, -3600));
        let id = text(&receipt["id"]);
        let again = story.get(&format!("/v1/receipts/{id}")).await.ok().json();
        assert_eq!((&again["number"], &again["lines"]), (&receipt["number"], &receipt["lines"]));
        let page = story.get(&format!("/receipts/{id}")).await.ok().text();
        for part in ["R-2026-000001", "The mill", "bag", "50<span class=\"unit\">\u{a0}kg", "£36.00"] {
            assert!(page.contains(part), "{part}: {page}");
        }
        let rows = story.get(&format!("/v1/stock/worth?item={flour}")).await.ok().json();
        assert_eq!((&rows["rows"][0]["unitCost"], &rows["rows"][0]["per"]), (&json!(72), &json!("kg")), "72p a kilogram");
        // What a kilogram costs is one thing to read on the page, and two columns in files.
        let page = story.get("/stock").await.ok().text();
        assert!(page.contains(">£0.72 per kg<") && !page.contains("data-label=\"per\""), "{page}");
        let file = story.get("/v1/stock/worth?format=csv").await.ok().text();
        assert!(file.contains(",0.72,kg,"), "{file}");
        for page in ["/stock", "/stock/places", "/stock/movements", "/receipts"] {
            let shown = story.get(page).await.ok().text();
            assert!(shown.contains(if page == "/receipts" { "The mill" } else { "Flour" }), "{page}: {shown}");
        }
        assert!(story.check().await.is_empty());
    });
}

#[test]
fn what_was_made_costs_its_standard_and_what_was_there_is_capital() {
    run(async |story| {
        let bun = story
            .item(json!({ "name": "Bun", "kind": "product", "baseUnit": "pc", "stockRule": "stocked", "standardCost": { "amount": pounds(101), "per": "12" } }))
            .await;
        let made = json!({ "kind": "made", "lines": [{ "itemId": bun, "quantity": "30" }] });
        assert_eq!(story.post("/v1/receipts", &made).await.ok().json()["total"], pounds(253), "252.5 rounds away from zero");
        let opening = json!({ "kind": "opening", "day": "2026-11-01", "lines": [{ "itemId": bun, "quantity": "1", "unit": "dozen", "amount": pounds(100) }] });
        assert_eq!(story.post("/v1/receipts", &opening).await.ok().json()["day"], "2026-11-01");
        assert_eq!((balance(&story, "5100").await, balance(&story, "3000").await), (-253, -100));
        assert_eq!(worth(&story, &bun).await, Some(("42".into(), 353)));
    });
}

#[test]
fn the_last_ones_take_all_that_is_left() {
    run(async |story| {
        let bun = story.stocked("Bun", 120).await;
        story.bring_in(&bun, "3", 100).await;
        issue(&story, &bun, "1").await.unwrap();
        assert_eq!(worth(&story, &bun).await, Some(("2".into(), 67)));
        assert_eq!(issue(&story, &bun, "2.000001").await.unwrap_err().code(), "stock.short");
        issue(&story, &bun, "2").await.unwrap();
        assert_eq!(worth(&story, &bun).await, None);
        assert_eq!((balance(&story, "1200").await, balance(&story, "5200").await), (0, 100));
        let moved = story.get(&format!("/v1/movements?item={bun}&cause=corrected&from=2026-11-21&to=2026-11-21")).await.ok().json();
        assert_eq!(moved["rows"].as_array().unwrap().len(), 2);
        assert!(story.check().await.is_empty());
    });
}

#[test]
fn what_can_not_be_received_changes_nothing() {
    run(async |story| {
        let flour = flour(&story).await;
        let coffee = story.made_to_order("Coffee", 260, 55).await;
        let good = json!({ "itemId": flour, "quantity": "1", "unit": "kg", "amount": pounds(100) });
        for (field, value, blamed, code) in [
            ("unit", json!("l"), "unit", "unit.dimension"),
            ("unit", json!("crate"), "unit", "unit.unknown"),
            ("quantity", json!("0"), "quantity", "number.positive"),
            ("quantity", json!("-1"), "quantity", "number.positive"),
            ("quantity", json!("NaN"), "quantity", "quantity.format"),
            ("quantity", json!("1000000000000000000000000000000"), "quantity", "quantity.too_large"),
            ("quantity", json!("1000000000"), "quantity", "quantity.too_large"),
            ("amount", json!({ "minor": 1, "currency": "KES" }), "amount", "money.currency"),
            ("amount", pounds(-1), "amount", "number.not_negative"),
            ("amount", json!(null), "amount", "body.missing_field"),
            ("itemId", json!(story.tenant), "itemId", "item.unknown"),
            ("itemId", json!(coffee), "itemId", "stock.not_stocked"),
            ("lot", json!({ "code": "A1", "bestBefore": "2026-11-20" }), "lot.bestBefore", "lot.past"),
            ("lot", json!({ "code": " " }), "lot.code", "text.needed"),
        ] {
            let mut bad = good.clone();
            bad[field] = value;
            let refused = story.post("/v1/receipts", &delivery(&json!([good, bad]))).await;
            assert_eq!(refused.json()["errors"][0]["field"], format!("lines.1.{blamed}"), "{}", refused.text());
            refused.refused(code);
        }
        story.post("/v1/receipts", &delivery(&json!([]))).await.refused("lines.needed");
        let mut elsewhere = delivery(&json!([good]));
        elsewhere["locationId"] = json!(story.tenant);
        story.post("/v1/receipts", &elsewhere).await.refused("location.unknown");
        let mut tomorrow = delivery(&json!([good]));
        tomorrow["day"] = json!("2026-11-22");
        story.post("/v1/receipts", &tomorrow).await.refused("day.future");
        assert_eq!(story.get("/v1/receipts").await.ok().json()["rows"], json!([]));
        assert_eq!(story.get("/v1/movements").await.ok().json()["rows"], json!([]));
    });
}

#[test]
fn lots_are_kept_apart_and_known_again() {
    run(async |story| {
        let flour = flour(&story).await;
        let store = json!({ "name": "Cellar", "kind": "store" });
        let cellar = text(&story.post("/v1/locations", &store).await.ok().json()["id"]);
        story.post("/v1/locations", &store).await.refused("location.name_taken");
        for (code, quantity) in [("A1", "1"), ("A2", "2"), ("A1", "4")] {
            let mut delivery = delivery(&json!([
                { "itemId": flour, "quantity": quantity, "unit": "kg", "amount": pounds(100), "lot": { "code": code, "bestBefore": "2027-01-31" } }
            ]));
            delivery["locationId"] = json!(cellar);
            story.post("/v1/receipts", &delivery).await.ok();
        }
        let rows = story.get(&format!("/v1/stock?item={flour}&location={cellar}")).await.ok().json();
        let mut lots: Vec<_> = rows["rows"].as_array().unwrap().iter().map(|row| (text(&row["lot"]), text(&row["quantity"]))).collect();
        lots.sort();
        assert_eq!(lots, [("A1".into(), "5000".into()), ("A2".into(), "2000".into())]);
        assert!(story.check().await.is_empty());
    });
}

#[test]
fn the_same_receipt_sent_twice_is_one() {
    run(async |story| {
        let bun = story.stocked("Bun", 120).await;
        let mut receipt = delivery(&json!([{ "itemId": bun, "quantity": "3", "amount": pounds(100) }]));
        receipt["id"] = json!("01890000-0000-7000-8000-00000000abcd");
        let first = story.post("/v1/receipts", &receipt).await.ok().json();
        let again = story.post("/v1/receipts", &receipt).await.ok();
        assert_eq!((again.header("idempotent-replayed").as_str(), again.json()), ("true", first));
        receipt["lines"][0]["quantity"] = json!("4");
        story.post("/v1/receipts", &receipt).await.refused("intent.other_content");
        assert_eq!(story.on_hand(&bun).await, "3");
    });
}

#[test]
fn receiving_by_page_keeps_what_was_typed() {
    run(async |story| {
        let flour = flour(&story).await;
        let form = story.get("/receipts/new").await.ok().text();
        assert!(form.contains("lines.4.itemId") && form.contains("Flour (g)"), "{form}");
        let sent = [
            ("kind", "delivery"),
            ("supplier", "The mill"),
            ("lines.1.itemId", flour.as_str()),
            ("lines.1.quantity", "2"),
            ("lines.1.unit", "crate"),
            ("lines.1.amount", "36.00"),
        ];
        let refused = story.form("/receipts/new", &sent).await.is(422);
        assert_eq!((refused.input("lines.1.unit").as_str(), refused.input("supplier").as_str()), ("crate", "The mill"));
        assert!(refused.text().contains("The item has no such unit"), "{}", refused.text());
        let mut mended = sent;
        mended[4].1 = "bag";
        let here = story.form("/receipts/new", &mended).await.location();
        assert!(story.get(&here).await.ok().text().contains("R-2026-000001"));
        assert_eq!(story.on_hand(&flour).await, "50000");
        story.form("/receipts/new", &[("kind", "delivery")]).await.is(422);
    });
}

#[test]
fn a_till_sees_location_and_items_at_once() {
    run(async |story| {
        let bun = story.made_to_order("Bun", 120, 30).await;
        let id: ItemId = bun.parse().unwrap();
        let (unknown, day) = (story.op().id(), "2026-11-21".parse().unwrap());
        let mut tx = story.db.begin(story.op()).await.unwrap();
        let view = stock::till_view(&mut tx, story.site, &[id, unknown], day).await.unwrap();
        assert_eq!(tx.trips(), 2);
        let alone = catalog::sellables(&mut tx, &[id, unknown], day).await.unwrap();
        assert_eq!(format!("{:?}", view.sellables), format!("{alone:?}"), "the same reading");
        assert_eq!((view.sellables.len(), view.sellables[&id].unit_price), (1, Some(120)));
        assert_eq!(view.location, stock::selling_location(&mut tx, story.site).await.unwrap());
        assert!(stock::till_view(&mut tx, story.site, &[unknown], day).await.unwrap().sellables.is_empty());
        let elsewhere = stock::till_view(&mut tx, story.op().id(), &[id], day).await.unwrap_err();
        assert_eq!(elsewhere.code(), "location.unknown");
    });
}

/// What spoils a row, what mends it, and which checks are to name which ids.
type Spoilt<'a> = (&'static str, &'static str, &'a [(&'a str, &'a str)]);

/// Each kept row and each line is spoiled, found and mended.
#[test]
fn the_check_names_what_was_spoiled() {
    testkit::own_database(async |story| {
        let bun = story.stocked("Bun", 120).await;
        let receipt = story.bring_in(&bun, "3", 100).await;
        let inventory = account::INVENTORY.to_string();
        let spoil: [Spoilt<'_>; 6] = [
            (
                "UPDATE stock.on_hand SET quantity = quantity + 1",
                "UPDATE stock.on_hand SET quantity = quantity - 1",
                &[("stock.on_hand", &bun)],
            ),
            (
                "UPDATE stock.worth SET value = value + 1",
                "UPDATE stock.worth SET value = value - 1",
                &[("stock.worth", &bun), ("stock.inventory", &inventory)],
            ),
            (
                "UPDATE stock.movement SET value = value + 1",
                "UPDATE stock.movement SET value = value - 1",
                &[("stock.worth", &bun), ("stock.document", &receipt), ("stock.receipt", &receipt)],
            ),
            (
                "UPDATE ledger.transfer SET amount = amount + 1",
                "UPDATE ledger.transfer SET amount = amount - 1",
                &[("stock.inventory", &inventory), ("stock.document", &receipt)],
            ),
            ("UPDATE stock.receipt SET total = total + 1", "UPDATE stock.receipt SET total = total - 1", &[("stock.receipt", &receipt)]),
            (
                "UPDATE stock.receipt_line SET quantity = quantity + 1",
                "UPDATE stock.receipt_line SET quantity = quantity - 1",
                &[("stock.receipt", &receipt)],
            ),
        ];
        for (spoiled, mended, named) in spoil {
            story.as_role("postgres", spoiled).await;
            let found = story.check().await;
            let all: Vec<_> = found.iter().map(|b| &b.finding).collect();
            for (check, id) in named {
                assert!(all.iter().any(|f| f.check == *check && f.id.to_string() == *id), "{spoiled}: {check} {id}: {all:?}");
            }
            story.as_role("postgres", mended).await;
        }
        assert!(story.check().await.is_empty());
    });
}
