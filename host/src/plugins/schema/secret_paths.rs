//! Where a config may hold secrets: the places whose schema says `"writeOnly": true` or `"format": "password"`.
//!
//! In doubt a place is secret: one branch of an allOf, anyOf or oneOf that says so is enough, whichever branch holds.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use serde_json::Value;

use super::patterns::{Pattern, Patterns};
use super::places::{Place, escape};
use super::references::{References, SchemaId};

pub struct SecretPaths {
    /// By schema; the ones that lead to no secret are left out.
    places: HashMap<SchemaId, SecretPlace>,
}

#[derive(Default)]
struct SecretPlace {
    is_secret: bool,
    same: Vec<SchemaId>,
    properties: BTreeMap<String, Vec<SchemaId>>,
    matching: Vec<(Arc<Pattern>, SchemaId)>,
    other_properties: Vec<SchemaId>,
    positions: BTreeMap<usize, Vec<SchemaId>>,
    items: Vec<SchemaId>,
}

impl SecretPaths {
    pub(super) fn of(references: &References, patterns: &Patterns) -> SecretPaths {
        let leading = leading_to_secrets(references);
        let place = |id| SecretPlace::of(references, id, &leading, patterns);
        let places = leading.iter().map(|id| (*id, place(*id)));
        SecretPaths { places: places.collect() }
    }

    pub fn is_empty(&self) -> bool {
        !self.places.contains_key(&0)
    }

    /// JSON Pointers of the secrets that are set in `value`, whatever their type.
    pub fn find(&self, value: &Value) -> Vec<String> {
        let mut found = Vec::new();
        if !self.is_empty() {
            self.search(vec![0], value, &mut String::new(), &mut found);
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
        let places = self.all_places(schemas);
        if places.iter().any(|place| place.is_secret) {
            if !value.is_null() {
                found.push(path.clone());
            }
            return;
        }
        match value {
            Value::Object(members) => members.iter().for_each(|(name, member)| {
                let schemas = places.iter().flat_map(|place| place.of_property(name)).collect();
                self.search_below(schemas, &escape(name), member, path, found);
            }),
            Value::Array(items) => items.iter().enumerate().for_each(|(index, item)| {
                let schemas = places.iter().flat_map(|place| place.of_item(index)).collect();
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

    /// The places of `schemas` and of all that describe the same value, each once.
    fn all_places(&self, mut waiting: Vec<SchemaId>) -> Vec<&SecretPlace> {
        let mut seen = HashSet::new();
        let mut places = Vec::new();
        while let Some(id) = waiting.pop() {
            if let Some(place) = self.places.get(&id).filter(|_| seen.insert(id)) {
                waiting.extend(&place.same);
                places.push(place);
            }
        }
        places
    }
}

impl SecretPlace {
    fn of(
        references: &References,
        id: SchemaId,
        leading: &HashSet<SchemaId>,
        patterns: &Patterns,
    ) -> SecretPlace {
        let node = &references.schemas[id];
        let mut secret =
            SecretPlace { is_secret: says_secret(node.schema), ..SecretPlace::default() };
        for (place, target) in node.edges.iter().filter(|(_, target)| leading.contains(target)) {
            match place {
                Place::Same => secret.same.push(*target),
                Place::Property(name) => {
                    secret.properties.entry((*name).to_owned()).or_default().push(*target)
                }
                Place::Matching(pattern) => match patterns.get(*pattern) {
                    Some(pattern) => secret.matching.push((pattern.clone(), *target)),
                    None => secret.other_properties.push(*target),
                },
                Place::OtherProperties => secret.other_properties.push(*target),
                Place::Item(index) => secret.positions.entry(*index).or_default().push(*target),
                Place::Items => secret.items.push(*target),
                Place::Condition | Place::Names | Place::Elsewhere => {}
            }
        }
        secret
    }

    fn of_property(&self, name: &str) -> Vec<SchemaId> {
        let mut schemas: Vec<SchemaId> =
            self.properties.get(name).into_iter().flatten().copied().collect();
        if !self.matching.is_empty() {
            let matching = self.matching.iter().filter(|(pattern, _)| pattern.is_match(name));
            schemas.extend(matching.map(|(_, schema)| *schema));
        }
        schemas.extend(&self.other_properties);
        schemas
    }

    fn of_item(&self, index: usize) -> Vec<SchemaId> {
        self.positions.get(&index).into_iter().flatten().chain(&self.items).copied().collect()
    }
}

fn says_secret(schema: &Value) -> bool {
    schema.get("writeOnly") == Some(&Value::Bool(true))
        || schema.get("format").and_then(Value::as_str) == Some("password")
}

/// The schemas that say secret or hold, at any depth, one that does.
fn leading_to_secrets(references: &References) -> HashSet<SchemaId> {
    let mut held_by: HashMap<SchemaId, Vec<SchemaId>> = HashMap::new();
    for (id, node) in references.schemas.iter().enumerate() {
        let describing = node.edges.iter().filter(|(place, _)| {
            !matches!(place, Place::Condition | Place::Names | Place::Elsewhere)
        });
        describing.for_each(|(_, target)| held_by.entry(*target).or_default().push(id));
    }
    let secret =
        |(id, node): (SchemaId, &super::references::Node)| says_secret(node.schema).then_some(id);
    let mut waiting: Vec<_> = references.schemas.iter().enumerate().filter_map(secret).collect();
    let mut leading = HashSet::new();
    while let Some(id) = waiting.pop() {
        if leading.insert(id) {
            waiting.extend(held_by.get(&id).into_iter().flatten());
        }
    }
    leading
}
