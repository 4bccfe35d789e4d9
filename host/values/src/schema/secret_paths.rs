//! Where a config may contain secrets: the places whose schema says `"writeOnly": true` or `"format":
//! "password"`.
//!
//! In doubt a place is secret: it is enough if one branch of an allOf, anyOf or oneOf says so, whichever branch
//! holds.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::outline::{Outline, WHOLE};
use super::patterns::Patterns;
use super::places::{Place, escape};
use super::references::{References, SchemaId};

pub struct SecretPaths {
    /// The schemas that describe a secret, or contain one that does.
    outline: Outline,
    secret: HashSet<SchemaId>,
}

impl SecretPaths {
    pub(super) fn of(references: &References, patterns: &Patterns) -> SecretPaths {
        let secret = secret(references);
        let leading = leading_to(&secret, references);
        let outline = Outline::of(references, patterns, |id| leading.contains(&id));
        SecretPaths { outline, secret }
    }

    pub fn is_empty(&self) -> bool {
        self.outline.is_empty()
    }

    /// Whether a value that this schema describes is a secret.
    pub(super) fn is_secret(&self, schema: SchemaId) -> bool {
        self.secret.contains(&schema)
    }

    /// JSON Pointers of the secrets that are set in `value`, whatever their type.
    pub fn find(&self, value: &Value) -> Vec<String> {
        let mut found = Vec::new();
        if !self.is_empty() {
            self.search(vec![WHOLE], value, &mut String::new(), &mut found);
        }
        found
    }

    fn search(
        &self,
        schemas: Vec<SchemaId>,
        value: &Value,
        path: &mut String,
        found: &mut Vec<String>,
    ) {
        let parts = self.outline.at(schemas);
        if parts.iter().any(|(id, _)| self.secret.contains(id)) {
            if !value.is_null() {
                found.push(path.clone());
            }
            return;
        }
        match value {
            Value::Object(members) => members.iter().for_each(|(name, member)| {
                let schemas = parts.iter().flat_map(|(_, part)| part.of_property(name)).collect();
                self.search_below(schemas, &escape(name), member, path, found);
            }),
            Value::Array(items) => items.iter().enumerate().for_each(|(index, item)| {
                let schemas = parts.iter().flat_map(|(_, part)| part.of_item(index)).collect();
                self.search_below(schemas, &index.to_string(), item, path, found);
            }),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn search_below(
        &self,
        schemas: Vec<SchemaId>,
        step: &str,
        value: &Value,
        path: &mut String,
        found: &mut Vec<String>,
    ) {
        if schemas.is_empty() {
            return;
        }
        let length = path.len();
        path.push('/');
        path.push_str(step);
        self.search(schemas, value, path, found);
        path.truncate(length);
    }
}

fn says_secret(schema: &Value) -> bool {
    schema.get("writeOnly") == Some(&Value::Bool(true))
        || schema.get("format").and_then(Value::as_str) == Some("password")
}

fn secret(references: &References) -> HashSet<SchemaId> {
    let schemas = references.schemas.iter().enumerate();
    schemas.filter(|(_, node)| says_secret(node.schema)).map(|(id, _)| id).collect()
}

/// The schemas of secrets, and those that contain one at any depth.
fn leading_to(secret: &HashSet<SchemaId>, references: &References) -> HashSet<SchemaId> {
    let mut held_by: HashMap<SchemaId, Vec<SchemaId>> = HashMap::new();
    for (id, node) in references.schemas.iter().enumerate() {
        let describing = node.edges.iter().filter(|(place, _)| {
            !matches!(place, Place::Condition | Place::Names | Place::Elsewhere)
        });
        describing.for_each(|(_, target)| held_by.entry(*target).or_default().push(id));
    }
    let mut waiting: Vec<_> = secret.iter().copied().collect();
    let mut leading = HashSet::new();
    while let Some(id) = waiting.pop() {
        if leading.insert(id) {
            waiting.extend(held_by.get(&id).into_iter().flatten());
        }
    }
    leading
}
