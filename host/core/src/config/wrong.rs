//! Messages about wrong settings, in the words of `moothall.toml`: where it is, what it must be, what it is.

use std::path::Path;

use figment::error::{Actual, Kind};
use figment::{Error, Figment};

use super::ranges::{outside, range_of, said};
use super::variables::{Variable, Variables};
use moothall_values::nearest::nearest;

/// The prefix of places that are not in the file.
pub const VARIABLE: &str = "the variable ";
pub const OPTION: &str = "the option ";

/// The longest text that a message repeats, in characters.
const REPEATED: usize = 100;

/// Every mistake on a line of its own; empty without mistakes.
pub fn mistakes(
    figment: &Figment,
    extracted: Option<&Error>,
    file: &Path,
    variables: &Variables,
) -> Vec<String> {
    let mut errors = outside(figment);
    let is_new = |error: &Error| !errors.iter().any(|one| one.path == error.path);
    let more: Vec<Error> =
        extracted.into_iter().flat_map(|error| error.clone()).filter(is_new).collect();
    errors.extend(more);
    errors.iter().map(|error| sentence(error, file, variables)).collect()
}

fn sentence(error: &Error, file: &Path, variables: &Variables) -> String {
    let mut whole = error.path.clone();
    if let Kind::UnknownField(key, _) = &error.kind
        && whole.last() != Some(key)
    {
        whole.push(key.clone());
    }
    // Errors name the file itself; an error about a section may come from a variable that added to it.
    let given = error.metadata.as_ref().filter(|metadata| metadata.source.is_none());
    let given = given.map(|metadata| metadata.name.to_string());
    let option = given.clone().filter(|place| place.starts_with(OPTION));
    let variable = variables.of_setting(&whole).filter(|_| !whole.is_empty());
    let of_variable = variable.map(|variable| format!("{VARIABLE}{}", variable.name));
    let place = option.or(of_variable).or(given).unwrap_or_else(|| file.display().to_string());
    let path = error.path.join(".");
    match &error.kind {
        Kind::UnknownField(key, known) => {
            let key = if path.ends_with(key.as_str()) { path } else { dotted(&path, key) };
            format!("{place}: unknown setting `{key}`{}", nearest(&key, known))
        }
        kind if path.is_empty() => format!("{place}: {}", fault(kind, &[], variable)),
        kind => format!("{place}: setting `{path}`: {}", fault(kind, &error.path, variable)),
    }
}

fn dotted(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn fault(kind: &Kind, path: &[String], variable: Option<&Variable>) -> String {
    match kind {
        Kind::InvalidType(given, wanted) | Kind::InvalidValue(given, wanted) => {
            format!(
                "it must be {}, and is {}",
                wanted_words(wanted, path, variable),
                given_words(given)
            )
        }
        Kind::UnknownVariant(given, known) => {
            let all: Vec<String> = known.iter().map(|one| format!("`{one}`")).collect();
            format!(
                "it must be {}, and is `{}`{}",
                all.join(" or "),
                cut(given),
                nearest(given, known)
            )
        }
        other => other.to_string(),
    }
}

/// The name of a type in a message for operators.
fn wanted_words(wanted: &str, path: &[String], variable: Option<&Variable>) -> String {
    if let Some(range) = range_of(path) {
        return said(&range);
    }
    let name = variable.map(|variable| variable.name.as_str());
    let key = path.last().map_or("", String::as_str);
    match (wanted, name) {
        ("a sequence", Some(name)) => format!("a list, such as {name}='[\"a\", \"b\"]'"),
        ("a sequence", None) => format!("a list, such as `{key} = [\"a\", \"b\"]`"),
        ("a boolean", _) => "`true` or `false`".to_owned(),
        ("a string" | "path string", Some(_)) => "a text".to_owned(),
        ("a string" | "path string", None) => "a text in quotes".to_owned(),
        (section, Some(name)) if is_section(section) => {
            format!(
                "a section; give each of its settings a variable of its own, such as {name}__NAME=value"
            )
        }
        (section, None) if is_section(section) => {
            format!("a section of settings, such as `{key} = {{ name = value }}`")
        }
        (other, _) => other.to_owned(),
    }
}

fn is_section(wanted: &str) -> bool {
    wanted == "a map" || wanted.starts_with("struct ")
}

fn given_words(given: &Actual) -> String {
    match given {
        Actual::Bool(value) => format!("`{value}`"),
        Actual::Unsigned(value) => value.to_string(),
        Actual::Signed(value) => value.to_string(),
        Actual::Float(value) => value.to_string(),
        Actual::Str(text) => format!("\"{}\"", cut(text)),
        Actual::Seq => "a list".to_owned(),
        Actual::Map => "a section of settings".to_owned(),
        other => other.to_string(),
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(REPEATED) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}
