//! Addresses: the public one, and masking those with passwords.

use std::fmt;
use std::net::SocketAddr;

use axum::http::Uri;

/// Scheme and host that people type, without a slash at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl(String);

impl PublicUrl {
    /// Takes `https://bakery.example`, a slash at the end forgiven.
    pub fn parse(text: &str) -> Option<Self> {
        let uri: Uri = text.parse().ok()?;
        let scheme = uri.scheme_str().filter(|scheme| ["http", "https"].contains(scheme))?;
        let authority = uri.authority().filter(|authority| !authority.as_str().contains('@') && !authority.host().is_empty())?;
        (uri.path() == "/" && uri.query().is_none()).then(|| Self(format!("{scheme}://{authority}")))
    }

    pub(crate) fn of_listen(listen: SocketAddr) -> Self {
        let shown = if listen.ip().is_unspecified() { format!("localhost:{}", listen.port()) } else { listen.to_string() };
        Self(format!("http://{shown}"))
    }

    /// Whether people come by TLS.
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https://")
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The address of a database without its passwords; nothing of what is no such address.
pub(super) fn masked(text: &str) -> String {
    if text == "embedded" {
        return text.to_owned();
    }
    // An address has no spaces; what has some holds more than one.
    let address = text.split_once("://").filter(|_| !text.contains(char::is_whitespace));
    let Some((scheme, rest)) = address else { return HIDDEN.to_owned() };
    // The last @ of the part before the path: a password may hold one.
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    let shown = match authority.rsplit_once('@') {
        Some((who, host)) => match who.split_once(':') {
            Some((role, _)) => format!("{role}:{HIDDEN}@{host}"),
            None => authority.to_owned(),
        },
        None => authority.to_owned(),
    };
    // A password with a slash would end up in what looks like the path.
    if tail.contains('@') {
        return format!("{scheme}://{HIDDEN}");
    }
    let tail = match tail.split_once('?') {
        Some((path, query)) => format!("{path}?{}", query.split('&').map(masked_pair).collect::<Vec<_>>().join("&")),
        None => tail.to_owned(),
    };
    format!("{scheme}://{shown}{tail}")
}

const HIDDEN: &str = "********";

fn masked_pair(pair: &str) -> String {
    match pair.split_once('=') {
        Some((name, _)) if name.contains("pass") => format!("{name}={HIDDEN}"),
        _ => pair.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_addresses_are_scheme_and_host() {
        let parsed = |text| PublicUrl::parse(text).map(|url| url.to_string());
        assert_eq!(parsed("https://bakery.example/"), Some("https://bakery.example".into()));
        assert_eq!(parsed("http://[::1]:8080"), Some("http://[::1]:8080".into()));
        for wrong in
            ["bakery.example", "ftp://bakery.example", "https://bakery.example/shop", "https://a:b@c", "https://", "/", "https://a?x=1"]
        {
            assert_eq!(parsed(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn passwords_are_masked_wherever_they_stand() {
        assert_eq!(masked("embedded"), "embedded");
        assert_eq!(
            masked("postgres://hearth_app:s3cret@db/hearth?sslmode=require"),
            "postgres://hearth_app:********@db/hearth?sslmode=require"
        );
        assert_eq!(masked("postgres://hearth_app@db/hearth"), "postgres://hearth_app@db/hearth");
        for secret in [
            "postgres://a:s3@cret@db/h",
            "postgres://a:s3/cret@db/h",
            "postgres://db/h?user=a&password=s3cret",
            "a:s3cret",
            "a https://b.example c s3cret",
        ] {
            assert!(!masked(secret).contains("cret"), "{}", masked(secret));
        }
    }
}
