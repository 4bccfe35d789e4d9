//! `application/x-www-form-urlencoded` bodies: an object flattened and rendered as its receivers have
//! always got it, down to Python's text of lists and constants.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// A body, and the keys that two values claimed: the later value is in it.
pub struct Form {
    pub body: String,
    pub collisions: Vec<String>,
}

/// What arrives as a tuple where all else arrives as a list.
const TUPLE: &str = "event_metadata_sourcelib";

pub fn encode(object: &Map<String, Value>) -> Form {
    let mut flat = Flat::default();
    flat.add("", object);
    let pair = |key: &String| format!("{}={}", escaped(key), escaped(&flat.values[key]));
    let body = flat.order.iter().map(pair).collect::<Vec<_>>().join("&");
    Form { body, collisions: flat.collisions }
}

#[derive(Default)]
struct Flat {
    order: Vec<String>,
    values: BTreeMap<String, String>,
    collisions: Vec<String>,
}

impl Flat {
    fn add(&mut self, prefix: &str, object: &Map<String, Value>) {
        for (name, value) in object {
            let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}_{name}") };
            match value {
                Value::Object(inner) => self.add(&key, inner),
                value => self.put(key, value),
            }
        }
    }

    fn put(&mut self, key: String, value: &Value) {
        let mut text = python_str(value);
        if key == TUPLE && text.starts_with('[') {
            text = format!("({})", &text[1..text.len() - 1]);
        }
        if self.values.insert(key.clone(), text).is_some() {
            self.collisions.push(key);
        } else {
            self.order.push(key);
        }
    }
}

/// `str(value)`
fn python_str(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        value => python_repr(value),
    }
}

/// `repr(value)`
fn python_repr(value: &Value) -> String {
    match value {
        Value::Null => "None".into(),
        Value::Bool(true) => "True".into(),
        Value::Bool(false) => "False".into(),
        Value::Number(number) if number.is_f64() => {
            python_float(number.as_f64().unwrap_or_default())
        }
        Value::Number(number) => number.to_string(),
        Value::String(text) => quoted(text),
        Value::Array(items) => {
            format!("[{}]", items.iter().map(python_repr).collect::<Vec<_>>().join(", "))
        }
        Value::Object(object) => {
            let pair = |(key, value): (&String, &Value)| {
                format!("{}: {}", quoted(key), python_repr(value))
            };
            format!("{{{}}}", object.iter().map(pair).collect::<Vec<_>>().join(", "))
        }
    }
}

/// The shortest digits, with an exponent below 1e-4 and from 1e16 on.
fn python_float(number: f64) -> String {
    let size = number.abs();
    if number != 0.0 && !(1e-4..1e16).contains(&size) {
        let text = format!("{number:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, exponent) = match exponent.strip_prefix('-') {
            Some(exponent) => ('-', exponent),
            None => ('+', exponent),
        };
        return format!("{digits}e{sign}{exponent:0>2}");
    }
    let text = number.to_string();
    if text.contains('.') { text } else { format!("{text}.0") }
}

fn quoted(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut quoted = String::from(quote);
    for letter in text.chars() {
        match letter {
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            letter if letter == quote => quoted.extend(['\\', letter]),
            letter if letter.is_control() => {
                quoted.push_str(&format!("\\x{:02x}", u32::from(letter)));
            }
            letter => quoted.push(letter),
        }
    }
    quoted.push(quote);
    quoted
}

/// As HTML forms escape: a space is `+`.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b'-' | b'~' => {
                escaped.push(char::from(byte));
            }
            b' ' => escaped.push('+'),
            byte => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn flat(value: &Value) -> (Vec<String>, Vec<String>) {
        let mut flat = Flat::default();
        flat.add("", value.as_object().unwrap());
        let pairs = flat.order.iter().map(|key| format!("{key}={}", flat.values[key])).collect();
        (pairs, flat.collisions)
    }

    #[test]
    fn objects_are_flattened_and_values_are_pythons() {
        let (pairs, collisions) = flat(&json!({
            "a": { "b": { "c": 1 }, "empty": {} },
            "bool": [true, false, null],
            "float": 1.0,
            "huge": 1e20,
            "list": ["it's", "a \"b\" 'c'", "line\nend", { "k": 1.5 }],
            "none": null,
            "tiny": 0.00001,
        }));
        assert_eq!(
            pairs,
            [
                "a_b_c=1",
                "bool=[True, False, None]",
                "float=1.0",
                "huge=1e+20",
                r#"list=["it's", 'a "b" \'c\'', 'line\nend', {'k': 1.5}]"#,
                "none=None",
                "tiny=1e-05",
            ]
        );
        assert!(collisions.is_empty());
    }

    #[test]
    fn the_last_of_two_values_stands_and_the_collision_is_told() {
        let (pairs, collisions) = flat(&json!({ "a": { "b": 2 }, "a_b": 1 }));
        assert_eq!(pairs, ["a_b=1"]);
        assert_eq!(collisions, ["a_b"]);
    }

    #[test]
    fn the_library_version_is_a_tuple_and_bytes_are_escaped() {
        let object = json!({ "event_metadata": { "sourcelib": [0, 8, 1] }, "é &": "a b/c~" });
        let form = encode(object.as_object().unwrap());
        assert_eq!(form.body, "event_metadata_sourcelib=%280%2C+8%2C+1%29&%C3%A9+%26=a+b%2Fc~");
    }
}
