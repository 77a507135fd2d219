//! What guards the program from outside: shared counts, the CAPTCHA, other sites.

use sqlx::postgres::PgSslMode;
use web::{Captcha, Redis};

use super::{Database, Mode, Reader};

/// Who says whether an answer to the widget is good.
const CLOUDFLARE: &str = "https://challenges.cloudflare.com/turnstile/v0/siteverify";
/// Cloudflare's secrets for trying: each gives one and the same answer to everybody.
const TRYING: &[&str] =
    &["1x0000000000000000000000000000000AA", "2x0000000000000000000000000000000AA", "3x0000000000000000000000000000000AA"];

impl Reader<'_> {
    /// Never shows the address: a slip may put the password anywhere.
    pub(super) fn redis(&mut self, nodes: Option<u32>, database: &Option<Database>) -> Option<Redis> {
        let several = nodes.is_some_and(|nodes| nodes > 1);
        if several && matches!(database, Some(Database::Embedded)) {
            let mend = "Set HEARTH_DATABASE_URL and HEARTH_DATABASE_SYSTEM_URL to a PostgreSQL that all nodes reach, or set it to 1.";
            self.problem("nodes", "is more than one, but the database is embedded", mend);
        }
        let Some(address) = self.text("redis_url").map(str::to_owned) else {
            if several {
                let mend = "Set it to a Redis or Valkey that all nodes reach, such as redis://redis.example:6379, or serve with one node.";
                self.problem("redis_url", "is not set, but HEARTH_NODES is more than one", mend);
            }
            return None;
        };
        let redis = Redis::parse(&address);
        if redis.is_none() {
            self.problem("redis_url", "is no address of a Redis", "Write it like redis://:password@host:6379/0, or rediss://… for TLS.");
        }
        redis
    }

    /// What goes to another machine goes by TLS, to a server that proves who it is.
    pub(super) fn refuse_readable(&mut self, database: &Option<Database>) {
        let external = match database {
            Some(Database::External(external)) => Some(external),
            _ => None,
        };
        for (key, options) in external.iter().flat_map(|to| {
            let owner = to.owner.as_ref().map(|options| ("database_owner_url", options));
            [("database_url", &to.app), ("database_system_url", &to.system)].into_iter().chain(owner)
        }) {
            let proven = matches!(options.get_ssl_mode(), PgSslMode::VerifyCa | PgSslMode::VerifyFull);
            if !proven && options.get_socket().is_none() && !is_here(options.get_host()) {
                let mend = "Add ?sslmode=verify-full, and &sslrootcert=FILE where your own authority signed its certificate.";
                self.problem(key, "speaks to another machine without asking it to prove who it is", mend);
            }
        }
        let plain = |text: Option<&str>, scheme: &str| {
            let host = text.filter(|text| text.starts_with(scheme)).and_then(|text| text.parse::<axum::http::Uri>().ok());
            host.is_some_and(|uri| !uri.host().is_some_and(is_here))
        };
        if plain(self.text("redis_url"), "redis://") {
            self.problem("redis_url", "speaks to another machine in plain text", "Write rediss://, and let the Redis serve TLS.");
        }
        if plain(self.text("s3_endpoint"), "http://") {
            self.problem("s3_endpoint", "speaks to another machine in plain text", "Write https://.");
        }
    }

    pub(super) fn limit_factor(&mut self, mode: Mode) -> Option<u32> {
        let factor = self.number("limit_factor", 1, 1..=1_000_000)?;
        if factor > 1 && mode == Mode::Production {
            self.problem("limit_factor", "is more than 1", "Remove it: in production limits are what they say.");
        }
        Some(factor)
    }

    pub(super) fn captcha(&mut self, mode: Mode) -> Option<Captcha> {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let (site_key, secret) = (owned(self.text("turnstile_site_key")), owned(self.text("turnstile_secret")));
        let url = owned(self.text("turnstile_url"));
        if url.as_deref().is_some_and(|url| url != CLOUDFLARE) && mode == Mode::Production {
            self.problem("turnstile_url", "is set in production", "Remove it: only Cloudflare knows who is a person.");
        }
        if url.as_deref().is_some_and(|url| !url.starts_with("https://") && !url.starts_with("http://")) {
            self.problem("turnstile_url", "is no address", "Write it like http://127.0.0.1:9000/siteverify, or remove it.");
        }
        match (site_key, secret) {
            (None, None) => None,
            (Some(_), None) => {
                let mend = "Set it to the secret of the widget, or remove the site key.";
                self.problem("turnstile_secret", "is not set, but HEARTH_TURNSTILE_SITE_KEY is", mend);
                None
            }
            (None, Some(_)) => {
                let mend = "Set it to the site key of the widget, or remove the secret.";
                self.problem("turnstile_site_key", "is not set, but HEARTH_TURNSTILE_SECRET is", mend);
                None
            }
            (Some(site_key), Some(secret)) => {
                if TRYING.contains(&secret.as_str()) && mode == Mode::Production {
                    self.problem(
                        "turnstile_secret",
                        "is one for trying, which lets everybody pass or nobody",
                        "Set it to your widget's own.",
                    );
                }
                Some(Captcha { site_key, secret, verify_url: url.unwrap_or_else(|| CLOUDFLARE.to_owned()) })
            }
        }
    }

    pub(super) fn breaches(&mut self, mode: Mode) -> Option<String> {
        let address = self.text("breached_passwords")?.to_owned();
        let uri = address.parse::<axum::http::Uri>().ok();
        let host = uri.as_ref().and_then(|uri| uri.host()).filter(|host| !host.is_empty());
        let by_tls = address.starts_with("https://") && host.is_some();
        let tried = mode == Mode::Development && address.starts_with("http://") && host.is_some_and(is_here);
        if !by_tls && !tried {
            self.problem("breached_passwords", "is no address with https://", "Write it like https://api.pwnedpasswords.com/range.");
        }
        Some(address)
    }

    pub(super) fn cors_origins(&mut self) -> Vec<String> {
        let text = self.text("cors_origins").unwrap_or_default().to_lowercase();
        let all: Vec<String> = text.split(',').map(|origin| origin.trim().to_owned()).filter(|origin| !origin.is_empty()).collect();
        for wrong in all.iter().filter(|origin| !is_origin(origin)) {
            let mend = "Write exact origins such as https://shop.example, without a path and without *.";
            self.problem("cors_origins", format!("names what is no origin of another site: {wrong}"), mend);
        }
        all
    }
}

/// Whether a host is this machine.
fn is_here(host: &str) -> bool {
    host == "localhost" || host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Scheme and host with an unusual port, just as browsers write it; plain HTTP on this machine alone.
fn is_origin(text: &str) -> bool {
    let Ok(uri) = text.parse::<axum::http::Uri>() else { return false };
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else { return false };
    let plain = authority.as_str().bytes().all(|b| b.is_ascii_alphanumeric() || b".-:[]".contains(&b));
    let here = matches!(uri.host(), Some("localhost" | "127.0.0.1" | "[::1]"));
    plain && text == format!("{scheme}://{authority}") && (scheme == "https" || (scheme == "http" && here))
}
