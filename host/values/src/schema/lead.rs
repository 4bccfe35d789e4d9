//! Where a JSON Pointer leads, by the schema of the value. For pointers that authors and operators write by
//! hand.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::places::{Place, escape};
use super::references::{References, SchemaId};

/// The most places that are suggested.
const KNOWN: usize = 1_000;
/// The depth to which places are suggested.
const DEPTH: usize = 8;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lead {
    /// To a place that the schema describes or permits.
    Somewhere,
    /// To no place that the schema names; these are the ones that it names.
    Nowhere(Vec<String>),
}

impl Lead {
    pub fn of(document: &Value, pointer: &str) -> Lead {
        let Ok(references) = References::of(document) else { return Lead::Somewhere };
        let Some(steps) = steps(pointer) else { return Lead::Nowhere(known(&references)) };
        let mut here = BTreeSet::from([0]);
        for step in steps {
            here = widened(&references, here);
            let next = below(&references, &here, &step);
            if next.is_empty() {
                let is_open = here.iter().all(|id| says_nothing(&references, *id));
                return if is_open { Lead::Somewhere } else { Lead::Nowhere(known(&references)) };
            }
            here = next;
        }
        Lead::Somewhere
    }
}

/// A value that has a member at the pointer and nothing else. The schema is asked about this place in it.
pub fn sample(pointer: &str) -> Value {
    let steps = steps(pointer).unwrap_or_default();
    steps.iter().rev().fold(json!("x"), |inner, step| json!({ step.as_str(): inner }))
}

/// None if it is no JSON Pointer to a part of a value.
fn steps(pointer: &str) -> Option<Vec<String>> {
    let steps = pointer.strip_prefix('/')?.split('/');
    Some(steps.map(|step| step.replace("~1", "/").replace("~0", "~")).collect())
}

/// The schemas, and all others that describe the same value.
fn widened(references: &References, from: BTreeSet<SchemaId>) -> BTreeSet<SchemaId> {
    let mut waiting: Vec<SchemaId> = from.iter().copied().collect();
    let mut all = from;
    while let Some(id) = waiting.pop() {
        for (place, target) in &references.schemas[id].edges {
            if *place == Place::Same && all.insert(*target) {
                waiting.push(*target);
            }
        }
    }
    all
}

fn below(references: &References, here: &BTreeSet<SchemaId>, step: &str) -> BTreeSet<SchemaId> {
    let index = step.parse::<usize>().ok();
    let edges = here.iter().flat_map(|id| &references.schemas[*id].edges);
    let leads = edges.filter(|(place, target)| match place {
        Place::Property(name) => *name == step,
        // `false` forbids the member.
        Place::OtherProperties => *references.schemas[*target].schema != Value::Bool(false),
        Place::Matching(_) => true,
        Place::Item(at) => index == Some(*at),
        Place::Items => index.is_some(),
        Place::Same | Place::Condition | Place::Names | Place::Elsewhere => false,
    });
    leads.map(|(_, target)| *target).collect()
}

/// Whether a schema says nothing about the members of its value.
fn says_nothing(references: &References, id: SchemaId) -> bool {
    let node = &references.schemas[id];
    let named = node.edges.iter().any(|(place, _)| {
        matches!(place, Place::Property(_) | Place::OtherProperties | Place::Item(_) | Place::Items)
    });
    let holds = |kind: &Value| kind == "object" || kind == "array";
    let may_hold = match node.schema.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().any(holds),
        Some(kind) => holds(kind),
        None => true,
    };
    !named && may_hold
}

/// The places that the schema names.
fn known(references: &References) -> Vec<String> {
    let mut found = Vec::new();
    let mut waiting = vec![(BTreeSet::from([0]), String::new(), 0)];
    while let Some((here, path, depth)) = waiting.pop() {
        if found.len() >= KNOWN || depth == DEPTH {
            continue;
        }
        let here = widened(references, here);
        let edges = here.iter().flat_map(|id| &references.schemas[*id].edges);
        for (place, target) in edges {
            if let Place::Property(name) = place {
                let path = format!("{path}/{}", escape(name));
                found.push(path.clone());
                waiting.push((BTreeSet::from([*target]), path, depth + 1));
            }
        }
    }
    found.truncate(KNOWN);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leads(pointer: &str) -> bool {
        let schema = json!({
            "type": "object",
            "properties": {
                "api_key": { "type": "string" },
                "deep": { "$ref": "#/$defs/Deep" },
                "any": {},
                "list": { "type": "array", "items": { "properties": { "id": {} } } },
                "map": { "additionalProperties": { "properties": { "id": {} } } }
            },
            "$defs": { "Deep": { "anyOf": [{ "type": "null" }, { "properties": { "url": {} } }] } }
        });
        Lead::of(&schema, pointer) == Lead::Somewhere
    }

    #[test]
    fn a_pointer_leads_to_what_the_schema_names_or_leaves_open() {
        for good in ["/api_key", "/deep/url", "/any/thing", "/list/0/id", "/map/x/id"] {
            assert!(leads(good), "{good}");
        }
        for bad in ["", "api_key", "/apikey", "/api_key/x", "/deep/uri", "/list/a", "/map/x/no"] {
            assert!(!leads(bad), "{bad}");
        }
        assert_eq!(Lead::of(&json!({ "type": "object" }), "/anything"), Lead::Somewhere);
        let closed = json!({ "properties": { "a": {} }, "additionalProperties": false });
        assert_eq!(Lead::of(&closed, "/b"), Lead::Nowhere(vec!["/a".to_owned()]));
    }

    #[test]
    fn a_schema_that_holds_itself_has_an_end() {
        let schema = json!({ "properties": { "a": { "$ref": "#" } } });
        assert_eq!(Lead::of(&schema, "/a/a/a"), Lead::Somewhere);
        assert!(matches!(Lead::of(&schema, "/a/b"), Lead::Nowhere(known) if known.len() == 8));
    }
}
