//! The message for a value that fits no alternative of an `anyOf` or a `oneOf`. "Not valid under any of them"
//! would help nobody.

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{JsonType, ValidationError};
use serde_json::Value;

/// The most kinds that a message lists.
const KINDS: usize = 20;

type Branch = Vec<ValidationError<'static>>;

/// What is wrong with the value, for each alternative.
fn branches<'e>(error: &'e ValidationError) -> Option<&'e [Branch]> {
    match error.kind() {
        ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } => {
            Some(context)
        }
        _ => None,
    }
}

/// If the type of the value or its tag leaves only one alternative: what is wrong with the value by that one.
pub fn meant<'e>(error: &'e ValidationError) -> Option<&'e [ValidationError<'static>]> {
    let branches = branches(error)?;
    let here = error.instance_path();
    let wrong_type = |error: &ValidationError| {
        matches!(error.kind(), ValidationErrorKind::Type { .. }) && error.instance_path() == here
    };
    let wrong_tag = |error: &ValidationError| tag(error).is_some();
    let typed: Vec<_> = branches.iter().filter(|branch| !branch.iter().any(wrong_type)).collect();
    let tagged =
        || typed.iter().copied().filter(|branch| !branch.iter().any(wrong_tag)).collect::<Vec<_>>();
    match typed.as_slice() {
        [only] => Some(only),
        _ => match tagged().as_slice() {
            [only] => Some(only),
            _ => None,
        },
    }
}

/// The kinds of value that the alternatives accept: `a string, an object with "url"`. Reveals nothing of the
/// value.
pub fn kinds(error: &ValidationError) -> Option<String> {
    let mut kinds = all_kinds(error)?;
    if kinds.len() > KINDS {
        kinds.truncate(KINDS);
        kinds.push("…".to_owned());
    }
    Some(kinds.join(", "))
}

fn all_kinds(error: &ValidationError) -> Option<Vec<String>> {
    let here = error.instance_path().as_str();
    let mut kinds: Vec<String> = Vec::new();
    for branch in branches(error)? {
        // Alternatives inside an alternative count as alternatives.
        let inner = branch.iter().filter(|error| error.instance_path().as_str() == here);
        let inner = inner.filter_map(all_kinds).next();
        for kind in inner.unwrap_or_else(|| vec![kind(branch, here)]) {
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
    }
    Some(kinds)
}

/// What the alternative expects: a type, or an object with a certain tag or certain members.
fn kind(branch: &Branch, here: &str) -> String {
    let at_here = |error: &&ValidationError| error.instance_path().as_str() == here;
    let expected = branch.iter().filter(at_here).find_map(|error| match error.kind() {
        ValidationErrorKind::Type { kind } => Some(named_type(kind)),
        _ => tag(error).map(|values| values.join(" or ")),
    });
    let tagged = || {
        let (error, values) = branch.iter().find_map(|error| Some((error, tag(error)?)))?;
        let place = error.instance_path().as_str().get(here.len()..)?;
        let name = place.trim_start_matches('/');
        Some(format!("an object whose `{name}` is {}", values.join(" or ")))
    };
    let lacking = || {
        let missing = branch.iter().filter(at_here).filter_map(|error| match error.kind() {
            ValidationErrorKind::Required { property: Value::String(name) } => {
                Some(format!("`{name}`"))
            }
            _ => None,
        });
        let missing: Vec<String> = missing.collect();
        (!missing.is_empty()).then(|| format!("an object with {}", missing.join(" and ")))
    };
    let found = expected.or_else(tagged).or_else(lacking);
    found.unwrap_or_else(|| match branch.first() {
        Some(error) => format!("one that this fails to be ({})", error.masked_with("the value")),
        None => "another".to_owned(),
    })
}

/// The allowed values, as JSON.
fn tag(error: &ValidationError) -> Option<Vec<String>> {
    match error.kind() {
        ValidationErrorKind::Constant { expected_value } => Some(vec![expected_value.to_string()]),
        ValidationErrorKind::Enum { options } => {
            let options = options.as_array()?.iter().take(KINDS);
            Some(options.map(ToString::to_string).collect())
        }
        _ => None,
    }
}

fn named_type(kind: &TypeKind) -> String {
    match kind {
        TypeKind::Single(one) => with_article(*one),
        TypeKind::Multiple(all) => {
            let mut all: Vec<JsonType> = all.iter().collect();
            all.sort_by_key(|kind| *kind == JsonType::Null);
            all.into_iter().map(with_article).collect::<Vec<_>>().join(" or ")
        }
    }
}

fn with_article(kind: JsonType) -> String {
    match kind {
        JsonType::Null => "null".to_owned(),
        JsonType::Array | JsonType::Integer | JsonType::Object => format!("an {kind}"),
        JsonType::Boolean | JsonType::Number | JsonType::String => format!("a {kind}"),
    }
}
