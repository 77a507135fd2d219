//! The demo as somebody meets it who is in a hurry: begun, killed, begun again, left, come back to, started over.

use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

use serde_json::json;

use super::super::{PATIENCE, Serving, eventually, hearth, place};
use super::selling::Till;

fn begin(data: &Path, more: &[&str]) -> Serving {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let port = address.port().to_string();
    let program = hearth(data, &[&["demo", "--port", &port], more].concat()).stdout(Stdio::null()).spawn().unwrap();
    Serving { program, address }
}

/// Waits until the bakery is served; the first time its half year is loaded before.
fn served(mut demo: Serving) -> Serving {
    let deadline = Instant::now() + 3 * PATIENCE;
    while demo.get("/readyz").is_none_or(|(status, _)| status != 200) {
        assert!(demo.program.try_wait().unwrap().is_none(), "hearth demo ended");
        assert!(Instant::now() < deadline, "hearth demo is not ready");
        std::thread::yield_now();
    }
    demo
}

fn password(data: &Path) -> String {
    let told = std::fs::read_to_string(data.join("sign-in.txt")).unwrap();
    told.lines().nth(1).unwrap().to_owned()
}

/// The owner at a till; none where the password is no longer theirs.
fn sign_in(demo: &Serving, password: &str) -> Option<Till> {
    let stranger = Till { address: demo.address, cookie: String::new(), csrf: String::new() };
    let asked = json!({ "email": "demo@hearth.example", "password": password, "session": "cookie" });
    let (status, cookie, answer) = stranger.ask("POST", "/v1/auth/login", &asked).unwrap();
    (status == 200).then(|| Till { cookie, csrf: answer["csrfToken"].as_str().unwrap().to_owned(), ..stranger })
}

/// The customers by name, each with what they owe in pence.
fn customers(till: &Till) -> Vec<(String, i64)> {
    let answer = till.done("GET", "/v1/customers", &json!({}));
    let rows = answer["rows"].as_array().unwrap().iter();
    rows.map(|row| (row["name"].as_str().unwrap().to_owned(), row["owed"].as_i64().unwrap())).collect()
}

/// Those of the demo itself: one has paid in part, one in full, one not yet.
const OWN: [(&str, i64); 3] = [("Calton Architects", 10_150), ("Leith Street Books", 0), ("The Royal Mile Hostel", 14_300)];

#[test]
fn a_demo_that_was_killed_while_it_was_made_is_made_again_kept_and_started_over() {
    let dir = place();
    let data = dir.path();
    let mut hurried = begin(data, &[]);
    eventually("the database is being made", || data.join("postgres/data.new").exists());
    hurried.program.kill().unwrap();
    hurried.program.wait().unwrap();
    assert!(!data.join("postgres/data").exists() && !data.join("sign-in.txt").exists(), "it was killed in the middle");

    let demo = served(begin(data, &[]));
    let first = password(data);
    let till = sign_in(&demo, &first).expect("the password that was written down");
    till.done("POST", "/v1/customers", &json!({ "name": "Mairi's aunt" }));
    assert_eq!(demo.end(), Some(0));

    let demo = served(begin(data, &[]));
    assert_eq!(password(data), first, "the second start keeps the password");
    let aunt = ("Mairi's aunt".to_owned(), 0);
    assert!(customers(&sign_in(&demo, &first).unwrap()).contains(&aunt), "and the data");
    assert_eq!(demo.end(), Some(0));

    let demo = served(begin(data, &["--fresh"]));
    let second = password(data);
    assert_ne!(second, first);
    assert!(sign_in(&demo, &first).is_none(), "the old password is nobody's");
    let own = OWN.map(|(name, owed)| (name.to_owned(), owed));
    assert_eq!(customers(&sign_in(&demo, &second).unwrap()), own, "it was started over");
    assert_eq!(demo.end(), Some(0));
}
