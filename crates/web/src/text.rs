//! The text catalogue: every word that people read on a page comes from it. English now; others are files beside it.

use std::sync::{LazyLock, RwLock};

use fluent_bundle::{FluentArgs, FluentResource, FluentValue, concurrent::FluentBundle};
use kernel::{Code, FieldError};

type Bundle = FluentBundle<FluentResource>;

/// The frame's own texts at first; with those of the slices once the program has installed them. Stories install the same
/// texts again and again.
static BUNDLE: LazyLock<RwLock<Bundle>> = LazyLock::new(|| RwLock::new(bundle(std::iter::empty())));

/// The frame's own texts.
const OWN: &str = include_str!("../texts/en.ftl");

/// Makes the catalogue of the frame's and the slices' texts. What can't be read is left out and logged; a test reads all.
pub fn install<'a>(texts: impl Iterator<Item = &'a str>) {
    let made = bundle(texts);
    if let Ok(mut place) = BUNDLE.write() {
        *place = made;
    }
}

fn bundle<'a>(texts: impl Iterator<Item = &'a str>) -> Bundle {
    let mut bundle = Bundle::new_concurrent(vec![]);
    bundle.set_use_isolating(false);
    for text in [OWN, kernel::CODE_TEXTS].into_iter().chain(texts) {
        let resource = FluentResource::try_new(text.to_owned()).unwrap_or_else(|(resource, errors)| {
            tracing::error!(?errors, "a text file has lines that can't be read");
            resource
        });
        bundle.add_resource_overriding(resource);
    }
    bundle
}

/// The text of a key. A missing key shows itself; `xtask check` finds it before anyone reads it.
pub fn t(key: &str) -> String {
    format(key, None)
}

/// What a code says.
pub fn code_text(code: &Code) -> String {
    t(&code.key())
}

/// What is wrong with a field.
pub fn field_text(refused: &FieldError) -> String {
    let code = kernel::code(refused.code).map(code_text).unwrap_or_default();
    match &refused.detail {
        Some(detail) => format!("{code} {detail}"),
        None => code,
    }
}

/// The text of a key with its places filled.
pub fn tf(key: &str, places: &[(&str, &str)]) -> String {
    let mut args = FluentArgs::new();
    for (name, value) in places {
        // Numbers choose plural forms. What only looks like one, a code or a telephone's number, stays as it is written, and so does
        // what has more digits than Fluent's numbers keep.
        match value.parse::<i64>() {
            Ok(number) if number.unsigned_abs() < 1 << 53 && number.to_string() == *value => args.set(*name, number),
            _ => args.set(*name, FluentValue::from(*value)),
        }
    }
    format(key, Some(&args))
}

fn format(key: &str, args: Option<&FluentArgs<'_>>) -> String {
    let found = BUNDLE.read().ok().and_then(|place| {
        let pattern = place.get_message(key)?.value()?;
        Some(place.format_pattern(pattern, args, &mut Vec::new()).into_owned())
    });
    found.unwrap_or_else(|| key.to_owned())
}
