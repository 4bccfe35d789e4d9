//! How often one part of a value is looked at, at worst, while it is validated: with the size of the value, the bound on the
//! time that validation can cost.
//!
//! Validation happens outside the sandbox, so no limit of a call stops it. A schema that doubles the work level by level is
//! refused at load; a value is refused unseen where its size times the looks is too much. Recursion that doubles the work
//! is checked as usual (results are remembered where a reference leads back), but the reasons why a value fails, for
//! which nothing is remembered, are looked for only in values nested little enough.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::SchemaError;
use super::circles::{self, Closing};
use super::heads::{Head, heads, tangled};
use super::places::Place;
use super::references::{Node, References, SchemaId};

/// No value is nested deeper: the parser refuses it.
const VALUE_DEPTH: usize = 128;
/// Looks at one part of a value, above which reasons are not looked for.
const REASON_LOOKS: f64 = 20_000.0;
/// Looks at all its parts, above which only the first reason is.
const ALL_REASON_LOOKS: f64 = 200_000.0;
/// Looks at one part of a value, above which the schema is refused: it could take only values of a few parts.
const LOOKS: f64 = 100_000.0;
/// Looks at one part of a value that are worth no count of its parts.
const FREE_LOOKS: u32 = 100;
/// Looks at all parts of a value, above which it is refused unseen: they would take a good part of a second.
const ALL_LOOKS: f64 = 5_000_000.0;
/// A longer text counts as several parts: a pattern reads all of it.
const PART_BYTES: f64 = 64.0;
pub struct Breadth {
    /// The most looks at one part of any value, to know whether it is valid.
    looks: u32,
    /// By the depth of a value, the most looks at one part of it where nothing is remembered; it ends where it stops
    /// growing.
    reason_looks: Vec<f64>,
}

impl Breadth {
    pub fn of(references: &References) -> Result<Breadth, SchemaError> {
        Ok(Breadth {
            looks: most_looks(references)?.ceil() as u32,
            reason_looks: looks_by_depth(&heads(references, vec![0], &Closing::new())?),
        })
    }

    /// Whether to learn only if `value` is valid would take too long. Most schemas need not look at it to know.
    pub fn is_exceeded_by(&self, value: &Value) -> bool {
        self.looks > FREE_LOOKS && is_too_much(f64::from(self.looks), Size::of(value).parts)
    }

    pub fn reasons(&self, value: &Value) -> Reasons {
        let size = Size::of(value);
        let by_depth = &self.reason_looks;
        let looks = by_depth.get(size.depth).or(by_depth.last()).copied().unwrap_or(f64::INFINITY);
        if looks > REASON_LOOKS || is_too_much(looks, size.parts) {
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
    const EMPTY: Size = Size { depth: 1, parts: 1.0 };

    fn of(value: &Value) -> Size {
        match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => Size { depth: 0, parts: 1.0 },
            Value::String(text) => Size { depth: 0, parts: 1.0 + text_parts(text) },
            Value::Array(items) => items.iter().map(Size::of).fold(Size::EMPTY, Size::with),
            Value::Object(members) => members.iter().fold(Size::EMPTY, |whole, (name, member)| {
                let mut size = Size::of(member);
                size.parts += text_parts(name);
                whole.with(size)
            }),
        }
    }

    fn with(self, part: Size) -> Size {
        Size { depth: self.depth.max(1 + part.depth), parts: self.parts + part.parts }
    }
}

fn is_too_much(looks: f64, parts: f64) -> bool {
    looks > f64::from(FREE_LOOKS) && looks * parts > ALL_LOOKS
}

fn text_parts(text: &str) -> f64 {
    text.len() as f64 / PART_BYTES
}

/// The most looks at one part, to know whether a value is valid. What a reference leads back to is applied once to each
/// part, since its result is remembered; to a text or number, for which nothing is, as often as it is referred to.
fn most_looks(references: &References) -> Result<f64, SchemaError> {
    let closing = closing(references);
    let led_back: HashSet<SchemaId> = closing.iter().map(|(_, to)| *to).collect();
    let starts = led_back.iter().copied().chain([0]).collect();
    let mut heads = heads(references, starts, &closing)?;
    let alone: HashMap<_, _> = led_back.iter().map(|id| (*id, heads[id].looks)).collect();
    for head in heads.values_mut() {
        head.looks += head.again.iter().map(|id| alone[id]).sum::<usize>();
    }
    let most = looks_at_any_depth(references, &heads)?;
    Ok(most.values().copied().fold(0.0, f64::max) + led_back.iter().map(|id| most[id]).sum::<f64>())
}

/// The references that lead back to where they came from.
fn closing(references: &References) -> Closing {
    let applied = |node: &Node| {
        let edges = node.edges.iter().filter(|(place, _)| *place != Place::Elsewhere);
        edges.map(|(_, target)| *target).collect()
    };
    circles::closing(&references.schemas.iter().map(applied).collect::<Vec<_>>())
}

/// For heads that were found without following what closes a circle.
fn looks_at_any_depth(
    references: &References,
    heads: &HashMap<SchemaId, Head>,
) -> Result<HashMap<SchemaId, f64>, SchemaError> {
    let mut at_depth = looks_at_depth_0(heads);
    for _ in 0..VALUE_DEPTH {
        if let Some((id, _)) = at_depth.iter().find(|(_, looks)| **looks > LOOKS) {
            return Err(tangled(references, *id));
        }
        let next = looks_one_deeper(heads, &at_depth);
        if next == at_depth {
            break;
        }
        at_depth = next;
    }
    Ok(at_depth)
}

fn looks_by_depth(heads: &HashMap<SchemaId, Head>) -> Vec<f64> {
    let mut at_depth = looks_at_depth_0(heads);
    let mut looks = vec![at_depth[&0]];
    while looks.len() <= VALUE_DEPTH {
        let next = looks_one_deeper(heads, &at_depth);
        if next == at_depth {
            break;
        }
        looks.push(next[&0]);
        at_depth = next;
    }
    looks
}

fn looks_at_depth_0(heads: &HashMap<SchemaId, Head>) -> HashMap<SchemaId, f64> {
    heads.iter().map(|(id, head)| (*id, head.looks as f64)).collect()
}

fn looks_one_deeper(
    heads: &HashMap<SchemaId, Head>,
    inside: &HashMap<SchemaId, f64>,
) -> HashMap<SchemaId, f64> {
    heads.iter().map(|(id, head)| (*id, head.most(|target| inside[&target]))).collect()
}
