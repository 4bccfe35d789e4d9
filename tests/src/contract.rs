//! `/openapi.json` as a contract: every answer of a host that a test reads is held against what the document says of the
//! methods of that path, so that the document promises nothing that is not so, and keeps nothing back.
//!
//! The document is the one of the host on which `prepared` tries every guest. Objects that it describes are closed here:
//! a member that it does not name is a mistake of the document's, which clients would have to bear.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use jsonschema::Validator;
use serde_json::{Map, Value, json};

use crate::{Answer, prepared};

static CONTRACT: LazyLock<Contract> = LazyLock::new(load);

/// Paths whose last parameter stands for all the rest.
const TO_THE_END: [&str; 2] = ["/api/plugins/{path}", "/docs/{file}"];
/// Kinds of targets that have paths of their own, which plugins of tests share and change.
const TARGETS: [&str; 3] = ["/api/internal/action/", "/api/action/", "/api/internal/process/"];

struct Contract {
    paths: Map<String, Value>,
    components: Value,
    /// By the schema's text.
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

/// Fails the test if no method of that path is answered so. Which one was asked for is not known any more: the client
/// keeps of a request only where it went.
pub fn hold(path: &str, answer: &Answer) {
    if let Err(broken) = CONTRACT.check(path, answer) {
        let Answer { status, text, .. } = answer;
        panic!("{path} was answered with {status}, and /openapi.json {broken}: {text}");
    }
}

fn load() -> Contract {
    let text = prepared::document();
    let mut document: Value = serde_json::from_str(&text).expect("the document is JSON");
    let Value::Object(mut paths) = document["paths"].take() else { panic!("no paths: {text}") };
    paths.retain(|path, _| {
        !(path.contains('.') && TARGETS.iter().any(|kind| path.starts_with(kind)))
    });
    let mut components = document["components"].take();
    for (name, schema) in components["schemas"].as_object_mut().into_iter().flatten() {
        // What has a dot in its name is a plugin's.
        if !name.contains('.') {
            close(schema);
        }
    }
    Contract { paths, components, validators: Mutex::default() }
}

fn close(schema: &mut Value) {
    if schema["properties"].is_object() && schema.get("additionalProperties").is_none() {
        schema["additionalProperties"] = json!(false);
    }
    match schema {
        Value::Object(members) => members.values_mut().for_each(close),
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

impl Contract {
    fn check(&self, path: &str, answer: &Answer) -> Result<(), String> {
        // The answer to a HEAD, which says how long a body would be, or to a method that is not there.
        let is_of_head = answer.text.is_empty() && answer.header("content-length") != "0";
        if answer.status == 405 || is_of_head {
            return Ok(());
        }
        let Some(place) = self.place(path) else {
            return require(answer.status >= 400, "has no such path");
        };
        let checked = place.iter().map(|(method, operation)| {
            let checked = self.check_operation(operation, answer);
            checked.map_err(|broken| format!("of {method} {broken}"))
        });
        let broken: Vec<String> = checked.filter_map(Result::err).collect();
        require(broken.len() < place.len(), &broken.join(", "))
    }

    fn check_operation(&self, operation: &Value, answer: &Answer) -> Result<(), String> {
        let responses = &operation["responses"];
        // A plugin's own response, or a hook's.
        let is_others = answer.header("content-security-policy").contains("sandbox");
        if responses["default"].is_object() && (is_others || answer.json()["code"] == "prevented") {
            return Ok(());
        }
        let response = &responses[answer.status.to_string()];
        require(response.is_object(), "has no such status there")?;
        self.check_body(response, answer)
    }

    fn check_body(&self, response: &Value, answer: &Answer) -> Result<(), String> {
        let kind = answer.header("content-type").split(';').next().unwrap_or_default().trim();
        let content = &response["content"];
        if answer.text.is_empty() {
            let is_perhaps = content["application/json"]["schema"] == json!({});
            return require(
                content.is_null() || is_perhaps || kind.starts_with("text/"),
                "has a body there",
            );
        }
        let of_kind = content.get(kind).or_else(|| content.get("*/*"));
        let schema = of_kind.ok_or_else(|| format!("has no {kind:?} there"))?["schema"].clone();
        if kind == "application/problem+json" {
            let code = answer.json()["code"].as_str().unwrap_or_default().to_owned();
            let code = if code.starts_with("plugin:") { "plugin:…" } else { &code };
            let said = response["description"].as_str().unwrap_or_default();
            require(said.contains(&format!("`{code}`")), "does not list the code")?;
        }
        if kind.ends_with("json") { self.validate(schema, &answer.json()) } else { Ok(()) }
    }

    fn validate(&self, schema: Value, body: &Value) -> Result<(), String> {
        let validator = self.validator(schema);
        let wrong = validator.iter_errors(body).next();
        wrong.map_or(Ok(()), |wrong| {
            Err(format!("says otherwise at {:?}: {wrong}", wrong.instance_path().to_string()))
        })
    }

    fn validator(&self, mut schema: Value) -> Arc<Validator> {
        let mut known = self.validators.lock().unwrap_or_else(PoisonError::into_inner);
        let made = known.entry(schema.to_string()).or_insert_with(|| {
            schema["components"] = self.components.clone();
            Arc::new(jsonschema::validator_for(&schema).expect("a schema of the document"))
        });
        made.clone()
    }

    /// What is said of that path: of all that fit, what names most of it.
    fn place(&self, path: &str) -> Option<&Map<String, Value>> {
        let fitting = self.paths.iter().filter(|(template, _)| fits(template, path));
        let best = fitting.min_by_key(|(template, _)| template.matches('{').count());
        best.and_then(|(_, item)| item.as_object())
    }
}

fn fits(template: &str, path: &str) -> bool {
    if TO_THE_END.contains(&template) {
        let before = template.split('{').next().unwrap_or_default();
        return path.len() > before.len() && path.starts_with(before);
    }
    let (wanted, given) = (template.split('/'), path.split('/'));
    wanted.clone().count() == given.clone().count()
        && wanted
            .zip(given)
            .all(|(wanted, given)| wanted == given || wanted.starts_with('{') && !given.is_empty())
}

fn require(holds: bool, otherwise: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise.to_owned()) }
}
