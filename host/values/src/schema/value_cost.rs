//! How often validation visits one part of a value, at worst. Times the size of the value, this limits the time
//! of validation, apart from its patterns.
//!
//! Validation happens outside the sandbox, so no limit of a call stops it. The host refuses, at load, a schema
//! that doubles the work level by level, and refuses a value without a look if its size times the visits is too
//! much. Recursion that doubles the work is checked as usual, because the validator remembers results where a
//! reference leads back. But it remembers nothing while it looks for the reasons why a value fails, so the host
//! looks for these only in values that are not nested deeply.

use std::collections::HashMap;

use serde_json::Value;

use super::SchemaError;
use super::applied::{Applied, VALUE_DEPTH, visits_one_deeper};
use super::cycles::Closing;
use super::meter::Budget;
use super::place_costs::{PlaceCost, comparisons, place_costs, tangled};
use super::places::Place;
use super::references::{Node, References, SchemaId};

// Measured on a 2.5 GHz server core, and rounded up: 3 to 6 ns, 20 to 50 ns, 400 to 1,400 ns.
/// One visit of one part.
const VISIT_NS: f64 = 10.0;
/// One visit on the way to the first reason why a value fails.
const FIRST_REASON_NS: f64 = 30.0;
/// One visit that ends in a reason.
const REASON_NS: f64 = 1_200.0;
/// The most visits of one part of a value for which the host looks for reasons.
const REASON_VISITS: f64 = 20_000.0;
/// The most visits of one part of a value for which the host accepts a schema; one beyond could accept only
/// values of a few parts.
const VISITS: f64 = 100_000.0;
/// The visits of each item by `uniqueItems`, which compares up to 15 items one by one, each to its end if they are
/// alike.
const UNIQUE_VISITS: f64 = 15.0;
/// A longer text counts as several parts, because each visit may go through all of it.
const PART_BYTES: f64 = 64.0;

pub struct ValueCost {
    /// The most visits of one part of any value, to learn whether it is valid.
    visits: f64,
    /// By the depth of a value, the most visits of one part of it if nothing is remembered. The list ends where
    /// the number stops growing.
    reason_visits: Vec<f64>,
}

impl ValueCost {
    pub fn of(references: &References, applied: &Applied) -> Result<ValueCost, SchemaError> {
        let visits = |id: SchemaId| comparisons(references.schemas[id].schema) as f64;
        let visits = applied.most(visits, VISITS).map_err(|id| tangled(references, id))?;
        let unique = references.schemas.iter().filter(|node| compares_items(references, node));
        Ok(ValueCost {
            visits: visits.ceil() + UNIQUE_VISITS * unique.count() as f64,
            reason_visits: visits_by_depth(&place_costs(references, vec![0], &Closing::new())?),
        })
    }

    /// The cost of learning only whether a value of that size is valid.
    pub fn ns(&self, size: &ValueSize) -> f64 {
        VISIT_NS * self.visits * size.parts
    }

    pub fn reasons(&self, size: &ValueSize, budget: &mut Budget) -> Reasons {
        let by_depth = &self.reason_visits;
        let visits = by_depth.get(size.depth).or(by_depth.last()).copied().unwrap_or(f64::INFINITY);
        if visits > REASON_VISITS {
            Reasons::None
        } else if budget.take(REASON_NS * visits * size.parts) {
            Reasons::All
        } else if budget.take(FIRST_REASON_NS * visits * size.parts) {
            Reasons::First
        } else {
            Reasons::None
        }
    }
}

/// How many reasons why a value fails can be found in a limited time.
pub enum Reasons {
    All,
    /// Only the first: the search for all would go through the whole value and keep what it finds.
    First,
    None,
}

/// The size of a value.
pub struct ValueSize {
    depth: usize,
    parts: f64,
    /// The names of its members, and their bytes.
    pub names: f64,
    pub name_bytes: f64,
}

impl ValueSize {
    const EMPTY: ValueSize = ValueSize { depth: 0, parts: 1.0, names: 0.0, name_bytes: 0.0 };

    pub fn of(value: &Value) -> ValueSize {
        let mut size = ValueSize::EMPTY;
        match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
            Value::String(text) => size.parts += text_parts(text),
            Value::Array(items) => {
                size.depth = 1;
                items.iter().for_each(|item| size.add(&ValueSize::of(item)));
            }
            Value::Object(members) => {
                size.depth = 1;
                for (name, member) in members {
                    size.add(&ValueSize::of(member));
                    size.parts += text_parts(name);
                    size.names += 1.0;
                    size.name_bytes += name.len() as f64;
                }
            }
        }
        size
    }

    fn add(&mut self, part: &ValueSize) {
        self.depth = self.depth.max(1 + part.depth);
        self.parts += part.parts;
        self.names += part.names;
        self.name_bytes += part.name_bytes;
    }
}

fn text_parts(text: &str) -> f64 {
    text.len() as f64 / PART_BYTES
}

/// Whether its items are compared with each other and may have parts of their own.
fn compares_items(references: &References, node: &Node) -> bool {
    if node.schema.get("uniqueItems") != Some(&Value::Bool(true)) {
        return false;
    }
    let items = node.edges.iter().filter(|(place, _)| *place == Place::Items);
    let items: Vec<_> = items.map(|(_, id)| &references.schemas[*id]).collect();
    let simple = |node: &Node| {
        let targets = node.refers_to.iter().map(|id| references.schemas[*id].schema);
        std::iter::once(node.schema).chain(targets).any(is_simple)
    };
    !items.iter().any(|node| simple(node))
}

/// Whether it describes a value without parts.
fn is_simple(schema: &Value) -> bool {
    let texts = |values: &Vec<Value>| values.iter().all(Value::is_string);
    matches!(
        schema.get("type").and_then(Value::as_str),
        Some("string" | "number" | "integer" | "boolean" | "null")
    ) || schema.get("enum").and_then(Value::as_array).is_some_and(texts)
}

fn visits_by_depth(place_costs: &HashMap<SchemaId, PlaceCost>) -> Vec<f64> {
    let own: HashMap<_, _> =
        place_costs.iter().map(|(id, place)| (*id, place.visits as f64)).collect();
    let mut at_depth = own.clone();
    let mut visits = vec![at_depth[&0]];
    while visits.len() <= VALUE_DEPTH {
        let next = visits_one_deeper(place_costs, &own, &at_depth);
        if next == at_depth {
            break;
        }
        visits.push(next[&0]);
        at_depth = next;
    }
    visits
}
