//! Cells that go out again must not come alive in a spreadsheet.

use std::borrow::Cow;

/// The text as it may stand in a CSV cell: one that a spreadsheet would take for a formula gets an apostrophe in front; numbers stay.
/// Quoting for CSV is the writer's business.
pub fn csv_safe(text: &str) -> Cow<'_, str> {
    let risky = matches!(text.chars().next(), Some('=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '＝' | '＋' | '－' | '＠'));
    if !risky || is_plain_number(text) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("'{text}"))
}

fn is_plain_number(text: &str) -> bool {
    let body = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, fraction) = body.split_once(['.', ',']).unwrap_or((body, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    digits(whole) && digits(fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_become_text_and_numbers_stay() {
        for text in ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\tx", "\r=1", "-", "+", "=1", "-1.2.3", "-£4", "＝1+1"] {
            assert_eq!(csv_safe(text), format!("'{text}"), "{text}");
        }
        for text in ["Bread", "-4.00", "+12", "3.20", "-1,5", "", "'Nduja", "a=b"] {
            assert_eq!(csv_safe(text), text);
        }
    }
}
