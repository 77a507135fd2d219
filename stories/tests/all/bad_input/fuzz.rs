//! Bodies made at random from the API's own description: none breaks the program, and what is refused is refused in words.
//!
//! So many bodies an operation as `HEARTH_FUZZ` says (`make fuzz` asks for 2,000), from a seed that is printed and may be
//! given again with `HEARTH_FUZZ_SEED`.

use serde_json::{Value, json};
use testkit::{Story, own_database};
use web::Answers;

use super::fields::{Path, Walked, garbage, shown, with};
use super::{fixtures, refused_well, taking_json};

/// Bodies of each operation in the usual run of tests.
const CASES: usize = 12;

/// A small generator whose whole state is printed.
struct Dice(u64);

impl Dice {
    /// SplitMix64 (Steele, Lea, Flood 2014).
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.roll() % end.max(1) as u64).unwrap()
    }

    fn of<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }

    /// A text of any signs that JSON can carry.
    fn text(&mut self) -> String {
        let signs: Vec<char> = "aZ09 -_.@'\"\\/<>{}&%;\t\n\u{7f}\u{0}éß🥐\u{202e}\u{200f}\u{301}\u{fffd}Ａ．".chars().collect();
        (0..self.below(40)).map(|_| *self.of(&signs)).collect()
    }

    /// A value near the one that belongs there, or any other.
    fn near(&mut self, good: &Value, garbage: &[Value]) -> Value {
        match (self.below(6), good) {
            (0, _) => self.of(garbage).clone(),
            (1, _) => json!(self.text()),
            (2, Value::String(text)) => json!(text.chars().rev().collect::<String>()),
            (3, Value::String(text)) => json!(format!("{text}{}", self.text())),
            (2 | 3, Value::Number(n)) => json!(n.as_i64().unwrap_or(1).wrapping_mul(i64::try_from(self.below(5)).unwrap()).wrapping_sub(1)),
            (4, Value::Array(list)) => json!((0..self.below(30)).map(|_| list.first().cloned().unwrap_or(Value::Null)).collect::<Vec<_>>()),
            (4, Value::Object(_)) => json!({ self.text(): self.text() }),
            (5, _) => Value::Null,
            _ => good.clone(),
        }
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

async fn fuzz(story: &Story, slices: &[&str]) {
    let seed = number("HEARTH_FUZZ_SEED").unwrap_or_else(|| u64::from_le_bytes(kernel::Source::real().bytes()));
    let cases = number("HEARTH_FUZZ").map_or(CASES, |n| usize::try_from(n).unwrap());
    println!("HEARTH_FUZZ_SEED={seed} HEARTH_FUZZ={cases}");
    let (described, fixtures, garbage) = (web::openapi(&story.app), fixtures(story).await, garbage());
    story.bring_in(&fixtures["items"], "1000000", 100_000_000).await;
    let sold = story.sell(&fixtures["items"], "500000").await;
    let fixtures = fixtures.into_iter().chain([("orders", testkit::text(&sold["id"]))]).collect();
    let (mut n, mut taken) = (0_usize, 0_usize);
    for route in taking_json(story).iter().filter(|r| slices.contains(&r.slice)) {
        // Each operation has a day of its own: its bodies take up to half an hour of it, and what a business may do so often a day is open again.
        story.later(std::time::Duration::from_secs(24 * 3600));
        story.owner_comes_back().await;
        let mut walked = Walked::of(story, route, &fixtures, &described).await;
        let mut dice = Dice(seed ^ route.name.bytes().fold(0_u64, |sum, b| sum.wrapping_mul(31).wrapping_add(u64::from(b))));
        for _ in 0..cases {
            n += 1;
            // The clock goes on a little.
            story.later(std::time::Duration::from_secs(1));
            let mends: Vec<(Path, Value)> = (0..dice.below(4))
                .filter_map(|_| {
                    let path = walked.order.get(dice.below(walked.order.len()))?.clone();
                    let value = dice.near(&walked.places[&path].clone(), &garbage);
                    Some((path, value))
                })
                .collect();
            let (answer, body) = walked
                .ask(story, n, |walked, good| {
                    mends.iter().fold(
                        good,
                        |body, (path, value)| if fits(&body, path) { with(&body, &walked.places, path, value.clone()) } else { body },
                    )
                })
                .await;
            assert!(answer.status.as_u16() < 500, "seed {seed}: {} with {}: {}", answer.asked, shown(&body), answer.text());
            if answer.status.is_success() {
                taken += 1;
            } else {
                refused_well(&answer, Answers::Json);
            }
            // What can be done once is there once more.
            let once =
                ["Approve", "CancelLetter", "DeleteRole", "Refuse", "RemoveMember", "RevokeInvitation"].contains(&route.name.as_str());
            if (once && answer.status.is_success()) || (answer.status == 401 && answer.code() == "auth.required") {
                walked = Walked::of(story, route, &fixtures, &described).await;
            }
        }
    }
    assert!(taken * 5 >= n, "seed {seed}: only {taken} of {n} bodies were taken");
    let found = story.check().await;
    assert!(found.is_empty(), "seed {seed}: {found:?}");
}

/// Whether a place is still there after earlier mends: one may have replaced what holds it.
fn fits(body: &Value, path: &Path) -> bool {
    let mut at = body;
    for step in &path[..path.len() - 1] {
        at = match at {
            Value::Array(list) => match list.first() {
                Some(first) => first,
                None => return false,
            },
            Value::Object(fields) => match fields.get(step) {
                Some(next) => next,
                None => return true,
            },
            Value::Null => return true,
            _ => return false,
        };
    }
    matches!(at, Value::Object(_) | Value::Null) || at.as_array().is_some_and(|list| !list.is_empty())
}

#[test]
fn no_random_body_of_people_and_settings_breaks_the_program() {
    own_database(async |story| fuzz(&story, &["identity", "post", "ledger", "suppliers"]).await);
}

#[test]
fn no_random_body_of_items_and_stock_breaks_the_program() {
    own_database(async |story| fuzz(&story, &["catalog", "stock"]).await);
}

#[test]
fn no_random_body_of_sales_breaks_the_program() {
    own_database(async |story| fuzz(&story, &["sales", "reports"]).await);
}
