//! Several nodes on one database and one Redis: they count together, and what ends on one ends on the others.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use kernel::Role;
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

/// Asks a node as a program does, by the proxy that sees this client's address.
fn ask(node: &Serving, client: &str, method: &str, path: &str, token: Option<&str>, body: &Value) -> Said {
    let mut stream = TcpStream::connect(node.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let authorization = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
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
    ask(node, "192.0.2.1", "POST", "/v1/auth/forgot-password", None, &json!({ "email": email }))
}

/// Asks until the answer is this one; how long that took.
fn until(node: &Serving, path: &str, token: &str, status: u16) -> Duration {
    let begun = Instant::now();
    loop {
        let said = ask(node, "192.0.2.9", "GET", path, Some(token), &Value::Null);
        if said.status == status {
            return begun.elapsed();
        }
        assert!(begun.elapsed() < PATIENCE, "{path} still answers {}", said.status);
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A member with a password.
async fn member(story: &Story, role: Role) -> Person {
    let person = story.member(&[role]).await;
    identity::set_password(&story.db, person.account.unwrap(), PASSWORD).await.unwrap();
    person
}

/// Signs somebody in on a node: the access token.
fn sign_in(node: &Serving, person: &Person) -> String {
    let said = ask(node, "192.0.2.2", "POST", "/v1/auth/login", None, &json!({ "email": person.email, "password": PASSWORD }));
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
        until(&nodes.other, "/v1/auth/me", &token, 200);
        assert_eq!(ask(&nodes.one, "192.0.2.2", "POST", "/v1/auth/logout", Some(&token), &json!({})).status, 204);
        let felt = until(&nodes.other, "/v1/auth/me", &token, 401);
        assert!(felt <= FELT, "a revoked session was believed for {felt:?}");

        // A right that is taken away on one node.
        let (token, owner) = (sign_in(&nodes.other, &manager), sign_in(&nodes.one, &story.owner));
        until(&nodes.other, "/v1/team/members", &token, 200);
        let path = format!("/v1/team/members/{}", manager.account.unwrap());
        let version = ask(&nodes.one, "192.0.2.3", "GET", &path, Some(&owner), &Value::Null).body["version"].clone();
        let body = json!({ "roles": ["seller"], "version": version });
        let said = ask(&nodes.one, "192.0.2.3", "POST", &format!("{path}/roles"), Some(&owner), &body);
        assert_eq!(said.status, 200, "{}", said.body);
        let felt = until(&nodes.other, "/v1/team/members", &token, 403);
        assert!(felt <= FELT, "a role that was taken away was believed for {felt:?}");
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
            ask(node, &client, "POST", "/v1/auth/forgot-password", None, &json!({ "email": format!("a{n}@example.com") }))
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
                assert_eq!(ask(node, "192.0.2.7", "POST", "/v1/auth/login", None, &body).status, 200);
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
