//! Hooks: how they are declared, their steps, what a run does with its data, and the host's own
//! hooks.

mod dry_runs;
mod guards;
mod managing;
mod plugin_steps;
mod settings;
mod webfilters;

use moothall_tests::guests::BACKSTAGE_GRANTS;
use moothall_tests::{Receiver, Reply, TestHost};
use serde_json::{Value, json};

/// A hook of a driver's own, with three exceptions.
const LOGIN: &str = "org.example.student.login.requested.v1";
const TOML: &str = "[egress]\nallow_cidr = [\"127.0.0.0/8\"]";

async fn host() -> TestHost {
    let host = TestHost::with(&["backstage"]).toml(TOML).toml(BACKSTAGE_GRANTS).start().await;
    host.community("acme", "backstage", json!({})).await;
    let hook = json!({
        "alias": "StudentLoginRequested",
        "mutable": ["/user", "/mode"],
        "sensitive": ["/user/password"],
        "exceptions": ["PreventLogin", "RedirectToPage", "RenderCustomResponse"],
        "budget_ms": 5000,
    });
    host.put(&format!("/api/internal/hooks/{LOGIN}"), hook).await.expect(201);
    host
}

/// A webfilter that gives this answer to every request.
async fn filter(status: u16, body: &str) -> Receiver {
    let filter = Receiver::start().await;
    filter.otherwise(Reply::Body(status, body.to_owned()));
    filter
}

async fn add(host: &TestHost, url: &str, more: Value) -> Value {
    let mut step = json!({ "target": url });
    for (key, value) in more.as_object().cloned().unwrap_or_default() {
        step[key] = value;
    }
    host.post(&format!("/api/internal/hooks/{LOGIN}/steps"), step).await.expect(201)
}

async fn run(host: &TestHost, data: Value) -> Value {
    let path = format!("/api/internal/hooks/{LOGIN}/run");
    host.post(&path, json!({ "community": "acme", "data": data })).await.expect(200)
}

fn ann() -> Value {
    json!({ "user": { "first": "Ann", "last": "Z", "password": "secret" }, "mode": "x", "id": 1 })
}
