//! Finds at load where a schema says `integer`, and writes the values there as integers.
//!
//! To JSON Schema, `5.0`, `5e0` and `5` are one number; most code that reads integers accepts only the last. A
//! plugin must be able to read what its schema accepts. For the same reason a `format` that names the width of
//! an integer limits it.
//!
//! It does not matter which branch of an `anyOf` holds: an integer written as one is the same value to all.
//! `patternProperties` counts for all members that `properties` does not name.

mod digits;
mod width;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use serde_json::{Number, Value};

use super::Violation;
use super::places::{Place, escape};
use super::references::{Node, References, SchemaId};
use crate::json::Exact;
use digits::digits;
pub use width::bounded;
use width::{Width, width};

/// The time of one visit of one part, measured on a 2.5 GHz server core and rounded up.
const VISIT_NS: f64 = 100.0;

/// The schemas that lead to an integer.
pub struct Integers {
    schemas: HashMap<SchemaId, Described>,
}

/// What one schema says of integers in a value and its parts.
#[derive(Default)]
struct Described {
    width: Option<Width>,
    same: Vec<SchemaId>,
    /// By name; none if the member contains no integer.
    members: HashMap<String, Option<SchemaId>>,
    other_members: Vec<SchemaId>,
    /// By index.
    items: HashMap<usize, SchemaId>,
    other_items: Vec<SchemaId>,
    /// The index from which `other_items` apply.
    first_other: usize,
}

/// A walk through one value.
struct Walk<'w> {
    of: &'w Integers,
    path: String,
    left_ns: f64,
    is_changed: bool,
    wrong: Vec<Violation>,
}

/// Why integers could not be written.
pub enum Ended {
    TooLarge,
    Wrong(Vec<Violation>),
}

impl Integers {
    pub fn of(references: &References<'_>) -> Self {
        let leading = leading(references);
        let described = |id: &SchemaId| {
            (*id, Described::of(&references.schemas[*id], |to| leading.contains(&to)))
        };
        Self { schemas: leading.iter().map(described).collect() }
    }

    /// Whether the value may have integers in another spelling.
    pub fn are_in(&self, value: &Value) -> bool {
        self.schemas.contains_key(&0) && has_float(value)
    }

    /// Writes integers as integers, in the value and in its tokens. Whether that changed anything.
    pub fn write(
        &self,
        value: &mut Value,
        tokens: Option<&mut Exact<'_>>,
        most_ms: u64,
    ) -> Result<bool, Ended> {
        if !self.are_in(value) {
            return Ok(false);
        }
        let left_ns = most_ms as f64 * 1e6;
        let mut walk =
            Walk { of: self, path: String::new(), left_ns, is_changed: false, wrong: Vec::new() };
        walk.visit(&[0], value, tokens).ok_or(Ended::TooLarge)?;
        if walk.wrong.is_empty() { Ok(walk.is_changed) } else { Err(Ended::Wrong(walk.wrong)) }
    }
}

/// Whether some number was read as a float: `5.0`, `1e3`, `-0` and `18446744073709551616` are.
fn has_float(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_f64(),
        Value::Array(items) => items.iter().any(has_float),
        Value::Object(members) => members.values().any(has_float),
        _ => false,
    }
}

impl<'w> Walk<'w> {
    /// None if the value would take too long.
    fn visit(
        &mut self,
        ids: &[SchemaId],
        value: &mut Value,
        tokens: Option<&mut Exact<'_>>,
    ) -> Option<()> {
        let applied = self.applied(ids)?;
        match value {
            Value::Number(number) if number.is_f64() => {
                let widths: HashSet<_> = applied.iter().filter_map(|one| one.width).collect();
                if !widths.is_empty() {
                    self.number(number, tokens, &widths);
                }
            }
            Value::Array(items) => {
                let mut tokens = match tokens {
                    Some(Exact::Items(tokens)) => Some(tokens),
                    _ => None,
                };
                for (index, item) in items.iter_mut().enumerate() {
                    let inner: Vec<_> = applied.iter().flat_map(|one| one.item(index)).collect();
                    let tokens = tokens.as_mut().and_then(|tokens| tokens.get_mut(index));
                    self.inside(&index.to_string(), &inner, item, tokens)?;
                }
            }
            Value::Object(members) => {
                let mut tokens = match tokens {
                    Some(Exact::Members(tokens)) => Some(tokens),
                    _ => None,
                };
                for (name, member) in members.iter_mut() {
                    let inner: Vec<_> = applied.iter().flat_map(|one| one.member(name)).collect();
                    let tokens = tokens.as_mut().and_then(|tokens| tokens.get_mut(name.as_str()));
                    self.inside(name, &inner, member, tokens)?;
                }
            }
            _ => {}
        }
        Some(())
    }

    fn inside(
        &mut self,
        step: &str,
        ids: &[SchemaId],
        value: &mut Value,
        tokens: Option<&mut Exact<'_>>,
    ) -> Option<()> {
        if ids.is_empty() {
            return Some(());
        }
        let outer = self.path.len();
        self.path.push('/');
        self.path.push_str(&escape(step));
        self.visit(ids, value, tokens)?;
        self.path.truncate(outer);
        Some(())
    }

    /// All schemas that describe the same part, each once.
    fn applied(&mut self, ids: &[SchemaId]) -> Option<Vec<&'w Described>> {
        let (mut seen, mut waiting) = (HashSet::new(), ids.to_vec());
        let mut applied = Vec::new();
        while let Some(id) = waiting.pop() {
            self.left_ns -= VISIT_NS;
            if self.left_ns < 0.0 {
                return None;
            }
            if let Some(one) = self.of.schemas.get(&id).filter(|_| seen.insert(id)) {
                waiting.extend(&one.same);
                applied.push(one);
            }
        }
        Some(applied)
    }

    fn number(
        &mut self,
        number: &mut Number,
        token: Option<&mut Exact<'_>>,
        widths: &HashSet<Width>,
    ) {
        let token = match token {
            Some(Exact::Scalar(token)) => Some(token),
            _ => None,
        };
        let written = token.as_ref().map_or_else(|| number.to_string(), |one| one.to_string());
        let Some(digits) = digits(&written) else { return };
        if let Some(too_large) = widths.iter().find_map(|width| width.refusal(&digits))
            && widths.len() == 1
        {
            let path = self.path.clone();
            self.wrong.push(Violation { path, message: format!("{digits} {too_large}") });
            return;
        }
        let narrow = digits.parse::<u64>().map(Number::from);
        if let Ok(narrow) = narrow.or_else(|_| digits.parse::<i64>().map(Number::from)) {
            *number = narrow;
        }
        self.is_changed |= digits != written;
        if let Some(token) = token {
            *token = Cow::Owned(digits);
        }
    }
}

impl Described {
    fn of(node: &Node<'_>, leads: impl Fn(SchemaId) -> bool) -> Self {
        let mut described = Self { width: width(node.schema), ..Self::default() };
        for (place, to) in &node.edges {
            match place {
                Place::Property(name) => {
                    described.members.insert((*name).to_owned(), Some(*to).filter(|to| leads(*to)));
                }
                Place::Item(index) => {
                    described.first_other = described.first_other.max(index + 1);
                    if leads(*to) {
                        described.items.insert(*index, *to);
                    }
                }
                _ if !leads(*to) => {}
                Place::Same => described.same.push(*to),
                Place::Matching(_) | Place::OtherProperties => described.other_members.push(*to),
                Place::Items => described.other_items.push(*to),
                Place::Condition | Place::Names | Place::Elsewhere => {}
            }
        }
        described
    }

    fn member(&self, name: &str) -> Vec<SchemaId> {
        match self.members.get(name) {
            Some(named) => named.iter().copied().collect(),
            None => self.other_members.clone(),
        }
    }

    fn item(&self, index: usize) -> Vec<SchemaId> {
        match self.items.get(&index) {
            Some(id) => vec![*id],
            None if index < self.first_other => Vec::new(),
            None => self.other_items.clone(),
        }
    }
}

/// The schemas that describe a value as an integer, or one of its parts.
fn leading(references: &References<'_>) -> HashSet<SchemaId> {
    let mut used_by: HashMap<SchemaId, Vec<SchemaId>> = HashMap::new();
    for (id, node) in references.schemas.iter().enumerate() {
        let describes = |place: &Place<'_>| {
            !matches!(place, Place::Condition | Place::Names | Place::Elsewhere)
        };
        for (_, to) in node.edges.iter().filter(|(place, _)| describes(place)) {
            used_by.entry(*to).or_default().push(id);
        }
    }
    let schemas = references.schemas.iter().enumerate();
    let mut waiting: Vec<_> =
        schemas.filter(|(_, node)| width(node.schema).is_some()).map(|(id, _)| id).collect();
    let mut leading = HashSet::new();
    while let Some(id) = waiting.pop() {
        if leading.insert(id) {
            waiting.extend(used_by.get(&id).into_iter().flatten());
        }
    }
    leading
}
