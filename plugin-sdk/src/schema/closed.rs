//! Closes the objects of a schema, at any depth: members that none of its types has are refused. What a type
//! leaves open itself (a map, any JSON) stays open.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

const COMBINED: [&str; 4] = ["$ref", "allOf", "anyOf", "oneOf"];

/// Closes the objects of the schema.
pub fn close(schema: &mut Value) {
    let mut parts = BTreeSet::new();
    find_parts(schema, Describes::Whole, &mut parts);
    close_under(schema, Describes::Whole, &parts, "#");
}

/// How much of a value a schema describes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Describes {
    Whole,
    /// Other schemas describe other members.
    Part,
}

/// The definitions that describe only some members of an object, because the schema describes others elsewhere.
fn find_parts(schema: &Value, describes: Describes, parts: &mut BTreeSet<String>) {
    let Some(keywords) = schema.as_object() else { return };
    let is_split = describes == Describes::Part || has_members(keywords);
    if let Some(reference) = keywords.get("$ref").and_then(Value::as_str)
        && is_split
    {
        parts.insert(reference.to_owned());
    }
    for (keyword, inner) in keywords {
        let describes = described_under(keyword, is_split);
        match inner {
            _ if has_values(keyword) => {}
            Value::Array(all) => all.iter().for_each(|one| find_parts(one, describes, parts)),
            Value::Object(named) if is_by_name(keyword) => {
                named.values().for_each(|one| find_parts(one, Describes::Whole, parts));
            }
            one => find_parts(one, describes, parts),
        }
    }
}

fn close_under(schema: &mut Value, describes: Describes, parts: &BTreeSet<String>, at: &str) {
    let Some(keywords) = schema.as_object_mut() else { return };
    let is_whole = describes == Describes::Whole && !parts.contains(at);
    let is_split = !is_whole || has_members(keywords);
    for (keyword, inner) in keywords.iter_mut() {
        let describes = described_under(keyword, is_split);
        match inner {
            _ if has_values(keyword) => {}
            Value::Array(all) => {
                all.iter_mut().for_each(|one| close_under(one, describes, parts, ""))
            }
            Value::Object(named) if is_by_name(keyword) => {
                for (name, one) in named {
                    close_under(one, Describes::Whole, parts, &format!("#/{keyword}/{name}"));
                }
            }
            one => close_under(one, describes, parts, ""),
        }
    }
    let is_open = ["additionalProperties", "unevaluatedProperties"]
        .iter()
        .any(|keyword| keywords.contains_key(*keyword));
    // Such a definition stays open itself; it is closed in places where it is the whole description.
    let refers_to_part =
        keywords.get("$ref").and_then(Value::as_str).is_some_and(|to| parts.contains(to));
    let is_object = has_members(keywords) || keywords.contains_key("allOf") || refers_to_part;
    if !is_whole || is_open || !is_object {
        return;
    }
    let is_combined = COMBINED.iter().any(|keyword| keywords.contains_key(*keyword));
    let keyword = if is_combined { "unevaluatedProperties" } else { "additionalProperties" };
    keywords.insert(keyword.to_owned(), Value::Bool(false));
}

/// How much the schema under a keyword describes. An alternative describes the whole value if nothing else describes the
/// value's members.
fn described_under(keyword: &str, is_split: bool) -> Describes {
    match keyword {
        "allOf" | "not" | "if" | "then" | "else" => Describes::Part,
        "anyOf" | "oneOf" if is_split => Describes::Part,
        _ => Describes::Whole,
    }
}

/// Whether what is under a keyword is values, and no schemas.
pub fn has_values(keyword: &str) -> bool {
    ["default", "enum", "const", "examples"].contains(&keyword)
}

/// Whether the schemas under a keyword have names.
pub fn is_by_name(keyword: &str) -> bool {
    ["properties", "patternProperties", "$defs", "dependentSchemas"].contains(&keyword)
}

fn has_members(keywords: &Map<String, Value>) -> bool {
    keywords
        .get("properties")
        .is_some_and(|members| members.as_object().is_some_and(|all| !all.is_empty()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use moothall_values::schema::{Bounds, Room, Schema as Compiled, SchemaLimits};
    use schemars::JsonSchema;
    use serde::Deserialize;
    use serde_json::{Value, json};

    use super::close;
    use crate::schema::{maker, of_object};

    #[derive(Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "what is read is what the schema says")]
    struct Config {
        name: Option<String>,
        nested: Option<Nested>,
        map: Option<BTreeMap<String, Nested>>,
        any: Option<Value>,
        tagged: Option<Tagged>,
        untagged: Option<Untagged>,
        flat: Option<Flat>,
        open: Option<Open>,
    }

    #[derive(Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "as above")]
    struct Nested {
        a: u8,
    }

    #[derive(Deserialize, JsonSchema)]
    #[serde(tag = "kind")]
    #[expect(dead_code, reason = "as above")]
    enum Tagged {
        Inner(Nested),
        Fields { b: u8 },
        Unit,
    }

    #[derive(Deserialize, JsonSchema)]
    #[serde(untagged)]
    #[expect(dead_code, reason = "as above")]
    enum Untagged {
        One { c: u8 },
        Other(Nested),
        Text(String),
    }

    #[derive(Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "as above")]
    struct Flat {
        d: u8,
        #[serde(flatten)]
        nested: Nested,
        #[serde(flatten)]
        tagged: Tagged,
    }

    #[derive(Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "as above")]
    struct Open {
        e: u8,
        #[serde(flatten)]
        others: BTreeMap<String, u8>,
    }

    #[derive(Deserialize, JsonSchema)]
    #[serde(untagged)]
    #[expect(dead_code, reason = "as above")]
    enum Whole {
        One { a: u8 },
        Other { b: u8 },
    }

    fn accepts<T: JsonSchema>(value: &Value) -> bool {
        let (limits, mut document) = (SchemaLimits::default(), of_object(maker::<T>()).to_value());
        close(&mut document);
        let bounds = Bounds::new(&limits, 1 << 20);
        let schema = Compiled::compile(&document, &bounds, &mut Room::new(&limits));
        schema.expect("a schema").validate(value).is_ok()
    }

    #[test]
    fn what_a_type_reads_is_accepted_and_what_it_does_not_know_is_refused() {
        for (read, unknown) in [
            (json!({ "name": "n" }), json!({ "nam": "n" })),
            (json!({ "nested": { "a": 1 } }), json!({ "nested": { "a": 1, "x": 1 } })),
            (json!({ "map": { "k": { "a": 1 } } }), json!({ "map": { "k": { "a": 1, "x": 1 } } })),
            (
                json!({ "tagged": { "kind": "Inner", "a": 1 } }),
                json!({ "tagged": { "kind": "Inner", "a": 1, "x": 1 } }),
            ),
            (
                json!({ "tagged": { "kind": "Fields", "b": 1 } }),
                json!({ "tagged": { "kind": "Fields", "b": 1, "x": 1 } }),
            ),
            (json!({ "untagged": { "c": 1 } }), json!({ "untagged": { "c": 1, "x": 1 } })),
            (json!({ "untagged": { "a": 1 } }), json!({ "untagged": { "a": 1, "c": 1 } })),
            (json!({ "untagged": "text" }), json!({ "untagged": {} })),
            (
                json!({ "flat": { "d": 1, "a": 1, "kind": "Fields", "b": 1 } }),
                json!({ "flat": { "d": 1, "a": 1, "kind": "Fields", "b": 1, "x": 1 } }),
            ),
        ] {
            assert!(serde_json::from_value::<Config>(read.clone()).is_ok(), "{read}");
            assert!(accepts::<Config>(&read), "{read}");
            assert!(!accepts::<Config>(&unknown), "{unknown}");
        }
    }

    #[test]
    fn what_a_type_leaves_open_stays_open() {
        for read in [json!({ "any": { "x": { "y": 1 } } }), json!({ "open": { "e": 1, "x": 2 } })] {
            assert!(accepts::<Config>(&read), "{read}");
        }
        assert!(accepts::<Value>(&json!({ "x": 1 })));
        assert!(
            accepts::<Whole>(&json!({ "b": 1 })) && !accepts::<Whole>(&json!({ "b": 1, "x": 1 }))
        );
    }
}
