//! What is no usable schema, and the sentences that say so.

use serde_json::{Value, json};

use super::super::SCHEMA_BYTES;
use super::{compiled, errors};

fn refused(document: Value, path: &str, reason: &str) {
    let errors = errors(document);
    let found = errors.iter().any(|error| error.path == path && error.message.contains(reason));
    assert!(found, "expected {reason:?} at {path:?}, found {errors:#?}");
}

#[test]
fn both_drafts_are_accepted_and_no_other() {
    for accepted in [
        "https://json-schema.org/draft/2020-12/schema",
        "https://json-schema.org/draft/2020-12/schema#",
        "http://json-schema.org/draft-07/schema#",
        "http://json-schema.org/draft-07/schema",
        "https://json-schema.org/draft-07/schema#",
    ] {
        compiled(json!({ "$schema": accepted, "type": "object" }));
    }
    for other in ["http://json-schema.org/draft-04/schema#", "https://example.com/meta"] {
        refused(
            json!({ "$schema": other }),
            "/$schema",
            "\"http://json-schema.org/draft-07/schema#\"",
        );
        let embedded =
            json!({"$defs": {"inner": {"$id": "https://example.com/inner", "$schema": other}}});
        refused(embedded, "/$defs/inner/$schema", "2020-12");
    }
}

#[test]
fn every_mistake_is_listed_with_its_path() {
    let document = json!({"type": "objekt", "properties": {"a": {"minimum": "x"}, "b/c": {"pattern": "("}}, "required": 4});
    assert_eq!(errors(document.clone()).len(), 4);
    refused(document.clone(), "/type", "\"objekt\" is not one of");
    refused(document.clone(), "/properties/a/minimum", "\"x\" is not of type \"number\"");
    refused(
        document.clone(),
        "/properties/b~1c/pattern",
        "the pattern \"(\" is no regular expression",
    );
    refused(document, "/required", "array");
}

#[test]
fn what_is_no_schema_at_all_is_refused() {
    for document in [json!(null), json!(7), json!([]), json!("object")] {
        refused(document, "", "is not of types \"boolean\", \"object\"");
    }
}

#[test]
fn a_large_schema_is_refused_with_its_size() {
    let document = json!({ "description": "x".repeat(SCHEMA_BYTES) });
    refused(document, "", "the limit is 262144");
    compiled(json!({ "description": "x".repeat(SCHEMA_BYTES - 100) }));
}

#[test]
fn patterns_that_need_backtracking_are_named() {
    for pattern in ["(?=a)b", "(?!a)b", "(?<=a)b", "(?<!a)b", r"(a)\1"] {
        refused(
            json!({"properties": {"x": {"pattern": pattern}}}),
            "/properties/x/pattern",
            &format!("{pattern:?} needs look-around"),
        );
    }
    refused(
        json!({"patternProperties": {"(?=a/b)": true}}),
        "/patternProperties/(?=a~1b)",
        "\"(?=a/b)\" needs look-around",
    );
    refused(
        json!({"pattern": r"(\w{1000}){1000}"}),
        "/pattern",
        "no regular expression that this host can use",
    );
    refused(
        json!({"$schema": "http://json-schema.org/draft-07/schema#", "pattern": "(?=a)"}),
        "/pattern",
        "look-around",
    );
}

#[test]
fn references_out_of_the_document_are_named_all_at_once() {
    let document = json!({
        "properties": {
            "a": {"$ref": "https://example.com/a.json#/x"},
            "b": {"items": {"$ref": "other.json"}},
            "c": {"$ref": "#/$defs/absent"},
            "d": {"$ref": "#absent"},
            "e": {"$ref": "file:///etc/passwd"},
            "f": {"$dynamicRef": "https://json-schema.org/draft/2020-12/schema"},
        },
    });
    assert_eq!(errors(document.clone()).len(), 6);
    refused(
        document.clone(),
        "/properties/a/$ref",
        "\"https://example.com/a.json#/x\" leads out of the schema",
    );
    refused(document.clone(), "/properties/b/items/$ref", "\"other.json\" leads out");
    refused(document.clone(), "/properties/c/$ref", "\"#/$defs/absent\" leads to nothing");
    refused(document.clone(), "/properties/d/$ref", "\"#absent\" leads to nothing");
    refused(document.clone(), "/properties/e/$ref", "leads out");
    refused(document, "/properties/f/$dynamicRef", "leads out");
}

#[test]
fn a_hidden_reference_is_followed_before_it_is_trusted() {
    let document = json!({"$ref": "#/x-parts/a", "x-parts": {"a": {"items": {"$ref": "https://example.com/"}}}});
    refused(document, "/x-parts/a/items/$ref", "leads out");
}

#[test]
fn references_inside_the_document_are_accepted_in_every_spelling() {
    compiled(json!({
        "$id": "https://example.com/root",
        "properties": {
            "self": {"$ref": "#"},
            "pointer": {"$ref": "#/$defs/a~1%62"},
            "anchor": {"$ref": "#named"},
            "id": {"$ref": "item"},
            "whole_id": {"$ref": "https://example.com/item#/$defs/deep"},
            "odd": {"$ref": "#/x-parts/0"},
        },
        "const": {"$ref": "https://example.com/only-a-value"},
        "x-parts": [{"type": "string"}],
        "$defs": {"a/b": {"$anchor": "named"}, "i": {"$id": "item", "$defs": {"deep": {"$ref": "#"}}}},
    }));
}

#[test]
fn work_that_doubles_is_refused() {
    let doubling = |place: fn(Value) -> Value| {
        let mut definitions =
            serde_json::Map::from_iter([("d40".to_owned(), json!({"type": "string"}))]);
        for level in 0..40 {
            let next = json!({"$ref": format!("#/$defs/d{}", level + 1)});
            definitions
                .insert(format!("d{level}"), json!({"allOf": [place(next.clone()), place(next)]}));
        }
        json!({"$ref": "#/$defs/d0", "$defs": definitions})
    };
    let same = errors(doubling(|next| next));
    assert!(same[0].message.contains("too many schemas apply to the same part"), "{same:?}");
    let nested = errors(doubling(|next| json!({"properties": {"x": next}})));
    assert!(nested[0].message.contains("too many schemas apply to the same part"), "{nested:?}");
}

#[test]
fn a_chain_of_thousands_is_followed_to_its_end() {
    let mut definitions =
        serde_json::Map::from_iter([("d4000".to_owned(), json!({"writeOnly": true}))]);
    for level in 0..4000 {
        let next = json!({"$ref": format!("#/$defs/d{}", level + 1)});
        definitions.insert(format!("d{level}"), json!({"properties": {"x": next}}));
    }
    let schema = compiled(json!({"$ref": "#/$defs/d0", "$defs": definitions}));
    assert!(!schema.secrets().is_empty());
}

#[test]
fn endless_defaults_are_refused() {
    let document = json!({"properties": {"child": {"$ref": "#", "default": {}}}});
    refused(document, "/properties/child", "lead back here");
    let two = json!({"properties": {"a": {"$ref": "#", "default": {}}, "b": {"$ref": "#", "default": {}}}});
    assert_eq!(errors(two).len(), 1);
}
