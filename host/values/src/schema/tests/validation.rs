//! What is valid, and the reasons given for what is not.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::super::{Schema, Violation};
use super::{compiled, is_valid};
use crate::moment;

fn violations(schema: Value, value: Value) -> Vec<(String, String)> {
    let found = compiled(schema).validate(&value).err().unwrap_or_default();
    found.into_iter().map(|Violation { path, message }| (path, message)).collect()
}

fn only(path: &str, message: &str) -> Vec<(String, String)> {
    vec![(path.to_owned(), message.to_owned())]
}

#[test]
fn a_schema_can_be_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Schema>();
}

#[test]
fn the_stand_ins_take_what_they_say() {
    assert!(
        is_valid(&Schema::any_object(), &json!({"a": 1}))
            && !is_valid(&Schema::any_object(), &json!([]))
    );
    assert_eq!(Schema::any_object().document(), &json!({"type": "object"}));
}

#[test]
fn reasons_carry_the_pointer_into_the_value() {
    let schema = json!({"properties": {"a/b": {"items": {"type": "integer"}}}, "required": ["c"]});
    let found = violations(schema, json!({"a/b": [1, "two"]}));
    assert!(
        found.contains(&("/a~1b/1".to_owned(), "\"two\" is not of type \"integer\"".to_owned())),
        "{found:?}"
    );
    assert!(
        found.contains(&(String::new(), "\"c\" is a required property".to_owned())),
        "{found:?}"
    );
}

#[test]
fn formats_are_checked_in_both_drafts() {
    for draft in
        ["https://json-schema.org/draft/2020-12/schema", "http://json-schema.org/draft-07/schema#"]
    {
        let schema = compiled(json!({"$schema": draft, "format": "date-time"}));
        assert!(
            is_valid(&schema, &json!("2024-05-01T12:00:00Z"))
                && !is_valid(&schema, &json!("yesterday")),
            "{draft}"
        );
    }
}

#[test]
fn what_is_no_moment_is_told_how_one_is_written() {
    let schema = json!({"properties": {"at": {"type": "string", "format": "date-time"}}});
    for good in moment::MOMENTS {
        assert_eq!(violations(schema.clone(), json!({ "at": good })), [], "{good}");
    }
    for bad in moment::NO_MOMENTS {
        let expected = only("/at", &format!("{} is not {}", json!(bad), moment::A_MOMENT));
        assert_eq!(violations(schema.clone(), json!({ "at": bad })), expected);
    }
    let secret = json!({"properties": {"key": {"writeOnly": true}}, "allOf": [schema]});
    let expected = only("/at", &format!("the value is not {}", moment::A_MOMENT));
    assert_eq!(violations(secret, json!({ "at": "soon" })), expected, "a schema with secrets");
}

#[test]
fn an_optional_value_is_explained_by_the_type_it_has() {
    let schema = json!({"properties": {"n": {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}]}}});
    assert_eq!(violations(schema, json!({"n": 0})), only("/n", "0 is less than the minimum of 1"));
}

#[test]
fn a_tagged_value_is_explained_by_its_tag() {
    let schema = json!({"oneOf": [
        {"type": "object", "properties": {"kind": {"const": "a"}, "x": {"type": "integer"}}, "required": ["kind", "x"]},
        {"type": "object", "properties": {"kind": {"const": "b"}, "y": {"type": "integer"}}, "required": ["kind", "y"]},
    ]});
    assert_eq!(violations(schema, json!({"kind": "b"})), only("", "\"y\" is a required property"));
}

#[test]
fn what_is_none_of_several_kinds_is_told_which_there_are() {
    let url = json!({"type": "object", "properties": {"url": {"type": "string"}}, "required": ["url", "port"]});
    let redis =
        json!({"type": "object", "properties": {"kind": {"const": "redis"}}, "required": ["kind"]});
    let kinds =
        json!([{"type": "string"}, url, redis, {"type": ["integer", "null"]}, {"enum": ["a", 1]}]);
    for keyword in ["anyOf", "oneOf"] {
        let schema = json!({"properties": {"at": {keyword: kinds}}});
        let all = "it is none of: a string, an object with `url` and `port`, an object with `kind`, an integer or null, \"a\" or 1";
        assert_eq!(violations(schema, json!({"at": {}})), only("/at", all));
    }
    let tagged = |kind| json!({"properties": {"kind": {"const": kind}}, "required": ["kind"]});
    let schema = json!({"oneOf": [tagged("redis"), tagged("memory")]});
    let said =
        "it is none of: an object whose `kind` is \"redis\", an object whose `kind` is \"memory\"";
    assert_eq!(violations(schema, json!({"kind": "file"})), only("", said));
    // Kinds of kinds are kinds.
    let nested =
        json!({"anyOf": [{"oneOf": [{"type": "string"}, {"type": "object"}]}, {"minimum": 9}]});
    let said = "it is none of: a string, an object, one that this fails to be (the value is less than the minimum of 9)";
    assert_eq!(violations(nested, json!(7)), only("", said));
    let bounded = json!({"anyOf": [{"minimum": 5}, {"type": "string"}, {"maximum": 1}]});
    let said = violations(bounded, json!(3)).remove(0).1;
    assert!(said.contains("fails to be (the value is less than the minimum of 5)"), "{said}");
}

#[test]
fn what_is_said_of_the_whole_value_has_no_empty_place() {
    let schema = compiled(
        json!({"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}}}),
    );
    let said = |value| schema.validate(&value).err().unwrap_or_default().remove(0).to_string();
    assert_eq!(said(json!({})), "\"a\" is a required property");
    assert_eq!(said(json!({"a": 1})), "at `/a`: 1 is not of type \"string\"");
    let of_places =
        |value| schema.validate_places(&value).err().unwrap_or_default().remove(0).sentence();
    assert_eq!(of_places(json!({})), "`/a` is missing");
    assert_eq!(of_places(json!(7)), "it is not what its schema says");
}

#[test]
fn reasons_are_few_and_short() {
    let schema = json!({"items": {"type": "integer"}});
    let found = violations(schema.clone(), json!(vec!["x"; 500]));
    assert_eq!(found.len(), 50);
    let long = violations(schema, json!(["ö".repeat(100_000)]));
    assert!(long[0].1.len() <= 1024 && long[0].1.ends_with('…'), "{} bytes", long[0].1.len());
}

#[test]
fn a_large_value_gets_its_first_reason_only() {
    let schema = json!({"items": {"anyOf": [{"type": "integer"}, {"type": "null"}]}});
    let found = violations(schema, json!(vec!["x"; 200_000]));
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].0, "/0");
}

#[test]
fn a_schema_with_secrets_quotes_no_value() {
    let schema = json!({
        "properties": {"api_key": {"type": "string", "writeOnly": true, "minLength": 30}, "n": {"type": "integer"}},
        "additionalProperties": {"type": "integer"},
        "minProperties": 9,
        "unevaluatedProperties": false,
    });
    let found =
        violations(schema, json!({"api_key": "hunter2", "n": "hunter2", "apikey": "hunter2"}));
    assert_eq!(found.len(), 4, "{found:?}");
    assert!(!format!("{found:?}").contains("hunter2"), "{found:?}");
    assert!(
        found.contains(&(
            "/api_key".to_owned(),
            "the value is shorter than 30 characters".to_owned()
        )),
        "{found:?}"
    );
}

#[test]
fn recursion_without_an_end_is_answered() {
    for document in [
        json!({"allOf": [{"$ref": "#"}]}),
        json!({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}),
        json!({"$dynamicAnchor": "n", "anyOf": [{"$dynamicRef": "#n"}, {"type": "string"}]}),
    ] {
        is_valid(&compiled(document), &json!({"a": [1]}));
    }
}

fn tree(depth: usize, leaf: Value) -> Value {
    (0..depth).fold(leaf, |inner, _| json!({"kind": "b", "x": inner}))
}

fn expression() -> Schema {
    let variant = |kind: &str| json!({"type": "object", "properties": {"x": {"$ref": "#/$defs/n"}, "kind": {"const": kind}}, "required": ["x"]});
    let variants = ["a", "b", "c"].map(variant);
    let leaf = json!({"type": "integer"});
    let [a, b, c] = variants;
    compiled(
        json!({"$ref": "#/$defs/n", "$defs": {"n": {"oneOf": [a, b, c, leaf], "type": ["object", "integer"]}}}),
    )
}

#[test]
fn a_deep_value_costs_little_valid_or_not() {
    let schema = expression();
    let before = Instant::now();
    assert!(is_valid(&schema, &tree(100, json!(1))));
    let found = schema.validate(&tree(100, json!("x"))).err().unwrap_or_default();
    assert_eq!(found, [Violation::unexplained()]);
    assert!(before.elapsed() < Duration::from_secs(2), "{:?}", before.elapsed());
}

#[test]
fn a_shallow_recursive_value_is_explained() {
    let found = expression().validate(&tree(3, json!("x"))).err().unwrap_or_default();
    assert!(!found.is_empty() && found != [Violation::unexplained()], "{found:?}");
}

/// As deep as a schema and a value may be, on the stack of a thread as the runtimes make them.
#[test]
fn the_deepest_recursion_fits_on_a_stack() {
    let checked = |keyword: &'static str| {
        let mut definitions = serde_json::Map::new();
        for level in 0..11 {
            definitions.insert(
                format!("d{level}"),
                json!({keyword: [{"$ref": format!("#/$defs/d{}", level + 1)}]}),
            );
        }
        let inner = json!({"$ref": "#/$defs/d0"});
        definitions.insert(
            "d11".to_owned(),
            json!({"type": ["object", "string"], "properties": {"x": inner}}),
        );
        let schema = compiled(json!({"$ref": "#/$defs/d0", "$defs": definitions}));
        let nested = |leaf| (0..126).fold(leaf, |inner, _| json!({ "x": inner }));
        is_valid(&schema, &nested(json!("x"))) && schema.validate(&nested(json!(1))).is_err()
    };
    for keyword in ["allOf", "anyOf", "oneOf"] {
        let thread =
            std::thread::Builder::new().stack_size(2 << 20).spawn(move || checked(keyword));
        assert!(thread.is_ok_and(|thread| thread.join().is_ok_and(|fits| fits)), "{keyword}");
    }
}

#[test]
fn a_schema_does_not_print_itself() {
    let schema = compiled(json!({"properties": {"key": {"default": "hunter2"}}}));
    assert_eq!(format!("{schema:?}"), "Schema(..)");
}
