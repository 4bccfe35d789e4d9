//! How often one part of a value is looked at, at worst, while it is validated: with the size of the value, the bound on the
//! time that validation can cost beside its patterns.
//!
//! Validation happens outside the sandbox, so no limit of a call stops it. A schema that doubles the work level by level is
//! refused at load; a value is refused unseen where its size times the looks is too much. Recursion that doubles the work
//! is checked as usual (results are remembered where a reference leads back), but the reasons why a value fails, for
//! which nothing is remembered, are looked for only in values nested little enough.

use std::collections::HashMap;

use serde_json::Value;

use super::SchemaError;
use super::applied::{Applied, VALUE_DEPTH, looks_one_deeper};
use super::cycles::Closing;
use super::meter::Budget;
use super::place_costs::{PlaceCost, comparisons, place_costs, tangled};
use super::places::Place;
use super::references::{Node, References, SchemaId};

// Measured on a 2.5 GHz server core, and taken higher: 3 to 6 ns, 20 to 50 ns, 400 to 1,400 ns.
/// One look at one part.
const LOOK_NS: f64 = 10.0;
/// One look on the way to the first reason why a value fails.
const FIRST_REASON_NS: f64 = 30.0;
/// One look that ends in a reason.
const REASON_NS: f64 = 1_200.0;
/// Looks at one part of a value, above which reasons are not looked for.
const REASON_LOOKS: f64 = 20_000.0;
/// Looks at one part of a value, above which the schema is refused: it could take only values of a few parts.
const LOOKS: f64 = 100_000.0;
/// Few items are compared with each other one by one, and each to its end where they are alike.
const UNIQUE_LOOKS: f64 = 15.0;
/// A longer text counts as several parts: each look may go through all of it.
const PART_BYTES: f64 = 64.0;

pub struct ValueCost {
    /// The most looks at one part of any value, to know whether it is valid.
    looks: f64,
    /// By the depth of a value, the most looks at one part of it where nothing is remembered; it ends where it stops
    /// growing.
    reason_looks: Vec<f64>,
}

impl ValueCost {
    pub fn of(references: &References, applied: &Applied) -> Result<ValueCost, SchemaError> {
        let looks = |id: SchemaId| comparisons(references.schemas[id].schema) as f64;
        let looks = applied.most(looks, LOOKS).map_err(|id| tangled(references, id))?;
        let unique = references.schemas.iter().filter(|node| compares_items(references, node));
        Ok(ValueCost {
            looks: looks.ceil() + UNIQUE_LOOKS * unique.count() as f64,
            reason_looks: looks_by_depth(&place_costs(references, vec![0], &Closing::new())?),
        })
    }

    /// What it costs to learn only whether a value of that size is valid.
    pub fn ns(&self, size: &Size) -> f64 {
        LOOK_NS * self.looks * size.parts
    }

    pub fn reasons(&self, size: &Size, budget: &mut Budget) -> Reasons {
        let by_depth = &self.reason_looks;
        let looks = by_depth.get(size.depth).or(by_depth.last()).copied().unwrap_or(f64::INFINITY);
        if looks > REASON_LOOKS {
            Reasons::None
        } else if budget.take(REASON_NS * looks * size.parts) {
            Reasons::All
        } else if budget.take(FIRST_REASON_NS * looks * size.parts) {
            Reasons::First
        } else {
            Reasons::None
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

/// How much there is of a value.
pub struct Size {
    depth: usize,
    parts: f64,
    /// Of its members, and their bytes.
    pub names: f64,
    pub name_bytes: f64,
}

impl Size {
    const EMPTY: Size = Size { depth: 0, parts: 1.0, names: 0.0, name_bytes: 0.0 };

    pub fn of(value: &Value) -> Size {
        let mut size = Size::EMPTY;
        match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
            Value::String(text) => size.parts += text_parts(text),
            Value::Array(items) => {
                size.depth = 1;
                items.iter().for_each(|item| size.add(&Size::of(item)));
            }
            Value::Object(members) => {
                size.depth = 1;
                for (name, member) in members {
                    size.add(&Size::of(member));
                    size.parts += text_parts(name);
                    size.names += 1.0;
                    size.name_bytes += name.len() as f64;
                }
            }
        }
        size
    }

    fn add(&mut self, part: &Size) {
        self.depth = self.depth.max(1 + part.depth);
        self.parts += part.parts;
        self.names += part.names;
        self.name_bytes += part.name_bytes;
    }
}

fn text_parts(text: &str) -> f64 {
    text.len() as f64 / PART_BYTES
}

/// Whether its items, which may have parts of their own, are compared with each other.
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

/// Whether what it describes has no parts.
fn is_simple(schema: &Value) -> bool {
    let texts = |values: &Vec<Value>| values.iter().all(Value::is_string);
    matches!(
        schema.get("type").and_then(Value::as_str),
        Some("string" | "number" | "integer" | "boolean" | "null")
    ) || schema.get("enum").and_then(Value::as_array).is_some_and(texts)
}

fn looks_by_depth(place_costs: &HashMap<SchemaId, PlaceCost>) -> Vec<f64> {
    let own: HashMap<_, _> =
        place_costs.iter().map(|(id, head)| (*id, head.looks as f64)).collect();
    let mut at_depth = own.clone();
    let mut looks = vec![at_depth[&0]];
    while looks.len() <= VALUE_DEPTH {
        let next = looks_one_deeper(place_costs, &own, &at_depth);
        if next == at_depth {
            break;
        }
        looks.push(next[&0]);
        at_depth = next;
    }
    looks
}
