//! What patterns and defaults may cost: at load, for each value, and for all schemas of a manifest together.
//!
//! Costs are calculated, so what is refused here is refused on every machine.

use serde_json::{Map, Value, json};

use super::super::{Bounds, Budget, Room, Schema, SchemaError};
use super::{compile, compiled, errors, is_valid, limits};

/// A thousand states, which no table holds.
const HEAVY: &str = "(?:[ab]?){1000}[cd]";

fn refusal(document: Value) -> SchemaError {
    let mut found = errors(document);
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

fn message(schema: &Schema, value: &Value) -> String {
    let violations = schema.validate(value).unwrap_err();
    violations.into_iter().map(|one| format!("{}: {}", one.path, one.message)).collect()
}

#[test]
fn a_pattern_that_takes_long_on_the_longest_text_needs_a_max_length() {
    let found = refusal(json!({"properties": {"text": {"type": "string", "pattern": HEAVY}}}));
    assert_eq!(found.path, "/properties/text/pattern");
    assert!(
        found.message.contains("validation_ms") && found.message.contains("`maxLength`"),
        "{found}"
    );
    let bounded = json!({"properties": {"text": {"pattern": HEAVY, "maxLength": 100}}});
    assert!(is_valid(&compiled(bounded.clone()), &json!({"text": "abc"})));
    assert!(!is_valid(&compiled(bounded), &json!({"text": "abab"})));
    // Next to another schema of the same text it bounds nothing, because it may be checked later.
    refusal(json!({"allOf": [{"maxLength": 100}, {"pattern": HEAVY}]}));
}

#[test]
fn what_a_pattern_may_cost_depends_on_where_it_stands() {
    let schema = json!({"pattern": "^(a|b)*a(a|b){20}$"});
    let on =
        |bytes| Schema::compile(&schema, &Bounds::new(&limits(), bytes), &mut Room::new(&limits()));
    assert!(on(1 << 20).is_err());
    assert!(on(16 << 10).is_ok());
}

#[test]
fn patterns_of_the_same_text_count_together() {
    let patterns = |count: usize, more: Value| {
        let one = |n: usize| {
            let mut one = json!({"pattern": format!("{HEAVY}{n}")});
            one.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            one
        };
        json!({"allOf": (0..count).map(one).collect::<Vec<_>>()})
    };
    compiled(patterns(2, json!({"maxLength": 100})));
    let found = refusal(patterns(40, json!({"maxLength": 100})));
    assert!(found.message.contains("together"), "{found}");
    let places = |count: usize| {
        let one = |n: usize| {
            (format!("p{n}"), json!({"pattern": format!("^a{n}[bc]+d"), "maxLength": 100}))
        };
        json!({"properties": (0..count).map(one).collect::<Map<_, _>>()})
    };
    compiled(places(150));
}

#[test]
fn names_that_patterns_look_at_cost_too() {
    let found = refusal(json!({"patternProperties": {(HEAVY): true}}));
    assert_eq!(found.path, format!("/patternProperties/{HEAVY}"));
    compiled(
        json!({"patternProperties": {"^x-": true, "^[a-z]{1,9}$": true}, "additionalProperties": false}),
    );
    let found = refusal(json!({"propertyNames": {"pattern": HEAVY}}));
    assert_eq!(found.path, "/propertyNames/pattern");
}

#[test]
fn a_regular_expression_that_somebody_sends_is_short() {
    let schema = compiled(json!({"format": "regex"}));
    assert!(is_valid(&schema, &json!("^(?<a>x)+$")));
    let names: String = (0..100_000).map(|n| format!("(?<a{n}>x)")).collect();
    assert!(!is_valid(&schema, &json!(names)));
}

/// Each text is short enough, and there are thousands of them.
#[test]
fn a_value_with_too_much_text_for_its_patterns_is_refused_with_the_place() {
    let schema =
        compiled(json!({"properties": {"all": {"items": {"pattern": HEAVY, "maxLength": 100}}}}));
    assert!(is_valid(&schema, &json!({"all": vec!["abc"; 10]})));
    let found = message(&schema, &json!({"all": vec!["ab".repeat(50) + "c"; 9]}));
    assert!(found.contains("longer than 100"), "{found}");
    let found = message(&schema, &json!({"all": vec!["ab".repeat(49) + "c"; 9_000]}));
    assert!(
        found.contains("/properties/all/items/pattern") && found.contains("50 ms (validation_ms)"),
        "{found}"
    );
}

#[test]
fn a_text_beyond_its_max_length_is_told_so_and_not_looked_at() {
    let text = json!({"pattern": HEAVY, "maxLength": 100, "writeOnly": true});
    let schema = compiled(json!({"properties": {"a": text}}));
    let found = message(&schema, &json!({"a": "ab".repeat(500_000)}));
    assert_eq!(found, "/a: the value is longer than 100 characters");
}

#[test]
fn a_text_that_does_not_match_is_quoted_unless_there_are_secrets() {
    let plain = json!({"properties": {"a": {"pattern": "^x+$"}}});
    assert_eq!(message(&compiled(plain), &json!({"a": "y"})), "/a: \"y\" does not match \"^x+$\"");
    let secret = json!({"properties": {"a": {"pattern": "^x+$"}, "key": {"writeOnly": true}}});
    assert_eq!(
        message(&compiled(secret), &json!({"a": "y"})),
        "/a: the value does not match \"^x+$\""
    );
}

#[test]
fn values_that_share_a_budget_use_it_up_together() {
    let schema = compiled(json!({"pattern": HEAVY, "maxLength": 200}));
    let value = json!("ab".repeat(99) + "c");
    let mut budget = Budget::of_ms(50);
    let checked = (0..100).take_while(|_| schema.validate_within(&value, &mut budget).is_ok());
    assert!((1..20).contains(&checked.count()));
    assert!(is_valid(&schema, &value), "by itself it is cheap enough");
}

#[test]
fn an_alternative_that_is_never_meant_costs_what_it_costs() {
    let schema = compiled(json!({"not": {"items": {"pattern": HEAVY, "maxLength": 100}}}));
    let value = json!(vec!["ab".repeat(49) + "c"; 9_000]);
    assert!(message(&schema, &value).contains("validation_ms"));
}

#[test]
fn every_item_of_a_plain_schema_counts() {
    let schema = compiled(json!({"items": {"anyOf": vec![json!({"minimum": 9}); 99]}}));
    assert!(is_valid(&schema, &json!(vec![9; 10_000])));
    assert!(message(&schema, &json!(vec![0; 200_000])).contains("too many parts"));
    let unique = compiled(json!({"uniqueItems": true, "items": {"items": {"type": "integer"}}}));
    let list = json!(vec![0; 30_000]);
    assert!(message(&unique, &json!(vec![list; 14])).contains("too many parts"));
}

#[test]
fn defaults_that_are_added_are_bounded_in_number_and_bytes() {
    let properties: Map<_, _> =
        (0..1_000).map(|n| (format!("p{n}"), json!({"default": 0}))).collect();
    let inner = json!({"$ref": "#/$defs/inner"});
    let outer: Map<_, _> = (0..50).map(|n| (format!("o{n}"), inner.clone())).collect();
    let definitions = json!({"inner": {"properties": properties}});
    let schema = compiled(json!({"properties": outer, "$defs": definitions}));
    let objects = |count: usize| -> Value {
        (0..count).map(|n| (format!("o{n}"), json!({}))).collect::<Map<_, _>>().into()
    };
    let mut few = objects(20);
    assert!(schema.fill_defaults(&mut few).is_ok());
    assert_eq!(few["o19"]["p999"], json!(0));
    let many = schema.fill_defaults(&mut objects(21)).unwrap_err();
    assert!(many.message.contains("20000 values (default_values)"), "{many:?}");

    let text = json!({"properties": {"t": {"default": "x".repeat(60_000)}, "next": {"$ref": "#"}}});
    let nested = |depth| (0..depth).fold(json!({}), |inner, _| json!({"next": inner}));
    assert!(compiled(text.clone()).fill_defaults(&mut nested(16)).is_ok());
    let long = compiled(text).fill_defaults(&mut nested(17)).unwrap_err();
    assert!(long.message.contains("1048576 bytes (default_bytes)"), "{long:?}");
}

#[test]
fn the_schemas_of_a_manifest_share_their_room() {
    let mut few = limits();
    few.manifest_patterns = 30;
    let bounds = Bounds::new(&few, 1 << 20);
    let mut room = Room::new(&few);
    let with = |from: usize| {
        let one = |n: usize| (format!("p{n}"), json!({"pattern": format!("^a{n}b")}));
        json!({"properties": (from..from + 20).map(one).collect::<Map<_, _>>()})
    };
    assert!(Schema::compile(&with(0), &bounds, &mut room).is_ok());
    let found = Schema::compile(&with(100), &bounds, &mut room).unwrap_err();
    assert!(found[0].message.contains("more than 30 different patterns"), "{found:?}");

    let mut small = limits();
    small.manifest_pattern_bytes = 3 << 20;
    let heavy = |n: usize| json!({"pattern": format!("{HEAVY}{n}"), "maxLength": 100});
    let mut room = Room::new(&small);
    assert!(Schema::compile(&heavy(0), &bounds, &mut room).is_ok());
    assert!(Schema::compile(&heavy(1), &bounds, &mut room).is_ok());
    let found = Schema::compile(&heavy(2), &bounds, &mut room).unwrap_err();
    assert!(found[0].message.contains("manifest_pattern_bytes"), "{found:?}");
}

#[test]
fn compiling_ends_with_its_time() {
    let mut none = limits();
    none.manifest_cpu_ms = 0;
    let found = Schema::compile(
        &json!({"pattern": "^a+b"}),
        &Bounds::new(&none, 100),
        &mut Room::new(&none),
    );
    assert!(found.unwrap_err()[0].message.contains("manifest_cpu_ms"));
    assert!(compile(&json!({"pattern": "^a+b"})).is_ok());
}
