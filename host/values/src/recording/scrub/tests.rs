//! What is taken out of a recording, in whatever way it is written, and what stays.

use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde_json::json;

use super::super::tests::{noted, recording};
use super::super::{Invocation, response};
use super::*;

fn known(secret: &str) -> [String; 1] {
    [secret.to_owned()]
}

/// What becomes of the text where a guest wrote it, with these secrets.
fn scrubbed(text: &str, secrets: impl IntoIterator<Item = String>) -> String {
    let mut recording = recording();
    recording.imports.push(noted("state.set", json!(["k", text]), json!({ "ok": null })));
    Scrubber::new(secrets, &recording.clone()).unwrap().scrub(&mut recording);
    recording.imports[0].arguments[1].as_str().unwrap().to_owned()
}

/// The recording after its own secrets were taken out.
fn without_its_own(mut recording: Recording) -> String {
    Scrubber::new([], &recording.clone()).unwrap().scrub(&mut recording);
    serde_json::to_string(&recording).unwrap()
}

fn of_input(function: &str, arguments: Value) -> Recording {
    let arguments = arguments.as_array().cloned().unwrap_or_default();
    let input = Some(Invocation { function: function.to_owned(), arguments });
    Recording { input, ..recording() }
}

fn of_request(request: Value, answer: Value) -> Recording {
    Recording { imports: vec![noted("http.send", json!([request, []]), answer)], ..recording() }
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
    let scrubber = Scrubber::new(["own-key".to_owned(), "abc".to_owned()], &recording).unwrap();
    scrubber.scrub(&mut recording);
    let text = serde_json::to_string(&recording).unwrap();
    for secret in ["t0ken", "s3cret", "idid", "own-key"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
    assert!(text.contains("Bearer __secret_"), "the scheme stays: {text}");
    let body = recording.imports[0].answer.as_ref().unwrap()["ok"]["body"].as_str().unwrap();
    let stored = recording.imports[1].arguments[1].as_str().unwrap().trim_matches('"');
    assert!(stored.starts_with("__secret_") && body.contains(stored), "{stored}: {body}");
}

#[test]
fn a_secret_is_found_in_whatever_way_it_is_written() {
    let secret = "-key \"1\"\nä/+<\"";
    let in_json = json!(secret).to_string();
    for written in [
        secret.to_owned(),
        json!(in_json).to_string(),
        in_json.replace('/', "\\/"),
        in_json.replace('ä', "\\u00e4"),
        in_json.replace('ä', "\\u00e4").replace('/', "\\/"),
        json!(in_json.replace('/', "\\/")).to_string(),
        in_json.replace('<', "\\u003c"),
        in_json,
        "at=-key+%221%22%0A%C3%A4%2F%2B%3C%22&b=1".to_owned(),
        "/-key%20%221%22%0A%C3%A4%2F%2B%3C%22".to_owned(),
        "/-key%20%221%22%0a%c3%a4%2f%2b%3c%22".to_owned(),
    ] {
        let text = scrubbed(&written, known(secret));
        assert!(text.contains("__secret_1__") && !text.contains("key"), "{written} became {text}");
    }
    assert_eq!(scrubbed("it's%2B(1)!*", known("it's+(1)!*")), "__secret_1__");
}

#[test]
fn a_secret_is_found_in_base64_whatever_stands_before_and_after() {
    for secret in ["pass", "p\u{3bf}ssw\u{3bf}rd?", "0123456789"] {
        for before in ["", "u", "me", "you:"] {
            for after in ["", ":", "@@"] {
                let bytes = format!("{before}{secret}{after}");
                for text in [STANDARD.encode(&bytes), URL_SAFE.encode(&bytes)] {
                    let kept = scrubbed(&format!("Basic {text}"), known(secret));
                    assert!(kept.contains("__secret_1__"), "{bytes}: {kept}");
                }
            }
        }
    }
}

#[test]
fn a_body_that_is_no_text_has_no_secret_either() {
    let body = super::super::body(b"\xff-the-key-\x00");
    let mut recording = of_request(json!({ "body": body }), json!({ "ok": null }));
    Scrubber::new(known("the-key"), &recording.clone()).unwrap().scrub(&mut recording);
    let kept = body_bytes(&recording.imports[0].arguments[0]["body"]).unwrap();
    assert_eq!(kept, b"\xff-__secret_1__-\x00");
}

#[test]
fn headers_and_parameters_say_by_their_names_that_they_are_secrets() {
    for (name, value) in [
        ("X-Auth-Token", "s3cret-value"),
        ("x-client-secret", "s3cret-value"),
        ("api_key", "s3cret-value"),
        ("Cookie", "session=s3cret-value; theme=dark"),
        ("Set-Cookie", "session=s3cret-value; Path=/; Secure"),
        ("Authorization", "Basic dXNlcjpzM2NyZXQtdmFsdWU="),
        ("location", "https://a.test/#access_token=s3cret-value"),
    ] {
        let headers = json!([[name, value], ["x-echo", "s3cret-value"]]);
        let text = without_its_own(of_request(json!({ "headers": headers }), json!(null)));
        assert!(!text.contains("s3cret-value"), "{name}: {text}");
    }
    let url = "https://a.test/x?page=2&password=s3cret-value#y";
    let text = without_its_own(of_request(json!({ "url": url }), json!({ "error": url })));
    assert!(!text.contains("s3cret-value") && text.contains("x?page=2&password=__secret_1__#y"));
}

#[test]
fn what_only_looks_like_a_secret_stays() {
    let headers = json!([
        ["x-hub-signature-256", "sha256=0123456789abcdef"],
        ["x-secret-signature", "0123456789abcdef"],
        ["x-token-type", "installation"],
        ["x-ratelimit-remaining-tokens", "149984 per minute"],
        ["x-csrf-token", "short"],
    ]);
    let recording = of_input("webhooks.receive", json!([{ "headers": headers, "query": "a=b" }]));
    assert_eq!(without_its_own(recording.clone()), serde_json::to_string(&recording).unwrap());
}

#[test]
fn what_a_call_gets_sends_and_returns_has_no_token() {
    let body = r#"{"grant":{"refresh_token":"s3cret-value"}}"#;
    let mut returned = recording();
    returned.returned = Returned::Output(json!(body));
    for recording in [
        of_input("actions.perform", json!(["renew", body])),
        of_input("webhooks.receive", json!([{ "query": "token=s3cret-value", "body": "" }])),
        of_input(
            "webhooks.receive",
            json!([{ "body": "payload=%7B%22token%22%3A%22s3cret-value%22%7D" }]),
        ),
        of_request(json!({ "body": "client_secret=s3cret-value&a=b" }), json!(null)),
        of_request(json!({ "body": body }), json!(null)),
        returned,
    ] {
        let text = without_its_own(recording);
        assert!(text.contains("__secret_1__") && !text.contains("s3cret-value"), "{text}");
    }
}

#[test]
fn a_stand_in_is_no_secret_even_if_a_secret_looks_like_one() {
    let secrets = ["secret".to_owned(), "another-one".to_owned()];
    assert_eq!(scrubbed("another-one secret", secrets), "__secret_1__ __secret_2__");
}

#[test]
fn a_recording_with_too_many_secrets_or_too_long_ones_is_refused() {
    let many = |count: usize| (0..count).map(|number| format!("secret-{number:06}"));
    let refused = |secrets: Vec<String>| Scrubber::new(secrets, &recording()).err();
    assert_eq!(refused(many(SECRETS).collect()), None);
    assert_eq!(refused(many(SECRETS + 1).collect()), Some(TooManySecrets));
    assert_eq!(refused(vec!["s3cret".repeat(FORM_BYTES / 6 + 1)]), Some(TooManySecrets));
    let tokens: Vec<_> = many(SECRETS + 1).map(|one| json!({ "id_token": one })).collect();
    let found = of_input("actions.perform", json!(["x", json!(tokens).to_string()]));
    assert_eq!(Scrubber::new([], &found).err(), Some(TooManySecrets));
}

/// A search for each form of each secret in each text would take minutes.
#[test]
fn as_many_secrets_as_there_may_be_are_taken_out_of_a_large_recording_at_once() {
    let secrets = (0..SECRETS).map(|number| format!("{number:03}/{}", "a+".repeat(100)));
    let mut recording = recording();
    for _ in 0..2_000 {
        let text = "a+".repeat(1_000);
        recording.imports.push(noted("state.get", json!([text]), json!({ "ok": text })));
    }
    let began = Instant::now();
    Scrubber::new(secrets, &recording.clone()).unwrap().scrub(&mut recording);
    assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
}
