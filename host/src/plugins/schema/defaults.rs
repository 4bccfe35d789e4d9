//! The defaults of a schema: found once, as a tree of only those properties that lead to one, then filled into values.
//!
//! Only `properties.*.default` counts, also through references inside the document, never inside allOf, anyOf or oneOf:
//! which branch holds is known only after validation. What a value already says is never changed.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use super::SchemaError;
use super::places::Place;
use super::references::{References, SchemaId};

/// Defaults inside defaults, at most this deep: deeper ones lead back into themselves.
const DEPTH: usize = 64;
/// The values of all defaults of a schema together, with the defaults inside them.
const VALUES: usize = 100_000;
/// Values added to one value at most; what a client nests may ask for one default many times over.
const ADDED: usize = 1_000_000;

pub struct Defaults {
    /// By the schema of an object; the ones that lead to no default are left out.
    objects: HashMap<SchemaId, Vec<Field>>,
}

struct Field {
    name: String,
    default: Option<Completed>,
    object: SchemaId,
}

/// A default with the defaults inside it already filled in.
struct Completed {
    value: Value,
    size: usize,
}

impl Defaults {
    pub fn of(references: &References) -> Result<Defaults, SchemaError> {
        let mut defaults = Defaults { objects: objects(references) };
        defaults.prune();
        defaults.complete(references)?;
        Ok(defaults)
    }

    pub fn fill(&self, value: &mut Value) {
        let mut room = ADDED;
        if !self.objects.is_empty() {
            self.fill_object(0, value, &mut room);
        }
    }

    fn fill_object(&self, object: SchemaId, value: &mut Value, room: &mut usize) {
        let (Some(fields), Value::Object(members)) = (self.objects.get(&object), value) else {
            return;
        };
        for field in fields {
            match (members.get_mut(&field.name), &field.default) {
                (Some(present), _) => self.fill_object(field.object, present, room),
                (None, Some(default)) if default.size <= *room => {
                    *room -= default.size;
                    members.insert(field.name.clone(), default.value.clone());
                }
                (None, _) => {}
            }
        }
    }

    /// Drops what leads to no default, so that filling never looks at it.
    fn prune(&mut self) {
        let mut used_by: HashMap<SchemaId, Vec<SchemaId>> = HashMap::new();
        for (id, fields) in &self.objects {
            fields.iter().for_each(|field| used_by.entry(field.object).or_default().push(*id));
        }
        let has_default = |fields: &[Field]| fields.iter().any(|field| field.default.is_some());
        let mut waiting: Vec<_> = self
            .objects
            .iter()
            .filter(|(_, fields)| has_default(fields))
            .map(|(id, _)| *id)
            .collect();
        let mut leading: HashSet<SchemaId> = HashSet::new();
        while let Some(id) = waiting.pop() {
            if leading.insert(id) {
                waiting.extend(used_by.get(&id).into_iter().flatten());
            }
        }
        self.objects.retain(|id, _| leading.contains(id));
        for fields in self.objects.values_mut() {
            fields.retain(|field| field.default.is_some() || leading.contains(&field.object));
        }
    }

    /// Fills each default once and for all with the defaults of its own properties.
    fn complete(&mut self, references: &References) -> Result<(), SchemaError> {
        let mut room = VALUES;
        let mut completed = Vec::new();
        for (id, fields) in &self.objects {
            for (index, field) in
                fields.iter().enumerate().filter(|(_, field)| field.default.is_some())
            {
                let mut value =
                    field.default.as_ref().map(|default| default.value.clone()).unwrap_or_default();
                let before = room;
                self.complete_value(field.object, &mut value, DEPTH, &mut room)
                    .ok_or_else(|| endless(references, field))?;
                completed.push((*id, index, Completed { value, size: before - room }));
            }
        }
        for (id, index, default) in completed {
            if let Some(field) = self.objects.get_mut(&id).and_then(|fields| fields.get_mut(index))
            {
                field.default = Some(default);
            }
        }
        Ok(())
    }

    /// `None` if there is no end to it.
    fn complete_value(
        &self,
        object: SchemaId,
        value: &mut Value,
        depth: usize,
        room: &mut usize,
    ) -> Option<()> {
        *room = room.checked_sub(size(value))?;
        let (Some(fields), Value::Object(members)) = (self.objects.get(&object), value) else {
            return Some(());
        };
        let depth = depth.checked_sub(1)?;
        for field in fields {
            match (members.get_mut(&field.name), &field.default) {
                (Some(present), _) => self.complete_value(field.object, present, depth, room)?,
                (None, Some(default)) => {
                    let mut added = default.value.clone();
                    self.complete_value(field.object, &mut added, depth, room)?;
                    members.insert(field.name.clone(), added);
                }
                (None, None) => {}
            }
        }
        Some(())
    }
}

fn endless(references: &References, field: &Field) -> SchemaError {
    let path = &references.schemas[field.object].path;
    SchemaError::at(
        path,
        "the defaults inside its default do not end, or are too many; leave out one of those that lead back here",
    )
}

fn size(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(size).sum::<usize>(),
        Value::Object(members) => 1 + members.values().map(size).sum::<usize>(),
        Value::String(text) => 1 + text.len() / 32,
        Value::Null | Value::Bool(_) | Value::Number(_) => 1,
    }
}

/// The properties of every object that the root's properties lead to.
fn objects(references: &References) -> HashMap<SchemaId, Vec<Field>> {
    let mut objects = HashMap::new();
    let mut waiting = vec![0];
    while let Some(id) = waiting.pop() {
        if objects.contains_key(&id) {
            continue;
        }
        let fields = fields(references, id);
        waiting.extend(fields.iter().map(|field| field.object));
        objects.insert(id, fields);
    }
    objects
}

fn fields(references: &References, id: SchemaId) -> Vec<Field> {
    let mut fields: Vec<Field> = Vec::new();
    let mut named = HashSet::new();
    for described in descriptions(references, id) {
        for (place, property) in &references.schemas[described].edges {
            if let Place::Property(name) = place
                && named.insert(*name)
            {
                let default = default(references, *property);
                fields.push(Field { name: (*name).to_owned(), default, object: *property });
            }
        }
    }
    fields
}

fn default(references: &References, property: SchemaId) -> Option<Completed> {
    let mut schemas =
        descriptions(references, property).into_iter().map(|id| references.schemas[id].schema);
    let value = schemas.find_map(|schema| {
        schema.as_object().and_then(|keywords: &Map<_, _>| keywords.get("default"))
    })?;
    Some(Completed { value: value.clone(), size: size(value) })
}

/// The schema itself, then what it refers to, nearest first.
fn descriptions(references: &References, id: SchemaId) -> Vec<SchemaId> {
    let mut found = vec![id];
    let mut next = 0;
    while let Some(id) = found.get(next) {
        for target in &references.schemas[*id].refers_to {
            if !found.contains(target) {
                found.push(*target);
                break;
            }
        }
        next += 1;
    }
    found
}
