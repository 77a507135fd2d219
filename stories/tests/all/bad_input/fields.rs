//! Every field of every command is given what it can't be: the walk reads the API's own description.

use std::collections::BTreeMap;
use std::sync::Arc;

use kernel::Permission;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Row};
use testkit::{Person, Story, own_database, run};
use web::{Answers, Route};

use super::{fixtures, make, operator, refused_well, routes, taking_json};

/// The way to a field: `lines`, `0`, `quantity`.
pub(super) type Path = Vec<String>;

/// The fields of a schema, each with an example of what it takes; what holds others comes before them.
fn places(schema: &Value, all: &Value, path: &Path, out: &mut Vec<(Path, Value)>) {
    let schema = resolved(schema, all);
    for kind in ["oneOf", "allOf", "anyOf"] {
        schema[kind].as_array().into_iter().flatten().for_each(|one| places(one, all, path, out));
    }
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let below: Path = path.iter().chain([name]).cloned().collect();
        out.push((below.clone(), example(field, all)));
        places(field, all, &below, out);
    }
    if schema["items"].is_object() {
        let below: Path = path.iter().cloned().chain(["0".to_owned()]).collect();
        out.push((below.clone(), example(&schema["items"], all)));
        places(&schema["items"], all, &below, out);
    }
}

fn resolved<'a>(schema: &'a Value, all: &'a Value) -> &'a Value {
    match schema["$ref"].as_str().and_then(|r| r.rsplit('/').next()) {
        Some(name) => &all[name],
        None => schema,
    }
}

/// Something that a schema takes.
fn example(schema: &Value, all: &Value) -> Value {
    let schema = resolved(schema, all);
    if let Some(one) = schema["oneOf"].as_array().and_then(|all| all.first()).or(schema["enum"].as_array().and_then(|all| all.first())) {
        return if schema["enum"].is_array() { one.clone() } else { example(one, all) };
    }
    let kind = schema["type"].as_array().and_then(|kinds| kinds.first()).unwrap_or(&schema["type"]);
    match (kind.as_str().unwrap_or_default(), schema["format"].as_str().unwrap_or_default()) {
        ("integer" | "number", _) => json!(1),
        ("boolean", _) => json!(true),
        ("array", _) => json!([example(&schema["items"], all)]),
        ("object", _) => {
            let needed: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            let fields = schema["properties"].as_object().into_iter().flatten().filter(|(name, _)| needed.contains(&name.as_str()));
            fields.map(|(name, field)| (name.clone(), example(field, all))).collect()
        }
        (_, "uuid") => json!(uuid::Uuid::nil()),
        (_, "date") => json!("2026-11-21"),
        (_, "date-time") => json!("2026-11-21T08:00:00Z"),
        _ if schema["pattern"].is_string() => json!("1"),
        _ if schema["example"].is_string() => schema["example"].clone(),
        _ => json!("x"),
    }
}

/// The body with another value at a place; what is missing on the way is filled by example.
pub(super) fn with(body: &Value, places: &BTreeMap<Path, Value>, path: &Path, value: Value) -> Value {
    let mut body = body.clone();
    let mut at = &mut body;
    for (n, step) in path.iter().enumerate() {
        let place = match at {
            Value::Array(list) => list.first_mut().expect("examples have one entry"),
            Value::Object(fields) => fields.entry(step.clone()).or_insert(Value::Null),
            other => panic!("{path:?} leads into {other}"),
        };
        if n + 1 < path.len() && !(place.is_object() || place.as_array().is_some_and(|list| !list.is_empty())) {
            *place = places[&path[..=n]].clone();
        }
        at = place;
    }
    *at = value;
    body
}

/// One command under its walk.
pub(super) struct Walked {
    route: Arc<Route>,
    pub(super) person: Person,
    fixtures: BTreeMap<&'static str, String>,
    pub(super) places: BTreeMap<Path, Value>,
    pub(super) order: Vec<Path>,
}

impl Walked {
    pub(super) async fn of(story: &Story, route: &Arc<Route>, fixtures: &BTreeMap<&'static str, String>, described: &Value) -> Self {
        let (mut fixtures, mut person) = (fixtures.clone(), story.owner.clone());
        if route.needs == Permission::OwnAccount || route.needs == Permission::Open {
            // These change the session, so it is that of somebody else.
            let (tenant, neighbour) = story.neighbour().await;
            fixtures.insert("businesses", tenant.to_string());
            person = neighbour;
        }
        if route.needs.is_of_platform() {
            person = operator(story).await;
        }
        match route.name.as_str() {
            "Assist" => {
                let consent = make::whole(story, "LetSupportIn", &fixtures, "", 0).await;
                story.post("/v1/settings/support", &consent).await.ok();
            }
            "ResendLetter" | "CancelLetter" => drop(fixtures.insert("mail", super::letter(story).await)),
            "ChangeRoles" | "RemoveMember" => {
                let member = story.member(&[kernel::Role::Seller]).await;
                fixtures.insert("members", member.account.unwrap().to_string());
            }
            "Approve" => {
                let account = story.member(&[kernel::Role::Seller]).await.account.unwrap().to_string();
                story.owner.delete(&format!("/v1/team/members/{account}")).await.ok();
                fixtures.insert("members", account);
            }
            "Refuse" => {
                let (_, stranger) = story.neighbour().await;
                stranger.post("/v1/team/join", &json!({ "slug": story.slug })).await.ok();
                fixtures.insert("members", stranger.account.unwrap().to_string());
            }
            "RevokeInvitation" | "ResendInvitation" => drop(fixtures.insert("invitations", routes::invitation(story).await)),
            "RevokeApiKey" => drop(fixtures.insert("api-keys", routes::api_key(story, "Shop").await)),
            "RevokeDevice" => drop(fixtures.insert("devices", routes::device(story).await)),
            "RemoveLogo" => drop(routes::logo(story).await),
            "RemovePin" => drop(fixtures.insert("members", routes::with_pin(story).await)),
            "DeleteRole" | "ChangeRole" => drop(fixtures.insert("roles", routes::role(story).await)),
            _ => {}
        }
        let all = &described["components"]["schemas"];
        let mut found = Vec::new();
        places(&all[&route.takes.as_ref().unwrap().name], all, &Path::new(), &mut found);
        // The path's own id can't be said in the body.
        found.retain(|(path, _)| !route.path.contains(&format!("{{{}}}", path[0])));
        Self {
            route: route.clone(),
            person,
            fixtures,
            order: found.iter().map(|(path, _)| path.clone()).collect(),
            places: found.into_iter().collect(),
        }
    }

    /// What was answered to a body; `mend` makes it of a good one.
    pub(super) async fn ask(&mut self, story: &Story, n: usize, mend: impl FnOnce(&Self, Value) -> Value) -> (testkit::Answer, Value) {
        let good = self.good(story, n).await;
        let body = mend(self, good);
        let answer = self.send(story, &self.person.clone(), &body).await;
        (answer, body)
    }

    /// A body that is well made, for the address as it is now.
    pub(super) async fn good(&mut self, story: &Story, n: usize) -> Value {
        if self.route.path.starts_with("/v1/imports/") {
            // An import that runs takes nothing more.
            self.fixtures.insert("imports", routes::import(story).await);
        }
        make::whole(story, &self.route.name, &self.fixtures, &make::address(&self.route, &self.fixtures), n).await
    }

    /// What somebody is answered to a body.
    pub(super) async fn send(&mut self, story: &Story, person: &Person, body: &Value) -> testkit::Answer {
        let answer = person.json(self.route.method.as_str(), &make::address(&self.route, &self.fixtures), body).await;
        if let Some(token) = serde_json::from_slice::<Value>(&answer.body).unwrap_or_default()["csrfToken"].as_str() {
            person.keep_csrf(token);
        }
        if answer.status.is_success() && ["Assist", "EndSessions"].contains(&self.route.name.as_str()) {
            // Who looks into a business is the operator no more until they stop, and whose session ended is nobody.
            story.owner_comes_back().await;
            self.person = operator(story).await;
        }
        answer
    }
}

/// What is there of the business, table by table: how many rows, and the last transaction that wrote one.
struct Witness(String);

impl Witness {
    async fn new(story: &Story) -> Self {
        let mut tx = story.db.begin(story.op()).await.unwrap();
        let sql = "SELECT a.attrelid::regclass::text FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE a.attname = 'tenant_id' AND NOT a.attisdropped AND c.relkind = 'r' AND n.nspname NOT LIKE 'pg_%' AND has_table_privilege(c.oid, 'SELECT') ORDER BY 1";
        let tables: Vec<String> = sqlx::query_scalar(sql).fetch_all(tx.conn()).await.unwrap();
        assert!(tables.len() > 25, "the catalog was read: {tables:?}");
        let one = |table: &String| {
            format!("SELECT '{table}' AS t, count(*) AS n, coalesce(max(xmin::text::bigint), 0) AS x FROM {table} WHERE tenant_id = $1")
        };
        Self(tables.iter().map(one).collect::<Vec<_>>().join(" UNION ALL "))
    }

    async fn look(&self, story: &Story) -> Vec<(String, i64, i64)> {
        let mut tx = story.db.begin(story.op()).await.unwrap();
        let rows = sqlx::query(AssertSqlSafe(self.0.clone())).bind(story.tenant.uuid()).fetch_all(tx.conn()).await.unwrap();
        rows.iter().map(|r| (r.get(0), r.get(1), r.get(2))).collect()
    }
}

/// What hardly any field takes.
pub(super) fn garbage() -> Vec<Value> {
    let mut all = vec![
        Value::Null,
        json!(""),
        json!(" "),
        json!(-1),
        json!(0),
        json!(0.5),
        json!(1e30),
        json!(true),
        json!([]),
        json!({}),
        json!([[]]),
    ];
    all.extend([json!(i64::MAX), json!(i64::MIN), json!(i32::MAX)]);
    let long = "x".repeat(10_000);
    let texts = [
        "🥐",
        "\u{202e}שלום\u{200f}",
        "-1",
        "9999999999",
        "0.0000001",
        "2026-02-30",
        "9999-12-31",
        "-009999-01-01",
        "9999-12-31T23:59:59Z",
    ];
    all.extend(texts.into_iter().map(Value::from));
    all.extend(["1970-01-01T00:00:00Z", "../../etc/passwd", "x@", "\u{7f}\u{1}", &long].map(Value::from));
    all
}

/// Refusals that a good body meets, since what it names is not there.
const GOOD_BUT_REFUSED: &[(&str, &str)] = &[
    ("AcceptInvitation", "invitation.over"),
    ("AskChallenge", "device.unknown"),
    ("DeviceLogin", "device.over"),
    ("ProveDevice", "device.over"),
    ("RegisterDevice", "device.key"),
    ("SeePeople", "device.over"),
    ("SetPhone", "phone.off"),
    ("AddPasskey", "passkey.over"),
    ("ChangeEmail", "password.current"),
    ("ChangePassword", "password.current"),
    ("CompleteSecond", "second.over"),
    ("ConfirmEmail", "verify.link"),
    ("ConfirmPhone", "second.wrong"),
    ("DisableSecond", "second.off"),
    ("EraseAccount", "erase.address"),
    ("Login", "login.wrong"),
    ("PasskeyLogin", "passkey.over"),
    ("ReauthVerify", "password.current"),
    ("RecoveryLogin", "second.over"),
    ("Refresh", "token.wrong"),
    ("ResetPassword", "password.link"),
    ("VerifyEmail", "verify.link"),
    ("VerifySecond", "second.over"),
];

async fn walk(story: &Story, slices: &[&str]) {
    let described = web::openapi(&story.app);
    let fixtures = fixtures(story).await;
    story.bring_in(&fixtures["items"], "1000", 100_000).await;
    let sold = story.sell(&fixtures["items"], "500").await;
    let fixtures = fixtures.into_iter().chain([("orders", testkit::text(&sold["id"]))]).collect();
    let witness = Witness::new(story).await;
    let mut n = 0;
    for route in taking_json(story).iter().filter(|r| slices.contains(&r.slice)) {
        let mut walked = Walked::of(story, route, &fixtures, &described).await;
        let (good, body) = walked.ask(story, n, |_, good| good).await;
        match GOOD_BUT_REFUSED.iter().find(|(name, _)| *name == route.name) {
            Some((_, code)) => drop(good.refused(code)),
            None => assert!(good.status.is_success(), "{}: a good body {body} is refused: {}", good.asked, good.text()),
        }
        let mut before = witness.look(story).await;
        for path in walked.order.clone() {
            for value in garbage() {
                n += 1;
                let (answer, body) = walked.ask(story, n, |walked, good| with(&good, &walked.places, &path, value.clone())).await;
                let said = || format!("{} with {}", answer.asked, shown(&body));
                assert!(answer.status.as_u16() < 500, "{}: {}", said(), answer.text());
                if answer.status.is_success() {
                    assert!(value.as_str().is_none_or(|text| text.len() < 10_000), "{} is taken although {path:?} is without end", said());
                } else {
                    refused_well(&answer, Answers::Json);
                }
                let after = witness.look(story).await;
                let made_anew = route.path.starts_with("/v1/imports/");
                assert!(
                    answer.status.is_success() || made_anew || before == after,
                    "{} was refused and changed something: {before:?} {after:?}",
                    said()
                );
                before = after;
            }
        }
    }
    assert!(n > 500, "only {n} bodies were sent");
    let found = story.check().await;
    assert!(found.is_empty(), "{found:?}");
}

pub(super) fn shown(body: &Value) -> String {
    body.to_string().chars().take(600).collect()
}

#[test]
fn no_field_of_people_and_settings_breaks_the_program_whatever_it_holds() {
    own_database(async |story| walk(&story, &["identity", "post", "ledger", "suppliers"]).await);
}

#[test]
fn no_field_of_items_breaks_the_program_whatever_it_holds() {
    own_database(async |story| walk(&story, &["catalog"]).await);
}

#[test]
fn no_field_of_stock_breaks_the_program_whatever_it_holds() {
    own_database(async |story| walk(&story, &["stock"]).await);
}

#[test]
fn no_field_of_sales_breaks_the_program_whatever_it_holds() {
    own_database(async |story| walk(&story, &["sales", "reports"]).await);
}

#[test]
fn every_slice_that_takes_json_is_walked() {
    run(async |story| {
        for route in taking_json(&story) {
            assert!(
                ["identity", "post", "ledger", "suppliers", "catalog", "stock", "sales", "reports"].contains(&route.slice),
                "{}: walk it, too",
                route.slice
            );
        }
    });
}

#[test]
fn a_nul_in_any_text_is_refused_by_its_field() {
    run(async |story| {
        let described = web::openapi(&story.app);
        let fixtures = fixtures(&story).await;
        for (n, route) in taking_json(&story).iter().enumerate() {
            let mut walked = Walked::of(&story, route, &fixtures, &described).await;
            for path in walked.order.clone() {
                let (answer, _) = walked.ask(&story, n, |walked, good| with(&good, &walked.places, &path, json!("a\u{0}b"))).await;
                let refused = answer.refused("text.control").json();
                assert_eq!(refused["errors"][0]["field"], path.join("."), "{}", routes::name(route));
            }
            let (answer, _) = walked.ask(&story, n, |_, _| json!({ "na\u{0}me": "x" })).await;
            answer.refused("text.control");
        }
    });
}
