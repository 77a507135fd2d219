//! Browser stories: a real browser against the program as it is served. The steps are in `stories/browser/stories.mjs`.

use std::{path::PathBuf, process::Stdio};

use serde_json::{Value, json};
use testkit::{Story, run};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("browser")
}

/// Where screenshots are left for people to look at.
fn shots(name: &str) -> PathBuf {
    std::env::temp_dir().join("hearth-screens").join(name)
}

/// Tells a story in the browser; what it measured comes back.
async fn tell(story: &Story, name: &str, more: Value) -> Value {
    let served = story.serve().await;
    let mut given =
        json!({ "url": served.url(""), "cookie": story.owner.cookie("__Host-hearth"), "slug": story.slug, "shots": shots(name) });
    if let (Value::Object(given), Value::Object(more)) = (&mut given, more) {
        given.extend(more);
    }
    let done = tokio::process::Command::new("node")
        .arg(folder().join("run.mjs"))
        .arg(name)
        .arg(given.to_string())
        .stdin(Stdio::null())
        .output()
        .await
        .expect("node is installed by `make test`");
    assert!(done.status.success(), "{name}: {}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    serde_json::from_slice(&done.stdout).unwrap_or_default()
}

#[test]
fn a_stranger_registers_opens_a_bakery_and_rings_the_first_sale() {
    run(async |story| {
        let slug = format!("{}-ada", story.slug);
        tell(&story, "first_day", json!({ "slug": slug })).await;
    });
}

#[test]
fn a_sale_rung_elsewhere_appears_by_itself() {
    run(async |story| {
        story.made_to_order("Coffee", 260, 55).await;
        let told = tell(&story, "live", json!({})).await;
        println!("slowest of five: {} ms", told["slowest_ms"]);
        assert!(told["slowest_ms"].is_number());
    });
}

#[test]
fn every_page_fits_a_phone_and_a_desk_in_both_themes() {
    run(async |story| {
        let flour = story
            .item(
                json!({ "name": "Strong flour", "kind": "ingredient", "baseUnit": "g", "units": [{ "code": "bag", "numerator": 25_000 }] }),
            )
            .await;
        let coffee = story.made_to_order("Coffee", 260, 55).await;
        let bread = story.stocked("Sourdough", 480).await;
        let receipt = story.bring_in(&bread, "20", 3000).await;
        let order = testkit::text(&story.sell(&bread, "2").await["id"]);
        story.sell(&coffee, "3").await;
        let mill = testkit::text(&story.post("/v1/suppliers", &json!({ "name": "The mill" })).await.ok().json()["id"]);
        let paths = json!({
            "home": "/", "reports": "/reports", "orders": "/orders", "ring": "/orders/new", "order": format!("/orders/{order}"),
            "refund": format!("/orders/{order}/refund"), "items": "/items", "item-new": "/items/new", "item": format!("/items/{flour}"),
            "stock": "/stock", "movements": "/stock/movements", "receive": "/receipts/new", "receipt": format!("/receipts/{receipt}"),
            "customers": "/customers", "customer-new": "/customers/new", "suppliers": "/suppliers", "supplier": format!("/suppliers/{mill}"),
            "ledger": "/ledger", "transfers": "/ledger/transfers", "import": "/import", "team": "/team", "settings": "/settings",
            "taxes": "/settings/taxes", "search": "/search?q=S", "places": "/places", "businesses": "/businesses", "missing": "/nothing-here"
        });
        let strange = json!({ "login": "/login", "register": "/register", "stranger-missing": "/nothing-here" });
        tell(&story, "every_page", json!({ "paths": paths, "strange": strange })).await;
    });
}

#[test]
fn a_sale_is_rung_without_a_line_of_script() {
    run(async |story| {
        story.made_to_order("Coffee", 260, 55).await;
        tell(&story, "without_script", json!({})).await;
    });
}
