//! JSON bodies into commands; what can't be read is refused by code and field.

use axum::http::header;
use kernel::{Error, FieldError, Result};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{Cx, t, tf};

/// The command that body and path make together. Unknown fields are refused by name.
pub(crate) fn command<C: DeserializeOwned>(cx: &Cx) -> Result<C> {
    let mut fields = object(cx)?;
    for (name, value) in &cx.path {
        if fields.get(name).is_some_and(|said| said != value) {
            return Err(Error::field(name.clone(), "body.path_differs"));
        }
        fields.insert(name.clone(), Value::String(value.clone()));
    }
    let value = Value::Object(fields);
    refuse_control(&value, &mut Vec::new())?;
    serde_path_to_error::deserialize(&value).map_err(|error| {
        // `lines[0].quantity` as forms and rules name it: `lines.0.quantity`.
        let path = error.path().to_string().replace('[', ".").replace(']', "");
        let field = if path == "." { String::new() } else { path.trim_start_matches('.').to_owned() };
        if cx.path.iter().any(|(name, _)| *name == field) { Error::NotFound } else { field_error(field, &error.inner().to_string()) }
    })
}

fn object(cx: &Cx) -> Result<Map<String, Value>> {
    if cx.body.is_empty() {
        return Ok(Map::new());
    }
    let content_type = cx.headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        return Err(Error::rule("body.type"));
    }
    match serde_json::from_slice(&cx.body) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err(Error::rule("body.json").because(t("body-why-object"))),
        Err(error) => {
            let (line, column) = (error.line().to_string(), error.column().to_string());
            Err(Error::rule("body.json").because(tf("body-why-place", &[("line", &line), ("column", &column)])))
        }
    }
}

/// Reads serde's message into one of the codes, with the name of the field at fault.
fn field_error(path: String, message: &str) -> Error {
    let named = |marker: &str| message.split_once(marker).and_then(|(_, rest)| rest.split('`').next());
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    let (field, code) = if let Some(name) = named("unknown field `") {
        // The path may already end with the name.
        (if path == name || path.ends_with(&format!(".{name}")) { path.clone() } else { below(name) }, "body.unknown_field")
    } else if let Some(name) = named("missing field `") {
        (below(name), "body.missing_field")
    } else if let Some(row) = kernel::CODES.iter().find(|row| row.text() == message) {
        // A value that reads itself refuses with the text of its own code.
        (path, row.code)
    } else {
        (path, "body.wrong_type")
    };
    let detail = (code == "body.wrong_type").then(|| first_sentence(message));
    Error::Invalid(vec![FieldError { field, code: kernel::code(code).map_or("invalid", |row| row.code), detail }])
}

fn first_sentence(message: &str) -> String {
    message.split(" at line ").next().unwrap_or(message).chars().take(200).collect()
}

/// PostgreSQL writes no NUL; nobody means one.
fn refuse_control(value: &Value, path: &mut Vec<String>) -> Result<()> {
    match value {
        Value::String(text) if text.contains('\0') => Err(Error::field(path.join("."), "text.control")),
        Value::Array(list) => list.iter().enumerate().try_for_each(|(i, item)| {
            path.push(i.to_string());
            let result = refuse_control(item, path);
            path.pop();
            result
        }),
        Value::Object(fields) => fields.iter().try_for_each(|(name, item)| {
            path.push(name.clone());
            let result = if name.contains('\0') { Err(Error::field(path.join("."), "text.control")) } else { refuse_control(item, path) };
            path.pop();
            result
        }),
        _ => Ok(()),
    }
}
