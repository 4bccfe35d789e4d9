//! The patterns of a schema: each is compiled once, and its cost on a text is known.
//!
//! There is one regex engine, linear in the text, without look-around. If the table of a pattern's states is
//! small, matching looks each byte up in it, in a few nanoseconds; otherwise it may follow all states at each
//! byte. Which of the two applies is found out at load, so that the cost of a text is known before it is
//! matched.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use regex_automata::dfa::{StartKind, dense};
use regex_automata::meta::Regex;
use regex_automata::nfa::thompson::{NFA, WhichCaptures};
use serde_json::Value;

use super::SchemaError;
use super::places::escape;
use super::references::{Node, References};
use super::room::Room;
use super::violation;

/// The most different patterns of one schema. Each stays compiled while the plugin is loaded.
pub const PATTERNS: usize = 200;
/// The largest pattern, compiled.
pub const PATTERN_BYTES: usize = 256 * 1024;
/// The longest pattern, as a text.
const TEXT_BYTES: usize = 4 * 1024;
/// The most `\d`, `\s`, `\w` and their opposites in one pattern: each is one more pass over it when it is
/// translated.
const CLASSES: usize = 100;
/// The largest table of states that is used.
const TABLE_BYTES: usize = 512 * 1024;
/// The most work, in bytes, for building such a table: some milliseconds.
const SEARCH_BYTES: usize = 128 * 1024;
/// The memory that each thread uses while it matches a pattern: more than a table of that size takes.
pub const MEMORY_BYTES: usize = 1024 * 1024;

// Measured on a 2.5 GHz server core, and rounded up: 0.1 to 4 ns, 10 to 20 ns, 12 to 26 ns, 20 to 60 ns.
/// To look one byte up in a table.
const LOOKUP_NS: f64 = 3.0;
/// To follow one state at one byte.
const STATE_NS: f64 = 20.0;
/// To fill one byte of a table, which happens once in each thread.
const FILL_NS: f64 = 25.0;
/// To begin with a text.
const BEGIN_NS: f64 = 50.0;

/// A pattern that is compiled.
#[derive(Debug)]
pub struct Pattern {
    regex: Regex,
    pub cost: Cost,
}

/// The cost of matching a text, at worst.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cost {
    pub byte_ns: f64,
    /// For the first texts that a thread matches.
    pub first_ns: f64,
    /// The memory that stays occupied.
    pub bytes: usize,
}

impl Cost {
    /// The cost of one text of that length.
    pub fn of_text(&self, bytes: usize) -> f64 {
        BEGIN_NS + self.byte_ns * bytes as f64
    }
}

impl Pattern {
    /// None if the pattern cannot be used.
    fn compile(pattern: &str) -> Option<Pattern> {
        let translated = jsonschema_regex::to_rust_regex(pattern).ok()?;
        let limits =
            Regex::config().nfa_size_limit(Some(PATTERN_BYTES)).hybrid_cache_capacity(MEMORY_BYTES);
        let regex = Regex::builder().configure(limits).build(&translated).ok()?;
        Some(Pattern { regex, cost: cost(&translated)? })
    }

    pub fn is_match(&self, text: &str) -> bool {
        // The engine panics on a few rare patterns; such a pattern matches nothing.
        catch_unwind(AssertUnwindSafe(|| self.regex.is_match(text))).unwrap_or(false)
    }
}

fn cost(translated: &str) -> Option<Cost> {
    let config =
        NFA::config().nfa_size_limit(Some(PATTERN_BYTES)).which_captures(WhichCaptures::None);
    let states = NFA::compiler().configure(config).build(translated).ok()?;
    let config = dense::Config::new()
        .start_kind(StartKind::Unanchored)
        .dfa_size_limit(Some(TABLE_BYTES))
        .determinize_size_limit(Some(SEARCH_BYTES));
    let table = dense::Builder::new().configure(config).build_from_nfa(&states);
    Some(match table.map(|table| table.memory_usage()) {
        Ok(table) => Cost {
            byte_ns: LOOKUP_NS,
            first_ns: FILL_NS * table as f64,
            bytes: states.memory_usage() + table,
        },
        Err(_) => Cost {
            byte_ns: STATE_NS * states.states().len() as f64,
            first_ns: 0.0,
            bytes: states.memory_usage() + MEMORY_BYTES,
        },
    })
}

/// The patterns of a schema, by their text, without those that cannot be used.
pub type Patterns = HashMap<String, Arc<Pattern>>;

/// Each pattern of a schema, compiled once however often it occurs.
pub fn compile(references: &References, room: &mut Room) -> Result<Patterns, SchemaError> {
    let mut places: HashMap<&str, String> = HashMap::new();
    for (path, pattern) in occurrences(references) {
        if places.contains_key(pattern) {
            continue;
        }
        too_long(&path, pattern)?;
        places.insert(pattern, path.clone());
        if places.len() > PATTERNS {
            let message = format!(
                "this is one pattern more than the {PATTERNS} different ones that a schema may have, the names in `patternProperties` counted too; use fewer"
            );
            return Err(SchemaError::at(&path, message));
        }
    }
    let mut patterns = Patterns::new();
    for (pattern, path) in places {
        room.take_pattern(&path)?;
        if let Some(compiled) = Pattern::compile(pattern) {
            room.take_pattern_bytes(&path, compiled.cost.bytes)?;
            patterns.insert(pattern.to_owned(), Arc::new(compiled));
        }
    }
    Ok(patterns)
}

fn too_long(path: &str, pattern: &str) -> Result<(), SchemaError> {
    if pattern.len() > TEXT_BYTES {
        let message =
            format!("the pattern has {} bytes, at most {TEXT_BYTES} are allowed", pattern.len());
        return Err(SchemaError::at(path, message));
    }
    let classes = pattern.as_bytes().windows(2).filter(|pair| {
        pair[0] == b'\\' && matches!(pair[1], b'd' | b'D' | b's' | b'S' | b'w' | b'W')
    });
    if classes.count() > CLASSES {
        let message = format!(
            "the pattern has more than {CLASSES} of `\\d`, `\\s`, `\\w`; repeat one with `{{n}}`"
        );
        return Err(SchemaError::at(path, message));
    }
    Ok(())
}

/// Why patterns cannot be used, each with its place.
pub fn unusable(references: &References, patterns: &Patterns) -> Vec<SchemaError> {
    let unusable = occurrences(references).filter(|(_, pattern)| !patterns.contains_key(*pattern));
    unusable
        .map(|(path, pattern)| SchemaError::at(&path, unusable_pattern(pattern)))
        .take(violation::VIOLATIONS)
        .collect()
}

/// Every pattern with its path, as often as it occurs.
fn occurrences<'r, 's>(
    references: &'r References<'s>,
) -> impl Iterator<Item = (String, &'s str)> + use<'r, 's> {
    references.schemas.iter().flat_map(|Node { schema, path, .. }| {
        let value = schema.get("pattern").and_then(Value::as_str);
        let value = value.map(|pattern| (format!("{path}/pattern"), pattern));
        let names = schema.get("patternProperties").and_then(Value::as_object);
        let names = names.into_iter().flatten().map(move |(pattern, _)| {
            (format!("{path}/patternProperties/{}", escape(pattern)), pattern.as_str())
        });
        value.into_iter().chain(names)
    })
}

fn unusable_pattern(pattern: &str) -> String {
    if needs_backtracking(pattern) {
        return format!(
            "the pattern {pattern:?} needs look-around or a back-reference, which patterns here do not have; say it without"
        );
    }
    let pattern = violation::shortened(format_args!("{pattern:?}"));
    format!(
        "the pattern {pattern} is no regular expression that this host can use, or takes more than {PATTERN_BYTES} bytes compiled; correct it, or repeat less in it (`maxLength` can bound what `+` repeats)"
    )
}

fn needs_backtracking(pattern: &str) -> bool {
    let back_reference = || {
        let pairs = pattern.as_bytes().windows(2);
        pairs.into_iter().any(|pair| pair[0] == b'\\' && matches!(pair[1], b'1'..=b'9' | b'k'))
    };
    ["(?=", "(?!", "(?<=", "(?<!"].iter().any(|look_around| pattern.contains(look_around))
        || back_reference()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn byte_ns(pattern: &str) -> f64 {
        Pattern::compile(pattern).unwrap().cost.byte_ns
    }

    #[test]
    fn a_pattern_costs_its_states_where_no_table_holds_them() {
        for small in ["^[a-z][a-z0-9-]{0,49}$", r"^\p{L}[\p{L} '-]*$", r"^\d{4}-\d\d-\d\d$", "x.*y"]
        {
            assert_eq!(byte_ns(small), LOOKUP_NS, "{small}");
        }
        assert!(byte_ns("(?:[ab]?){1000}[cd]") > 1_000.0 * STATE_NS);
        assert!(byte_ns("^(a|b)*a(a|b){20}$") > 20.0 * STATE_NS);
    }

    #[test]
    fn a_pattern_that_would_take_long_to_translate_is_refused() {
        assert!(too_long("", &r"\s".repeat(CLASSES + 1)).is_err());
        assert!(too_long("", &"a".repeat(TEXT_BYTES + 1)).is_err());
        assert!(too_long("", r"^\d{3}[\w-]+\s$").is_ok());
    }
}
