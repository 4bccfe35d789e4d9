//! An operation for each action and process of the plugins that serve: the operation of the shared route, with the
//! plugin's own schemas.

use serde_json::{Map, Value, json};

use crate::http::openapi::operation::{add, operation, request_body};
use crate::http::openapi::schemas::Schemas;
use crate::http::routes::actions::dry_run::DryRun;
use crate::http::routes::processes::callback::CALLBACK_BYTES;
use crate::http::table;
use moothall_engine::plugins::Plugin;
use moothall_engine::plugins::manifest::{ActionManifest, ProcessManifest};

/// One target of a shared route.
struct Target<'a> {
    plugin: &'a Plugin,
    name: &'a str,
    summary: &'a str,
    body: Value,
    /// None if it is that of the shared route.
    answer: Option<Value>,
}

pub fn add_plugin(plugin: &Plugin, paths: &mut Map<String, Value>, schemas: &mut Schemas) {
    for action in &plugin.manifest.actions {
        add_action(plugin, action, paths, schemas);
    }
    for process in &plugin.manifest.processes {
        add_process(plugin, process, paths, schemas);
    }
}

fn add_action(
    plugin: &Plugin,
    action: &ActionManifest,
    paths: &mut Map<String, Value>,
    schemas: &mut Schemas,
) {
    let name = format!("{}.{}", plugin.name, action.slug);
    let parameters = schemas.keep(&format!("{name}.parameters"), action.parameters_schema.as_ref());
    let response = schemas.keep(&format!("{name}.response"), action.response_schema.as_ref());
    let body = json!({ "type": "object", "additionalProperties": false,
        "properties": { "parameters": parameters } });
    let (name, summary) = (action.slug.as_str(), action.description.as_str());
    let of = |answer: Value| {
        let (body, answer) = (body.clone(), Some(answer));
        Target { plugin, name, summary, body, answer }
    };
    if action.public {
        let target = of(response.clone());
        add_target(paths, schemas, ("performPublicAction", "performPublic"), target);
    }
    let or_dry = json!({ "anyOf": [response, schemas.of::<DryRun>()] });
    add_target(paths, schemas, ("performAction", "perform"), of(or_dry));
}

fn add_process(
    plugin: &Plugin,
    process: &ProcessManifest,
    paths: &mut Map<String, Value>,
    schemas: &mut Schemas,
) {
    let name = format!("{}.{}", plugin.name, process.name);
    let body = started(process.parameters_schema.as_ref());
    let body = schemas.keep(&format!("{name}.parameters"), Some(&body));
    schemas.keep(&format!("{name}.outcome"), process.outcome_schema.as_ref());
    let (name, summary) = (process.name.as_str(), process.description.as_str());
    let target = Target { plugin, name, summary, body, answer: None };
    add_target(paths, schemas, ("startProcess", "start"), target);
}

fn add_target(
    paths: &mut Map<String, Value>,
    schemas: &mut Schemas,
    (shared, verb): (&str, &str),
    target: Target<'_>,
) {
    let Some(shared) = table::ALL.routes().find(|route| route.id == shared) else { return };
    let Target { plugin, name, summary, body, answer } = target;
    let path = shared.path.replace("{target}", &format!("{}.{name}", plugin.name));
    let mut operation = operation(shared, schemas);
    if let Some(parameters) = operation["parameters"].as_array_mut() {
        parameters.retain(|one| one["in"] != "path");
    }
    operation["tags"] = json!([plugin.name]);
    operation["summary"] = json!(summary);
    operation["operationId"] = json!(id_of(verb, plugin.name.as_str(), name));
    operation["requestBody"] = request_body(body);
    if let Some(answer) = answer {
        operation["responses"]["200"]["content"]["application/json"]["schema"] = answer;
    }
    add(paths, &path, shared, operation);
}

/// The id of a target's operation: `performTutorialTimes_two`. Names have no capital letters, so that every
/// target has a different id.
fn id_of(verb: &str, plugin: &str, name: &str) -> String {
    let begun = |name: &str| {
        let mut letters = name.chars().map(|letter| if letter == '-' { '_' } else { letter });
        let first = letters.next().map(|first| first.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    };
    format!("{verb}{}{}", begun(plugin), begun(name))
}

/// The body that starts a process: its parameters, and the URL for its driver.
fn started(parameters: Option<&Value>) -> Value {
    let mut schema = parameters.cloned().unwrap_or_else(|| json!({ "type": "object" }));
    let callback = json!({ "type": ["string", "null"], "format": "uri", "maxLength": CALLBACK_BYTES,
        "description": "Where the process is posted to when it changes" });
    if let Some(schema) = schema.as_object_mut() {
        let properties = schema.entry("properties").or_insert_with(|| json!({}));
        properties["callback_url"] = callback;
    }
    schema
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn targets_with_like_names_have_ids_of_their_own() {
        assert_eq!(id_of("perform", "tutorial", "times-two"), "performTutorialTimes_two");
        let likes = [("a-b", "c"), ("a", "b-c"), ("a--b", "c"), ("a", "b--c"), ("ab", "c")];
        let ids: BTreeSet<_> =
            likes.iter().map(|(plugin, name)| id_of("perform", plugin, name)).collect();
        assert_eq!(ids.len(), likes.len(), "{ids:?}");
    }
}
