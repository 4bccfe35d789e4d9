//! How often one part of a value is looked at, at worst, while it is validated: the bound on the time a schema can cost.
//!
//! Validation happens outside the sandbox, so no limit of a call stops it. A schema that doubles the work level by level is
//! refused at load; one whose recursion does so is checked as usual (results are remembered), but the reasons why
//! a value fails, for which nothing is remembered, are looked for only in values nested little enough.

use std::collections::HashMap;

use serde_json::Value;

use super::SchemaError;
use super::circles;
use super::places::Place;
use super::references::{References, SchemaId};

/// Schemas applied to one value through allOf, anyOf, oneOf, references and the like.
const SAME_PLACE: usize = 10_000;
/// And those inside each other. Each takes stack: this many in a recursive schema, on a value as deep as the parser lets
/// through, fit twice into the 2 MiB of a thread.
const SAME_PLACE_DEPTH: usize = 24;
/// The sum over all places of a schema.
const ALL_PLACES: usize = 1_000_000;
/// No value is nested deeper: the parser refuses it.
const VALUE_DEPTH: usize = 128;
/// Looks at one part of a value, above which reasons are not looked for.
const REASON_LOOKS: f64 = 20_000.0;
/// Looks at all its parts, above which only the first reason is.
const ALL_REASON_LOOKS: f64 = 200_000.0;
/// Looks at one part of a value outside of recursion, above which the schema is refused.
const LOOKS: f64 = 100_000.0;

pub struct Breadth {
    /// By the depth of a value, the most looks at one part of it; it ends where it stops growing.
    looks: Vec<f64>,
}

impl Breadth {
    pub fn of(references: &References) -> Result<Breadth, SchemaError> {
        let mut heads: HashMap<SchemaId, Head> = HashMap::new();
        let mut waiting = vec![0];
        let mut room = ALL_PLACES;
        while let Some(id) = waiting.pop() {
            if heads.contains_key(&id) {
                continue;
            }
            let head = Head::of(references, id)?;
            room = room.checked_sub(head.looks).ok_or_else(|| tangled(references, id))?;
            waiting.extend(head.targets());
            heads.insert(id, head);
        }
        refuse_doubling(references, &heads)?;
        Ok(Breadth { looks: looks_by_depth(&heads) })
    }

    pub fn reasons(&self, value: &Value) -> Reasons {
        let size = Size::of(value);
        let looks =
            self.looks.get(size.depth).or(self.looks.last()).copied().unwrap_or(f64::INFINITY);
        if looks > REASON_LOOKS {
            Reasons::None
        } else if looks * size.parts > ALL_REASON_LOOKS {
            Reasons::First
        } else {
            Reasons::All
        }
    }
}

/// How many of the reasons why a value fails can be looked for in a bounded time.
pub enum Reasons {
    All,
    /// The search for all of them would go through the whole value and keep what it finds.
    First,
    None,
}

struct Size {
    depth: usize,
    parts: f64,
}

impl Size {
    fn of(value: &Value) -> Size {
        let inside: &mut dyn Iterator<Item = &Value> = match value {
            Value::Array(items) => &mut items.iter(),
            Value::Object(members) => &mut members.values(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                return Size { depth: 0, parts: 1.0 };
            }
        };
        inside.map(Size::of).fold(Size { depth: 1, parts: 1.0 }, |whole, part| Size {
            depth: whole.depth.max(1 + part.depth),
            parts: whole.parts + part.parts,
        })
    }
}

/// A schema at a place of its own, together with all schemas that apply to the same place.
struct Head {
    looks: usize,
    /// By property or index, with the schema of the other properties that it keeps away, if any.
    named: HashMap<Step, Vec<(SchemaId, Option<SchemaId>)>>,
    other_properties: Vec<SchemaId>,
    other_items: Vec<SchemaId>,
}

#[derive(PartialEq, Eq, Hash)]
enum Step {
    Property(String),
    Item(usize),
}

impl Head {
    fn of(references: &References, id: SchemaId) -> Result<Head, SchemaError> {
        let mut same = Vec::new();
        gather(references, id, &mut Vec::new(), &mut same)?;
        let mut head = Head {
            looks: same.len(),
            named: HashMap::new(),
            other_properties: Vec::new(),
            other_items: Vec::new(),
        };
        same.iter().for_each(|id| head.add(&references.schemas[*id].edges));
        Ok(head)
    }

    fn add(&mut self, edges: &[(Place, SchemaId)]) {
        let other = edges
            .iter()
            .find(|(place, _)| *place == Place::OtherProperties)
            .map(|(_, other)| *other);
        for (place, target) in edges {
            match place {
                Place::Property(name) => {
                    self.named
                        .entry(Step::Property((*name).to_owned()))
                        .or_default()
                        .push((*target, other));
                }
                Place::Item(index) => {
                    self.named.entry(Step::Item(*index)).or_default().push((*target, None))
                }
                Place::Matching(_) | Place::OtherProperties => self.other_properties.push(*target),
                Place::Items => self.other_items.push(*target),
                Place::Same | Place::Condition | Place::Elsewhere => {}
            }
        }
    }

    fn targets(&self) -> impl Iterator<Item = SchemaId> {
        let named = self.named.values().flatten().map(|(target, _)| target);
        named.chain(&self.other_properties).chain(&self.other_items).copied()
    }

    /// The most looks at this place or at one inside it, given those at the places inside.
    fn most(&self, inside: impl Fn(SchemaId) -> f64) -> f64 {
        let sum = |schemas: &[SchemaId]| schemas.iter().map(|id| inside(*id)).sum::<f64>();
        let (properties, items) = (sum(&self.other_properties), sum(&self.other_items));
        let named = self.named.iter().map(|(step, targets)| {
            let more = targets
                .iter()
                .map(|(target, other)| inside(*target) - other.map_or(0.0, &inside))
                .sum::<f64>();
            match step {
                Step::Property(_) => more + properties,
                Step::Item(_) => more + items,
            }
        });
        named.fold((self.looks as f64).max(properties).max(items), f64::max)
    }
}

/// Every schema that applies where `id` does, as often as it does.
fn gather(
    references: &References,
    id: SchemaId,
    inside: &mut Vec<SchemaId>,
    same: &mut Vec<SchemaId>,
) -> Result<(), SchemaError> {
    // A schema met again inside itself at the same place is not applied again.
    if inside.contains(&id) {
        return Ok(());
    }
    if same.len() >= SAME_PLACE || inside.len() >= SAME_PLACE_DEPTH {
        return Err(tangled(references, id));
    }
    same.push(id);
    inside.push(id);
    for (place, target) in &references.schemas[id].edges {
        if matches!(place, Place::Same | Place::Condition) {
            gather(references, *target, inside, same)?;
        }
    }
    inside.pop();
    Ok(())
}

fn looks_by_depth(heads: &HashMap<SchemaId, Head>) -> Vec<f64> {
    let mut at_depth = looks_at_depth_0(heads);
    let mut looks = vec![at_depth[&0]];
    while looks.len() <= VALUE_DEPTH {
        let next = looks_one_deeper(heads, |_, inside| at_depth[&inside]);
        if next == at_depth {
            break;
        }
        looks.push(next[&0]);
        at_depth = next;
    }
    looks
}

/// What leads back to itself is left out: its results are remembered while a value is checked.
fn refuse_doubling(
    references: &References,
    heads: &HashMap<SchemaId, Head>,
) -> Result<(), SchemaError> {
    let groups =
        circles::groups(&heads.iter().map(|(id, head)| (*id, head.targets().collect())).collect());
    let mut at_depth = looks_at_depth_0(heads);
    for _ in 0..VALUE_DEPTH {
        if let Some((id, _)) = at_depth.iter().find(|(_, looks)| **looks > LOOKS) {
            return Err(tangled(references, *id));
        }
        let next =
            looks_one_deeper(
                heads,
                |from, to| if groups[&from] == groups[&to] { 0.0 } else { at_depth[&to] },
            );
        if next == at_depth {
            break;
        }
        at_depth = next;
    }
    Ok(())
}

fn looks_at_depth_0(heads: &HashMap<SchemaId, Head>) -> HashMap<SchemaId, f64> {
    heads.iter().map(|(id, head)| (*id, head.looks as f64)).collect()
}

fn looks_one_deeper(
    heads: &HashMap<SchemaId, Head>,
    inside: impl Fn(SchemaId, SchemaId) -> f64,
) -> HashMap<SchemaId, f64> {
    heads.iter().map(|(id, head)| (*id, head.most(|target| inside(*id, target)))).collect()
}

fn tangled(references: &References, id: SchemaId) -> SchemaError {
    let message = "too many schemas apply to the same part of a value through allOf, anyOf, oneOf and references; use fewer of them inside each other";
    SchemaError::at(&references.schemas[id].path, message)
}
