//! Which schemas describe which part of a value: the graph of references, kept without the document, for whoever walks
//! through values.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::patterns::{Pattern, Patterns};
use super::places::Place;
use super::references::{References, SchemaId};

/// The root.
pub const WHOLE: SchemaId = 0;

#[derive(Default)]
pub struct Outline {
    parts: HashMap<SchemaId, Part>,
}

/// What one schema says about the parts of a value.
#[derive(Default)]
pub struct Part {
    same: Vec<SchemaId>,
    properties: BTreeMap<String, Vec<SchemaId>>,
    matching: Vec<(Arc<Pattern>, SchemaId)>,
    other_properties: Vec<SchemaId>,
    positions: BTreeMap<usize, Vec<SchemaId>>,
    items: Vec<SchemaId>,
}

impl Outline {
    /// Of those schemas that are `wanted`; the others are as if they were not there.
    pub fn of(
        references: &References,
        patterns: &Patterns,
        wanted: impl Fn(SchemaId) -> bool,
    ) -> Outline {
        let ids = (0..references.schemas.len()).filter(|id| wanted(*id));
        let parts = ids.map(|id| (id, Part::of(references, id, &wanted, patterns)));
        Outline { parts: parts.collect() }
    }

    pub fn is_empty(&self) -> bool {
        !self.parts.contains_key(&WHOLE)
    }

    /// The parts of `schemas` and of all that describe the same value, each once.
    pub fn at(&self, mut schemas: Vec<SchemaId>) -> Vec<(SchemaId, &Part)> {
        let mut seen = HashSet::new();
        let mut parts = Vec::new();
        while let Some(id) = schemas.pop() {
            if let Some(part) = self.parts.get(&id).filter(|_| seen.insert(id)) {
                schemas.extend(&part.same);
                parts.push((id, part));
            }
        }
        parts
    }
}

impl Part {
    fn of(
        references: &References,
        id: SchemaId,
        wanted: impl Fn(SchemaId) -> bool,
        patterns: &Patterns,
    ) -> Part {
        let mut part = Part::default();
        for (place, target) in &references.schemas[id].edges {
            if wanted(*target) {
                part.add(place, *target, patterns);
            }
        }
        part
    }

    fn add(&mut self, place: &Place, target: SchemaId, patterns: &Patterns) {
        match place {
            Place::Same => self.same.push(target),
            Place::Property(name) => {
                self.properties.entry((*name).to_owned()).or_default().push(target)
            }
            Place::Matching(pattern) => match patterns.get(*pattern) {
                Some(pattern) => self.matching.push((pattern.clone(), target)),
                None => self.other_properties.push(target),
            },
            Place::OtherProperties => self.other_properties.push(target),
            Place::Item(index) => self.positions.entry(*index).or_default().push(target),
            Place::Items => self.items.push(target),
            Place::Condition | Place::Names | Place::Elsewhere => {}
        }
    }

    /// Whether it says anything of one member more than of another.
    pub fn names_members(&self) -> bool {
        !self.properties.is_empty() || !self.matching.is_empty()
    }

    /// Whether it speaks of that member itself.
    pub fn names(&self, member: &str) -> bool {
        self.properties.contains_key(member)
            || self.matching.iter().any(|(pattern, _)| pattern.is_match(member))
    }

    /// Whether others describe the same value.
    pub fn is_alone(&self) -> bool {
        self.same.is_empty()
    }

    /// The schemas of the members that it does not name.
    pub fn of_others(&self) -> &[SchemaId] {
        &self.other_properties
    }

    /// In doubt more than apply: also those of other members.
    pub fn of_property(&self, name: &str) -> Vec<SchemaId> {
        let mut schemas: Vec<SchemaId> =
            self.properties.get(name).into_iter().flatten().copied().collect();
        if !self.matching.is_empty() {
            let matching = self.matching.iter().filter(|(pattern, _)| pattern.is_match(name));
            schemas.extend(matching.map(|(_, schema)| *schema));
        }
        schemas.extend(&self.other_properties);
        schemas
    }

    pub fn of_item(&self, index: usize) -> Vec<SchemaId> {
        self.positions.get(&index).into_iter().flatten().chain(&self.items).copied().collect()
    }
}
