//! To whom a letter goes, and in whose name.

use std::fmt;

use kernel::{Error, Result};
use lettre::message::Mailbox;

/// An address that a mail server can be given. Nothing in it can begin another line or another recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// As people write it.
    shown: String,
    /// With the domain in ASCII (IDNA), as servers take it.
    wire: lettre::Address,
}

impl Address {
    /// Reads an address; what is none is refused for the field `email`.
    pub fn new(text: &str) -> Result<Self> {
        Self::read(text).ok_or_else(|| Error::field("email", "email.format"))
    }

    fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        let (local, domain) = text.rsplit_once('@').filter(|_| text.chars().count() <= 320)?;
        if local.len() > 64 || !local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(in_local)) {
            return None;
        }
        let domain = idna::domain_to_ascii(domain).ok().filter(|domain| !domain.starts_with('['))?;
        lettre::Address::new("anybody", &domain).ok()?;
        // Checked above: the usual constructor refuses most of RFC 6531, such as emoji.
        let wire = lettre::Address::new_dangerous(local, domain);
        Some(Self { shown: text.to_owned(), wire })
    }

    /// The address as people write it.
    pub fn as_str(&self) -> &str {
        &self.shown
    }

    /// The mailbox that servers are given.
    pub(crate) fn mailbox(&self) -> Mailbox {
        Mailbox::new(None, self.wire.clone())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

/// What may stand before the `@`: RFC 5322's atoms and, after RFC 6531, what is not ASCII. No quoted parts: odd signs could hide there,
/// and nobody's address needs them.
fn in_local(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c);
    }
    !c.is_control() && !c.is_whitespace() && !turns(c)
}

/// Signs without a look of their own that turn the direction of writing or end a line.
fn turns(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
}

/// Who writes: a name and an address, such as `Hearth <post@bakery.example>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender {
    name: Option<String>,
    address: Address,
}

impl Sender {
    /// Reads `post@bakery.example` or `Hill Bakery <post@bakery.example>`.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (name, address) = match text.strip_suffix('>').and_then(|rest| rest.rsplit_once('<')) {
            Some((name, address)) => (one_line(name.trim().trim_matches('"'), 100), address),
            None => (String::new(), text),
        };
        Some(Self { name: Some(name).filter(|name| !name.is_empty()), address: Address::read(address)? })
    }

    /// The mailbox under the letter's own name, or else the sender's.
    pub(crate) fn mailbox(&self, name: Option<&str>) -> Mailbox {
        let name = name.map(str::to_owned).or_else(|| self.name.clone());
        Mailbox::new(name, self.address.wire.clone())
    }

    /// The domain that letters are identified under.
    pub(crate) fn domain(&self) -> &str {
        self.address.wire.domain()
    }
}

impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{name} <{}>", self.address),
            None => write!(f, "{}", self.address),
        }
    }
}

/// Words that somebody chose (a name, a device) as one line: no control signs, none that turn the direction of writing, no
/// runs of blanks, at most so many signs.
pub(crate) fn one_line(text: &str, most: usize) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() || turns(c) { ' ' } else { c }).collect();
    let words = clean.split_whitespace().collect::<Vec<_>>().join(" ");
    if words.chars().count() <= most {
        return words;
    }
    words.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_as_people_write_them() {
        for (typed, wire) in [
            ("ada@example.com", "ada@example.com"),
            ("ada@bäckerei.de", "ada@xn--bckerei-5wa.de"),
            ("😀@example.com", "😀@example.com"),
            ("o'neil+till@shop.co.uk", "o'neil+till@shop.co.uk"),
        ] {
            let address = Address::new(typed).unwrap_or_else(|e| panic!("{typed}: {e}"));
            assert_eq!((address.as_str(), address.wire.to_string().as_str()), (typed, wire));
        }
    }

    #[test]
    fn nothing_that_could_be_more_than_one_address_is_taken() {
        for wrong in [
            "",
            "ada",
            "@example.com",
            "ada@",
            "ada@example.com\r\nBcc: eve@example.com",
            "ada@example.com, eve@example.com",
            "\"ada\r\n\"@example.com",
            "<ada@example.com>",
            "ada eve@example.com",
            "ada@[127.0.0.1]",
            "ada@exa mple.com",
            "a..b@example.com",
            "ada\u{202e}@example.com",
        ] {
            assert_eq!(Address::new(wrong).map_err(|e| e.code()), Err("invalid"), "{wrong:?}");
        }
        assert!(Address::new(&format!("{}@example.com", "a".repeat(320))).is_err());
    }

    #[test]
    fn a_sender_has_a_name_or_none() {
        assert_eq!(
            Sender::parse("Hill Bakery <post@hill.example>").map(|s| s.to_string()).as_deref(),
            Some("Hill Bakery <post@hill.example>")
        );
        assert_eq!(Sender::parse(" post@hill.example ").map(|s| s.to_string()).as_deref(), Some("post@hill.example"));
        for wrong in ["", "Hill Bakery", "Hill <post>", "Hill <a@b.de> <c@d.de", "a@b.de\nBcc: c@d.de"] {
            assert_eq!(Sender::parse(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn words_become_one_line() {
        assert_eq!(one_line(" Hill\r\nBcc: x\u{202e}y\u{7} ", 40), "Hill Bcc: x y");
        assert_eq!(one_line("abcdef", 4), "abc…");
    }
}
