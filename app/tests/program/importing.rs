//! The program killed while it imports a past: nothing of it is there by halves, and the next start takes it up again.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use rustix::process::Signal;
use serde_json::{Value, json};

use super::super::{PATIENCE, Serving, ended, eventually, hearth, is_gone, output, place, postgres_pid, text};
use super::selling::{Till, open_business};

/// Enough for several chunks.
const TICKETS: u32 = 8_000;

/// Tickets of two lines, on the days of one year.
fn till_file() -> String {
    let mut text = String::from("date,time,ticket,item,price\n");
    for ticket in 0..TICKETS {
        let (month, day, hour) = (ticket % 12 + 1, ticket / 12 % 28 + 1, ticket / 7 % 10 + 8);
        for (item, price) in [("Bread", "3.20"), (["Tea", "Coffee", "Cake"][ticket as usize % 3], "1.85")] {
            writeln!(text, "2017-{month:02}-{day:02},{hour:02}:{:02}:00,{},{item},{price}", ticket % 60, ticket + 1).unwrap();
        }
    }
    text
}

/// Sends the file as a browser would; the import.
fn upload(till: &Till, file: &str) -> Value {
    const EDGE: &str = "an-edge-that-no-file-has";
    let body = format!(
        "--{EDGE}\r\nContent-Disposition: form-data; name=\"files\"; filename=\"till.csv\"\r\nContent-Type: text/csv\r\n\r\n{file}\r\n--{EDGE}--\r\n"
    );
    let mut stream = TcpStream::connect(till.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(
        stream,
        "POST /v1/imports HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\nX-CSRF-Token: {}\r\nContent-Type: multipart/form-data; boundary={EDGE}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        till.address,
        till.cookie,
        till.csrf,
        body.len()
    )
    .unwrap();
    let mut answer = BufReader::new(stream);
    let (mut status, mut line) = (String::new(), String::new());
    answer.read_line(&mut status).unwrap();
    while line != "\r\n" {
        line.clear();
        answer.read_line(&mut line).unwrap();
    }
    let mut body = String::new();
    answer.read_to_string(&mut body).unwrap();
    assert!(status.contains(" 200 "), "{status} {body}");
    serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {body}"))
}

/// Reads the live log from its beginning until something has happened.
fn await_event(till: &Till, event: &str) {
    let mut stream = TcpStream::connect(till.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "GET /v1/live?after=0 HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\n\r\n", till.address, till.cookie).unwrap();
    let deadline = Instant::now() + PATIENCE + PATIENCE;
    let mut lines = BufReader::new(stream).lines();
    while lines.next().unwrap().unwrap().strip_prefix("event:").is_none_or(|name| name.trim() != event) {
        assert!(Instant::now() < deadline, "no {event}");
    }
}

#[test]
fn an_import_that_is_killed_half_way_leaves_nothing_and_is_taken_up_again() {
    let dir = place();
    let data = dir.path();
    let mut serving = Serving::start(data);
    open_business(data, serving.address);
    let till = Till::sign_in(serving.address);
    let file = till_file();
    let import = upload(&till, &file);
    let path = format!("/v1/imports/{}", import["id"].as_str().unwrap());
    till.done("POST", &format!("{path}/run"), &json!({}));
    eventually("the import reads on", || {
        let now = till.done("GET", &path, &json!({}));
        assert!(now["state"] == "running", "it is killed before it is done: {now}");
        now["progress"].as_i64().unwrap() > 0
    });
    let server = postgres_pid(data);
    serving.signal(Signal::KILL);
    serving.program.wait().unwrap();
    eventually("the server ends with its killed program", || is_gone(server));

    let serving = Serving::start(data);
    let till = Till::sign_in(serving.address);
    let kept = |path: &str| till.done("GET", path, &json!({}))["rows"].as_array().unwrap().len();
    assert_eq!(till.done("GET", &path, &json!({}))["state"], "running", "it waits to be taken up");
    assert_eq!((kept("/v1/orders"), kept("/v1/items"), kept("/v1/movements")), (0, 0, 0), "nothing of it is there by halves");
    let (code, said) = ended(&mut hearth(data, &["check", "--json"]));
    assert_eq!(code, 0, "{said}");
    await_event(&till, "import.done");
    assert_eq!(till.done("GET", &path, &json!({}))["state"], "done");

    // The same file in a business that nobody disturbs.
    let owner = ["--currency", "GBP", "--time-zone", "Europe/London", "--owner", "ada@example.com"];
    let create = [&["tenant", "create", "--name", "Vale Bakery", "--slug", "vale"][..], &owner].concat();
    assert_eq!(ended(&mut hearth(data, &create)).0, 0);
    let csv = data.join("till.csv");
    std::fs::write(&csv, &file).unwrap();
    let said = output(&mut hearth(data, &["import", "sales", csv.to_str().unwrap(), "--tenant", "vale", "--json"]));
    assert!(said.status.success(), "{}", text(&said.stderr));
    let undisturbed: Value = serde_json::from_slice(&said.stdout).unwrap();
    let report = till.done("GET", &path, &json!({}))["report"].clone();
    for told in ["lines", "accepted", "refusedCount", "documents", "itemsMade", "total", "days"] {
        assert_eq!(report[told], undisturbed[told], "{told}: {report} {undisturbed}");
    }
    assert_eq!(report["documents"], TICKETS);
    let sold = |slug: &str, by: &str| {
        let asked = ["report", "sales", "--tenant", slug, "--from", "2017-01-01", "--to", "2017-12-31", "--by", by];
        let said = output(&mut hearth(data, &asked));
        assert!(said.status.success(), "{}", text(&said.stderr));
        text(&said.stdout)
    };
    for by in ["day", "hour", "item"] {
        assert_eq!(sold("hill", by), sold("vale", by), "by {by}");
    }
    let (code, said) = ended(&mut hearth(data, &["check", "--json"]));
    assert_eq!(code, 0, "{said}");
    assert_eq!(serving.end(), Some(0));
}
