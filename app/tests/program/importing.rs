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

/// A business, and a till's file beside it whose days could as well be months.
fn with_a_file() -> (tempfile::TempDir, String) {
    let dir = place();
    let owner = ["--currency", "GBP", "--time-zone", "Europe/London", "--owner", "ada@example.com"];
    let create = [&["tenant", "create", "--name", "Vale Bakery", "--slug", "vale"][..], &owner].concat();
    assert_eq!(ended(&mut hearth(dir.path(), &create)).0, 0);
    let csv = dir.path().join("till.csv");
    let lines: String = (1..9).map(|n| format!("0{n}/03/2017,{n},Bread,3.20\n")).collect();
    std::fs::write(&csv, format!("date,ticket,item,price\n{lines}")).unwrap();
    let csv = csv.to_str().unwrap().to_owned();
    (dir, csv)
}

#[test]
fn a_guess_is_said_doubts_first_and_another_reading_is_given_back() {
    let (dir, csv) = with_a_file();
    let data = dir.path();
    let import = |more: &[&str]| ended(&mut hearth(data, &[&["import", "sales", &csv, "--tenant", "vale"], more].concat()));
    let (code, said) = import(&["--dry-run"]);
    assert_eq!(code, 0, "{said}");
    let lines: Vec<&str> = said.lines().collect();
    assert!(
        lines[0].starts_with("Look at what nothing proves") && lines[1].starts_with("  not sure: till.csv: date is taken for “Day”"),
        "{said}"
    );
    assert!(lines[1].contains("no day is over 12"), "{said}");
    let sure = lines.iter().position(|line| line.starts_with("till.csv: item is taken for “Item”")).unwrap();
    assert!(sure > 1 && lines.last().unwrap().starts_with("Tried: 8 orders"), "{said}");

    let (code, said) = import(&["--dry-run", "--json"]);
    let mut report: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((code, &report["days"]), (0, &json!(["2017-03-01", "2017-03-08"])));
    assert_eq!((&report["decisions"][0]["column"], &report["decisions"][0]["sure"]), (&json!("date"), &json!("unsure")));
    for kept in ["lines", "accepted", "documents"] {
        assert_eq!(report[kept], 8, "{report}");
    }
    assert_eq!((&report["refused"], &report["total"]["minor"]), (&json!([]), &json!(2560)));
    let date = report["mapping"]["columns"].as_array_mut().unwrap().iter_mut().find(|column| column["role"] == "date").unwrap();
    date["format"]["order"] = json!("month_day_year");
    // The whole report, or its mapping alone.
    let (whole, alone) = (data.join("report.json"), data.join("mapping.json"));
    std::fs::write(&whole, report.to_string()).unwrap();
    std::fs::write(&alone, report["mapping"].to_string()).unwrap();
    for file in [&whole, &alone] {
        let (code, said) = import(&["--dry-run", "--json", "--mapping", file.to_str().unwrap()]);
        let told: Value = serde_json::from_str(&said).unwrap();
        assert_eq!((code, &told["days"], &told["mapping"]), (0, &json!(["2017-01-03", "2017-08-03"]), &report["mapping"]), "{said}");
    }
    let (code, said) = import(&["--mapping", alone.to_str().unwrap()]);
    assert!(code == 0 && said.starts_with("Imported 8 orders"), "what a person said is not guessed: {said}");
}

#[test]
fn a_past_under_another_name_is_asked_about_before_it_stands_there_twice() {
    let (dir, csv) = with_a_file();
    let import = |more: &[&str]| ended(&mut hearth(dir.path(), &[&["import", "sales", &csv, "--tenant", "vale"], more].concat()));
    assert_eq!(import(&["--source", "Front till"]).0, 0);
    let (code, said) = import(&[]);
    assert!(code == 0 && said.contains("All of this was imported before; nothing was done."), "{said}");
    let longer = std::fs::read_to_string(&csv).unwrap() + "09/03/2017,9,Bread,3.20\n";
    std::fs::write(&csv, longer).unwrap();
    let (code, said) = import(&[]);
    assert!(code == 1 && said.contains("--source") && said.contains("--another-till"), "{code} {said}");
    assert!(
        said.contains("Of 9 orders, 8 have numbers that are here already on their days") && said.contains("from “Front till”."),
        "{said}"
    );
    let (code, said) = import(&["--source", "Front till"]);
    assert!(code == 0 && said.contains("Imported 1 orders"), "{said}");
}

#[test]
fn what_is_no_mapping_is_refused_with_its_code_before_anything_is_read() {
    let (dir, csv) = with_a_file();
    let data = dir.path();
    let guess = |csv: &str| ended(&mut hearth(data, &["import", "sales", csv, "--tenant", "vale", "--dry-run", "--json"]));
    let report: Value = serde_json::from_str(&guess(&csv).1).unwrap();
    let with = |change: &dyn Fn(&mut Value)| {
        let mut mapping = report["mapping"].clone();
        change(&mut mapping);
        mapping.to_string()
    };
    let file = data.join("mapping.json");
    for (content, code, said) in [
        ("date=day".to_owned(), "import.mapping", "expected value"),
        ("{}".to_owned(), "import.mapping", "missing field `files`"),
        (with(&|mapping| mapping["flavour"] = json!("rye")), "import.mapping", "unknown field `flavour`"),
        (with(&|mapping| mapping["columns"][0]["role"] = json!("weather")), "import.mapping", "weather"),
        (with(&|mapping| mapping["columns"][0]["column"] = json!("colour")), "mapping.unknown_column", "colour"),
        (with(&|mapping| mapping["files"][0]["name"] = json!("other.csv")), "mapping.unknown_file", "other.csv"),
    ] {
        std::fs::write(&file, content).unwrap();
        let (status, told) = ended(&mut hearth(data, &["import", "sales", &csv, "--tenant", "vale", "--mapping", file.to_str().unwrap()]));
        assert!(status == 2 && told.contains(&format!("({code})")) && told.contains(said), "{code}, {said}: {status} {told}");
    }
    let (status, told) = ended(&mut hearth(data, &["import", "sales", &csv, "--tenant", "vale", "--mapping", "/nowhere/mapping.json"]));
    assert!(status == 2 && told.contains("(import.mapping)") && told.contains("No such file"), "{told}");

    // What can't be guessed at all is said, with what is known so far.
    let vague = data.join("vague.csv");
    std::fs::write(&vague, "item,price\nBread,3.20\nTea,1.80\n").unwrap();
    let (status, told) = ended(&mut hearth(data, &["import", "sales", vague.to_str().unwrap(), "--tenant", "vale", "--dry-run"]));
    assert!(status == 1 && told.contains("(mapping.no_date)") && told.contains("--mapping FILE"), "{told}");
    let out = output(&mut hearth(data, &["import", "sales", vague.to_str().unwrap(), "--tenant", "vale", "--dry-run", "--json"]));
    let told: Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!((out.status.code(), &told["problems"][0]["code"]), (Some(1), &json!("mapping.no_date")), "{told}");
    assert!(told["mapping"]["columns"].as_array().unwrap().iter().any(|column| column["role"] == "item"), "{told}");
}
