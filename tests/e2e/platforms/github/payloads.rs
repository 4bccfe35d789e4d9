//! GitHub's own examples of its webhooks' payloads (npm's `@octokit/webhooks-examples`): each becomes the event of its
//! type, whichever way it comes.

use moothall_tests::node;
use moothall_tests::platforms::github::ORGANISATION;
use serde_json::{Value, json};

use super::{GitHubScene, HOOK};

/// Where the examples are in their package.
const EXAMPLES: &str = "@octokit/webhooks-examples/api.github.com/index.json";
/// Fewer than there are, so that an empty file is noticed.
const AT_LEAST: usize = 200;

/// The name of each example's event, and its payload.
fn examples() -> Vec<(String, Value)> {
    let file = node::package_file(EXAMPLES);
    let text = std::fs::read_to_string(file).expect("the examples are there");
    let all: Vec<Value> = serde_json::from_str(&text).expect("JSON");
    let of = |event: Value| -> Vec<(String, Value)> {
        let name = event["name"].as_str().expect("a name").to_owned();
        let payloads = event["examples"].as_array().cloned().expect("examples");
        payloads.into_iter().map(|payload| (name.clone(), payload)).collect()
    };
    all.into_iter().flat_map(of).collect()
}

/// The type of the event, and its data.
fn expected(name: &str, payload: &Value) -> (String, String) {
    let event_type = match payload["action"].as_str() {
        Some(action) => format!("{action} {name}"),
        None => name.to_owned(),
    };
    (event_type, payload.to_string())
}

#[tokio::test]
async fn each_of_github_s_examples_becomes_the_event_of_its_type() {
    let scene = GitHubScene::new().await;
    let examples = examples();
    assert!(examples.len() >= AT_LEAST, "{}", examples.len());
    let mut told = Vec::new();
    for (name, payload) in &examples {
        // As GitHub sends it to an app: with its installation.
        let mut of_app = payload.clone();
        of_app["installation"] = json!({ "id": ORGANISATION, "node_id": "MDIzOkludGVncmF0aW9u" });
        scene.github.deliver(&scene.host, HOOK, name, &of_app).await.expect(200);
        told.push(expected(name, &of_app));
        // As it is, to the webhook of one repository.
        let path = "/api/hooks/acme/github";
        scene.github.deliver(&scene.host, path, name, payload).await.expect(200);
        told.push(expected(name, payload));
    }
    let events = scene.wait_for_events("acme", told.len()).await;
    let heard = |event: &Value| {
        (event["event_type"].as_str().unwrap_or_default().to_owned(), event["data"].to_string())
    };
    let mut heard: Vec<_> = events.iter().map(heard).collect();
    heard.sort();
    told.sort();
    assert_eq!(heard.len(), told.len());
    for (heard, told) in heard.iter().zip(&told) {
        assert_eq!(heard, told);
    }
    for event in &events {
        let (sender, initiator) = (&event["data"]["sender"], &event["initiator"]);
        assert_eq!(
            (&initiator["user_id"], &initiator["user_name"]),
            (&sender["id"], &sender["login"])
        );
    }
}
