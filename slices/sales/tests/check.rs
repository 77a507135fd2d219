//! `hearth check` finds each kind of spoiled order and names it.

use std::collections::HashMap;

use serde_json::json;
use testkit::{Story, own_database, pounds, text};

/// What spoils a row, what mends it, which check is to find it, and what it is to name.
const SPOILT: [(&str, &str, &str, &str); 21] = [
    (
        "UPDATE sales.orders SET net = net + 1, total = total + 1 WHERE gross = 320",
        "UPDATE sales.orders SET net = net - 1, total = total - 1 WHERE gross = 320",
        "sales.order_lines",
        "bread",
    ),
    (
        "UPDATE sales.order_line SET net = net - 1, tax = tax + 1 WHERE gross = 320",
        "UPDATE sales.order_line SET net = net + 1, tax = tax - 1 WHERE gross = 320",
        "sales.order_lines",
        "bread",
    ),
    (
        "UPDATE sales.order_line SET placed_at = placed_at + interval '1 minute' WHERE gross = 320",
        "UPDATE sales.order_line SET placed_at = placed_at - interval '1 minute' WHERE gross = 320",
        "sales.order_lines",
        "bread",
    ),
    ("UPDATE sales.line_tax SET amount = amount + 1", "UPDATE sales.line_tax SET amount = amount - 1", "sales.order_lines", "cake"),
    (
        "UPDATE sales.allocation SET amount = amount + 1 WHERE amount = 320",
        "UPDATE sales.allocation SET amount = amount - 1 WHERE amount = 321",
        "sales.order_money",
        "bread",
    ),
    (
        "UPDATE sales.payment SET amount = amount + 1 WHERE amount = 320",
        "UPDATE sales.payment SET amount = amount - 1 WHERE amount = 321",
        "sales.payment",
        "bread",
    ),
    (
        "UPDATE sales.payment SET method = 'mobile' WHERE amount = 600",
        "UPDATE sales.payment SET method = 'card' WHERE amount = 600",
        "sales.order_money",
        "cake",
    ),
    // Sales, tax, the cash in the drawer, what the card brought, and what is owed.
    (
        "UPDATE ledger.transfer SET amount = amount + 5 WHERE amount = 320 AND credit_id = '00000000-0000-7000-8000-000000000fa0'",
        "UPDATE ledger.transfer SET amount = amount - 5 WHERE amount = 325",
        "sales.order_money",
        "bread",
    ),
    (
        "UPDATE ledger.transfer SET amount = amount + 5 WHERE amount = 100 AND credit_id = '00000000-0000-7000-8000-000000000834'",
        "UPDATE ledger.transfer SET amount = amount - 5 WHERE amount = 105",
        "sales.order_money",
        "cake",
    ),
    (
        "UPDATE ledger.transfer SET amount = amount + 5 WHERE amount = 320 AND debit_id = '00000000-0000-7000-8000-0000000003e8'",
        "UPDATE ledger.transfer SET amount = amount - 5 WHERE amount = 325",
        "sales.order_money",
        "bread",
    ),
    (
        "UPDATE ledger.transfer SET debit_id = '00000000-0000-7000-8000-0000000003e8' WHERE debit_id = '00000000-0000-7000-8000-0000000003f2' AND amount = 600",
        "UPDATE ledger.transfer SET debit_id = '00000000-0000-7000-8000-0000000003f2' WHERE amount = 600",
        "sales.order_money",
        "cake",
    ),
    (
        "UPDATE ledger.transfer SET credit_id = '00000000-0000-7000-8000-0000000007d0' WHERE amount = 320 AND credit_id = '00000000-0000-7000-8000-00000000044c'",
        "UPDATE ledger.transfer SET credit_id = '00000000-0000-7000-8000-00000000044c' WHERE amount = 320 AND credit_id = '00000000-0000-7000-8000-0000000007d0'",
        "sales.order_money",
        "bread",
    ),
    // Payments' numbers: of another document, of none, and of a series of its own.
    (
        "UPDATE sales.payment SET document_id = '00000000-0000-7000-8000-000000000001' WHERE amount = 320",
        "UPDATE sales.payment p SET document_id = a.order_id FROM sales.allocation a WHERE a.payment_id = p.id AND p.amount = 320",
        "sales.payment_number",
        "bread payment",
    ),
    (
        "UPDATE sales.payment SET n = 0 WHERE amount = 320",
        "UPDATE sales.payment SET n = 1 WHERE amount = 320",
        "sales.payment_number",
        "bread payment",
    ),
    (
        "UPDATE db.number SET kind = 'order' WHERE series = 'P'",
        "UPDATE db.number SET kind = 'payment' WHERE series = 'P'",
        "sales.payment_number",
        "received",
    ),
    // What was received later: what it came in as, that the ledger holds it, and that it lowers what is owed.
    (
        "UPDATE sales.payment SET method = 'mobile' WHERE document_id IS NULL",
        "UPDATE sales.payment SET method = 'card' WHERE document_id IS NULL",
        "sales.payment_money",
        "received",
    ),
    (
        "UPDATE ledger.transfer SET amount = amount + 5 WHERE document_kind = 'payment'",
        "UPDATE ledger.transfer SET amount = amount - 5 WHERE document_kind = 'payment'",
        "sales.payment_money",
        "received",
    ),
    (
        "UPDATE ledger.transfer SET document_kind = 'gift' WHERE document_kind = 'payment'",
        "UPDATE ledger.transfer SET document_kind = 'payment' WHERE document_kind = 'gift'",
        "sales.payment_money",
        "received",
    ),
    (
        "UPDATE sales.orders SET owed = owed + 1 WHERE owed = 300",
        "UPDATE sales.orders SET owed = owed - 1 WHERE owed = 301",
        "sales.order_owed",
        "owed",
    ),
    (
        "UPDATE sales.allocation SET amount = amount + 1 WHERE amount = 700",
        "UPDATE sales.allocation SET amount = amount - 1 WHERE amount = 701",
        "sales.order_owed",
        "owed",
    ),
    (
        "UPDATE sales.payment SET customer_id = NULL WHERE document_id IS NULL",
        "UPDATE sales.payment p SET customer_id = o.customer_id FROM sales.orders o WHERE p.document_id IS NULL AND o.owed = 300",
        "sales.customer_owed",
        "customer",
    ),
];

/// What the checks are to name, by its word here.
type Named = HashMap<&'static str, String>;

/// Ten rounds of something on account, of which a part was received by card.
async fn on_account(story: &Story, named: &mut Named) {
    let tea = story.made_to_order("Tea", 100, 20).await;
    let customer = text(&story.post("/v1/customers", &json!({ "name": "The corner shop" })).await.ok().json()["id"]);
    let asked = json!({ "customerId": customer, "lines": [{ "itemId": tea, "quantity": "10" }], "payments": [{ "method": "on_account" }] });
    named.insert("owed", text(&story.post("/v1/sales", &asked).await.ok().json()["id"]));
    let received = json!({ "customerId": customer, "method": "card", "amount": pounds(700) });
    named.insert("received", text(&story.post("/v1/payments", &received).await.ok().json()["id"]));
    named.insert("customer", customer);
}

/// Sells a bread without tax for cash, and a cake with tax by card; both orders.
async fn two_sales(story: &Story) -> (String, String) {
    let coffee = story.made_to_order("Coffee", 260, 55).await;
    let bread = story.stocked("Bread", 320).await;
    story.bring_in(&bread, "10", 1000).await;
    let taxes = story.get("/v1/taxes").await.ok().json();
    let standard = taxes["rows"].as_array().unwrap().iter().find(|row| row["name"] == "Standard rate").cloned().unwrap();
    let cake = json!({
        "name": "Cake", "kind": "product", "baseUnit": "pc", "stockRule": "made_to_order", "price": pounds(600), "taxCategoryId": standard["id"],
    });
    let cake = story.item(cake).await;
    story.sell(&coffee, "2").await;
    let by_card = json!({ "lines": [{ "itemId": cake, "quantity": "1" }], "payments": [{ "method": "card" }] });
    let sold = story.post("/v1/sales", &by_card).await.ok().json();
    assert_eq!((&sold["net"], &sold["tax"]), (&pounds(500), &pounds(100)));
    (text(&story.sell(&bread, "1").await["id"]), text(&sold["id"]))
}

#[test]
fn each_spoiled_row_is_found_and_named() {
    own_database(async |story| {
        let (bread, cake) = two_sales(&story).await;
        let paid = story.get(&format!("/v1/orders/{bread}")).await.ok().json()["payments"][0]["id"].clone();
        let mut named = Named::from([("bread", bread), ("cake", cake), ("bread payment", text(&paid))]);
        on_account(&story, &mut named).await;
        assert!(story.check().await.is_empty());
        for (spoil, mend, check, of) in SPOILT {
            story.as_role("postgres", spoil).await;
            let found = story.check().await;
            assert!(found.iter().any(|f| f.finding.check == check && f.finding.id.to_string() == named[of]), "{spoil}: {found:?}");
            story.as_role("postgres", mend).await;
            assert!(story.check().await.is_empty(), "{mend}");
        }
    });
}
