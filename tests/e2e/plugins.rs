//! Enabling, configuring and disabling a plugin, and what the host shows of plugins.

use moothall_tests::{Answer, TestHost};
use reqwest::Method;
use serde_json::{Value, json};

async fn value_of(host: &TestHost, key: &str) -> Value {
    host.result("acme", "probe.get", json!({ "key": key })).await["value"].clone()
}

#[tokio::test]
async fn enabling_answers_201_and_again_unchanged_200_with_its_state() {
    let host = TestHost::with(&["tutorial"]).start().await;
    host.put_community("acme", json!([])).await.expect(201);
    let config = json!({ "api_key": "k" });
    let created = host.enable("acme", "tutorial", config.clone()).await.expect(201);
    assert_eq!(created["config"], json!({ "api_key": "********", "foo": "bar" }));
    assert_eq!(created["community"], "acme");
    assert_eq!(created["auth_type"], "api_key");
    host.result("acme", "tutorial.my-action", json!({ "x": 7 })).await;

    // A default written out is the same configuration.
    let config = json!({ "api_key": "k", "foo": "bar" });
    assert_eq!(host.enable("acme", "tutorial", config).await.expect(200), created);
}

#[tokio::test]
async fn a_changed_config_recreates_the_instance_without_its_state() {
    let host = TestHost::with(&["randomness"]).start().await;
    let config = json!({ "default_low": 1, "default_high": 7 });
    let created = host.community("acme", "randomness", config).await;
    host.result("acme", "randomness.set-lucky-number", json!({ "lucky_number": 3 })).await;

    let config = json!({ "default_low": 1, "default_high": 9 });
    let recreated = host.enable("acme", "randomness", config).await.expect(201);
    assert_ne!(recreated["id"], created["plugins"][0]["id"]);
    let lost = host.action("acme", "randomness.get-lucky-number", json!({})).await;
    lost.problem(404, "not_found");
}

#[tokio::test]
async fn a_plugin_that_keeps_its_state_is_told_of_a_changed_config() {
    let mut host = TestHost::with(&["probe"]).start().await;
    let created = host.community("acme", "probe", json!({ "note": "first" })).await;
    assert_eq!(value_of(&host, "initialized").await, true);
    host.result("acme", "probe.put", json!({ "key": "a", "value": 1 })).await;

    let changed = host.enable("acme", "probe", json!({ "note": "second" })).await.expect(200);
    assert_eq!(changed["id"], created["plugins"][0]["id"]);
    assert_eq!(value_of(&host, "a").await, 1);
    assert_eq!(value_of(&host, "changed").await, "first", "it was told the previous config");

    host.restart().await;
    assert_eq!(value_of(&host, "a").await, 1);
    let whoami = host.result("acme", "probe.whoami", json!({})).await;
    assert_eq!(whoami["config"]["note"], "second");
}

#[tokio::test]
async fn a_refused_config_changed_leaves_the_old_config_and_state() {
    let host = TestHost::with(&["probe"]).start().await;
    host.community("acme", "probe", json!({ "note": "first" })).await;
    let refused = host.enable("acme", "probe", json!({ "note": "refuse" })).await;
    let detail = refused.problem(400, "invalid");
    assert_eq!(detail, "the note 'refuse' is refused; choose another");
    assert_eq!(value_of(&host, "changed").await, Value::Null, "its write was not kept");
    let whoami = host.result("acme", "probe.whoami", json!({})).await;
    assert_eq!(whoami["config"]["note"], "first");
}

#[tokio::test]
async fn initialize_s_writes_commit_with_the_instance() {
    let mut host = TestHost::with(&["probe"]).start().await;
    host.community("acme", "probe", json!({})).await;
    host.restart().await;
    assert_eq!(value_of(&host, "initialized").await, true);
}

#[tokio::test]
async fn an_initialize_that_fails_leaves_nothing() {
    let host = TestHost::with(&["misbehaving"]).toml("[limits]\ncpu_ms = 200").start().await;
    host.put_community("acme", json!([])).await.expect(201);
    let failures = [
        ("error", 400, "invalid"),
        ("panic", 502, "plugin_trap"),
        ("write-then-error", 409, "conflict"),
        ("loop", 504, "plugin_timeout"),
    ];
    for (way, status, code) in failures {
        let refused = host.enable("acme", "misbehaving", json!({ "initialize": way })).await;
        refused.problem(status, code);
        let community = host.get("/api/internal/community/acme").await.expect(200);
        assert_eq!(community["plugins"], json!([]), "after initialize ended with {way}");
    }
    host.enable("acme", "misbehaving", json!({})).await.expect(201);
    assert_eq!(host.result("acme", "misbehaving.written", json!({})).await, false);
}

#[tokio::test]
async fn a_config_is_validated_and_every_mistake_has_its_place() {
    let host = TestHost::with(&["randomness"]).start().await;
    host.put_community("acme", json!([])).await.expect(201);
    let config = json!({ "default_low": "one", "default_high": 1.5 });
    let refused = host.enable("acme", "randomness", config).await;
    refused.problem(400, "invalid_config");
    let mut paths = refused.error_paths();
    paths.sort();
    assert_eq!(paths, ["/default_high", "/default_low"]);
    host.enable("acme", "randomness", json!([1])).await.problem(400, "invalid_config");
}

#[tokio::test]
async fn enabling_needs_a_plugin_and_a_community() {
    let host = TestHost::with(&["tutorial"]).start().await;
    host.put_community("acme", json!([])).await.expect(201);
    host.enable("acme", "nobody", json!({})).await.problem(404, "unknown_plugin");
    let refused = host.enable("nobody", "tutorial", json!({ "api_key": "k" })).await;
    assert_eq!(refused.problem(400, "unknown_community"), "Community 'nobody' not found");
    let request = host.request(Method::POST, "/api/internal/plugin/tutorial").json(&json!({}));
    let refused = Answer::read(request.send().await.unwrap()).await.unwrap();
    let detail = refused.problem(400, "missing_header");
    assert_eq!(detail, "Missing required header 'X-Metagov-Community'");
}

#[tokio::test]
async fn a_plugin_s_metadata_has_the_original_s_shape() {
    let host = TestHost::with(&["tutorial", "probe"]).start().await;
    let metadata = host.get("/api/internal/plugin/tutorial/metadata").await.expect(200);
    assert_eq!(metadata["name"], "tutorial");
    assert_eq!(metadata["title"], "Tutorial");
    assert_eq!(metadata["homepage"], "https://docs.metagov.org");
    assert_eq!(metadata["description"], "The plugin of the tutorial.");
    assert_eq!(metadata["auth_type"], "api_key");
    assert_eq!(metadata["uses_webhook"], true);
    let schemas = &metadata["schemas"];
    assert_eq!(schemas["config"]["properties"]["foo"]["default"], "bar");
    assert_eq!(schemas["config"]["properties"]["api_key"]["writeOnly"], true);
    assert_eq!(schemas["actions"][0]["id"], "tutorial.times-two");
    assert_eq!(schemas["processes"][0]["id"], "tutorial.my-gov-process");
    assert!(schemas["processes"][0]["parameters_schema"]["properties"].is_object());
    assert_eq!(schemas["events"][0]["source"], "tutorial");
    host.get("/api/internal/plugin/nobody/metadata").await.problem(404, "unknown_plugin");

    let all = host.get("/api/internal/plugin-schemas").await.expect(200);
    assert_eq!(all["tutorial"], schemas["config"]);
    assert!(all["probe"].is_object());
}

#[tokio::test]
async fn the_listing_says_what_serves_and_what_it_may_do() {
    let grant = "[plugins.probe]\ngrants = { reveal = [\"/token\"] }";
    let host = TestHost::with(&["probe", "raw", "randomness"]).toml(grant).start().await;
    let told = host.file("randomness.wasm").await;
    assert_eq!((&told["title"], &told["name"]), (&json!("Randomness"), &json!("randomness")));
    assert_eq!(told["homepage"], "https://docs.metagov.org");
    assert_eq!(told["description"], "Random numbers, and a lucky one.");
    let probe = host.file("probe.wasm").await;
    assert_eq!(probe["status"], "ready");
    assert_eq!(probe["name"], "probe");
    assert_eq!(probe["errors"], json!([]));
    assert_eq!(probe["serving"]["digest"], probe["digest"]);
    assert_eq!(probe["serving"]["version"], probe["version"]);
    assert_eq!(probe["digest"].as_str().map(str::len), Some(64));
    assert!(probe["loaded_at"].is_string());
    let capabilities = probe["capabilities"].to_string();
    assert!(capabilities.contains("actions") && capabilities.contains("lifecycle"), "{probe}");
    assert_eq!(probe["requested"]["reveal"], json!(["/token"]), "{probe}");
    assert_eq!(probe["granted"]["reveal"], json!(["/token"]), "{probe}");
    let line = "replace `grants` with `grants = { reveal = [\"/token\"], http = [\"config:/server_url\"] }` \
                under [plugins.probe] in moothall.toml";
    let missing = json!([{ "grant": "http", "values": ["config:/server_url"], "line": line }]);
    assert_eq!(probe["missing"], missing, "{probe}");
    assert!(probe["warnings"].to_string().contains("config:/server_url"), "{probe}");

    let raw = host.file("raw.wasm").await;
    assert_eq!(raw["status"], "ready", "an unknown field of a manifest is no error");
    assert_eq!((&raw["title"], &raw["homepage"]), (&Value::Null, &Value::Null));
    assert!(raw["warnings"].to_string().contains("x_future"), "{raw}");
}
