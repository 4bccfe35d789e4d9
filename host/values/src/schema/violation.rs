//! Why a value is not valid: short, bounded, and without the value where it could be a secret.

use std::fmt::{self, Write};

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::alternatives;
use super::places::escape;
use crate::moment::A_MOMENT;

/// The most reasons that are given for one value.
pub const VIOLATIONS: usize = 50;
/// The most choices that a reason lists.
const CHOICES: usize = 20;
/// The message where only the place may be named.
const UNLIKE: &str = "is not what its schema says";
/// Longer texts are cut.
const TEXT_BYTES: usize = 1024;

/// One way in which a value does not match its schema.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Violation {
    /// JSON Pointer into the value.
    pub path: String,
    pub message: String,
}

impl fmt::Display for Violation {
    /// The message with its place. A message about the whole value has none.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => formatter.write_str(&self.message),
            path => write!(formatter, "at `{path}`: {}", self.message),
        }
    }
}

impl Violation {
    fn at(place: impl fmt::Display, message: impl fmt::Display) -> Violation {
        Violation { path: shortened(place), message: shortened(message) }
    }

    /// A sentence of a message that names only its place: "`/region` is missing".
    pub fn sentence(&self) -> String {
        match self.path.as_str() {
            "" => format!("it {}", self.message),
            path => format!("`{path}` {}", self.message),
        }
    }

    /// The same violation without the value.
    pub fn without_value(self) -> Violation {
        Violation::at(self.path, UNLIKE)
    }

    /// The text is not JSON.
    pub fn no_json() -> Violation {
        Violation::at("", "is no JSON")
    }

    /// Checking the value would take too long, so it was refused without a look.
    pub(super) fn too_large(ms: u64) -> Violation {
        let message = format!(
            "the value has too many parts, or too long texts, to be checked within {ms} ms (validation_ms) by a schema that compares each part this often; give less at once, or simplify the schema"
        );
        Violation { path: String::new(), message }
    }

    /// The value's texts are too long for the patterns that check them.
    pub(super) fn too_costly(place: &str, ms: u64) -> Violation {
        let message = shortened(format_args!(
            "the value has too much text to be checked within {ms} ms (validation_ms) by the pattern at {place} of its schema, and what is looked at before; give less at once, or bound the text by `maxLength`"
        ));
        Violation { path: String::new(), message }
    }

    /// Defaults would make the value too large.
    pub(super) fn too_many_defaults(values: usize, bytes: usize) -> Violation {
        let message = format!(
            "the value lacks so many members with a default that more than {values} values (default_values) or {bytes} bytes (default_bytes) would be added; nest less, or leave out what the defaults are for"
        );
        Violation { path: String::new(), message }
    }

    /// The value is not valid, and finding the reasons would take too long.
    pub(super) fn unexplained() -> Violation {
        let message = "the value does not match its schema, and is too large or nested too deeply to say where; check its inner parts first";
        Violation { path: String::new(), message: message.to_owned() }
    }
}

/// What reasons may reveal of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revealed {
    /// Anything.
    Values,
    /// No value: a secret under a mistyped name is still a secret. Names of members may be shown.
    Names,
    /// Only where it is wrong, and the names of what is missing.
    Places,
}

/// The first reasons among `errors`.
pub fn collect<'v>(
    errors: impl Iterator<Item = ValidationError<'v>>,
    revealed: Revealed,
) -> Vec<Violation> {
    let mut violations = Vec::new();
    for error in errors {
        explain(&error, revealed, &mut violations);
        if violations.len() >= VIOLATIONS {
            violations.truncate(VIOLATIONS);
            break;
        }
    }
    violations
}

fn explain(error: &ValidationError, revealed: Revealed, violations: &mut Vec<Violation>) {
    if let Some(meant) = alternatives::meant(error) {
        meant.iter().for_each(|error| explain(error, revealed, violations));
        return;
    }
    if let ValidationErrorKind::AdditionalProperties { unexpected }
    | ValidationErrorKind::UnevaluatedProperties { unexpected } = error.kind()
    {
        let unknown = unexpected.iter().take(VIOLATIONS);
        violations.extend(unknown.map(|name| unknown_member(error, name)));
        return;
    }
    let alternatives = alternatives::kinds(error).filter(|_| revealed != Revealed::Places);
    if let Some(kinds) = alternatives {
        violations
            .push(Violation::at(error.instance_path(), format_args!("it is none of: {kinds}")));
        return;
    }
    let violation = match (choices(error), revealed) {
        (_, Revealed::Places) => place(error),
        (Some(all), Revealed::Values) => {
            let message = format_args!("{} is not one of {all}", error.instance());
            Violation::at(error.instance_path(), message)
        }
        (Some(all), Revealed::Names) => {
            let message = format_args!("the value is not one of {all}");
            Violation::at(error.instance_path(), message)
        }
        (None, revealed) if is_about_a_moment(error) => {
            let found = match revealed {
                Revealed::Values => error.instance().to_string(),
                _ => "the value".to_owned(),
            };
            Violation::at(error.instance_path(), format_args!("{found} is not {A_MOMENT}"))
        }
        (None, Revealed::Values) => Violation::at(error.instance_path(), error),
        (None, Revealed::Names) => {
            Violation::at(error.instance_path(), error.masked_with("the value"))
        }
    };
    if !violations.contains(&violation) {
        violations.push(violation);
    }
}

/// The place of an unknown member, so that its author finds the misspelt name.
fn unknown_member(error: &ValidationError, name: &str) -> Violation {
    let path = format_args!("{}/{}", error.instance_path().as_str(), escape(name));
    Violation::at(path, "no such member is known here; correct its name, or leave it out")
}

fn place(error: &ValidationError) -> Violation {
    let here = error.instance_path().as_str();
    match error.kind() {
        ValidationErrorKind::Required { property: Value::String(name) } => {
            Violation::at(format_args!("{here}/{}", escape(name)), "is missing")
        }
        _ => Violation::at(here, UNLIKE),
    }
}

/// Whether the value had to be a moment. The name of the format tells nobody what to write.
fn is_about_a_moment(error: &ValidationError) -> bool {
    matches!(error.kind(), ValidationErrorKind::Format { format } if format == "date-time")
}

/// All choices, if the value is none of them: "or 2 other candidates" helps nobody.
fn choices(error: &ValidationError) -> Option<String> {
    let ValidationErrorKind::Enum { options } = error.kind() else { return None };
    let options = options.as_array()?;
    let more = if options.len() > CHOICES { ", …" } else { "" };
    let listed: Vec<String> = options.iter().take(CHOICES).map(ToString::to_string).collect();
    Some(format!("{}{more}", listed.join(", ")))
}

/// The text of `content`, cut at a limit. It never occupies more memory than that.
pub fn shortened(content: impl fmt::Display) -> String {
    let mut text = Shortened(String::new());
    match write!(text, "{content}") {
        Ok(()) => text.0,
        Err(fmt::Error) => text.0 + "…",
    }
}

struct Shortened(String);

impl Write for Shortened {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        let room = TEXT_BYTES - '…'.len_utf8() - self.0.len();
        let fits = more.floor_char_boundary(room);
        self.0.push_str(&more[..fits]);
        if fits == more.len() { Ok(()) } else { Err(fmt::Error) }
    }
}
