//! Payments as documents: their numbers and lists, and what is received later of what was put on account.

use kernel::Role;
use serde_json::{Value, json};
use testkit::{Story, own_database, pounds, run, sale, text};
use uuid::Uuid;

async fn rows(story: &Story, path: &str) -> Vec<Value> {
    story.get(path).await.ok().json()["rows"].as_array().unwrap().clone()
}

async fn customer(story: &Story, name: &str) -> String {
    text(&story.post("/v1/customers", &json!({ "name": name })).await.ok().json()["id"])
}

/// So many coffees at 2.60 on account; the order.
async fn on_account(story: &Story, coffee: &str, customer: &str, quantity: &str) -> Value {
    let mut asked = sale(coffee, quantity);
    asked["customerId"] = json!(customer);
    asked["payments"] = json!([{ "method": "on_account" }]);
    story.post("/v1/sales", &asked).await.ok().json()
}

fn payment(customer: &str, method: &str, minor: i64) -> Value {
    json!({ "customerId": customer, "method": method, "amount": pounds(minor) })
}

async fn order(story: &Story, of: &Value) -> Value {
    story.get(&format!("/v1/orders/{}", text(&of["id"]))).await.ok().json()
}

/// What a customer owes, in pence.
async fn owed(story: &Story, customer: &str) -> i64 {
    let account = story.get(&format!("/v1/customers/{customer}")).await.ok().json();
    let open: i64 = account["openOrders"].as_array().unwrap().iter().map(|o| o["owed"]["minor"].as_i64().unwrap()).sum();
    let all = account["owed"].as_array().unwrap().first().map_or(0, |money| money["minor"].as_i64().unwrap());
    assert_eq!(all, open, "what is owed is what is open: {account}");
    all
}

async fn balance(story: &Story, book: &str) -> i64 {
    let row = rows(story, "/v1/ledger/balances").await.into_iter().find(|r| r["code"] == book).unwrap_or_default();
    row["balance"]["minor"].as_i64().unwrap_or(0)
}

#[test]
fn a_payment_bears_the_number_of_its_sale_and_is_found_by_it() {
    run(async |story| {
        let coffee = story.made_to_order("Coffee", 260, 55).await;
        let mut asked = sale(&coffee, "2");
        asked["payments"] = json!([{ "method": "card", "amount": pounds(200), "reference": "T 7" }, { "method": "cash" }]);
        let sold = story.post("/v1/sales", &asked).await.ok().json();
        let number = text(&sold["number"]);
        let paid = order(&story, &sold).await["payments"].clone();
        assert_eq!((&paid[0]["number"], &paid[1]["number"]), (&json!(format!("{number}/1")), &json!(format!("{number}/2"))));

        let payment = story.get(&format!("/v1/payments/{}", text(&paid[0]["id"]))).await.ok().json();
        assert_eq!(
            (&payment["number"], &payment["amount"], &payment["reference"]),
            (&json!(format!("{number}/1")), &pounds(200), &json!("T 7"))
        );
        assert_eq!(
            (&payment["orders"][0]["id"], &payment["orders"][0]["amount"], &payment["later"]),
            (&sold["id"], &pounds(200), &json!(false))
        );

        let called = async |said: &str| -> Vec<String> {
            let found = rows(&story, &format!("/v1/payments?sort=paid&number={said}")).await;
            let mut numbers: Vec<String> = found.iter().map(|row| text(&row["number"])).collect();
            numbers.sort();
            numbers
        };
        assert_eq!(called(&format!("{}/2", number.to_lowercase())).await, [format!("{number}/2")]);
        assert_eq!(called(&number).await, [format!("{number}/1"), format!("{number}/2")]);
        assert!(called(&format!("{number}/3")).await.is_empty() && called("/999999999999").await.is_empty());

        let back = story.post(&format!("/v1/orders/{}/refund", text(&sold["id"])), &json!({ "reason": "cold" })).await.ok().json();
        assert_eq!(called(&text(&back["number"])).await, [format!("{}/1", text(&back["number"]))]);

        let page = story.get(&format!("/payments/{}", text(&paid[0]["id"]))).await.ok().text();
        for said in [format!("{number}/1"), format!("href=\"/orders/{}\"", text(&sold["id"])), "Rung and paid".into(), "T 7".into()] {
            assert!(page.contains(&said), "{said}: {page}");
        }
        let found = story.get(&format!("/search?q={number}/2")).await.ok().text();
        assert!(found.contains(&format!("/payments/{}", text(&paid[1]["id"]))), "{found}");
        let page = story.get(&format!("/orders/{}", text(&sold["id"]))).await.ok().text();
        assert!(page.contains(&format!("/payments/{}", text(&paid[1]["id"]))), "{page}");
        assert!(story.check().await.is_empty());
    });
}

/// A ticket's payments are called by the number that the till gave it; without one, by the import and which order of it.
#[test]
fn payments_of_a_past_have_numbers_too() {
    run(async |story| {
        let import = async |file: &str| {
            let files = vec![tables::Source::bytes("till.csv", file.as_bytes().to_vec())];
            let ask = sales::import::ImportAsk { files, ..Default::default() };
            let report = sales::import::run(&story.db, story.op(), ask, &|_| ()).await.unwrap();
            assert_eq!(report.outcome, sales::import::Outcome::Done, "{report:?}");
        };
        import("date,time,ticket,item,quantity,price\n2017-03-01,09:00:00,T/77,Bread,2,3.20\n2017-03-01,09:00:00,T/77,Bread,-1,3.20\n")
            .await;
        let past = rows(&story, "/v1/payments?number=T/77").await;
        let mut numbers: Vec<_> = past.iter().map(|row| (text(&row["number"]), row["amount"].as_i64().unwrap())).collect();
        numbers.sort();
        assert_eq!(numbers, [("T/77/1".into(), 640), ("T/77/2".into(), -320)]);
        assert_eq!(rows(&story, "/v1/payments?number=T/77/2").await[0]["amount"], -320);

        import("date,time,item,quantity,price\n2018-03-01,09:00:00,Bread,2,3.20\n2018-03-01,09:05:00,Bread,1,3.20\n").await;
        let unnumbered = rows(&story, "/v1/payments?from=2018-01-01&sort=paid").await;
        let numbers: Vec<String> = unnumbered.iter().map(|row| text(&row["number"])).collect();
        assert_eq!(numbers.len(), 2, "{unnumbered:?}");
        assert!(numbers[0].starts_with("I-20") && numbers[0].ends_with("/1") && numbers[1].ends_with("/2"), "{numbers:?}");
        assert_eq!(rows(&story, &format!("/v1/payments?number={}", numbers[1])).await[0]["id"], unnumbered[1]["id"]);
        assert!(story.check().await.is_empty());
    });
}

#[test]
fn payments_are_listed_by_day_method_customer_and_site_and_leave_as_a_file() {
    run(async |story| {
        let coffee = story.made_to_order("Coffee", 260, 55).await;
        let corner = customer(&story, "The corner shop").await;
        story.sell(&coffee, "1").await;
        let sold = on_account(&story, &coffee, &corner, "2").await;
        let received = story.post("/v1/payments", &payment(&corner, "card", 520)).await.ok().json();
        let count = async |filter: String| rows(&story, &format!("/v1/payments?{filter}")).await.len();
        for (filter, found) in [
            ("from=2026-11-21&to=2026-11-21".into(), 3),
            ("from=2026-11-22".into(), 0),
            ("to=2026-11-20".into(), 0),
            ("method=card".into(), 1),
            ("method=on_account".into(), 1),
            (format!("customer={corner}"), 2),
            (format!("customer={corner}&method=card"), 1),
            (format!("site={}", story.site), 3),
            (format!("site={}", Uuid::nil()), 0),
        ] {
            assert_eq!(count(filter.clone()).await, found, "{filter}");
        }
        story.get("/v1/payments?from=yesterday").await.is(422);
        story.get("/v1/payments?colour=red").await.refused("filter.unknown");
        let first = story.get("/v1/payments?limit=2").await.ok().json();
        let second = story.get(&format!("/v1/payments?limit=2&cursor={}", text(&first["next"]))).await.ok().json();
        assert_eq!((first["rows"].as_array().unwrap().len(), second["rows"].as_array().unwrap().len()), (2, 1));
        assert_eq!(first["rows"][0]["number"], received["number"], "the newest first");
        let file = story.get("/v1/payments?format=csv&method=card").await.ok().text();
        assert!(file.contains(&text(&received["number"])) && file.contains("5.20") && file.contains("The corner shop"), "{file}");
        let page = story.get(&format!("/payments?customer={corner}")).await.ok().text();
        assert!(page.contains(&format!("{}/1", text(&sold["number"]))) && page.contains("On account"), "{page}");

        let driver = story.member(&[Role::Driver]).await;
        driver.get("/v1/payments").await.ok();
        driver.post("/v1/payments", &payment(&corner, "cash", 1)).await.refused("auth.forbidden");
        let (_, neighbour) = story.neighbour().await;
        assert_eq!(neighbour.get("/v1/payments").await.ok().json()["rows"], json!([]));
        neighbour.get(&format!("/v1/payments/{}", text(&received["id"]))).await.is(404);
        neighbour.get(&format!("/v1/customers/{corner}")).await.is(404);
    });
}

#[test]
fn what_is_on_account_is_paid_the_oldest_first() {
    run(async |story| {
        let coffee = story.made_to_order("Coffee", 260, 55).await;
        let corner = customer(&story, "The corner shop").await;
        let (first, second) = (on_account(&story, &coffee, &corner, "10").await, on_account(&story, &coffee, &corner, "5").await);
        assert_eq!((owed(&story, &corner).await, balance(&story, "1100").await), (3_900, 3_900));
        let open = rows(&story, &format!("/v1/orders?owed=true&customer={corner}")).await;
        assert_eq!((open.len(), &open[0]["owed"]), (2, &json!(1_300)));
        assert_eq!(rows(&story, "/v1/customers").await[0]["owed"], 3_900);

        let mut asked = payment(&corner, "card", 3_000);
        asked["reference"] = json!(" AB 12 ");
        let received = story.post("/v1/payments", &asked).await.ok().json();
        assert!(text(&received["number"]).starts_with("P-2026-"), "{received}");
        assert_eq!(received["orders"][0], json!({ "id": first["id"], "amount": pounds(2_600), "owed": pounds(0) }));
        assert_eq!(received["orders"][1], json!({ "id": second["id"], "amount": pounds(400), "owed": pounds(900) }));
        assert_eq!((owed(&story, &corner).await, balance(&story, "1100").await, balance(&story, "1010").await), (900, 900, 3_000));

        let (first, second) = (order(&story, &first).await, order(&story, &second).await);
        assert_eq!((&first["owed"], &second["owed"]), (&pounds(0), &pounds(900)));
        assert_eq!((&second["received"][0]["number"], &second["received"][0]["amount"]), (&received["number"], &pounds(400)));
        assert_eq!(second["payments"].as_array().unwrap().len(), 1, "what came later is told apart");
        let document = story.get(&format!("/v1/payments/{}", text(&received["id"]))).await.ok().json();
        assert_eq!((&document["reference"], &document["later"], &document["customerId"]), (&json!("AB 12"), &json!(true), &json!(corner)));
        assert_eq!(document["orders"][1]["owed"], pounds(900));
        let page = story.get(&format!("/payments/{}", text(&received["id"]))).await.ok().text();
        assert!(page.contains("Received") && page.contains(&text(&second["number"])) && page.contains("The corner shop"), "{page}");
        let found = story.get(&format!("/search?q={}", text(&received["number"]))).await.ok().text();
        assert!(found.contains(&format!("/payments/{}", text(&received["id"]))), "{found}");
        let page = story.get(&format!("/orders/{}", text(&second["id"]))).await.ok().text();
        assert!(page.contains("Still owed") && page.contains(&text(&received["number"])), "{page}");

        story.post("/v1/payments", &payment(&corner, "cash", 900)).await.ok();
        assert_eq!((owed(&story, &corner).await, balance(&story, "1100").await), (0, 0));
        story.sequence().await;
        let entry = rows(&story, &format!("/v1/trail?target={}", text(&received["id"]))).await;
        assert_eq!(entry[0]["action"], "payment.received");
        assert!(story.check().await.is_empty());
    });
}

#[test]
fn a_payment_pays_the_orders_that_it_names() {
    run(async |story| {
        let coffee = story.made_to_order("Coffee", 260, 55).await;
        let corner = customer(&story, "The corner shop").await;
        let (first, second) = (on_account(&story, &coffee, &corner, "10").await, on_account(&story, &coffee, &corner, "5").await);
        let mut asked = payment(&corner, "cash", 1_400);
        asked["orders"] = json!([{ "id": second["id"], "amount": pounds(1_300) }, { "id": first["id"], "amount": pounds(100) }]);
        let received = story.post("/v1/payments", &asked).await.ok().json();
        assert_eq!(received["orders"][0]["id"], second["id"]);
        assert_eq!((&order(&story, &first).await["owed"], &order(&story, &second).await["owed"]), (&pounds(2_500), &pounds(0)));
        assert!(story.check().await.is_empty());
    });
}

#[test]
fn a_payment_that_can_not_be_is_refused_by_field_and_changes_nothing() {
    run(async |story| {
        let coffee = story.made_to_order("Coffee", 260, 55).await;
        let (corner, hotel) = (customer(&story, "The corner shop").await, customer(&story, "The hotel").await);
        let sold = on_account(&story, &coffee, &corner, "10").await;
        let theirs = on_account(&story, &coffee, &hotel, "1").await;
        let (_, neighbour) = story.neighbour().await;
        let stranger = text(&neighbour.post("/v1/customers", &json!({ "name": "Elsewhere" })).await.ok().json()["id"]);
        let with = |change: Value| {
            let mut asked = payment(&corner, "cash", 2_600);
            asked.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            asked
        };
        let one = |order: &Value, minor: i64| json!({ "id": order["id"], "amount": pounds(minor) });
        for (change, code, field) in [
            (json!({ "amount": pounds(2_601) }), "payment.more_than_owed", "amount"),
            (json!({ "orders": [one(&sold, 2_600)], "amount": pounds(2_500) }), "payment.orders", "orders"),
            (json!({ "orders": [one(&sold, 1_300), one(&sold, 1_300)] }), "payment.orders", "orders.1.id"),
            (json!({ "orders": [one(&sold, 2_601)], "amount": pounds(2_601) }), "payment.more_than_owed", "orders.0.amount"),
            (json!({ "orders": [one(&theirs, 260)], "amount": pounds(260) }), "order.unknown", "orders.0.id"),
            (json!({ "orders": [] }), "lines.needed", "orders"),
            (json!({ "orders": [one(&sold, 0)] }), "number.positive", "orders.0.amount"),
            (
                json!({ "orders": [{ "id": sold["id"], "amount": { "minor": 2_600, "currency": "EUR" } }] }),
                "money.currency",
                "orders.0.amount",
            ),
            (json!({ "amount": { "minor": 2_600, "currency": "EUR" } }), "money.currency", "amount"),
            (json!({ "amount": pounds(0) }), "number.positive", "amount"),
            (json!({ "amount": pounds(-5) }), "number.positive", "amount"),
            (json!({ "method": "on_account" }), "choice.unknown", "method"),
            (json!({ "method": "gold" }), "choice.unknown", "method"),
            (json!({ "reference": "x".repeat(201) }), "text.too_long", "reference"),
            (json!({ "paidAt": "2099-01-01T00:00:00Z" }), "time.later", "paidAt"),
            (json!({ "paidAt": "2026-11-19T12:00:00Z" }), "payment.more_than_owed", "amount"),
            (json!({ "paidAt": "2026-11-19T12:00:00Z", "orders": [one(&sold, 2_600)] }), "payment.before_order", "paidAt"),
            (json!({ "siteId": Uuid::nil() }), "site.unknown", "siteId"),
            (json!({ "customerId": Uuid::nil() }), "customer.unknown", "customerId"),
            (json!({ "customerId": stranger }), "customer.unknown", "customerId"),
        ] {
            let refused = story.post("/v1/payments", &with(change.clone())).await;
            let problem = refused.json();
            let blamed = if problem["errors"].is_array() { &problem["errors"][0]["field"] } else { &problem["field"] };
            assert_eq!((refused.code().as_str(), blamed), (code, &json!(field)), "{change}: {problem}");
        }
        let more = story.post("/v1/payments", &with(json!({ "amount": pounds(9_999) }))).await.refused("payment.more_than_owed");
        assert!(more.text().contains("£26.00 is owed"), "{}", more.text());
        assert_eq!((owed(&story, &corner).await, owed(&story, &hotel).await, balance(&story, "1000").await), (2_600, 260, 0));
        assert!(rows(&story, "/v1/payments?method=cash").await.is_empty());
        assert!(story.check().await.is_empty());
    });
}

#[test]
fn the_same_payment_sent_twice_is_one_and_two_at_once_never_take_more_than_is_owed() {
    run(async |story| {
        let coffee = story.made_to_order("Coffee", 260, 55).await;
        let corner = customer(&story, "The corner shop").await;
        on_account(&story, &coffee, &corner, "10").await;
        let mut asked = payment(&corner, "cash", 600);
        asked["id"] = json!(Uuid::from_u128(0x1234_5678_9abc_7def_8000_0000_0000_0031));
        let first = story.post("/v1/payments", &asked).await.ok().json();
        let again = story.post("/v1/payments", &asked).await.ok();
        assert_eq!((again.header("idempotent-replayed").as_str(), again.json()), ("true", first));
        asked["amount"] = pounds(601);
        story.post("/v1/payments", &asked).await.refused("intent.other_content");

        let all = payment(&corner, "card", 2_000);
        let answers = futures::future::join_all((0..6).map(|_| story.post("/v1/payments", &all))).await;
        assert_eq!(answers.iter().filter(|a| a.status == 200).count(), 1);
        assert!(answers.iter().filter(|a| a.status != 200).all(|a| a.code() == "payment.more_than_owed"));
        assert_eq!((owed(&story, &corner).await, balance(&story, "1010").await), (0, 2_000));
        assert!(story.check().await.is_empty());
    });
}

#[test]
fn a_refund_takes_off_what_is_owed_before_any_money_goes_back() {
    run(async |story| {
        let coffee = story.made_to_order("Coffee", 260, 55).await;
        let corner = customer(&story, "The corner shop").await;
        let sold = on_account(&story, &coffee, &corner, "10").await;
        let refund = format!("/v1/orders/{}/refund", text(&sold["id"]));
        let some = |quantity: &str, method: Option<&str>| json!({ "reason": "stale", "method": method, "lines": [{ "n": 1, "quantity": quantity }] });
        let methods = async |of: &Value| -> Vec<(String, i64)> {
            let paid = order(&story, of).await["payments"].as_array().unwrap().clone();
            paid.iter().map(|p| (text(&p["method"]), p["amount"]["minor"].as_i64().unwrap())).collect()
        };
        // Nothing is paid yet: whatever the till was told, no cash leaves the drawer.
        let back = story.post(&refund, &some("1", Some("cash"))).await.ok().json();
        assert_eq!(methods(&back).await, [("on_account".into(), -260)]);
        assert_eq!((owed(&story, &corner).await, balance(&story, "1000").await), (2_340, 0));

        story.post("/v1/payments", &payment(&corner, "card", 2_000)).await.ok();
        story.post(&refund, &some("2", Some("on_account"))).await.refused("order.refund_owed");
        // 3.40 is owed, 5.20 comes back: the account is cleared, the rest goes back as it came in.
        let back = story.post(&refund, &some("2", None)).await.ok().json();
        assert_eq!(methods(&back).await, [("on_account".into(), -340), ("card".into(), -180)]);
        assert_eq!((owed(&story, &corner).await, balance(&story, "1100").await), (0, 0));
        story.post(&refund, &some("1", Some("on_account"))).await.refused("order.refund_owed");
        let back = story.post(&refund, &some("1", Some("cash"))).await.ok().json();
        assert_eq!(methods(&back).await, [("cash".into(), -260)]);
        let back = story.post(&refund, &json!({ "reason": "closed" })).await.ok().json();
        assert_eq!(methods(&back).await, [("card".into(), -1_560)]);
        assert_eq!((owed(&story, &corner).await, balance(&story, "1100").await, balance(&story, "1000").await), (0, 0, -260));
        assert!(story.check().await.is_empty());
    });
}

#[test]
fn a_payment_and_a_refund_at_once_are_one_after_the_other() {
    run(async |story| {
        let coffee = story.made_to_order("Coffee", 260, 55).await;
        let corner = customer(&story, "The corner shop").await;
        for _ in 0..4 {
            let sold = on_account(&story, &coffee, &corner, "1").await;
            let (refund, all) = (format!("/v1/orders/{}/refund", text(&sold["id"])), payment(&corner, "cash", 260));
            let back = json!({ "reason": "cold" });
            let (paid, back) = tokio::join!(story.post("/v1/payments", &all), story.post(&refund, &back));
            back.ok();
            assert!(paid.status == 200 || paid.code() == "payment.more_than_owed", "{}", paid.text());
            assert_eq!(owed(&story, &corner).await, 0);
        }
        assert_eq!((balance(&story, "1100").await, balance(&story, "1000").await), (0, 0));
        assert!(story.check().await.is_empty());
    });
}

#[test]
fn a_customers_page_shows_what_is_open_and_receives_a_payment() {
    run(async |story| {
        let coffee = story.made_to_order("Coffee", 260, 55).await;
        let corner = customer(&story, "The <corner> shop").await;
        let (page, form) = (format!("/customers/{corner}"), format!("/customers/{corner}/payment"));
        let shown = story.get(&page).await.ok().text();
        assert!(shown.contains("Owes nothing") && !shown.contains(&form), "{shown}");
        assert!(story.get(&form).await.ok().text().contains("Nothing is open"));

        let (first, second) = (on_account(&story, &coffee, &corner, "10").await, on_account(&story, &coffee, &corner, "5").await);
        let shown = story.get(&page).await.ok().text();
        for said in ["The &lt;corner&gt; shop", "39.00", &text(&first["number"]), &text(&second["number"]), &form] {
            assert!(shown.contains(said), "{said}: {shown}");
        }
        assert!(story.get("/customers").await.ok().text().contains(&page));
        assert_eq!(story.get(&form).await.ok().input("amount"), "39.00");

        // What was typed stays, each complaint at its field.
        let (one, other) = (text(&first["id"]), text(&second["id"]));
        let typed =
            [("amount", "1o"), ("method", "card"), ("reference", "<b>AB</b>"), ("orders.0.id", one.as_str()), ("orders.0.amount", "")];
        let again = story.form(&form, &typed).await.is(422);
        assert_eq!((again.input("amount"), again.input("reference")), ("1o".into(), "<b>AB</b>".into()));
        let typed = [
            ("amount", "20.00"),
            ("method", "card"),
            ("orders.0.id", one.as_str()),
            ("orders.0.amount", ""),
            ("orders.1.id", other.as_str()),
            ("orders.1.amount", "20.00"),
        ];
        let again = story.form(&form, &typed).await.is(422);
        assert_eq!(again.input("orders.1.amount"), "20.00");
        assert!(again.text().contains("£13.00 of "), "{}", again.text());
        assert_eq!(owed(&story, &corner).await, 3_900);

        let paid = [&typed[..5], &[("orders.1.amount", "13.00")]].concat();
        let paid: Vec<_> = paid.into_iter().map(|(name, value)| (name, if name == "amount" { "13.00" } else { value })).collect();
        let received = story.form(&form, &paid).await.location();
        assert_eq!(order(&story, &second).await["owed"], pounds(0));
        let shown = story.get(&page).await.ok().text();
        assert!(shown.contains(&received) && shown.contains("26.00"), "{shown}");
        let received = story.form(&form, &[("amount", "26"), ("method", "cash")]).await.location();
        assert!(story.get(&received).await.ok().text().contains(&text(&first["number"])));
        assert_eq!(owed(&story, &corner).await, 0);

        let driver = story.member(&[Role::Driver]).await;
        assert!(!driver.get(&page).await.ok().text().contains(&form));
        driver.form(&form, &[("amount", "1"), ("method", "cash")]).await.is(403);
        assert!(story.check().await.is_empty());
    });
}

#[test]
fn a_closed_day_takes_no_payment() {
    own_database(async |story| {
        let coffee = story.made_to_order("Coffee", 260, 55).await;
        let corner = customer(&story, "The corner shop").await;
        on_account(&story, &coffee, &corner, "1").await;
        story.clock.set("2026-11-22T12:00:00Z".parse().unwrap());
        story.owner_comes_back().await;
        story.post("/v1/ledger/close", &json!({ "day": "2026-11-21" })).await.ok();
        let mut asked = payment(&corner, "cash", 260);
        asked["paidAt"] = json!("2026-11-21T20:00:00Z");
        story.post("/v1/payments", &asked).await.refused("day.closed");
        assert_eq!(owed(&story, &corner).await, 260);
        let received = story.post("/v1/payments", &payment(&corner, "cash", 260)).await.ok().json();
        assert_eq!(received["day"], "2026-11-22");
        assert!(story.check().await.is_empty());
    });
}

#[test]
fn the_orders_list_says_what_is_still_owed_and_finds_it() {
    run(async |story| {
        let coffee = story.made_to_order("Coffee", 260, 55).await;
        let corner = customer(&story, "The corner shop").await;
        story.sell(&coffee, "1").await;
        let (first, second) = (on_account(&story, &coffee, &corner, "10").await, on_account(&story, &coffee, &corner, "5").await);
        let list = async |asked: &str| {
            let rows = rows(&story, &format!("/v1/orders?kind=sale&sort=placed{asked}")).await;
            rows.iter().map(|row| (text(&row["state"]), row["owed"].as_i64().unwrap())).collect::<Vec<_>>()
        };
        let row = |state: &str, owed: i64| (state.to_owned(), owed);
        assert_eq!(list("").await, [row("paid", 0), row("on_account", 2_600), row("on_account", 1_300)]);
        assert_eq!(order(&story, &first).await["state"], "on_account");

        // Some of the first comes back, and the second is paid.
        let part = json!({ "lines": [{ "n": 1, "quantity": "4" }], "reason": "spilt" });
        story.post(&format!("/v1/orders/{}/refund", text(&first["id"])), &part).await.ok();
        let mut pays = payment(&corner, "card", 1_300);
        pays["orders"] = json!([{ "id": second["id"], "amount": pounds(1_300) }]);
        story.post("/v1/payments", &pays).await.ok();
        let third = on_account(&story, &coffee, &corner, "2").await;
        assert_eq!(list("&state=paid").await, [row("paid", 0), row("paid", 0)]);
        assert_eq!(list("&state=on_account").await, [row("on_account", 520)]);
        assert_eq!(list("&owed=true").await, [row("partly_refunded", 1_560), row("on_account", 520)]);
        assert_eq!(list("&owed=false").await, [row("paid", 0), row("paid", 0)]);

        let page = story.get("/orders").await.ok().text();
        for said in ["Partly paid back, £15.60 owed", "On account, £5.20 owed", ">Paid</td>", "<option value=\"true\">Still owed</option>"]
        {
            assert!(page.contains(said), "{said} is not in {page}");
        }
        // What is asked for goes along with sorting and into the files.
        let page = story.get("/orders?owed=true&state=on_account").await.ok().text();
        assert!(page.contains("£5.20 owed") && !page.contains(">Paid</td>") && !page.contains("Partly paid back, "), "{page}");
        assert!(page.contains("<option value=\"true\" selected>Still owed</option>"), "{page}");
        for kept in ["/orders?owed=true&amp;state=on_account&amp;sort=", "/v1/orders?owed=true&amp;state=on_account&amp;format=csv"] {
            assert!(page.contains(kept), "{kept} is not in {page}");
        }
        let file = story.get("/v1/orders?owed=true&state=on_account&format=csv").await.ok().text();
        assert_eq!(file.lines().count(), 2, "{file}");
        assert!(file.contains(",on_account,") && file.trim_end().ends_with(",5.20"), "{file}");
        let page = story.get(&format!("/orders/{}", text(&third["id"]))).await.ok().text();
        assert!(page.contains("On account, £5.20 owed"), "{page}");
    });
}
