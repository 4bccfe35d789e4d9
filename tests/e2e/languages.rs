//! Plugins in other languages do what one in Rust does: the same plugin in each, called the same way. Compiled
//! only by `cargo xtask test --languages`, which installs the toolchains and builds the plugins.

mod actions;
mod documents;
mod platform;
mod processes;
mod projects;

use moothall_tests::{Receiver, TestHost, guests};
use serde_json::{Value, json};

/// Every language's plugin.
fn plugins() -> impl Iterator<Item = &'static str> {
    guests::LANGUAGES.iter().copied()
}

/// A host with the plugin, enabled for `acme` with this configuration, on the default limits.
async fn host(plugin: &str, config: Value) -> TestHost {
    let host = TestHost::with(&[plugin]).start().await;
    host.community("acme", plugin, config).await;
    host
}

/// The same with a platform that the plugin is granted.
async fn granted(plugin: &str, platform: &Receiver) -> TestHost {
    let grants = "grants = { http = [\"config:/server_url\"], cidr = [\"127.0.0.0/8\"] }";
    let toml = format!("[plugins.{plugin}]\n{grants}");
    let host = TestHost::with(&[plugin]).toml(&toml).start().await;
    let config = json!({ "server_url": base(platform), "api_key": "s3cret" });
    host.community("acme", plugin, config).await;
    host
}

/// The platform's address, without a path.
fn base(platform: &Receiver) -> String {
    platform.url.trim_end_matches("/events").to_owned()
}

/// The events of a type, in order.
async fn events(host: &TestHost, event_type: &str) -> Vec<Value> {
    let path = format!("/api/internal/events?community=acme&type={event_type}");
    let page = host.get(&path).await.expect(200);
    page["events"].as_array().cloned().unwrap_or_default()
}

/// Calls a plugin's action with parameters that must be accepted.
async fn result(host: &TestHost, plugin: &str, action: &str, parameters: Value) -> Value {
    host.result("acme", &format!("{plugin}.{action}"), parameters).await
}
