//! Which schemas describe which part of a value: the graph of references, kept without the document, for code
//! that walks through values.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::patterns::{Pattern, Patterns};
use super::places::Place;
use super::references::{References, SchemaId};

/// The schema of the whole value.
pub const WHOLE: SchemaId = 0;

#[derive(Default)]
pub struct Outline {
    parts: HashMap<SchemaId, OutlinePart>,
}

/// What one schema says about the parts of a value.
#[derive(Default)]
pub struct OutlinePart {
    same: Vec<SchemaId>,
    properties: BTreeMap<String, Vec<SchemaId>>,
    matching: Vec<(Arc<Pattern>, SchemaId)>,
    other_properties: Vec<SchemaId>,
    positions: BTreeMap<usize, Vec<SchemaId>>,
    items: Vec<SchemaId>,
}

impl Outline {
    /// Keeps only the schemas that are `wanted`.
    pub fn of(
        references: &References,
        patterns: &Patterns,
        wanted: impl Fn(SchemaId) -> bool,
    ) -> Outline {
        let ids = (0..references.schemas.len()).filter(|id| wanted(*id));
        let parts = ids.map(|id| (id, OutlinePart::of(references, id, &wanted, patterns)));
        Outline { parts: parts.collect() }
    }

    pub fn is_empty(&self) -> bool {
        !self.parts.contains_key(&WHOLE)
    }

    /// What `schemas`, and all others that describe the same value, say of its parts; each schema once.
    pub fn at(&self, mut schemas: Vec<SchemaId>) -> Vec<(SchemaId, &OutlinePart)> {
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

impl OutlinePart {
    fn of(
        references: &References,
        id: SchemaId,
        wanted: impl Fn(SchemaId) -> bool,
        patterns: &Patterns,
    ) -> OutlinePart {
        let mut part = OutlinePart::default();
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

    /// Whether it describes one member differently from another.
    pub fn names_members(&self) -> bool {
        !self.properties.is_empty() || !self.matching.is_empty()
    }

    /// Whether it names that member.
    pub fn names(&self, member: &str) -> bool {
        self.properties.contains_key(member)
            || self.matching.iter().any(|(pattern, _)| pattern.is_match(member))
    }

    /// Whether further schemas describe the same value.
    pub fn is_alone(&self) -> bool {
        self.same.is_empty()
    }

    /// The schemas of members that it does not name.
    pub fn of_others(&self) -> &[SchemaId] {
        &self.other_properties
    }

    /// The schemas of a member; in doubt also those of other members.
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
