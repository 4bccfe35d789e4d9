//! What a recording keeps, hides and compares.

use super::*;

fn recording() -> Recording {
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

fn noted(import: &str, arguments: Value, answer: Value) -> Noted {
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
fn a_token_becomes_the_same_stand_in_wherever_it_went() {
    let mut recording = recording();
    let answer = response(200, &[], br#"{"access_token":"t0ken\"1","n":[{"id_token":"idid"}]}"#);
    recording.imports = vec![
        noted(
            "http.send",
            json!([{ "headers": [["Authorization", "Bearer s3cret"]] }]),
            json!({ "ok": answer }),
        ),
        noted("state.set", json!(["token", r#""t0ken\"1""#]), json!({ "ok": null })),
        noted(
            "events.emit",
            json!(["x", r#"{"seen":"s3cret idid own-key"}"#]),
            json!({ "ok": "e" }),
        ),
    ];
    Scrubber::new(["own-key".to_owned(), "abc".to_owned()], &recording).scrub(&mut recording);
    let text = serde_json::to_string(&recording).unwrap();
    for secret in ["t0ken", "s3cret", "idid", "own-key"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
    let body = recording.imports[0].answer.as_ref().unwrap()["ok"]["body"].as_str().unwrap();
    let stored = recording.imports[1].arguments[1].as_str().unwrap().trim_matches('"');
    assert!(stored.starts_with("[secret ") && body.contains(stored), "{stored}: {body}");
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
    let kept = large.clone().within(99);
    assert_eq!(kept, Returned::Output(json!({ "not_recorded_bytes": 100 })));
    assert_eq!(Difference::of_results(&kept, &large), None);
    assert!(Difference::of_results(&kept, &Returned::Output(json!("x"))).is_some());
    assert_eq!(large.clone().within(100), large);
    let timeout = fault("plugin_timeout", "time of 10 ms");
    assert_eq!(Difference::of_results(&timeout, &fault("plugin_timeout", "CPU time")), None);
    assert!(
        Difference::of_results(&fault("plugin_trap", "a"), &fault("plugin_trap", "b")).is_some()
    );
}

#[test]
fn a_secret_is_found_in_whatever_way_it_is_written() {
    let secret = "-key \"1\"\nä/+\"";
    let in_json = json!(secret).to_string();
    let twice = json!(in_json).to_string();
    for written in [
        secret.to_owned(),
        in_json,
        twice,
        "at=-key+%221%22%0A%C3%A4%2F%2B%22&b=1".to_owned(),
        "/-key%20%221%22%0A%C3%A4%2F%2B%22".to_owned(),
    ] {
        let mut recording = recording();
        recording.imports.push(noted("state.set", json!(["k", written]), json!({ "ok": null })));
        Scrubber::new([secret.to_owned()], &recording.clone()).scrub(&mut recording);
        let text = recording.imports[0].arguments[1].as_str().unwrap();
        assert!(text.contains("[secret 1]") && !text.contains("key"), "{written} became {text}");
    }
}
