//! Which defaults are filled in, and that nothing given is changed.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{compiled, is_valid};

fn filled(schema: Value, mut value: Value) -> Value {
    compiled(schema).fill_defaults(&mut value).unwrap();
    value
}

#[test]
fn absent_properties_get_their_defaults_and_present_ones_stay() {
    let schema = json!({"properties": {"a": {"default": 1}, "b": {"default": [2]}, "c": {"type": "string"}}});
    assert_eq!(filled(schema.clone(), json!({})), json!({"a": 1, "b": [2]}));
    assert_eq!(filled(schema.clone(), json!({"a": null, "b": 5})), json!({"a": null, "b": 5}));
    assert_eq!(filled(schema, json!("no object")), json!("no object"));
}

#[test]
fn an_object_is_filled_when_it_is_there_or_comes_from_a_default() {
    let inner = json!({"properties": {"x": {"default": 1}}});
    let schema = json!({"properties": {
        "given": inner,
        "by_default": {"properties": {"x": {"default": 1}, "y": {"default": 2}}, "default": {"y": 3}},
    }});
    assert_eq!(filled(schema.clone(), json!({})), json!({"by_default": {"x": 1, "y": 3}}));
    assert_eq!(
        filled(schema, json!({"given": {}, "by_default": {}})),
        json!({"given": {"x": 1}, "by_default": {"x": 1, "y": 2}})
    );
}

#[test]
fn references_are_followed_and_the_nearest_default_wins() {
    let schema = json!({
        "$ref": "#/$defs/Config",
        "$defs": {
            "Config": {"properties": {
                "near": {"$ref": "#/$defs/Limit", "default": {"max": 9}},
                "far": {"$ref": "#limit"},
                "through": {"$ref": "#/$defs/Alias"},
            }},
            "Alias": {"$ref": "#/$defs/Limit"},
            "Limit": {"$anchor": "limit", "default": {}, "properties": {"max": {"default": 5}}},
        },
    });
    assert_eq!(
        filled(schema, json!({})),
        json!({"near": {"max": 9}, "far": {"max": 5}, "through": {"max": 5}})
    );
}

#[test]
fn branches_and_arrays_give_no_defaults() {
    let schema = json!({
        "allOf": [{"properties": {"a": {"default": 1}}}],
        "anyOf": [{"properties": {"b": {"default": 1}}}],
        "oneOf": [{"properties": {"c": {"default": 1}}}],
        "default": {"d": 1},
        "properties": {"list": {"items": {"properties": {"e": {"default": 1}}}}, "f": {"allOf": [{"default": 1}]}},
    });
    assert_eq!(filled(schema, json!({"list": [{}]})), json!({"list": [{}]}));
}

#[test]
fn a_recursive_schema_fills_each_object_that_is_there() {
    let schema = json!({"properties": {"n": {"default": 0}, "next": {"$ref": "#"}}});
    assert_eq!(
        filled(schema, json!({"next": {"next": {"n": 7}}})),
        json!({"n": 0, "next": {"n": 0, "next": {"n": 7}}})
    );
}

#[test]
fn references_in_a_circle_hang_nothing() {
    let schema =
        json!({"properties": {"a": {"$ref": "#/properties/b"}, "b": {"$ref": "#/properties/a"}}});
    assert_eq!(filled(schema, json!({})), json!({}));
}

#[test]
fn filled_values_are_validated_as_if_given() {
    let schema = compiled(
        json!({"properties": {"a": {"default": 1}}, "required": ["a"], "additionalProperties": false}),
    );
    let mut value = json!({});
    assert!(!is_valid(&schema, &value));
    schema.fill_defaults(&mut value).unwrap();
    assert!(is_valid(&schema, &value));
}

/// Schemas over few names, so that values and schemas meet often.
fn any_schema() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!({})),
        any::<u8>().prop_map(|n| json!({"default": n})),
        Just(json!({"$ref": "#/$defs/d"}))
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        let properties = prop::collection::btree_map("[a-c]", inner, 0..4);
        (properties, prop::option::of(Just(json!({})))).prop_map(|(properties, default)| {
            let mut schema =
                json!({ "properties": properties.into_iter().collect::<serde_json::Map<_, _>>() });
            if let Some(default) = default {
                schema["default"] = default;
            }
            schema
        })
    })
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![Just(Value::Null), any::<u8>().prop_map(Value::from)];
    leaf.prop_recursive(4, 24, 3, |inner| {
        let members = prop::collection::btree_map("[a-c]", inner, 0..4);
        members.prop_map(|members| Value::Object(members.into_iter().collect()))
    })
}

fn keeps(given: &Value, filled: &Value) -> bool {
    match (given, filled) {
        (Value::Object(given), Value::Object(filled)) => given
            .iter()
            .all(|(name, value)| filled.get(name).is_some_and(|filled| keeps(value, filled))),
        _ => given == filled,
    }
}

proptest! {
    #[test]
    fn filling_twice_is_filling_once_and_keeps_what_was_given(root in any_schema(), definition in any_schema(), given in any_value()) {
        let mut document = root;
        document["$defs"] = json!({ "d": definition });
        if let Ok(schema) = super::compile(&document) {
            let mut once = given.clone();
            schema.fill_defaults(&mut once).unwrap();
            prop_assert!(keeps(&given, &once), "{given} became {once}");
            let mut twice = once.clone();
            schema.fill_defaults(&mut twice).unwrap();
            prop_assert_eq!(once, twice);
        }
    }
}
