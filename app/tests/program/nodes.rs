//! Several nodes on one database and one Redis: they count together, and what ends on one ends on the others.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use kernel::{PlatformRole, Role};
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::{Person, RedisServer, Story};

use super::super::{PATIENCE, Serving, ended, hearth, place};

const PASSWORD: &str = "xylophone marmalade quietly vanishes";
/// The keys of all stories.
const KEYS: &str = "stories QSByaW5nIGZvciBzdG9yaWVzLCBhbmQgbm90aGluZyE=";
/// What ends on one node is refused on the other within this.
const FELT: Duration = Duration::from_secs(1);

fn settings(story: &Story, redis: Option<&str>) -> Vec<(&'static str, String)> {
    let mut all = vec![
        ("HEARTH_DATABASE_URL", story.database_url("hearth_app")),
        ("HEARTH_DATABASE_SYSTEM_URL", story.database_url("hearth_system")),
        ("HEARTH_ENCRYPTION_KEYS", KEYS.to_owned()),
        ("HEARTH_PUBLIC_URL", "https://bakery.example".to_owned()),
        ("HEARTH_TRUSTED_PROXIES", "1".to_owned()),
        ("HEARTH_NODES", "2".to_owned()),
    ];
    all.extend(redis.map(|url| ("HEARTH_REDIS_URL", url.to_owned())));
    all
}

/// Two nodes, as they run behind one proxy. Each has a directory of its own.
struct Nodes {
    one: Serving,
    other: Serving,
    _dirs: [TempDir; 2],
}

impl Nodes {
    fn start(story: &Story, redis: &RedisServer) -> Self {
        let all = settings(story, Some(&redis.url()));
        let all: Vec<(&str, &str)> = all.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let dirs = [place(), place()];
        let [one, other] = [0, 1].map(|n: usize| Serving::start_with(dirs[n].path(), &all));
        Self { one, other, _dirs: dirs }
    }
}

/// One answer over the wire.
struct Said {
    status: u16,
    head: String,
    body: Value,
}

impl Said {
    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// Who asks a node.
#[derive(Clone, Copy)]
enum Who<'a> {
    Nobody,
    /// A program with its access token.
    Program(&'a str),
    /// A browser with its cookies.
    Browser(&'a Person),
}

impl Who<'_> {
    fn headers(self) -> String {
        match self {
            Self::Nobody => String::new(),
            Self::Program(token) => format!("Authorization: Bearer {token}\r\n"),
            Self::Browser(person) => format!("Cookie: {}\r\nX-CSRF-Token: {}\r\n", person.cookies(), person.csrf()),
        }
    }
}

/// Asks a node by the proxy that sees this client's address.
fn ask(node: &Serving, client: &str, method: &str, path: &str, who: Who<'_>, body: &Value) -> Said {
    let mut stream = TcpStream::connect(node.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let authorization = who.headers();
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: bakery.example\r\nConnection: close\r\nX-Forwarded-For: {client}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n{authorization}\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{path}: {answer}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Said { status, head: head.to_owned(), body: serde_json::from_str(body).unwrap_or_default() }
}

fn forgot(node: &Serving, email: &str) -> Said {
    ask(node, "192.0.2.1", "POST", "/v1/auth/forgot-password", Who::Nobody, &json!({ "email": email }))
}

/// Asks until the answer is this one; how long that took.
fn until(node: &Serving, path: &str, who: Who<'_>, status: u16) -> Duration {
    until_said(node, path, who, |said| said.status == status)
}

/// Asks until it is refused by this code, and holds that to a second.
#[track_caller]
fn felt(node: &Serving, path: &str, who: Who<'_>, code: &str) {
    let felt = until_said(node, path, who, |said| said.body["code"] == code);
    assert!(felt <= FELT, "{path} is refused by {code} only after {felt:?}");
}

fn until_said(node: &Serving, path: &str, who: Who<'_>, wanted: impl Fn(&Said) -> bool) -> Duration {
    let begun = Instant::now();
    loop {
        let said = ask(node, "192.0.2.9", "GET", path, who, &Value::Null);
        if wanted(&said) {
            return begun.elapsed();
        }
        assert!(begun.elapsed() < PATIENCE, "{path} still answers {}: {}", said.status, said.body);
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// What changes something on a node, as the story's owner at a browser.
#[track_caller]
fn done(node: &Serving, story: &Story, method: &str, path: &str, body: &Value) -> Value {
    let said = ask(node, "192.0.2.3", method, path, Who::Browser(&story.owner), body);
    assert!((200..300).contains(&said.status), "{path}: {} {}", said.status, said.body);
    said.body
}

/// Served programs have the machine's clock: the story's people sign in by it, so that their cookies count there.
async fn by_the_machines_clock(story: &Story) {
    story.clock.set(kernel::Source::real().now());
    story.owner_comes_back().await;
}

/// As if somebody had last proved two hours ago who they are.
async fn proved_two_hours_ago(story: &Story, person: &Person) {
    let mut system = story.db.system("story.proved").await.unwrap();
    let sql = "UPDATE identity.session SET proved_at = proved_at - interval '2 hours' WHERE account_id = $1";
    sqlx::query(sql).bind(person.account.unwrap().uuid()).execute(system.conn()).await.unwrap();
    system.commit().await.unwrap();
}

/// A member with a password.
async fn member(story: &Story, role: Role) -> Person {
    let person = story.member(&[role]).await;
    identity::set_password(&story.db, person.account.unwrap(), PASSWORD).await.unwrap();
    person
}

/// Signs somebody in on a node: the access token.
fn sign_in(node: &Serving, person: &Person) -> String {
    let said = ask(node, "192.0.2.2", "POST", "/v1/auth/login", Who::Nobody, &json!({ "email": person.email, "password": PASSWORD }));
    assert_eq!(said.status, 200, "{}", said.body);
    said.body["accessToken"].as_str().unwrap().to_owned()
}

#[test]
fn two_nodes_count_together_and_feel_each_other_s_ends_within_a_second() {
    testkit::own_database(async |story| {
        let [seller, manager] = [member(&story, Role::Seller).await, member(&story, Role::Manager).await];
        identity::set_password(&story.db, story.owner.account.unwrap(), PASSWORD).await.unwrap();
        let redis = RedisServer::start();
        let nodes = Nodes::start(&story, &redis);
        for (node, left) in [(&nodes.one, "2"), (&nodes.other, "1"), (&nodes.one, "0")] {
            let said = forgot(node, "ada@example.com");
            assert_eq!((said.status, said.header("ratelimit-remaining")), (202, Some(left)));
        }
        for node in [&nodes.one, &nodes.other] {
            let said = forgot(node, "ada@example.com");
            assert_eq!((said.status, &said.body["code"]), (429, &"too_many".into()));
            assert!(said.header("retry-after").is_some_and(|seconds| seconds.parse::<u32>().is_ok_and(|s| (3500..=3600).contains(&s))));
        }

        // A session that is ended on one node, by the token itself.
        let token = sign_in(&nodes.one, &seller);
        let program = Who::Program(&token);
        until(&nodes.other, "/v1/auth/me", program, 200);
        assert_eq!(ask(&nodes.one, "192.0.2.2", "POST", "/v1/auth/logout", program, &json!({})).status, 204);
        felt(&nodes.other, "/v1/auth/me", program, "token.wrong");

        // A right that is taken away on one node.
        let (token, owner) = (sign_in(&nodes.other, &manager), sign_in(&nodes.one, &story.owner));
        until(&nodes.other, "/v1/team/members", Who::Program(&token), 200);
        let path = format!("/v1/team/members/{}", manager.account.unwrap());
        let version = ask(&nodes.one, "192.0.2.3", "GET", &path, Who::Program(&owner), &Value::Null).body["version"].clone();
        let body = json!({ "roles": ["seller"], "version": version });
        let said = ask(&nodes.one, "192.0.2.3", "POST", &format!("{path}/roles"), Who::Program(&owner), &body);
        assert_eq!(said.status, 200, "{}", said.body);
        felt(&nodes.other, "/v1/team/members", Who::Program(&token), "auth.forbidden");
    });
}

#[test]
fn who_is_demoted_on_one_node_is_it_at_their_browser_on_the_other_within_a_second() {
    testkit::own_database(async |story| {
        let redis = RedisServer::start();
        let nodes = Nodes::start(&story, &redis);
        by_the_machines_clock(&story).await;
        let manager = story.member(&[Role::Manager]).await;
        let path = format!("/v1/team/members/{}", manager.account.unwrap());
        until(&nodes.other, "/v1/team/members", Who::Browser(&manager), 200);
        let version = ask(&nodes.one, "192.0.2.3", "GET", &path, Who::Browser(&story.owner), &Value::Null).body["version"].clone();
        done(&nodes.one, &story, "POST", &format!("{path}/roles"), &json!({ "roles": ["seller"], "version": version }));
        felt(&nodes.other, "/v1/team/members", Who::Browser(&manager), "auth.forbidden");
        // Removed altogether, they are nobody here.
        until(&nodes.other, "/v1/items", Who::Browser(&manager), 200);
        done(&nodes.one, &story, "DELETE", &path, &json!({}));
        felt(&nodes.other, "/v1/items", Who::Browser(&manager), "tenant.none");
    });
}

#[test]
fn stricter_rules_of_sign_in_set_on_one_node_count_on_the_other_within_a_second() {
    testkit::own_database(async |story| {
        let redis = RedisServer::start();
        let nodes = Nodes::start(&story, &redis);
        by_the_machines_clock(&story).await;
        let [seller, baker] = [story.member(&[Role::Seller]).await, member(&story, Role::Baker).await];
        let token = sign_in(&nodes.other, &baker);
        proved_two_hours_ago(&story, &seller).await;
        let rules = |version: i32, hours: i32, second: &str| {
            let body = json!({ "idleMinutes": 60, "reauthHours": hours, "secondFactor": second, "version": version });
            done(&nodes.one, &story, "POST", "/v1/settings/security", &body)
        };
        // A day was long enough; an hour is not.
        until(&nodes.other, "/v1/items", Who::Browser(&seller), 200);
        rules(0, 1, "offered");
        felt(&nodes.other, "/v1/items", Who::Browser(&seller), "auth.again");
        // A program's token is read against the rules as well.
        until(&nodes.other, "/v1/items", Who::Program(&token), 200);
        rules(1, 1, "everybody");
        felt(&nodes.other, "/v1/items", Who::Program(&token), "second.needed");
    });
}

#[test]
fn a_consent_taken_back_on_one_node_ends_supports_reading_on_the_other_within_a_second() {
    testkit::own_database(async |story| {
        let redis = RedisServer::start();
        let nodes = Nodes::start(&story, &redis);
        by_the_machines_clock(&story).await;
        let support = story.operator(&[PlatformRole::Support]).await;
        done(&nodes.one, &story, "DELETE", &format!("/v1/team/members/{}", support.account.unwrap()), &json!({}));
        let consent = json!({ "hours": 1, "reason": "the totals of Friday", "acting": false });
        done(&nodes.one, &story, "POST", "/v1/settings/support", &consent);
        let begun = support.post(&format!("/v1/admin/tenants/{}/assist", story.tenant), &json!({ "reason": "ticket 7" })).await.ok().json();
        support.keep_csrf(begun["csrfToken"].as_str().unwrap());
        until(&nodes.other, "/v1/orders", Who::Browser(&support), 200);
        done(&nodes.one, &story, "DELETE", "/v1/settings/support", &json!({}));
        felt(&nodes.other, "/v1/orders", Who::Browser(&support), "tenant.none");
    });
}

#[test]
fn a_redis_that_dies_under_load_and_comes_back_costs_no_request() {
    testkit::own_database(async |story| {
        let mut redis = RedisServer::start();
        let nodes = Nodes::start(&story, &redis);
        let person = member(&story, Role::Seller).await;
        let (over, asked, failed) = (AtomicBool::new(false), AtomicU32::new(0), AtomicU32::new(0));
        let n = AtomicU32::new(0);
        let login = |node: &Serving| {
            // Each from a client of its own, to an address of its own.
            let n = n.fetch_add(1, Ordering::Relaxed);
            let client = format!("10.{}.{}.{}", n >> 16, (n >> 8) & 255, n & 255);
            ask(node, &client, "POST", "/v1/auth/forgot-password", Who::Nobody, &json!({ "email": format!("a{n}@example.com") }))
        };
        let limits = |node: &Serving| node.get("/readyz").map(|(_, body)| serde_json::from_str::<Value>(&body).unwrap()["limits"].clone());
        std::thread::scope(|scope| {
            for node in [&nodes.one, &nodes.other] {
                scope.spawn(|| {
                    while !over.load(Ordering::Relaxed) {
                        let said = login(node);
                        asked.fetch_add(1, Ordering::Relaxed);
                        if said.status != 202 {
                            failed.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                });
            }
            let more = |by: u32| {
                let goal = asked.load(Ordering::Relaxed) + by;
                super::super::eventually("requests are answered", || asked.load(Ordering::Relaxed) >= goal);
            };
            more(50);
            redis.kill();
            super::super::eventually("both nodes count alone", || {
                [&nodes.one, &nodes.other].iter().all(|node| limits(node) == Some("lost".into()))
            });
            more(50);
            // Sign-ins go on.
            let body = json!({ "email": person.email, "password": PASSWORD });
            for node in [&nodes.one, &nodes.other] {
                assert_eq!(ask(node, "192.0.2.7", "POST", "/v1/auth/login", Who::Nobody, &body).status, 200);
            }
            redis.start_again();
            super::super::eventually("both nodes count together again", || {
                [&nodes.one, &nodes.other].iter().all(|node| limits(node) == Some("shared".into()))
            });
            more(50);
            over.store(true, Ordering::Relaxed);
        });
        assert_eq!(failed.load(Ordering::Relaxed), 0, "of {}", asked.load(Ordering::Relaxed));
        for (node, status) in [(&nodes.one, 202), (&nodes.other, 202), (&nodes.one, 202), (&nodes.other, 429), (&nodes.one, 429)] {
            assert_eq!(forgot(node, "eva@example.com").status, status);
        }
    });
}

#[test]
fn one_of_several_nodes_does_not_start_without_redis() {
    testkit::own_database(async |story| {
        let dir = place();
        let serve = |redis: Option<&str>| {
            let mut command = hearth(dir.path(), &["serve"]);
            command.env("HEARTH_LISTEN", "127.0.0.1:0").envs(settings(&story, redis));
            ended(&mut command)
        };
        let (code, said) = serve(None);
        assert!(code == 1 && said.contains("HEARTH_REDIS_URL is not set, but HEARTH_NODES is more than one"), "{said}");
        let mut redis = RedisServer::start();
        redis.kill();
        let (code, said) = serve(Some(&redis.url()));
        assert!(
            code == 1 && said.contains("Redis does not answer, and this is one of 2 nodes") && said.contains("HEARTH_NODES=1"),
            "{said}"
        );
        redis.start_again();
        redis.freeze();
        let (code, said) = serve(Some(&redis.url()));
        assert!(code == 1 && said.contains("Redis does not answer"), "{said}");
        redis.thaw();
    });
}

#[test]
fn a_node_alone_starts_without_the_redis_that_it_is_told_of() {
    testkit::own_database(async |story| {
        let dir = place();
        let mut redis = RedisServer::start();
        redis.kill();
        let url = redis.url();
        let mut all = settings(&story, Some(&url));
        all.iter_mut().filter(|(name, _)| *name == "HEARTH_NODES").for_each(|(_, nodes)| "1".clone_into(nodes));
        let all: Vec<(&str, &str)> = all.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let serving = Serving::start_with(dir.path(), &all);
        assert_eq!(forgot(&serving, "ada@example.com").status, 202);
        assert_eq!(serving.end(), Some(0));
    });
}
