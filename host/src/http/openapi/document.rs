//! The OpenAPI 3.1 document: the table of routes, and a path of its own for each action and process of
//! the plugins that serve.

use serde_json::{Map, Value, json};

use super::routes::{ROUTES, Route};
use crate::plugins::Plugin;

/// Headers that choose community and instance.
const COMMUNITY: &str = "X-Metagov-Community";
const PLATFORM: &str = "X-Metagov-Platform-Id";

pub fn document(plugins: &[std::sync::Arc<Plugin>]) -> Value {
    let (mut paths, mut schemas) = (Map::new(), components());
    for route in ROUTES {
        // OpenAPI has no name for the rest of a path.
        let path = route.path.replace("{*", "{");
        add(&mut paths, &path, route.method, operation(route));
    }
    for plugin in plugins {
        add_plugin(plugin, &mut paths, &mut schemas);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Moothall",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "A plugin host for communities. Failures are `application/problem+json` (RFC 9457).",
        },
        "servers": [{ "url": "/" }],
        "security": [{}, { "key": [] }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": { "key": { "type": "http", "scheme": "bearer" } },
            "responses": { "Problem": {
                "description": "What went wrong",
                "content": { "application/problem+json": { "schema": reference("Problem") } },
            } },
        },
    })
}

fn add(paths: &mut Map<String, Value>, path: &str, method: &str, operation: Value) {
    if let Some(item) = paths.entry(path).or_insert_with(|| json!({})).as_object_mut() {
        item.insert(method.to_owned(), operation);
    }
}

fn operation(route: &Route) -> Value {
    let mut parameters: Vec<_> = names_in(route.path).map(|name| parameter("path", name)).collect();
    parameters.extend(route.query.iter().map(|name| parameter("query", name)));
    if route.path.contains("/{target}") && route.method == "post"
        || route.path.ends_with("/plugin/{name}")
    {
        parameters.push(parameter("header", COMMUNITY));
        parameters.push(parameter("header", PLATFORM));
    }
    let (status, schema) = route.answer;
    let mut operation = json!({
        "tags": [route.tag],
        "summary": route.summary,
        "operationId": operation_id(route.method, route.path),
        "parameters": parameters,
        "responses": responses(status, schema.map(schema_of)),
    });
    if let Some(body) = route.body {
        operation["requestBody"] = request_body(schema_of(body));
    }
    operation
}

/// The names in braces.
fn names_in(path: &str) -> impl Iterator<Item = &str> {
    path.split('{').skip(1).filter_map(|rest| Some(rest.split('}').next()?.trim_start_matches('*')))
}

fn operation_id(method: &str, path: &str) -> String {
    let words = path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.fold(method.to_owned(), |id, word| format!("{id}_{word}"))
}

fn parameter(place: &str, name: &str) -> Value {
    let required = place == "path" || name == COMMUNITY;
    json!({ "name": name, "in": place, "required": required, "schema": { "type": "string" } })
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

fn schema_of(name: &str) -> Value {
    if name == "*" { json!({}) } else { reference(name) }
}

fn request_body(schema: Value) -> Value {
    json!({ "content": { "application/json": { "schema": schema } } })
}

fn responses(status: u16, schema: Option<Value>) -> Value {
    let mut success = json!({ "description": "Success" });
    if let Some(schema) = schema {
        success["content"] = json!({ "application/json": { "schema": schema } });
    }
    json!({ status.to_string(): success, "default": { "$ref": "#/components/responses/Problem" } })
}

fn add_plugin(plugin: &Plugin, paths: &mut Map<String, Value>, schemas: &mut Map<String, Value>) {
    let headers = [parameter("header", COMMUNITY), parameter("header", PLATFORM)];
    for action in &plugin.manifest.actions {
        let name = format!("{}.{}", plugin.name, action.slug);
        let parameters =
            keep(schemas, &format!("{name}.parameters"), action.parameters_schema.as_ref());
        let response = keep(schemas, &format!("{name}.response"), action.response_schema.as_ref());
        let mut prefixes = vec!["/api/internal/action"];
        prefixes.extend(action.public.then_some("/api/action"));
        for prefix in prefixes {
            let path = format!("{prefix}/{name}");
            let body = json!({ "type": "object", "properties": { "parameters": parameters } });
            let operation = json!({
                "tags": [plugin.name],
                "summary": action.description,
                "operationId": operation_id("post", &path),
                "parameters": headers,
                "requestBody": request_body(body),
                "responses": responses(200, Some(response.clone())),
            });
            add(paths, &path, "post", operation);
        }
    }
    for process in &plugin.manifest.processes {
        let name = format!("{}.{}", plugin.name, process.name);
        let parameters =
            keep(schemas, &format!("{name}.parameters"), process.parameters_schema.as_ref());
        keep(schemas, &format!("{name}.outcome"), process.outcome_schema.as_ref());
        let path = format!("/api/internal/process/{name}");
        let operation = json!({
            "tags": [plugin.name],
            "summary": process.description,
            "operationId": operation_id("post", &path),
            "parameters": headers,
            "requestBody": request_body(parameters),
            "responses": responses(202, Some(reference("Process"))),
        });
        add(paths, &path, "post", operation);
    }
}

/// Keeps a plugin's schema among the components, its own references led there; what refers to it.
fn keep(schemas: &mut Map<String, Value>, name: &str, schema: Option<&Value>) -> Value {
    let Some(schema) = schema else { return json!({}) };
    let mut schema = schema.clone();
    if let Some(object) = schema.as_object_mut() {
        object.remove("$schema");
        object.remove("$id");
    }
    lead(&mut schema, &format!("#/components/schemas/{name}"));
    schemas.insert(name.to_owned(), schema);
    reference(name)
}

fn lead(schema: &mut Value, root: &str) {
    match schema {
        Value::Object(object) => {
            for (key, value) in object {
                match value {
                    Value::String(text) if key == "$ref" && text.starts_with('#') => {
                        *text = format!("{root}{}", &text[1..]);
                    }
                    _ => lead(value, root),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| lead(item, root)),
        _ => {}
    }
}

fn components() -> Map<String, Value> {
    let text = || json!({ "type": "string" });
    let maybe = |kind: &str| json!({ "type": [kind, "null"] });
    let schemas = json!({
        "Problem": { "type": "object", "required": ["type", "title", "status", "detail", "code", "request_id"],
            "properties": { "type": text(), "title": text(), "status": { "type": "integer" }, "detail": text(),
                "code": text(), "request_id": text(),
                "errors": { "type": "array", "items": { "type": "object", "properties": { "path": text(), "message": text() } } } } },
        "Plugin": { "type": "object", "required": ["name"], "properties": { "name": text(), "config": { "type": "object" } } },
        "CommunityChange": { "type": "object", "properties": { "slug": text(), "name": text(), "readable_name": text(),
            "plugins": { "type": "array", "items": reference("Plugin") } } },
        "Instance": { "type": "object", "properties": { "id": { "type": "integer" }, "name": text(), "config": { "type": "object" },
            "community": text(), "community_platform_id": maybe("string"), "auth_type": maybe("string") } },
        "Community": { "type": "object", "properties": { "slug": text(), "name": text(), "readable_name": text(),
            "plugins": { "type": "array", "items": reference("Instance") } } },
        "ActionCall": { "type": "object", "properties": { "parameters": { "type": "object" } } },
        "Process": { "type": "object", "properties": { "id": text(), "name": text(), "community": text(),
            "status": { "enum": ["created", "pending", "completed"] }, "url": maybe("string"), "errors": {}, "outcome": {},
            "closing_at": maybe("string") } },
        "NewEvent": { "type": "object", "required": ["community", "event_type", "data"], "properties": { "community": text(),
            "source": text(), "event_type": text(), "data": {}, "initiator": {}, "dedupe_key": text() } },
        "Endpoint": { "type": "object", "required": ["url"], "properties": { "id": text(), "url": text(), "description": text(),
            "community": text(), "event_types": { "type": "array", "items": text() },
            "format": { "enum": ["metagov", "standard", "openedx"] }, "use_www_form_encoding": { "type": "boolean" },
            "headers": { "type": "object" }, "ordering": { "enum": ["fifo", "unordered"] }, "timeout_ms": { "type": "integer" },
            "enabled": { "type": "boolean" }, "secret": text() } },
    });
    schemas.as_object().cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_of_a_plugins_schema_are_led_to_where_it_stands() {
        let schema = json!({ "$schema": "x", "$defs": { "A": { "$ref": "#" } }, "items": [{ "$ref": "#/$defs/A" }] });
        let mut schemas = Map::new();
        keep(&mut schemas, "p.a.parameters", Some(&schema));
        let kept = &schemas["p.a.parameters"];
        assert_eq!(kept["items"][0]["$ref"], "#/components/schemas/p.a.parameters/$defs/A");
        assert_eq!(kept["$defs"]["A"]["$ref"], "#/components/schemas/p.a.parameters");
        assert_eq!(kept.get("$schema"), None);
    }

    #[test]
    fn operation_ids_are_unique() {
        let document = document(&[]);
        let mut ids = std::collections::BTreeSet::new();
        for item in document["paths"].as_object().into_iter().flat_map(|paths| paths.values()) {
            for operation in item.as_object().into_iter().flat_map(|item| item.values()) {
                assert!(
                    ids.insert(operation["operationId"].to_string()),
                    "{}",
                    operation["operationId"]
                );
            }
        }
    }
}
