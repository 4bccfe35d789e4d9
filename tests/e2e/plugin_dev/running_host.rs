//! `moothall plugin dev --host`: the project is served by a host that somebody runs.

use moothall_tests::{Author, TestHost, until};
use serde_json::json;

#[tokio::test]
async fn a_project_serves_on_a_running_host_beside_other_plugins() {
    let (author, host) = (Author::new("dev-host"), TestHost::with(&["tutorial"]).start().await);
    host.community("club", "tutorial", json!({ "api_key": "ABC123" })).await;
    let key = host.create_key("author");
    until("the key is needed", async || {
        (host.get("/api/internal/plugins").await.status == 401).then_some(())
    })
    .await;
    author.plugin("", &["new", "visitor", "--template", "webhook"]).succeeded();
    author.write("visitor/key", &key);
    let plugins = host.data().join("plugins");
    let plugins = plugins.to_str().expect("a path of text");
    let place = ["dev", "--host", &host.url, "--plugins", plugins, "--community", "club"];
    let mut developing = author.begin("visitor", &[&place[..], &["--key-file", "key"]].concat());
    developing.says("serves at", 1).await;
    let driver = host.with_key(&key);
    let received = async || driver.result("club", "visitor.received", json!({})).await;
    assert_eq!(received().await, json!({ "posts": 0 }));
    let other = driver.result("club", "tutorial.times-two", json!({ "value": 2 })).await;
    assert_eq!(other, json!({ "result": 4 }), "the community keeps its other plugins");

    let source = author.read("visitor/src/lib.rs");
    author.write(
        "visitor/src/lib.rs",
        &source.replace("get(\"posts\")?.unwrap_or(0)", "get(\"posts\")?.unwrap_or(41)"),
    );
    developing.says("serves as it is now", 1).await;
    assert_eq!(received().await, json!({ "posts": 41 }));

    assert_eq!(developing.terminate(), Some(0));
    let said = developing.says("goes on serving", 1).await;
    assert!(said.contains("visitor.wasm"), "{said}");
    assert_eq!(received().await, json!({ "posts": 41 }), "the host serves it on");
}

#[tokio::test]
async fn a_folder_that_the_host_does_not_read_is_named() {
    let (author, host) = (Author::new("dev-elsewhere"), TestHost::with(&[]).start().await);
    author.plugin("", &["new", "astray"]).succeeded();
    author.shell("astray", "mkdir elsewhere").succeeded();
    let mut developing =
        author.begin("astray", &["dev", "--host", &host.url, "--plugins", "elsewhere"]);
    developing.says("does not list astray.wasm; is elsewhere its plugin directory?", 1).await;
    assert_eq!(developing.terminate(), Some(0));
    for (arguments, said) in [
        (&["dev", "--host", &host.url][..], "--plugins"),
        (&["dev", "--host", &host.url, "--plugins", "x", "--listen", "127.0.0.1:0"], "--listen"),
    ] {
        let refused = author.plugin("astray", arguments).failed_with(2);
        assert!(refused.contains(said), "{refused}");
    }
}
