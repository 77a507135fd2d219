//! The address people sign in with.

use std::{fmt, str::FromStr};

use kernel::{Error, Result};
use unicode_normalization::UnicodeNormalization;

/// An e-mail address as it is stored: NFC, small letters, the domain in ASCII (IDNA), so that a mailbox is one account however its
/// domain is written, and a domain that only looks like another does not read like it. Reading is strict where typing errors are likely
/// (one `@`, a domain with a dot, no spaces or quotes); whether it exists, only a mail can tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    /// Reads the field `field`.
    pub fn read(field: &str, text: &str) -> Result<Self> {
        text.parse().map_err(|_: BadEmail| Error::field(field, "email.format"))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands before the `@`.
    pub fn local(&self) -> &str {
        self.0.split_once('@').map_or(self.0.as_str(), |(local, _)| local)
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Not an e-mail address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadEmail;

impl FromStr for Email {
    type Err = BadEmail;
    fn from_str(text: &str) -> Result<Self, BadEmail> {
        // Before normalising: nothing here grows more than threefold.
        if text.len() > 1024 {
            return Err(BadEmail);
        }
        let text: String = text.trim().nfc().collect::<String>().to_lowercase().nfc().collect();
        let (local, domain) = text.split_once('@').ok_or(BadEmail)?;
        let local_ok = (1..=64).contains(&local.len()) && parts(local).all(|part| !part.is_empty() && part.chars().all(in_local));
        let domain = idna::domain_to_ascii(domain).map_err(|_| BadEmail)?;
        let domain_ok = domain.len() <= 253 && parts(&domain).count() >= 2 && parts(&domain).all(label);
        if local_ok && domain_ok { Ok(Self(format!("{local}@{domain}"))) } else { Err(BadEmail) }
    }
}

fn parts(text: &str) -> std::str::Split<'_, char> {
    text.split('.')
}

fn in_local(c: char) -> bool {
    c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c)
}

fn label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

#[cfg(test)]
mod tests {
    use super::Email;

    #[test]
    fn takes_addresses_and_makes_them_one_form() {
        for (typed, kept) in [
            (" Ada@Example.COM ", "ada@example.com"),
            ("o'neil+till@shop.co.uk", "o'neil+till@shop.co.uk"),
            ("jose\u{301}@bäckerei.de", "josé@xn--bckerei-5wa.de"),
            ("Ada@BA\u{308}CKEREI.de", "ada@xn--bckerei-5wa.de"),
            ("ada@XN--BCKEREI-5WA.de", "ada@xn--bckerei-5wa.de"),
            ("ada@bäckerei。de", "ada@xn--bckerei-5wa.de"),
            ("ada@bäc\u{ad}kerei.de", "ada@xn--bckerei-5wa.de"),
            ("ada@straße.de", "ada@xn--strae-oqa.de"),
            // The first letter of the domain is Cyrillic: another mailbox, and it does not look like the other one.
            ("ada@\u{435}xample.com", "ada@xn--xample-2of.com"),
        ] {
            assert_eq!(typed.parse::<Email>().map(|e| e.to_string()).as_deref(), Ok(kept));
        }
    }

    #[test]
    fn refuses_what_is_none() {
        for wrong in [
            "",
            "ada",
            "@example.com",
            "ada@",
            "ada@localhost",
            "a b@c.de",
            "a@b@c.de",
            "a..b@c.de",
            ".a@b.de",
            "a@-b.de",
            "a@b..de",
            "\"a\"@b.de",
            "a@b.de\r\nBcc: c@d.ef",
            "ada\u{200f}@b.de",
            "ada@b\u{200f}.de",
            "ada@xn--a.de",
            "ada@b_c.de",
            "ada@[127.0.0.1]",
        ] {
            assert!(wrong.parse::<Email>().is_err(), "{wrong}");
        }
        assert!(format!("{}@example.com", "a".repeat(65)).parse::<Email>().is_err());
    }
}
