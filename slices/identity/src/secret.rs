//! Secrets that are given out once and kept as their SHA-256: cookies, links, codes, keys.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use kernel::Source;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// What a table holds of a secret.
pub(crate) type Digested = [u8; 32];

/// 256 random bits.
#[derive(Clone)]
pub(crate) struct Token(Zeroizing<[u8; 32]>);

impl Token {
    /// A new one.
    pub fn new(source: &Source) -> Self {
        Self(Zeroizing::new(source.bytes()))
    }

    /// Reads what was given out; none when it can't be one of ours.
    pub fn read(text: &str) -> Option<Self> {
        // A cookie may be as long as a header: nothing longer than a token is decoded.
        if text.len() > 44 {
            return None;
        }
        Some(Self(Zeroizing::new(URL_SAFE_NO_PAD.decode(text.trim()).ok()?.try_into().ok()?)))
    }

    /// As it is given out.
    pub fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(*self.0)
    }

    /// As it is kept.
    pub fn hash(&self) -> Digested {
        Sha256::digest(*self.0).into()
    }

    /// Another secret that follows from this one, under a name: the CSRF token of a session.
    pub fn derive(&self, name: &str) -> String {
        let mut hash = Sha256::new();
        hash.update(name.as_bytes());
        hash.update([0]);
        hash.update(*self.0);
        URL_SAFE_NO_PAD.encode(hash.finalize())
    }
}

/// The digest of some parts under a name; no two lists of parts have the same.
pub(crate) fn digest(name: &str, parts: &[&[u8]]) -> Digested {
    let mut hash = Sha256::new();
    hash.update(name.as_bytes());
    for part in parts {
        hash.update([0]);
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// Signs of codes that people type: none that are taken for one another.
const SIGNS: &[u8; 32] = b"023456789abcdefghjkmnpqrstuvwxyz";

/// A code of so many signs for people to type, five bits each, in groups of four.
pub(crate) fn readable<const SIZE: usize>(source: &Source) -> String {
    let drawn: [u8; SIZE] = source.bytes();
    let signs: Vec<char> = drawn.iter().map(|b| char::from(SIGNS[usize::from(b & 31)])).collect();
    signs.chunks(4).map(|four| four.iter().collect::<String>()).collect::<Vec<_>>().join("-")
}

/// Six digits, each code as likely as any other.
pub(crate) fn six_digits(source: &Source) -> String {
    // The largest multiple of a million that four bytes hold: above it a draw would favour small codes.
    const FAIR: u32 = u32::MAX - u32::MAX % 1_000_000;
    loop {
        let drawn = u32::from_be_bytes(source.bytes());
        if drawn < FAIR {
            return format!("{:06}", drawn % 1_000_000);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_back_and_nothing_else() {
        let token = Token::new(&Source::real());
        assert_eq!(Token::read(&token.text()).map(|t| t.hash()), Some(token.hash()));
        for wrong in ["", "x", "not base64 at all!", &"A".repeat(42), &"A".repeat(10_000)] {
            assert!(Token::read(wrong).is_none(), "{wrong:.50}");
        }
        assert_ne!(token.derive("csrf"), token.derive("other"));
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        assert_ne!(digest("a", &[b"bc", b"d"]), digest("a", &[b"b", b"cd"]));
        assert_ne!(digest("a", &[b"b"]), digest("ab", &[]));
        let code = six_digits(&Source::real());
        assert!(code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit()), "{code}");
    }
}
