//! A governance process: started, voted on by webhooks, ended by its quorum, by its closing time, by hand.

use std::time::Duration;

use moothall_tests::{TestHost, answer, until};
use reqwest::Method;
use serde_json::{Value, json};

use super::{host, plugins};

const MINUTE: Duration = Duration::from_secs(60);

async fn start(host: &TestHost, plugin: &str, parameters: Value) -> String {
    let path = format!("/api/internal/process/{plugin}.vote");
    let request = host.request(Method::POST, &path).header("X-Metagov-Community", "acme");
    let started = answer(request.json(&parameters)).await;
    assert_eq!(started.expect(202)["status"], "pending", "{plugin}");
    started.header("location").to_owned()
}

async fn cast(host: &TestHost, plugin: &str, account: &str, vote: &str) -> Value {
    let ballot = json!({ "account": account, "vote": vote });
    host.post(&format!("/api/hooks/acme/{plugin}"), ballot).await.expect(202)
}

async fn outcome(host: &TestHost, location: &str) -> Value {
    until("the vote is over", async || {
        let process = host.get(location).await.expect(200);
        (process["status"] == "completed").then(|| process["outcome"].clone())
    })
    .await
}

#[tokio::test]
async fn a_vote_ends_at_the_first_update_that_finds_its_quorum() {
    for plugin in plugins() {
        let host = host(plugin, json!({})).await;
        let vote = start(&host, plugin, json!({ "question": "Lunch?", "quorum": 2 })).await;
        assert_eq!(cast(&host, plugin, "ann", "yes").await, json!({ "counted": 1 }), "{plugin}");
        cast(&host, plugin, "bob", "no").await;
        assert_eq!(cast(&host, plugin, "bob", "yes").await, json!({ "counted": 2 }), "{plugin}");
        assert_eq!(host.get(&vote).await.expect(200)["status"], "pending", "{plugin}");
        host.advance(MINUTE);
        let votes = json!({ "question": "Lunch?", "votes": { "yes": 2, "no": 0 } });
        assert_eq!(outcome(&host, &vote).await, votes, "{plugin}");
    }
}

#[tokio::test]
async fn a_vote_ends_at_its_closing_time_and_when_somebody_closes_it() {
    for plugin in plugins() {
        let host = host(plugin, json!({})).await;
        let options = json!(["pizza", "soup"]);
        let asked = json!({ "question": "What?", "options": options, "closing_at": "2100-01-01T00:00:00Z" });
        let (timed, by_hand) =
            (start(&host, plugin, asked.clone()).await, start(&host, plugin, asked).await);
        cast(&host, plugin, "ann", "soup").await;
        let votes = json!({ "question": "What?", "votes": { "pizza": 0, "soup": 1 } });
        assert_eq!(host.delete(&by_hand).await.expect(200)["outcome"], votes, "{plugin}");
        assert_eq!(
            host.get(&timed).await.expect(200)["closing_at"],
            "2100-01-01T00:00:00.000Z",
            "{plugin}"
        );
        host.advance(Duration::from_secs(80 * 365 * 24 * 3600));
        assert_eq!(outcome(&host, &timed).await, votes, "{plugin}");
    }
}

#[tokio::test]
async fn parameters_of_a_process_are_checked() {
    for plugin in plugins() {
        let host = host(plugin, json!({})).await;
        let path = format!("/api/internal/process/{plugin}.vote");
        for (parameters, at) in [
            (json!({}), ""),
            (json!({ "question": "Lunch?", "options": ["pizza"] }), "/options"),
            (json!({ "question": "Lunch?", "closing_at": "tomorrow" }), "/closing_at"),
        ] {
            let request = host.request(Method::POST, &path).header("X-Metagov-Community", "acme");
            let refused = answer(request.json(&parameters)).await;
            refused.problem(400, "invalid_parameters");
            assert_eq!(refused.error_paths(), [at], "{plugin}: {}", refused.text);
        }
    }
}
