//! Suppliers and what they ask for.

use serde_json::json;
use testkit::{pounds, run, text};

#[test]
fn a_supplier_and_its_prices_stay_in_their_business() {
    run(async |story| {
        let flour = story
            .item(json!({ "name": "Flour", "kind": "ingredient", "baseUnit": "g", "units": [{ "code": "bag", "numerator": 25_000 }] }))
            .await;
        let mill = text(&story.post("/v1/suppliers", &json!({ "name": "The mill" })).await.ok().json()["id"]);
        let price = json!({ "itemId": flour, "unit": "bag", "amount": pounds(1850), "fromDay": "2026-11-01" });
        story.post(&format!("/v1/suppliers/{mill}/prices"), &price).await.ok();
        story
            .post(
                &format!("/v1/suppliers/{mill}/prices"),
                &json!({ "itemId": flour, "unit": "kg", "amount": pounds(80), "fromDay": "2026-11-20" }),
            )
            .await
            .ok();
        let whole = story.get(&format!("/v1/suppliers/{mill}")).await.ok().json();
        assert_eq!((&whole["prices"][0]["unit"], &whole["prices"][0]["amount"]), (&json!("kg"), &pounds(80)));
        let all = story.get(&format!("/v1/supplier-prices?item={flour}")).await.ok().json();
        assert_eq!(all["rows"].as_array().unwrap().len(), 2, "the old price stays");
        let (_, neighbour) = story.neighbour().await;
        assert_eq!(neighbour.get("/v1/suppliers").await.ok().json()["rows"], json!([]));
        neighbour.get(&format!("/v1/suppliers/{mill}")).await.is(404);
        neighbour.post(&format!("/v1/suppliers/{mill}/prices"), &price).await.is(404);
    });
}

#[test]
fn bad_prices_are_refused_by_field() {
    run(async |story| {
        let flour = story.item(json!({ "name": "Flour", "kind": "ingredient", "baseUnit": "g" })).await;
        let mill = text(&story.post("/v1/suppliers", &json!({ "name": "The mill" })).await.ok().json()["id"]);
        story.post("/v1/suppliers", &json!({ "name": "The mill" })).await.refused("supplier.name_taken");
        let path = format!("/v1/suppliers/{mill}/prices");
        let good = json!({ "itemId": flour, "unit": "kg", "amount": pounds(80) });
        for (field, value, blamed, code) in [
            ("unit", json!("l"), "unit", "unit.dimension"),
            ("unit", json!("crate"), "unit", "unit.unknown"),
            ("quantity", json!("0"), "quantity", "number.positive"),
            ("amount", json!({ "minor": 80, "currency": "KES" }), "amount", "money.currency"),
            ("amount", json!({ "minor": -1, "currency": "GBP" }), "amount", "number.not_negative"),
            ("itemId", json!(mill), "itemId", "item.unknown"),
        ] {
            let mut bad = good.clone();
            bad[field] = value;
            let refused = story.post(&path, &bad).await;
            assert_eq!(refused.json()["errors"][0]["field"], blamed);
            refused.refused(code);
        }
        assert_eq!(story.get("/v1/supplier-prices").await.ok().json()["rows"], json!([]));
    });
}

#[test]
fn the_pages_do_the_same_and_keep_what_was_typed() {
    run(async |story| {
        story.item(json!({ "name": "Butter", "kind": "ingredient", "baseUnit": "g" })).await;
        let place = story.form("/suppliers/new", &[("name", "Dairy"), ("email", "milk@example.com")]).await.location();
        let typed = [("itemId", "butter"), ("quantity", "10"), ("unit", "kg"), ("amount", "6l.00")];
        let again = story.form(&format!("{place}/prices"), &typed).await.is(422);
        assert_eq!(again.input("amount"), "6l.00");
        let typed = [("itemId", "butter"), ("quantity", "10"), ("unit", "kg"), ("amount", "61.00")];
        story.form(&format!("{place}/prices"), &typed).await.ok();
        let page = story.get(&place).await.ok().text();
        assert!(page.contains("£61.00") && page.contains("Butter"), "{page}");
    });
}
