//! Bodies made at random from the API's own description: none breaks the program, and what is refused is refused in words.
//!
//! So many bodies an operation as `HEARTH_FUZZ` says (`make fuzz` asks for 2,000), from a seed that is printed and may be
//! given again with `HEARTH_FUZZ_SEED`. Every fourth body is sent as it was made, so that a fifth at least of each operation's are
//! taken: whatever is refused at the door is never looked at behind it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use testkit::{Answer, Story, own_database};
use web::{Answers, Route};

use super::fields::{Path, Walked, garbage, shown, with};
use super::living::Living;
use super::{fixtures, refused_well, taking_json};
use crate::all::routes::name;

/// Bodies of each operation in the usual run of tests.
const CASES: usize = 12;

/// Commands that can be done once to what they name.
const ONCE: &[&str] = &[
    "Approve",
    "CancelLetter",
    "DeleteRole",
    "RefundOrder",
    "Refuse",
    "RemoveLogo",
    "RemoveMember",
    "RemovePin",
    "ResendInvitation",
    "RevokeApiKey",
    "RevokeDevice",
    "RevokeInvitation",
];

/// Commands that make what a business has room for so many of, where it is taken away again, and by which field of the answer.
const BOUNDED: &[(&str, &str, &str)] =
    &[("AddDevice", "/v1/devices", "id"), ("MakeRole", "/v1/team/roles", "id"), ("RegisterDevice", "/v1/devices", "deviceId")];

/// Commands of which a business may send so many a day.
const DAILY: &[&str] = &["AcceptInvitation", "AddMember", "CancelLetter", "Invite", "ResendInvitation", "RevokeInvitation"];

/// A small generator whose whole state is printed.
pub(super) struct Dice(u64);

impl Dice {
    /// One for an operation: its rolls do not change when another operation is added.
    pub(super) fn of_operation(seed: u64, name: &str) -> Self {
        Self(seed ^ name.bytes().fold(0_u64, |sum, b| sum.wrapping_mul(31).wrapping_add(u64::from(b))))
    }

    /// SplitMix64 (Steele, Lea, Flood 2014).
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    pub(super) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.roll() % end.max(1) as u64).unwrap()
    }

    pub(super) fn of<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }

    /// A text of any signs that JSON can carry.
    pub(super) fn text(&mut self) -> String {
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

/// From which seed, and how many cases of each operation; printed, so that a run can be repeated.
pub(super) fn asked_for() -> (u64, usize) {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seed = number("HEARTH_FUZZ_SEED").unwrap_or_else(|| u64::from_le_bytes(kernel::Source::real().bytes()));
    let cases = number("HEARTH_FUZZ").map_or(CASES, |n| usize::try_from(n).unwrap());
    println!("HEARTH_FUZZ_SEED={seed} HEARTH_FUZZ={cases}");
    println!("{:<56} {:>6} {:>6} {:>6}  seed", "operation", "cases", "2xx", "4xx");
    (seed, cases)
}

/// What came of the cases of one operation.
pub(super) struct Tally {
    pub(super) operation: String,
    pub(super) sent: usize,
    pub(super) taken: usize,
    /// How the first case that was sent as it was made was refused.
    pub(super) refused: Option<String>,
}

impl Tally {
    /// Whether less than a fifth was taken, or something well made was not.
    pub(super) fn scarce(&self) -> bool {
        self.taken * 5 < self.sent || self.refused.is_some()
    }

    /// One line of the table that a run prints.
    pub(super) fn line(&self, seed: u64) -> String {
        let Self { operation, sent, taken, .. } = self;
        format!("{operation:<56} {sent:>6} {taken:>6} {:>6}  {seed}", sent - taken)
    }
}

/// One run over the operations of a slice or more.
struct Run<'a> {
    story: &'a Story,
    seed: u64,
    cases: usize,
    described: Value,
    fixtures: BTreeMap<&'static str, String>,
    garbage: Vec<Value>,
    living: Living,
    /// Bodies sent so far.
    n: usize,
}

impl<'a> Run<'a> {
    async fn of(story: &'a Story) -> Self {
        let (seed, cases) = asked_for();
        let mut fixtures = fixtures(story).await;
        story.bring_in(&fixtures["items"], "1000000", 100_000_000).await;
        fixtures.insert("orders", testkit::text(&story.sell(&fixtures["items"], "20").await["id"]));
        Self {
            story,
            seed,
            cases,
            described: web::openapi(&story.app),
            fixtures,
            garbage: garbage(),
            living: Living::of(story).await,
            n: 0,
        }
    }

    /// Sends an operation its bodies.
    async fn operation(&mut self, route: &Arc<Route>) -> Tally {
        let (story, seed) = (self.story, self.seed);
        // Each operation has a day of its own: its bodies take up to half an hour of it, and what a business may do so often a day is open again.
        story.later(Duration::from_secs(24 * 3600));
        story.owner_comes_back().await;
        let mut tally = Tally { operation: name(route), sent: self.cases, taken: 0, refused: None };
        let mut walked = Walked::of(story, route, &self.fixtures, &self.described).await;
        let mut dice = Dice::of_operation(seed, &route.name);
        for case in 0..self.cases {
            self.n += 1;
            // The clock goes on a little.
            story.later(Duration::from_secs(1));
            let mends = if case.is_multiple_of(4) { Vec::new() } else { self.mends(&walked, &mut dice) };
            let (person, good) = match self.living.body(story, &route.name, self.n).await {
                Some(living) => living,
                None => (walked.person.clone(), walked.good(story, self.n).await),
            };
            let mend = |body: Value, (path, value): &(Path, Value)| {
                if fits(&body, path) { with(&body, &walked.places, path, value.clone()) } else { body }
            };
            let body = mends.iter().fold(good, mend);
            let answer = walked.send(story, &person, &body).await;
            assert!(answer.status.as_u16() < 500, "seed {seed}: {} with {}: {}", answer.asked, shown(&body), answer.text());
            if answer.status.is_success() {
                tally.taken += 1;
            } else {
                refused_well(&answer, Answers::Json);
            }
            self.room(&route.name, &answer).await;
            // What can be done once is there once more, and whose session grew old signs in anew.
            let again = answer.status == 401 && ["auth.required", "auth.again"].contains(&answer.code().as_str());
            if mends.is_empty() && !again && !answer.status.is_success() {
                tally.refused.get_or_insert_with(|| format!("{} with {}: {}", answer.asked, shown(&body), answer.text()));
            }
            if again || (ONCE.contains(&route.name.as_str()) && answer.status.is_success()) {
                story.owner_comes_back().await;
                if route.name == "RefundOrder" {
                    // Without lines the whole order goes back.
                    self.fixtures.insert("orders", testkit::text(&story.sell(&self.fixtures["items"], "20").await["id"]));
                }
                walked = Walked::of(story, route, &self.fixtures, &self.described).await;
            }
        }
        tally
    }

    /// Makes room for the next, in the business and in its day.
    async fn room(&self, name: &str, answer: &Answer) {
        let bounded = BOUNDED.iter().find(|(one, _, _)| *one == name && answer.status.is_success());
        if let Some((_, place, field)) = bounded {
            self.story.owner.delete(&format!("{place}/{}", testkit::text(&answer.json()[field]))).await.ok();
        }
        if DAILY.contains(&name) && self.n.is_multiple_of(100) {
            self.story.later(Duration::from_secs(24 * 3600));
            self.story.owner_comes_back().await;
        }
    }

    /// Up to three places of a body, with what is put there.
    fn mends(&self, walked: &Walked, dice: &mut Dice) -> Vec<(Path, Value)> {
        let count = dice.below(4);
        let mend = |_| {
            let path = walked.order.get(dice.below(walked.order.len()))?.clone();
            let value = dice.near(&walked.places[&path], &self.garbage);
            Some((path, value))
        };
        (0..count).filter_map(mend).collect()
    }
}

/// In which run an operation is fuzzed: whatever is new is in one of them.
fn part(route: &Route) -> &'static str {
    match route.slice {
        "identity" if route.path.starts_with("/v1/auth/") => "accounts",
        "identity" | "post" | "ledger" | "suppliers" => "people and settings",
        "catalog" | "stock" => "items and stock",
        _ => "sales",
    }
}

async fn fuzz(story: &Story, wanted: &str) {
    let mut run = Run::of(story).await;
    let seed = run.seed;
    let mut scarce = Vec::new();
    for route in taking_json(story).iter().filter(|route| part(route) == wanted) {
        let tally = run.operation(route).await;
        println!("{}", tally.line(seed));
        if tally.scarce() {
            // At once, too: a long run may be ended before it says so.
            println!("  {}", tally.refused.as_deref().unwrap_or_default());
            scarce.push(format!("{}\n  {}", tally.line(seed), tally.refused.unwrap_or_default()));
        }
    }
    assert!(
        scarce.is_empty(),
        "less than a fifth of their bodies was taken, or one that was well made was refused:\n{}",
        scarce.join("\n")
    );
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
fn no_random_body_of_accounts_breaks_the_program() {
    own_database(async |story| fuzz(&story, "accounts").await);
}

#[test]
fn no_random_body_of_people_and_settings_breaks_the_program() {
    own_database(async |story| fuzz(&story, "people and settings").await);
}

#[test]
fn no_random_body_of_items_and_stock_breaks_the_program() {
    own_database(async |story| fuzz(&story, "items and stock").await);
}

#[test]
fn no_random_body_of_sales_breaks_the_program() {
    own_database(async |story| fuzz(&story, "sales").await);
}
