//! What a form sent, and a reader that gathers every complaint before it refuses.

use std::str::FromStr;

use axum::http::header;
use kernel::{Currency, Day, Error, FieldError, Money, Quantity, Result};

use crate::Cx;

/// The fields of a form in the order they came.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    all: Vec<(String, String)>,
}

impl Fields {
    pub(crate) fn read(cx: &Cx) -> Result<Self> {
        Self::of(Self::pairs(cx)?)
    }

    /// The CSRF token of a form, whatever its other fields hold: those are refused by name later.
    pub(crate) fn token(cx: &Cx) -> String {
        let pairs = Self::pairs(cx).unwrap_or_default();
        pairs.into_iter().find(|(name, _)| name == "csrf").map(|(_, token)| token).unwrap_or_default()
    }

    fn pairs(cx: &Cx) -> Result<Vec<(String, String)>> {
        let content_type = cx.headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
        if !cx.body.is_empty() && !content_type.starts_with("application/x-www-form-urlencoded") {
            return Err(Error::rule("body.type"));
        }
        serde_urlencoded::from_bytes(&cx.body).map_err(|_| Error::rule("body.type"))
    }

    /// Fields as pairs; a NUL in one is refused.
    pub fn of(all: Vec<(String, String)>) -> Result<Self> {
        match all.iter().find(|(name, value)| name.contains('\0') || value.contains('\0')) {
            Some((name, _)) => Err(Error::field(name.replace('\0', ""), "text.control")),
            None => Ok(Self { all }),
        }
    }

    /// What was typed in a field; empty when it was not sent.
    pub fn get(&self, name: &str) -> &str {
        self.all.iter().find(|(n, _)| n == name).map_or("", |(_, v)| v.as_str())
    }

    /// Every value of a field that comes more than once.
    pub fn every<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.all.iter().filter(move |(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// The form's intent, so that two clicks are one.
    pub fn intent(&self) -> Option<&str> {
        Some(self.get("intent")).filter(|i| !i.is_empty() && i.len() <= 255)
    }

    /// What was typed, without token and intent: the intent's content.
    pub fn content(&self) -> String {
        let typed: Vec<_> = self.all.iter().filter(|(n, _)| n != "csrf" && n != "intent").collect();
        serde_urlencoded::to_string(typed).unwrap_or_default()
    }

    /// How many numbered rows (`lines.0.item`, `lines.1.item`, …) were sent: one more than the highest number, at most 500.
    pub fn rows(&self, prefix: &str) -> usize {
        let number = |name: &str| name.strip_prefix(prefix)?.strip_prefix('.')?.split('.').next()?.parse::<usize>().ok();
        self.all.iter().filter_map(|(n, _)| number(n)).filter(|n| *n < 500).max().map_or(0, |n| n + 1)
    }

    /// A reader of these fields.
    pub fn reader(&self) -> Reader<'_> {
        Reader { fields: self, wrong: Vec::new() }
    }
}

/// Reads typed values; complaints are gathered and come out together at [`Reader::done`].
pub struct Reader<'a> {
    fields: &'a Fields,
    wrong: Vec<FieldError>,
}

impl Reader<'_> {
    /// Notes a complaint by its code.
    pub fn refuse(&mut self, field: &str, code: &str) {
        if let Error::Invalid(mut errors) = Error::field(field, code) {
            self.wrong.append(&mut errors);
        }
    }

    /// Text that must be there, trimmed, at most `most` characters.
    pub fn text(&mut self, name: &str, most: usize) -> String {
        let text = self.optional_text(name, most);
        if text.is_none() && !self.wrong.iter().any(|w| w.field == name) {
            self.refuse(name, "text.needed");
        }
        text.unwrap_or_default()
    }

    /// Text that may be missing.
    pub fn optional_text(&mut self, name: &str, most: usize) -> Option<String> {
        let text = self.fields.get(name).trim();
        if text.chars().count() > most {
            self.refuse(name, "text.too_long");
            return None;
        }
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// Anything that reads itself from text; refused with `code`.
    pub fn parse<T: FromStr>(&mut self, name: &str, code: &str) -> Option<T> {
        let text = self.fields.get(name).trim();
        if text.is_empty() {
            self.refuse(name, "text.needed");
            return None;
        }
        let value = text.parse().ok();
        if value.is_none() {
            self.refuse(name, code);
        }
        value
    }

    /// The same where the field may be empty.
    pub fn optional<T: FromStr>(&mut self, name: &str, code: &str) -> Option<T> {
        if self.fields.get(name).trim().is_empty() { None } else { self.parse(name, code) }
    }

    /// An amount of a currency.
    pub fn money(&mut self, name: &str, currency: Currency) -> Option<Money> {
        let text = self.fields.get(name).trim();
        if text.is_empty() {
            self.refuse(name, "text.needed");
            return None;
        }
        match Money::parse(text, currency) {
            Ok(money) => Some(money),
            Err(error) => {
                self.refuse(name, error.code());
                None
            }
        }
    }

    /// A quantity.
    pub fn quantity(&mut self, name: &str) -> Option<Quantity> {
        match self.fields.get(name).trim().parse::<Quantity>() {
            Ok(quantity) => Some(quantity),
            Err(_) if self.fields.get(name).trim().is_empty() => self.parse(name, "text.needed"),
            Err(error) => {
                self.refuse(name, error.code());
                None
            }
        }
    }

    /// The same where the field may be empty.
    pub fn optional_quantity(&mut self, name: &str) -> Option<Quantity> {
        if self.fields.get(name).trim().is_empty() { None } else { self.quantity(name) }
    }

    /// A day.
    pub fn day(&mut self, name: &str) -> Option<Day> {
        self.parse(name, "day.format")
    }

    /// A tick box.
    pub fn flag(&self, name: &str) -> bool {
        !self.fields.get(name).is_empty()
    }

    /// Everything read, or everything that is wrong.
    pub fn done<T>(self, value: impl FnOnce() -> Option<T>) -> Result<T> {
        if !self.wrong.is_empty() {
            return Err(Error::Invalid(self.wrong));
        }
        value().ok_or_else(|| Error::Internal("a form field was neither read nor refused".into()))
    }
}
