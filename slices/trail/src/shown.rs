//! What an entry says, for those who may see it: personal values put back, others' secrets masked, and only what changed.

use kernel::{Currency, Money, Permission, Permissions};
use serde_json::{Map, Value, json};
use web::t;

/// Fields that not everybody who reads the trail may see.
pub(crate) const MASKED: &[(&str, Permission)] = &[
    ("pay", Permission::PayRead),
    ("wage", Permission::PayRead),
    ("salary", Permission::PayRead),
    ("hourlyPay", Permission::PayRead),
    ("monthlyPay", Permission::PayRead),
    ("cost", Permission::CostRead),
    ("unitCost", Permission::CostRead),
    ("standardCost", Permission::CostRead),
    ("margin", Permission::CostRead),
];
/// How many changed fields of an entry are shown.
const MOST: usize = 200;

/// Masks what these permissions do not include, at any depth.
pub(crate) fn mask(value: &mut Value, permissions: Permissions) {
    match value {
        Value::Array(all) => all.iter_mut().for_each(|one| mask(one, permissions)),
        Value::Object(fields) => {
            for (name, field) in fields {
                match MASKED.iter().find(|(masked, needs)| masked == name && !permissions.has(*needs)) {
                    Some(_) => *field = json!({ "masked": true }),
                    None => mask(field, permissions),
                }
            }
        }
        _ => {}
    }
}

/// A field that is not the same after as before.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Changed {
    /// `lines.2.quantity`.
    pub field: String,
    /// As it was.
    pub before: Option<String>,
    /// As it is.
    pub after: Option<String>,
}

/// What changed, field by field. Of something new all is told.
pub(crate) fn changes(before: Option<&Value>, after: Option<&Value>) -> Vec<Changed> {
    let mut found = Vec::new();
    differ("", before, after, &mut found);
    found
}

fn differ(path: &str, before: Option<&Value>, after: Option<&Value>, found: &mut Vec<Changed>) {
    // What is empty where nothing was is no change.
    let something = |value: Option<&Value>| value.is_some_and(|value| !value.is_null());
    if before == after || !(something(before) || something(after)) || found.len() >= MOST {
        return;
    }
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    let branches = [before, after].iter().flatten().all(|value| said(value).is_none());
    match (before.and_then(object), after.and_then(object)) {
        (Some(was), is) if branches => {
            members(&was, &is.unwrap_or_default()).for_each(|name| differ(&below(name), was.get(name), is_of(after, name), found))
        }
        (None, Some(is)) if branches => is.keys().for_each(|name| differ(&below(name), None, is.get(name), found)),
        _ => found.push(Changed { field: path.to_owned(), before: before.map(text), after: after.map(text) }),
    }
}

fn is_of<'a>(value: Option<&'a Value>, name: &str) -> Option<&'a Value> {
    match value? {
        Value::Object(fields) => fields.get(name),
        Value::Array(all) => all.get(name.parse::<usize>().ok()?.checked_sub(1)?),
        _ => None,
    }
}

/// Names of either, in the order of the first.
fn members<'a>(was: &'a Map<String, Value>, is: &'a Map<String, Value>) -> impl Iterator<Item = &'a str> {
    was.keys().map(String::as_str).chain(is.keys().map(String::as_str).filter(|name| !was.contains_key(*name)))
}

/// Objects and lists by name; the lines of a list are counted from 1.
fn object(value: &Value) -> Option<Map<String, Value>> {
    match value {
        Value::Object(fields) => Some(fields.clone()),
        Value::Array(all) => Some(all.iter().enumerate().map(|(i, one)| ((i + 1).to_string(), one.clone())).collect()),
        _ => None,
    }
}

/// A value that is said in one word, though it is made of several.
fn said(value: &Value) -> Option<String> {
    let fields = value.as_object()?;
    let flag = |name: &str| fields.get(name) == Some(&Value::Bool(true)) && fields.len() == 1;
    if flag("erased") {
        return Some(t("trail-erased"));
    }
    if flag("altered") {
        return Some(t("trail-altered"));
    }
    if flag("masked") {
        return Some(t("trail-masked"));
    }
    let currency = fields.get("currency")?.as_str()?.parse::<Currency>().ok()?;
    let minor = fields.get("minor")?.as_i64()?;
    (fields.len() == 2).then(|| Money::new(minor, currency).to_string())
}

fn text(value: &Value) -> String {
    match (said(value), value) {
        (Some(said), _) => said,
        (None, Value::String(text)) => text.clone(),
        (None, Value::Bool(is)) => t(if *is { "yes" } else { "no" }),
        (None, Value::Null) => String::new(),
        (None, other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(before: Value, after: Value) -> Vec<(String, Option<String>, Option<String>)> {
        changes(Some(&before), Some(&after)).into_iter().map(|c| (c.field, c.before, c.after)).collect()
    }

    #[test]
    fn only_what_changed_is_told() {
        let before =
            json!({ "name": "Bread", "price": { "minor": 320, "currency": "GBP" }, "lines": [{ "q": "1" }, { "q": "2" }], "gone": 1 });
        let after = json!({ "name": "Bread", "price": { "minor": 340, "currency": "GBP" }, "lines": [{ "q": "1" }, { "q": "3" }, "new"] });
        let some = |text: &str| Some(text.to_owned());
        let pounds = |minor| Some(Money::new(minor, "GBP".parse().unwrap()).to_string());
        let mut all = told(before, after);
        all.sort();
        let expected = [
            ("gone".to_owned(), some("1"), None),
            ("lines.2.q".to_owned(), some("2"), some("3")),
            ("lines.3".to_owned(), None, some("new")),
            ("price".to_owned(), pounds(320), pounds(340)),
        ];
        assert_eq!(all, expected);
    }

    #[test]
    fn of_something_new_all_is_told_and_a_long_change_ends_somewhere() {
        assert_eq!(changes(None, Some(&json!({ "name": "Bread", "active": null, "price": 3 }))).len(), 2);
        assert_eq!(changes(None, Some(&json!((0..1000).collect::<Vec<_>>()))).len(), MOST);
        assert_eq!(changes(None, None), []);
        assert_eq!(told(json!({ "name": { "erased": true } }), json!({ "name": "Ada" })).len(), 1);
    }

    #[test]
    fn pay_is_for_those_who_may_see_it() {
        let mut value = json!({ "lines": [{ "cost": 7 }], "profile": { "pay": { "minor": 1 }, "name": "Ada" } });
        mask(&mut value, Permissions::NONE.with(Permission::CostRead));
        assert_eq!(value, json!({ "lines": [{ "cost": 7 }], "profile": { "pay": { "masked": true }, "name": "Ada" } }));
    }
}
