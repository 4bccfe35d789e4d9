//! The places of a schema, each with all schemas that apply there and how often. The cost of validation is
//! calculated by it.
//!
//! It follows the schema only, never a value, and gives up if too many schemas apply to one place.

use std::collections::HashMap;

use serde_json::Value;

use super::SchemaError;
use super::cycles::Closing;
use super::places::Place;
use super::references::{References, SchemaId};

/// The most schemas that may apply to one value through allOf, anyOf, oneOf, references and the like.
const SAME_PLACE: usize = 1_000;
/// The most of them inside one another. Each takes stack: this many, in a recursive schema and for a value as
/// deep as the parser allows, fit twice into the 2 MiB of a thread.
const SAME_PLACE_DEPTH: usize = 24;
/// The most schemas over all places together.
const ALL_PLACES: usize = 1_000_000;
/// The validator finds unevaluated members by applying the schemas next to `unevaluated…` twice more.
const UNEVALUATED_PASSES: usize = 3;

/// A place of a schema, with all schemas that apply there.
pub struct PlaceCost {
    pub visits: usize,
    /// The schemas that apply here, each as often as it does.
    pub same: Vec<SchemaId>,
    /// The schemas that were not followed, each as often as it was met.
    pub again: Vec<SchemaId>,
    /// By property or index, with the schema of other properties that it keeps away, if there is one.
    named: HashMap<NamedPlace, Vec<(SchemaId, Option<SchemaId>)>>,
    /// With the schemas of names, which are checked along with the property.
    other_properties: Vec<SchemaId>,
    other_items: Vec<SchemaId>,
}

#[derive(PartialEq, Eq, Hash)]
enum NamedPlace {
    Property(String),
    Item(usize),
}

impl PlaceCost {
    fn of(references: &References, id: SchemaId, cut: &Closing) -> Result<PlaceCost, SchemaError> {
        let mut same = Vec::new();
        gather(references, id, cut, &mut Vec::new(), &mut same)?;
        let mut place = PlaceCost {
            visits: same.iter().map(|id| comparisons(references.schemas[*id].schema)).sum(),
            same: Vec::new(),
            again: Vec::new(),
            named: HashMap::new(),
            other_properties: Vec::new(),
            other_items: Vec::new(),
        };
        same.iter().for_each(|id| place.add(*id, &references.schemas[*id].edges, cut));
        place.same = same;
        Ok(place)
    }

    fn add(&mut self, id: SchemaId, edges: &[(Place, SchemaId)], cut: &Closing) {
        let other = edges
            .iter()
            .find(|(place, _)| *place == Place::OtherProperties)
            .map(|(_, other)| *other);
        for (place, target) in edges {
            match place {
                _ if cut.contains(&(id, *target)) => self.again.push(*target),
                Place::Property(name) => {
                    self.named
                        .entry(NamedPlace::Property((*name).to_owned()))
                        .or_default()
                        .push((*target, other));
                }
                Place::Item(index) => {
                    self.named.entry(NamedPlace::Item(*index)).or_default().push((*target, None))
                }
                Place::Matching(_) | Place::OtherProperties | Place::Names => {
                    self.other_properties.push(*target)
                }
                Place::Items => self.other_items.push(*target),
                Place::Same | Place::Condition | Place::Elsewhere => {}
            }
        }
    }

    fn targets(&self) -> impl Iterator<Item = SchemaId> {
        let named = self.named.values().flatten().map(|(target, _)| target);
        named.chain(&self.other_properties).chain(&self.other_items).copied()
    }

    /// The largest number at this place or at one inside it, from its own and those at the places inside.
    pub fn most(&self, own: f64, inside: impl Fn(SchemaId) -> f64) -> f64 {
        let sum = |schemas: &[SchemaId]| schemas.iter().map(|id| inside(*id)).sum::<f64>();
        let (properties, items) = (sum(&self.other_properties), sum(&self.other_items));
        let named = self.named.iter().map(|(step, targets)| {
            let more = targets
                .iter()
                .map(|(target, other)| inside(*target) - other.map_or(0.0, &inside))
                .sum::<f64>();
            match step {
                NamedPlace::Property(_) => more + properties,
                NamedPlace::Item(_) => more + items,
            }
        });
        named.fold(own.max(properties).max(items), f64::max)
    }
}

/// Every place below `starts` with the schemas that apply to it. Schemas in `cut` are not followed.
pub fn place_costs(
    references: &References,
    starts: Vec<SchemaId>,
    cut: &Closing,
) -> Result<HashMap<SchemaId, PlaceCost>, SchemaError> {
    let mut place_costs = HashMap::new();
    let mut waiting = starts;
    let mut room = ALL_PLACES;
    while let Some(id) = waiting.pop() {
        if place_costs.contains_key(&id) {
            continue;
        }
        let place = PlaceCost::of(references, id, cut)?;
        room = room.checked_sub(place.visits).ok_or_else(|| tangled(references, id))?;
        waiting.extend(place.targets());
        place_costs.insert(id, place);
    }
    Ok(place_costs)
}

/// Every schema that applies where `id` does, each as often as it does.
fn gather(
    references: &References,
    id: SchemaId,
    cut: &Closing,
    inside: &mut Vec<SchemaId>,
    same: &mut Vec<SchemaId>,
) -> Result<(), SchemaError> {
    // A schema that is met again inside itself at the same place is not applied again.
    if inside.contains(&id) {
        return Ok(());
    }
    if same.len() >= SAME_PLACE || inside.len() >= SAME_PLACE_DEPTH {
        return Err(tangled(references, id));
    }
    same.push(id);
    inside.push(id);
    let edges = references.schemas[id].edges.iter();
    let applied = edges.filter(|(place, _)| matches!(place, Place::Same | Place::Condition));
    let followed = applied.filter(|(_, target)| !cut.contains(&(id, *target)));
    for (_, target) in followed {
        for _ in 0..passes(references.schemas[id].schema) {
            gather(references, *target, cut, inside, same)?;
        }
    }
    inside.pop();
    Ok(())
}

/// How many comparisons a schema makes with a value itself. A list that has only texts is a set, and so one
/// comparison.
pub fn comparisons(schema: &Value) -> usize {
    let texts = |values: &Vec<Value>| values.iter().all(Value::is_string);
    let listed = schema.get("enum").and_then(Value::as_array).filter(|values| !texts(values));
    let dependent = ["dependentRequired", "dependencies"].map(|keyword| {
        schema.get(keyword).and_then(Value::as_object).map_or(0, serde_json::Map::len)
    });
    1 + listed.map_or(0, Vec::len) + dependent.iter().sum::<usize>()
}

pub fn passes(schema: &Value) -> usize {
    let leaves = |keyword| schema.get(keyword).is_some();
    match leaves("unevaluatedProperties") || leaves("unevaluatedItems") {
        true => UNEVALUATED_PASSES,
        false => 1,
    }
}

pub fn tangled(references: &References, id: SchemaId) -> SchemaError {
    let message = "too many schemas apply to the same part of a value through allOf, anyOf, oneOf and references; use fewer of them inside each other";
    SchemaError::at(&references.schemas[id].path, message)
}
