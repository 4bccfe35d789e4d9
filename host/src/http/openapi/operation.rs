//! One operation of the OpenAPI document, from a route's declaration.

use std::collections::BTreeMap;

use axum::http::Method;
use serde_json::{Map, Value, json};

use crate::http::openapi::schemas::Schemas;
use crate::http::problem::ProblemBody;
use crate::http::route::query::Parameter;
use crate::http::route::{Access, COMMUNITY, Content, LAST_EVENT_ID, Once, Route, RouteBody};

const KEY: &str = "Idempotency-Key";
const JSON: &str = "application/json";
const PROBLEM: &str = "application/problem+json";
const STREAM: &str = "text/event-stream";

pub fn add(paths: &mut Map<String, Value>, path: &str, route: &Route, operation: Value) {
    if let Some(item) = paths.entry(path).or_insert_with(|| json!({})).as_object_mut() {
        item.insert(route.method.as_str().to_ascii_lowercase(), operation);
    }
}

pub fn operation(route: &Route, schemas: &mut Schemas) -> Value {
    let mut parameters: Vec<_> = names_in(route.path).map(|name| parameter("path", name)).collect();
    parameters.extend(route.query.iter().map(queried));
    if route.method == Method::POST && matches!(route.once, Once::Yes) {
        parameters.push(parameter("header", KEY));
    }
    parameters.extend(route.headers.iter().map(|name| parameter("header", name)));
    let mut operation = json!({
        "tags": [route.tag],
        "summary": route.summary,
        "operationId": route.id,
        "parameters": parameters,
        "responses": responses(route, schemas),
        "security": security(route.access),
    });
    if let Some(body) = route.body {
        operation["requestBody"] = request_body(match body {
            RouteBody::Of(schema) => schemas.of_body(schema()),
            RouteBody::Any => json!({}),
        });
    }
    operation
}

fn queried(one: &Parameter) -> Value {
    let schema = one.kind.schema();
    let mut shown =
        json!({ "name": one.name, "in": "query", "required": one.is_needed, "schema": schema });
    if let Some(note) = one.note {
        shown["description"] = json!(note);
    }
    shown
}

/// The names in braces.
fn names_in(path: &str) -> impl Iterator<Item = &str> {
    path.split('{').skip(1).filter_map(|rest| Some(rest.split('}').next()?.trim_start_matches('*')))
}

/// A key with that scope is needed once there is one. For a plugin's route the plugin decides.
fn security(access: Access) -> Value {
    match access {
        Access::Key(scope) => json!([{ "key": [scope.name()] }]),
        Access::AnyKey => json!([{ "key": [] }]),
        Access::Public => json!([]),
        Access::OfPlugin => json!([{}, { "key": [] }]),
    }
}

fn parameter(place: &str, name: &str) -> Value {
    let required = place == "path" || name == COMMUNITY;
    json!({ "name": name, "in": place, "required": required, "schema": { "type": "string" } })
}

pub fn request_body(schema: Value) -> Value {
    json!({ "content": { JSON: { "schema": schema } } })
}

/// The answers by status, and the codes of failures.
fn responses(route: &Route, schemas: &mut Schemas) -> Value {
    let mut all: BTreeMap<u16, Response> = BTreeMap::new();
    for answer in &route.answers {
        let response = all.entry(answer.status).or_default();
        response.says.push(if answer.status < 400 { "Success" } else { "It ended so" }.to_owned());
        response.content.extend(content(&answer.content, schemas));
        if route.headers.contains(&LAST_EVENT_ID) {
            response.content.insert(STREAM.to_owned(), json!({ "schema": { "type": "string" } }));
        }
    }
    let problem = schemas.of::<ProblemBody<'static>>();
    for (status, code) in route.failures() {
        let response = all.entry(status).or_default();
        response.says.push(format!("`{code}`"));
        response.content.insert(PROBLEM.to_owned(), json!({ "schema": problem }));
        if route.is_of_people {
            response
                .content
                .insert("text/html".to_owned(), json!({ "schema": { "type": "string" } }));
        }
    }
    let by_status = all.into_iter().map(|(status, one)| (status.to_string(), one.shown()));
    let mut responses: Map<String, Value> = by_status.collect();
    if route.by_others {
        let description = "What a plugin, or a step of a hook, answers in the place of the host";
        responses.insert("default".to_owned(), json!({ "description": description }));
    }
    Value::Object(responses)
}

/// The response with one status, under construction.
#[derive(Default)]
struct Response {
    says: Vec<String>,
    content: Map<String, Value>,
}

impl Response {
    fn shown(self) -> Value {
        let mut shown = json!({ "description": self.says.join(", ") });
        if !self.content.is_empty() {
            shown["content"] = Value::Object(self.content);
        }
        shown
    }
}

fn content(content: &Content, schemas: &mut Schemas) -> Option<(String, Value)> {
    let (kind, schema) = match content {
        Content::Nothing => return None,
        Content::Json(shape) => (JSON, schemas.of_shape(*shape)),
        Content::Any => (JSON, json!({})),
        Content::Text(kind) => (*kind, json!({ "type": "string" })),
    };
    Some((kind.to_owned(), json!({ "schema": schema })))
}
