//! What a request tells of the browser or program that sent it.

use std::net::IpAddr;

use axum::http::{HeaderMap, header};

/// Where a request came from, as sessions are bound to it and as people recognise it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Client {
    /// Browser and system without versions: `firefox/android`. An update does not change it.
    pub family: String,
    /// The network of its address: /24 of IPv4, /56 of IPv6.
    pub network: Option<String>,
    /// The address.
    pub address: Option<IpAddr>,
    /// For people: `Firefox, Android`.
    pub device: String,
}

/// Browsers by what they write, the more special first: each also writes the names of those that it descends from.
const BROWSERS: &[(&str, &str)] = &[
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"),
    ("CriOS", "Chrome"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
    ("curl/", "curl"),
    ("python", "Python"),
    ("okhttp", "okhttp"),
    ("Go-http", "Go"),
];

/// Systems likewise.
const SYSTEMS: &[(&str, &str)] = &[
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS", "Mac"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
];

impl Client {
    /// Reads a request's headers.
    pub fn of(headers: &HeaderMap, address: Option<IpAddr>) -> Self {
        let agent = headers.get(header::USER_AGENT).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let find =
            |names: &'static [(&'static str, &'static str)]| names.iter().find(|(sign, _)| agent.contains(sign)).map(|(_, name)| *name);
        let (browser, system) = (find(BROWSERS), find(SYSTEMS));
        let named: Vec<&str> = [browser, system].into_iter().flatten().collect();
        let family = match named.as_slice() {
            // Programs that nobody listed: their own first word is their family.
            [] => agent.split(['/', ' ']).next().unwrap_or_default().chars().take(40).collect::<String>().to_lowercase(),
            _ => named.join("/").to_lowercase(),
        };
        let device = if named.is_empty() { family.clone() } else { named.join(", ") };
        Self { family, network: address.map(network), address, device }
    }
}

/// The network of an address.
pub(crate) fn network(address: IpAddr) -> String {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => network(IpAddr::V4(v4)),
            None => {
                let [a, b, c, d, ..] = v6.segments();
                format!("{:x}:{:x}:{:x}:{:x}::/56", a, b, c, d & 0xff00)
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(agent: &str) -> Client {
        let mut headers = HeaderMap::new();
        headers.insert(header::USER_AGENT, agent.parse().unwrap());
        Client::of(&headers, None)
    }

    #[test]
    fn an_update_keeps_the_family_and_another_browser_changes_it() {
        let chrome = of("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36");
        let newer = of("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36");
        assert_eq!((chrome.family.as_str(), chrome.device.as_str()), ("chrome/linux", "Chrome, Linux"));
        assert_eq!(chrome, newer);
        let edge = of("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0");
        assert_eq!(edge.device, "Edge, Windows");
        let phone =
            of("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile/15E148 Safari/604.1");
        assert_eq!(phone.device, "Safari, iPhone");
        assert_eq!(of("my-till/3.1 (office)").family, "my-till");
        assert_eq!(of("").family, "");
    }

    #[test]
    fn neighbours_share_a_network() {
        let net = |text: &str| network(text.parse().unwrap());
        assert_eq!(net("192.0.2.7"), net("192.0.2.250"));
        assert_ne!(net("192.0.2.7"), net("192.0.3.7"));
        assert_eq!(net("2001:db8:1:2a00::1"), net("2001:db8:1:2aff:1:2:3:4"));
        assert_ne!(net("2001:db8:1:2a00::1"), net("2001:db8:1:2b00::1"));
        assert_eq!(net("::ffff:192.0.2.7"), net("192.0.2.9"));
    }
}
