//! Ids of countries and numbers of phones, as they are typed and as they are kept.

use kernel::{Error, Result};

/// A country's two letters.
pub(crate) fn country(field: &str, text: &str) -> Result<String> {
    let code = text.trim().to_ascii_uppercase();
    let fits = code.len() == 2 && code.bytes().all(|b| b.is_ascii_uppercase());
    if fits { Ok(code) } else { Err(Error::field(field, "country.unknown")) }
}

/// A national id in one form: no spaces or hyphens, capital letters; checked by what the country gives out.
pub(crate) fn national_id(field: &str, country: &str, text: &str) -> Result<String> {
    let id: String = text.trim().chars().filter(|c| !matches!(c, ' ' | '-' | '.' | '/')).map(|c| c.to_ascii_uppercase()).collect();
    let fits = match country {
        "GB" => is_national_insurance(&id),
        "DE" => is_steuer_id(&id),
        "NG" => digits(&id, 11),
        "KG" => digits(&id, 14),
        _ => (4..=20).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric()),
    };
    if fits { Ok(id) } else { Err(Error::field(field, "national_id.format")) }
}

fn digits(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|b| b.is_ascii_digit())
}

/// Two letters, six digits, one letter of A to D; HMRC's manual NIM39110 names letters and pairs that are never given out.
fn is_national_insurance(id: &str) -> bool {
    let [first, second, number @ .., last] = id.as_bytes() else { return false };
    let never = ["BG", "GB", "KN", "NK", "NT", "TN", "ZZ"];
    first.is_ascii_uppercase()
        && second.is_ascii_uppercase()
        && !b"DFIQUV".contains(first)
        && !b"DFIOQUV".contains(second)
        && !never.iter().any(|pair| id.starts_with(pair))
        && number.len() == 6
        && number.iter().all(u8::is_ascii_digit)
        && (b'A'..=b'D').contains(last)
}

/// Eleven digits: the first is not zero, among the first ten exactly one comes twice or three times (never three in a row), the
/// last checks the others (ISO 7064, MOD 11,10).
fn is_steuer_id(id: &str) -> bool {
    if !digits(id, 11) || id.starts_with('0') {
        return false;
    }
    let all: Vec<u32> = id.chars().filter_map(|c| c.to_digit(10)).collect();
    let Some((check, ten)) = all.split_last() else { return false };
    let counts: Vec<usize> = (0..10).map(|digit| ten.iter().filter(|d| **d == digit).count()).collect();
    let again: Vec<usize> = counts.into_iter().filter(|count| *count > 1).collect();
    let row = ten.windows(3).any(|three| three.iter().all(|d| Some(d) == three.first()));
    let product = ten.iter().fold(10, |product, digit| {
        let sum = (digit + product) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    matches!(again.as_slice(), [2 | 3]) && !row && (11 - product) % 10 == *check
}

/// An id as it is shown: its last three signs.
pub(crate) fn masked(id: &str) -> String {
    let shown: String = id.chars().skip(id.chars().count().saturating_sub(3)).collect();
    format!("\u{2022}\u{2022}\u{2022}\u{2022} {shown}")
}

/// A phone number as ITU-T E.164 writes it: a plus, the country, at most fifteen digits.
pub(crate) fn phone(field: &str, text: &str) -> Result<String> {
    let wrong = || Error::field(field, "phone.format");
    let plain: String = text.trim().chars().filter(|c| !matches!(c, ' ' | '-' | '(' | ')' | '.' | '/' | '\u{a0}')).collect();
    let number = plain.strip_prefix('+').ok_or_else(wrong)?;
    let fits = (8..=15).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit()) && !number.starts_with('0');
    if fits { Ok(plain) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_checked_by_country() {
        for (country, typed, kept) in [
            ("GB", "ab 12 34 56 c", "AB123456C"),
            ("DE", "86 095 742 719", "86095742719"),
            ("DE", "65929970489", "65929970489"),
            ("DE", "47036892816", "47036892816"),
            ("NG", "12345678901", "12345678901"),
            ("KG", "21503199012345", "21503199012345"),
            ("FR", "1 85 05 78 006 084 91", "185057800608491"),
        ] {
            assert_eq!(national_id("id", country, typed).as_deref().ok(), Some(kept), "{country} {typed}");
        }
        for (country, wrong) in [
            ("GB", "QQ123456C"),
            ("GB", "GB123456A"),
            ("GB", "AO123456A"),
            ("GB", "AB123456E"),
            ("GB", "AB12345C"),
            ("DE", "86095742718"),
            ("DE", "06095742719"),
            ("DE", "11111111111"),
            ("DE", "12345678903"),
            ("NG", "1234567890"),
            ("KG", "2150319901234"),
            ("FR", "abc"),
            ("FR", "abcde\u{e9}"),
            ("FR", "12345678901234567890A"),
        ] {
            assert!(national_id("id", country, wrong).is_err(), "{country} {wrong}");
        }
        assert_eq!(masked("AB123456C"), "\u{2022}\u{2022}\u{2022}\u{2022} 56C");
        assert_eq!(
            (country("c", " gb ").ok().as_deref(), country("c", "GBR").is_err(), country("c", "1A").is_err()),
            (Some("GB"), true, true)
        );
    }

    #[test]
    fn phones_are_kept_as_e164() {
        assert_eq!(phone("p", "+44 (131) 496-0000").as_deref().ok(), Some("+441314960000"));
        for wrong in ["", "0131 496 0000", "+0 131 496 0000", "+44", "+441314960000000000", "+44131496000a", "\u{ff0b}441314960000"] {
            assert!(phone("p", wrong).is_err(), "{wrong}");
        }
    }
}
