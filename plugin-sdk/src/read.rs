//! Reads JSON as an author's type. Errors name the place, as a JSON Pointer.

use std::fmt;

use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;

/// Why a text does not fit a type, and where.
#[derive(Debug)]
pub struct Misfit {
    pointer: String,
    error: serde_json::Error,
}

impl fmt::Display for Misfit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pointer.as_str() {
            "" => self.error.fmt(formatter),
            pointer => write!(formatter, "at {pointer}: {}", self.error),
        }
    }
}

/// Reads the text. Only if it does not fit, reads it a second time to find the place.
pub fn json<T: DeserializeOwned>(text: impl AsRef<[u8]>) -> Result<T, Misfit> {
    let text = text.as_ref();
    serde_json::from_slice(text).map_err(|error| {
        let mut reader = serde_json::Deserializer::from_slice(text);
        match serde_path_to_error::deserialize::<_, T>(&mut reader) {
            Err(found) => Misfit { pointer: pointer(found.path()), error: found.into_inner() },
            // There is text after the value.
            Ok(_) => Misfit { pointer: String::new(), error },
        }
    })
}

/// Converts the place to a JSON Pointer.
pub fn pointer(path: &serde_path_to_error::Path) -> String {
    let step = |segment: &Segment| match segment {
        Segment::Seq { index } => format!("/{index}"),
        Segment::Map { key } => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
        Segment::Enum { variant } => format!("/{variant}"),
        Segment::Unknown => String::new(),
    };
    path.iter().map(step).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::json;

    #[test]
    fn what_does_not_fit_is_named_with_its_place() {
        type Nested = BTreeMap<String, Vec<u64>>;
        let said = |text: &str| json::<Nested>(text).expect_err("it does not fit").to_string();
        assert!(said(r#"{"a/b":[1,2.0]}"#).starts_with("at /a~1b/1: invalid type: floating point"));
        assert!(said("7").starts_with("invalid type: integer"));
        assert!(said("{} x").starts_with("trailing characters"));
        assert_eq!(json::<u128>("18446744073709551616").expect("it fits"), 1 << 64);
    }
}
