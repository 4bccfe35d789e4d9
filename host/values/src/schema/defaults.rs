//! The defaults of a schema: found once, as a tree of only those properties that lead to a default, and then
//! filled into values.
//!
//! Only `properties.*.default` counts, also through references inside the document, and not inside any other keyword
//! (allOf, anyOf, oneOf, if, items, …), most of which decide only during validation what applies. What a value already has
//! is never changed.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use super::places::Place;
use super::references::{References, SchemaId};
use super::{Bounds, SchemaError, Violation};

/// The greatest depth of defaults inside defaults. Deeper ones are refused, because they probably lead back to themselves.
const DEPTH: usize = 64;

pub struct Defaults {
    /// What is filled into an object, by the object's schema. Schemas that lead to no default are left out.
    objects: HashMap<SchemaId, ObjectDefaults>,
    limits: Amount,
}

/// What is filled into one kind of object.
struct ObjectDefaults {
    /// Members that are added where they are absent.
    absent: Vec<(String, Completed)>,
    /// The schema of each member that may have defaults inside.
    present: HashMap<String, SchemaId>,
}

struct Field {
    name: String,
    default: Option<Completed>,
    object: SchemaId,
}

type Fields = HashMap<SchemaId, Vec<Field>>;

/// A default with the defaults inside it already filled in.
struct Completed {
    value: Value,
    size: Amount,
}

/// The size of a value: its parts, and the bytes of its names and texts.
#[derive(Clone, Copy)]
struct Amount {
    values: usize,
    bytes: usize,
}

impl Defaults {
    pub fn of(
        references: &References,
        bounds: &Bounds,
        room: &mut usize,
    ) -> Result<Defaults, SchemaError> {
        let mut fields = objects(references);
        prune(&mut fields);
        complete(references, &mut fields, room)?;
        let objects =
            fields.into_iter().map(|(id, fields)| (id, ObjectDefaults::of(fields))).collect();
        let limits = Amount { values: bounds.default_values, bytes: bounds.default_bytes };
        Ok(Defaults { objects, limits })
    }

    /// Whether anything was added. An error if more would have to be added than is allowed: a client's nested
    /// value may ask for one default many times.
    pub fn fill(&self, value: &mut Value) -> Result<bool, Violation> {
        let mut room = self.limits;
        if self.objects.is_empty() {
            return Ok(false);
        }
        if self.fill_object(0, value, &mut room).is_some() {
            return Ok(room.values != self.limits.values);
        }
        Err(Violation::too_many_defaults(self.limits.values, self.limits.bytes))
    }

    fn fill_object(&self, object: SchemaId, value: &mut Value, room: &mut Amount) -> Option<()> {
        let (Some(object), Value::Object(members)) = (self.objects.get(&object), value) else {
            return Some(());
        };
        for (name, member) in members.iter_mut() {
            if let Some(inner) = object.present.get(name) {
                self.fill_object(*inner, member, room)?;
            }
        }
        for (name, default) in &object.absent {
            if !members.contains_key(name) {
                *room = room.without(default.size)?;
                members.insert(name.clone(), default.value.clone());
            }
        }
        Some(())
    }
}

impl ObjectDefaults {
    fn of(fields: Vec<Field>) -> ObjectDefaults {
        let present = fields.iter().map(|field| (field.name.clone(), field.object)).collect();
        let absent = fields.into_iter();
        let absent = absent.filter_map(|field| Some((field.name, field.default?))).collect();
        ObjectDefaults { absent, present }
    }
}

impl Amount {
    fn of(value: &Value) -> Amount {
        let mut size = Amount { values: 1, bytes: 0 };
        match value {
            Value::Array(items) => items.iter().for_each(|item| size.add(Amount::of(item))),
            Value::Object(members) => members.iter().for_each(|(name, member)| {
                size.bytes += name.len();
                size.add(Amount::of(member));
            }),
            Value::String(text) => size.bytes = text.len(),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
        size
    }

    fn add(&mut self, part: Amount) {
        self.values += part.values;
        self.bytes += part.bytes;
    }

    fn without(self, part: Amount) -> Option<Amount> {
        let values = self.values.checked_sub(part.values)?;
        Some(Amount { values, bytes: self.bytes.checked_sub(part.bytes)? })
    }
}

/// Drops what leads to no default, so that filling never visits it.
fn prune(objects: &mut Fields) {
    let mut used_by: HashMap<SchemaId, Vec<SchemaId>> = HashMap::new();
    for (id, fields) in objects.iter() {
        fields.iter().for_each(|field| used_by.entry(field.object).or_default().push(*id));
    }
    let has_default = |fields: &[Field]| fields.iter().any(|field| field.default.is_some());
    let mut waiting: Vec<_> =
        objects.iter().filter(|(_, fields)| has_default(fields)).map(|(id, _)| *id).collect();
    let mut leading: HashSet<SchemaId> = HashSet::new();
    while let Some(id) = waiting.pop() {
        if leading.insert(id) {
            waiting.extend(used_by.get(&id).into_iter().flatten());
        }
    }
    objects.retain(|id, _| leading.contains(id));
    for fields in objects.values_mut() {
        fields.retain(|field| field.default.is_some() || leading.contains(&field.object));
    }
}

/// Fills each default with the defaults of its own properties, once.
fn complete(
    references: &References,
    objects: &mut Fields,
    room: &mut usize,
) -> Result<(), SchemaError> {
    let mut completed = Vec::new();
    for (id, fields) in objects.iter() {
        for (index, field) in fields.iter().enumerate() {
            let Some(default) = &field.default else { continue };
            let mut value = default.value.clone();
            complete_value(objects, field.object, &mut value, DEPTH, room)
                .ok_or_else(|| endless(references, field))?;
            let size = Amount::of(&value);
            completed.push((*id, index, Completed { value, size }));
        }
    }
    for (id, index, default) in completed {
        if let Some(field) = objects.get_mut(&id).and_then(|fields| fields.get_mut(index)) {
            field.default = Some(default);
        }
    }
    Ok(())
}

/// `None` if the defaults nest deeper than `DEPTH`, or `room`, which all schemas of a manifest share, is used up.
fn complete_value(
    objects: &Fields,
    object: SchemaId,
    value: &mut Value,
    depth: usize,
    room: &mut usize,
) -> Option<()> {
    let size = Amount::of(value);
    // A long text counts as several values, because the limit is for memory.
    *room = room.checked_sub(size.values + size.bytes / 32)?;
    let (Some(fields), Value::Object(members)) = (objects.get(&object), value) else {
        return Some(());
    };
    let depth = depth.checked_sub(1)?;
    for field in fields {
        match (members.get_mut(&field.name), &field.default) {
            (Some(present), _) => complete_value(objects, field.object, present, depth, room)?,
            (None, Some(default)) => {
                let mut added = default.value.clone();
                complete_value(objects, field.object, &mut added, depth, room)?;
                members.insert(field.name.clone(), added);
            }
            (None, None) => {}
        }
    }
    Some(())
}

fn endless(references: &References, field: &Field) -> SchemaError {
    let path = &references.schemas[field.object].path;
    SchemaError::at(
        path,
        "the defaults inside its default lead back here, nest deeper than 64, or are more than the schemas of a manifest may have together; leave some out",
    )
}

/// The properties of every object that the root's properties lead to.
fn objects(references: &References) -> Fields {
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
    Some(Completed { value: value.clone(), size: Amount::of(value) })
}

/// The schema itself, then the chain of schemas that it refers to; of several references in one schema only the first that
/// is new counts.
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
