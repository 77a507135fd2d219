//! Numbers as tills and spreadsheets write them: `£3.20`, `3,20 €`, `KES 1,200`, `-$4.00`, `(4.00)`, `1'234.50`, `100/=`.

use serde::{Deserialize, Serialize};

use crate::Decimal;

/// The decimal mark of a column; the other one of the two may group thousands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// `1,234.50`
    Dot,
    /// `1.234,50`
    Comma,
}

impl Mark {
    pub(crate) fn sample(self) -> &'static str {
        match self {
            Self::Dot => "1,234.50",
            Self::Comma => "1.234,50",
        }
    }
}

const SYMBOLS: &str = "$£€¥₦₹₵₽₩₪₺₴₫฿₱﷼₡₲₸₭₮₨";

/// What people write for a currency besides its symbol and its ISO code.
const WORDS: &[&str] =
    &["ksh", "kshs", "sh", "shs", "tsh", "tshs", "ush", "ushs", "rs", "r", "kr", "zl", "zł", "fr", "sfr", "ft", "kč", "lei", "rm", "eur"];

const ISO: &str = "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP CNY COP CRC CUP \
    CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF \
    KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR \
    PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VES \
    VND VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWL";

/// The digits of a cell once sign, brackets and currency are taken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stripped<'a> {
    pub negative: bool,
    pub currency: Option<&'a str>,
    pub body: &'a str,
}

fn is_currency(word: &str) -> bool {
    let bare = word.trim_end_matches('.');
    if let Some(symbol) = bare.chars().next_back().filter(|c| SYMBOLS.contains(*c)) {
        let letters = &bare[..bare.len() - symbol.len_utf8()];
        return letters.len() <= 3 && letters.bytes().all(|b| b.is_ascii_uppercase());
    }
    if bare.len() == 3 && bare.bytes().all(|b| b.is_ascii_uppercase()) && ISO.split_ascii_whitespace().any(|code| code == bare) {
        return true;
    }
    WORDS.iter().any(|known| known.eq_ignore_ascii_case(bare))
}

fn is_money_letter(c: char) -> bool {
    c.is_alphabetic() || SYMBOLS.contains(c)
}

fn take_sign<'a>(text: &'a str, negative: &mut bool) -> &'a str {
    let rest = text.strip_prefix(['-', '\u{2212}']);
    if let Some(rest) = rest {
        *negative = !*negative;
        return rest.trim_start();
    }
    text.strip_prefix('+').unwrap_or(text)
}

/// Takes off what is not digits; nothing when the rest is not one number.
pub(crate) fn strip(cell: &str) -> Option<Stripped<'_>> {
    let mut body = cell.trim();
    let (mut negative, mut currency) = (false, None);
    if body.bytes().all(|b| b.is_ascii_digit()) {
        return (!body.is_empty()).then_some(Stripped { negative, currency, body });
    }
    if let Some(inner) = body.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        body = inner.trim();
        negative = true;
    }
    body = take_sign(body, &mut negative);
    let head = body.len() - body.trim_start_matches(is_money_letter).len();
    if head > 0 {
        let dot = body[head..].strip_prefix('.').filter(|rest| !SYMBOLS.contains(&body[..head]) && !rest.is_empty());
        currency = Some(&body[..head]);
        body = take_sign(dot.unwrap_or(&body[head..]).trim_start(), &mut negative);
    } else if let Some(rest) = body.strip_suffix("/-").or_else(|| body.strip_suffix("/=")) {
        currency = Some("/=");
        body = rest;
    }
    if let Some(rest) = body.strip_suffix('-') {
        negative = !negative;
        body = rest.trim_end();
    }
    let tail = body.trim_end_matches('.').trim_end_matches(is_money_letter).len();
    if tail < body.len() && currency.is_none() {
        currency = Some(&body[tail..]);
        body = body[..tail].trim_end();
    }
    if currency.is_some_and(|word| word != "/=" && !is_currency(word)) || !body.ends_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    Some(Stripped { negative, currency, body })
}

/// Reads digits with marks; the grouping must be a real one, so that `1,2` is never taken for 12.
pub(crate) fn read_body(body: &str, mark: Mark) -> Option<Decimal> {
    let (point, other) = if mark == Mark::Dot { ('.', ',') } else { (',', '.') };
    let mut units: i128 = 0;
    let (mut digits, mut group, mut fraction) = (0u8, 0u8, None::<u8>);
    let mut separator = None;
    for c in body.chars() {
        if let Some(digit) = c.to_digit(10) {
            units = units * 10 + i128::from(digit);
            digits += 1;
            if digits > 30 {
                return None;
            }
            match &mut fraction {
                Some(scale) => *scale += 1,
                None => group += 1,
            }
        } else if fraction.is_some() {
            return None;
        } else if c == point {
            if separator.is_some() && group != 3 {
                return None;
            }
            fraction = Some(0);
        } else if c == other || matches!(c, ' ' | '\u{a0}' | '\u{202f}' | '\u{2009}' | '\'' | '\u{2019}') {
            let first = separator.is_none() && (1..=3).contains(&group) && units > 0 && !body.starts_with('0');
            let next = separator == Some(c) && (group == 3 || (group == 2 && c == ','));
            if !first && !next {
                return None;
            }
            separator = Some(c);
            group = 0;
        } else {
            return None;
        }
    }
    if (fraction.is_none() && (group == 0 || (separator.is_some() && group != 3))) || fraction == Some(0) || fraction > Some(18) {
        return None;
    }
    Decimal::new(units, fraction.unwrap_or(0))
}

/// Reads a cell as a number.
pub(crate) fn read_number(cell: &str, mark: Mark) -> Option<Decimal> {
    let stripped = strip(cell)?;
    let value = read_body(stripped.body, mark)?;
    if stripped.negative { Decimal::new(-value.units(), value.scale()) } else { Some(value) }
}

/// `1234.0` and `1234,00` are the ticket 1234 that a spreadsheet took for a number; everything else stays as it is.
pub(crate) fn without_zero_fraction(key: &str) -> &str {
    match key.split_once(['.', ',']) {
        Some((whole, fraction))
            if !whole.is_empty()
                && (1..=2).contains(&fraction.len())
                && whole.bytes().all(|b| b.is_ascii_digit())
                && fraction.bytes().all(|b| b == b'0') =>
        {
            whole
        }
        _ => key,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn dot(cell: &str) -> Option<String> {
        read_number(cell, Mark::Dot).map(|d| d.to_string())
    }

    fn comma(cell: &str) -> Option<String> {
        read_number(cell, Mark::Comma).map(|d| d.to_string())
    }

    #[test]
    fn money_is_read_with_its_signs() {
        for (cell, value) in [
            ("£3.20", "3.20"),
            ("KES 1,200", "1200"),
            ("Ksh. 1,200.50", "1200.50"),
            ("-$4.00", "-4.00"),
            ("$-4.00", "-4.00"),
            ("(4.00)", "-4.00"),
            ("($4.00)", "-4.00"),
            ("4.00-", "-4.00"),
            ("US$ 12", "12"),
            ("¥1,200", "1200"),
            ("1 234 567.5", "1234567.5"),
            ("1\u{a0}234", "1234"),
            ("1'234.50", "1234.50"),
            ("12,34,567", "1234567"),
            ("100/=", "100"),
            ("1234.0", "1234.0"),
            (".5", "0.5"),
            ("−2", "-2"),
        ] {
            assert_eq!(dot(cell).as_deref(), Some(value), "{cell}");
        }
        for (cell, value) in [("3,20 €", "3.20"), ("1.234,50 €", "1234.50"), ("CHF 1'234,5", "1234.5"), ("0,5", "0.5"), ("12 kr", "12")]
        {
            assert_eq!(comma(cell).as_deref(), Some(value), "{cell}");
        }
    }

    #[test]
    fn what_is_not_one_number_is_refused() {
        for cell in [
            "",
            "-",
            "abc",
            "1,2",
            "1,23",
            "1.2.3",
            "1,2345",
            "12 apples",
            "1e5",
            "=1+1",
            "5.",
            "1/2",
            "0,750",
            "1, 234",
            "--",
            "A1",
            "1.234,5",
            "9".repeat(31).as_str(),
        ] {
            assert_eq!(dot(cell), None, "{cell}");
        }
        for cell in ["1,2,3", "0.750", "1.23", "1,234.5"] {
            assert_eq!(comma(cell), None, "{cell}");
        }
    }

    #[test]
    fn float_tickets_are_whole() {
        assert_eq!(without_zero_fraction("1234.0"), "1234");
        assert_eq!(without_zero_fraction("12,00"), "12");
        assert_eq!(without_zero_fraction("12.5"), "12.5");
        assert_eq!(without_zero_fraction("12.000"), "12.000");
        assert_eq!(without_zero_fraction("A.0"), "A.0");
    }

    fn grouped(whole: u64, separator: &str) -> String {
        let digits = whole.to_string();
        let mut out = String::new();
        for (i, c) in digits.chars().enumerate() {
            if i > 0 && (digits.len() - i).is_multiple_of(3) {
                out.push_str(separator);
            }
            out.push(c);
        }
        out
    }

    proptest! {
        #[test]
        fn grouped_numbers_round_trip(whole in 0u64..10_000_000_000, cents in 0u32..100, negative: bool, comma: bool, style in 0usize..4) {
            let (mark, point, separators) = if comma { (Mark::Comma, ",", ["", ".", " ", "\u{a0}"]) } else { (Mark::Dot, ".", ["", ",", "'", "\u{202f}"]) };
            let text = format!("{}{}{point}{cents:02}", if negative { "-" } else { "" }, grouped(whole, separators[style]));
            let units = (i128::from(whole) * 100 + i128::from(cents)) * if negative { -1 } else { 1 };
            for cell in [text.clone(), format!("€{text}"), format!("{text} EUR"), format!(" {text} ")] {
                prop_assert_eq!(read_number(&cell, mark), Decimal::new(units, 2), "{}", cell);
            }
        }

        #[test]
        fn nothing_panics(cell in "\\PC{0,20}") {
            for mark in [Mark::Dot, Mark::Comma] {
                if let Some(value) = read_number(&cell, mark) {
                    prop_assert_eq!(read_number(&value.to_string(), Mark::Dot), Some(value));
                }
            }
        }
    }
}
