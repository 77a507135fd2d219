//! Price lists: made, changed, taken out of use; prices on each; by which one a site sells.

use serde_json::{Value, json};
use testkit::{Answer, Story, pounds, run, text};
use uuid::Uuid;

fn euros(minor: i64) -> Value {
    json!({ "minor": minor, "currency": "EUR" })
}

/// The field at which a refusal points.
fn blamed(refused: &Answer) -> String {
    let problem = refused.json();
    text(if problem["errors"][0]["field"].is_string() { &problem["errors"][0]["field"] } else { &problem["field"] })
}

/// The lists by name and place.
async fn all(story: &Story) -> Vec<(String, i64)> {
    let rows = story.get("/v1/price-lists").await.ok().json();
    rows["rows"].as_array().unwrap().iter().map(|row| (text(&row["name"]), row["position"].as_i64().unwrap())).collect()
}

async fn make(story: &Story, name: &str, currency: &str, includes_tax: bool) -> String {
    let list = json!({ "name": name, "currency": currency, "includesTax": includes_tax, "position": 200 });
    text(&story.post("/v1/price-lists", &list).await.ok().json()["id"])
}

#[test]
fn a_price_list_is_made_renamed_reordered_and_retired() {
    run(async |story| {
        let id = Uuid::from_u128(0x1234_5678_9abc_7def_8000_0000_0000_0011);
        let wanted = json!({ "id": id, "name": " Wholesale ", "includesTax": false });
        let made = story.post("/v1/price-lists", &wanted).await.ok().json();
        assert_eq!((&made["name"], &made["currency"], &made["includesTax"]), (&json!("Wholesale"), &json!("GBP"), &json!(false)));
        assert_eq!(story.post("/v1/price-lists", &wanted).await.ok().json(), made, "sent twice, it is one");
        let mut other = wanted.clone();
        other["name"] = json!("Trade");
        story.post("/v1/price-lists", &other).await.refused("intent.other_content");
        for (field, value, code) in [
            ("name", json!(" "), "text.needed"),
            ("name", json!("x".repeat(101)), "text.too_long"),
            ("name", json!("Retail"), "price_list.name_taken"),
            ("currency", json!("pounds"), "currency.unknown"),
            ("position", json!(-1), "number.not_negative"),
            ("position", json!(10_001), "number.too_large"),
        ] {
            let mut bad = json!({ "name": "Fairs", "includesTax": true });
            bad[field] = value;
            let refused = story.post("/v1/price-lists", &bad).await;
            assert_eq!(blamed(&refused), field);
            refused.refused(code);
        }
        assert_eq!(all(&story).await, [("Retail".into(), 100), ("Wholesale".into(), 100)]);
        let path = format!("/v1/price-lists/{id}");
        let change = json!({ "version": 1, "name": "Trade", "position": 10, "currency": "EUR", "includesTax": true });
        let changed = story.post(&path, &change).await.ok().json();
        assert_eq!((&changed["currency"], &changed["version"]), (&json!("EUR"), &json!(2)), "while no price stands on it");
        story.post(&path, &change).await.refused("stale");
        assert_eq!(all(&story).await, [("Trade".into(), 10), ("Retail".into(), 100)]);
        let retired = story.post(&path, &json!({ "version": 2, "active": false })).await.ok().json();
        assert_eq!((&retired["active"], &retired["name"]), (&json!(false), &json!("Trade")));
        let used = story.get("/v1/price-lists?active=true").await.ok().json();
        assert_eq!(used["rows"].as_array().unwrap().len(), 1);
        let trail = story.get("/v1/trail?limit=10").await.ok().json().to_string();
        assert!(trail.contains("price_list.created") && trail.contains("price_list.changed"), "{trail}");
        story.get(&format!("/v1/price-lists/{}", story.tenant)).await.is(404);
        story.post(&format!("/v1/price-lists/{}", story.tenant), &json!({ "version": 1 })).await.is(404);
    });
}

#[test]
fn what_prices_stand_on_and_sites_sell_by_stays() {
    run(async |story| {
        let bun = story.made_to_order("Bun", 120, 30).await;
        let retail = story.get("/v1/price-lists").await.ok().json()["rows"][0].clone();
        let path = format!("/v1/price-lists/{}", text(&retail["id"]));
        let list = story.get(&path).await.ok().json();
        assert_eq!((&list["priced"], &retail["sites"].is_string()), (&json!(true), &true), "{retail}");
        let change = |field: &str, value: Value| json!({ "version": 1, (field): value });
        for (field, value, code) in [
            ("currency", json!("EUR"), "price_list.priced"),
            ("includesTax", json!(false), "price_list.priced"),
            ("active", json!(false), "price_list.sold_by"),
        ] {
            let refused = story.post(&path, &change(field, value)).await;
            assert_eq!(blamed(&refused), field);
            refused.refused(code);
        }
        // With a list before it, the site sells by that one, and the other may go.
        let fairs = make(&story, "Fairs", "GBP", true).await;
        story.post(&format!("/v1/price-lists/{fairs}"), &json!({ "version": 1, "position": 1 })).await.ok();
        story.post(&path, &change("active", json!(false))).await.ok();
        story.post(&format!("/v1/price-lists/{fairs}"), &json!({ "version": 2, "active": false })).await.refused("price_list.sold_by");
        // The item's usual price is that of the list that is used now.
        let item = story.get(&format!("/v1/items/{bun}")).await.ok().json();
        assert_eq!((&item["price"], &item["prices"][0]["list"]), (&json!(null), &json!("Retail")));
    });
}

#[test]
fn of_two_lists_retired_at_once_one_stays() {
    run(async |story| {
        let retail = text(&story.get("/v1/price-lists").await.ok().json()["rows"][0]["id"]);
        let fairs = make(&story, "Fairs", "GBP", true).await;
        let retire = async |id: &str| story.post(&format!("/v1/price-lists/{id}"), &json!({ "version": 1, "active": false })).await.status;
        let (one, other) = futures::join!(retire(&retail), retire(&fairs));
        assert!(one != 200 || other != 200, "{one} {other}");
        let site = story.get(&format!("/v1/sites/{}/price-list", story.site)).await.ok().json();
        assert!(site["priceListId"].is_string(), "{site}");
    });
}

#[test]
fn an_item_has_prices_on_several_lists() {
    run(async |story| {
        let bun = story.made_to_order("Bun", 120, 30).await;
        let (trade, euro) = (make(&story, "Wholesale", "GBP", false).await, make(&story, "Paris", "EUR", true).await);
        let path = format!("/v1/items/{bun}/price");
        story.post(&path, &json!({ "price": pounds(80), "listId": trade, "minQuantity": "24" })).await.ok();
        story.post(&path, &json!({ "price": euros(150), "listId": euro, "fromDay": "2026-11-01" })).await.ok();
        story.post(&path, &json!({ "price": pounds(150), "listId": euro })).await.refused("money.currency");
        story.post(&path, &json!({ "price": euros(150) })).await.refused("money.currency");
        let item = story.get(&format!("/v1/items/{bun}")).await.ok().json();
        let prices: Vec<(String, Value, Value)> =
            item["prices"].as_array().unwrap().iter().map(|p| (text(&p["list"]), p["price"].clone(), p["includesTax"].clone())).collect();
        assert!(prices.contains(&("Wholesale".into(), pounds(80), json!(false))), "{prices:?}");
        assert!(prices.contains(&("Paris".into(), euros(150), json!(true))), "{prices:?}");
        assert_eq!(item["price"], pounds(120), "the usual list's");
        let shown = async |query: &str| story.get(&format!("/v1/items?{query}")).await.ok().json()["rows"][0].clone();
        assert_eq!(shown("").await["price"], 120);
        let paris = shown(&format!("list={euro}")).await;
        assert_eq!((&paris["price"], &paris["currency"]), (&json!(150), &json!("EUR")));
        assert_eq!(shown(&format!("list={trade}&kind=product")).await["price"], json!(null), "there it costs something from two dozen on");

        let here = format!("/items/{bun}");
        let page = story.get(&here).await.ok().text();
        for part in ["Wholesale", "Paris", "€1.50", "without tax", "name=\"listId\""] {
            assert!(page.contains(part), "{part}: {page}");
        }
        let refused = story.form(&format!("{here}/price"), &[("listId", &euro), ("price", "1.505")]).await.is(422);
        assert_eq!(refused.input("price"), "1.505");
        assert_eq!(story.form(&format!("{here}/price"), &[("listId", &euro), ("price", "1.60")]).await.location(), here);
        assert!(story.get(&here).await.ok().text().contains("€1.60"));
        let nowhere = story.form(&format!("{here}/price"), &[("listId", &story.tenant.to_string()), ("price", "2.00")]).await.is(422);
        assert!(nowhere.text().contains("There is no such price list."), "{}", nowhere.text());
        let list = story.get(&format!("/items?list={euro}")).await.ok().text();
        assert!(list.contains("€1.60"), "{list}");
    });
}

#[test]
fn a_price_list_by_page() {
    run(async |story| {
        let sent = [("name", "Wholesale"), ("currency", "pounds"), ("includesTax", "false"), ("position", "")];
        let refused = story.form("/settings/price-lists/new", &sent).await.is(422);
        assert_eq!((refused.input("name").as_str(), refused.input("currency").as_str()), ("Wholesale", "pounds"));
        let mut mended = sent;
        mended[1].1 = "";
        let here = story.form("/settings/price-lists/new", &mended).await.location();
        let page = story.get(&here).await.ok();
        assert!(page.text().contains("without tax"), "{}", page.text());
        let change = [("version", "1"), ("name", "Trade"), ("position", "first"), ("currency", "EUR"), ("includesTax", "true")];
        let refused = story.form(&here, &change).await.is(422);
        assert_eq!((refused.input("name").as_str(), refused.input("position").as_str()), ("Trade", "first"));
        assert!(refused.text().contains("Write a whole number."), "{}", refused.text());
        let mut mended = change;
        mended[2].1 = "7";
        assert_eq!(story.form(&here, &mended).await.location(), here);
        assert!(story.form(&here, &mended).await.is(422).text().contains("Somebody changed it meanwhile"));
        assert_eq!(story.form(&here, &[("version", "2"), ("turn", "false")]).await.location(), here);
        assert!(story.get(&here).await.ok().text().contains("Out of use"));
        let all = story.get("/settings/price-lists").await.ok().text();
        assert!(all.contains("Retail") && all.contains("Trade"), "{all}");
        let retail = text(&story.get("/v1/price-lists?sort=name").await.ok().json()["rows"][0]["id"]);
        let retail = format!("/settings/price-lists/{retail}");
        let refused = story.form(&retail, &[("version", "1"), ("turn", "false")]).await.is(422);
        assert!(refused.text().contains("A site sells by this list."), "{}", refused.text());
        assert_eq!(refused.input("name"), "Retail", "the form shows the list");
    });
}

#[test]
fn a_site_sells_by_the_list_that_is_chosen_for_it() {
    run(async |story| {
        let (fairs, paris) = (make(&story, "Fairs", "GBP", true).await, make(&story, "Paris", "EUR", true).await);
        let path = format!("/v1/sites/{}/price-list", story.site);
        let list = async |path: &str| story.get(path).await.ok().json();
        assert_eq!((&list(&path).await["priceList"], &list(&path).await["chosen"]), (&json!("Retail"), &json!(false)));
        let choose = async |list: Value| story.post(&path, &json!({ "priceListId": list })).await;
        assert_eq!(choose(json!(fairs)).await.ok().json()["priceList"], "Fairs");
        for (wrong, code) in [(json!(paris), "price_list.currency"), (json!(story.tenant), "price_list.unknown")] {
            let refused = choose(wrong).await;
            assert_eq!(blamed(&refused), "priceListId");
            refused.refused(code);
        }
        assert_eq!(list(&path).await["priceList"], "Fairs", "nothing changed");
        assert_eq!(choose(json!(null)).await.ok().json()["priceList"], "Retail");

        let page = format!("/settings/sites/{}", story.site);
        assert_eq!(story.form(&page, &[("priceListId", &fairs)]).await.location(), page);
        assert!(story.get(&page).await.ok().text().contains("Fairs"));
        let refused = story.form(&page, &[("priceListId", &paris)]).await.is(422);
        assert!(refused.text().contains("another currency"), "{}", refused.text());

        // A site whose currency has no list says so, until it has one.
        let rome = json!({ "name": "Roma", "timeZone": "Europe/Rome", "currency": "CHF" });
        let rome = text(&story.post("/v1/sites", &rome).await.ok().json()["id"]);
        let page = story.get(&format!("/settings/sites/{rome}")).await.ok().text();
        assert!(page.contains("No price list is in CHF"), "{page}");
        make(&story, "Francs", "CHF", true).await;
        assert_eq!(list(&format!("/v1/sites/{rome}/price-list")).await["priceList"], "Francs");
        // One is chosen as the site is added.
        let lyon = json!({ "name": "Lyon", "timeZone": "Europe/Paris", "currency": "EUR", "priceListId": fairs });
        story.post("/v1/sites", &lyon).await.refused("price_list.currency");
        assert_eq!(story.get("/v1/sites").await.ok().json()["rows"].as_array().unwrap().len(), 2, "no site was added");
        let lyon = json!({ "name": "Lyon", "timeZone": "Europe/Paris", "currency": "EUR", "priceListId": paris });
        let lyon = text(&story.post("/v1/sites", &lyon).await.ok().json()["id"]);
        assert_eq!(list(&format!("/v1/sites/{lyon}/price-list")).await["chosen"], true);
    });
}
