//! Compares configs by meaning. Two different texts may mean the same: they differ only in members that the
//! schema does not know, in defaults that are written out, in `null` for an absent member, in how a number is
//! written, or in secrets, which are compared separately.

mod decimal;

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use super::outline::{Outline, OutlinePart, WHOLE};
use super::patterns::Patterns;
use super::references::{Node, References, SchemaId};
use super::secret_paths::SecretPaths;
use decimal::Decimal;

pub struct Meaning {
    outline: Outline,
    /// What each schema says.
    facts: Vec<Facts>,
}

/// What a schema says, apart from its subschemas.
struct Facts {
    default: Option<Value>,
    required: HashSet<String>,
    /// `false`: no value is valid.
    is_never: bool,
    /// Any object is valid, whatever its members are.
    takes_any_object: bool,
}

/// Which members are taken out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unknown {
    /// Those that no schema knows or refuses.
    Ignored,
    All,
}

type Parts<'m> = Vec<(SchemaId, &'m OutlinePart)>;

impl Meaning {
    pub fn of(references: &References, patterns: &Patterns) -> Meaning {
        let outline = Outline::of(references, patterns, |_| true);
        Meaning { outline, facts: references.schemas.iter().map(Facts::of).collect() }
    }

    /// Takes out the members that no schema knows, unless one refuses them.
    pub fn forget_ignored(&self, value: &mut Value) {
        self.forget(vec![WHOLE], value, Unknown::Ignored);
    }

    /// Takes out all members that no schema knows.
    pub fn forget_unknown(&self, value: &mut Value) {
        self.forget(vec![WHOLE], value, Unknown::All);
    }

    /// Whether the two differ only in secrets, as far as the schema knows.
    pub fn is_same(&self, secrets: &SecretPaths, one: &Value, other: &Value) -> bool {
        let mut essence = Essence { meaning: self, secrets, defaults: HashMap::new() };
        let (one, other) = (essence.of(vec![WHOLE], one), essence.of(vec![WHOLE], other));
        match (one, other) {
            (Some(one), Some(other)) => equal(&one, &other),
            (one, other) => one.is_none() && other.is_none(),
        }
    }

    fn forget(&self, schemas: Vec<SchemaId>, value: &mut Value, unknown: Unknown) {
        let parts = self.outline.at(schemas);
        if parts.is_empty() {
            return;
        }
        match value {
            Value::Object(members) => {
                if unknown == Unknown::All || !self.refuses_unknown(&parts) {
                    members.retain(|name, _| self.knows(&parts, name));
                }
                for (name, member) in members {
                    self.forget(of_property(&parts, name), member, unknown);
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    self.forget(of_item(&parts, index), item, unknown);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn refuses_unknown(&self, parts: &Parts) -> bool {
        let refuses =
            |part: &OutlinePart| part.of_others().iter().any(|id| self.facts[*id].is_never);
        parts.iter().any(|(_, part)| refuses(part))
    }

    /// Whether any of the schemas describes a member of that name. If none describes members at all, each
    /// member is data.
    fn knows(&self, parts: &Parts, name: &str) -> bool {
        let takes_others =
            |part: &OutlinePart| part.of_others().iter().any(|id| !self.facts[*id].is_never);
        let mut is_data = true;
        for (id, part) in parts {
            let facts = &self.facts[*id];
            if part.names(name)
                || takes_others(part)
                || facts.required.contains(name)
                || (facts.takes_any_object && part.is_alone())
            {
                return true;
            }
            is_data &= !part.names_members() && part.of_others().is_empty();
        }
        is_data
    }
}

fn of_property(parts: &Parts, name: &str) -> Vec<SchemaId> {
    parts.iter().flat_map(|(_, part)| part.of_property(name)).collect()
}

fn of_item(parts: &Parts, index: usize) -> Vec<SchemaId> {
    parts.iter().flat_map(|(_, part)| part.of_item(index)).collect()
}

/// Keywords that do not say which members an object has.
const SILENT: [&str; 12] = [
    "$anchor",
    "$comment",
    "$defs",
    "$id",
    "$schema",
    "default",
    "definitions",
    "description",
    "examples",
    "title",
    "type",
    "readOnly",
];

impl Facts {
    fn of(node: &Node) -> Facts {
        let required = node.schema.get("required").and_then(Value::as_array);
        let required = required.into_iter().flatten().filter_map(Value::as_str);
        Facts {
            default: node.schema.get("default").cloned(),
            required: required.map(str::to_owned).collect(),
            is_never: *node.schema == Value::Bool(false),
            takes_any_object: takes_any_object(node.schema),
        }
    }
}

fn takes_any_object(schema: &Value) -> bool {
    let Value::Object(keywords) = schema else { return *schema == Value::Bool(true) };
    let is_object = |kind: &Value| kind == "object";
    let may_be_object = match keywords.get("type") {
        None => true,
        Some(Value::Array(kinds)) => kinds.iter().any(is_object),
        Some(kind) => is_object(kind),
    };
    may_be_object && keywords.keys().all(|keyword| SILENT.contains(&keyword.as_str()))
}

/// Reduces a value to what makes a difference.
struct Essence<'m> {
    meaning: &'m Meaning,
    secrets: &'m SecretPaths,
    /// Defaults by their schema; none while one is being calculated, which may lead back to itself.
    defaults: HashMap<SchemaId, Option<Value>>,
}

impl Essence<'_> {
    /// None for a secret.
    fn of(&mut self, schemas: Vec<SchemaId>, value: &Value) -> Option<Value> {
        let meaning = self.meaning;
        let parts = meaning.outline.at(schemas);
        if parts.iter().any(|(id, _)| self.secrets.is_secret(*id)) {
            return None;
        }
        Some(match value {
            Value::Object(members) => {
                let known = members.iter().filter(|(name, _)| meaning.knows(&parts, name));
                let left = known.filter_map(|(name, member)| {
                    Some((name.clone(), self.member(of_property(&parts, name), member)?))
                });
                Value::Object(left.collect::<Map<_, _>>())
            }
            Value::Array(items) => {
                let items = items.iter().enumerate();
                items.filter_map(|(index, item)| self.of(of_item(&parts, index), item)).collect()
            }
            other => other.clone(),
        })
    }

    /// None for a member that means the same as its absence.
    fn member(&mut self, schemas: Vec<SchemaId>, value: &Value) -> Option<Value> {
        let ids: Vec<_> =
            self.meaning.outline.at(schemas.clone()).into_iter().map(|(id, _)| id).collect();
        let value = self.of(schemas, value)?;
        let mut has_default = false;
        for id in ids {
            if let Some(default) = self.default(id) {
                if equal(&value, &default) {
                    return None;
                }
                has_default = true;
            }
        }
        (has_default || !value.is_null()).then_some(value)
    }

    fn default(&mut self, id: SchemaId) -> Option<Value> {
        let default = self.meaning.facts[id].default.as_ref()?;
        if let Some(known) = self.defaults.get(&id) {
            return known.clone();
        }
        self.defaults.insert(id, None);
        let essence = self.of(vec![id], default);
        self.defaults.insert(id, essence.clone());
        essence
    }
}

/// Numbers are equal if they have the same value, however they are written.
fn equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => Decimal::of(one) == Decimal::of(other),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| equal(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .all(|(name, one)| other.get(name).is_some_and(|other| equal(one, other)))
        }
        _ => one == other,
    }
}
