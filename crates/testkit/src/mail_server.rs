//! A real mail server (npm `smtp-server`) on this machine, behaving as a story says.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use mail_parser::MessageParser;
use post::{Sender, Server, Smtp};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A running server; it ends when this is dropped.
pub struct MailServer {
    /// Where it listens.
    pub port: u16,
    child: Child,
    dir: TempDir,
}

/// A letter as the server took it.
#[derive(Clone, Debug)]
pub struct Received {
    /// Envelope.
    pub from: String,
    /// Envelope.
    pub to: Vec<String>,
    /// As it came.
    pub raw: String,
}

impl MailServer {
    /// A server that behaves so: `accept`, `refuse`, `greylist`, `silent`, `late` or `drop`.
    pub fn that(behaviour: &str) -> Self {
        Self::with(json!({ "behaviour": behaviour }))
    }

    /// A server with everything that `server.mjs` understands.
    pub fn with(mut told: Value) -> Self {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = here.join("../..").canonicalize().unwrap();
        let dir = tempfile::tempdir().unwrap();
        told["file"] = json!(dir.path().join("letters"));
        let mut child = Command::new("node")
            .arg(here.join("mail/server.mjs"))
            .arg(root)
            .arg(told.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node and the packages of stories/browser are installed by `make test`");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().parse().unwrap_or_else(|_| panic!("the mail server does not start: {line}"));
        Self { port, child, dir }
    }

    /// What it took so far.
    pub fn letters(&self) -> Vec<Received> {
        let text = std::fs::read_to_string(self.dir.path().join("letters")).unwrap_or_default();
        let read = |line: &str| {
            let letter: Value = serde_json::from_str(line).unwrap();
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            Received {
                from: text(&letter["from"]),
                to: letter["to"].as_array().unwrap().iter().map(text).collect(),
                raw: text(&letter["raw"]),
            }
        };
        text.lines().map(read).collect()
    }

    /// The way to it, without TLS.
    pub fn mail(&self) -> Smtp {
        smtp(&format!("smtp://127.0.0.1:{}", self.port))
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Who writes the letters of the stories.
pub fn sender() -> Sender {
    Sender::parse("Hearth <post@hearth.example>").unwrap()
}

/// The way to any server.
pub fn smtp(url: &str) -> Smtp {
    Smtp::new(&Server::parse(url).unwrap(), sender())
}

impl Received {
    /// A header, decoded.
    pub fn header(&self, name: &str) -> String {
        let message = MessageParser::default().parse(&self.raw).unwrap();
        message.header(name).and_then(|value| value.as_text()).unwrap_or_default().to_owned()
    }

    /// The raw lines of a header: a header that comes twice has two.
    pub fn lines(&self, name: &str) -> Vec<&str> {
        let head = self.raw.split("\r\n\r\n").next().unwrap();
        head.lines().filter(|line| line.to_lowercase().starts_with(&format!("{}:", name.to_lowercase()))).collect()
    }

    /// The body in plain text.
    pub fn text(&self) -> String {
        MessageParser::default().parse(&self.raw).unwrap().body_text(0).unwrap().into_owned()
    }

    /// The body as a page.
    pub fn html(&self) -> String {
        MessageParser::default().parse(&self.raw).unwrap().body_html(0).unwrap().into_owned()
    }
}
