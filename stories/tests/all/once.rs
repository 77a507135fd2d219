//! What is sent twice is done once: everything that a client may make under an id of its own.

use serde_json::{Value, json};
use testkit::run;
use web::Route;

use super::{make, routes};

/// The field under which a new document's own id is sent; none where the route takes no such id.
fn own_id(route: &Route) -> Option<&'static str> {
    let schema = serde_json::to_value(&route.takes.as_ref()?.schema).unwrap();
    let needed = schema["required"].as_array().cloned().unwrap_or_default();
    ["refundId", "id"].into_iter().find(|field| schema["properties"].get(field).is_some() && !needed.contains(&json!(field)))
}

/// The same with other content.
fn other(body: &Value) -> Value {
    let mut other = body.clone();
    let field = ["name", "supplier", "reason", "note", "reference"].into_iter().find(|field| body.get(field).is_some()).unwrap();
    other[field] = json!("Something else");
    other
}

#[test]
fn whatever_is_made_under_an_id_of_ones_own_is_made_once() {
    run(async |story| {
        let fixtures = routes::fixtures(&story).await;
        let mut known = Vec::new();
        for (n, route) in (1..).zip(story.app.routes()) {
            let Some(field) = own_id(route) else { continue };
            known.push(route.name.as_str());
            let path = make::address(route, &fixtures);
            let mut body = make::whole(&story, &route.name, &fixtures, &path, n).await;
            body[field] = json!(story.clock.uuid());
            let first = story.post(&path, &body).await.ok().json();
            let again = story.post(&path, &body).await.ok();
            assert_eq!((again.header("idempotent-replayed").as_str(), again.json()), ("true", first), "{path}");
            assert_eq!(story.post(&path, &other(&body)).await.refused("intent.other_content").status, 409, "{path}");
        }
        known.sort_unstable();
        assert_eq!(
            known,
            [
                "AddCustomer",
                "AddSite",
                "AddSupplier",
                "CreateItem",
                "CreateLocation",
                "CreatePriceList",
                "CreateTaxCategory",
                "ReceivePayment",
                "ReceiveStock",
                "RefundOrder",
                "RingSale"
            ]
        );
    });
}
