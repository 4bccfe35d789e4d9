//! A platform's refusal in both hosts: which kind of failure it is, and what the details say of it.

use moothall_sdk::testing::Answer as Scripted;
use moothall_tests::Reply;
use serde_json::{Value, json};

use super::{Pair, code};

#[tokio::test]
async fn a_platform_s_refusal_has_its_status_and_the_beginning_of_its_body() {
    let mut pair = Pair::new().await;
    let long = format!("\"{}", "é".repeat(1_500));
    for (status, body, says) in [
        (404, r#"{"error":"gone"}"#, (500, "internal")),
        (429, "slower", (503, "unavailable")),
        (503, "", (503, "unavailable")),
        (500, long.as_str(), (503, "unavailable")),
    ] {
        pair.platform.script([Reply::Body(status, body.to_owned())]);
        let url = pair.platform.url.clone();
        pair.in_memory.script("GET", &url, Scripted::status(status).body(body));
        let parameters = json!({ "url": url });
        let real = pair.real.action("acme", "probe.fetch-strictly", parameters.clone()).await;
        real.problem(says.0, says.1);
        let in_memory = pair.in_memory.action("fetch-strictly", parameters).expect_err("refused");
        assert_eq!(
            (code(in_memory.kind()).as_str(), in_memory.platform_status()),
            (says.1, Some(status))
        );
        let details = in_memory.details().expect("details");
        assert_eq!(details, &real.json()["details"], "{}", real.text);
        let shown: String = body.chars().take(1_000).collect();
        let shown = Some(shown).filter(|shown| !shown.is_empty()).map_or(Value::Null, Value::from);
        assert_eq!(details["platform_body"], shown);
        assert_eq!(details["platform_status"], status);
        let is_retryable = real.headers.contains_key("retry-after");
        assert_eq!((in_memory.is_retryable(), is_retryable), (says.0 == 503, says.0 == 503));
    }
}
