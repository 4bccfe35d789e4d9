//! Secrets of a configuration are taken out of it, as the real host does: the plugin gets their places.
//! Which values are secret is said by the schema and by nothing else.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// How deep a schema is followed; one that refers to itself has no end.
const DEPTH: usize = 32;

/// The configuration with places for secrets, and the secrets by their JSON Pointers.
pub fn in_config(config: Value, schema: &Value, secrets: &mut BTreeMap<String, String>) -> Value {
    Sealer { root: schema, secrets, place: by_pointer }.seal(config, schema, String::new(), 0)
}

/// The settings with names for secrets, and the secrets by `settings:<name>`.
pub fn in_settings(
    settings: Value,
    schema: &Value,
    secrets: &mut BTreeMap<String, String>,
) -> Value {
    Sealer { root: schema, secrets, place: by_name }.seal(settings, schema, String::new(), 0)
}

fn by_pointer(pointer: &str) -> (String, &str) {
    (pointer.to_owned(), pointer)
}

fn by_name(pointer: &str) -> (String, &str) {
    let name = pointer.trim_start_matches('/');
    (format!("settings:{name}"), name)
}

struct Sealer<'a> {
    root: &'a Value,
    secrets: &'a mut BTreeMap<String, String>,
    /// From a pointer to where the value is kept, and what the plugin is told.
    place: fn(&str) -> (String, &str),
}

impl Sealer<'_> {
    fn seal(&mut self, value: Value, schema: &Value, pointer: String, depth: usize) -> Value {
        let schema = self.resolve(schema);
        let is_secret = schema["writeOnly"] == true || schema["format"] == "password";
        match value {
            Value::String(text) if is_secret => self.keep(text, &pointer),
            _ if depth == DEPTH => value,
            Value::Object(fields) => fields
                .into_iter()
                .map(|(key, value)| {
                    let at = format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
                    let value = self.seal_field(value, &schema, &key, at, depth + 1);
                    (key, value)
                })
                .collect(),
            Value::Array(items) => items
                .into_iter()
                .enumerate()
                .map(|(at, item)| {
                    self.seal(item, &schema["items"], format!("{pointer}/{at}"), depth + 1)
                })
                .collect(),
            other => other,
        }
    }

    /// A field is described by the schema itself or by one of the alternatives it is made of.
    fn seal_field(
        &mut self,
        value: Value,
        schema: &Value,
        key: &str,
        at: String,
        depth: usize,
    ) -> Value {
        let mut value = self.seal(value, &schema["properties"][key], at.clone(), depth);
        for word in ["allOf", "anyOf", "oneOf"] {
            for part in schema[word].as_array().into_iter().flatten() {
                let part = self.resolve(part);
                value = self.seal(value, &part["properties"][key], at.clone(), depth);
            }
        }
        value
    }

    fn keep(&mut self, text: String, pointer: &str) -> Value {
        let (place, told) = (self.place)(pointer);
        self.secrets.insert(place, text);
        json!({ "$secret": told })
    }

    fn resolve(&self, schema: &Value) -> Value {
        let reference = schema["$ref"].as_str().and_then(|text| text.strip_prefix('#'));
        reference.and_then(|pointer| self.root.pointer(pointer)).unwrap_or(schema).clone()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::{in_config, in_settings};

    #[test]
    fn secrets_leave_their_places() {
        let schema = json!({
            "properties": {
                "key": { "type": "string", "writeOnly": true },
                "inner": { "$ref": "#/$defs/Inner" }
            },
            "$defs": { "Inner": { "properties": { "a/b": { "writeOnly": true } } } }
        });
        let mut secrets = BTreeMap::new();
        let config = json!({ "key": "k", "inner": { "a/b": "i", "open": "o" } });
        let expected = json!({
            "key": { "$secret": "/key" },
            "inner": { "a/b": { "$secret": "/inner/a~1b" }, "open": "o" }
        });
        assert_eq!(in_config(config, &schema, &mut secrets), expected);
        let settings = in_settings(json!({ "key": "s" }), &schema, &mut secrets);
        assert_eq!(settings, json!({ "key": { "$secret": "key" } }));
        let kept = [("/inner/a~1b", "i"), ("/key", "k"), ("settings:key", "s")];
        assert_eq!(secrets, kept.map(|(k, v)| (k.to_owned(), v.to_owned())).into());
    }
}
