//! Settings at the start: a message about a mistake names the file, the option or the variable.

use moothall_tests::command_line::command;
use moothall_tests::{TestHost, crafted, until};
use serde_json::json;

use super::{refused, refused_config};

#[test]
fn a_wrong_setting_is_named_with_the_nearest_one() {
    let said = refused_config("[limits]\ncpu_sm = 5");
    assert!(said.contains("`limits.cpu_sm`") && said.contains("`cpu_ms`"), "{said}");
    let said = refused_config("[plugins.probe]\ngrants = { events = [\"*:a\"] }");
    assert!(said.contains("plugins.probe.grants.events") && said.contains("`*:a`"), "{said}");
    let said = refused_config("[plugins.probe]\ngrant = { reveal = [] }");
    assert!(said.contains("plugins.probe.grant") && said.contains("`grants`"), "{said}");
    let said = refused_config("[limits]\ncpu_ms = \"soon\"");
    assert!(said.contains("limits.cpu_ms") && said.contains("moothall.toml"), "{said}");
    let said = refused_config("[limits\n");
    assert!(said.contains("moothall.toml"), "{said}");
    let said = refused(&["serve", "--config", "nothing.toml"], 1);
    assert!(said.contains("nothing.toml"), "{said}");
}

#[test]
fn a_wrong_option_is_blamed_on_the_option() {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("moothall.toml"), "[limits]\ncpu_ms = 60")
        .expect("a file");
    for wrong in ["nowhere", "127.0.0.1", "localhost:99999", "::1:8000", "unix:", ":8000"] {
        let said = command(directory.path(), &["serve", "--listen", wrong]).failed_with(1);
        assert!(said.contains("--listen") && said.contains(&format!("`{wrong}`")), "{said}");
        assert!(said.contains("unix:/PATH") && !said.contains("moothall.toml"), "{said}");
    }
    let said = refused(&["serve", "--listen", "no-such-name.invalid:0"], 1);
    assert!(said.contains("no-such-name.invalid"), "{said}");
}

#[tokio::test]
async fn a_setting_can_be_given_as_a_variable() {
    let host = TestHost::with(&["probe"]).env("MOOTHALL_LIMITS__CPU_MS", "60").start().await;
    host.community("acme", "probe", json!({})).await;
    let spun = host.action("acme", "probe.spin", json!({ "ms": 800 })).await;
    spun.problem(504, "plugin_timeout");
}

#[tokio::test]
async fn names_that_no_plugin_has_are_warnings() {
    let toml = "active_plugins = [\"tutorial\", \"tutoral\"]\n[plugins.tutorail]\nlimits = { cpu_ms = 60 }\n\
                [plugins.tutorial]\nlimits = { cpu_ms = 600 }\n[plugins.raw]\nlimits = { cpu_ms = 600 }";
    let mut host = TestHost::with(&["tutorial", "raw"]).toml(toml).start().await;
    until("both are said", async || {
        let log = host.logs();
        let both = log.contains("active_plugins names `tutoral`")
            && log.contains("tutoral.wasm; did you mean `tutorial`?")
            && log.contains(
                "[plugins.tutorail]: there is no plugin `tutorail`; did you mean `tutorial`?",
            );
        both.then_some(())
    })
    .await;
    let log = host.logs();
    assert!(
        !log.contains("[plugins.tutorial]: there is") && !log.contains("[plugins.raw]: there is"),
        "{log}"
    );
    host.set_toml("[plugins.nobody]\nlimits = { cpu_ms = 60 }");
    host.reload();
    until("what SIGHUP brought is said", async || {
        host.logs().contains("[plugins.nobody]: there is no plugin").then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_kubernetes_makes_of_a_service_is_no_setting_and_one_warning() {
    let links = [
        ("MOOTHALL_PORT", "tcp://10.0.0.1:8000"),
        ("MOOTHALL_SERVICE_HOST", "10.0.0.1"),
        ("MOOTHALL_SERVICE_PORT", "8000"),
        ("MOOTHALL_SERVICE_PORT_HTTP", "8000"),
        ("MOOTHALL_PORT_8000_TCP", "tcp://10.0.0.1:8000"),
        ("MOOTHALL_PORT_8000_TCP_ADDR", "10.0.0.1"),
        ("MOOTHALL_PORT_8000_TCP_PORT", "8000"),
        ("MOOTHALL_PORT_8000_TCP_PROTO", "tcp"),
        ("MOOTHALL_API_SERVICE_HOST", "10.0.0.2"),
    ];
    let setup = TestHost::with(&[]).env("MOOTHALL_LIMITS__CALLS", "7");
    let setup = links.iter().fold(setup, |setup, (name, value)| setup.env(name, value));
    let host = setup.start().await;
    let log = host.logs();
    let warnings: Vec<&str> = log.lines().filter(|line| line.contains("Kubernetes")).collect();
    assert!(warnings.len() == 1 && warnings[0].contains("WARN"), "{warnings:?}");
    for (name, _) in links {
        assert!(warnings[0].contains(name), "{name} in {}", warnings[0]);
    }
    assert!(log.contains("calls=7"), "a setting beside them counts");
}

/// Starts the host with this variable, which must fail; returns its message.
fn refused_variable(name: &str, value: &str, toml: &str) -> String {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("moothall.toml"), toml).expect("a file");
    let mut command = moothall_tests::moothall(directory.path());
    command.args(["serve", "--listen", "127.0.0.1:0"]).env(name, value);
    moothall_tests::command_line::ended(command).failed_with(1)
}

#[test]
fn a_mistake_in_a_variable_names_the_variable_and_not_the_file() {
    for (name, value, words) in [
        ("MOOTHALL_PORT", "8000", "`port`"),
        ("MOOTHALL_LIMITS__CPU_SM", "5", "did you mean `cpu_ms`?"),
        ("MOOTHALL_LIMITS__CPU_MS", "soon", "`limits.cpu_ms`"),
        ("MOOTHALL_LIMITS__CPU_MS", "true", "`limits.cpu_ms`"),
        ("MOOTHALL_LIMITS", "5", "`limits`"),
        ("MOOTHALL_PLUGINS__PROBE__GRANT", "5", "did you mean `grants`?"),
    ] {
        let said = refused_variable(name, value, "[limits]\nwall_ms = 5000\n");
        assert!(said.contains(&format!("the variable {name}")), "{name}={value}: {said}");
        assert!(said.contains(words) && !said.contains("moothall.toml"), "{name}={value}: {said}");
    }
    let said = refused_variable("MOOTHALL_LIMITS__CPU_MS", "5", "[limits]\nwal_ms = 5\n");
    assert!(said.contains("moothall.toml") && said.contains("`limits.wal_ms`"), "{said}");
}

#[tokio::test]
async fn a_text_that_looks_like_a_number_stays_the_text_that_it_is() {
    let mut host = TestHost::with(&["tutorial"])
        .env("MOOTHALL_PLUGINS__NUMBERED__SETTINGS__CLIENT_ID", "123.4567890")
        .env("MOOTHALL_PLUGINS__NUMBERED__SETTINGS__TOKEN", "0012")
        .env("MOOTHALL_PLUGINS__NUMBERED__SETTINGS__TRIES", "3")
        .env("MOOTHALL_OAUTH__REDIRECTS", "[\"https://driver.example/\"]")
        .env("MOOTHALL_DATA", "data")
        .start()
        .await;
    let manifest = |tries: &str| {
        json!({ "name": "numbered", "actions": [{ "slug": "do" }], "settings_schema": {
            "type": "object",
            "properties": {
                "client_id": { "type": "string", "const": "123.4567890" },
                "token": { "const": "0012", "writeOnly": true },
                "tries": { "type": tries, "maximum": 2 },
            }
        } })
    };
    let crafted = |tries: &str| crafted::plugin(&manifest(tries), crafted::ANSWER_NOTHING);
    host.put_plugin("numbered.wasm", &crafted("string"));
    until("it serves", async || {
        let file = host.file("numbered.wasm").await;
        assert_ne!(file["status"], "failed", "{file}");
        (file["status"] == "ready").then_some(())
    })
    .await;
    host.put_plugin("numbered.wasm", &crafted("integer"));
    let file = until("it is refused", async || {
        let file = host.file("numbered.wasm").await;
        (file["status"] == "failed").then_some(file)
    })
    .await;
    let message = file["errors"][0]["message"].as_str().unwrap_or_default();
    let variable = "the variable MOOTHALL_PLUGINS__NUMBERED__SETTINGS__TRIES";
    assert!(message.contains(variable) && message.contains("`/tries`"), "{message}");
    assert!(!message.contains("moothall.toml"), "{message}");
    host.terminate();
}
