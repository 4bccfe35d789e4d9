//! Where secrets are found.

use serde_json::{Value, json};

use super::compiled;

fn found(schema: Value, value: Value) -> Vec<String> {
    let mut found = compiled(schema).secrets().find(&value);
    found.sort();
    found
}

#[test]
fn both_marks_count_and_nothing_else() {
    let schema = json!({"properties": {
        "a": {"type": "string", "writeOnly": true},
        "b": {"type": "string", "format": "password"},
        "c": {"type": "string", "writeOnly": false},
        "writeOnly": {"type": "boolean"},
    }});
    let value = json!({"a": "x", "b": "x", "c": "x", "writeOnly": true});
    assert_eq!(found(schema.clone(), value), ["/a", "/b"]);
    assert_eq!(found(schema, json!({"a": null, "c": "x"})), [""; 0]);
}

#[test]
fn a_schema_without_secrets_is_empty() {
    assert!(compiled(json!({"properties": {"a": {"type": "string"}}})).secrets().is_empty());
    assert!(compiled(json!({"$defs": {"unused": {"writeOnly": true}}})).secrets().is_empty());
    assert!(!compiled(json!({"properties": {"a": {"writeOnly": true}}})).secrets().is_empty());
}

#[test]
fn every_branch_and_reference_counts() {
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "properties": {
            "optional": {"anyOf": [{"$ref": "#/$defs/Secret"}, {"type": "null"}]},
            "typed": {"type": ["string", "null"], "writeOnly": true},
            "all": {"allOf": [{"$ref": "#secret"}], "default": null},
            "one": {"oneOf": [{"type": "integer"}, {"allOf": [{"format": "password"}]}]},
            "described": {"$ref": "#/$defs/Alias", "description": "a key"},
            "not": {"not": {"writeOnly": true}},
        },
        "$defs": {"Alias": {"$ref": "secret.json"}, "Secret": {"$id": "secret.json", "type": "string", "writeOnly": true}, "S": {"$anchor": "secret", "writeOnly": true}},
    });
    let value = json!({"optional": "x", "typed": "x", "all": "x", "one": "x", "described": "x", "not": "x"});
    assert_eq!(found(schema, value), ["/all", "/described", "/one", "/optional", "/typed"]);
}

#[test]
fn secrets_are_found_inside_objects_arrays_and_open_ended_properties() {
    let secret = json!({"type": "string", "writeOnly": true});
    let schema = json!({
        "properties": {
            "a/b": {"properties": {"~key": secret}},
            "list": {"items": {"properties": {"token": secret}}},
            "pair": {"prefixItems": [{"type": "string"}, secret]},
            "map": {"additionalProperties": secret},
        },
        "patternProperties": {"^x-": secret},
        "allOf": [{"if": {"required": ["late"]}, "then": {"properties": {"late": secret}}}],
    });
    let value = json!({
        "a/b": {"~key": "x"}, "list": [{"token": "x"}, {}, {"token": "x"}], "pair": ["open", "x"],
        "map": {"k": "x"}, "x-1": "x", "y-1": "open", "late": "x",
    });
    let expected =
        ["/a~1b/~0key", "/late", "/list/0/token", "/list/2/token", "/map/k", "/pair/1", "/x-1"];
    assert_eq!(found(schema, value), expected);
}

#[test]
fn items_of_draft_7_count() {
    let schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "properties": {"pair": {"items": [{}, {"writeOnly": true}]}, "of": {"$ref": "#/definitions/s"}},
        "definitions": {"s": {"format": "password"}},
    });
    assert_eq!(found(schema, json!({"pair": [1, "x"], "of": "x"})), ["/of", "/pair/1"]);
}

#[test]
fn recursive_secrets_are_found_at_every_depth() {
    let schema = json!({"properties": {"key": {"writeOnly": true}, "next": {"anyOf": [{"$ref": "#"}, {"$ref": "#"}, {"type": "null"}]}}});
    let value = json!({"key": "x", "next": {"next": {"key": "x"}}});
    assert_eq!(found(schema.clone(), value), ["/key", "/next/next/key"]);
    let deep = (0..100).fold(json!({"key": "x"}), |inner, _| json!({ "next": inner }));
    assert_eq!(found(schema, deep).len(), 1);
}

#[test]
fn a_secret_object_or_a_whole_config_is_one_secret() {
    let schema = json!({"properties": {"o": {"writeOnly": true, "properties": {"inner": {"writeOnly": true}}}}});
    assert_eq!(found(schema, json!({"o": {"inner": "x"}})), ["/o"]);
    assert_eq!(found(json!({"writeOnly": true}), json!({"a": 1})), [""]);
}
