//! The commands that an operator has beside `serve`: `backup --verify`, `restore`, `config`, `doctor`.

use std::os::unix::fs::PermissionsExt;

use moothall_tests::command_line::{command, ended};
use moothall_tests::{TestHost, moothall};
use serde_json::{Value, json};

async fn probe(toml: &str) -> TestHost {
    let host = TestHost::with(&["probe"]).toml(toml).start().await;
    host.community("acme", "probe", json!({ "token": "t" })).await;
    host
}

async fn put(host: &TestHost, value: &str) {
    host.result("acme", "probe.put", json!({ "key": "a", "value": value })).await;
}

async fn found(host: &TestHost) -> Value {
    host.result("acme", "probe.get", json!({ "key": "a" })).await["value"].clone()
}

#[tokio::test]
async fn a_verified_backup_is_restored_and_what_was_there_is_kept() {
    let mut host = probe("").await;
    put(&host, "before").await;
    let said = host.command(&["backup", "--verify", "copy.db"]).succeeded();
    assert!(said.contains("copy.db is sound") && said.contains("communities: 1"), "{said}");
    put(&host, "after").await;

    let refused = host.command(&["restore", "copy.db"]).failed_with(1);
    assert!(refused.contains("another `moothall serve`"), "{refused}");
    assert_eq!(found(&host).await, "after");

    // It dies, so that what was written last is in the log alone.
    host.kill_9();
    let said = host.command(&["restore", "--check", "copy.db"]).succeeded();
    assert!(said.contains("can be restored"), "{said}");
    let said = host.command(&["restore", "copy.db"]).succeeded();
    let aside =
        said.lines().find_map(|line| line.strip_prefix("what was there is ")?.split(' ').next());
    let aside = host.directory().join(aside.expect("where the former database is"));
    host.restart().await;
    assert_eq!(found(&host).await, "before");

    host.terminate();
    let aside = aside.to_str().expect("UTF-8");
    // The former database has its log beside it: it is put back as it is, by its owner.
    let refused = host.command(&["restore", aside]).failed_with(1);
    assert!(refused.contains("-wal lies beside it"), "{refused}");
}

#[tokio::test]
async fn what_is_no_sound_backup_of_this_host_is_refused_before_anything_is_changed() {
    let mut host = probe("").await;
    put(&host, "kept").await;
    host.command(&["backup", "copy.db"]).succeeded();
    host.terminate();
    let directory = host.directory().to_owned();
    let written =
        |name: &str, bytes: &[u8]| std::fs::write(directory.join(name), bytes).expect("a file");
    let mut bytes = std::fs::read(directory.join("copy.db")).expect("the copy");
    let middle = bytes.len() / 2;
    bytes[middle..middle + 6_000].fill(0xA5);
    written("damaged.db", &bytes);
    written("text.db", b"what is this");
    let empty = rusqlite::Connection::open(directory.join("other.db")).expect("a database");
    empty.execute_batch("CREATE TABLE notes (text TEXT)").expect("a table");
    drop(empty);
    for (file, why) in [
        ("missing.db", "there is no file missing.db"),
        ("damaged.db", "damaged"),
        ("text.db", "not a database"),
        ("other.db", "no database of Moothall"),
        ("data/moothall.db", "the database itself"),
    ] {
        let said = host.command(&["restore", file]).failed_with(1);
        assert!(said.contains(why), "{file}: {said}");
    }
    let mut other = moothall(&directory);
    other.env("MOOTHALL_SECRET_KEY", "00".repeat(32));
    other.args(["restore", "copy.db", "--data", "data"]);
    let said = ended(other).failed_with(1);
    assert!(said.contains("MOOTHALL_SECRET_KEY"), "{said}");

    host.restart().await;
    assert_eq!(found(&host).await, "kept");
}

#[tokio::test]
async fn the_settings_in_effect_say_where_they_come_from() {
    let toml = "[limits]\ncpu_ms = 700\n[plugins.probe]\nsettings = { mode = \"hidden\" }";
    let host = probe(toml).await;
    let said = host.command(&["config"]).succeeded();
    let line =
        |setting: &str| said.lines().find(|line| line.starts_with(setting)).unwrap_or_default();
    assert!(
        line("limits.cpu_ms").starts_with("limits.cpu_ms = 700  # ")
            && line("limits.cpu_ms").ends_with("moothall.toml"),
        "{said}"
    );
    assert_eq!(line("store.batch_writes"), "store.batch_writes = 512  # default");
    assert!(line("data ").ends_with("# the option --data"), "{said}");
    assert!(!said.contains("hidden"), "{said}");

    let changed = host.command(&["config", "--changed", "--json"]).succeeded();
    let all: Vec<Value> =
        changed.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert!(all.iter().all(|one| one["from"] != "default"), "{changed}");
    assert!(
        all.iter().any(|one| one["setting"] == "limits.cpu_ms" && one["value"] == "700"),
        "{changed}"
    );

    std::fs::write(host.directory().join("bad.toml"), "[limits]\ncpu_sm = 1").expect("a file");
    let refused = command(host.directory(), &["config", "--config", "bad.toml"]).failed_with(1);
    assert!(refused.contains("cpu_ms"), "{refused}");
}

/// The findings of `moothall doctor --json`, that are no good ones.
fn troubles(host: &TestHost, code: i32) -> Vec<Value> {
    let ended = host.command(&["doctor", "--json"]);
    assert_eq!(ended.code, code, "{ended:?}");
    let all: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    let all = all["findings"].as_array().expect("a list").clone();
    assert!(all.len() >= 9, "{all:?}");
    // How much room and memory the machine has is its own affair.
    let own =
        |one: &Value| !["disk", "memory", "open files"].map(Value::from).contains(&one["subject"]);
    all.into_iter().filter(own).filter(|one| one["level"] != "good").collect()
}

#[tokio::test]
async fn the_doctor_finds_nothing_on_a_host_that_serves_and_each_fault_with_its_remedy() {
    let mut host = probe("").await;
    assert_eq!(troubles(&host, 0), Vec::<Value>::new());
    let said = host.command(&["doctor"]).succeeded();
    assert!(said.lines().any(|line| line.starts_with("ok       sealing key: ")), "{said}");

    host.set_toml(
        "listen = \"0.0.0.0:8000\"\nactive_plugins = [\"prob\"]\n[plugins.probe]\n\
         grants = { http = [\"127.0.0.1:1\", \"no-such-host.invalid\"], cidr = [\"127.0.0.1/32\"] }",
    );
    std::fs::write(host.plugin_file("notes.wasm"), "no component").expect("a file");
    let found = troubles(&host, 1);
    for (subject, level, said) in [
        ("API keys", "error", "whoever reaches it may do everything"),
        ("plugins", "warning", "notes.wasm: it is not a WebAssembly file"),
        ("plugins", "warning", "no file prob.wasm; did you mean `probe`"),
        ("network", "warning", "probe does not reach 127.0.0.1:1: 127.0.0.1:1: Connection refused"),
        ("network", "warning", "no-such-host.invalid: its name is not found"),
    ] {
        let is_it = |one: &&Value| {
            one["subject"] == subject
                && one["level"] == level
                && one["found"].as_str().is_some_and(|found| found.contains(said))
        };
        let one = found.iter().find(is_it).unwrap_or_else(|| panic!("{said}: {found:#?}"));
        assert!(one["remedy"].as_str().is_some_and(|remedy| !remedy.is_empty()), "{one}");
    }
    assert_eq!(found.len(), 5, "{found:#?}");
    host.create_key("driver");
    assert!(!troubles(&host, 0).iter().any(|one| one["subject"] == "API keys"));
    let listed = host.command(&["key", "list"]).succeeded();
    let id = listed.split('\t').next().expect("an id");
    host.command(&["key", "revoke", id]).succeeded();
    let found = troubles(&host, 1);
    let keys = found.iter().find(|one| one["subject"] == "API keys").expect("no key is valid");
    assert_eq!(keys["found"], "all are revoked or have expired: nobody can use the API");
}

#[tokio::test]
async fn the_doctor_finds_a_lost_key_and_an_open_directory_and_changes_neither() {
    let mut host = probe("").await;
    host.terminate();
    let data = host.data();
    std::fs::set_permissions(&data, std::fs::Permissions::from_mode(0o755)).expect("a mode");
    std::fs::rename(data.join("secret.key"), data.join("secret.key.lost")).expect("renamed");
    let found = troubles(&host, 1);
    let subjects: Vec<_> = found.iter().map(|one| one["subject"].clone()).collect();
    assert_eq!(subjects, ["data directory", "sealing key"], "{found:#?}");
    assert!(!data.join("secret.key").exists(), "it made none");
    let mode = std::fs::metadata(&data).expect("the directory").permissions().mode() & 0o777;
    assert_eq!(mode, 0o755, "the host closes it, the doctor does not");

    host.set_toml("[limits]\ncpu_sm = 1");
    let ended = host.command(&["doctor"]);
    assert_eq!(ended.code, 1);
    assert!(ended.stdout.contains("did you mean `cpu_ms`"), "{ended:?}");
}
