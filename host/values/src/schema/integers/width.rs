//! How many bits a number of a schema has, by its `format`, and the bounds that follow.

use serde_json::{Value, json};

use crate::schema::references::References;

/// The range of an integer beyond 64 bits. The validator cannot check it, because it reads such numbers as
/// approximations.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum Width {
    Any,
    Signed128,
    Unsigned128,
}

impl Width {
    /// Why an integer with these digits is refused.
    pub fn refusal(self, digits: &str) -> Option<&'static str> {
        match self {
            Self::Any => None,
            Self::Signed128 if digits.parse::<i128>().is_ok() => None,
            Self::Unsigned128 if digits.parse::<u128>().is_ok() => None,
            Self::Signed128 => Some("is no integer of 128 bits"),
            Self::Unsigned128 => Some("is no unsigned integer of 128 bits"),
        }
    }
}

/// How large an integer at this place may be; none if the schema does not say that a number there is one.
pub fn width(schema: &Value) -> Option<Width> {
    let is_integer = match schema.get("type") {
        Some(Value::String(name)) => name == "integer",
        Some(Value::Array(names)) => {
            names.contains(&json!("integer")) && !names.contains(&json!("number"))
        }
        _ => {
            let values = schema.get("enum").and_then(Value::as_array);
            let values = values.into_iter().flatten().chain(schema.get("const"));
            let mut numbers = values.filter_map(Value::as_number).peekable();
            numbers.peek().is_some() && numbers.all(|number| !number.is_f64())
        }
    };
    is_integer.then(|| match schema.get("format").and_then(Value::as_str) {
        Some("int128") => Width::Signed128,
        Some("uint128") => Width::Unsigned128,
        _ => Width::Any,
    })
}

/// The least and the greatest integer of a format. `int` and `uint` have 32 bits, as in wasm.
fn range(format: &str) -> Option<(Value, Value)> {
    Some(match format {
        "int8" => (i8::MIN.into(), i8::MAX.into()),
        "int16" => (i16::MIN.into(), i16::MAX.into()),
        "int32" | "int" => (i32::MIN.into(), i32::MAX.into()),
        "int64" => (i64::MIN.into(), i64::MAX.into()),
        "uint8" => (0.into(), u8::MAX.into()),
        "uint16" => (0.into(), u16::MAX.into()),
        "uint32" | "uint" => (0.into(), u32::MAX.into()),
        "uint64" => (0.into(), u64::MAX.into()),
        "uint128" => (0.into(), (u128::MAX as f64).into()),
        "int128" => ((i128::MIN as f64).into(), (i128::MAX as f64).into()),
        _ => return None,
    })
}

/// The greatest number that rounds to a finite `f32`: half a step beyond `f32::MAX` rounds to infinity.
const FLOAT: f64 = 340_282_356_779_733_661_637_539_395_458_142_568_448_f64.next_down();

/// Whether the schema describes an `f32`. An `f64` needs no bounds, because JSON is read as one.
fn is_float(schema: &Value) -> bool {
    schema.get("format").is_some_and(|format| format == "float")
        && match schema.get("type") {
            Some(Value::Array(names)) => names.contains(&json!("number")),
            name => name == Some(&json!("number")),
        }
}

/// The document, with bounds added where a format names the width of a number and nothing else limits it.
pub fn bounded(document: &Value, references: &References<'_>) -> Value {
    let mut document = document.clone();
    for node in references.schemas.iter().filter(|node| is_float(node.schema)) {
        if let Some(schema) = document.pointer_mut(&node.path).and_then(Value::as_object_mut) {
            schema.entry("minimum").or_insert((-FLOAT).into());
            schema.entry("maximum").or_insert(FLOAT.into());
        }
    }
    for node in references.schemas.iter().filter(|node| width(node.schema).is_some()) {
        let range = node.schema.get("format").and_then(Value::as_str).and_then(range);
        let schema = document.pointer_mut(&node.path).and_then(Value::as_object_mut);
        if let (Some((least, greatest)), Some(schema)) = (range, schema) {
            schema.entry("minimum").or_insert(least);
            schema.entry("maximum").or_insert(greatest);
        }
    }
    document
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_32_bits_is_never_read_as_infinite() {
        assert!((FLOAT as f32).is_finite() && (FLOAT.next_up() as f32).is_infinite());
        let document = json!({ "type": ["number", "null"], "format": "float" });
        let references = References::of(&document).expect("a schema");
        assert_eq!(bounded(&document, &references)["maximum"], json!(FLOAT));
        let double = json!({ "type": "number", "format": "double" });
        let references = References::of(&double).expect("a schema");
        assert_eq!(bounded(&double, &references), double);
    }
}
