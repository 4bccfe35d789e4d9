//! The subschemas of a schema, and the part of a value that each describes. Only this file knows the keywords
//! that contain schemas: add a new keyword here.

use serde_json::Value;

pub use crate::json::escape;

/// The part of a value that a subschema is applied to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place<'s> {
    /// The value itself, which has to be valid.
    Same,
    /// The value itself, as a condition: it need not be valid.
    Condition,
    Property(&'s str),
    /// Properties whose name matches a pattern.
    Matching(&'s str),
    /// Properties that nothing else in this schema names.
    OtherProperties,
    Item(usize),
    Items,
    /// The names of its properties.
    Names,
    /// No part of the value: definitions that references use, decoded content.
    Elsewhere,
}

pub struct Subschema<'s> {
    /// JSON Pointer below the containing schema.
    pub path: String,
    pub place: Place<'s>,
    pub schema: &'s Value,
}

/// Every subschema directly inside `schema`, in the order of the document.
pub fn subschemas(schema: &Value) -> Vec<Subschema<'_>> {
    let mut found = Vec::new();
    for (keyword, value) in schema.as_object().into_iter().flatten() {
        match (keyword.as_str(), value) {
            (
                "properties" | "patternProperties" | "dependentSchemas" | "dependencies" | "$defs"
                | "definitions",
                Value::Object(_),
            ) => {
                by_name(keyword, value, &mut found);
            }
            ("allOf" | "anyOf" | "oneOf" | "prefixItems" | "items", Value::Array(_)) => {
                by_index(keyword, value, &mut found)
            }
            (_, Value::Object(_) | Value::Bool(_)) => {
                found.extend(place_of(keyword).map(|place| Subschema {
                    path: format!("/{}", escape(keyword)),
                    place,
                    schema: value,
                }))
            }
            _ => {}
        }
    }
    found
}

fn place_of(keyword: &str) -> Option<Place<'static>> {
    Some(match keyword {
        "then" | "else" => Place::Same,
        "if" | "not" => Place::Condition,
        "additionalProperties" | "unevaluatedProperties" => Place::OtherProperties,
        "items" | "additionalItems" | "unevaluatedItems" | "contains" => Place::Items,
        "propertyNames" => Place::Names,
        "contentSchema" => Place::Elsewhere,
        _ => return None,
    })
}

fn by_name<'s>(keyword: &str, schemas: &'s Value, found: &mut Vec<Subschema<'s>>) {
    for (name, schema) in schemas.as_object().into_iter().flatten() {
        let place = match keyword {
            "properties" => Place::Property(name),
            "patternProperties" => Place::Matching(name),
            "dependentSchemas" | "dependencies" => Place::Same,
            _ => Place::Elsewhere,
        };
        // In `dependencies` of Draft 7 a list of names may be in place of a schema.
        if schema.is_object() || schema.is_boolean() {
            found.push(Subschema { path: format!("/{keyword}/{}", escape(name)), place, schema });
        }
    }
}

fn by_index<'s>(keyword: &str, schemas: &'s Value, found: &mut Vec<Subschema<'s>>) {
    for (index, schema) in schemas.as_array().into_iter().flatten().enumerate() {
        let place = match keyword {
            "items" | "prefixItems" => Place::Item(index),
            _ => Place::Same,
        };
        found.push(Subschema { path: format!("/{keyword}/{index}"), place, schema });
    }
}
