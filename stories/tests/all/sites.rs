//! A business grows a second site.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use kernel::Role;
use serde_json::{Value, json};
use testkit::{Answer, Person, Story, pounds, run, sale, text};
use vault::SigningKey;

/// What each site took in November, by its name.
async fn taken(story: &Story) -> Vec<(String, Value)> {
    let report = story.get("/v1/reports/sales?from=2026-11-01&to=2026-11-30&by=site").await.ok().json();
    report["rows"].as_array().unwrap().iter().map(|row| (text(&row["label"]), row["total"].clone())).collect()
}

/// The site that a form has chosen.
fn chosen(page: &Answer) -> String {
    let text = page.text();
    let (_, choices) = text.split_once("name=\"siteId\"").expect("the form asks for a site");
    let before = choices.split_once("</select>").unwrap().0.split_once(" selected").unwrap().0.to_owned();
    before.rsplit('"').nth(1).unwrap().to_owned()
}

#[test]
fn a_second_site_trades_from_its_first_day() {
    run(async |story| {
        let bread = story.stocked("Bread", 320).await;
        story.bring_in(&bread, "10", 1000).await;
        story.sell(&bread, "1").await;
        let lane = json!({ "name": "Mill Lane", "timeZone": "Europe/London" });
        let lane = text(&story.post("/v1/sites", &lane).await.ok().json()["id"]);
        let locations = story.get(&format!("/v1/locations?site={lane}")).await.ok().json();
        let sells: Vec<_> = locations["rows"].as_array().unwrap().iter().map(|row| (text(&row["name"]), row["sells"].clone())).collect();
        assert_eq!(sells, [("Shop".into(), json!(true)), ("Store".into(), json!(false))]);

        let sale = json!({ "siteId": lane, "lines": [{ "itemId": bread, "quantity": "2" }], "payments": [{ "method": "card" }] });
        story.post("/v1/sales", &sale).await.refused("stock.short");
        let delivery =
            json!({ "kind": "delivery", "siteId": lane, "lines": [{ "itemId": bread, "quantity": "5", "amount": pounds(600) }] });
        story.post("/v1/receipts", &delivery).await.ok();
        let order = text(&story.post("/v1/sales", &sale).await.ok().json()["id"]);
        let order = story.get(&format!("/v1/orders/{order}")).await.ok().json();
        assert_eq!((&order["siteId"], &order["site"], &order["lines"][0]["cost"]), (&json!(lane), &json!("Mill Lane"), &pounds(240)));
        let here = story.get(&format!("/v1/stock?site={lane}")).await.ok().json();
        assert_eq!(here["rows"][0]["quantity"], "3");
        assert_eq!(story.on_hand(&bread).await, "12", "nine at the first site, three at the second");
        let taken = taken(&story).await;
        assert_eq!(taken.iter().find(|(name, _)| name == "Mill Lane").unwrap().1, 640, "{taken:?}");
        assert_eq!(taken.len(), 2);
        assert!(story.check().await.is_empty());
    });
}

#[test]
fn a_second_site_trades_by_page() {
    run(async |story| {
        let bread = story.stocked("Bread", 320).await;
        let form = story.get("/orders/new").await.ok().text();
        assert!(!form.contains("siteId"), "of one site nobody is asked");
        let sent = [("name", "Mill Lane"), ("timeZone", "Europe/London"), ("dayStart", "04:00")];
        let lane = story.form("/settings/sites/add", &sent).await.location();
        assert!(story.get(&lane).await.ok().text().contains("Retail"), "its page says by which list it sells");

        let form = story.get("/receipts/new").await.ok().text();
        assert!(form.contains("Shop, Mill Lane"), "{form}");
        let sites = story.get("/v1/sites?sort=-created").await.ok().json();
        let lane = text(&sites["rows"].as_array().unwrap().iter().find(|row| row["name"] == "Mill Lane").unwrap()["id"]);
        let shop = story.get(&format!("/v1/locations?site={lane}")).await.ok().json();
        let shop = text(&shop["rows"][0]["id"]);
        let delivery = [
            ("kind", "delivery"),
            ("locationId", shop.as_str()),
            ("lines.0.itemId", bread.as_str()),
            ("lines.0.quantity", "5"),
            ("lines.0.amount", "6.00"),
        ];
        story.form("/receipts/new", &delivery).await.location();

        assert_eq!(chosen(&story.get("/orders/new").await.ok()), story.site.to_string(), "the first, unless another is chosen");
        let sale = |site: &'static str| {
            let lane = if site.is_empty() { lane.clone() } else { site.to_owned() };
            [("siteId", lane), ("lines.0.itemId", "Bread".into()), ("lines.0.quantity", "9".into()), ("method", "cash".into())]
        };
        let ring = async |fields: &[(&'static str, String)]| {
            let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
            story.form("/orders/new", &fields).await
        };
        let short = ring(&sale("")).await.is(422);
        assert_eq!(chosen(&short), lane, "the choice is kept");
        assert!(ring(&sale("nowhere")).await.is(422).text().contains("There is no such site."));
        let mut enough = sale("");
        enough[2].1 = "2".into();
        let order = ring(&enough).await.location();
        let page = story.get(&order).await.ok().text();
        assert!(page.contains("Mill Lane") && page.contains("£6.40"), "{page}");
        assert_eq!(taken(&story).await, [("Mill Lane".into(), json!(640))]);
        let report = story.get("/reports?from=2026-11-01&to=2026-11-30&by=site").await.ok().text();
        assert!(report.contains("Mill Lane") && report.contains("6.40"), "{report}");
        assert!(story.check().await.is_empty());
    });
}

/// A seller who signed in by PIN on a till that stands at a site; the till's id.
async fn at_till(story: &Story, site: &str) -> (Person, String) {
    let (key, browser) = (SigningKey::generate().unwrap(), story.stranger());
    let sign = |said: &str| URL_SAFE_NO_PAD.encode(key.sign(said.as_bytes()).unwrap());
    let added = story.post("/v1/devices", &json!({ "name": "Lane till", "kind": "till", "siteId": site })).await.ok().json();
    let (id, code, (x, y)) = (text(&added["id"]), text(&added["code"]), key.public().coordinates());
    let public = json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y });
    let registered = json!({ "code": code, "publicKey": public, "signature": sign(&format!("hearth device register {code}")) });
    browser.post("/v1/devices/register", &registered).await.ok();
    let seller = story.member(&[Role::Seller]).await;
    seller.post("/v1/auth/pin", &json!({ "pin": "7294" })).await.ok();
    let challenge = text(&browser.post("/v1/auth/device/challenge", &json!({ "deviceId": id })).await.ok().json()["challenge"]);
    let login = json!({
        "deviceId": id, "challenge": challenge, "signature": sign(&format!("hearth device login {id} {challenge}")),
        "accountId": seller.account.unwrap(), "pin": "7294",
    });
    let signed_in = browser.post("/v1/auth/device/login", &login).await.ok().json();
    browser.keep_csrf(signed_in["csrfToken"].as_str().unwrap());
    (browser, id)
}

#[test]
fn a_till_sells_at_the_site_where_it_stands_and_the_order_names_it() {
    run(async |story| {
        story.made_to_order("Coffee", 260, 55).await;
        let lane = text(&story.post("/v1/sites", &json!({ "name": "Mill Lane", "timeZone": "Europe/London" })).await.ok().json()["id"]);
        let (till, id) = at_till(&story, &lane).await;
        assert_eq!(chosen(&till.get("/orders/new").await.ok()), lane);
        // A form that was open before there was a second site asks for none.
        let sent = [("lines.0.itemId", "Coffee"), ("lines.0.quantity", "1"), ("method", "cash")];
        let here = till.form("/orders/new", &sent).await.location();
        let order = till.get(&format!("/v1{here}")).await.ok().json();
        assert_eq!((&order["site"], &order["deviceId"], &order["device"]), (&json!("Mill Lane"), &json!(id), &json!("Lane till")));
        let page = till.get(&here).await.ok().text();
        assert!(page.contains("Lane till") && page.contains("Mill Lane"), "{page}");
        // So does a call that names no site; from elsewhere it is the first one's, and a site that is named is that one.
        let coffee = order["lines"][0]["itemId"].as_str().unwrap().to_owned();
        let sold_at = async |person: &Person, asked: &Value| {
            let rung = person.post("/v1/sales", asked).await.ok().json();
            text(&story.get(&format!("/v1/orders/{}", text(&rung["id"]))).await.ok().json()["siteId"])
        };
        assert_eq!(sold_at(&till, &sale(&coffee, "1")).await, lane);
        assert_eq!(sold_at(&story.owner, &sale(&coffee, "1")).await, story.site.to_string());
        let mut named = sale(&coffee, "1");
        named["siteId"] = json!(story.site);
        assert_eq!(sold_at(&till, &named).await, story.site.to_string());
    });
}
