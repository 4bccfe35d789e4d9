//! `moothall plugin dev --host`: the project is served by a host that somebody runs.

use moothall_tests::{Author, TestHost, guests, until};
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
    // The project is called as another plugin, which must not lose its file.
    let manifest = author.read("visitor/Cargo.toml");
    let manifest = manifest.replacen("name = \"visitor\"", "name = \"tutorial\"", 1);
    author.write("visitor/Cargo.toml", &manifest);
    author
        .shell("visitor", "sed -i 's/name = \"visitor\"/name = \"tutorial\"/' Cargo.lock")
        .succeeded();
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

    // The host refuses this version, and keeps the one before also after a start.
    let file = host.data().join("plugins/visitor.wasm");
    let good = std::fs::read(&file).expect("the plugin's file");
    author
        .write("visitor/src/lib.rs", &source.replace("name = \"visitor\"", "name = \"tutorial\""));
    let said = developing.says("goes on serving", 1).await;
    assert!(
        said.contains("name_taken") && said.contains("version 0.1.0 goes on serving"),
        "{said}"
    );
    assert!(
        std::fs::read(&file).expect("the plugin's file") == good,
        "the good file is there again"
    );
    assert_eq!(received().await, json!({ "posts": 41 }));

    assert_eq!(developing.terminate(), Some(0));
    let said = developing.says("the host goes on serving", 1).await;
    assert!(said.contains("visitor.wasm"), "{said}");
    assert_eq!(received().await, json!({ "posts": 41 }), "the host serves it on");
}

#[tokio::test]
async fn a_folder_that_the_host_does_not_read_is_named() {
    let (author, host) = (Author::new("dev-elsewhere"), TestHost::with(&[]).start().await);
    author.plugin("", &["new", "astray"]).succeeded();
    author.shell("astray", "mkdir elsewhere").succeeded();
    let file = author.path("astray/elsewhere/astray.wasm");
    let other = std::fs::read(guests::file("randomness")).expect("a guest");
    std::fs::write(&file, &other).expect("written");
    let mut developing =
        author.begin("astray", &["dev", "--host", &host.url, "--plugins", "elsewhere"]);
    developing.says("astray.wasm holds another plugin, `randomness`", 1).await;
    assert!(std::fs::read(&file).expect("a file") == other, "it is what it was");

    std::fs::remove_file(&file).expect("removed");
    author.shell("astray", "touch src/lib.rs").succeeded();
    developing.says("does not list astray.wasm; is elsewhere its plugin directory?", 1).await;
    let said = developing.says("astray.wasm is removed again", 1).await;
    assert!(!file.exists(), "{said}");
    assert_eq!(developing.terminate(), Some(0));
    for (arguments, said) in [
        (&["dev", "--host", &host.url][..], "--plugins"),
        (&["dev", "--host", &host.url, "--plugins", "x", "--listen", "127.0.0.1:0"], "--listen"),
    ] {
        let refused = author.plugin("astray", arguments).failed_with(2);
        assert!(refused.contains(said), "{refused}");
    }
}
