//! `moothall plugin dev`: what an author changes is served, and a mistake leaves what serves.

use moothall_tests::{Author, Developing, Driver, until};
use serde_json::{Value, json};

// Each project has a name of its own: they share what cargo builds, by name.
const SOURCE: &str = "waver/src/lib.rs";
const DEV: &str = "hailer/dev.toml";

/// The host that serves what is developed.
fn host(said: &str) -> Driver {
    let line = said.lines().rev().find(|line| line.contains("serves at")).expect("a URL");
    let url = line.split(' ').find(|word| word.starts_with("http://")).expect("a URL");
    Driver::new(url.to_owned())
}

async fn greeting(host: &Driver, plugin: &str) -> Value {
    host.result("dev", &format!("{plugin}.greet"), json!({ "name": "Ann" })).await
}

async fn started(author: &Author, plugin: &str) -> (Developing, Driver) {
    author.plugin("", &["new", plugin]).succeeded();
    let developing = author.dev(plugin);
    let said = developing.says("serves at", 1).await;
    (developing, host(&said))
}

#[tokio::test]
async fn a_changed_source_replaces_what_serves_and_a_mistake_does_not() {
    let author = Author::new("dev");
    let (mut developing, host) = started(&author, "waver").await;
    assert_eq!(greeting(&host, "waver").await, json!({ "text": "Hello, Ann!", "greeted": 1 }));

    let source = author.read(SOURCE);
    author.write(SOURCE, &source.replace("{}, {}!", "{}, dear {}!"));
    developing.says("serves as it is now", 1).await;
    let changed = greeting(&host, "waver").await;
    assert_eq!(changed, json!({ "text": "Hello, dear Ann!", "greeted": 2 }), "the state stays");

    assert!(source.contains("struct Waver"), "{source}");
    author.write(SOURCE, &source.replace("struct Waver", "struct"));
    developing.says("the plugin does not build", 1).await;
    assert_eq!(greeting(&host, "waver").await["greeted"], 3, "the version before goes on serving");

    author.write(SOURCE, &source.replace("slug = \"greet\"", "slug = \"welcome\""));
    developing.says("serves as it is now", 2).await;
    assert_eq!(host.action("dev", "waver.greet", json!({})).await.status, 404);

    assert_eq!(developing.terminate(), Some(0));
    gone(&host).await;
}

#[tokio::test]
async fn a_changed_dev_toml_starts_the_host_again_and_the_plugin_s_log_is_shown() {
    let author = Author::new("dev-config");
    let (mut developing, _) = started(&author, "hailer").await;
    author.write(DEV, "[config]\ngreeting = 7\n");
    let said = developing.says("cannot be enabled", 1).await;
    assert!(said.contains("/greeting"), "{said}");
    author.write(DEV, "[config]\ngreeting = \"Ahoy\"\n");
    let said = developing.says("serves at", 2).await;
    let host = host(&said);
    assert_eq!(greeting(&host, "hailer").await, json!({ "text": "Ahoy, Ann!", "greeted": 1 }));
    // A host that nobody could end any more ends by itself.
    developing.kill_9();
    gone(&host).await;
}

/// Waits until nobody answers there.
async fn gone(host: &Driver) {
    until("the host has ended", async || {
        let asked = host.request(reqwest::Method::GET, "/healthz").send().await;
        asked.is_err().then_some(())
    })
    .await;
}
