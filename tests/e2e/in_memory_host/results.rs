//! Results of actions without a struct around them, and moments, in both hosts.

use moothall_sdk::testing::Host;
use probe::Probe;
use serde_json::{Value, json};

use super::{Outcome, Pair};

async fn agree(pair: &mut Pair, action: &str, parameters: Value) -> Outcome {
    pair.agree(action.trim_start_matches("probe."), parameters).await
}

#[tokio::test]
async fn a_result_is_any_json_and_needs_no_struct() {
    let mut pair = Pair::new().await;
    for (action, parameters, result) in [
        ("probe.bare-text", json!({ "key": "a \"b\" é" }), json!("a \"b\" é")),
        ("probe.bare-number", json!({ "word": u64::MAX }), json!(u64::MAX)),
        ("probe.bare-list", json!({ "key": "", "by": 2 }), json!([{ "value": 0 }, { "value": 1 }])),
        ("probe.bare-list", json!({ "key": "", "by": 0 }), json!([])),
        ("probe.bare-option", json!({ "key": "none" }), Value::Null),
        ("probe.note", json!({}), Value::Null),
    ] {
        assert_eq!(agree(&mut pair, action, parameters).await, Ok(result), "{action}");
    }
    for any in [json!(null), json!(true), json!(1.5), json!("x"), json!([1, "two"]), json!({})] {
        let answer = agree(&mut pair, "probe.bare-json", json!({ "key": "", "value": any })).await;
        assert_eq!(answer, Ok(any));
    }
}

#[tokio::test]
async fn a_moment_is_read_with_any_offset_and_written_in_utc() {
    let mut pair = Pair::new().await;
    for (text, utc) in [
        ("2021-06-20T12:00:00Z", "2021-06-20T12:00:00Z"),
        ("2021-06-20t12:00:00.250+02:00", "2021-06-20T10:00:00.25Z"),
        ("1969-12-31T23:59:59.999999999z", "1969-12-31T23:59:59.999999999Z"),
        ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59Z"),
    ] {
        let answer = agree(&mut pair, "probe.bare-moment", json!({ "at": text })).await;
        assert_eq!(answer, Ok(json!(utc)), "{text}");
    }
    for wrong in ["", "soon", "2021-06-20", "2021-06-20T12:00:00", "2021-02-29T12:00:00Z"] {
        let answer = agree(&mut pair, "probe.bare-moment", json!({ "at": wrong })).await;
        assert_eq!(answer, Err("invalid".to_owned()), "{wrong}");
    }
}

/// A driver who sends something else reads which member it is and what a moment looks like.
#[tokio::test]
async fn what_is_no_moment_is_refused_in_the_same_words() {
    let pair = Pair::new().await;
    let parameters = json!({ "at": "soon" });
    let real = pair.real.action("acme", "probe.bare-moment", parameters.clone()).await;
    real.problem(400, "invalid_parameters");
    let refused = Host::new(Probe).action("bare-moment", parameters).expect_err("no moment");
    let details = refused.details().cloned().unwrap_or_default();
    assert_eq!(real.json()["errors"], details, "{}", real.text);
    let first = &details[0];
    assert_eq!(first["path"], "/at");
    let message = first["message"].as_str().unwrap_or_default();
    assert!(message.starts_with("\"soon\" is not a time as RFC 3339 has it"), "{message}");
}
