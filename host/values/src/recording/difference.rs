//! What differs between a call and its repetition.

use serde::Serialize;
use serde_json::{Value, json};

use super::{LARGE, Noted, RecordedFailure, Returned, weight};

/// How many bytes of a value are shown.
const SHOWN: usize = 400;

/// Something that is not as it was recorded, with both sides; a side is absent if nothing stands there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// `import 3`, `result`, `failure`, for example.
    pub at: String,
    pub recorded: Option<String>,
    pub now: Option<String>,
}

impl Difference {
    /// Between the import at this place, counted from 1, and what the guest called there.
    pub fn of_imports(place: usize, recorded: Option<&Noted>, now: Option<&Noted>) -> Self {
        let call = |noted: &Noted| called(&noted.import, &noted.arguments);
        Self { at: format!("import {place}"), recorded: recorded.map(call), now: now.map(call) }
    }

    /// Between what was returned and what is.
    pub fn of_results(recorded: &Returned, now: &Returned) -> Option<Self> {
        let is_same = match (recorded, now) {
            (Returned::Output(one), Returned::Output(other)) => match one.get(LARGE) {
                Some(bytes) => *bytes == json!(weight(other)),
                None => same(one, other),
            },
            // How long something took, and where a stack ended, is another machine's matter.
            (Returned::Fault(one), Returned::Fault(other)) => is_same_fault(one, other),
            (one, other) => one == other,
        };
        let text = |one: &Returned| Some(one.shown());
        (!is_same).then(|| Self {
            at: "result".to_owned(),
            recorded: text(recorded),
            now: text(now),
        })
    }

    /// Between the failures that the host saw.
    pub fn of_failures(
        recorded: Option<&RecordedFailure>,
        now: Option<&RecordedFailure>,
    ) -> Option<Self> {
        let is_same = match (recorded, now) {
            (Some(one), Some(other)) => is_same_fault(one, other),
            (one, other) => one == other,
        };
        let text = |one: Option<&RecordedFailure>| one.map(RecordedFailure::shown);
        (!is_same).then(|| Self {
            at: "failure".to_owned(),
            recorded: text(recorded),
            now: text(now),
        })
    }
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let side = |text: &Option<String>| text.clone().unwrap_or_else(|| "nothing".to_owned());
        let (recorded, now) = (side(&self.recorded), side(&self.now));
        write!(f, "{}\n    recorded: {recorded}\n    now:      {now}", self.at)
    }
}

fn is_same_fault(one: &RecordedFailure, other: &RecordedFailure) -> bool {
    one.code == other.code && (one.code == "plugin_timeout" || one.detail == other.detail)
}

impl Returned {
    /// In a line.
    pub fn shown(&self) -> String {
        match self {
            Self::Output(output) => format!("returned {}", shown(output)),
            Self::Error(error) => {
                let details = error.details.as_ref().map(|details| format!(" {details}"));
                let details = details.unwrap_or_default();
                cut(format!("error {}: {}{details}", error.kind, error.message))
            }
            Self::Fault(fault) => fault.shown(),
        }
    }
}

impl RecordedFailure {
    /// In a line.
    pub fn shown(&self) -> String {
        cut(format!("{}: {}", self.code, self.detail))
    }
}

/// Whether two values are the same; JSON texts are compared by what they mean.
pub fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::String(one), Value::String(other)) => one == other || same_json(one, other),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            let is_in_both = |(name, value): (&String, &Value)| {
                other.get(name).is_some_and(|other| same(value, other))
            };
            one.len() == other.len() && one.iter().all(is_in_both)
        }
        (one, other) => one == other,
    }
}

fn same_json(one: &str, other: &str) -> bool {
    let read = |text: &str| serde_json::from_str::<Value>(text).ok();
    // Only what can be JSON of more than one form: a number of many digits would be rounded.
    let is_nested = |text: &str| text.trim_start().starts_with(['{', '[']);
    is_nested(one) && is_nested(other) && read(one).is_some_and(|one| read(other) == Some(one))
}

/// `state.get("posts")`
fn called(import: &str, arguments: &[Value]) -> String {
    let arguments: Vec<String> = arguments.iter().map(shown).collect();
    format!("{import}({})", arguments.join(", "))
}

/// A value in a line, cut if it is long.
pub fn shown(value: &Value) -> String {
    match value {
        // JSON within JSON is hard to read.
        Value::String(text) if text.trim_start().starts_with(['{', '[']) => cut(text.clone()),
        value => cut(value.to_string()),
    }
}

fn cut(mut text: String) -> String {
    if text.len() > SHOWN {
        text.truncate(text.floor_char_boundary(SHOWN));
        text.push('…');
    }
    text
}
