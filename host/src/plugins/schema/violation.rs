//! Why a value is not valid: short, bounded, and without the value where it could be a secret.

use std::fmt::{self, Write};

use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind};
use serde::Serialize;

/// At most so many reasons are given for one value.
pub const VIOLATIONS: usize = 50;
/// Longer texts are cut.
const TEXT_BYTES: usize = 1024;

/// One way in which a value does not match its schema.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// JSON Pointer into the value.
    pub path: String,
    pub message: String,
}

impl Violation {
    /// For a value that is refused unseen.
    pub(super) fn too_large(ms: u64) -> Violation {
        let message = format!(
            "the value has too many parts, or too long texts, to be checked within {ms} ms (validation_ms) by a schema that compares each part this often; give less at once, or simplify the schema"
        );
        Violation { path: String::new(), message }
    }

    /// For a value whose texts are too long for the patterns that look at them.
    pub(super) fn too_costly(place: &str, ms: u64) -> Violation {
        let message = shortened(format_args!(
            "the value has too much text to be checked within {ms} ms (validation_ms) by the pattern at {place} of its schema, and what is looked at before; give less at once, or bound the text by `maxLength`"
        ));
        Violation { path: String::new(), message }
    }

    /// For a value that would grow too much.
    pub(super) fn too_many_defaults(values: usize, bytes: usize) -> Violation {
        let message = format!(
            "the value lacks so many members with a default that more than {values} values (default_values) or {bytes} bytes (default_bytes) would be added; nest less, or leave out what the defaults are for"
        );
        Violation { path: String::new(), message }
    }

    /// For a value in which looking for the reasons would take too long.
    pub(super) fn unexplained() -> Violation {
        let message = "the value does not match its schema, and is too large or nested too deeply to say where; check its inner parts first";
        Violation { path: String::new(), message: message.to_owned() }
    }
}

/// The first reasons among `errors`. With `hide_values` none quotes the value: a secret under a mistyped name is
/// still a secret.
pub fn collect<'v>(
    errors: impl Iterator<Item = ValidationError<'v>>,
    hide_values: bool,
) -> Vec<Violation> {
    let mut violations = Vec::new();
    for error in errors {
        explain(&error, hide_values, &mut violations);
        if violations.len() >= VIOLATIONS {
            violations.truncate(VIOLATIONS);
            break;
        }
    }
    violations
}

fn explain(error: &ValidationError, hide_values: bool, violations: &mut Vec<Violation>) {
    if let Some(meant) = branch_meant(error) {
        meant.iter().for_each(|error| explain(error, hide_values, violations));
        return;
    }
    let message = match hide_values {
        true => shortened(error.masked_with("the value")),
        false => shortened(error),
    };
    let violation = Violation { path: shortened(error.instance_path().as_str()), message };
    if !violations.contains(&violation) {
        violations.push(violation);
    }
}

/// "Matches none of the alternatives" helps nobody: where all but one are out of the question, by the type of the value or
/// by its tag, the reasons of that one are given.
fn branch_meant<'e>(error: &'e ValidationError) -> Option<&'e [ValidationError<'static>]> {
    let (ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context }) =
        error.kind()
    else {
        return None;
    };
    let here = error.instance_path();
    let wrong_type = |error: &ValidationError| {
        matches!(
            error.kind(),
            ValidationErrorKind::Type { kind: TypeKind::Single(_) | TypeKind::Multiple(_) }
        ) && error.instance_path() == here
    };
    let wrong_tag = |error: &ValidationError| {
        matches!(
            error.kind(),
            ValidationErrorKind::Constant { .. } | ValidationErrorKind::Enum { .. }
        )
    };
    let typed: Vec<_> = context.iter().filter(|branch| !branch.iter().any(wrong_type)).collect();
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

/// The text of `content`, cut at a limit without ever being longer in memory.
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
