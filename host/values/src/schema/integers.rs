//! Where a schema says `integer`, found once at load; and the values there, written as integers.
//!
//! To JSON Schema `5.0`, `5e0` and `5` are one number, to most readers of integers only the last is one: what a schema
//! accepts, its plugin must be able to read. For the same reason a `format` that names the width of an integer bounds it.
//!
//! Which branch of an `anyOf` holds is not asked: an integer written as one is the same value to all of them. Of the
//! members that `properties` does not name, `patternProperties` counts for all.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use serde_json::{Number, Value, json};

use super::Violation;
use super::places::{Place, escape};
use super::references::{Node, References, SchemaId};
use crate::json::Exact;

/// One look at one part, measured on a 2.5 GHz server core and taken higher.
const LOOK_NS: f64 = 100.0;

/// The schemas that lead to an integer.
pub struct Integers {
    schemas: HashMap<SchemaId, Described>,
}

/// What one schema says of a value and its parts.
#[derive(Default)]
struct Described {
    width: Option<Width>,
    same: Vec<SchemaId>,
    /// By name; none where it leads to no integer.
    members: HashMap<String, Option<SchemaId>>,
    other_members: Vec<SchemaId>,
    /// By index.
    items: HashMap<usize, SchemaId>,
    other_items: Vec<SchemaId>,
    /// From where on those count.
    first_other: usize,
}

/// How large an integer may be where the validator cannot tell: it reads numbers beyond 64 bits as approximations.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Width {
    Any,
    Signed128,
    Unsigned128,
}

/// Of the largest number that is read, and some more.
const DIGITS: usize = 400;

/// A walk through one value.
struct Walk<'w> {
    of: &'w Integers,
    path: String,
    left_ns: f64,
    is_changed: bool,
    wrong: Vec<Violation>,
}

/// Why there is no answer.
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

    /// Whether there may be some that are written otherwise.
    pub fn are_in(&self, value: &Value) -> bool {
        self.schemas.contains_key(&0) && has_float(value)
    }

    /// Writes them as integers, in the value and in its tokens, if there are any. Whether that changed anything.
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

/// Whether some number is none of 64 bits as it is written: `5.0`, `1e3`, `-0` and `18446744073709551616` are all read so.
fn has_float(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_f64(),
        Value::Array(items) => items.iter().any(has_float),
        Value::Object(members) => members.values().any(has_float),
        _ => false,
    }
}

impl<'w> Walk<'w> {
    /// None: there is too much of it.
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

    /// All that describe the same part, each once.
    fn applied(&mut self, ids: &[SchemaId]) -> Option<Vec<&'w Described>> {
        let (mut seen, mut waiting) = (HashSet::new(), ids.to_vec());
        let mut applied = Vec::new();
        while let Some(id) = waiting.pop() {
            self.left_ns -= LOOK_NS;
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

impl Width {
    /// What is wrong with an integer of so many digits.
    fn refusal(self, digits: &str) -> Option<&'static str> {
        match self {
            Self::Any => None,
            Self::Signed128 if digits.parse::<i128>().is_ok() => None,
            Self::Unsigned128 if digits.parse::<u128>().is_ok() => None,
            Self::Signed128 => Some("is no integer of 128 bits"),
            Self::Unsigned128 => Some("is no unsigned integer of 128 bits"),
        }
    }
}

/// The schemas from which some part of a value is described as an integer.
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

/// None: it does not say that a number there is an integer.
fn width(schema: &Value) -> Option<Width> {
    let is_integer = match schema.get("type") {
        Some(Value::String(name)) => name == "integer",
        Some(Value::Array(names)) => {
            names.contains(&json!("integer")) && !names.contains(&json!("number"))
        }
        _ => {
            let values = schema.get("enum").and_then(Value::as_array);
            let values = values.into_iter().flatten().chain(schema.get("const"));
            let mut numbers = values.filter_map(Value::as_number).peekable();
            numbers.peek().is_some() && numbers.all(|number| !number.is_f64())
        }
    };
    is_integer.then(|| match schema.get("format").and_then(Value::as_str) {
        Some("int128") => Width::Signed128,
        Some("uint128") => Width::Unsigned128,
        _ => Width::Any,
    })
}

/// The least and the greatest integer of a format. A plugin's own words have 32 bits.
fn range(format: &str) -> Option<(Value, Value)> {
    Some(match format {
        "int8" => (i8::MIN.into(), i8::MAX.into()),
        "int16" => (i16::MIN.into(), i16::MAX.into()),
        "int32" | "int" => (i32::MIN.into(), i32::MAX.into()),
        "int64" => (i64::MIN.into(), i64::MAX.into()),
        "uint8" => (0.into(), u8::MAX.into()),
        "uint16" => (0.into(), u16::MAX.into()),
        "uint32" | "uint" => (0.into(), u32::MAX.into()),
        "uint64" => (0.into(), u64::MAX.into()),
        "uint128" => (0.into(), (u128::MAX as f64).into()),
        "int128" => ((i128::MIN as f64).into(), (i128::MAX as f64).into()),
        _ => return None,
    })
}

/// The greatest number that is one of 32 bits when it is rounded: half a step beyond their own greatest, rounded, is infinite.
const FLOAT: f64 = 340_282_356_779_733_661_637_539_395_458_142_568_448_f64.next_down();

/// Whether a number there has 32 bits with a fraction. One of 64 is whatever JSON is read as.
fn is_float(schema: &Value) -> bool {
    schema.get("format").is_some_and(|format| format == "float")
        && match schema.get("type") {
            Some(Value::Array(names)) => names.contains(&json!("number")),
            name => name == Some(&json!("number")),
        }
}

/// The document with bounds where a format names the width of a number and nothing else bounds it.
pub fn bounded(document: &Value, references: &References<'_>) -> Value {
    let mut document = document.clone();
    for node in references.schemas.iter().filter(|node| is_float(node.schema)) {
        if let Some(schema) = document.pointer_mut(&node.path).and_then(Value::as_object_mut) {
            schema.entry("minimum").or_insert((-FLOAT).into());
            schema.entry("maximum").or_insert(FLOAT.into());
        }
    }
    for node in references.schemas.iter().filter(|node| width(node.schema).is_some()) {
        let range = node.schema.get("format").and_then(Value::as_str).and_then(range);
        let schema = document.pointer_mut(&node.path).and_then(Value::as_object_mut);
        if let (Some((least, greatest)), Some(schema)) = (range, schema) {
            schema.entry("minimum").or_insert(least);
            schema.entry("maximum").or_insert(greatest);
        }
    }
    document
}

/// The digits of a number that is an integer, however it is written.
fn digits(token: &str) -> Option<String> {
    let (mantissa, exponent) = token.split_once(['e', 'E']).unwrap_or((token, "0"));
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    let significant = all.trim_matches('0');
    if significant.is_empty() {
        return Some("0".to_owned());
    }
    let leading = all.len() - all.trim_start_matches('0').len();
    let before_point = i64::try_from(whole.len()).ok()? - i64::try_from(leading).ok()?;
    // An exponent that is no number of ours makes a fraction: what is as large is not read.
    let count = before_point.checked_add(exponent.parse().ok()?)?;
    let count = usize::try_from(count).ok().filter(|count| *count <= DIGITS)?;
    (significant.len() <= count).then(|| format!("{sign}{significant:0<count$}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_32_bits_is_never_read_as_infinite() {
        assert!((FLOAT as f32).is_finite() && (FLOAT.next_up() as f32).is_infinite());
        let document = json!({ "type": ["number", "null"], "format": "float" });
        let references = References::of(&document).expect("a schema");
        assert_eq!(bounded(&document, &references)["maximum"], json!(FLOAT));
        let double = json!({ "type": "number", "format": "double" });
        let references = References::of(&double).expect("a schema");
        assert_eq!(bounded(&double, &references), double);
    }

    #[test]
    fn an_integer_has_many_spellings() {
        let far = format!("0.{}1e100001", "0".repeat(100_000));
        for (token, expected) in [
            ("5.0", "5"),
            ("5e0", "5"),
            ("1e3", "1000"),
            ("-0", "0"),
            ("-0.0e5", "0"),
            ("-1.20E+2", "-120"),
            ("1200e-2", "12"),
            ("0.005e3", "5"),
            ("9007199254740993.0", "9007199254740993"),
            ("18446744073709551616", "18446744073709551616"),
            ("1e20", "100000000000000000000"),
            ("100.0", "100"),
            (&far, "1"),
        ] {
            assert_eq!(digits(token).as_deref(), Some(expected), "{token}");
        }
        for token in ["1.5", "1e-1", "1e9999", "0.1", "12e-3", "1e-99999999999999999999"] {
            assert_eq!(digits(token), None, "{token}");
        }
    }
}
