//! The program killed while tills sell: what was answered is there.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::process::Signal;
use serde_json::{Value, json};

use super::super::{PATIENCE, Serving, ended, eventually, hearth, is_gone, place, postgres_pid};

pub(super) const PASSWORD: &str = "seven loaves on the window sill";
const SELLERS: u128 = 4;

/// A till that is signed in.
#[derive(Clone)]
pub(super) struct Till {
    pub(super) address: SocketAddr,
    pub(super) cookie: String,
    pub(super) csrf: String,
}

/// Status, cookies and body of an answer that was heard to its end.
pub(super) type Heard = (u16, String, Value);

impl Till {
    /// Asks on a connection of its own; none when the program did not answer to the end.
    pub(super) fn ask(&self, method: &str, path: &str, body: &Value) -> Option<Heard> {
        let mut stream = TcpStream::connect(self.address).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let body = body.to_string();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\nX-CSRF-Token: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.address,
            self.cookie,
            self.csrf,
            body.len()
        )
        .ok()?;
        let mut answer = BufReader::new(stream);
        let mut line = String::new();
        answer.read_line(&mut line).ok()?;
        let status = line.split(' ').nth(1)?.parse().ok()?;
        let (mut cookies, mut length) = (Vec::new(), 0);
        loop {
            line.clear();
            answer.read_line(&mut line).ok()?;
            let (name, value) = line.trim_end().split_once(": ").unwrap_or_default();
            match name.to_ascii_lowercase().as_str() {
                "set-cookie" => cookies.push(value.split(';').next().unwrap_or_default().to_owned()),
                "content-length" => length = value.parse().ok()?,
                "" => break,
                _ => {}
            }
        }
        let mut body = vec![0; length];
        answer.read_exact(&mut body).ok()?;
        Some((status, cookies.join("; "), serde_json::from_slice(&body).ok()?))
    }

    pub(super) fn done(&self, method: &str, path: &str, body: &Value) -> Value {
        let (status, _, answer) = self.ask(method, path, body).expect("the program answers");
        assert_eq!(status, 200, "{method} {path}: {answer}");
        answer
    }

    /// Signs the owner in.
    pub(super) fn sign_in(address: SocketAddr) -> Self {
        let stranger = Self { address, cookie: String::new(), csrf: String::new() };
        let asked = json!({ "email": "ada@example.com", "password": PASSWORD, "session": "cookie" });
        let (status, cookie, answer) = stranger.ask("POST", "/v1/auth/login", &asked).expect("the program answers");
        assert_eq!(status, 200, "{answer}");
        Self { cookie, csrf: answer["csrfToken"].as_str().unwrap().to_owned(), ..stranger }
    }
}

/// Opens a business; its owner chooses a password by the link.
pub(super) fn open_business(data: &Path, address: SocketAddr) {
    let owner = ["--currency", "GBP", "--time-zone", "Europe/London", "--owner", "ada@example.com"];
    let create = [&["tenant", "create", "--json", "--name", "Hill Bakery", "--slug", "hill"][..], &owner].concat();
    let (code, said) = ended(&mut hearth(data, &create));
    assert_eq!(code, 0, "{said}");
    let created: Value = serde_json::from_str(&said).unwrap();
    let token = created["passwordLink"].as_str().unwrap().split("token=").nth(1).unwrap().to_owned();
    let stranger = Till { address, cookie: String::new(), csrf: String::new() };
    let (status, _, answer) = stranger.ask("POST", "/v1/auth/reset-password", &json!({ "token": token, "newPassword": PASSWORD })).unwrap();
    assert!(status < 300, "{answer}");
    let (code, said) = ended(&mut hearth(data, &["tenant", "link", "--tenant", "hill", "--owner", "ada@example.com"]));
    assert!(code == 1 && said.contains("has a password already"), "{said}");
}

/// Sells until the program is gone; the ids of the sales that were answered, and that of the one that was not.
fn sell(till: &Till, item: &str, seller: u128, sold: &AtomicUsize) -> (Vec<(String, Value)>, String) {
    let mut answered = Vec::new();
    for n in 1.. {
        let id = format!("018f0000-0000-7000-8000-{:04x}{n:08x}", seller);
        let asked = json!({ "id": id, "lines": [{ "itemId": item, "quantity": "1" }], "payments": [{ "method": "cash" }] });
        match till.ask("POST", "/v1/sales", &asked) {
            Some((200, _, answer)) => answered.push((id, answer)),
            // The private server may go a moment before the program's last answer.
            Some((503, ..)) | None => return (answered, id),
            Some((status, _, answer)) => panic!("a sale was refused: {status} {answer}"),
        }
        sold.fetch_add(1, Ordering::SeqCst);
    }
    unreachable!("the program is killed")
}

#[test]
fn every_sale_that_was_answered_is_there_after_the_program_was_killed() {
    let dir = place();
    let mut serving = Serving::start(dir.path());
    open_business(dir.path(), serving.address);
    let till = Till::sign_in(serving.address);
    let pounds = |minor: i64| json!({ "minor": minor, "currency": "GBP" });
    let item = json!({ "name": "Sourdough", "kind": "product", "baseUnit": "pc", "stockRule": "stocked", "price": pounds(480) });
    let item = till.done("POST", "/v1/items", &item)["id"].as_str().unwrap().to_owned();
    let delivery = json!({ "kind": "delivery", "lines": [{ "itemId": item, "quantity": "100000", "amount": pounds(10_000_000) }] });
    till.done("POST", "/v1/receipts", &delivery);

    let sold = AtomicUsize::new(0);
    let told: Vec<_> = std::thread::scope(|tills| {
        let rung: Vec<_> = (0..SELLERS)
            .map(|seller| {
                tills.spawn({
                    let (till, item, sold) = (&till, &item, &sold);
                    move || sell(till, item, seller, sold)
                })
            })
            .collect();
        eventually("the tills sell", || sold.load(Ordering::SeqCst) >= 40);
        let server = postgres_pid(dir.path());
        serving.signal(Signal::KILL);
        serving.program.wait().unwrap();
        eventually("the server ends with its killed program", || is_gone(server));
        rung.into_iter().map(|till| till.join().unwrap()).collect()
    });

    let serving = Serving::start(dir.path());
    let till = Till::sign_in(serving.address);
    for (id, answer) in told.iter().flat_map(|(answered, _)| answered) {
        let order = till.done("GET", &format!("/v1/orders/{id}"), &json!({}));
        assert_eq!((&order["number"], &order["state"]), (&answer["number"], &json!("paid")), "{order}");
    }
    // Those that were not answered are there or not; sent again they are there once.
    for (_, id) in &told {
        let asked = json!({ "id": id, "lines": [{ "itemId": item, "quantity": "1" }], "payments": [{ "method": "cash" }] });
        till.done("POST", "/v1/sales", &asked);
    }
    let rung = told.iter().map(|(answered, _)| answered.len() + 1).sum::<usize>();
    let stock = till.done("GET", &format!("/v1/stock?item={item}"), &json!({}));
    assert_eq!(stock["rows"][0]["quantity"], (100_000 - rung).to_string(), "{stock}");
    let (code, said) = ended(&mut hearth(dir.path(), &["check", "--json"]));
    assert_eq!(code, 0, "{said}");
    assert_eq!(serving.end(), Some(0));
}
