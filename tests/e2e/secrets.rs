//! A secret is never shown: not in answers, the log, metrics, or any byte of the database.

use moothall_tests::{TestHost, until};
use serde_json::{Value, json};

const SECRET: &str = "sikrit-8f3a-value";
const OTHER: &str = "sikrit-77c2-value";

/// Everything that a host leaves on disk except its key.
fn on_disk(host: &TestHost) -> Vec<(String, Vec<u8>)> {
    let files = ["moothall.db", "moothall.db-wal", "moothall.db-shm"].into_iter();
    let read = |file: &str| std::fs::read(host.data().join(file)).unwrap_or_default();
    files.map(|file| (file.to_owned(), read(file))).collect()
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test]
async fn a_secret_is_in_no_answer_no_log_no_metric_and_no_byte_on_disk() {
    let mut host = TestHost::with(&["tutorial", "probe"]).env("RUST_LOG", "trace").start().await;
    let plugins = json!([
        { "name": "tutorial", "config": { "api_key": SECRET } },
        { "name": "probe", "config": { "token": OTHER } },
    ]);
    let made = host.put_community("acme", plugins.clone()).await;
    made.expect(201);
    let mut answers = vec![made];
    answers.push(host.put_community("acme", plugins).await);
    answers.push(host.enable("acme", "tutorial", json!({ "api_key": SECRET, "foo": 5 })).await);
    answers.push(host.enable("acme", "tutorial", json!({ "api_key": [SECRET] })).await);
    answers.push(host.enable("acme", "tutorial", json!({ "api_kye": SECRET })).await);
    answers.push(host.enable("acme", "probe", json!({ "token": OTHER, "note": "refuse" })).await);
    for path in [
        "/api/internal/community",
        "/api/internal/community/acme",
        "/api/internal/community/acme/actions",
        "/api/internal/plugins",
        "/api/internal/plugin/tutorial/metadata",
        "/api/internal/plugin-schemas",
        "/api/internal/calls",
        "/metrics",
    ] {
        answers.push(host.get(path).await);
    }
    for action in ["tutorial.times-two", "tutorial.my-action", "probe.whoami", "probe.reveal"] {
        answers.push(host.action("acme", action, json!({ "value": 1, "x": 1 })).await);
    }
    for answer in &answers {
        for secret in [SECRET, OTHER] {
            assert!(!answer.text.contains(secret), "a secret is in {}", answer.text);
        }
    }
    let before = on_disk(&host);
    host.terminate();
    let log = host.logs();
    assert!(!log.contains(SECRET) && !log.contains(OTHER), "a secret is in the log");
    for (file, bytes) in before.into_iter().chain(on_disk(&host)) {
        assert!(!contains(&bytes, SECRET) && !contains(&bytes, OTHER), "a secret is in {file}");
    }
}

#[tokio::test]
async fn a_denied_reveal_says_which_line_to_add_and_that_line_helps() {
    let mut host = TestHost::with(&["probe"]).start().await;
    host.community("acme", "probe", json!({ "token": SECRET })).await;
    let refused = host.action("acme", "probe.reveal", json!({})).await;
    let detail = refused.problem(403, "forbidden");
    assert!(detail.contains("[plugins.probe]") && detail.contains("reveal"), "{detail}");
    assert!(detail.contains("\"/token\""), "{detail}");

    host.set_toml("[plugins.probe]\ngrants = { reveal = [\"/token\"] }");
    host.restart().await;
    let revealed = host.result("acme", "probe.reveal", json!({})).await;
    assert_eq!(revealed, json!({ "token": SECRET }));
}

#[tokio::test]
async fn a_grant_for_what_the_manifest_does_not_ask_for_grants_nothing() {
    let toml = "[plugins.tutorial]\ngrants = { reveal = [\"/api_key\"] }";
    let host = TestHost::with(&["tutorial"]).toml(toml).start().await;
    let granted = host.file("tutorial.wasm").await["granted"].clone();
    assert_eq!(granted["reveal"], json!([]), "{granted}");
}

#[tokio::test]
async fn a_secret_that_is_not_set_is_not_found() {
    let toml = "[plugins.probe]\ngrants = { reveal = [\"/token\"] }";
    let host = TestHost::with(&["probe"]).toml(toml).start().await;
    host.community("acme", "probe", json!({})).await;
    host.action("acme", "probe.reveal", json!({})).await.problem(404, "not_found");
}

#[tokio::test]
async fn settings_hand_out_handles_in_place_of_their_secrets() {
    let toml =
        format!("[plugins.probe]\nsettings = {{ region = \"eu\", client_secret = \"{SECRET}\" }}");
    let mut host = TestHost::with(&["probe"]).toml(&toml).start().await;
    host.community("acme", "probe", json!({})).await;
    let settings = host.result("acme", "probe.settings", json!({})).await;
    assert_eq!(settings["region"], "eu");
    assert_eq!(settings["client_secret"], json!({ "$secret": "client_secret" }));
    let listed = host.get("/api/internal/plugins").await;
    assert_eq!(listed.expect(200)["plugins"].as_array().map(Vec::len), Some(1));
    host.terminate();
    assert!(!listed.text.contains(SECRET) && !host.logs().contains(SECRET));
}

/// A host with a secret, ended, and its key.
async fn with_a_secret() -> (TestHost, String) {
    let toml = "[plugins.probe]\ngrants = { reveal = [\"/token\"] }";
    let mut host = TestHost::with(&["probe"]).toml(toml).start().await;
    host.community("acme", "probe", json!({ "token": SECRET })).await;
    host.terminate();
    let key = std::fs::read_to_string(host.data().join("secret.key")).expect("the key");
    (host, key)
}

/// The message of a start that must fail.
fn refused(host: &TestHost) -> String {
    host.command(&["serve", "--listen", "127.0.0.1:0"]).failed_with(1)
}

async fn has_its_secret(host: &mut TestHost) {
    host.restart().await;
    assert_eq!(host.result("acme", "probe.reveal", json!({})).await["token"], SECRET);
}

const ANOTHER_KEY: &str = "c29tZSBvdGhlciBrZXkgdGhhdCBpcyAzMiBieXRlcyE=";

#[tokio::test]
async fn without_its_key_a_database_is_refused_and_no_other_key_is_made() {
    let (mut host, key) = with_a_secret().await;
    let file = host.data().join("secret.key");
    std::fs::remove_file(&file).expect("the key is there");
    let said = refused(&host);
    for word in ["secret.key", "MOOTHALL_SECRET_KEY", "put the right key back", "--data"] {
        assert!(said.contains(word), "{word} is not in {said}");
    }
    assert!(!file.exists());
    // The other commands need no key, and create none.
    host.command(&["key", "create", "driver"]).succeeded();
    host.command(&["backup", "copy.db"]).succeeded();
    assert!(!file.exists());
    let env = host.directory().join(".env");
    std::fs::write(&env, format!("MOOTHALL_SECRET_KEY={}", key.trim())).expect("a file");
    host.restart_without_waiting();
    host.terminate();
    std::fs::remove_file(env).expect("the file is there");
    put_key(&host, &key);
    let key = host.command(&["key", "list"]).succeeded();
    assert_eq!(key.lines().count(), 1);
    host.restart_without_waiting();
}

/// Puts a key file back, as an operator would.
fn put_key(host: &TestHost, key: &str) {
    use std::os::unix::fs::PermissionsExt;
    let file = host.data().join("secret.key");
    std::fs::write(&file, key).expect("the key is written");
    let owner_only = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(file, owner_only).expect("it is ours");
}

#[tokio::test]
async fn with_another_key_a_database_is_refused() {
    let (mut host, key) = with_a_secret().await;
    put_key(&host, ANOTHER_KEY);
    let said = refused(&host);
    assert!(said.contains("secret.key is not the one") && said.contains("--data"), "{said}");
    put_key(&host, &key);
    let env = host.directory().join(".env");
    std::fs::write(&env, format!("MOOTHALL_SECRET_KEY={ANOTHER_KEY}")).expect("a file");
    let said = refused(&host);
    assert!(said.contains("the key in MOOTHALL_SECRET_KEY is not the one"), "{said}");
    assert!(!said.contains(ANOTHER_KEY), "{said}");
    std::fs::remove_file(env).expect("the file is there");
    has_its_secret(&mut host).await;
}

#[tokio::test]
async fn a_database_that_has_no_check_yet_is_checked_by_what_is_sealed_in_it() {
    let (mut host, key) = with_a_secret().await;
    let database = host.data().join("moothall.db");
    let database = || rusqlite::Connection::open(&database).expect("a database");
    let forgotten = database().execute("DELETE FROM key_check", []).expect("a table");
    assert_eq!(forgotten, 1);
    put_key(&host, ANOTHER_KEY);
    assert!(refused(&host).contains("secret.key is not the one"));
    std::fs::remove_file(host.data().join("secret.key")).expect("the key is there");
    assert!(refused(&host).contains("there is no"));
    put_key(&host, &key);
    has_its_secret(&mut host).await;
    let checks = database().query_row("SELECT count(*) FROM key_check", [], |row| row.get(0));
    assert_eq!(checks, Ok(1), "from now on it has one");
}

#[tokio::test]
async fn what_a_host_keeps_is_its_owner_s_alone() {
    use std::os::unix::fs::PermissionsExt;
    let host = TestHost::with(&[]).start().await;
    let mode = |path: std::path::PathBuf| {
        std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777
    };
    assert_eq!(mode(host.data()), 0o700);
    assert_eq!(mode(host.data().join("secret.key")), 0o600);
}

#[tokio::test]
async fn an_api_key_is_shown_once_and_stored_hashed() {
    let mut host = TestHost::with(&[]).start().await;
    let key = host.create_key("driver");
    until("the key counts", async || {
        (host.get("/api/internal/community").await.status == 401).then_some(())
    })
    .await;
    let (_, secret) = key.trim_start_matches("mh_").split_once('_').expect("an id and a secret");
    assert!(secret.len() >= 32, "{key}");
    let listed = host.command(&["key", "list"]).succeeded();
    assert!(listed.contains("driver") && !listed.contains(secret), "{listed}");
    for (file, bytes) in on_disk(&host) {
        assert!(!contains(&bytes, secret), "the key is in {file}");
    }
    let refused = host.with_key(&format!("{key}x")).get("/metrics").await;
    refused.problem(401, "unauthorized");
    assert!(!refused.text.contains(secret));
    host.terminate();
    assert!(!host.logs().contains(secret));
}

#[tokio::test]
async fn a_kept_secret_stays_with_the_host_that_it_was_given_for() {
    let host = TestHost::with(&["tutorial"]).start().await;
    let config = |key: &str, server: &str| json!({ "api_key": key, "server_url": server });
    let plugins = |config: Value| json!([{ "name": "tutorial", "config": config }]);
    host.community("acme", "tutorial", json!({ "api_key": SECRET })).await;
    // There was no server before, so the key was for none.
    let kept = config("********", "https://forum.example/base");
    host.enable("acme", "tutorial", kept.clone()).await.problem(400, "invalid_config");
    host.enable("acme", "tutorial", config(SECRET, "https://forum.example")).await.expect(201);
    host.enable("acme", "tutorial", kept).await.expect(201);
    for other in ["http://forum.example", "https://forum.example:8443", "https://evil.test"] {
        let moved = config("********", other);
        for refused in [
            host.enable("acme", "tutorial", moved.clone()).await,
            host.put_community("acme", plugins(moved)).await,
        ] {
            refused.problem(400, "invalid_config");
            assert_eq!(refused.error_paths(), ["/api_key", "/server_url"], "{}", refused.text);
            assert!(refused.text.contains("send the secret itself"), "{}", refused.text);
            assert!(!refused.text.contains(SECRET), "{}", refused.text);
        }
    }
    let shown = host.get("/api/internal/community/acme").await.expect(200);
    assert_eq!(shown["plugins"][0]["config"]["server_url"], "https://forum.example/base");
    // Hosts to which the plugin may not send can change, and secrets that are given again can go
    // anywhere.
    let note = json!({ "api_key": "********", "server_url": "https://forum.example/base", "foo": "https://evil.test" });
    host.enable("acme", "tutorial", note).await.expect(201);
    host.enable("acme", "tutorial", config(OTHER, "https://evil.test")).await.expect(201);
}

#[tokio::test]
async fn a_secret_is_asked_for_again_where_the_stored_config_cannot_be_read() {
    let mut host = TestHost::with(&["tutorial"]).start().await;
    let config = |key: &str| json!({ "api_key": key, "server_url": "https://forum.example" });
    host.community("acme", "tutorial", config(SECRET)).await;
    host.terminate();
    let broken = host.database().execute("UPDATE instance SET config = '{\"api_key\":'", []);
    assert_eq!(broken, Ok(1));
    host.restart().await;
    // It is unknown for which host the secret was given.
    let refused = host.enable("acme", "tutorial", config("********")).await;
    refused.problem(400, "invalid_config");
    assert_eq!(refused.error_paths(), ["/api_key", "/server_url"], "{}", refused.text);
    host.enable("acme", "tutorial", config(SECRET)).await.expect(201);
    host.enable("acme", "tutorial", config("********")).await.expect(200);
}
