//! A JSON Schema for people: a line for each property, or the schema itself where it is no object.

use serde_json::Value;

/// The longest schema or default on a line, in characters.
const LONGEST: usize = 100;
/// How many arrays inside each other are told; a type may contain itself.
const ARRAYS: usize = 3;

/// One line for each property; one for a schema without any.
pub fn lines(schema: &Value) -> Vec<String> {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        return vec![compact(schema)];
    };
    let width = properties.keys().map(|name| name.chars().count()).max().unwrap_or(0);
    let line = |(name, property): (&String, &Value)| {
        let about = about(schema, name, property);
        format!("{name:width$}  {about}").trim_end().to_owned()
    };
    properties.iter().map(line).collect()
}

/// JSON on one line, cut if it is long.
pub fn compact(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// `string, required, secret. What it is for.`
fn about(schema: &Value, name: &str, property: &Value) -> String {
    let (own, property) = (property, referred(schema, property));
    let required = schema.get("required").and_then(Value::as_array);
    let is_required = required.is_some_and(|names| names.iter().any(|one| one == name));
    let is_secret = property.get("writeOnly") == Some(&Value::Bool(true))
        || property.get("format").is_some_and(|format| format == "password");
    let mut parts: Vec<String> = type_of(schema, property, ARRAYS).into_iter().collect();
    parts.extend(is_required.then(|| "required".to_owned()));
    parts.extend(is_secret.then(|| "secret".to_owned()));
    parts.extend(property.get("default").map(|default| format!("default {}", compact(default))));
    // What stands beside a `$ref` is about this property.
    let description = own.get("description").or_else(|| property.get("description"));
    let description = description.and_then(Value::as_str).unwrap_or_default();
    let dot = if parts.is_empty() || description.is_empty() { "" } else { ". " };
    format!("{}{dot}{}", parts.join(", "), description.replace('\n', " "))
}

fn type_of(schema: &Value, property: &Value, arrays: usize) -> Option<String> {
    if let Some(values) = property.get("enum") {
        return Some(format!("one of {}", compact(values)));
    }
    match property.get("type")? {
        Value::String(kind) if kind == "array" => {
            let items = property.get("items").filter(|_| arrays > 0);
            let items = items.map(|items| referred(schema, items));
            let of = items.and_then(|items| type_of(schema, items, arrays - 1));
            Some(of.map_or_else(|| "array".to_owned(), |of| format!("array of {of}")))
        }
        Value::String(kind) => Some(kind.clone()),
        Value::Array(kinds) => {
            let kinds: Vec<&str> = kinds.iter().filter_map(Value::as_str).collect();
            Some(kinds.join(" or "))
        }
        _ => None,
    }
}

/// What a local `$ref` leads to; else the schema itself.
fn referred<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    let pointer = schema.get("$ref").and_then(Value::as_str).and_then(|at| at.strip_prefix('#'));
    pointer.and_then(|pointer| root.pointer(pointer)).unwrap_or(schema)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_property_says_its_type_and_what_is_special_about_it() {
        let schema = json!({
            "type": "object",
            "required": ["name"],
            "properties": {
                "name": { "type": "string", "description": "Who is\ngreeted." },
                "key": { "$ref": "#/$defs/secret", "description": "Of it." },
                "tags": { "type": "array", "items": { "type": "string" }, "default": [] },
                "any": {},
                "size": { "enum": ["s", "m"] },
                "count": { "type": ["integer", "null"] },
                "tree": { "$ref": "#/$defs/tree" },
            },
            "$defs": {
                "secret": { "type": "string", "writeOnly": true },
                "tree": { "type": "array", "items": { "$ref": "#/$defs/tree" } },
            },
        });
        let lines = lines(&schema);
        for expected in [
            "name   string, required. Who is greeted.",
            "key    string, secret. Of it.",
            "tags   array of string, default []",
            "any",
            "size   one of [\"s\",\"m\"]",
            "count  integer or null",
            "tree   array of array of array of array",
        ] {
            assert!(lines.iter().any(|line| line == expected), "{expected} in {lines:#?}");
        }
    }

    #[test]
    fn what_is_no_object_is_shown_as_it_is_and_cut_if_it_is_long() {
        assert_eq!(lines(&json!({ "type": "integer" })), ["{\"type\":\"integer\"}"]);
        let long = compact(&json!("é".repeat(200)));
        assert_eq!(long.chars().count(), LONGEST + 1);
    }
}
