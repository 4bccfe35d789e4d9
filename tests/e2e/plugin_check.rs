//! `moothall plugin check` and `moothall plugin inspect`: they say of a file what a host says of it.

use std::path::Path;

use moothall_tests::command_line::{Ended, command};
use moothall_tests::{TestHost, crafted, guests, until};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A folder with plugin files and a configuration.
struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// A plugin file with this manifest.
    fn craft(&self, file: &str, manifest: &Value) {
        self.put(file, &crafted::plugin(manifest, crafted::ANSWER_NOTHING));
    }

    fn put(&self, file: &str, bytes: &[u8]) {
        std::fs::write(self.path().join(file), bytes).expect("written");
    }

    fn plugin(&self, arguments: &[&str]) -> Ended {
        command(self.path(), &[&["plugin"][..], arguments].concat())
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let said = self.plugin(&[arguments, &["--json"]].concat()).succeeded();
        serde_json::from_str(&said).expect("one JSON object")
    }
}

fn asking() -> Value {
    json!({
        "name": "asking", "version": "1",
        "config_schema": { "type": "object", "properties": { "region": { "type": "string" } } },
        "actions": [{ "slug": "do", "public": true }],
        "requests": { "http": ["example.com"], "reveal": ["/region"] },
    })
}

#[tokio::test]
async fn a_check_says_of_a_file_what_a_host_lists_of_it() {
    let desk = Desk::new();
    desk.put("tutorial.wasm", &guests::bytes("tutorial"));
    let checked = desk.json(&["check", "tutorial.wasm"]);
    let host = TestHost::with(&["tutorial"]).start().await;
    let listed = host.file("tutorial.wasm").await;
    for field in [
        "name",
        "version",
        "digest",
        "errors",
        "warnings",
        "capabilities",
        "requested",
        "granted",
        "missing",
    ] {
        assert_eq!(checked[field], listed[field], "{field}");
    }
    assert_eq!(checked["bytes"], guests::bytes("tutorial").len());
    assert!(checked["native_bytes"].as_u64() > checked["bytes"].as_u64(), "{checked}");
    let text = desk.plugin(&["check", "tutorial.wasm"]).succeeded();
    assert!(text.starts_with("tutorial 0.1.0 can serve\n"), "{text}");
}

#[test]
fn what_a_host_refuses_fails_the_check_with_every_reason() {
    let desk = Desk::new();
    desk.craft(
        "bad.wasm",
        &json!({
            "name": "bad", "actions": [{ "slug": "a" }, { "slug": "a" }],
            "events": [{ "event_type": "e" }, { "event_type": "e" }],
        }),
    );
    let said = desk.plugin(&["check", "bad.wasm"]).failed_with(1);
    assert!(said.starts_with("moothall: a host would not serve bad.wasm:\n"), "{said}");
    for reason in ["two actions have the slug `a`", "two events have the type `e`"] {
        assert!(said.contains(&format!("  bad_manifest: {reason}\n")), "{said}");
    }
    let ended = desk.plugin(&["check", "bad.wasm", "--json"]);
    let document: Value = serde_json::from_str(&ended.stdout).expect("one JSON object");
    assert_eq!((ended.code, &document["serves"]), (1, &json!(false)));
    assert_eq!(document["errors"][0]["code"], "bad_manifest");

    desk.put("core.wasm", b"\0asm\x01\0\0\0");
    let said = desk.plugin(&["check", "core.wasm"]).failed_with(1);
    assert!(said.contains("not_a_component: it is a core module"), "{said}");
    desk.put("moothall.toml", b"[limits]\nplugin_file_bytes = 7\n");
    let said = desk.plugin(&["check", "core.wasm"]).failed_with(1);
    assert!(said.contains("too_large: it has 8 bytes, at most 7 are allowed"), "{said}");
    let said = desk.plugin(&["inspect", "core.wasm"]).failed_with(1);
    assert!(said.contains("too_large"), "{said}");
    let said = desk.plugin(&["check", "none.wasm"]).failed_with(1);
    assert!(said.contains("there is no file none.wasm"), "{said}");
}

#[test]
fn the_table_that_a_check_prints_grants_what_is_missing() {
    let desk = Desk::new();
    desk.craft("asking.wasm", &asking());
    let checked = desk.json(&["check", "asking.wasm"]);
    let toml = checked["missing_toml"].as_str().expect("something is missing");
    assert_eq!(
        toml,
        "[plugins.asking]\ngrants = { reveal = [\"/region\"], http = [\"example.com\"] }"
    );
    let text = desk.plugin(&["check", "asking.wasm"]).succeeded();
    assert!(text.contains(toml), "{text}");
    desk.put("pasted.toml", toml.as_bytes());
    let granted = desk.json(&["check", "asking.wasm", "--config", "pasted.toml"]);
    assert_eq!((&granted["missing"], &granted["missing_toml"]), (&json!([]), &Value::Null));
    assert_eq!(granted["granted"]["http"], json!(["example.com"]));
}

/// The same plugin with another schema, another action, and more that it asks for.
fn newer() -> Value {
    json!({
        "name": "asking", "version": "2",
        "config_schema": { "type": "object", "properties": { "region": { "type": "integer" } } },
        "actions": [{ "slug": "do" }, { "slug": "undo" }],
        "requests": { "http": ["example.com", "example.org"] },
    })
}

const CHANGES: &[&str] = &[
    "  + actions/asking.undo ",
    "  ~ config/properties/region/type \"string\" → \"integer\"",
    "  + requested/http \"example.org\"",
    "  - requested/reveal \"/region\"",
];

#[test]
fn a_file_is_compared_with_another() {
    let desk = Desk::new();
    desk.craft("old.wasm", &asking());
    desk.craft("new.wasm", &newer());
    let text = desk.plugin(&["check", "new.wasm", "--against", "old.wasm"]).succeeded();
    assert!(text.contains("differences from 1:\n"), "{text}");
    let changes: Vec<_> = text.lines().filter(|line| line.starts_with("  ")).collect();
    assert_eq!(changes.len(), CHANGES.len(), "{text}");
    for (change, expected) in changes.iter().zip(CHANGES) {
        assert!(change.starts_with(expected), "{change}");
    }
    let same = desk.json(&["check", "old.wasm", "--against", "old.wasm"]);
    assert_eq!((&same["differences"], &same["against"]["version"]), (&json!([]), &json!("1")));
}

#[tokio::test]
async fn a_file_is_compared_with_what_a_host_serves() {
    let (desk, host) = (Desk::new(), TestHost::with(&[]).start().await);
    desk.craft("new.wasm", &newer());
    let running = ["check", "new.wasm", "--running", "--host", &host.url];
    let text = desk.plugin(&running).succeeded();
    assert!(text.contains("the host serves no version of it yet"), "{text}");

    host.put_plugin("asking.wasm", &crafted::plugin(&asking(), crafted::ANSWER_NOTHING));
    until("it serves", async || {
        (host.file("asking.wasm").await["status"] == "ready").then_some(())
    })
    .await;
    let text = desk.plugin(&running).succeeded();
    let changes: Vec<_> = text.lines().filter(|line| line.starts_with("  ")).collect();
    assert_eq!(changes.len(), CHANGES.len(), "{text}");
    assert!(CHANGES.iter().all(|change| text.contains(change)), "{text}");

    let key = host.create_key("ci");
    until("the key is needed", async || {
        (host.get("/api/internal/plugins").await.status == 401).then_some(())
    })
    .await;
    let refused = desk.plugin(&running).failed_with(1);
    assert!(refused.contains("--key-file"), "{refused}");
    desk.put("key", key.as_bytes());
    desk.plugin(&[&running[..], &["--key-file", "key"]].concat()).succeeded();
}

#[test]
fn what_a_file_is_can_be_read_by_people_and_programs() {
    let desk = Desk::new();
    desk.put("tutorial.wasm", &guests::bytes("tutorial"));
    let document = desk.json(&["inspect", "tutorial.wasm"]);
    assert_eq!(
        (&document["manifest"]["name"], &document["errors"]),
        (&json!("tutorial"), &json!([]))
    );
    let has = |list: &str, name: &str| {
        document[list].as_array().is_some_and(|all| all.iter().any(|one| one == name))
    };
    assert!(has("exports", "moothall:plugin/actions@0.1.0"), "{}", document["exports"]);
    assert!(has("imports", "moothall:plugin/state@0.1.0"), "{}", document["imports"]);
    let text = desk.plugin(&["inspect", "tutorial.wasm"]).succeeded();
    for line in [
        "tutorial 0.1.0  Tutorial: The plugin of the tutorial.",
        "homepage https://docs.metagov.org",
        "exports  moothall:plugin/",
        "  api_key       string, required, secret. The key of the community's account on the platform.",
        "  times-two  Doubles a number. [public] [read_only]",
    ] {
        assert!(text.contains(line), "`{line}` is not in:\n{text}");
    }
}

#[test]
fn also_a_file_that_no_host_would_serve_is_shown_with_the_reasons() {
    let desk = Desk::new();
    desk.craft(
        "bad.wasm",
        &json!({ "name": "bad", "homepage": "a.example", "actions": [{ "slug": "a" }, { "slug": "a" }] }),
    );
    let text = desk.plugin(&["inspect", "bad.wasm"]).succeeded();
    assert!(text.contains("refused  bad_manifest: two actions have the slug `a`"), "{text}");
    assert!(text.contains("manifest /homepage: it does not begin with `http://`"), "{text}");
}
