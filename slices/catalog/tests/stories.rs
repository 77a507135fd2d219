//! Items, units, prices and taxes.

use kernel::ItemId;
use serde_json::json;
use testkit::{pounds, run, text};

#[test]
fn an_item_is_made_changed_and_found() {
    run(async |story| {
        let flour = json!({
            "name": "Strong flour", "kind": "ingredient", "sku": "FL-1", "category": "Flour", "baseUnit": "g",
            "units": [{ "code": "bag", "numerator": 25_000 }], "standardCost": { "amount": pounds(1850), "unit": "bag" },
        });
        let made = story.post("/v1/items", &flour).await.ok().json();
        assert_eq!((&made["stockRule"], &made["version"]), (&json!("stocked"), &json!(1)));
        assert_eq!(made["standardCost"], json!({ "amount": pounds(1850), "per": "25", "unit": "kg" }), "said in a common unit");
        let path = format!("/v1/items/{}", text(&made["id"]));
        let changed =
            story.post(&path, &json!({ "version": 1, "name": "Strong white flour", "sku": "", "active": false })).await.ok().json();
        assert_eq!(
            (&changed["name"], &changed["sku"], &changed["category"]),
            (&json!("Strong white flour"), &json!(null), &json!("Flour"))
        );
        assert_eq!(changed["units"], json!([{ "code": "bag", "numerator": 25_000, "denominator": 1 }]), "what was not sent stays");
        story.post(&path, &json!({ "version": 1, "name": "Weak flour" })).await.refused("stale");
        let rows = async |query: &str| story.get(&format!("/v1/items?{query}")).await;
        for (query, found) in
            [("q=strong%20w", 1), ("q=flour", 0), ("kind=ingredient", 1), ("category=Flour&active=false", 1), ("active=true", 0)]
        {
            assert_eq!(rows(query).await.ok().json()["rows"].as_array().unwrap().len(), found, "{query}");
        }
        assert!(story.get("/search?q=stro").await.ok().text().contains("Strong white flour"));
        story.get(&format!("/v1/items/{}", story.tenant)).await.is(404);
    });
}

#[test]
fn what_an_item_can_not_be_is_refused_by_field() {
    run(async |story| {
        story.item(json!({ "name": "Bun", "sku": "B", "kind": "product", "baseUnit": "pc" })).await;
        let good = json!({ "name": "Roll", "kind": "product", "baseUnit": "pc" });
        for (field, value, blamed, code) in [
            ("name", json!(" "), "name", "text.needed"),
            ("name", json!("x".repeat(201)), "name", "text.too_long"),
            ("name", json!("Bun"), "name", "item.name_taken"),
            ("sku", json!("B"), "sku", "item.sku_taken"),
            ("baseUnit", json!("kg"), "baseUnit", "choice.unknown"),
            ("units", json!([{ "code": "dozen", "numerator": 13 }]), "units.0.code", "unit.exists"),
            ("units", json!([{ "code": "tray", "numerator": 0 }]), "units.0.numerator", "unit.ratio"),
            ("standardCost", json!({ "amount": { "minor": 1, "currency": "KES" } }), "standardCost.amount", "money.currency"),
            ("standardCost", json!({ "amount": pounds(1), "unit": "kg" }), "standardCost.unit", "unit.dimension"),
            ("standardCost", json!({ "amount": pounds(1), "per": "0" }), "standardCost.per", "number.positive"),
            ("taxCategoryId", json!(story.tenant), "taxCategoryId", "tax.unknown"),
            ("price", json!({ "minor": 1, "currency": "KES" }), "price", "money.currency"),
            ("price", pounds(-1), "price", "number.not_negative"),
            ("kind", json!("cake"), "kind", "body.wrong_type"),
            ("colour", json!("red"), "colour", "body.unknown_field"),
        ] {
            let mut bad = good.clone();
            bad[field] = value;
            let refused = story.post("/v1/items", &bad).await;
            let problem = refused.json();
            let field = problem["errors"][0]["field"].as_str().or(problem["field"].as_str()).unwrap_or_default().to_owned();
            assert_eq!(field, blamed, "{problem}");
            refused.refused(code);
        }
        let dear = json!({ "name": "Saffron", "kind": "ingredient", "baseUnit": "g", "price": pounds(120), "priceUnit": "kg" });
        story.post("/v1/items", &dear).await.refused("price.not_whole");
    });
}

#[test]
fn a_price_holds_from_its_day_on() {
    run(async |story| {
        let bun = story.made_to_order("Bun", 120, 30).await;
        let path = format!("/v1/items/{bun}/price");
        story.post(&path, &json!({ "price": pounds(150), "fromDay": "2026-12-01" })).await.ok();
        story.post(&path, &json!({ "price": pounds(100), "minQuantity": "12" })).await.ok();
        let item = story.get(&format!("/v1/items/{bun}")).await.ok().json();
        assert_eq!((&item["price"], item["prices"].as_array().unwrap().len()), (&pounds(120), 3));
        let id: ItemId = bun.parse().unwrap();
        let mut tx = story.db.begin(story.op()).await.unwrap();
        for (day, dozen, one) in [("2026-11-20", None, None), ("2026-11-21", Some(100), Some(120)), ("2026-12-01", Some(150), Some(150))] {
            let day = day.parse().unwrap();
            let found = catalog::sellables(&mut tx, &[id], day).await.unwrap();
            let bun = &found[&id];
            let of = |quantity| bun.price_for(kernel::Quantity::whole(quantity), day);
            assert_eq!((of(12), of(1), bun.unit_price), (dozen, one, one), "{day}");
            assert_eq!((bun.includes_tax, bun.list_currency.code(), bun.taxes.len()), (true, "GBP", 0));
        }
        assert_eq!(tx.trips(), 4, "begin, and one round trip a reading");
        story.post(&path, &json!({ "price": pounds(1), "listId": story.tenant })).await.refused("price_list.unknown");
    });
}

#[test]
fn a_tax_rate_follows_the_one_before_it() {
    run(async |story| {
        let all = story.get("/v1/taxes").await.ok().json();
        let standard = all["rows"].as_array().unwrap().iter().find(|row| row["name"] == "Standard rate").cloned().unwrap();
        assert_eq!((&standard["rates"][0]["name"], &standard["rates"][0]["percent"]), (&json!("VAT"), &json!("20")));
        let path = format!("/v1/taxes/{}/rates", text(&standard["id"]));
        let rate = |percent: &str, from: &str| json!({ "name": "VAT", "percent": percent, "fromDay": from });
        let after = story.post(&path, &rate("17.5", "2026-12-01")).await.ok().json();
        assert_eq!((&after["rates"][0]["percent"], &after["rates"][1]["untilDay"]), (&json!("17.5"), &json!("2026-11-30")));
        story.post(&path, &rate("5", "2026-12-01")).await.refused("tax.backwards");
        story.post(&path, &rate("-5", "2027-12-01")).await.refused("number.not_negative");
        story.post(&format!("/v1/taxes/{}/rates", story.tenant), &rate("5", "2027-12-01")).await.is(404);
        let cake = json!({ "name": "Cake", "kind": "product", "baseUnit": "pc", "price": pounds(300), "taxCategoryId": standard["id"] });
        let id: ItemId = story.item(cake).await.parse().unwrap();
        let mut tx = story.db.begin(story.op()).await.unwrap();
        for (day, rate) in [("2026-11-30", 200_000), ("2026-12-01", 175_000)] {
            let found = catalog::sellables(&mut tx, &[id], day.parse().unwrap()).await.unwrap();
            assert_eq!(found[&id].taxes[0].parts_per_million, rate, "{day}");
        }
        drop(tx);
        story.post("/v1/taxes", &json!({ "name": "Zero-rated" })).await.refused("tax.category_taken");
        let page = story.form("/settings/taxes", &[("categoryName", "Reduced rate")]).await;
        assert_eq!(page.location(), "/settings/taxes");
        let shown = story.get("/settings/taxes").await.ok().text();
        assert!(shown.contains("Reduced rate") && shown.contains("17.5"), "{shown}");
        let sent = [("category", standard["id"].as_str().unwrap()), ("name", "VAT"), ("percent", "much"), ("fromDay", "2027-01-01")];
        let refused = story.form("/settings/taxes/rates", &sent).await.is(422);
        assert_eq!((refused.input("percent").as_str(), refused.input("name").as_str()), ("much", "VAT"));
    });
}

#[test]
fn the_items_of_a_past_are_found_or_made() {
    run(async |story| {
        let bread = story.item(json!({ "name": "Bread", "sku": "BR", "kind": "product", "baseUnit": "pc" })).await;
        let past = |name: &str, sku: Option<&str>| catalog::PastItem {
            name: name.into(),
            sku: sku.map(str::to_owned),
            category: Some("Bakery".into()),
            unit_price: Some(350),
            standard_cost: 90,
        };
        let day = "2016-10-30".parse().unwrap();
        let asked =
            [past("A loaf", Some("BR")), past("Coffee", None), past("Bread", None), past("Coffee", None), past("Scone", Some("SC"))];
        let list = usual_list(&story).await;
        let mut tx = story.db.begin(story.op()).await.unwrap();
        let ids = catalog::match_or_make(&mut tx, &asked, Some(list), day).await.unwrap();
        assert_eq!((ids[0].to_string(), ids[2].to_string()), (bread.clone(), bread));
        assert_eq!(ids[1], ids[3]);
        let found = catalog::sellables(&mut tx, &ids, day).await.unwrap();
        let coffee = &found[&ids[1]];
        assert_eq!((coffee.unit_price, coffee.stock_rule, coffee.standard_cost), (Some(350), catalog::StockRule::MadeToOrder, 90));
        assert_eq!(found[&ids[0]].unit_price, None, "what is there is left as it is");
        tx.commit().await.unwrap();
        let mut tx = story.db.begin(story.op()).await.unwrap();
        assert_eq!(catalog::match_or_make(&mut tx, &asked, Some(list), day).await.unwrap(), ids, "the same again");
        let wrong = catalog::match_or_make(&mut tx, &[past("", None)], Some(list), day).await.unwrap_err();
        assert_eq!(wrong.code(), "invalid");
    });
}

#[test]
fn two_imports_that_make_the_same_item_share_it() {
    run(async |story| {
        let past = [catalog::PastItem { name: "Tea".into(), sku: None, category: None, unit_price: None, standard_cost: 0 }];
        let day = "2016-10-30".parse().unwrap();
        let make = async || {
            let mut tx = story.db.begin(story.op()).await.unwrap();
            let ids = catalog::match_or_make(&mut tx, &past, None, day).await.unwrap();
            tx.commit().await.unwrap();
            ids[0]
        };
        let (one, other) = futures::join!(make(), make());
        assert_eq!(one, other);
    });
}

/// The list that a business begins with.
async fn usual_list(story: &testkit::Story) -> kernel::PriceListId {
    text(&story.get("/v1/price-lists").await.ok().json()["rows"][0]["id"]).parse().unwrap()
}

/// The id of the tax category that items get unless told otherwise.
async fn usual_tax(story: &testkit::Story) -> String {
    let all = story.get("/v1/taxes").await.ok().json();
    text(&all["rows"].as_array().unwrap().iter().find(|row| row["usual"] == true).unwrap()["id"])
}

#[test]
fn an_item_by_page() {
    run(async |story| {
        story.get("/items/new").await.ok();
        let sent = [
            ("name", "Rye"),
            ("kind", "product"),
            ("baseUnit", "pc"),
            ("price", "4.20"),
            ("standardCost.amount", "1.10"),
            ("units.1.code", "tray"),
            ("units.1.size", "much"),
        ];
        let refused = story.form("/items/new", &sent).await.is(422);
        assert_eq!((refused.input("name").as_str(), refused.input("units.1.size").as_str()), ("Rye", "much"));
        let mut mended = sent;
        mended[6].1 = "30";
        let here = story.form("/items/new", &mended).await.location();
        let page = story.get(&here).await.ok().text();
        for part in ["Rye", "£4.20", "£1.10", "1 tray", "Made as it is sold"] {
            assert!(page.contains(part), "{part}: {page}");
        }
        let edit = story.get(&format!("{here}/change")).await.ok();
        assert_eq!((edit.input("name").as_str(), edit.input("units.0.size").as_str()), ("Rye", "30"));
        let (version, tax) = (edit.input("version"), usual_tax(&story).await);
        let change = [
            ("version", version.as_str()),
            ("name", "Rye 1 kg"),
            ("stockRule", "stocked"),
            ("taxCategoryId", tax.as_str()),
            ("active", "true"),
        ];
        assert_eq!(story.form(&format!("{here}/change"), &change).await.location(), here);
        let stale = story.form(&format!("{here}/change"), &change).await.is(422);
        assert_eq!(stale.input("name"), "Rye 1 kg");
        let refused = story.form(&format!("{here}/price"), &[("price", "4.205"), ("fromDay", "2026-12-24")]).await.is(422);
        assert_eq!((refused.input("price").as_str(), refused.input("fromDay").as_str()), ("4.205", "2026-12-24"));
        assert_eq!(story.form(&format!("{here}/price"), &[("price", "4.50")]).await.location(), here);
        assert!(story.get(&here).await.ok().text().contains("£4.50"));
        assert_eq!(story.form(&format!("{here}/change"), &[("version", "2"), ("turn", "false")]).await.location(), here);
        assert!(story.get(&here).await.ok().text().contains("Out of use"));
        assert!(story.get("/items?kind=product&active=false").await.ok().text().contains("Rye 1 kg"));
    });
}

/// A pricing clerk who may write items, and may not see what they cost.
#[test]
fn who_sets_a_price_is_not_told_what_the_item_costs() {
    run(async |story| {
        let bun = story.made_to_order("Bun", 120, 30).await;
        let role = json!({ "name": "Prices", "permissions": ["item:write"] });
        let role = text(&story.post("/v1/team/roles", &role).await.is(200).json()["id"]);
        let clerk = story.member(&[kernel::Role::Driver]).await;
        let given = json!({ "roles": [], "ownRoles": [role], "version": 1 });
        story.post(&format!("/v1/team/members/{}/roles", clerk.account.unwrap()), &given).await.ok();
        let key = json!({ "name": "Price list", "permissions": ["item:write"], "days": 30 });
        let key = text(&story.post("/v1/api-keys", &key).await.ok().json()["key"]);
        let path = format!("/v1/items/{bun}/price");
        let price = |minor: i64| json!({ "price": pounds(minor) });
        let by_clerk = clerk.post(&path, &price(150)).await.ok().json();
        let bearer = format!("Bearer {key}");
        let by_key = story.stranger().json_with("POST", &path, &price(160), &[("authorization", &bearer)]).await.ok().json();
        let by_owner = story.post(&path, &price(170)).await.ok().json();
        assert_eq!((by_clerk.get("standardCost"), &by_clerk["price"]), (None, &pounds(150)), "{by_clerk}");
        assert_eq!((by_key.get("standardCost"), &by_key["price"]), (None, &pounds(160)), "{by_key}");
        assert_eq!(by_owner["standardCost"]["amount"], pounds(30));
    });
}
