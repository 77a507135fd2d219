//! The API's description, made from the route table.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::{Answers, App, Route, routes::Described};
use db::list::{Kind, List, camel};

/// OpenAPI 3.1 of every JSON route.
pub fn document(app: &App) -> Value {
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    let mut schemas: BTreeMap<String, Value> = BTreeMap::new();
    schemas.insert("Problem".into(), problem());
    for route in app.routes().iter().filter(|r| r.answers == Answers::Json) {
        for described in [&route.takes, &route.gives].into_iter().flatten() {
            describe(described, &mut schemas);
        }
        paths.entry(route.path).or_default().insert(route.method.as_str().to_lowercase(), operation(route));
    }
    json!({
        "openapi": "3.1.0",
        "info": { "title": "Hearth", "version": env!("CARGO_PKG_VERSION"), "description": "Every call that changes something takes an Idempotency-Key: the same key with the same content is answered again and done once. Calls that a cookie signs in carry X-CSRF-Token." },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": { "session": { "type": "apiKey", "in": "cookie", "name": "__Host-hearth" } }
        }
    })
}

fn describe(described: &Described, schemas: &mut BTreeMap<String, Value>) {
    let one = |schema: &utoipa::openapi::RefOr<utoipa::openapi::Schema>| serde_json::to_value(schema).unwrap_or(Value::Null);
    schemas.insert(described.name.clone(), one(&described.schema));
    for (name, schema) in &described.others {
        schemas.insert(name.clone(), one(schema));
    }
}

fn operation(route: &Route) -> Value {
    let mut parameters: Vec<Value> = route
        .path
        .split('/')
        .filter_map(|p| p.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
        .collect();
    parameters.extend(route.query.iter().map(|name| json!({ "name": name, "in": "query", "schema": { "type": "string" } })));
    parameters.extend(route.list.iter().flat_map(|list| list_parameters(list)));
    let id = format!("{} {}", route.method.as_str().to_lowercase(), route.path);
    let mut operation = json!({
        "operationId": id.replace(['/', ' ', '{', '}', '.'], "_").replace("__", "_"),
        "summary": route.name,
        "tags": [route.slice],
        "x-permission": route.needs.code(),
        "parameters": parameters,
        "responses": {
            "200": { "description": "Done", "content": { "application/json": { "schema": answer(route) } } },
            "default": { "description": "Refused", "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } } }
        }
    });
    if route.needs != kernel::Permission::Open {
        operation["security"] = json!([{ "session": [] }]);
    }
    if let Some(takes) = &route.takes {
        operation["requestBody"] = json!({ "required": true, "content": { "application/json": { "schema": reference(takes) } } });
    }
    operation
}

fn reference(described: &Described) -> Value {
    json!({ "$ref": format!("#/components/schemas/{}", described.name) })
}

fn answer(route: &Route) -> Value {
    match (&route.gives, route.list) {
        (Some(gives), _) => reference(gives),
        (None, Some(list)) => list_answer(list),
        (None, None) => json!({}),
    }
}

fn list_parameters(list: &List) -> Vec<Value> {
    let text = |name: &str, about: &str| json!({ "name": name, "in": "query", "description": about, "schema": { "type": "string" } });
    let sorts: Vec<String> = list.sorts.iter().flat_map(|s| [s.name.to_owned(), format!("-{}", s.name)]).collect();
    let mut all = vec![
        json!({ "name": "sort", "in": "query", "schema": { "type": "string", "enum": sorts } }),
        text("cursor", "Where the page before ended"),
        json!({ "name": "limit", "in": "query", "schema": { "type": "integer", "minimum": 1, "maximum": db::list::MOST } }),
        json!({ "name": "format", "in": "query", "schema": { "type": "string", "enum": ["json", "csv", "xlsx"] } }),
    ];
    all.extend(list.filters.iter().map(|f| text(f.name, "Filter")));
    all
}

fn list_answer(list: &List) -> Value {
    let columns: Map<String, Value> = list
        .columns
        .iter()
        .map(|c| {
            let schema = match c.kind {
                Kind::Whole | Kind::Money => json!({ "type": ["integer", "null"], "format": "int64" }),
                Kind::Flag => json!({ "type": ["boolean", "null"] }),
                Kind::Id => json!({ "type": ["string", "null"], "format": "uuid" }),
                Kind::Day => json!({ "type": ["string", "null"], "format": "date" }),
                Kind::Time => json!({ "type": ["string", "null"], "format": "date-time" }),
                Kind::Text | Kind::Quantity => json!({ "type": ["string", "null"] }),
            };
            (camel(c.name), schema)
        })
        .collect();
    json!({ "type": "object", "required": ["rows"], "properties": {
        "rows": { "type": "array", "items": { "type": "object", "properties": columns } },
        "next": { "type": ["string", "null"], "description": "The next page's cursor" }
    } })
}

fn problem() -> Value {
    json!({
        "type": "object",
        "required": ["type", "title", "status", "code", "requestId"],
        "properties": {
            "type": { "type": "string" }, "title": { "type": "string" }, "status": { "type": "integer" },
            "code": { "type": "string", "enum": kernel::CODES.iter().map(|c| c.code).chain(["invalid", "internal"]).collect::<Vec<_>>() },
            "detail": { "type": "string" }, "requestId": { "type": "string" },
            "errors": { "type": "array", "items": { "type": "object", "properties": {
                "field": { "type": "string" }, "code": { "type": "string" }, "text": { "type": "string" } } } }
        }
    })
}
