//! Which documents can be used as a schema, and a message for each reason why one cannot.

use std::sync::Arc;

use jsonschema::{Draft, PatternOptions, ValidationError, Validator};
use serde_json::Value;

use super::error::SchemaError;
use super::meter::MeteredPattern;
use super::patterns::{self, MEMORY_BYTES, PATTERN_BYTES, Patterns};
use super::references::{Dangling, Node, References};
use super::violation::{self, Revealed, Violation};
use crate::moment::is_rfc3339;

/// The largest schema, serialised.
pub const SCHEMA_BYTES: usize = 256 * 1024;
/// The longest text that is checked as a regular expression, where a schema asks for that format.
pub const REGEX_BYTES: usize = 2 * 1024;

const DRAFT_2020_12: &str = "https://json-schema.org/draft/2020-12/schema";
const DRAFT_7: &str = "http://json-schema.org/draft-07/schema#";

/// The draft that a document asks for, if its size and kind are acceptable.
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

/// The first reasons to refuse `document`, as far as they can be found without building a validator.
pub fn reasons(
    draft: Draft,
    document: &Value,
    references: &References,
    patterns: &Patterns,
) -> Vec<SchemaError> {
    let mut errors = patterns::unusable(references, patterns);
    errors.extend(references.dangling.iter().map(dangling));
    errors.extend(references.schemas.iter().skip(1).filter_map(dialect));
    // The schema of Draft 7 also checks patterns, with a less helpful message.
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
    violation::collect(metaschema.iter_errors(document), Revealed::Values)
}

/// An embedded schema may ask only for a dialect that the document itself could ask for.
fn dialect(node: &Node) -> Option<SchemaError> {
    draft_named(&node.path, node.schema.get("$schema")?).err()
}

fn dangling(Dangling { path, reference, remote }: &Dangling) -> SchemaError {
    let message = match remote {
        true => format!(
            "the reference {reference:?} leads out of the schema; copy the schema that it refers to into `$defs`: the host fetches nothing"
        ),
        false => format!("the reference {reference:?} leads to nothing in the schema"),
    };
    SchemaError::at(path, message)
}

/// Builds the validator. A `pattern` charges the budget for each text that it matches; what `patternProperties` cost is
/// charged before the validation, by the length of the names. With `hides_values` no message of a `pattern` shows a value,
/// which may be a secret.
pub fn build(
    draft: Draft,
    document: &Value,
    patterns: Patterns,
    hides_values: bool,
) -> Result<Validator, SchemaError> {
    let linear = PatternOptions::regex().size_limit(PATTERN_BYTES).dfa_size_limit(MEMORY_BYTES);
    let options = jsonschema::options()
        .with_draft(draft)
        .with_pattern_options(linear)
        .with_format("regex", is_regex)
        .with_format("date-time", is_rfc3339)
        .should_validate_formats(true)
        .offline();
    // Without a pattern nothing needs the keyword.
    let options = match patterns.is_empty() {
        true => options,
        false => options.with_keyword("pattern", move |_, pattern, place| {
            let text = pattern.as_str().unwrap_or_default();
            let pattern = patterns.get(text).cloned().ok_or_else(|| {
                ValidationError::custom("it is no pattern that this host can use")
            })?;
            let place = Arc::from(place.as_str());
            let text = text.to_owned();
            Ok(Box::new(MeteredPattern { pattern, text, place, hides_values }) as Box<_>)
        }),
    };
    options.build(document).map_err(|error| SchemaError::at(error.instance_path().as_str(), &error))
}

/// The check of a regular expression compares each of its group names with every other, so a text over `REGEX_BYTES` counts
/// as invalid.
fn is_regex(text: &str) -> bool {
    text.len() <= REGEX_BYTES && jsonschema_regex::is_valid_ecma_regex(text)
}
