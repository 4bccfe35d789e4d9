//! Warnings about names in a manifest, a grant or the operator's tables that do not exist.

use moothall_tests::{TestHost, crafted, until};
use serde_json::{Value, json};

/// Waits for the warning, because a thread of its own writes the log.
async fn logged(host: &TestHost, words: &[&str]) {
    let is_told =
        |line: &str| line.contains("WARN") && words.iter().all(|word| line.contains(word));
    until(&format!("{words:?} are in the log"), async || {
        host.logs().lines().any(is_told).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_is_mistyped_in_a_manifest_or_a_grant_is_a_warning_that_names_what_was_meant() {
    let toml = "[plugins.doubtful]\ngrants = { reveal = [\"/api_key\"], tcp = [\"redis:6379\"] }\n\
                [plugins.narrow]\ngrants = { http = [\"other.example\"], hooks = [\"action.requested\"] }\nscope = \"host\"";
    let host = TestHost::with(&[]).toml(toml).start().await;
    let manifest = json!({
        "name": "doubtful",
        "config_schema": { "type": "object", "properties": {
            "api_key": { "type": "string", "writeOnly": true }, "team": { "type": "string" },
            "server_url": { "type": "string" },
        } },
        "settings_schema": { "type": "object", "properties": { "client_secret": {} } },
        "verify": { "scheme": "hmac-sha256", "secret": "/nope", "header": "x-signature" },
        "global_verify": { "scheme": "slack-v0", "secret": "settings:client_secrets" },
        "route_keys": ["/teem"],
        "requests": { "reveal": ["/api_kye"], "http": ["config:/server", "example.com"] },
        "actions": [{ "slug": "do" }],
    });
    host.put_plugin("doubtful.wasm", &crafted::plugin(&manifest, crafted::ANSWER_NOTHING));
    let listed = until("the plugin serves", async || {
        let file = host.file("doubtful.wasm").await;
        (file["status"] == "ready").then_some(file)
    })
    .await;
    let narrow = json!({ "name": "narrow", "requests": { "http": ["example.com"] } });
    host.put_plugin("narrow.wasm", &crafted::plugin(&narrow, crafted::ANSWER_NOTHING));
    let other = until("the other plugin serves", async || {
        let file = host.file("narrow.wasm").await;
        (file["status"] == "ready").then_some(file)
    })
    .await;
    let both = [&listed, &other].into_iter().filter_map(|file| file["warnings"].as_array());
    let warnings: Vec<&str> = both.flatten().filter_map(Value::as_str).collect();
    for words in [
        &["verify.secret", "`/nope`"][..],
        &["global_verify.secret", "`settings:client_secrets`", "`settings:client_secret`?"],
        &["route_keys", "`/teem`", "did you mean `/team`?"],
        &["requests.reveal", "`/api_kye`", "did you mean `/api_key`?"],
        &["requests.http", "`config:/server`", "did you mean `config:/server_url`?"],
        &["grants reveal `/api_key`", "does not ask for", "did you mean `/api_kye`?"],
        &["grants http `other.example`", "does not ask for"],
        &["grants tcp `redis:6379`", "does not ask for"],
        &["grants hooks `action.requested`", "does not ask for"],
        &["grants `scope = \"host\"`", "does not ask for"],
    ] {
        let is_told = |text: &&str| words.iter().all(|word| text.contains(word));
        let warning = warnings.iter().find(|text| is_told(text));
        assert!(warning.is_some(), "{words:?} in {warnings:#?}");
        logged(&host, words).await;
    }
}

#[tokio::test]
async fn names_under_a_plugin_that_it_does_not_have_are_warnings() {
    let toml = "[plugins.loose]\nsettings = { client_idd = \"x\", deep = { hostt = \"y\" } }\n\
                every = { prodcer = \"30s\", votte = \"1m\", vote = \"2m\" }";
    let host = TestHost::with(&[])
        .toml(toml)
        .env("MOOTHALL_PLUGINS__LOOSE__SETTINGS__TEEM", "z")
        .start()
        .await;
    let manifest = json!({
        "name": "loose",
        "settings_schema": { "type": "object", "properties": {
            "client_id": { "type": "string" }, "team": { "type": "string" },
            "deep": { "type": "object", "properties": { "host": {} } },
        } },
        "config_schema": { "type": "object", "properties": { "api_key": { "type": "string", "writeOnly": true } } },
        "handshakes": [
            { "query": "challenge", "answer": "hmac", "secret": "/api_kye" },
            { "method": "POST", "query": "token", "answer": "hmac", "secret": "settings:teams" },
        ],
        "requests": { "http": ["example.com"], "reveal": ["/api_key"] },
        "actions": [{ "slug": "do" }],
    });
    host.put_plugin("loose.wasm", &crafted::plugin(&manifest, crafted::ANSWER_NOTHING));
    let listed = until("it is looked at", async || {
        let file = host.file("loose.wasm").await;
        (file["status"] == "ready" || file["status"] == "failed").then_some(file)
    })
    .await;
    let warnings: Vec<&str> =
        listed["warnings"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for words in [
        &["settings of [plugins.loose]", "`/client_idd`", "did you mean `/client_id`?"][..],
        &["settings of [plugins.loose]", "`/deep/hostt`", "did you mean `/deep/host`?"],
        &["the variable MOOTHALL_PLUGINS__LOOSE__SETTINGS__TEEM", "did you mean `/team`?"],
        &["every", "`prodcer`"],
        &["every", "`votte`"],
        &["handshakes.secret", "`/api_kye`", "did you mean `/api_key`?"],
        &["handshakes.secret", "`settings:teams`", "did you mean `settings:team`?"],
    ] {
        let is_told = |text: &&str| words.iter().all(|word| text.contains(word));
        assert!(warnings.iter().any(is_told), "{words:?} in {listed:#}");
        logged(&host, words).await;
    }
}

#[tokio::test]
async fn what_is_right_is_no_warning() {
    let host = TestHost::with(&["probe", "signed", "backstage"])
        .toml(moothall_tests::guests::BACKSTAGE_GRANTS)
        .toml("[plugins.probe]\ngrants = { reveal = [\"/token\"], http = [\"config:/server_url\"], cidr = [\"127.0.0.0/8\"] }")
        .start()
        .await;
    for file in ["probe.wasm", "signed.wasm", "backstage.wasm"] {
        let warnings = host.file(file).await["warnings"].clone();
        let warnings = json!(warnings.as_array().expect("a list")).to_string();
        for doubt in ["does not have", "does not ask for", "matches nothing", "no object"] {
            assert!(!warnings.contains(doubt), "{file}: {warnings}");
        }
    }
}
