//! The everyday acts of a shop, as its owner does them through the API.

use serde_json::{Value, json};

use crate::Story;

impl Story {
    /// A stocked product with a price in pence per piece; its id.
    pub async fn stocked(&self, name: &str, price: i64) -> String {
        self.item(json!({ "name": name, "kind": "product", "baseUnit": "pc", "stockRule": "stocked", "price": pounds(price) })).await
    }

    /// A product that is made when it is sold, with its standard cost; its id.
    pub async fn made_to_order(&self, name: &str, price: i64, cost: i64) -> String {
        self.item(json!({ "name": name, "kind": "product", "baseUnit": "pc", "stockRule": "made_to_order", "price": pounds(price), "standardCost": { "amount": pounds(cost) } }))
            .await
    }

    /// Any item; its id.
    pub async fn item(&self, item: Value) -> String {
        text(&self.post("/v1/items", &item).await.ok().json()["id"])
    }

    /// Brings so many in, worth so much; the receipt's id.
    pub async fn bring_in(&self, item: &str, quantity: &str, amount: i64) -> String {
        let receipt = json!({ "kind": "delivery", "supplier": "Mill", "lines": [{ "itemId": item, "quantity": quantity, "amount": pounds(amount) }] });
        text(&self.post("/v1/receipts", &receipt).await.ok().json()["id"])
    }

    /// Sells so many for cash; the answer.
    pub async fn sell(&self, item: &str, quantity: &str) -> Value {
        self.post("/v1/sales", &sale(item, quantity)).await.ok().json()
    }

    /// On hand of an item at the shop, in base units, as text; `0` when there is none.
    pub async fn on_hand(&self, item: &str) -> String {
        let rows = self.get(&format!("/v1/stock?item={item}")).await.ok().json();
        let total: i64 = rows["rows"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|r| text(&r["quantity"]).parse::<kernel::Quantity>().map_or(0, kernel::Quantity::micros))
            .sum();
        kernel::Quantity::from_micros(total).to_string()
    }
}

/// A sale of one item for cash.
pub fn sale(item: &str, quantity: &str) -> Value {
    json!({ "lines": [{ "itemId": item, "quantity": quantity }], "payments": [{ "method": "cash" }] })
}

/// Pence as the API writes them.
pub fn pounds(minor: i64) -> Value {
    json!({ "minor": minor, "currency": "GBP" })
}

/// A JSON text as text.
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
