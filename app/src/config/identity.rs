//! Identity providers: those through which people sign in, and the one whose access tokens are taken. And nobody signing in at all.

use std::net::SocketAddr;

use web::{ExternalTokens, Provider};

use super::{Mode, Reader};

/// What access tokens of another may be signed by.
const ALGORITHMS: &[&str] = &["RS256", "ES256", "EdDSA"];
/// The settings that belong together.
const EXTERNAL: [&str; 4] = ["external_issuer", "external_audience", "external_jwks_url", "external_algorithms"];
/// What is asked of a provider, unless its line says otherwise.
const SCOPES: &str = "openid email profile";

impl Reader<'_> {
    /// Never shows a line: a slip may put the secret anywhere.
    pub(super) fn providers(&mut self, mode: Mode) -> Vec<Provider> {
        let text = self.text("oidc").unwrap_or_default().to_owned();
        let mut all: Vec<Provider> = Vec::new();
        for (n, line) in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).enumerate() {
            let read = provider(line, mode).and_then(|one| match all.iter().any(|other| other.name == one.name) {
                true => Err("has a name that another line has"),
                false => Ok(one),
            });
            match read {
                Ok(one) => all.push(one),
                Err(wrong) => {
                    let mend = "Write a line for each: a name, the issuer's https address, the client's id, its secret, and, if they differ, the scopes.";
                    self.problem("oidc", format!("can't be read: provider {} {wrong}", n + 1), mend);
                }
            }
        }
        all
    }

    /// Only where nobody else can come.
    pub(super) fn auth_off(&mut self, mode: Mode, listen: Option<SocketAddr>, proxies: Option<u32>) -> Option<String> {
        let off = self.choice("auth", &[("on", false), ("off", true)]).unwrap_or(false);
        let tenant = self.text("auth_off_tenant").map(str::to_owned);
        match (off, &tenant) {
            (false, None) => return None,
            (false, Some(_)) => {
                self.problem("auth_off_tenant", "is set, but authentication is on", "Remove it, or set HEARTH_AUTH to off.");
                return None;
            }
            (true, None) => {
                self.problem("auth_off_tenant", "is not set, but HEARTH_AUTH is off", "Name the business as whose owner everybody acts.");
            }
            (true, Some(_)) => {}
        }
        let mend = "Remove it: people sign in.";
        if mode == Mode::Production {
            self.problem("auth", "is off in production", mend);
        } else if listen.is_some_and(|listen| !listen.ip().is_loopback()) {
            self.problem("auth", "is off, and HEARTH_LISTEN is open beyond this machine", mend);
        } else if proxies.is_some_and(|proxies| proxies > 0) || self.text("public_url").is_some_and(|url| !is_of_this_machine(url)) {
            self.problem("auth", "is off, and people come from elsewhere (HEARTH_PUBLIC_URL, HEARTH_TRUSTED_PROXIES)", mend);
        }
        tenant
    }

    /// All four, or none: half of them would take tokens that nobody meant to take.
    pub(super) fn external(&mut self, mode: Mode) -> Option<ExternalTokens> {
        let given: Vec<Option<String>> = EXTERNAL.iter().map(|key| self.text(key).map(str::to_owned)).collect();
        if given.iter().all(Option::is_none) {
            return None;
        }
        for (key, _) in EXTERNAL.iter().zip(&given).filter(|(_, value)| value.is_none()) {
            self.problem(key, "is not set, but others of HEARTH_EXTERNAL_… are", "Set it, or remove them all.");
        }
        let Ok([Some(issuer), Some(audience), Some(jwks_url), Some(algorithms)]) = <[Option<String>; 4]>::try_from(given) else {
            return None;
        };
        for (key, url) in [("external_issuer", &issuer), ("external_jwks_url", &jwks_url)] {
            if !is_address(url, mode) {
                self.problem(key, "is no https address", "Write it like https://login.example/keys.");
            }
        }
        let algorithms: Vec<String> = algorithms.split([',', ' ']).map(str::to_owned).filter(|one| !one.is_empty()).collect();
        if algorithms.is_empty() || algorithms.iter().any(|one| !ALGORITHMS.contains(&one.as_str())) {
            self.problem("external_algorithms", "names what is not taken", "Name some of RS256, ES256 and EdDSA, separated by commas.");
        }
        Some(ExternalTokens { issuer, audience, jwks_url, algorithms })
    }
}

fn provider(line: &str, mode: Mode) -> Result<Provider, &'static str> {
    let mut words = line.split_whitespace().map(str::to_owned);
    let (Some(name), Some(issuer), Some(client_id), Some(client_secret)) = (words.next(), words.next(), words.next(), words.next()) else {
        return Err("is only half written");
    };
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.len() > 40 || !name.chars().all(plain) {
        return Err("has a name of other signs than small letters, digits and hyphens");
    }
    if !is_address(&issuer, mode) {
        return Err("has an issuer that is no https address");
    }
    let scopes = words.collect::<Vec<_>>().join(" ");
    let scopes = if scopes.is_empty() { SCOPES.to_owned() } else { scopes };
    if !scopes.split(' ').any(|one| one == "openid") {
        return Err("has scopes without openid");
    }
    Ok(Provider { name, issuer, client_id, client_secret, scopes })
}

fn is_of_this_machine(url: &str) -> bool {
    url.parse::<axum::http::Uri>().is_ok_and(|uri| matches!(uri.host(), Some("localhost" | "127.0.0.1" | "[::1]")))
}

/// An address by TLS, without a query; while it is built and tried, one of this machine without TLS too.
fn is_address(text: &str, mode: Mode) -> bool {
    let Ok(uri) = text.parse::<axum::http::Uri>() else { return false };
    let here = is_of_this_machine(text) && mode == Mode::Development;
    let named = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
    named && uri.query().is_none() && (uri.scheme_str() == Some("https") || (uri.scheme_str() == Some("http") && here))
}
