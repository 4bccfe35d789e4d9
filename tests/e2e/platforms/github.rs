//! The plugin `github` with a GitHub on which it is installed.

mod actions;
mod authorisation;
mod comments;
mod payloads;
mod reactions;
mod webhooks;

use std::time::Duration;

use moothall_tests::platforms::github::{GitHub, ORGANISATION};
use moothall_tests::{Answer, TestHost, answer, until};
use reqwest::Method;
use serde_json::{Value, json};

const MINUTE: Duration = Duration::from_secs(60);
/// Where all of the app's webhooks go.
const HOOK: &str = "/api/hooks/github";

/// A host whose community `acme` is the organisation `acme` on GitHub.
struct GitHubScene {
    host: TestHost,
    github: GitHub,
}

impl GitHubScene {
    async fn new() -> Self {
        Self::with(json!({ "owner": "acme", "installation_id": ORGANISATION.to_string() })).await
    }

    async fn with(config: Value) -> Self {
        let scene = Self::without_community().await;
        scene.host.community("acme", "github", config).await;
        scene
    }

    async fn without_community() -> Self {
        let github = GitHub::start().await;
        let toml = format!("{}\nlimits = {{ wall_ms = 6000 }}", github.toml());
        let host = TestHost::with(&["github"]).toml(&toml).start().await;
        Self { host, github }
    }

    async fn act(&self, action: &str, parameters: Value) -> Answer {
        self.host.action("acme", &format!("github.{action}"), parameters).await
    }

    async fn try_to_start(&self, process: &str, parameters: Value) -> Answer {
        let path = format!("/api/internal/process/github.{process}");
        let request = self.host.request(Method::POST, &path).header("X-Metagov-Community", "acme");
        answer(request.json(&parameters)).await
    }

    /// Starts a vote; returns its URL, and the number of its issue.
    async fn start(&self, process: &str, parameters: Value) -> (String, u64) {
        let started = self.try_to_start(process, parameters).await;
        let outcome = &started.expect(202)["outcome"];
        let number = outcome["issue_number"].as_u64().expect("the issue's number");
        (started.header("location").to_owned(), number)
    }

    async fn process(&self, location: &str) -> Value {
        self.host.get(location).await.expect(200)
    }

    /// Waits until the process is what it should be.
    async fn until(&self, location: &str, what: impl Fn(&Value) -> bool) -> Value {
        until("the vote is as it should be", async || {
            let process = self.process(location).await;
            what(&process).then_some(process)
        })
        .await
    }

    /// Lets the host read the votes again until the process is completed.
    async fn completed(&self, location: &str) -> Value {
        until("the vote is completed", async || {
            let process = self.process(location).await;
            if process["status"] == "completed" {
                return Some(process);
            }
            self.host.advance(MINUTE);
            None
        })
        .await
    }

    /// Sends GitHub's webhook about a comment.
    async fn tell(&self, body: &Value) {
        self.github.deliver(&self.host, HOOK, "issue_comment", body).await.expect(200);
    }

    /// The events so far, without those of other communities.
    async fn events(&self, community: &str) -> Vec<Value> {
        let (mut all, mut after) = (Vec::new(), json!(0));
        loop {
            let path = format!("/api/internal/events?community={community}&after={after}");
            let page = self.host.get(&path).await.expect(200);
            let events = page["events"].as_array().cloned().unwrap_or_default();
            let Some(last) = events.last() else { return all };
            after = last["position"].clone();
            all.extend(events);
        }
    }

    async fn wait_for_events(&self, community: &str, count: usize) -> Vec<Value> {
        until(&format!("{community} has {count} events"), async || {
            let events = self.events(community).await;
            (events.len() >= count).then_some(events)
        })
        .await
    }
}
