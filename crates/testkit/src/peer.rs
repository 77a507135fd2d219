//! Identity providers on this machine: a certified one that nobody here wrote (npm `oidc-provider`), and one that answers as
//! badly as a story tells it.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use web::{ExternalTokens, Provider};

/// A running provider; it ends when this is dropped.
pub struct Peer {
    /// Its issuer, which is its address.
    pub issuer: String,
    child: Child,
}

impl Peer {
    /// The certified one, for a program at an address. Whoever signs in there is whose address they type.
    pub fn certified(url: &str) -> Self {
        Self::start("provider.mjs", &json!({ "url": url }))
    }

    /// The same, where no address is confirmed.
    pub fn unconfirmed(url: &str) -> Self {
        Self::start("provider.mjs", &json!({ "url": url, "verified": false }))
    }

    /// The bad one.
    pub fn evil() -> Self {
        Self::start("evil.mjs", &json!({}))
    }

    fn start(script: &str, told: &Value) -> Self {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = here.join("../..").canonicalize().unwrap();
        let mut child = Command::new("node")
            .arg(here.join("oidc").join(script))
            .arg(root)
            .arg(told.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("node and the packages of stories/browser are installed by `make test`");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port: u16 = line.trim().parse().unwrap_or_else(|_| panic!("the provider does not start: {line}"));
        Self { issuer: format!("http://127.0.0.1:{port}"), child }
    }

    /// As a program is told of it, under the name `peer`.
    pub fn provider(&self) -> Provider {
        Provider {
            name: "peer".into(),
            issuer: self.issuer.clone(),
            client_id: "hearth".into(),
            client_secret: "a secret: of two + more words".into(),
            scopes: "openid email".into(),
        }
    }

    /// As a program is told whose access tokens it takes.
    pub fn external(&self, algorithms: &[&str]) -> ExternalTokens {
        ExternalTokens {
            issuer: self.issuer.clone(),
            audience: "https://bakery.example".into(),
            jwks_url: format!("{}/jwks", self.issuer),
            algorithms: algorithms.iter().map(|one| (*one).to_owned()).collect(),
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
