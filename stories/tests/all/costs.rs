//! What things cost is not for everybody.

use kernel::Role;
use serde_json::{Value, json};
use testkit::{Person, Story, pounds, run, text};

/// Standard cost, what a delivery cost, and what one piece of it is worth: amounts that stand nowhere else.
const COSTS: [&str; 3] = ["7.77", "55.44", "2.31"];
/// The same as the API says them; without the colon the digits could stand in an id.
const MINORS: [&str; 3] = [":777", ":5544", ":231"];

/// A shop with one bread that was delivered and sold; paths of the item, its receipt and the order.
async fn shop(story: &Story) -> [String; 3] {
    let bread = json!({
        "name": "Sourdough", "kind": "product", "baseUnit": "pc", "stockRule": "stocked", "price": pounds(480), "standardCost": { "amount": pounds(777) },
    });
    let bread = story.item(bread).await;
    let receipt = story.bring_in(&bread, "24", 5544).await;
    let order = text(&story.sell(&bread, "1").await["id"]);
    [format!("items/{bread}"), format!("receipts/{receipt}"), format!("orders/{order}")]
}

async fn says_what_things_cost(person: &Person, path: &str) -> bool {
    let said = person.get(path).await.is(200).text();
    COSTS.iter().chain(&MINORS).any(|cost| said.contains(cost))
}

/// Every place where a cost stands for those who may see it.
fn places(shop: &[String; 3]) -> Vec<String> {
    let lists = ["stock/worth", "movements", "receipts"];
    let documents = shop.iter().flat_map(|path| [format!("/v1/{path}"), format!("/{path}")]);
    let lists = lists.iter().flat_map(|list| [format!("/v1/{list}"), format!("/v1/{list}?format=csv")]);
    documents.chain(lists).chain(["/stock", "/stock/movements", "/receipts"].map(str::to_owned)).collect()
}

#[test]
fn a_seller_is_told_nowhere_what_things_cost() {
    run(async |story| {
        let shop = shop(&story).await;
        let seller = story.member(&[Role::Seller]).await;
        for path in places(&shop) {
            assert!(says_what_things_cost(&story.owner, &path).await, "{path} tells the owner");
            assert!(!says_what_things_cost(&seller, &path).await, "{path}: {}", seller.get(&path).await.text());
        }
        let item = seller.get(&format!("/v1/{}", shop[0])).await.ok().json();
        assert_eq!((item.get("standardCost"), item["price"].clone()), (None, pounds(480)), "absent, not null");
        let worth = seller.get("/v1/stock/worth").await.ok().json()["rows"][0].clone();
        assert_eq!((worth.get("value"), worth.get("unitCost"), &worth["quantity"]), (None, None, &json!("23")));
        let heading = seller.get("/v1/stock/worth?format=csv").await.ok().text();
        assert_eq!(heading.lines().next().unwrap().split(',').count(), 4, "{heading}");
        let page = seller.get("/receipts").await.ok().text();
        assert!(!page.contains(&web::t("receipt-total")), "{page}");
    });
}

#[test]
fn who_buys_and_who_keeps_the_books_sees_what_things_cost() {
    run(async |story| {
        let shop = shop(&story).await;
        for role in [Role::Manager, Role::Accountant, Role::Storekeeper] {
            let person = story.member(&[role]).await;
            let order = format!("/{}", shop[2]);
            for path in places(&shop).iter().filter(|path| role != Role::Storekeeper || !path.ends_with(&order)) {
                assert!(says_what_things_cost(&person, path).await, "{role} {path}");
            }
        }
    });
}

#[test]
fn a_baker_who_records_what_was_made_is_not_told_what_it_is_worth() {
    run(async |story| {
        let shop = shop(&story).await;
        let baker = story.member(&[Role::Baker]).await;
        let bread = shop[0].trim_start_matches("items/");
        let made = json!({ "kind": "made", "lines": [{ "itemId": bread, "quantity": "2" }] });
        let receipt: Value = baker.post("/v1/receipts", &made).await.ok().json();
        assert_eq!((receipt.get("total"), receipt["lines"][0].get("amount")), (None, None), "{receipt}");
        let kept = story.get(&format!("/v1/receipts/{}", text(&receipt["id"]))).await.ok().json();
        assert_eq!(kept["total"], pounds(1554), "it is booked all the same");
    });
}
