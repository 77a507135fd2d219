//! Selling by several price lists: wholesale without the tax, a customer's own list, a site in another currency.

use serde_json::{Value, json};
use testkit::{Answer, Story, pounds, run, sale, text};

fn euros(minor: i64) -> Value {
    json!({ "minor": minor, "currency": "EUR" })
}

async fn list(story: &Story, name: &str, currency: &str, includes_tax: bool) -> String {
    let list = json!({ "name": name, "currency": currency, "includesTax": includes_tax, "position": 200 });
    text(&story.post("/v1/price-lists", &list).await.ok().json()["id"])
}

async fn price(story: &Story, item: &str, list: &str, price: Value) {
    let body = json!({ "price": price, "listId": list });
    story.post(&format!("/v1/items/{item}/price"), &body).await.ok();
}

async fn customer(story: &Story, name: &str, list: &str) -> String {
    text(&story.post("/v1/customers", &json!({ "name": name, "priceListId": list })).await.ok().json()["id"])
}

/// A product taxed at the standard rate.
async fn taxed(story: &Story, name: &str, price: i64) -> String {
    let all = story.get("/v1/taxes").await.ok().json();
    let standard = all["rows"].as_array().unwrap().iter().find(|row| row["name"] == "Standard rate").unwrap()["id"].clone();
    let item = json!({ "name": name, "kind": "product", "baseUnit": "pc", "price": pounds(price), "taxCategoryId": standard });
    story.item(item).await
}

/// What a book holds, by currency.
async fn balance(story: &Story, code: &str) -> Vec<Value> {
    let all = story.get("/v1/ledger/balances").await.ok().json();
    all["rows"].as_array().unwrap().iter().filter(|row| row["code"] == code).map(|row| row["balance"].clone()).collect()
}

/// The field at which a refusal points, and what it says of it.
fn blamed(refused: &Answer) -> (String, String) {
    let problem = refused.json();
    (text(&problem["errors"][0]["field"]), problem["detail"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn a_wholesale_order_has_its_tax_on_top() {
    run(async |story| {
        let (cake, bread) = (taxed(&story, "Cake", 300).await, story.made_to_order("Bread", 320, 90).await);
        let trade = list(&story, "Wholesale", "GBP", false).await;
        price(&story, &cake, &trade, pounds(100)).await;
        let cafe = customer(&story, "Café Nero", &trade).await;
        let order = |lines: Value| json!({ "customerId": cafe, "lines": lines, "payments": [{ "method": "card" }] });
        let both = json!([{ "itemId": cake, "quantity": "3" }, { "itemId": bread, "quantity": "2" }]);
        let refused = story.post("/v1/sales", &order(both.clone())).await;
        assert_eq!(blamed(&refused).0, "lines.1.itemId");
        assert!(refused.text().contains("Bread has no price on the list Wholesale."), "{}", refused.text());
        refused.refused("price.missing");
        price(&story, &bread, &trade, pounds(50)).await;
        let mut short = order(both.clone());
        short["payments"][0]["amount"] = pounds(400);
        story.post("/v1/sales", &short).await.refused("order.paid_amount");

        let rung = story.post("/v1/sales", &order(both)).await.ok().json();
        assert_eq!((&rung["net"], &rung["tax"], &rung["total"], &rung["paid"]), (&pounds(400), &pounds(60), &pounds(460), &pounds(460)));
        let here = format!("/orders/{}", text(&rung["id"]));
        let order = story.get(&format!("/v1{here}")).await.ok().json();
        assert_eq!((&order["pricesIncludeTax"], &order["lines"][0]["unitPrice"]), (&json!(false), &pounds(100)));
        assert_eq!((&order["lines"][0]["net"], &order["lines"][0]["tax"]), (&pounds(300), &pounds(60)));
        let page = story.get(&here).await.ok().text();
        for part in ["Without tax", "VAT 20 % of £3.00", "£0.60", "£4.00", "£4.60"] {
            assert!(page.contains(part), "{part}: {page}");
        }
        let back = json!({ "lines": [{ "n": 1, "quantity": "1" }], "reason": "broken" });
        let back = story.post(&format!("/v1{here}/refund"), &back).await.ok().json();
        assert_eq!((&back["net"], &back["tax"], &back["total"]), (&pounds(-100), &pounds(-20), &pounds(-120)));
        let report = story.get("/v1/reports/sales?from=2026-11-01&to=2026-11-30").await.ok().json();
        let total = &report["total"];
        assert_eq!((&total["net"], &total["tax"], &total["total"]), (&json!(300), &json!(40), &json!(340)));
        assert_eq!(balance(&story, "2100").await, [pounds(-40)], "the tax that is owed");
        assert_eq!(balance(&story, "1010").await, [pounds(340)], "what the card brought");
        assert!(story.check().await.is_empty());

        // Whoever has no list of their own buys by the site's, with the tax in its prices.
        let counter = story.sell(&cake, "1").await;
        assert_eq!((&counter["net"], &counter["tax"], &counter["total"]), (&pounds(250), &pounds(50), &pounds(300)));
        // The same by page.
        let sent = [("lines.0.itemId", "Cake"), ("lines.0.quantity", "2"), ("method", "on_account"), ("customer", cafe.as_str())];
        let page = story.get(&story.form("/orders/new", &sent).await.location()).await.ok().text();
        assert!(page.contains("VAT 20 % of £2.00") && page.contains("£2.40"), "{page}");
        assert!(story.check().await.is_empty());
    });
}

#[test]
fn a_site_may_sell_without_the_tax_and_by_quantity() {
    run(async |story| {
        let cake = taxed(&story, "Cake", 300).await;
        let trade = list(&story, "Cash and carry", "GBP", false).await;
        price(&story, &cake, &trade, pounds(200)).await;
        let dozen = json!({ "price": pounds(150), "listId": trade, "minQuantity": "12" });
        story.post(&format!("/v1/items/{cake}/price"), &dozen).await.ok();
        assert_eq!(story.sell(&cake, "12").await["total"], pounds(3600), "the usual list until another is chosen");
        story.post(&format!("/v1/sites/{}/price-list", story.site), &json!({ "priceListId": trade })).await.ok();
        let one = story.sell(&cake, "1").await;
        assert_eq!((&one["net"], &one["tax"], &one["total"]), (&pounds(200), &pounds(40), &pounds(240)));
        assert_eq!(story.sell(&cake, "12").await["total"], pounds(2160));
        let off = json!({ "lines": [{ "itemId": cake, "quantity": "1" }], "discount": { "amount": pounds(50) }, "payments": [{ "method": "cash" }] });
        let off = story.post("/v1/sales", &off).await.ok().json();
        assert_eq!(
            (&off["net"], &off["tax"], &off["total"]),
            (&pounds(150), &pounds(30), &pounds(180)),
            "the discount comes off before the tax"
        );
        assert!(story.check().await.is_empty());
    });
}

#[test]
fn a_customers_list_counts_where_it_can() {
    run(async |story| {
        let bun = story.made_to_order("Bun", 120, 30).await;
        let (trade, paris) = (list(&story, "Wholesale", "GBP", true).await, list(&story, "Paris", "EUR", true).await);
        price(&story, &bun, &trade, pounds(80)).await;
        price(&story, &bun, &paris, euros(150)).await;
        let cafe = customer(&story, "Café Nero", &trade).await;
        let path = format!("/v1/customers/{cafe}");
        let buys = async || {
            let mut asked = sale(&bun, "1");
            asked["customerId"] = json!(cafe);
            story.post("/v1/sales", &asked).await.ok().json()["total"].clone()
        };
        assert_eq!(buys().await, pounds(80));
        let change = |version: i64, list: Value| json!({ "version": version, "name": "Café Nero", "priceListId": list });
        let changed = story.post(&path, &change(1, json!(paris))).await.ok().json();
        assert_eq!((&changed["priceList"], &changed["version"]), (&json!("Paris"), &json!(2)));
        assert_eq!(buys().await, pounds(120), "in another currency than the site's: by the site's list");
        story.post(&path, &change(1, json!(trade))).await.refused("stale");
        for (wrong, code) in [(json!(story.tenant), "price_list.unknown")] {
            let refused = story.post(&path, &change(2, wrong)).await;
            assert_eq!(blamed(&refused).0, "priceListId");
            refused.refused(code);
        }
        story.post(&path, &change(2, json!(trade))).await.ok();
        story.post(&format!("/v1/price-lists/{trade}"), &json!({ "version": 1, "active": false })).await.ok();
        assert_eq!(buys().await, pounds(120), "out of use: by the site's list");
        story.post("/v1/customers", &json!({ "name": "Tea room", "priceListId": trade })).await.refused("price_list.retired");

        let here = format!("/customers/{cafe}");
        let page = story.get(&here).await.ok();
        assert_eq!(page.input("name"), "Café Nero");
        let sent = [("version", "3"), ("name", "Nero"), ("email", "nobody"), ("phone", ""), ("priceListId", trade.as_str())];
        let refused = story.form(&here, &sent).await.is(422);
        assert_eq!((refused.input("name").as_str(), refused.input("email").as_str()), ("Nero", "nobody"));
        let mut mended = sent;
        mended[2].1 = "nero@example.com";
        assert_eq!(story.form(&here, &mended).await.location(), here, "the list out of use may stay where it is");
        let page = story.get(&here).await.ok().text();
        assert!(page.contains("nero@example.com") && page.contains("Wholesale") && page.contains("Customer changed"), "{page}");
        assert!(story.get("/customers").await.ok().text().contains("Wholesale"));
    });
}

/// A business in pounds with a site in euros: bread brought in and sold there, coffee made there, and bread sold at home.
async fn calais(story: &Story) -> (String, String) {
    let (bread, coffee) = (story.stocked("Bread", 320).await, story.made_to_order("Coffee", 260, 55).await);
    story.bring_in(&bread, "10", 1000).await;
    let site = json!({ "name": "Calais", "timeZone": "Europe/Paris", "currency": "EUR" });
    let site = text(&story.post("/v1/sites", &site).await.ok().json()["id"]);
    let sold = |lines: Value| json!({ "siteId": site, "lines": lines, "payments": [{ "method": "cash" }] });
    let refused = story.post("/v1/sales", &sold(json!([{ "itemId": coffee, "quantity": "1" }]))).await;
    assert_eq!(blamed(&refused).0, "siteId");
    refused.refused("price_list.none");
    let euro = list(story, "Calais", "EUR", true).await;
    price(story, &bread, &euro, euros(450)).await;
    price(story, &coffee, &euro, euros(300)).await;
    let made = |amount: Value| json!({ "kind": "made", "siteId": site, "lines": [{ "itemId": bread, "quantity": "5", "amount": amount }] });
    let refused = story.post("/v1/receipts", &made(json!(null))).await;
    assert_eq!(blamed(&refused).0, "lines.0.amount", "a standard cost in pounds is none in euros");
    story.post("/v1/receipts", &made(pounds(600))).await.refused("money.currency");
    story.post("/v1/receipts", &made(euros(600))).await.ok();
    let lines = json!([{ "itemId": bread, "quantity": "2" }, { "itemId": coffee, "quantity": "1" }]);
    let rung = story.post("/v1/sales", &sold(lines)).await.ok().json();
    assert_eq!(rung["total"], euros(1200));
    story.sell(&bread, "1").await;
    (site, text(&rung["id"]))
}

#[test]
fn a_site_in_another_currency_trades_and_nothing_is_added_across() {
    run(async |story| {
        let (site, order) = calais(&story).await;
        let order = story.get(&format!("/v1/orders/{order}")).await.ok().json();
        let costs: Vec<&Value> = order["lines"].as_array().unwrap().iter().map(|line| &line["cost"]).collect();
        assert_eq!(costs, [&euros(240), &euros(0)], "what was brought in, and no pence taken for cents");
        let period = "from=2026-11-01&to=2026-11-30";
        let report = async |more: &str| story.get(&format!("/v1/reports/sales?{period}&{more}")).await;
        let by_site = report("by=site").await.ok().json();
        let rows: Vec<(String, Value, Value)> =
            by_site["rows"].as_array().unwrap().iter().map(|r| (text(&r["label"]), r["currency"].clone(), r["total"].clone())).collect();
        assert!(rows.contains(&("Calais".into(), json!("EUR"), json!(1200))), "{rows:?}");
        assert!(rows.iter().any(|row| (&row.1, &row.2) == (&json!("GBP"), &json!(320))), "{rows:?}");
        assert_eq!((by_site.get("total"), by_site.get("currency")), (None, None), "{by_site}");
        report("by=day").await.refused("money.currency");
        let by_day = report(&format!("by=day&site={site}")).await.ok().json();
        assert_eq!((&by_day["currency"], &by_day["total"]["total"]), (&json!("EUR"), &json!(1200)));
        let file = report("by=site&format=csv").await.ok().text();
        assert!(file.contains("12.00") && file.contains("EUR") && file.contains("3.20") && file.contains("GBP"), "{file}");
        assert!(!file.contains("15.20"), "{file}");

        let page = story.get(&format!("/reports?{period}&by=site")).await.ok().text();
        assert!(page.contains("12.00") && page.contains('€') && page.contains("3.20") && !page.contains("15.20"), "{page}");
        let home = story.get("/").await.ok().text();
        assert!(home.contains("3.20") && !home.contains("15.20") && home.contains("Calais"), "the first site, and where the other is");
        let home = story.get(&format!("/?site={site}")).await.ok().text();
        assert!(home.contains("12.00") && home.contains('€'), "{home}");
        let mut cash = balance(&story, "1000").await;
        cash.sort_by_key(|balance| text(&balance["currency"]));
        assert_eq!(cash, [euros(1200), pounds(320)]);
        assert!(story.check().await.is_empty());
    });
}

#[test]
fn a_site_in_another_currency_trades_by_page() {
    run(async |story| {
        let bread = story.stocked("Bread", 320).await;
        let sent = [("name", "Calais"), ("timeZone", "Europe/Paris"), ("dayStart", "04:00"), ("currency", "eur")];
        let site = story.form("/settings/sites/add", &sent).await.location();
        assert!(story.get(&site).await.ok().text().contains("No price list is in EUR"));
        let euro = [("name", "Calais"), ("currency", "EUR"), ("includesTax", "true")];
        let euro = story.form("/settings/price-lists/new", &euro).await.location();
        assert!(story.get(&site).await.ok().text().contains("Calais"));
        let euro = euro.rsplit('/').next().unwrap();
        story.form(&format!("/items/{bread}/price"), &[("listId", euro), ("price", "4.50")]).await.location();
        let site = site.rsplit('/').next().unwrap();
        let shop = text(&story.get(&format!("/v1/locations?site={site}")).await.ok().json()["rows"][0]["id"]);
        let delivery = [
            ("kind", "delivery"),
            ("locationId", shop.as_str()),
            ("lines.0.itemId", bread.as_str()),
            ("lines.0.quantity", "5"),
            ("lines.0.amount", "6.00"),
        ];
        let receipt = story.form("/receipts/new", &delivery).await.location();
        assert!(story.get(&receipt).await.ok().text().contains("€6.00"));
        let sold = [("siteId", site), ("lines.0.itemId", "Bread"), ("lines.0.quantity", "2"), ("method", "cash")];
        let order = story.form("/orders/new", &sold).await.location();
        assert!(story.get(&order).await.ok().text().contains("€9.00"));
        assert!(story.check().await.is_empty());
    });
}
