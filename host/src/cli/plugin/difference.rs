//! How two JSON values differ, place by place.

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::cli::plugin::schema_lines::compact;

/// One difference. `before` and `after` are absent where there is nothing.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// The keys that lead there, with `/` between them.
    pub place: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

/// Lists of texts are compared as sets, other lists as a whole.
pub fn differences(before: &Value, after: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    compare("", Some(before), Some(after), &mut found);
    found
}

fn compare(
    place: &str,
    before: Option<&Value>,
    after: Option<&Value>,
    found: &mut Vec<Difference>,
) {
    if before == after {
        return;
    }
    match (before, after) {
        (Some(Value::Object(old)), Some(Value::Object(new))) => {
            for key in old.keys().chain(new.keys()).collect::<BTreeSet<_>>() {
                compare(&below(place, key), old.get(key), new.get(key), found);
            }
        }
        (Some(Value::Array(old)), Some(Value::Array(new))) if are_texts(old) && are_texts(new) => {
            let differing = |one: &&Value, others: &[Value]| !others.contains(one);
            for gone in old.iter().filter(|one| differing(one, new)) {
                found.push(Difference::new(place, Some(gone), None));
            }
            for added in new.iter().filter(|one| differing(one, old)) {
                found.push(Difference::new(place, None, Some(added)));
            }
        }
        _ => found.push(Difference::new(place, before, after)),
    }
}

fn below(place: &str, key: &str) -> String {
    if place.is_empty() { key.to_owned() } else { format!("{place}/{key}") }
}

fn are_texts(items: &[Value]) -> bool {
    items.iter().all(Value::is_string)
}

impl Difference {
    fn new(place: &str, before: Option<&Value>, after: Option<&Value>) -> Self {
        Self { place: place.to_owned(), before: before.cloned(), after: after.cloned() }
    }
}

/// `+ place value`, `- place value`, `~ place before → after`
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = &self.place;
        match (&self.before, &self.after) {
            (None, Some(after)) => write!(f, "+ {place} {}", compact(after)),
            (Some(before), None) => write!(f, "- {place} {}", compact(before)),
            (Some(before), Some(after)) => {
                write!(f, "~ {place} {} → {}", compact(before), compact(after))
            }
            (None, None) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn shown(before: &Value, after: &Value) -> Vec<String> {
        differences(before, after).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn each_place_is_told_once_and_lists_of_texts_are_sets() {
        let before = json!({
            "capabilities": ["actions", "oauth"], "config": { "type": "object", "a": { "type": "string" } },
            "items": [1, 2],
        });
        let after = json!({
            "capabilities": ["webhooks", "actions"], "config": { "type": "object", "a": { "type": "integer" }, "b": true },
            "items": [2, 1],
        });
        let expected = [
            "- capabilities \"oauth\"",
            "+ capabilities \"webhooks\"",
            "~ config/a/type \"string\" → \"integer\"",
            "+ config/b true",
            "~ items [1,2] → [2,1]",
        ];
        assert_eq!(shown(&before, &after), expected);
        assert_eq!(shown(&before, &before), [""; 0]);
    }
}
