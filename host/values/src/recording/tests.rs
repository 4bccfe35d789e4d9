//! What a recording keeps, hides and compares.

use super::*;

pub fn recording() -> Recording {
    Recording {
        format: FORMAT,
        call: RecordedCall::default(),
        context: RecordedContext::default(),
        limits: RecordedLimits::default(),
        input: None,
        imports: Vec::new(),
        readings: Readings::default(),
        returned: Returned::Output(Value::Null),
        failure: None,
        cpu_us: 0,
        not_replayable: None,
    }
}

pub fn noted(import: &str, arguments: Value, answer: Value) -> Noted {
    let arguments = arguments.as_array().cloned().unwrap_or_default();
    Noted { import: import.to_owned(), arguments, answer: Some(answer) }
}

#[test]
fn a_body_is_a_text_or_base64_and_comes_back() {
    for bytes in [&b"{\"a\":1}"[..], b"", b"\xff\x00\x01"] {
        assert_eq!(body_bytes(&body(bytes)).as_deref(), Some(bytes));
    }
    assert_eq!(body(b"a"), json!("a"));
    assert_eq!(body(b"\xff"), json!({ "base64": "/w==" }));
    let fields = vec![("a".to_owned(), "b".to_owned())];
    let there = response(200, &fields, b"x");
    assert_eq!(response_of(&there), Some((200, fields, b"x".to_vec())));
}

#[test]
fn a_recording_of_another_format_is_refused_in_words() {
    let mut other = serde_json::to_value(recording()).unwrap();
    assert_eq!(Recording::parse(&other.to_string()), Ok(recording()));
    other["format"] = json!(2);
    let refused = Recording::parse(&other.to_string()).unwrap_err();
    assert!(refused.contains("format 2") && refused.contains("format 1"), "{refused}");
    assert!(Recording::parse("{}").unwrap_err().contains("no recording"));
}

#[test]
fn json_texts_are_compared_by_meaning_and_others_to_the_letter() {
    assert!(same(&json!(r#"{"a":1,"b":[2]}"#), &json!(r#"{ "b": [2], "a": 1 }"#)));
    assert!(!same(&json!(r#"{"a":1}"#), &json!(r#"{"a":2}"#)));
    assert!(!same(&json!("1.0"), &json!("1")), "a text is no number");
    assert!(same(&json!([{ "x": "{}" }]), &json!([{ "x": "{ }" }])));
    assert!(!same(&json!({ "x": 1 }), &json!({ "x": 1, "y": 2 })));
}

#[test]
fn what_writes_emits_or_sends_is_an_effect() {
    for effect in ["state.set", "process.set-outcome", "process.set", "events.emit", "http.send"] {
        assert!(is_effect(effect), "{effect}");
    }
    for other in ["state.get", "state.keys", "process.status", "secrets.get", "accounts.find"] {
        assert!(!is_effect(other), "{other}");
    }
}

#[test]
fn a_difference_shows_both_sides() {
    let get = noted("state.get", json!(["posts"]), json!({ "ok": null }));
    let difference = Difference::of_imports(2, Some(&get), None);
    let text = difference.to_string();
    assert!(text.contains(r#"recorded: state.get("posts")"#), "{text}");
    assert!(text.contains("now:      nothing"), "{text}");
    let fault = |code: &str, detail: &str| {
        Returned::Fault(RecordedFailure { code: code.into(), detail: detail.into() })
    };
    let large = Returned::Output(json!("x".repeat(100)));
    let kept = large.clone().within(131);
    assert_eq!(kept, Returned::Output(json!({ "not_recorded_bytes": 100 })));
    assert_eq!(Difference::of_results(&kept, &large), None);
    assert!(Difference::of_results(&kept, &Returned::Output(json!("x"))).is_some());
    assert_eq!(large.clone().within(132), large);
    let timeout = fault("plugin_timeout", "time of 10 ms");
    assert_eq!(Difference::of_results(&timeout, &fault("plugin_timeout", "CPU time")), None);
    assert!(
        Difference::of_results(&fault("plugin_trap", "a"), &fault("plugin_trap", "b")).is_some()
    );
}

#[test]
fn small_values_take_memory_too() {
    let empty: Vec<Value> = vec![Value::Null; 1_000];
    assert!(footprint(&json!(empty)) >= 32_000);
    assert!(footprint(&json!({ "a": "b" })) > 64);
}
