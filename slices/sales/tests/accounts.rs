//! Accounts that stay right: whatever is sold, paid and paid back, what a customer owes is what is open; and the payments of
//! before became documents.

use proptest::prelude::*;
use serde_json::{Value, json};
use testkit::{Story, own_database, pounds, run, sale, text};

/// What happens to an account.
#[derive(Clone, Debug)]
enum Act {
    /// So many are sold at a pound, a part of it on account (in percent).
    Sell { pieces: i64, part: i64 },
    /// Of one of the orders so many come back.
    Refund { which: usize, pieces: i64, method: Option<&'static str> },
    /// A part of all that is owed comes in (in percent), for the oldest orders, or for the latest one.
    Receive { part: i64, latest: bool },
}

fn act() -> impl Strategy<Value = Act> {
    let method = prop::sample::select(vec![None, Some("cash"), Some("card"), Some("on_account")]);
    prop_oneof![
        3 => (1..9_i64, prop::sample::select(vec![0, 30, 100, 100])).prop_map(|(pieces, part)| Act::Sell { pieces, part }),
        2 => (0..20_usize, 1..6_i64, method).prop_map(|(which, pieces, method)| Act::Refund { which, pieces, method }),
        3 => (0..130_i64, any::<bool>()).prop_map(|(part, latest)| Act::Receive { part, latest }),
    ]
}

/// An order as it must be: how many pieces are still sold, and what is owed of it.
struct Sold {
    id: String,
    pieces: i64,
    owed: i64,
}

struct Account<'a> {
    story: &'a Story,
    coffee: String,
    customer: String,
    sold: Vec<Sold>,
    /// What came in as money, less what went back.
    money: i64,
}

impl Account<'_> {
    fn owed(&self) -> i64 {
        self.sold.iter().map(|order| order.owed).sum()
    }

    async fn sell(&mut self, pieces: i64, part: i64) {
        let (total, owed) = (pieces * 100, pieces * part);
        let mut payments = Vec::new();
        for (method, amount) in [("on_account", owed), ("cash", total - owed)] {
            if amount > 0 {
                payments.push(json!({ "method": method, "amount": pounds(amount) }));
            }
        }
        let mut asked = sale(&self.coffee, &pieces.to_string());
        asked["customerId"] = json!(self.customer);
        asked["payments"] = json!(payments);
        let id = text(&self.story.post("/v1/sales", &asked).await.ok().json()["id"]);
        self.money += total - owed;
        self.sold.push(Sold { id, pieces, owed });
    }

    async fn refund(&mut self, which: usize, pieces: i64, method: Option<&str>) {
        let Some(at) = which.checked_rem(self.sold.len()) else { return };
        let order = &mut self.sold[at];
        let asked = json!({ "reason": "stale", "method": method, "lines": [{ "n": 1, "quantity": pieces.to_string() }] });
        let answer = self.story.post(&format!("/v1/orders/{}/refund", order.id), &asked).await;
        let off = order.owed.min(pieces * 100);
        if order.pieces == 0 {
            assert!(answer.status == 409 || answer.status == 422, "{}", answer.text());
        } else if pieces > order.pieces {
            answer.refused("order.refund_more");
        } else if method == Some("on_account") && off < pieces * 100 {
            answer.refused("order.refund_owed");
        } else {
            answer.ok();
            order.pieces -= pieces;
            order.owed -= off;
            self.money -= pieces * 100 - off;
        }
    }

    async fn receive(&mut self, part: i64, latest: bool) {
        let chosen = latest.then(|| self.sold.iter().rposition(|order| order.owed > 0)).flatten();
        let due = chosen.map_or_else(|| self.owed(), |chosen| self.sold[chosen].owed);
        let amount = due * part / 100;
        let mut asked = json!({ "customerId": self.customer, "method": "card", "amount": pounds(amount) });
        if let Some(chosen) = chosen {
            asked["orders"] = json!([{ "id": self.sold[chosen].id, "amount": pounds(amount) }]);
        }
        let answer = self.story.post("/v1/payments", &asked).await;
        if amount == 0 {
            answer.refused("number.positive");
            return;
        }
        if amount > due {
            answer.refused("payment.more_than_owed");
            return;
        }
        answer.ok();
        self.money += amount;
        let mut left = amount;
        let paid: Vec<usize> = chosen.map_or_else(|| (0..self.sold.len()).collect(), |chosen| vec![chosen]);
        for at in paid {
            let part = self.sold[at].owed.min(left);
            self.sold[at].owed -= part;
            left -= part;
        }
    }

    /// What the program says is what must be.
    async fn agrees(&self) {
        let account = self.story.get(&format!("/v1/customers/{}", self.customer)).await.ok().json();
        let open: Vec<(String, i64)> =
            account["openOrders"].as_array().unwrap().iter().map(|o| (text(&o["id"]), o["owed"]["minor"].as_i64().unwrap())).collect();
        let expected: Vec<(String, i64)> =
            self.sold.iter().filter(|order| order.owed > 0).map(|order| (order.id.clone(), order.owed)).collect();
        assert_eq!(open, expected);
        let owed = account["owed"].as_array().unwrap().iter().map(|money| money["minor"].as_i64().unwrap()).sum::<i64>();
        assert_eq!(owed, self.owed());
    }
}

async fn keeps_account(story: &Story, acts: Vec<Act>) {
    let coffee = story.made_to_order("Coffee", 100, 20).await;
    let customer = text(&story.post("/v1/customers", &json!({ "name": "The corner shop" })).await.ok().json()["id"]);
    let mut account = Account { story, coffee, customer, sold: Vec::new(), money: 0 };
    for act in acts {
        match act {
            Act::Sell { pieces, part } => account.sell(pieces, part).await,
            Act::Refund { which, pieces, method } => account.refund(which, pieces, method).await,
            Act::Receive { part, latest } => account.receive(part, latest).await,
        }
        account.agrees().await;
    }
    let balances = story.get("/v1/ledger/balances").await.ok().json();
    let sum = |codes: &[&str]| -> i64 {
        let rows = balances["rows"].as_array().unwrap().iter().filter(|row| codes.contains(&row["code"].as_str().unwrap()));
        rows.map(|row| row["balance"]["minor"].as_i64().unwrap()).sum()
    };
    assert_eq!((sum(&["1100"]), sum(&["1000", "1010"])), (account.owed(), account.money));
    assert!(story.check().await.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, max_shrink_iters: 20, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_sold_paid_and_paid_back_what_is_owed_is_what_is_open(acts in prop::collection::vec(act(), 1..16)) {
        run(async |story| keeps_account(&story, acts).await);
    }
}

/// What the tables were before payments had numbers.
const BEFORE: &str = "
    DROP FUNCTION sales.payments_called; DROP VIEW sales.payment_called;
    ALTER TABLE sales.payment DROP COLUMN document_id, DROP COLUMN n, DROP COLUMN site_id, DROP COLUMN customer_id, DROP COLUMN taken_by, DROP COLUMN device_id;
    ALTER TABLE sales.orders DROP COLUMN owed;
    DROP INDEX sales.payment_paid;";

#[test]
fn payments_of_before_get_the_numbers_and_accounts_that_they_would_have_now() {
    own_database(async |story| {
        let coffee = story.made_to_order("Coffee", 100, 20).await;
        let customer = text(&story.post("/v1/customers", &json!({ "name": "The corner shop" })).await.ok().json()["id"]);
        let mut asked = sale(&coffee, "5");
        asked["customerId"] = json!(customer);
        asked["payments"] = json!([{ "method": "on_account" }]);
        let sold = story.post("/v1/sales", &asked).await.ok().json();
        let back = json!({ "reason": "cold", "lines": [{ "n": 1, "quantity": "1" }] });
        story.post(&format!("/v1/orders/{}/refund", text(&sold["id"])), &back).await.ok();
        for file in [
            "date,time,ticket,item,quantity,price\n2017-03-01,09:00:00,T-77,Bread,2,3.20\n2017-03-01,09:00:00,T-77,Bread,-1,3.20\n",
            "date,time,item,quantity,price\n2018-03-01,09:00:00,Bread,2,3.20\n2018-03-01,09:05:00,Bread,1,3.20\n",
        ] {
            let files = vec![tables::Source::bytes("till.csv", file.as_bytes().to_vec())];
            sales::import::run(&story.db, story.op(), sales::import::ImportAsk { files, ..Default::default() }, &|_| ()).await.unwrap();
        }
        let told = async || -> (Value, Value) {
            let payments = story.get("/v1/payments?sort=paid").await.ok().json();
            (payments["rows"].clone(), story.get(&format!("/v1/customers/{customer}")).await.ok().json())
        };
        let now = told().await;
        assert_eq!((now.0.as_array().unwrap().len(), &now.1["owed"][0]), (6, &pounds(400)));
        story.as_role("hearth_owner", BEFORE).await;
        story.as_role("hearth_owner", include_str!("../migrations/20261122100010_payments.sql")).await;
        assert_eq!(told().await, now);
        assert!(story.check().await.is_empty());
    });
}
