//! What a schema may cost at most: at load, and for each value.

use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::super::Violation;
use super::super::patterns::PATTERNS;
use super::{compiled, errors, is_valid};

fn different_patterns(count: usize) -> Vec<Value> {
    (0..count).map(|n| json!({ "pattern": format!("a{n}[bc]+d"), "maxLength": 10 })).collect()
}

#[test]
fn a_pattern_has_a_size() {
    for pattern in [r"\pL{60}", r"a17\pL{500}", r"^.{1,5000}$", r"\p{L}{1,9}{1,9}"] {
        let place = format!("/patternProperties/{pattern}");
        for (document, path) in [
            (json!({ "pattern": pattern }), "/pattern"),
            (json!({ "patternProperties": {pattern: true} }), &place),
        ] {
            let found = errors(document);
            assert_eq!(found.len(), 1, "{found:?}");
            assert_eq!(found[0].path, path);
            assert!(
                found[0].message.contains("takes more than 262144 bytes compiled"),
                "{found:?}"
            );
        }
    }
    for pattern in [r"^\p{L}[\p{L} '-]*$", r"^\w[\w.+-]{0,63}@[\w-]{1,63}(\.[\w-]{1,63}){1,5}$"] {
        compiled(json!({ "pattern": pattern }));
    }
}

#[test]
fn a_schema_has_a_number_of_patterns() {
    compiled(json!({ "allOf": different_patterns(PATTERNS) }));
    let found = errors(json!({ "allOf": different_patterns(PATTERNS + 1) }));
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].path, "/allOf/200/pattern");
    assert!(found[0].message.contains("the 200 different ones"), "{found:?}");
    let names: Map<_, _> =
        (0..PATTERNS).map(|n| (format!("x{n}[bc]+d"), json!({"pattern": "^y"}))).collect();
    assert_eq!(errors(json!({ "patternProperties": names })).len(), 1);
    let same: Map<_, _> =
        (0..5000).map(|n| (format!("p{n}"), json!({"pattern": r"\pL{3}"}))).collect();
    compiled(json!({ "properties": same }));
}

#[test]
fn thousands_of_patterns_are_refused_before_one_is_compiled() {
    let before = Instant::now();
    assert_eq!(errors(json!({ "anyOf": different_patterns(8_000) })).len(), 1);
    assert!(before.elapsed() < Duration::from_secs(2), "{:?}", before.elapsed());
}

/// A schema that reads its value many times, and finds it valid last.
fn many_visits(visits: usize) -> Value {
    let mut branches = vec![json!({"minimum": 9, "minLength": 2_000_000}); visits];
    branches.push(json!(true));
    json!({ "anyOf": branches })
}

fn refused_unseen(document: Value, value: &Value) {
    let schema = compiled(document);
    let before = Instant::now();
    assert_eq!(schema.validate(value), Err(vec![Violation::too_large(50)]));
    assert!(before.elapsed() < Duration::from_secs(1), "{:?}", before.elapsed());
}

#[test]
fn many_visits_of_many_parts_are_refused() {
    let visits = many_visits(900);
    let zeros = json!(vec![0; 500_000]);
    refused_unseen(json!({ "items": visits }), &zeros);
    refused_unseen(json!({ "additionalItems": true, "contains": visits }), &zeros);
    refused_unseen(visits.clone(), &json!("x".repeat(1 << 20)));
    let names: Map<_, _> = (0..50_000).map(|n| (n.to_string(), json!(0))).collect();
    refused_unseen(json!({ "propertyNames": visits }), &Value::Object(names));
    refused_unseen(json!({ "propertyNames": visits }), &json!({ "x".repeat(1 << 20): 0 }));
    let numbers: Vec<_> = (0..9_000).collect();
    refused_unseen(json!({ "items": { "enum": numbers } }), &zeros);
    let dependent: Map<_, _> = (0..5_000).map(|n| (format!("p{n}"), json!([]))).collect();
    let objects = json!(vec![json!({}); 300_000]);
    refused_unseen(json!({ "items": { "dependentRequired": dependent } }), &objects);
}

#[test]
fn the_search_for_integers_ends_with_the_budget() {
    let branches = vec![json!({ "$ref": "#/$defs/count" }); 400];
    let schema = compiled(json!({
        "$defs": { "count": { "type": "integer" } },
        "type": "object",
        "additionalProperties": { "items": { "anyOf": branches } }
    }));
    let of = |count: usize| json!({ "list": vec![1.0; count] });
    let mut few = of(50);
    assert_eq!(schema.write_integers(&mut few, None), Ok(true));
    assert_eq!(few["list"][49].to_string(), "1");
    let refused = schema.write_integers(&mut of(25_000), None).unwrap_err();
    assert!(refused[0].message.contains("validation_ms"), "{refused:?}");
}

#[test]
fn many_visits_of_few_parts_are_accepted() {
    let schema = compiled(json!({ "items": many_visits(900) }));
    let before = Instant::now();
    assert!(is_valid(&schema, &json!(vec![0; 5_000])));
    assert!(before.elapsed() < Duration::from_secs(2), "{:?}", before.elapsed());
}

#[test]
fn a_plain_schema_takes_any_value() {
    let names: Vec<_> = (0..500).map(|n| format!("name{n}")).collect();
    let schema = compiled(json!({"items": {"properties": {
        "a": {"enum": names}, "b": {"anyOf": [{"type": "integer"}, {"type": "null"}]}, "c": {"pattern": "^x"},
    }}}));
    let item = json!({"a": "name7", "b": null, "c": "x".repeat(150)});
    assert!(is_valid(&schema, &json!(vec![item; 5_000])));
}

/// References that lead from each of `length` definitions to the next one several times, and from the last to the first.
fn circle(length: usize) -> Value {
    let mut definitions = Map::new();
    for level in 0..length {
        let next = json!({ "$ref": format!("#/$defs/d{}", (level + 1) % length) });
        let inner = json!({ "allOf": vec![next; 6] });
        definitions.insert(format!("d{level}"), json!({ "properties": { "x": inner } }));
    }
    json!({ "$ref": "#/$defs/d0", "$defs": definitions })
}

#[test]
fn work_that_doubles_between_two_rounds_of_a_circle_is_refused() {
    assert!(errors(circle(12))[0].message.contains("too many schemas apply to the same part"));
    let nested = (0..100).fold(json!(1), |inner, _| json!({ "x": inner }));
    refused_unseen(circle(4), &json!({ "x": nested, "y": vec![0; 100_000] }));
    assert!(is_valid(&compiled(circle(2)), &nested));
}

#[test]
fn what_is_left_unevaluated_inside_each_other_is_refused() {
    let nested = |levels| {
        (0..levels).fold(
            json!({"properties": {"a": true}}),
            |inner, _| json!({ "allOf": [inner], "unevaluatedProperties": false }),
        )
    };
    assert!(errors(nested(16))[0].message.contains("too many schemas apply to the same part"));
    assert!(is_valid(&compiled(nested(3)), &json!({ "a": 1 })));
}

/// Operators with operands of one name, some of them optional, as a derived schema says it.
#[test]
fn a_language_of_expressions_takes_large_values() {
    let operand =
        json!({"anyOf": [{"$ref": "#/$defs/E", "description": "Left."}, {"type": "null"}]});
    let operator = |n: usize| {
        let properties = json!({
            "op": {"const": format!("op{n}")}, "left": operand, "all": {"type": "array", "items": {"$ref": "#/$defs/E"}},
        });
        json!({"type": "object", "properties": properties, "required": ["op"]})
    };
    let mut variants: Vec<_> = (0..15).map(operator).collect();
    variants.push(json!({"type": ["integer", "string"]}));
    let schema = compiled(json!({"$ref": "#/$defs/E", "$defs": {"E": {"oneOf": variants}}}));
    let leaf = json!({"op": "op14", "left": 1, "all": [1, "two", {"op": "op3"}]});
    let inner = json!({"op": "op9", "left": leaf, "all": vec![leaf; 10]});
    let before = Instant::now();
    assert!(is_valid(&schema, &json!({"op": "op0", "all": vec![inner; 40]})));
    assert!(before.elapsed() < Duration::from_secs(2), "{:?}", before.elapsed());
}

#[test]
fn a_circle_may_be_entered_anywhere() {
    let operand = json!({ "$ref": "#/$defs/n" });
    let same = json!({ "properties": { "x": operand } });
    let n = json!({ "properties": { "x": operand }, "allOf": [same, same, same] });
    let schema = compiled(json!({ "$ref": "#/$defs/n/properties/x", "$defs": { "n": n } }));
    assert!(is_valid(&schema, &(0..100).fold(json!(1), |inner, _| json!({ "x": inner }))));
}

/// To say what is wrong costs more than to know that something is.
#[test]
fn a_wide_recursive_value_gets_no_reason() {
    let inner = json!({ "items": { "$ref": "#" } });
    let schema = compiled(json!({ "type": ["array", "integer"], "allOf": vec![inner; 5] }));
    let leaves = json!(vec![json!(vec![json!([1, 2, 3]); 400]); 20]);
    let value = json!([[leaves, "x"]]);
    let before = Instant::now();
    assert_eq!(schema.validate(&value), Err(vec![Violation::unexplained()]));
    assert!(before.elapsed() < Duration::from_secs(2), "{:?}", before.elapsed());
}
