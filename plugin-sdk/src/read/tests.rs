//! What `serde_json` reads, this reader reads alike.

use std::collections::BTreeMap;
use std::fmt::Debug;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;

use super::json;

#[derive(Debug, PartialEq, Deserialize)]
struct Everything {
    text: String,
    letter: char,
    small: i8,
    large: u64,
    precise: f64,
    maybe: Option<bool>,
    nothing: (),
    pair: (u8, String),
    shapes: Vec<Figure>,
    by_number: BTreeMap<i32, ByKind>,
    untagged: ByForm,
    #[serde(flatten)]
    others: BTreeMap<String, Value>,
}

#[derive(Debug, PartialEq, Deserialize)]
enum Figure {
    Dot,
    Circle(f32),
    Line(u8, u8),
    Square { side: u8 },
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(tag = "kind")]
enum ByKind {
    One { a: u8 },
    Two,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(untagged)]
enum ByForm {
    Number(u8),
    Text(String),
}

#[derive(Debug, PartialEq, Deserialize)]
struct Wrapped(u8);

const EVERYTHING: &str = r#" {"text":"a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00é","letter":"\u20ac","small":-7,
    "large":18446744073709551615,"precise":-1.25e-3,"maybe":null,"nothing":null,"pair":[1,"two"],
    "shapes":["Dot",{"Circle":1},{"Line":[1,2]},{"Square":{"side":3,"unknown":[{},[],"",true,-0.5]}}],
    "by_number":{"-3":{"kind":"Two"},"4":{"a":5,"kind":"One"}},"untagged":"x","more":{"deep":[null]}} "#;

fn is_alike<T: DeserializeOwned + PartialEq + Debug>(text: &str) {
    match (json::<T>(text), serde_json::from_str::<T>(text)) {
        (Ok(ours), Ok(theirs)) => assert_eq!(ours, theirs, "{text}"),
        (Err(_), Err(_)) => {}
        differs => panic!("{text}: {differs:?}"),
    }
}

#[test]
fn all_that_serde_knows_is_read() {
    is_alike::<Everything>(EVERYTHING);
    assert!(json::<Everything>(EVERYTHING).is_ok());
    is_alike::<Value>(EVERYTHING);
    is_alike::<BTreeMap<bool, Wrapped>>(r#"{"true":1}"#);
    assert_eq!(json::<u128>("18446744073709551616").expect("it fits"), 1 << 64);
    let raw = json::<Box<RawValue>>(r#" {"a" : 1.0} "#).expect("any JSON");
    assert_eq!(raw.get(), r#"{"a" : 1.0}"#);
}

#[test]
fn each_part_of_a_text_is_refused_alike() {
    for (end, _) in EVERYTHING.trim().char_indices() {
        is_alike::<Everything>(&EVERYTHING.trim()[..end]);
        is_alike::<Value>(&EVERYTHING.trim()[..end]);
    }
}

#[test]
fn what_is_no_json_is_refused_and_its_edges_are_read() {
    for text in [
        "",
        " ",
        "nul",
        "nulll",
        "True",
        "01",
        "-",
        "-0",
        "0",
        "1.",
        ".5",
        "1e",
        "1e5",
        "1E+2",
        "-1e-2",
        "1e999",
        "00",
        "+1",
        "[",
        "[1",
        "[1,",
        "[1,]",
        "[,1]",
        "[1 2]",
        "{",
        "{}",
        "{a:1}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{\"a\":1 \"b\":2}",
        "{1:2}",
        "\"",
        "\"\\",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\ud800\"",
        "\"\\ud800\\u0041\"",
        "\"\\udc00\"",
        "\"\u{1}\"",
        "\"\t\"",
        "1 2",
        "[]]",
        "9223372036854775808",
        "-9223372036854775808",
        "-9223372036854775809",
        "1.7976931348623157e308",
    ] {
        is_alike::<Value>(text);
        is_alike::<f64>(text);
        is_alike::<i64>(text);
        is_alike::<Option<u8>>(text);
        is_alike::<Vec<Value>>(text);
    }
    for depth in [127, 128, 200] {
        is_alike::<Value>(&format!("{}{}", "[".repeat(depth), "]".repeat(depth)));
    }
    assert!(json::<Value>(b"\"\xff\"").is_err());
}

#[test]
fn what_does_not_fit_is_named_with_its_place() {
    type Nested = BTreeMap<String, Vec<u64>>;
    let said = |text: &str| json::<Nested>(text).expect_err("it does not fit").to_string();
    assert!(said(r#"{"a/b":[1,2.0]}"#).starts_with("at /a~1b/1: invalid type: floating point"));
    assert!(said("7").starts_with("invalid type: integer"));
    assert!(said("{} x").starts_with("trailing characters"));
    assert_eq!(said(r#"{"a":null}"#), "at /a: invalid type: null, expected a sequence");
    let shape = json::<Vec<Figure>>(r#"["Dot",{"Square":{}}]"#).expect_err("no side");
    assert_eq!(shape.to_string(), "at /1/Square: missing field `side`");
}

#[test]
fn a_struct_is_an_object() {
    assert!(json::<ByKind>(r#"{"kind":"One","a":1}"#).is_ok());
    assert!(json::<BTreeMap<String, Figure>>(r#"{"a":{"Square":[3]}}"#).is_err());
}
