//! What is read by the API, asked with parameters at random, as its own description names them: the other half of the fuzz.
//!
//! Every fourth question has no more parameters than it needs, so that a fifth at least of each operation's are answered.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::{Person, Story, own_database, run};
use web::{Answers, Route};

use super::fuzz::{Dice, Tally, asked_for};
use super::{addresses, fixtures, make, operator, refused_well, taking_json};
use crate::all::routes::name;

const BARE: &str = "takes neither a body nor a parameter";

/// Operations of which nothing is made at random, each with its reason.
const LEFT_OUT: &[(&str, &str)] = &[
    ("GET /v1/live", "never ends; the stories of `live` read it"),
    ("POST /v1/imports", "takes files; the stories of `cells` send it broken ones"),
    ("POST /v1/settings/branding/logo", "takes a picture; the stories of identity send it what is none"),
    ("POST /v1/assist/stop", BARE),
    ("POST /v1/auth/2fa/enable-init", BARE),
    ("POST /v1/auth/2fa/recovery-codes", BARE),
    ("POST /v1/auth/device/lock", BARE),
    ("POST /v1/auth/logout", BARE),
    ("POST /v1/auth/passkeys/login/begin", BARE),
    ("POST /v1/auth/passkeys/register/begin", BARE),
    ("DELETE /v1/auth/passkeys/{id}", BARE),
    ("DELETE /v1/auth/phone", BARE),
    ("DELETE /v1/auth/pin", BARE),
    ("POST /v1/auth/reauth/send", BARE),
    ("DELETE /v1/auth/sessions", BARE),
    ("DELETE /v1/auth/sessions/{id}", BARE),
    ("DELETE /v1/settings/support", BARE),
];

/// What the description says of an operation's parameters: name and schema.
fn parameters(route: &Route, described: &Value) -> Vec<(String, Value)> {
    let all = described["paths"][route.path]["get"]["parameters"].as_array().unwrap();
    let queries = all.iter().filter(|parameter| parameter["in"] == "query");
    queries.map(|parameter| (testkit::text(&parameter["name"]), parameter["schema"].clone())).collect()
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// A value as it stands in an address: often one that the schema takes.
fn value(dice: &mut Dice, schema: &Value, garbage: &[String]) -> String {
    let known = schema["enum"].as_array();
    match (dice.below(5), known) {
        (0, _) => dice.of(garbage).clone(),
        (1, _) => encoded(&dice.text()),
        (_, Some(known)) => encoded(dice.of(known).as_str().unwrap_or_default()),
        (2, None) => format!("2026-{:02}-{:02}", 1 + dice.below(13), 1 + dice.below(31)),
        (3, None) => uuid::Uuid::nil().to_string(),
        (_, None) => dice.below(300).to_string(),
    }
}

/// Who asks: the operator's are asked by whoever runs the installation.
async fn sender(story: &Story, route: &Route) -> Person {
    story.owner_comes_back().await;
    if route.needs.is_of_platform() { operator(story).await } else { story.owner.clone() }
}

/// What the address of an operation needs before it answers anything.
async fn needed(story: &Story, route: &Route) -> Option<String> {
    match route.path {
        "/v1/reports/sales" => Some("from=2026-11-01&to=2026-11-30".to_owned()),
        "/v1/auth/verify-email" => {
            let email = format!("ada.{}@example.com", story.clock.uuid());
            let body = json!({ "email": email, "password": "seven loaves on the window sill" });
            story.stranger().post("/v1/auth/register", &body).await.ok();
            Some(format!("token={}", story.letter(&email, "verify").await.token()))
        }
        _ => None,
    }
}

struct Asked<'a> {
    story: &'a Story,
    seed: u64,
    cases: usize,
    described: Value,
    garbage: Vec<String>,
}

impl Asked<'_> {
    /// Asks an operation its questions.
    async fn operation(&self, route: &Route, path: &str) -> Tally {
        let (known, mut dice) = (parameters(route, &self.described), Dice::of_operation(self.seed, &route.name));
        let (mut person, needed) = (sender(self.story, route).await, needed(self.story, route).await);
        let mut tally = Tally { operation: name(route), sent: self.cases, taken: 0, refused: None };
        for case in 0..self.cases {
            self.story.later(Duration::from_secs(1));
            let count = if case.is_multiple_of(4) { 0 } else { 1 + dice.below(3) };
            let mut query: Vec<String> = needed.iter().cloned().collect();
            for _ in 0..count.min(known.len()) {
                let (name, schema) = dice.of(&known);
                query.push(format!("{name}={}", value(&mut dice, schema, &self.garbage)));
            }
            let answer = person.get(&format!("{path}?{}", query.join("&"))).await;
            assert!(answer.status.as_u16() < 500, "seed {}: {}: {}", self.seed, answer.asked, answer.text());
            if answer.status.is_success() {
                tally.taken += 1;
                continue;
            }
            refused_well(&answer, Answers::Json);
            if answer.status == 401 && ["auth.required", "auth.again"].contains(&answer.code().as_str()) {
                person = sender(self.story, route).await;
            } else if count == 0 {
                tally.refused.get_or_insert_with(|| format!("{}: {}", answer.asked, answer.text()));
            }
        }
        tally
    }
}

#[test]
fn no_random_question_breaks_the_program() {
    own_database(async |story| {
        let (seed, cases) = asked_for();
        let (described, fixtures) = (web::openapi(&story.app), fixtures(&story).await);
        let asked = Asked { story: &story, seed, cases, described, garbage: addresses::garbage() };
        let mut scarce = Vec::new();
        for route in addresses::reading(&story, Answers::Json) {
            let tally = asked.operation(&route, &make::address(&route, &fixtures)).await;
            println!("{}", tally.line(seed));
            if tally.scarce() {
                scarce.push(format!("{}\n  {}", tally.line(seed), tally.refused.unwrap_or_default()));
            }
        }
        assert!(scarce.is_empty(), "less than a fifth was answered, or a question that was well put was not:\n{}", scarce.join("\n"));
    });
}

#[test]
fn every_operation_is_fuzzed_or_says_why_it_is_not() {
    run(async |story| {
        let described = web::openapi(&story.app);
        let bodies: Vec<String> = taking_json(&story).iter().map(|route| name(route)).collect();
        let questions: Vec<String> = addresses::reading(&story, Answers::Json).iter().map(|route| name(route)).collect();
        let mut left = Vec::new();
        for (path, operations) in described["paths"].as_object().unwrap() {
            for method in operations.as_object().unwrap().keys() {
                let operation = format!("{} {path}", method.to_uppercase());
                if !bodies.contains(&operation) && !questions.contains(&operation) {
                    left.push(operation);
                }
            }
        }
        let mut named: Vec<&str> = LEFT_OUT.iter().map(|(operation, _)| *operation).collect();
        left.sort();
        named.sort_unstable();
        assert_eq!(left, named, "what is left out is named with its reason, and nothing else is");
    });
}
