//! Settings that must be a mistake: the host does not start, and says which one, where it is, and
//! what it must be.

use std::path::Path;

use moothall_tests::command_line::{command, ended};
use moothall_tests::{TestHost, moothall, until};

/// Terms of Rust and its libraries.
const RUST: [&str; 8] =
    ["expected", "found", "invalid type", "struct", "u64", "usize", "sequence", "pooling"];

fn serve(directory: &Path, toml: &str, variable: Option<(&str, &str)>) -> String {
    std::fs::write(directory.join("moothall.toml"), toml).expect("a file");
    let mut command = moothall(directory);
    command.args(["serve", "--listen", "127.0.0.1:0"]).envs(variable);
    let said = ended(command).failed_with(1);
    for word in RUST {
        assert!(!said.contains(word), "`{word}` in {said}");
    }
    said
}

fn refused(toml: &str) -> String {
    serve(tempfile::tempdir().expect("a directory").path(), toml, None)
}

fn refused_variable(name: &str, value: &str) -> String {
    serve(tempfile::tempdir().expect("a directory").path(), "", Some((name, value)))
}

#[test]
fn a_number_outside_of_its_range_ends_the_start_with_the_range() {
    for (toml, setting, range) in [
        ("[http]\nconnections = 0", "`http.connections`", "from 1 to"),
        ("[http]\nbody_bytes = 0", "`http.body_bytes`", "from 1 to"),
        ("[http]\nhead_bytes = 1", "`http.head_bytes`", "from 8192 to 409600"),
        ("[limits]\ncpu_ms = 0", "`limits.cpu_ms`", "from 1 to 86400000"),
        ("[limits]\nevents = -1", "`limits.events`", "and is -1"),
        ("[limits]\nmemory_bytes = 1", "`limits.memory_bytes`", "from 65536 to 4294967296"),
        ("[plugins.a]\nlimits = { cpu_ms = 0 }", "`plugins.a.limits.cpu_ms`", "from 1 to"),
        ("[workers]\nconcurrency = 0", "`workers.concurrency`", "from 1 to"),
        ("[retention]\nevent_days = 40000", "`retention.event_days`", "from 1 to 36500"),
    ] {
        let said = refused(toml);
        assert!(said.contains(setting) && said.contains(range), "{toml}: {said}");
        assert!(said.contains("moothall.toml"), "{toml}: {said}");
    }
    for (name, value, range) in [
        ("MOOTHALL_EGRESS__CONNECTIONS", "0", "from 1 to"),
        ("MOOTHALL_HTTP__CONNECTIONS_PER_ADDRESS", "0", "from 1 to"),
        ("MOOTHALL_PLUGINS__A__LIMITS__CPU_MS", "0", "from 1 to"),
    ] {
        let said = refused_variable(name, value);
        assert!(said.contains(&format!("the variable {name}")), "{said}");
        assert!(said.contains(range) && !said.contains("moothall.toml"), "{said}");
    }
}

#[tokio::test]
async fn a_number_outside_of_its_range_changes_nothing_when_the_settings_are_read_again() {
    let mut host = TestHost::with(&["probe"]).start().await;
    host.set_toml("[plugins.probe]\nlimits = { cpu_ms = 0 }");
    host.reload();
    until("the log says it", async || {
        let log = host.logs();
        (log.contains("`plugins.probe.limits.cpu_ms`") && log.contains("from 1 to")).then_some(())
    })
    .await;
    assert_eq!(host.file("probe.wasm").await["status"], "ready");
}

#[tokio::test]
async fn the_smallest_memory_of_guests_starts() {
    let toml = "[limits]\nmemory_bytes = 65536\ntable_elements = 1\nwarm_slots = 0\n\
                [egress]\nidle_connections = 0";
    let host = TestHost::with(&[]).toml(toml).start().await;
    host.get("/healthz").await.expect(200);
}

#[test]
fn a_variable_of_another_type_says_how_to_write_it() {
    for (name, value, words) in [
        ("MOOTHALL_LIMITS", "5", "such as MOOTHALL_LIMITS__NAME=value"),
        ("MOOTHALL_LIMITS__CPU_MS", "soon", "a whole number from 1 to 86400000"),
        ("MOOTHALL_ACTIVE_PLUGINS", "a,b", "such as MOOTHALL_ACTIVE_PLUGINS='[\"a\", \"b\"]'"),
        ("MOOTHALL_WORKERS__ENABLED", "yes", "`true` or `false`, and is \"yes\""),
        ("MOOTHALL_PLUGINS__A__SCOPE", "hosts", "`community` or `host`, and is `hosts`"),
        ("MOOTHALL_HTTP__PUBLIC_URL", "plugins.example", "begin with `http://`"),
        ("DRIVER_EVENT_RECEIVER_URL", "http://driver:99999/", "its port is no number up to"),
    ] {
        let said = refused_variable(name, value);
        assert!(said.contains(&format!("the variable {name}")), "{name}={value}: {said}");
        assert!(said.contains(words), "{name}={value}: {said}");
    }
}

#[test]
fn a_redirect_is_one_url_and_no_pattern() {
    for listed in ["https://*.example/", "https://a.example/*", "https://a.example/done?x=1"] {
        let said = refused(&format!("[oauth]\nredirects = [\"{listed}\"]"));
        assert!(said.contains("`oauth.redirects`") && said.contains(listed), "{said}");
    }
}

#[test]
fn what_looks_into_a_mistyped_directory_says_that_nothing_is_there() {
    let directory = tempfile::tempdir().expect("a directory");
    for arguments in [
        &["backup", "--data", "nope", "copy.db"][..],
        &["key", "list", "--data", "nope"],
        &["key", "revoke", "x", "--data", "nope"],
    ] {
        let said = command(directory.path(), arguments).failed_with(1);
        assert!(said.contains("there is no database nope/moothall.db"), "{arguments:?}: {said}");
        assert!(said.contains("--data"), "{arguments:?}: {said}");
    }
    assert_eq!(std::fs::read_dir(directory.path()).expect("a directory").count(), 0);
}

#[tokio::test]
async fn a_key_is_for_a_directory_that_is_there_unless_it_is_to_be_made() {
    let directory = tempfile::tempdir().expect("a directory");
    let create = ["key", "create", "driver", "--data", "typo"];
    let said = command(directory.path(), &create).failed_with(1);
    assert!(said.contains("no data directory typo") && said.contains("--new"), "{said}");
    assert!(!directory.path().join("typo").exists());
    // Nor may the file or a variable name it.
    std::fs::write(directory.path().join("moothall.toml"), "data = \"typo\"").expect("a file");
    command(directory.path(), &["key", "create", "driver"]).failed_with(1);

    let key = command(directory.path(), &[&create[..], &["--new"]].concat()).succeeded();
    let mut child =
        moothall_tests::start_in(directory.path(), &["serve", "--listen", "127.0.0.1:0"]);
    let driver = moothall_tests::Driver::new(child.url.clone());
    driver.with_key(key.trim()).get("/api/internal/community").await.expect(200);
    child.kill();
    // An existing empty directory, such as a new volume, is accepted.
    std::fs::create_dir(directory.path().join("volume")).expect("a directory");
    let arguments = ["key", "create", "driver", "--data", "volume"];
    assert!(command(directory.path(), &arguments).succeeded().starts_with("mh_"));
}
