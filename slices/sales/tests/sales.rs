//! Ringing, paying, paying back.

use serde_json::{Value, json};
use testkit::{pounds, run, sale, text};
use uuid::Uuid;

async fn balance(story: &testkit::Story, book: &str) -> i64 {
    let rows = story.get("/v1/ledger/balances").await.ok().json();
    let row = rows["rows"].as_array().unwrap().iter().find(|r| r["code"] == book).cloned().unwrap_or_default();
    row["balance"]["minor"].as_i64().or(row["balance"].as_i64()).unwrap_or(0)
}

#[test]
fn a_sale_takes_stock_at_its_cost_and_books_the_money() {
    run(async |story| {
        let bread = story.stocked("Sourdough", 480).await;
        story.bring_in(&bread, "10", 1500).await;
        let rung = story.sell(&bread, "2").await;
        assert_eq!(rung["total"], pounds(960));
        assert!(text(&rung["number"]).starts_with("S-2026-"), "{rung}");
        assert_eq!(story.on_hand(&bread).await, "8");
        let order = story.get(&format!("/v1/orders/{}", text(&rung["id"]))).await.ok().json();
        assert_eq!((&order["state"], &order["lines"][0]["cost"]), (&json!("paid"), &pounds(300)));
        assert_eq!(order["payments"][0]["method"], "cash");
        assert!(story.check().await.is_empty());
    });
}

#[test]
fn the_last_one_takes_all_that_the_stock_was_worth() {
    run(async |story| {
        let bun = story.stocked("Bun", 120).await;
        story.bring_in(&bun, "3", 100).await;
        for _ in 0..3 {
            story.sell(&bun, "1").await;
        }
        let worth = story.get("/v1/stock/worth").await.ok().json();
        let left: Vec<&Value> = worth["rows"].as_array().unwrap().iter().filter(|r| r["itemId"] == json!(bun) && r["value"] != 0).collect();
        assert!(left.is_empty(), "{left:?}");
        story.post("/v1/sales", &sale(&bun, "1")).await.refused("stock.short");
        assert!(story.check().await.is_empty());
    });
}

#[test]
fn a_coffee_is_made_when_it_is_sold_and_leaves_no_stock_behind() {
    run(async |story| {
        let coffee = story.made_to_order("Coffee", 260, 55).await;
        let rung = story.sell(&coffee, "2").await;
        let order = story.get(&format!("/v1/orders/{}", text(&rung["id"]))).await.ok().json();
        assert_eq!(order["lines"][0]["cost"], pounds(110));
        assert_eq!(story.on_hand(&coffee).await, "0");
        let moved = story.get(&format!("/v1/movements?item={coffee}")).await.ok().json();
        assert_eq!(moved["rows"].as_array().unwrap().len(), 2, "made and sold: {moved}");
        assert!(story.check().await.is_empty());
    });
}

#[test]
fn the_same_sale_sent_twice_is_one_sale_and_with_other_content_is_refused() {
    run(async |story| {
        let coffee = story.made_to_order("Coffee", 260, 55).await;
        let mut asked = sale(&coffee, "1");
        asked["id"] = json!(Uuid::from_u128(0x1234_5678_9abc_7def_8000_0000_0000_0001));
        let first = story.post("/v1/sales", &asked).await.ok().json();
        let again = story.post("/v1/sales", &asked).await.ok();
        assert_eq!(again.header("idempotent-replayed"), "true");
        assert_eq!(again.json(), first);
        asked["lines"][0]["quantity"] = json!("2");
        story.post("/v1/sales", &asked).await.refused("intent.other_content");
        let orders = story.get("/v1/orders").await.ok().json();
        assert_eq!(orders["rows"].as_array().unwrap().len(), 1);
    });
}

#[test]
fn two_tills_selling_the_last_piece_one_wins_and_one_is_told() {
    run(async |story| {
        let cake = story.stocked("Cake", 2500).await;
        story.bring_in(&cake, "1", 900).await;
        let seller = story.member(&[kernel::Role::Seller]).await;
        let asked = sale(&cake, "1");
        let (one, other) = tokio::join!(story.post("/v1/sales", &asked), seller.post("/v1/sales", &asked));
        let mut both = [one, other];
        both.sort_by_key(|a| a.status);
        assert_eq!((both[0].status.as_u16(), both[1].code().as_str()), (200, "stock.short"));
        assert_eq!(story.on_hand(&cake).await, "0");
    });
}

#[test]
fn twenty_clicks_at_once_are_one_sale() {
    run(async |story| {
        let coffee = story.made_to_order("Coffee", 260, 55).await;
        let mut asked = sale(&coffee, "1");
        asked["id"] = json!(Uuid::from_u128(0x1234_5678_9abc_7def_8000_0000_0000_0002));
        let clicks = (0..20).map(|_| story.post("/v1/sales", &asked));
        let answers = futures_join(clicks).await;
        assert!(answers.iter().all(|a| a.status == 200), "{:?}", answers.iter().map(|a| a.status).collect::<Vec<_>>());
        assert_eq!(story.get("/v1/orders").await.ok().json()["rows"].as_array().unwrap().len(), 1);
    });
}

async fn futures_join<F: Future>(all: impl Iterator<Item = F>) -> Vec<F::Output> {
    futures::future::join_all(all).await
}

#[test]
fn payments_must_equal_the_total() {
    run(async |story| {
        let coffee = story.made_to_order("Coffee", 260, 55).await;
        let mut asked = sale(&coffee, "1");
        asked["payments"] = json!([{ "method": "card", "amount": pounds(100) }]);
        story.post("/v1/sales", &asked).await.refused("order.paid_amount");
        asked["payments"] = json!([{ "method": "card", "amount": pounds(100) }, { "method": "cash" }]);
        let rung = story.post("/v1/sales", &asked).await.ok().json();
        let order = story.get(&format!("/v1/orders/{}", text(&rung["id"]))).await.ok().json();
        assert_eq!(order["payments"].as_array().unwrap().len(), 2);
        asked["payments"] = json!([{ "method": "on_account" }]);
        story.post("/v1/sales", &asked).await.refused("order.customer_needed");
        assert!(story.check().await.is_empty());
    });
}

#[test]
fn what_is_on_account_is_owed() {
    run(async |story| {
        let coffee = story.made_to_order("Coffee", 260, 55).await;
        let customer = text(&story.post("/v1/customers", &json!({ "name": "The corner shop" })).await.ok().json()["id"]);
        let mut asked = sale(&coffee, "10");
        asked["customerId"] = json!(customer);
        asked["payments"] = json!([{ "method": "on_account" }]);
        story.post("/v1/sales", &asked).await.ok();
        assert_eq!(balance(&story, "1100").await, 2600);
        let theirs = story.get(&format!("/v1/orders?customer={customer}")).await.ok().json();
        assert_eq!(theirs["rows"].as_array().unwrap().len(), 1);
    });
}

#[test]
fn refunds_in_steps_pay_back_exactly_what_was_paid_and_never_more() {
    run(async |story| {
        let roll = story.stocked("Roll", 33).await;
        story.bring_in(&roll, "9", 100).await;
        let mut asked = sale(&roll, "3");
        asked["discount"] = json!({ "amount": pounds(1) });
        let rung = story.post("/v1/sales", &asked).await.ok().json();
        assert_eq!(rung["total"], pounds(98));
        let refund = format!("/v1/orders/{}/refund", text(&rung["id"]));
        let mut back = 0;
        for _ in 0..3 {
            let one = json!({ "lines": [{ "n": 1, "quantity": "1", "restock": true }], "reason": "stale" });
            back += story.post(&refund, &one).await.ok().json()["total"]["minor"].as_i64().unwrap();
        }
        assert_eq!(back, -98);
        story.post(&refund, &json!({ "reason": "again" })).await.is(409);
        assert_eq!(story.on_hand(&roll).await, "9");
        assert_eq!(story.get(&format!("/v1/orders/{}", text(&rung["id"]))).await.ok().json()["state"], "refunded");
        assert!(story.check().await.is_empty());
    });
}

#[test]
fn what_is_left_of_an_order_is_offered_to_be_paid_back_and_no_more() {
    run(async |story| {
        let (bun, cake) = (story.made_to_order("Bun", 100, 30).await, story.made_to_order("Cake", 300, 90).await);
        let mut asked = sale(&bun, "2");
        asked["lines"].as_array_mut().unwrap().push(json!({ "itemId": cake, "quantity": "3" }));
        let rung = story.post("/v1/sales", &asked).await.ok().json();
        let (page, refund) = (format!("/orders/{}/refund", text(&rung["id"])), format!("/v1/orders/{}/refund", text(&rung["id"])));
        let part = json!({ "lines": [{ "n": 1, "quantity": "2" }, { "n": 2, "quantity": "1" }], "reason": "stale" });
        let first = story.post(&refund, &part).await.ok().json();
        let left = story.get(&page).await.ok();
        assert!(left.text().contains("Cake (up to 2)") && !left.text().contains("Bun (up to"), "{}", left.text());
        assert_eq!(left.input("quantity.2"), "2");

        let second = story.post(&refund, &json!({ "reason": "dry" })).await.ok().json();
        let none = story.get(&page).await.ok().text();
        assert!(none.contains("Everything was paid back.") && !none.contains("name=\"reason\""), "{none}");
        for refund in [&first, &second] {
            assert!(none.contains(&format!("href=\"/orders/{}\"", text(&refund["id"]))), "{none}");
        }
        let order = story.get(&format!("/orders/{}", text(&rung["id"]))).await.ok().text();
        assert!(!order.contains("/refund\""), "{order}");
        // Nor is there anything to pay back of a refund.
        story.get(&format!("/orders/{}/refund", text(&second["id"]))).await.is(409);
        // A form that was open meanwhile is answered by what is true now.
        let late = story.owner.form(&page, &[("quantity.2", "1"), ("method", "cash"), ("reason", "again")]).await.is(422).text();
        assert!(late.contains("Everything was paid back."), "{late}");
    });
}

#[test]
fn two_refunds_at_once_are_one_after_the_other() {
    run(async |story| {
        let coffee = story.made_to_order("Coffee", 260, 55).await;
        let rung = story.sell(&coffee, "1").await;
        let refund = format!("/v1/orders/{}/refund", text(&rung["id"]));
        let ask = json!({ "reason": "cold" });
        let (one, other) = tokio::join!(story.post(&refund, &ask), story.post(&refund, &ask));
        let done = [&one, &other].iter().filter(|a| a.status == 200).count();
        assert_eq!(done, 1, "{} {}", one.text(), other.text());
    });
}

#[test]
fn bad_sales_are_refused_by_field_and_change_nothing() {
    run(async |story| {
        let coffee = story.made_to_order("Coffee", 260, 55).await;
        let field = |answer: &testkit::Answer| text(&answer.json()["errors"][0]["field"]);
        let cases = [
            (json!({ "lines": [], "payments": [] }), "lines"),
            (sale(&coffee, "0"), "lines.0.quantity"),
            (sale(&coffee, "-1"), "lines.0.quantity"),
            (sale(&Uuid::nil().to_string(), "1"), "lines.0.itemId"),
            (json!({ "lines": [{ "itemId": coffee, "quantity": "1", "unit": "kg" }], "payments": [{ "method": "cash" }] }), "lines.0.unit"),
            (json!({ "lines": [{ "itemId": coffee, "quantity": "1" }], "payments": [{ "method": "gold" }] }), "payments.0.method"),
            (json!({ "lines": [{ "itemId": coffee, "quantity": "1" }], "payments": [{ "method": "cash" }], "colour": "red" }), "colour"),
            (json!({ "lines": [{ "itemId": coffee, "quantity": 1e30 }], "payments": [{ "method": "cash" }] }), "lines.0.quantity"),
            (json!({ "lines": [{ "itemId": coffee, "quantity": "1" }], "payments": [{ "method": "cash" }], "note": "a\u{0}b" }), "note"),
            (
                json!({ "lines": [{ "itemId": coffee, "quantity": "1" }], "payments": [{ "method": "cash" }], "placedAt": "2099-01-01T00:00:00Z" }),
                "placedAt",
            ),
            (json!({ "payments": [{ "method": "cash" }] }), "lines"),
        ];
        for (asked, blamed) in cases {
            let refused = story.post("/v1/sales", &asked).await.is(422);
            assert_eq!(field(&refused), blamed, "{asked}: {}", refused.text());
        }
        assert_eq!(story.get("/v1/orders").await.ok().json()["rows"], json!([]));
    });
}

#[test]
fn a_sale_costs_six_round_trips() {
    run(async |story| {
        let mut lines = Vec::new();
        for name in ["Bread", "Bun", "Cake", "Pie", "Roll"] {
            let item = story.stocked(name, 300).await;
            story.bring_in(&item, "10", 1000).await;
            lines.push(json!({ "itemId": item, "quantity": "1" }));
        }
        let answer = story.post("/v1/sales", &json!({ "lines": lines, "payments": [{ "method": "card" }] })).await.ok();
        let timing = answer.header("server-timing");
        assert!(timing.contains("trips;desc=6"), "{timing}");
    });
}

#[test]
fn a_driver_may_not_ring() {
    run(async |story| {
        let coffee = story.made_to_order("Coffee", 260, 55).await;
        let driver = story.member(&[kernel::Role::Driver]).await;
        driver.post("/v1/sales", &sale(&coffee, "1")).await.refused("auth.forbidden");
    });
}

#[test]
fn after_midnight_belongs_to_the_day_before() {
    run(async |story| {
        let coffee = story.made_to_order("Coffee", 260, 55).await;
        // Long after the owner's session ended: the program itself rings it.
        story.clock.set("2026-11-22T02:00:00Z".parse().unwrap());
        let mut asked = sale(&coffee, "1");
        asked["placedAt"] = json!("2026-11-22T01:21:00Z");
        let sale: sales::RingSale = serde_json::from_value(asked).unwrap();
        story.db.run(story.op(), None, sale).await.unwrap();
        let mut tx = story.db.begin(story.op()).await.unwrap();
        let (day, hour): (kernel::Day, i16) = sqlx::query_as("SELECT day, hour FROM sales.orders").fetch_one(tx.conn()).await.unwrap();
        assert_eq!((day.to_string().as_str(), hour), ("2026-11-21", 1));
    });
}

#[test]
fn the_form_keeps_what_was_typed() {
    run(async |story| {
        story.made_to_order("Coffee", 260, 55).await;
        let fields = [
            ("lines.0.itemId", "Coffee"),
            ("lines.0.quantity", "two"),
            ("lines.2.itemId", "Tea"),
            ("lines.2.quantity", "1"),
            ("method", "card"),
            ("note", "<b>for Ada</b>"),
        ];
        let nothing = story.form("/orders/new", &[("lines.0.itemId", ""), ("lines.0.quantity", "1"), ("method", "cash")]).await.is(422);
        assert!(nothing.text().contains("Add at least one line."), "{}", nothing.text());
        let page = story.form("/orders/new", &fields).await.is(422);
        assert_eq!((page.input("lines.0.quantity").as_str(), page.input("note").as_str()), ("two", "<b>for Ada</b>"));
        assert!(!page.text().contains("<b>for Ada</b>"));
        let sold =
            story.form("/orders/new", &[("lines.0.itemId", "coffee"), ("lines.0.quantity", "2"), ("method", "cash")]).await.location();
        assert!(story.get(&sold).await.ok().text().contains("£5.20"));
    });
}

#[test]
fn amounts_are_bounded_so_that_sums_still_fit() {
    run(async |story| {
        let huge = json!({ "name": "Gold", "kind": "product", "baseUnit": "pc", "stockRule": "made_to_order", "price": pounds(i64::MAX) });
        story.post("/v1/items", &huge).await.is(422);
        let dear = story.made_to_order("Truffle", 1_000_000_000_000, 0).await;
        story.post("/v1/sales", &sale(&dear, "900000")).await.refused("number.too_large");
        for page in ["/", "/reports", "/ledger"] {
            story.get(page).await.is(200);
        }
    });
}

#[test]
fn a_customer_that_is_not_there_is_refused_by_field() {
    run(async |story| {
        let coffee = story.made_to_order("Coffee", 260, 55).await;
        let (_, neighbour) = story.neighbour().await;
        let theirs = neighbour.post("/v1/customers", &json!({ "name": "Theirs" })).await.ok().json()["id"].clone();
        for id in [theirs, json!(Uuid::nil())] {
            let mut asked = sale(&coffee, "1");
            asked["customerId"] = id;
            let refused = story.post("/v1/sales", &asked).await;
            assert_eq!(refused.json()["errors"][0]["field"], "customerId");
            refused.refused("customer.unknown");
        }
    });
}

#[test]
fn a_seller_sees_no_cost_and_a_coffee_goes_back_on_no_shelf() {
    run(async |story| {
        let coffee = story.made_to_order("Coffee", 260, 55).await;
        let id = text(&story.sell(&coffee, "1").await["id"]);
        let seller = story.member(&[kernel::Role::Seller]).await;
        let order = seller.get(&format!("/v1/orders/{id}")).await.ok().json();
        assert_eq!(order["lines"][0].get("cost"), None);
        assert!(!seller.get(&format!("/orders/{id}")).await.ok().text().contains("£0.55"));
        let back = json!({ "lines": [{ "n": 1, "quantity": "1", "restock": true }], "reason": "cold" });
        story.post(&format!("/v1/orders/{id}/refund"), &back).await.refused("stock.not_stocked");
        let other = json!({ "id": Uuid::nil(), "reason": "cold" });
        story.post(&format!("/v1/orders/{id}/refund"), &other).await.refused("body.path_differs");
    });
}

#[test]
fn a_discount_on_the_whole_is_blamed_by_the_name_that_it_was_sent_with() {
    run(async |story| {
        let coffee = story.made_to_order("Coffee", 260, 55).await;
        for (off, code) in [
            (json!({ "amount": pounds(261) }), "order.discount"),
            (json!({ "partsPerMillion": 1_100_000 }), "order.discount"),
            (json!({ "amount": pounds(-1) }), "number.not_negative"),
            (json!({ "amount": { "minor": 1, "currency": "KES" } }), "money.currency"),
        ] {
            let mut asked = sale(&coffee, "1");
            asked["discount"] = off.clone();
            let refused = story.post("/v1/sales", &asked).await;
            assert_eq!(refused.json()["errors"][0]["field"], "discount", "{off}: {}", refused.text());
            refused.refused(code);
        }
        let fields = [("lines.0.itemId", "Coffee"), ("lines.0.quantity", "1"), ("discount", "9.99"), ("method", "cash")];
        let page = story.form("/orders/new", &fields).await.is(422);
        assert!(page.input("discount") == "9.99" && page.text().contains("A discount can't be more than the line."), "{}", page.text());
    });
}

#[test]
fn a_quantity_beyond_all_bounds_is_refused_as_too_large() {
    run(async |story| {
        let coffee = story.made_to_order("Coffee", 260, 55).await;
        for quantity in [json!("1000000001"), json!("99999999999999999999"), json!(1_000_000_001), json!(1e30)] {
            let mut asked = sale(&coffee, "1");
            asked["lines"][0]["quantity"] = quantity;
            let refused = story.post("/v1/sales", &asked).await;
            let error = refused.json()["errors"][0].clone();
            assert_eq!(
                (&error["field"], &error["text"]),
                (&json!("lines.0.quantity"), &json!("A quantity is at most a billion of the item's base unit."))
            );
            refused.refused("quantity.too_large");
        }
        story.post("/v1/sales", &sale(&coffee, "two")).await.refused("quantity.format");
        let fields = [("lines.0.itemId", "Coffee"), ("lines.0.quantity", "99999999999"), ("method", "cash")];
        assert!(story.form("/orders/new", &fields).await.is(422).text().contains("at most a billion"));
    });
}

#[test]
fn loaves_are_sold_and_taken_back_whole_and_flour_by_the_gram() {
    run(async |story| {
        let bread = json!({
            "name": "Sourdough", "kind": "product", "baseUnit": "pc", "stockRule": "stocked", "price": pounds(480),
            "units": [{ "code": "box", "numerator": 6 }, { "code": "slice", "numerator": 1, "denominator": 8 }],
        });
        let bread = story.item(bread).await;
        story.bring_in(&bread, "24", 2400).await;
        let of = |quantity: &str, unit: &str| json!({ "lines": [{ "itemId": bread, "quantity": quantity, "unit": unit }], "payments": [{ "method": "cash" }] });
        for (quantity, unit) in [("0.001", "pc"), ("1.5", "pc"), ("0.25", "box"), ("0.1", "dozen"), ("0.5", "slice")] {
            let refused = story.post("/v1/sales", &of(quantity, unit)).await;
            assert_eq!(refused.json()["errors"][0]["field"], "lines.0.quantity", "{quantity} {unit}: {}", refused.text());
            assert!(refused.text().contains("Sourdough is sold in whole pieces."), "{}", refused.text());
            refused.refused("quantity.whole");
        }
        // Half a box is three loaves; a slice is a thing of its own.
        for (quantity, unit) in [("0.5", "box"), ("0.5", "dozen"), ("2", "slice")] {
            story.post("/v1/sales", &of(quantity, unit)).await.ok();
        }
        assert_eq!(story.on_hand(&bread).await, "14.75");
        let flour = story
            .item(json!({ "name": "Flour", "kind": "product", "baseUnit": "g", "stockRule": "made_to_order", "price": pounds(1) }))
            .await;
        story.sell(&flour, "0.5").await;

        let sold = text(&story.post("/v1/sales", &of("2", "pc")).await.ok().json()["id"]);
        let back = |quantity: &str| json!({ "lines": [{ "n": 1, "quantity": quantity }], "reason": "stale" });
        let refund = format!("/v1/orders/{sold}/refund");
        story.post(&refund, &back("0.001")).await.refused("quantity.whole");
        story.post(&refund, &back("1.999")).await.refused("quantity.whole");
        let page = story.form(&format!("/orders/{sold}/refund"), &[("quantity.1", "0.5"), ("reason", "stale")]).await.is(422);
        assert!(page.text().contains("Sourdough comes back in whole pieces."), "{}", page.text());
        story.post(&refund, &back("1")).await.ok();
        story.post(&refund, &json!({ "reason": "stale" })).await.ok();
        assert!(story.check().await.is_empty());
    });
}

#[test]
fn of_a_past_that_sold_half_a_loaf_half_a_loaf_comes_back() {
    run(async |story| {
        let file = "date,time,ticket,item,quantity,price\n2017-03-01,09:00:00,1,Bread,0.5,3.20\n";
        let files = vec![tables::Source::bytes("till.csv", file.as_bytes().to_vec())];
        let ask = sales::import::ImportAsk { files, ..Default::default() };
        sales::import::run(&story.db, story.op(), ask, &|_| ()).await.unwrap();
        let orders = story.get("/v1/orders").await.ok().json();
        let refund = format!("/v1/orders/{}/refund", text(&orders["rows"][0]["id"]));
        let back = json!({ "lines": [{ "n": 1, "quantity": "0.25" }], "reason": "stale" });
        story.post(&refund, &back).await.ok();
        story.post(&refund, &json!({ "reason": "stale" })).await.ok();
        assert!(story.check().await.is_empty());
    });
}

#[test]
fn after_midnight_a_new_item_and_a_new_price_count_at_once() {
    run(async |story| {
        let coffee = story.made_to_order("Coffee", 260, 55).await;
        // Half past midnight: by the clock a new day, at the till still the one before.
        story.clock.set("2026-11-22T00:30:00Z".parse().unwrap());
        story.owner_comes_back().await;
        let cake = story.made_to_order("Midnight cake", 400, 100).await;
        assert_eq!(story.sell(&cake, "1").await["total"], pounds(400));
        story.post(&format!("/v1/items/{coffee}/price"), &json!({ "price": pounds(300) })).await.ok();
        assert_eq!(story.sell(&coffee, "1").await["total"], pounds(300));
        let shown = story.get(&format!("/v1/items/{cake}")).await.ok().json();
        assert_eq!((&shown["price"], &shown["prices"][0]["fromDay"]), (&pounds(400), &json!("2026-11-21")));
    });
}
