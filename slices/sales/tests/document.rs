//! An order as a document: where it was sold, its taxes, and what pays it back.

use serde_json::{Value, json};
use testkit::{Story, pounds, run, text};

/// An item that is taxed in a category.
async fn item(story: &Story, name: &str, price: i64, tax: &Value) -> String {
    let item = json!({
        "name": name, "kind": "product", "baseUnit": "pc", "stockRule": "made_to_order", "price": pounds(price), "taxCategoryId": tax,
    });
    story.item(item).await
}

/// A cake with VAT, and sherry with VAT and a duty, beside bread without tax.
async fn taxed_sale(story: &Story) -> Value {
    let taxes = story.get("/v1/taxes").await.ok().json();
    let standard = taxes["rows"].as_array().unwrap().iter().find(|row| row["name"] == "Standard rate").cloned().unwrap();
    let spirits = story.post("/v1/taxes", &json!({ "name": "Spirits" })).await.ok().json()["id"].clone();
    let duty = json!({ "name": "Duty", "percent": "17.5", "fromDay": "2026-01-01" });
    story.post(&format!("/v1/taxes/{}/rates", text(&spirits)), &duty).await.ok();
    let (cake, tart) = (item(story, "Cake", 600, &standard["id"]).await, item(story, "Tart", 240, &standard["id"]).await);
    let (sherry, bread) = (item(story, "Sherry", 470, &spirits).await, story.made_to_order("Bread", 320, 90).await);
    let line = |item: &str| json!({ "itemId": item, "quantity": "1" });
    let lines = [line(&cake), line(&bread), line(&tart), line(&sherry)];
    let sold = json!({ "lines": lines, "payments": [{ "method": "card" }] });
    story.post("/v1/sales", &sold).await.ok().json()
}

#[test]
fn an_order_tells_its_taxes_line_by_line_and_its_page_tax_by_tax() {
    run(async |story| {
        let sold = taxed_sale(&story).await;
        let id = text(&sold["id"]);
        let order = story.get(&format!("/v1/orders/{id}")).await.ok().json();
        let taxes = |n: usize| -> Vec<_> {
            let rows = order["lines"][n]["taxes"].as_array().unwrap();
            rows.iter().map(|t| (text(&t["name"]), text(&t["percent"]), t["base"].clone(), t["amount"].clone())).collect()
        };
        assert_eq!(taxes(0), [("VAT".into(), "20".into(), pounds(500), pounds(100))]);
        assert_eq!(taxes(1), []);
        assert_eq!(taxes(2), [("VAT".into(), "20".into(), pounds(200), pounds(40))]);
        assert_eq!(taxes(3), [("Duty".into(), "17.5".into(), pounds(400), pounds(70))]);
        let known = story.get("/v1/taxes").await.ok().json();
        let vat = known["rows"].as_array().unwrap().iter().find(|row| row["name"] == "Standard rate").unwrap();
        assert_eq!(order["lines"][0]["taxes"][0]["taxId"], vat["rates"][0]["id"]);
        assert_eq!((&order["siteId"], &order["deviceId"], &order["device"]), (&json!(story.site), &json!(null), &json!(null)));
        let page = story.get(&format!("/orders/{id}")).await.ok().text();
        for said in ["VAT 20 % of £7.00", "£1.40", "Duty 17.5 % of £4.00", "£0.70", "£2.10", text(&order["site"]).as_str()] {
            assert!(page.contains(said), "{said}: {page}");
        }
    });
}

#[test]
fn a_sale_and_what_pays_it_back_lead_to_each_other_by_number() {
    run(async |story| {
        let sold = taxed_sale(&story).await;
        let (id, number) = (text(&sold["id"]), text(&sold["number"]));
        let back = |n: i64| json!({ "lines": [{ "n": n, "quantity": "1" }], "reason": "stale" });
        let first = story.post(&format!("/v1/orders/{id}/refund"), &back(1)).await.ok().json();
        let second = story.post(&format!("/v1/orders/{id}/refund"), &back(2)).await.ok().json();

        let sale = story.get(&format!("/v1/orders/{id}")).await.ok().json();
        let of = |refund: &Value| json!({ "id": refund["id"], "number": refund["number"], "total": refund["total"] });
        assert_eq!(sale["refunds"], json!([of(&first), of(&second)]));
        assert_eq!((&sale["refunds"][0]["total"], &sale["refundOf"], &sale["refundOfNumber"]), (&pounds(-600), &json!(null), &json!(null)));
        let page = story.get(&format!("/orders/{id}")).await.ok().text();
        for refund in [&first, &second] {
            let link = format!("<a href=\"/orders/{}\">{}</a>", text(&refund["id"]), text(&refund["number"]));
            assert!(text(&refund["number"]).starts_with("C-2026-") && page.contains(&link), "{link}: {page}");
        }

        let refund = story.get(&format!("/v1/orders/{}", text(&first["id"]))).await.ok().json();
        assert_eq!((&refund["refundOf"], &refund["refundOfNumber"], &refund["refunds"]), (&json!(id), &json!(number), &json!([])));
        assert_eq!((&refund["lines"][0]["taxes"][0]["base"], &refund["lines"][0]["taxes"][0]["amount"]), (&pounds(-500), &pounds(-100)));
        let page = story.get(&format!("/orders/{}", text(&first["id"]))).await.ok().text();
        assert!(page.contains(&format!("<a href=\"/orders/{id}\">{number}</a>")), "{page}");
    });
}

/// Of an imported past each order has the number that its source gave it.
#[test]
fn a_refund_of_a_past_order_names_it_by_the_number_of_its_source() {
    run(async |story| {
        let file = "date,time,ticket,item,quantity,price\n2017-03-01,09:00:00,T-77,Bread,2,3.20\n";
        let files = vec![tables::Source::bytes("till.csv", file.as_bytes().to_vec())];
        let ask = sales::import::ImportAsk { files, ..Default::default() };
        sales::import::run(&story.db, story.op(), ask, &|_| ()).await.unwrap();
        let past = text(&story.get("/v1/orders").await.ok().json()["rows"][0]["id"]);
        let refund = story.post(&format!("/v1/orders/{past}/refund"), &json!({ "reason": "stale" })).await.ok().json();
        let page = story.get(&format!("/orders/{}", text(&refund["id"]))).await.ok().text();
        assert!(page.contains(&format!("<a href=\"/orders/{past}\">T-77</a>")), "{page}");
    });
}

#[test]
fn a_past_order_is_found_by_the_number_that_its_till_gave_it() {
    run(async |story| {
        let file = "date,time,ticket,item,quantity,price\n\
            2017-03-01,09:00:00,T-77,Bread,2,3.20\n2017-03-01,09:05:00,T-771,Bread,1,3.20\n2017-03-01,09:10:00,U-1,Bread,1,3.20\n\
            2017-04-02,09:00:00,T-77,Tea,1,1.90\n2017-04-02,09:00:00,T-77,Tea,-1,1.90\n";
        let files = vec![tables::Source::bytes("till.csv", file.as_bytes().to_vec())];
        let ask = sales::import::ImportAsk { files, ..Default::default() };
        sales::import::run(&story.db, story.op(), ask, &|_| ()).await.unwrap();
        let labels = |page: &str| -> Vec<String> {
            let names = page.split("class=\"place-name\">").skip(1);
            // The rail's places stand on the page as well.
            names.map(|rest| rest.split('<').next().unwrap().to_owned()).filter(|name| name.contains(" · ")).collect()
        };
        let found = |said: &str| format!("/search?q={said}");
        let page = story.get(&found("T-77")).await.ok().text();
        let (newest, rest) = (labels(&page)[..2].to_vec(), labels(&page)[2..].to_vec());
        for back in ["T-77 · 2017-04-02 · £1.90", "T-77 · 2017-04-02 · −£1.90"] {
            assert!(newest.iter().any(|label| label == back), "{newest:?}");
        }
        assert_eq!(rest, ["T-77 · 2017-03-01 · £6.40", "T-771 · 2017-03-01 · £3.20"]);
        let id = text(&story.get("/v1/orders?sort=placed&to=2017-03-01").await.ok().json()["rows"][0]["id"]);
        assert!(page.contains(&format!("/orders/{id}")), "{page}");
        // Two signs begin most numbers, so they find what is called just so.
        assert!(labels(&story.get(&found("T-")).await.ok().text()).is_empty());
        let baker = story.member(&[kernel::Role::Baker]).await;
        assert!(labels(&baker.get(&found("T-77")).await.ok().text()).is_empty(), "who may not see orders");
        let (_, neighbour) = story.neighbour().await;
        assert!(labels(&neighbour.get(&found("T-77")).await.ok().text()).is_empty());
    });
}
