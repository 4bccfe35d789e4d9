//! The host's own request bodies: each is checked by its shape before its route reads it. Bodies that are a plugin's
//! (parameters of a process, a config) have the plugin's schemas.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::http::middleware::shapes::shapes;
use moothall_core::clock::A_MOMENT;
use moothall_core::config::nearest;
use moothall_engine::plugins::schema::{SchemaLimits, shortened};
use moothall_engine::plugins::{Bounds, Room, Schema, Violation};

/// What a shape is made for, in bytes: none has a pattern whose cost would depend on it.
const VALUE_BYTES: usize = 1 << 20;
/// Longest value that a refusal repeats, in characters.
const SHOWN: usize = 100;
/// What a shape does not have, and where it is asked for: shape, member, and what to do.
const ELSEWHERE: [(&str, &str, &str); 2] = [
    (
        "EndpointChange",
        "secret",
        "a secret is not put; POST /api/internal/endpoints/{id}/rotate-secret makes another",
    ),
    (
        "StepChange",
        "secret",
        "a secret is not put; delete the step, and POST one with another secret",
    ),
];

/// The shapes by their names, each with its checked schema.
static BODIES: LazyLock<BTreeMap<String, Schema>> = LazyLock::new(|| {
    let limits = SchemaLimits::DEFAULT;
    let bounds = Bounds::new(&limits, VALUE_BYTES);
    let compile = |document: &Value| {
        Schema::compile(document, &bounds, &mut Room::new(&limits))
            .expect("a test compiles each of the host's own shapes")
    };
    shapes().iter().map(|(name, document)| (name.clone(), compile(document))).collect()
});

/// A body of that shape with its integers written as integers; or what is wrong with it: what the host does not know in
/// it, or else what its schema refuses. `text` is JSON that can be carried.
pub fn checked(shape: &str, text: String) -> Result<String, Vec<Violation>> {
    let Some(schema) = BODIES.get(shape) else { return Ok(text) };
    let body: Value = serde_json::from_str(&text).unwrap_or_default();
    let mut unknown = Vec::new();
    look_for_unknown(schema.document(), &body, "", &mut unknown);
    for fault in &mut unknown {
        better(shape, &body, fault);
    }
    if !unknown.is_empty() {
        return Err(unknown);
    }
    schema.checked(text).map_err(|faults| {
        let explained = faults.into_iter().map(|fault| explained(schema.document(), &body, fault));
        let mut all: Vec<Violation> = explained.collect();
        // A number may break several rules of what is one sentence.
        all.dedup();
        all
    })
}

/// Says more of a member that is not known, where it is known what it is meant for.
fn better(shape: &str, body: &Value, fault: &mut Violation) {
    let name = fault.path.trim_start_matches('/');
    let elsewhere = ELSEWHERE.iter().find(|(of, member, _)| *of == shape && *member == name);
    if let Some((_, _, what)) = elsewhere {
        fault.message = (*what).to_owned();
    }
    let is_unwrapped = shape == "ActionCall" && body.get("parameters").is_none();
    if is_unwrapped && !name.to_ascii_lowercase().starts_with("param") {
        fault.message = format!(
            "the parameters of an action are wrapped: {{\"parameters\": {{\"{name}\": …}}}}"
        );
    }
}

/// What was expected, in place of how the value breaks one rule of the schema, where that is a number or a time.
fn explained(schema: &Value, body: &Value, fault: Violation) -> Violation {
    let (Some(described), Some(value)) =
        (described(schema, &fault.path), body.pointer(&fault.path))
    else {
        return fault;
    };
    let wanted = match (described["minimum"].as_number(), described["maximum"].as_number()) {
        (Some(_), Some(most)) if described.get("pattern").is_some() => {
            format!("the id of a person, a whole number of 1 to {most}")
        }
        (Some(least), Some(most)) => format!("a whole number of {least} to {most}"),
        _ if described["format"] == "date-time" => A_MOMENT.to_owned(),
        _ => return fault,
    };
    let value: String = shortened(value).chars().take(SHOWN).collect();
    Violation { message: format!("{value} is not {wanted}"), ..fault }
}

/// What a schema says of the place that a pointer leads to.
fn described<'s>(schema: &'s Value, pointer: &str) -> Option<&'s Value> {
    pointer.split('/').skip(1).try_fold(schema, |schema, step| {
        let name = step.replace("~1", "/").replace("~0", "~");
        schema.get("properties").map_or_else(|| schema.get("items"), |of| of.get(&name))
    })
}

/// Whether a plugin's schema knows no member of that name, and yet an object of that name was given.
pub fn is_wrapped(schema: &Value, member: &str, given: Option<&RawValue>) -> bool {
    let properties = schema["properties"].as_object();
    given.is_some_and(|given| given.get().starts_with('{'))
        && properties.is_some_and(|known| !known.contains_key(member))
}

/// Members that no schema names, each with the nearest that one does.
fn look_for_unknown(schema: &Value, value: &Value, place: &str, found: &mut Vec<Violation>) {
    match (schema.get("properties").and_then(Value::as_object), value) {
        (Some(properties), Value::Object(members)) => {
            let is_closed = schema["additionalProperties"] == false;
            for (name, value) in members {
                let place = format!("{place}/{}", name.replace('~', "~0").replace('/', "~1"));
                match properties.get(name) {
                    Some(schema) => look_for_unknown(schema, value, &place, found),
                    None if is_closed => found.push(unknown(schema, members, name, place)),
                    None => {}
                }
            }
        }
        (None, Value::Array(items)) => {
            for (at, item) in items.iter().enumerate() {
                look_for_unknown(&schema["items"], item, &format!("{place}/{at}"), found);
            }
        }
        _ => {}
    }
}

fn unknown(schema: &Value, given: &Map<String, Value>, name: &str, path: String) -> Violation {
    let known = schema["properties"].as_object().into_iter().flatten();
    let known: Vec<&str> = known
        .filter(|(_, schema)| schema["readOnly"] != true)
        .map(|(name, _)| name.as_str())
        .collect();
    let meant = match nearest(name, &known) {
        near if near.is_empty() => missing(schema, given),
        near => near,
    };
    Violation { path, message: format!("no member of that name is known here{meant}") }
}

/// `; did you mean …?`, if one member is missing.
fn missing(schema: &Value, given: &Map<String, Value>) -> String {
    let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let missing: Vec<&str> = required.filter(|name| !given.contains_key(*name)).collect();
    match missing.as_slice() {
        [one] => format!("; did you mean `{one}`, which is missing?"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn faults(shape: &str, body: &Value) -> Vec<Violation> {
        checked(shape, body.to_string()).err().unwrap_or_default()
    }

    #[test]
    fn what_is_unknown_is_told_with_its_place_and_the_nearest_that_is_known() {
        let body = json!({ "plugins": [{ "name": "a" }, { "name": "b", "confg": {} }] });
        let faults = faults("CommunityChange", &body);
        let [fault] = faults.as_slice() else { panic!("{faults:?}") };
        assert_eq!(fault.path, "/plugins/1/confg");
        assert!(fault.message.ends_with("did you mean `config`?"), "{}", fault.message);
    }

    #[test]
    fn what_an_answer_shows_may_be_sent_back() {
        let shown = json!({ "slug": "acme", "name": "acme", "readable_name": "", "plugins": [{ "id": 1, "name": "a",
            "config": {}, "community": "acme", "community_platform_id": null, "auth_type": "none" }] });
        assert_eq!(faults("CommunityChange", &shown), []);
    }
}
