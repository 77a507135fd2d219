//! Colours of a business, and what can be read on them (WCAG 2.2: contrast of relative luminances).

use std::fmt;

use kernel::{Error, Result};

/// The inks that letters are written in: dark and white.
const INKS: [[u8; 3]; 2] = [[0x11, 0x11, 0x11], [0xff, 0xff, 0xff]];
/// The least contrast of text (AA).
const READABLE: f64 = 4.5;

/// A colour on which one of the two inks can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour([u8; 3]);

impl Colour {
    /// Reads `#rrggbb`, in small letters or capitals. Codes: `colour.format`, `colour.contrast`.
    pub fn read(field: &str, text: &str) -> Result<Self> {
        let parts = parts(text.trim()).ok_or_else(|| Error::field(field, "colour.format"))?;
        if contrast(parts, ink(parts)) < READABLE {
            return Err(Error::field(field, "colour.contrast"));
        }
        Ok(Self(parts))
    }

    /// The ink that is read best on it, as `#rrggbb`.
    pub fn ink(self) -> String {
        Self(ink(self.0)).to_string()
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

/// Red, green and blue of `#rrggbb`.
pub fn parts(text: &str) -> Option<[u8; 3]> {
    let digits = text.strip_prefix('#').filter(|d| d.len() == 6 && d.bytes().all(|b| b.is_ascii_hexdigit()))?;
    let part = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).ok();
    Some([part(0)?, part(2)?, part(4)?])
}

/// The ink that is read best on a colour.
pub fn ink(on: [u8; 3]) -> [u8; 3] {
    let [dark, white] = INKS;
    if contrast(on, dark) >= contrast(on, white) { dark } else { white }
}

/// How far two colours are apart, from 1 (none) to 21 (black and white).
pub fn contrast(one: [u8; 3], other: [u8; 3]) -> f64 {
    let (a, b) = (luminance(one), luminance(other));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

fn luminance([red, green, blue]: [u8; 3]) -> f64 {
    let linear = |part: u8| {
        let part = f64::from(part) / 255.0;
        if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contrasts_are_those_of_the_standard() {
        let near = |a: f64, b: f64| (a - b).abs() < 0.005;
        assert!(near(contrast([0; 3], [255; 3]), 21.0));
        assert!(near(contrast([255, 0, 0], [255; 3]), 3.998));
        assert!(near(contrast([0x77; 3], [255; 3]), 4.478), "{}", contrast([0x77; 3], [255; 3]));
        assert!(near(contrast([9, 8, 7], [9, 8, 7]), 1.0));
    }

    fn refused(text: &str) -> &'static str {
        match Colour::read("colour", text) {
            Err(Error::Invalid(fields)) => fields[0].code,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn a_colour_on_which_no_ink_can_be_read_is_refused() {
        for (text, colour, ink) in
            [("#8a3b12", "#8a3b12", "#ffffff"), (" #FFD400 ", "#ffd400", "#111111"), ("#ffffff", "#ffffff", "#111111")]
        {
            let read = Colour::read("colour", text).unwrap();
            assert_eq!((read.to_string().as_str(), read.ink().as_str()), (colour, ink));
        }
        // Between the two inks: 4.48 with white, 4.22 with the dark one.
        assert_eq!(refused("#777777"), "colour.contrast");
        for wrong in ["", "red", "#12345", "#1234567", "123456", "#12345g", "#€123", "#+1+2+3", "url(x)"] {
            assert_eq!(refused(wrong), "colour.format", "{wrong}");
        }
    }
}
