//! What the patterns and formats of a schema cost on the longest text that may come at their place. What could
//! take too long is refused at load; the cost of checking a value's names is known here too.

use serde_json::Value;

use super::applied::Applied;
use super::check::REGEX_BYTES;
use super::patterns::{Cost, Patterns};
use super::place_costs::passes;
use super::places::escape;
use super::references::{Node, References, SchemaId};
use super::value_cost::ValueSize;
use super::{Bounds, SchemaError};

/// The longest character in UTF-8: `maxLength` counts characters.
const CHARACTER_BYTES: usize = 4;

// Measured on a 2.5 GHz server core, and rounded up: 0.1 to 2.5 ns, 20 ns, 10 ns.
/// One byte of a text with a format.
const FORMAT_NS: f64 = 3.0;
/// One byte of a regular expression.
const REGEX_NS: f64 = 25.0;
/// One byte of encoded content.
const CONTENT_NS: f64 = 20.0;

/// The cost of a value's names, for each name and each of its bytes.
#[derive(Default)]
pub struct NameCost {
    name_ns: f64,
    byte_ns: f64,
}

impl NameCost {
    pub fn ns(&self, size: &ValueSize) -> f64 {
        self.name_ns * size.names + self.byte_ns * size.name_bytes
    }
}

/// Refuses a schema whose patterns could take too long on one text.
pub fn bounded(
    references: &References,
    applied: &Applied,
    patterns: &Patterns,
    bounds: &Bounds,
) -> Result<NameCost, SchemaError> {
    let costs: Vec<Texts> =
        references.schemas.iter().map(|node| Texts::of(node, patterns, bounds)).collect();
    let most = |what: fn(&Texts) -> f64, limit| match costs.iter().any(|texts| what(texts) > 0.0) {
        true => applied.most(|id| what(&costs[id]), limit),
        false => Ok(0.0),
    };
    let limit = bounds.validation_ms as f64 * 1e6;
    most(|texts| texts.text_ns, limit).map_err(|at| refusal(references, &costs, bounds, at))?;
    let at_most = |what| most(what, f64::INFINITY).unwrap_or(f64::INFINITY);
    Ok(NameCost {
        name_ns: at_most(|texts| texts.name_ns),
        byte_ns: at_most(|one| one.name_byte_ns),
    })
}

/// The cost of one schema's own keywords.
#[derive(Default)]
struct Texts {
    /// On the longest text, or on names of this many bytes.
    text_ns: f64,
    name_ns: f64,
    name_byte_ns: f64,
    /// The length of a text, in characters, on which it would cost half of what is allowed, and its place.
    worst: Option<(String, f64)>,
}

impl Texts {
    fn of(node: &Node, patterns: &Patterns, bounds: &Bounds) -> Texts {
        let schema = node.schema;
        let bytes = longest(schema).unwrap_or(usize::MAX).min(bounds.value_bytes);
        let mut texts = Texts { text_ns: other(schema) * bytes as f64, ..Texts::default() };
        let value = schema.get("pattern").and_then(Value::as_str);
        if let Some(pattern) = value.and_then(|pattern| patterns.get(pattern)) {
            texts.add_text(format!("{}/pattern", node.path), &pattern.cost, bytes, bounds);
        }
        let names = schema.get("patternProperties").and_then(Value::as_object);
        for (name, _) in names.into_iter().flatten() {
            let Some(pattern) = patterns.get(name) else { continue };
            let path = format!("{}/patternProperties/{}", node.path, escape(name));
            texts.add_name(path, &pattern.cost, schema, bounds);
        }
        texts
    }

    fn add_text(&mut self, path: String, cost: &Cost, bytes: usize, bounds: &Bounds) {
        let ns = cost.first_ns + cost.of_text(bytes);
        let allowed = (bounds.validation_ms as f64 * 1e6 - cost.first_ns) / 2.0;
        let characters = allowed / cost.byte_ns / CHARACTER_BYTES as f64;
        self.add(path, ns, characters);
    }

    /// Each pattern checks each name, and again if a keyword stands for all other names.
    fn add_name(&mut self, path: String, cost: &Cost, schema: &Value, bounds: &Bounds) {
        let again = usize::from(schema.get("additionalProperties").is_some());
        let times = (passes(schema) + again) as f64;
        self.name_ns += times * cost.of_text(0);
        self.name_byte_ns += times * cost.byte_ns;
        self.add(path, cost.first_ns + times * cost.of_text(bounds.value_bytes), 0.0);
    }

    fn add(&mut self, path: String, ns: f64, characters: f64) {
        if self.worst.is_none() || ns > self.text_ns {
            self.worst = Some((path, characters));
        }
        self.text_ns += ns;
    }
}

/// The bytes that `maxLength` allows. The validator checks it before the keywords next to it.
fn longest(schema: &Value) -> Option<usize> {
    let characters = schema.get("maxLength")?.as_u64()?;
    usize::try_from(characters).ok()?.checked_mul(CHARACTER_BYTES)
}

/// The cost of everything but a pattern that checks a text, for each byte.
fn other(schema: &Value) -> f64 {
    let format = match schema.get("format").and_then(Value::as_str) {
        Some("regex") => REGEX_NS,
        Some(_) => FORMAT_NS,
        None => 0.0,
    };
    let content = ["contentEncoding", "contentMediaType"];
    let content = content.iter().filter(|keyword| schema.get(**keyword).is_some()).count();
    format + CONTENT_NS * content as f64
}

fn refusal(references: &References, costs: &[Texts], bounds: &Bounds, at: SchemaId) -> SchemaError {
    let (ms, bytes) = (bounds.validation_ms, bounds.value_bytes);
    let worst = costs.iter().max_by(|a, b| a.text_ns.total_cmp(&b.text_ns));
    let allowed = format!("{ms} ms are allowed (validation_ms)");
    let Some((texts, (path, characters))) = worst.and_then(|one| Some((one, one.worst.as_ref()?)))
    else {
        let message = format!(
            "the formats that apply to one text may take too long on {bytes} bytes, the most that can come here; {allowed}; set `maxLength`, or use fewer (a `regex` has at most {REGEX_BYTES} bytes)"
        );
        return SchemaError::at(&references.schemas[at].path, message);
    };
    let taken = (texts.text_ns / 1e6).ceil();
    let what = match texts.text_ns > ms as f64 * 1e6 {
        true => format!("this pattern may take {taken} ms on a text"),
        false => {
            "the patterns that apply to the same text may together take too long on one".to_owned()
        }
    };
    let advice = match *characters {
        n if n < 1.0 => "use a simpler one, or fewer".to_owned(),
        n => format!("set `maxLength` beside it (at most {}), or simplify it", n.floor()),
    };
    SchemaError::at(
        path,
        format!("{what} of {bytes} bytes, the most that can come here; {allowed}; {advice}"),
    )
}
