//! How often things may be asked for, with the real numbers.

use std::collections::BTreeSet;
use std::net::Ipv6Addr;
use std::time::Duration;

use kernel::Permission;
use serde_json::{Value, json};
use testkit::{Answer, Node, Person, RedisServer, Story, own_database, run};
use web::{Counting, Redis};

use super::routes::name;

pub const PASSWORD: &str = "xylophone marmalade quietly vanishes";

/// An address that no other story uses.
pub fn address(story: &Story) -> String {
    format!("ada.{}@example.com", story.clock.uuid())
}

/// An account with [`PASSWORD`].
pub async fn account(story: &Story) -> String {
    let email = address(story);
    let account = identity::account_for(&story.db, &email).await.unwrap();
    identity::set_password(&story.db, account, PASSWORD).await.unwrap();
    email
}

async fn login(person: &Person, email: &str, password: &str) -> Answer {
    person.post("/v1/auth/login", &json!({ "email": email, "password": password })).await
}

/// Each from a client of its own.
async fn forgot(node: &Node, email: &str) -> Answer {
    let client = Ipv6Addr::from_bits(node.app.db().source().uuid().as_u128()).to_string();
    node.stranger().from(&client).post("/v1/auth/forgot-password", &json!({ "email": email })).await
}

fn number(answer: &Answer, header: &str) -> u64 {
    answer.header(header).parse().unwrap_or_else(|_| panic!("{}: no number in {header}: {:?}", answer.asked, answer.headers))
}

/// Holds an answer to a refusal for being too often, and to what it says of it; the seconds to wait.
#[track_caller]
fn too_often(answer: Answer, limit: u64) -> u64 {
    let answer = answer.refused("too_many");
    let wait = number(&answer, "retry-after");
    assert_eq!(
        (number(&answer, "ratelimit-limit"), number(&answer, "ratelimit-remaining"), number(&answer, "ratelimit-reset")),
        (limit, 0, wait)
    );
    wait
}

#[test]
fn a_limit_that_is_used_up_is_noted_once_and_a_forged_request_each_time() {
    run(async |story| {
        let (node, email) = (story.node(|_| {}), account(&story).await);
        let client = node.stranger().from("192.0.2.77");
        for _ in 0..5 {
            login(&client, &email, "wrong").await;
        }
        for _ in 0..3 {
            login(&client, &email, "wrong").await.refused("too_many");
        }
        let forged = [("sec-fetch-site", "cross-site")];
        for _ in 0..2 {
            story.owner.json_with("POST", "/v1/items", &json!({}), &forged).await.refused("auth.csrf");
        }
        node.app.db().flush_activity().await;
        story.db.flush_activity().await;
        let noted = story.get("/v1/activity?action=request.forged").await.ok().json();
        assert_eq!(noted["rows"].as_array().unwrap().len(), 2, "{noted}");
        let mut system = story.db.system("story").await.unwrap();
        let sql = "SELECT count(*) FROM db.activity WHERE action = 'request.limited' AND address = '192.0.2.77'";
        let limited: i64 = sqlx::query_scalar(sql).fetch_one(system.conn()).await.unwrap();
        assert_eq!(limited, 1);
    });
}

#[test]
fn five_sign_ins_a_minute_to_one_account_whether_by_call_or_by_page() {
    run(async |story| {
        let (node, email) = (story.node(|_| {}), account(&story).await);
        for n in 0..5 {
            let client = node.stranger().from(&format!("192.0.2.{n}"));
            let answer = match n % 2 {
                // Other spellings are the same address.
                0 => login(&client, &format!(" {} ", email.to_uppercase()), PASSWORD).await.is(200),
                _ => client.form("/login", &[("email", &email), ("password", PASSWORD)]).await.is(303),
            };
            assert_eq!((number(&answer, "ratelimit-limit"), number(&answer, "ratelimit-remaining")), (5, 4 - n));
        }
        story.later(Duration::from_secs(20));
        let wait = too_often(login(&node.stranger().from("192.0.2.77"), &email, PASSWORD).await, 5);
        assert!((38..=40).contains(&wait), "{wait}");
        let page = node.stranger().from("192.0.2.78").form("/login", &[("email", &email), ("password", PASSWORD)]).await.is(429);
        assert!(page.header("content-type").starts_with("text/html") && number(&page, "retry-after") > 0);
        story.later(Duration::from_secs(wait));
        login(&node.stranger().from("192.0.2.77"), &email, PASSWORD).await.is(200);
    });
}

#[test]
fn ten_sign_ins_a_minute_from_one_client_and_an_ipv6_office_is_one() {
    run(async |story| {
        let node = story.node(|_| {});
        for n in 0..10 {
            let client = node.stranger().from(&format!("2001:db8:1:2a{n:02x}::{n:x}"));
            login(&client, &address(&story), "x").await.refused("login.wrong");
        }
        too_often(login(&node.stranger().from("2001:db8:1:2aff::9"), &address(&story), "x").await, 10);
        login(&node.stranger().from("2001:db8:1:2b00::9"), &address(&story), "x").await.refused("login.wrong");
    });
}

#[test]
fn attack_a_stranger_s_guesses_use_up_no_sign_in_of_a_known_device() {
    run(async |story| {
        let (node, email) = (story.node(|_| {}), account(&story).await);
        let ada = node.stranger().from("192.0.2.1");
        login(&ada, &email, PASSWORD).await.is(200);
        for n in 0..5 {
            login(&node.stranger().from(&format!("198.51.100.{n}")), &email, "x").await;
        }
        too_often(login(&node.stranger().from("198.51.100.9"), &email, "x").await, 5);
        login(&ada, &email, PASSWORD).await.is(200);
        // A made-up device is nobody's: it is counted with the strangers.
        let liar = node.stranger().from("198.51.100.10");
        liar.keep_cookie("__Host-hearth-device", &ada.cookie("__Host-hearth-device").unwrap().chars().rev().collect::<String>());
        too_often(login(&liar, &email, PASSWORD).await, 5);
    });
}

#[test]
fn known_and_unknown_addresses_are_limited_alike() {
    run(async |story| {
        let (node, known, unknown) = (story.node(|_| {}), account(&story).await, address(&story));
        for path in ["/v1/auth/forgot-password", "/v1/auth/resend-verification"] {
            let mut said = Vec::new();
            for email in [&known, &unknown] {
                let mut all = Vec::new();
                for _ in 0..4 {
                    let answer = node.stranger().post(path, &json!({ "email": email })).await;
                    all.push((
                        answer.status.as_u16(),
                        answer.code(),
                        answer.header("ratelimit-remaining"),
                        answer.header("ratelimit-limit"),
                    ));
                }
                said.push(all);
            }
            assert_eq!(said[0], said[1], "{path}");
            assert_eq!(said[0].iter().map(|(status, ..)| *status).collect::<Vec<_>>(), [202, 202, 202, 429], "{path}");
        }
        // The page's form counts with the call.
        node.stranger().form("/forgot-password", &[("email", &known)]).await.is(429);
        story.later(Duration::from_secs(3600));
        node.stranger().form("/forgot-password", &[("email", &known)]).await.is(303);
    });
}

#[test]
fn five_registrations_an_hour_from_one_client() {
    run(async |story| {
        let node = story.node(|_| {});
        let register = async |client: &str| {
            let body = json!({ "email": address(&story), "password": PASSWORD });
            node.stranger().from(client).post("/v1/auth/register", &body).await
        };
        for _ in 0..5 {
            register("192.0.2.1").await.is(202);
        }
        assert!(too_often(register("192.0.2.1").await, 5) > 3500);
        register("192.0.2.2").await.is(202);
    });
}

#[test]
fn six_hundred_calls_a_minute_by_one_token_and_by_one_session() {
    run(async |story| {
        let (node, email) = (story.node(|_| {}), account(&story).await);
        let token = login(&node.stranger(), &email, PASSWORD).await.is(200).json()["accessToken"].as_str().unwrap().to_owned();
        let bearer = format!("Bearer {token}");
        let program = node.stranger();
        let browser = node.stranger();
        browser.keep_cookie("__Host-hearth", &story.owner.cookie("__Host-hearth").unwrap());
        for n in 0..600_u64 {
            let answer = program.json_with("GET", "/v1/auth/me", &Value::Null, &[("authorization", &bearer)]).await.is(200);
            assert_eq!((number(&answer, "ratelimit-limit"), number(&answer, "ratelimit-remaining")), (600, 599 - n));
            browser.get(if n % 2 == 0 { "/v1/auth/me" } else { "/account/profile" }).await.is(200);
        }
        // What may not be done counts, too; files and health do not.
        too_often(program.json_with("GET", "/v1/admin/users", &Value::Null, &[("authorization", &bearer)]).await, 600);
        too_often(browser.get("/v1/auth/me").await, 600);
        browser.get("/healthz").await.is(200);
        story.get("/v1/auth/me").await.is(200);
        story.later(Duration::from_secs(60));
        browser.get("/v1/auth/me").await.is(200);
    });
}

#[test]
fn thirty_refreshes_a_minute_of_one_session_and_the_refused_one_loses_nothing() {
    run(async |story| {
        let (node, email) = (story.node(|_| {}), account(&story).await);
        let refresh = async |token: &str| node.stranger().post("/v1/auth/refresh", &json!({ "refreshToken": token })).await;
        let first = login(&node.stranger(), &email, PASSWORD).await.is(200).json();
        let mut token = testkit::text(&first["refreshToken"]);
        for _ in 0..30 {
            token = testkit::text(&refresh(&token).await.is(200).json()["refreshToken"]);
        }
        let wait = too_often(refresh(&token).await, 30);
        story.later(Duration::from_secs(wait));
        refresh(&token).await.is(200);
    });
}

#[test]
fn three_mailed_codes_an_hour() {
    run(async |story| {
        let node = story.node(|_| {});
        let ada = node.stranger();
        ada.keep_cookie("__Host-hearth", &story.owner.cookie("__Host-hearth").unwrap());
        ada.keep_csrf(&story.owner.csrf());
        for _ in 0..3 {
            ada.post("/v1/auth/reauth/send", &json!({})).await.is(202);
        }
        too_often(ada.post("/v1/auth/reauth/send", &json!({})).await, 3);
        ada.form("/reauth/send", &[]).await.is(429);
    });
}

#[test]
fn an_invitation_is_sent_again_three_times_an_hour_by_call_and_page_together() {
    run(async |story| {
        let node = story.node(|_| {});
        let owner = node.stranger();
        owner.keep_cookie("__Host-hearth", &story.owner.cookie("__Host-hearth").unwrap());
        owner.keep_csrf(&story.owner.csrf());
        let (one, other) = (super::routes::invitation(&story).await, super::routes::invitation(&story).await);
        let (call, form) = (format!("/v1/team/invitations/{one}/resend"), format!("/team/invitations/{one}/resend"));
        owner.post(&call, &json!({})).await.ok();
        assert_eq!(owner.form(&form, &[]).await.location(), "/team");
        owner.post(&call, &json!({})).await.ok();
        too_often(owner.post(&call, &json!({})).await, 3);
        owner.form(&form, &[]).await.is(429);
        // Another one has letters of its own.
        owner.form(&format!("/team/invitations/{other}/resend"), &[]).await.is(303);
    });
}

#[test]
fn whatever_anybody_may_send_is_limited_by_call_and_by_page() {
    run(async |story| {
        assert_eq!(story.app.stray_limits(), [""; 0], "limits of routes that are not there");
        for route in story.app.routes().iter().filter(|route| route.needs == Permission::Open && route.method == "POST") {
            assert!(!route.limits.is_empty(), "{} is open to anybody and has no limit", name(route));
        }
        for route in
            story.app.routes().iter().filter(|route| route.slice == "identity" && route.method == "POST" && route.path.contains("resend"))
        {
            assert!(!route.limits.is_empty(), "{} sends letters and has no limit", name(route));
        }
        // The form of an act takes the rules of its call.
        let rules = |wanted: &str| -> BTreeSet<&'static str> {
            let route = story.app.routes().iter().find(|route| name(route) == wanted).unwrap_or_else(|| panic!("no route {wanted}"));
            route.limits.iter().map(|rule| rule.name).collect()
        };
        for (call, form) in [
            ("POST /v1/auth/login", "POST /login"),
            ("POST /v1/auth/register", "POST /register"),
            ("POST /v1/auth/forgot-password", "POST /forgot-password"),
            ("POST /v1/auth/resend-verification", "POST /resend-verification"),
            ("POST /v1/auth/reauth/send", "POST /reauth/send"),
            ("POST /v1/auth/reset-password", "POST /reset-password"),
            ("POST /v1/team/invitations/{id}/resend", "POST /team/invitations/{id}/resend"),
        ] {
            assert_eq!(rules(call), rules(form), "{call}");
        }
    });
}

#[test]
fn attack_a_forged_x_forwarded_for_resets_nobody_s_limit() {
    run(async |story| {
        let path = "/v1/auth/login";
        let body = || json!({ "email": address(&story), "password": "x" });
        // Nothing stands in front: the header is what the client makes up.
        let open = story.node(|settings| settings.trusted_proxies = 0);
        for n in 0..10 {
            let forged = format!("203.0.113.{n}");
            let client = open.stranger().from("192.0.2.1");
            client.json_with("POST", path, &body(), &[("x-forwarded-for", &forged)]).await.refused("login.wrong");
        }
        let client = open.stranger().from("192.0.2.1");
        too_often(client.json_with("POST", path, &body(), &[("x-forwarded-for", "203.0.113.99")]).await, 10);
        // One proxy stands in front: it adds the true address on the right, whatever the client wrote before it.
        let behind = story.node(|settings| settings.trusted_proxies = 1);
        let proxied = async |header: String| {
            behind.stranger().from("10.0.0.1").json_with("POST", path, &body(), &[("x-forwarded-for", &header)]).await
        };
        for n in 0..10 {
            proxied(format!("203.0.113.{n}, 192.0.2.1")).await.refused("login.wrong");
        }
        too_often(proxied("198.51.100.7, 192.0.2.1".into()).await, 10);
        proxied("192.0.2.1, 198.51.100.7".into()).await.refused("login.wrong");
        // What can't be read, or is not there, is refused: it would be counted as nobody's.
        for broken in ["unknown", "192.0.2.1, _hidden", "192.0.2.1:4711", ""] {
            proxied(broken.into()).await.refused("proxy.address");
        }
        behind.stranger().from("10.0.0.1").post(path, &body()).await.refused("proxy.address");
    });
}

fn two(story: &Story, redis: &RedisServer) -> (Node, Node) {
    let node = || story.node(|settings| settings.redis = Redis::parse(&redis.url()));
    (node(), node())
}

#[test]
fn two_nodes_count_together() {
    own_database(async |story| {
        let redis = RedisServer::start();
        let (one, other) = two(&story, &redis);
        let email = address(&story);
        forgot(&one, &email).await.is(202);
        forgot(&other, &email).await.is(202);
        assert_eq!(number(&forgot(&one, &email).await.is(202), "ratelimit-remaining"), 0);
        too_often(forgot(&other, &email).await, 3);
        too_often(forgot(&one, &email).await, 3);
        assert_eq!((one.app.limits().counting(), story.app.limits().counting()), (Counting::Shared, Counting::Own));
        story.later(Duration::from_secs(3600));
        forgot(&other, &email).await.is(202);
        // Of many at once on both nodes just so many are let through.
        let email = address(&story);
        let all = futures::future::join_all((0..12).map(|n| forgot(if n % 2 == 0 { &one } else { &other }, &email))).await;
        assert_eq!(all.iter().filter(|answer| answer.status == 202).count(), 3);
    });
}

#[test]
fn a_redis_that_is_lost_costs_no_request_and_takes_no_limit_away() {
    own_database(async |story| {
        let mut redis = RedisServer::start();
        let (one, other) = two(&story, &redis);
        forgot(&one, &address(&story)).await.is(202);
        forgot(&other, &address(&story)).await.is(202);
        redis.kill();
        let email = address(&story);
        for _ in 0..3 {
            forgot(&one, &email).await.is(202);
        }
        too_often(forgot(&one, &email).await, 3);
        assert_eq!(one.app.limits().counting(), Counting::Lost);
        redis.start_again();
        let email = address(&story);
        let back = async |node: &Node| {
            // The next question after a second's rest.
            while node.app.limits().counting() != Counting::Shared {
                node.stranger().from("192.0.2.1").post("/v1/auth/verify-email", &json!({ "token": "x" })).await;
                tokio::task::yield_now().await;
            }
        };
        back(&one).await;
        back(&other).await;
        forgot(&one, &email).await.is(202);
        forgot(&other, &email).await.is(202);
        forgot(&one, &email).await.is(202);
        too_often(forgot(&other, &email).await, 3);
        // One that hangs is as good as lost.
        redis.freeze();
        let email = address(&story);
        for _ in 0..3 {
            forgot(&one, &email).await.is(202);
        }
        too_often(forgot(&one, &email).await, 3);
        redis.thaw();
        back(&one).await;
    });
}
