//! What a document must be to be used as a schema, and the sentence for each way in which it is not.

use std::collections::{HashMap, HashSet};
use std::fmt;

use jsonschema::{Draft, PatternOptions, Regex, Validator};
use serde::Serialize;
use serde_json::{Value, json};

use super::places::escape;
use super::references::{Dangling, Node, References};
use super::violation::{self, Violation};

/// The largest schema, serialised.
pub const SCHEMA_BYTES: usize = 256 * 1024;
/// Different patterns of one schema. Each is kept compiled for as long as the plugin is there.
pub const PATTERNS: usize = 200;
/// The largest pattern, compiled, and the most that is remembered of a text while it is matched.
const PATTERN_BYTES: usize = 256 * 1024;

const DRAFT_2020_12: &str = "https://json-schema.org/draft/2020-12/schema";
const DRAFT_7: &str = "http://json-schema.org/draft-07/schema#";

/// One reason why a document is not a schema that can be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
pub struct SchemaError {
    /// JSON Pointer into the schema.
    pub path: String,
    pub message: String,
}

impl fmt::Display for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => write!(f, "the schema is refused: {}", self.message),
            path => write!(f, "the schema is refused at {path}: {}", self.message),
        }
    }
}

impl SchemaError {
    pub(super) fn at(path: &str, message: impl fmt::Display) -> SchemaError {
        SchemaError { path: violation::shortened(path), message: violation::shortened(message) }
    }
}

/// The draft that a document asks for, if it is of a size and kind to be looked at.
pub fn draft(document: &Value) -> Result<Draft, SchemaError> {
    let bytes = serde_json::to_vec(document).map_err(|error| SchemaError::at("", error))?.len();
    if bytes > SCHEMA_BYTES {
        let message = format!(
            "it has {bytes} bytes, the limit is {SCHEMA_BYTES}; use `$ref` for parts that repeat"
        );
        return Err(SchemaError::at("", message));
    }
    document.get("$schema").map_or(Ok(Draft::Draft202012), |dialect| draft_named("", dialect))
}

fn draft_named(path: &str, dialect: &Value) -> Result<Draft, SchemaError> {
    let name =
        dialect.as_str().unwrap_or_default().trim_end_matches('#').replace("https://", "http://");
    match name.as_str() {
        "http://json-schema.org/draft/2020-12/schema" => Ok(Draft::Draft202012),
        "http://json-schema.org/draft-07/schema" => Ok(Draft::Draft7),
        _ => Err(SchemaError::at(
            &format!("{path}/$schema"),
            format!(
                "{dialect} is not a dialect this host has; use {DRAFT_2020_12:?} or {DRAFT_7:?}"
            ),
        )),
    }
}

/// Every reason why `document` is refused that can be found without building a validator.
pub fn reasons(
    draft: Draft,
    document: &Value,
    references: &References,
    matchers: &Matchers,
) -> Vec<SchemaError> {
    let unusable = patterns(references).filter(|(_, pattern)| !matchers.contains_key(pattern));
    let mut errors: Vec<_> = unusable
        .map(|(path, pattern)| SchemaError::at(&path, unusable_pattern(pattern)))
        .take(violation::VIOLATIONS)
        .collect();
    errors.extend(references.dangling.iter().map(dangling));
    errors.extend(references.schemas.iter().skip(1).filter_map(dialect));
    // Draft 7 itself asks whether a pattern is one, and says less about it.
    let said = |violation: &Violation| errors.iter().any(|error| error.path == violation.path);
    let violations: Vec<_> =
        metaschema(draft, document).into_iter().filter(|violation| !said(violation)).collect();
    errors.extend(
        violations.into_iter().map(|Violation { path, message }| SchemaError { path, message }),
    );
    errors.truncate(violation::VIOLATIONS);
    errors
}

fn metaschema(draft: Draft, document: &Value) -> Vec<Violation> {
    let metaschema = match draft {
        Draft::Draft7 => jsonschema::draft7::meta::validator(),
        _ => jsonschema::draft202012::meta::validator(),
    };
    violation::collect(metaschema.iter_errors(document), false)
}

/// What says whether a text matches, by pattern; those that cannot be used are left out.
pub type Matchers<'s> = HashMap<&'s str, Validator>;

/// Each pattern of a schema, compiled once however often it occurs.
pub fn matchers<'s>(references: &References<'s>) -> Result<Matchers<'s>, SchemaError> {
    let mut seen = HashSet::new();
    for (path, pattern) in patterns(references) {
        if seen.insert(pattern) && seen.len() > PATTERNS {
            let message = format!(
                "this is one pattern more than the {PATTERNS} different ones that a schema may have, the names in `patternProperties` counted too; use fewer"
            );
            return Err(SchemaError::at(&path, message));
        }
    }
    Ok(seen.into_iter().filter_map(|pattern| Some((pattern, matcher(pattern)?))).collect())
}

fn matcher(pattern: &str) -> Option<Validator> {
    let options = jsonschema::options().with_pattern_options(pattern_options());
    options.build(&json!({ "pattern": pattern })).ok()
}

/// The one engine that patterns have: linear in the text, and of bounded size.
fn pattern_options() -> PatternOptions<Regex> {
    PatternOptions::regex().size_limit(PATTERN_BYTES).dfa_size_limit(PATTERN_BYTES)
}

/// Every pattern with its path, as often as it occurs.
fn patterns<'r, 's>(
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

/// An embedded schema may not ask for a dialect that the document itself could not.
fn dialect(node: &Node) -> Option<SchemaError> {
    draft_named(&node.path, node.schema.get("$schema")?).err()
}

fn dangling(Dangling { path, reference, remote }: &Dangling) -> SchemaError {
    let message = match remote {
        true => format!(
            "the reference {reference:?} leads out of the schema; copy what it means into `$defs`, nothing is fetched"
        ),
        false => format!("the reference {reference:?} leads to nothing in the schema"),
    };
    SchemaError::at(path, message)
}

pub fn build(draft: Draft, document: &Value) -> Result<Validator, SchemaError> {
    jsonschema::options()
        .with_draft(draft)
        .with_pattern_options(pattern_options())
        .should_validate_formats(true)
        .offline()
        .build(document)
        .map_err(|error| SchemaError::at(error.instance_path().as_str(), &error))
}
