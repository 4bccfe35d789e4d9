//! `application/x-www-form-urlencoded` bodies for receivers that expect what a Python application sent: an object is
//! flattened, and lists and constants become Python's text of them. An integer keeps its digits, however many; a number
//! with a point or an exponent is written as Python writes it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use moothall_values::json::{Exact, Refusal};

/// A body, and the keys that two values had: the body has the later value.
pub struct Form {
    pub body: String,
    pub collisions: Vec<String>,
}

impl Form {
    /// What the operator should know.
    pub fn warning(&self) -> Option<String> {
        let collisions = self.collisions.join(", ");
        (!collisions.is_empty())
            .then(|| format!("two values of the form have the same key: {collisions}"))
    }
}

/// The key whose value is written as a tuple, where others are lists.
const TUPLE: &str = "event_metadata_sourcelib";

/// Of an object, as text.
pub fn encode(object: &str) -> Result<Form, Refusal> {
    let mut flat = Flat::default();
    if let Exact::Members(members) = Exact::of(object)? {
        flat.add("", &members);
    }
    let pair = |key: &String| format!("{}={}", escaped(key), escaped(&flat.values[key]));
    let body = flat.order.iter().map(pair).collect::<Vec<_>>().join("&");
    Ok(Form { body, collisions: flat.collisions })
}

type Members<'t> = BTreeMap<Cow<'t, str>, Exact<'t>>;

#[derive(Default)]
struct Flat {
    order: Vec<String>,
    values: BTreeMap<String, String>,
    collisions: Vec<String>,
}

impl Flat {
    fn add(&mut self, prefix: &str, object: &Members<'_>) {
        for (name, value) in object {
            let key = if prefix.is_empty() { name.to_string() } else { format!("{prefix}_{name}") };
            match value {
                Exact::Members(inner) => self.add(&key, inner),
                value => self.put(key, value),
            }
        }
    }

    fn put(&mut self, key: String, value: &Exact<'_>) {
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
fn python_str(value: &Exact<'_>) -> String {
    match value {
        Exact::Scalar(token) if token.starts_with('"') => text_of(token),
        value => python_repr(value),
    }
}

/// Without quotes and escapes.
fn text_of(token: &str) -> String {
    serde_json::from_str(token).unwrap_or_else(|_| token.to_owned())
}

/// `repr(value)`
fn python_repr(value: &Exact<'_>) -> String {
    match value {
        Exact::Scalar(token) => match token.as_ref() {
            "null" => "None".into(),
            "true" => "True".into(),
            "false" => "False".into(),
            // Python's integers have no negative zero.
            "-0" => "0".into(),
            token if token.starts_with('"') => quoted(&text_of(token)),
            token if token.contains(['.', 'e', 'E']) => {
                token.parse().map_or(token.to_owned(), python_float)
            }
            token => token.to_owned(),
        },
        Exact::Items(items) => {
            format!("[{}]", items.iter().map(python_repr).collect::<Vec<_>>().join(", "))
        }
        Exact::Members(object) => {
            let pair = |(key, value): (&Cow<'_, str>, &Exact<'_>)| {
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

    fn flat(object: &str) -> (Vec<String>, Vec<String>) {
        let mut flat = Flat::default();
        let Exact::Members(members) = Exact::of(object).unwrap() else { panic!("no object") };
        flat.add("", &members);
        let pairs = flat.order.iter().map(|key| format!("{key}={}", flat.values[key])).collect();
        (pairs, flat.collisions)
    }

    #[test]
    fn objects_are_flattened_and_values_are_pythons() {
        let (pairs, collisions) = flat(
            r#"{
            "a": { "b": { "c": 1 }, "empty": {} },
            "bool": [true, false, null],
            "float": 1.0,
            "huge": 1e20,
            "integer": 18446744073709551617,
            "list": ["it's", "a \"b\" 'c'", "line\nend", { "k": 1.50 }],
            "none": null,
            "tiny": 0.00001,
            "zero": -0
            }"#,
        );
        assert_eq!(
            pairs,
            [
                "a_b_c=1",
                "bool=[True, False, None]",
                "float=1.0",
                "huge=1e+20",
                "integer=18446744073709551617",
                r#"list=["it's", 'a "b" \'c\'', 'line\nend', {'k': 1.5}]"#,
                "none=None",
                "tiny=1e-05",
                "zero=0",
            ]
        );
        assert!(collisions.is_empty());
    }

    #[test]
    fn the_last_of_two_values_stands_and_the_collision_is_told() {
        let (pairs, collisions) = flat(r#"{ "a": { "b": 2 }, "a_b": 1 }"#);
        assert_eq!(pairs, ["a_b=1"]);
        assert_eq!(collisions, ["a_b"]);
    }

    #[test]
    fn the_library_version_is_a_tuple_and_bytes_are_escaped() {
        let object = json!({ "event_metadata": { "sourcelib": [0, 8, 1] }, "é &": "a b/c~" });
        let form = encode(&object.to_string()).unwrap();
        assert_eq!(form.body, "event_metadata_sourcelib=%280%2C+8%2C+1%29&%C3%A9+%26=a+b%2Fc~");
    }
}
