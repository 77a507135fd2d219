//! Letters as the operator meets them: tried from the command line, sent by the served program, also when it is killed.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::{Value, json};
use testkit::MailServer;

use super::super::{Serving, ended, eventually, hearth, place};

fn with_mail(command: &mut Command, url: &str) -> (i32, String) {
    ended(command.env("HEARTH_SMTP_URL", url).env("HEARTH_MAIL_FROM", "Hearth <post@hearth.example>"))
}

fn try_mail(data: &Path, url: &str) -> (i32, String) {
    with_mail(&mut hearth(data, &["mail", "test", "ada@example.com"]), url)
}

#[test]
fn a_test_letter_says_what_the_server_answered() {
    let dir = place();
    let server = MailServer::that("accept");
    let (status, said) = try_mail(dir.path(), &format!("smtp://127.0.0.1:{}", server.port));
    assert_eq!(status, 0, "{said}");
    assert!(said.contains("250") && said.contains("Taken as letter 7"), "{said}");
    let [letter] = &server.letters()[..] else { panic!("one letter") };
    assert_eq!((letter.header("Subject").as_str(), letter.to.as_slice()), ("A test letter", ["ada@example.com".to_owned()].as_slice()));
    assert!(!dir.path().join("postgres").exists(), "it needs no database");
}

#[test]
fn a_test_letter_that_fails_says_why_and_what_to_do() {
    let dir = place();
    let refusing = MailServer::that("refuse");
    let locked = MailServer::with(json!({ "behaviour": "accept", "password": "right" }));
    let unproven = MailServer::with(json!({ "behaviour": "accept", "starttls": true }));
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    for (url, why, mend) in [
        (format!("smtp://127.0.0.1:{}", refusing.port), "No such mailbox here", "HEARTH_MAIL_FROM"),
        (format!("smtp://ada:s3cret@127.0.0.1:{}", locked.port), "535", "user and password"),
        (format!("smtp://127.0.0.1:{}?tls=required", unproven.port), "certificate", "SSL_CERT_FILE"),
        (format!("smtp://127.0.0.1:{}?tls=required", locked.port), "STARTTLS", "?tls=required"),
        (format!("smtp://127.0.0.1:{nobody}"), "refused", "firewall"),
    ] {
        let (status, said) = try_mail(dir.path(), &url);
        assert_eq!(status, 1, "{url}: {said}");
        assert!(said.contains(why) && said.contains(mend) && !said.contains("s3cret"), "{url}: {said}");
    }
    assert_eq!(ended(&mut hearth(dir.path(), &["mail", "test", "ada"])).0, 2);
    let (status, said) = ended(hearth(dir.path(), &["mail", "test", "ada@example.com"]).env("HEARTH_SMTP_URL", "smtp://mail.example"));
    assert!(status == 1 && said.contains("HEARTH_MAIL_FROM"), "half configured: {said}");
}

#[test]
fn without_a_server_a_developer_reads_letters_as_files() {
    let dir = place();
    let (status, said) = ended(&mut hearth(dir.path(), &["mail", "test", "ada@example.com"]));
    assert_eq!(status, 0, "{said}");
    let files: Vec<_> = std::fs::read_dir(dir.path().join("mail")).unwrap().collect();
    assert_eq!(files.len(), 1);
    let (status, said) = ended(&mut hearth(dir.path(), &["config", "check", "--json"]));
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(status, 0);
    assert!(said["notes"][0].as_str().unwrap().contains("Letters are written to"), "{said}");
    let production = [("HEARTH_MODE", "production"), ("HEARTH_PUBLIC_URL", "https://hearth.example")];
    let (status, said) = ended(hearth(dir.path(), &["config", "check"]).envs(production));
    assert!(status == 0 && said.contains("Letters stay in the queue"), "{said}");
    let (status, said) = ended(hearth(dir.path(), &["mail", "test", "ada@example.com"]).envs(production));
    assert!(status == 1 && said.contains("HEARTH_SMTP_URL"), "{said}");
}

/// An authority's certificate, and a key with a certificate of it for a name, as files.
fn certify(dir: &Path, name: &str) -> (String, Value) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new([name.to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    let file = |what: &str, pem: String| {
        let path = dir.join(format!("{name}-{what}.pem"));
        std::fs::write(&path, pem).unwrap();
        path.display().to_string()
    };
    let known = file("authority", authority.pem());
    (known, json!({ "cert": file("cert", leaf.pem()), "key": file("key", key.serialize_pem()) }))
}

#[test]
fn letters_go_by_tls_to_who_proves_its_name() {
    let dir = place();
    let serve = |(known, certified): (String, Value), how: &str| {
        let mut told = json!({ "behaviour": "accept", "password": "right", how: true });
        told.as_object_mut().unwrap().extend(certified.as_object().unwrap().clone());
        (known, MailServer::with(told))
    };
    let send = |known: &str, url: &str| {
        let mut command = hearth(dir.path(), &["mail", "test", "ada@example.com"]);
        with_mail(command.env("SSL_CERT_FILE", known).env_remove("SSL_CERT_DIR"), url)
    };
    for (how, scheme, query) in [("starttls", "smtp", "?tls=required"), ("secure", "smtps", "")] {
        let (known, server) = serve(certify(dir.path(), "127.0.0.1"), how);
        let (status, said) = send(&known, &format!("{scheme}://ada:right@127.0.0.1:{}{query}", server.port));
        assert_eq!((status, server.letters().len()), (0, 1), "{how}: {said}");
        let (known, server) = serve(certify(dir.path(), "other.example"), how);
        let (status, said) = send(&known, &format!("{scheme}://ada:right@127.0.0.1:{}{query}", server.port));
        assert_eq!((status, server.letters().len()), (1, 0), "{how}: a certificate of another name: {said}");
    }
}

#[test]
fn the_served_program_sends_what_it_writes() {
    let dir = place();
    let server = MailServer::that("accept");
    let settings = format!("smtp_url = \"smtp://127.0.0.1:{}\"\nmail_from = \"Hearth <post@hearth.example>\"\n", server.port);
    std::fs::write(dir.path().join("hearth.toml"), settings).unwrap();
    let serving = Serving::start(dir.path());
    let body = json!({ "email": "ada@example.com", "password": "seven loaves on the window sill" }).to_string();
    let mut stream = TcpStream::connect(serving.address).unwrap();
    write!(
        stream,
        "POST /v1/auth/register HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        serving.address,
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
    eventually("the letter arrives", || !server.letters().is_empty());
    let [letter] = &server.letters()[..] else { panic!("one letter") };
    assert_eq!(
        (letter.header("Subject").as_str(), letter.to.as_slice()),
        ("Confirm your address", ["ada@example.com".to_owned()].as_slice())
    );
    assert!(letter.text().contains(&format!("http://{}/", serving.address)), "{}", letter.text());
    assert_eq!(serving.end(), Some(0));
}

/// A gateway of text messages on a port of this machine: takes one request after the other and answers with a status.
fn gateway(status: &'static str) -> (String, std::sync::mpsc::Receiver<String>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1/messages", listener.local_addr().unwrap());
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            tell.send(taken(stream, status)).unwrap();
        }
    });
    (url, told)
}

/// One request, whole, answered with a status.
fn taken(mut stream: TcpStream, status: &str) -> String {
    let (mut text, mut piece) = (String::new(), [0; 4096]);
    loop {
        let read = stream.read(&mut piece).unwrap();
        text.push_str(&String::from_utf8_lossy(&piece[..read]));
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ").map(str::to_owned)).unwrap();
        if body.len() >= length.parse().unwrap() {
            break;
        }
    }
    stream.write_all(format!("HTTP/1.1 {status}\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok").as_bytes()).unwrap();
    text
}

#[test]
fn a_test_text_says_what_the_gateway_answered() {
    let dir = place();
    let try_text = |url: &str, body: &str| {
        let mut command = hearth(dir.path(), &["mail", "text", "+441314960000"]);
        ended(command.env("HEARTH_SMS_URL", url).env("HEARTH_SMS_BODY", body).env("HEARTH_SMS_HEADERS", "Authorization: Bearer s3cret"))
    };
    let (url, told) = gateway("201 Created");
    let (status, said) = try_text(&url, r#"{"to":"{to}","text":"{text}"}"#);
    assert!(status == 0 && said.contains("201 Created") && said.contains("http://127.0.0.1") && !said.contains("s3cret"), "{said}");
    let request = told.recv().unwrap();
    assert!(request.starts_with("POST /v1/messages ") && request.to_lowercase().contains("authorization: bearer s3cret"), "{request}");
    let body: Value = serde_json::from_str(request.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    assert!(body["to"] == "+441314960000" && body["text"].as_str().unwrap().contains("000000"), "{body}");
    let (url, _told) = gateway("401 Unauthorized");
    let (status, said) = try_text(&url, "To={to}&Body={text}");
    assert!(status == 1 && said.contains("401") && said.contains("HEARTH_SMS_HEADERS"), "{said}");
    let (status, said) = try_text(&url, "To={to}");
    assert!(status != 0 && said.contains("HEARTH_SMS_BODY"), "{said}");
    let mut wrong = hearth(dir.path(), &["mail", "text", "0131 496"]);
    assert_eq!(ended(wrong.env("HEARTH_SMS_URL", &url).env("HEARTH_SMS_BODY", "To={to}&Body={text}")).0, 2);
}
