//! What `check` accepts and refuses, compared with the library that reads the texts, and what is carried. Must
//! never accept what the library cannot read.

use proptest::prelude::*;
use serde_json::Value;

use super::*;

fn refusal(text: &str) -> Refusal {
    check(text).expect_err(text)
}

#[test]
fn what_its_readers_could_not_hold_is_refused_with_its_place() {
    let (deep, twenty) = ("[".repeat(200), "a".repeat(20));
    for (text, path, says) in [
        (r#"{"t":"\ud83d"}"#, "/t", "half of a surrogate pair"),
        (r#"{"t":["\udc00"]}"#, "/t/0", "`\\udc00`"),
        (r#"{"t":"\ud83d\u0041"}"#, "/t", "half"),
        (r#"{"\ud800":1}"#, "", "half"),
        (r#"{"a":{"n~/":[0,1e400]}}"#, "/a/n~0~1/1", "1e400 is beyond"),
        (r#"[-1e309]"#, "/0", "beyond"),
        (r#"{"a":1,"a":2}"#, "/a", "stands twice"),
        (r#"{"x":{"a":1,"\u0061":2}}"#, "/x/a", "stands twice"),
        (r#"{"a":1"#, "", "the text ends where `,` or `}` should stand (line 1, column 7)"),
        ("[1,\n 2 3]", "", "'3' stands where `,` or `]` should (line 2, column 4)"),
        ("", "", "the text ends where a value should stand"),
        ("nul", "", "where a value should"),
        ("01", "", "where the end should"),
        ("[1,]", "/1", "']' stands where a value should"),
        ("1 2", "", "where the end should"),
        ("\"\n\"", "", "control character"),
        ("\u{feff}1", "", "a byte order mark (U+FEFF) stands where a value should"),
        ("'a'", "", "an apostrophe stands where a value should"),
        ("{\u{a0}}", "", "the character U+00A0, which cannot be seen, stands where"),
    ] {
        let refused = refusal(text);
        assert_eq!(refused.path, path, "{text}: {refused:?}");
        assert!(refused.message.contains(says), "{text}: {refused:?}");
    }
    assert!(refusal(&deep).message.contains("120 levels"));
    let many: String = (0..20).map(|number| format!("\"{number}\":0,")).collect();
    assert_eq!(refusal(&format!("{{{many}\"7\":0}}")).path, "/7");
    let long = format!("{{\"{}\":1e400}}", twenty.repeat(100));
    assert!(refusal(&long).path.len() < 300);
}

#[test]
fn the_deepest_text_is_read_inside_the_envelopes_that_carry_it() {
    let text = format!("{}{}", "[".repeat(DEPTH), "]".repeat(DEPTH));
    check(&text).unwrap();
    let item = format!(r#"{{"data":{{"events":[{{"data":{text}}}]}}}}"#);
    serde_json::from_str::<Value>(&item).unwrap();
    assert!(check(&format!("[{text}]")).is_err());
}

#[test]
fn what_is_carried_keeps_its_digits() {
    let text = r#"{"n":18446744073709551617,"f":1.10,"e":"\u00e9","z":-0}"#;
    check(text).unwrap();
    let written = Object::new().with("id", 1).carrying("data", text).end();
    assert_eq!(written, format!(r#"{{"id":1,"data":{text}}}"#));
}

#[test]
fn a_value_is_rewritten_in_the_words_of_its_source() {
    let text = r#"{"a":1.10,"b":[18446744073709551617,1e3,2.50],"gone":1.0,"t":"\u00e9"}"#;
    let update = r#"{"b":[18446744073709551617,7.00],"new":3.10}"#;
    let mut value: Value = serde_json::from_str(text).unwrap();
    value.as_object_mut().unwrap().remove("gone");
    value["b"][1] = 7.0.into();
    value["new"] = 3.1.into();
    value["more"] = 4.into();
    let (source, second) = (Exact::of(text).unwrap(), Exact::of(update).unwrap());
    assert_eq!(
        rewritten(&value, &[&source, &second]),
        r#"{"a":1.10,"b":[18446744073709551617,7.00,2.50],"more":4,"new":3.10,"t":"\u00e9"}"#
    );
}

/// Texts similar to JSON; most are invalid.
fn near_json() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"a\"",
        "\"b\"",
        "\"\\u0061\"",
        "\"\\ud83d\"",
        "\"\\ud83d\\ude00\"",
        "0",
        "-0",
        "1.5",
        "1e5",
        "1e400",
        "-",
        "01",
        "true",
        "null",
        "fals",
        " ",
        "\n",
        "\"",
        "\\",
        "é",
    ]);
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

/// JSON with values of all kinds, written by the library.
fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".*".prop_map(Value::from),
    ];
    let value = leaf.prop_recursive(5, 60, 20, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..20).prop_map(Value::from),
            prop::collection::btree_map(".{0,3}", inner, 0..20)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    });
    value.prop_map(|value| value.to_string())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn whatever_passes_is_read_and_only_what_is_read_passes(text in near_json()) {
        let refused = check(&text);
        let read = serde_json::from_str::<Value>(&text);
        match refused {
            Ok(()) => prop_assert!(read.is_ok(), "{text}"),
            Err(refusal) if refusal.message.contains("twice") => {}
            Err(refusal) => prop_assert!(read.is_err(), "{text}: {refusal:?}"),
        }
    }

    #[test]
    fn what_the_library_writes_passes(text in json()) {
        prop_assert_eq!(check(&text), Ok(()));
        let value: Value = serde_json::from_str(&text).unwrap();
        let source = Exact::of(&text).unwrap();
        let again = rewritten(&value, &[&source]);
        prop_assert_eq!(serde_json::from_str::<Value>(&again).unwrap(), value);
    }
}
