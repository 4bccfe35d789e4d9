//! Starting, refusing to start, and ending: one sentence and an exit code for each reason.

use moothall_tests::command_line::command;
use moothall_tests::{Answer, Driver, TestHost, crafted, until};
use serde_json::json;
use tokio::task::JoinSet;

/// A start that must fail, with what it says.
fn refused(arguments: &[&str], code: i32) -> String {
    let directory = tempfile::tempdir().expect("a directory");
    command(directory.path(), arguments).failed_with(code)
}

fn refused_config(toml: &str) -> String {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("moothall.toml"), toml).expect("a file");
    command(directory.path(), &["serve", "--listen", "127.0.0.1:0"]).failed_with(1)
}

#[tokio::test]
async fn a_fresh_directory_is_all_it_needs() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut child =
        moothall_tests::start_in(directory.path(), &["serve", "--listen", "127.0.0.1:0"]);
    let driver = Driver::new(child.url.clone());
    driver.get("/healthz").await.expect(200);
    driver.put("/api/internal/community/acme", json!({})).await.expect(201);
    assert!(directory.path().join("moothall-data/plugins").is_dir());
    child.kill();
}

#[test]
fn wrong_usage_ends_with_2() {
    for arguments in [&["serve", "--nonsense"][..], &["nonsense"], &["key"], &["backup"]] {
        refused(arguments, 2);
    }
}

#[test]
fn help_and_version_are_answers() {
    let directory = tempfile::tempdir().expect("a directory");
    let help = command(directory.path(), &["--help"]).succeeded();
    assert!(help.contains("serve") && help.contains("key") && help.contains("backup"));
    assert!(!help.contains("compile"), "a command of the host's own is not shown");
    assert!(command(directory.path(), &["--version"]).succeeded().starts_with("moothall "));
}

#[test]
fn without_a_key_other_machines_are_not_listened_to() {
    let said = refused(&["serve", "--listen", "0.0.0.0:0"], 1);
    assert!(said.contains("0.0.0.0") && said.contains("moothall key create"), "{said}");
}

#[test]
fn without_a_key_no_public_url_is_served() {
    let said = refused_config("[http]\npublic_url = \"https://plugins.example\"");
    assert!(
        said.contains("https://plugins.example") && said.contains("moothall key create"),
        "{said}"
    );
    let said = refused_config("[http]\noperations_listen = \"0.0.0.0:0\"");
    assert!(said.contains("0.0.0.0") && said.contains("moothall key create"), "{said}");
}

#[tokio::test]
async fn with_a_key_other_machines_are_listened_to() {
    let mut host = TestHost::with(&[]).start().await;
    let key = host.create_key("driver");
    host.terminate();
    host.set_listen("0.0.0.0:0");
    host.restart().await;
    host.get("/api/internal/community").await.problem(401, "unauthorized");
    host.with_key(&key).get("/api/internal/community").await.expect(200);
}

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
async fn a_host_s_name_can_be_listened_on() {
    let directory = tempfile::tempdir().expect("a directory");
    // A directory's name is text, also where it looks like a number.
    let arguments = ["serve", "--listen", "localhost:0", "--data", "2024"];
    let mut child = moothall_tests::start_in(directory.path(), &arguments);
    assert!(child.url.starts_with("http://127.0.0.1:"), "{}", child.url);
    Driver::new(child.url.clone()).get("/healthz").await.expect(200);
    assert!(directory.path().join("2024/moothall.db").is_file());
    child.kill();
}

#[tokio::test]
async fn a_setting_can_be_given_as_a_variable() {
    let host = TestHost::with(&["probe"]).env("MOOTHALL_LIMITS__CPU_MS", "60").start().await;
    host.community("acme", "probe", json!({})).await;
    let spun = host.action("acme", "probe.spin", json!({ "ms": 800 })).await;
    spun.problem(504, "plugin_timeout");
}

#[tokio::test]
async fn a_second_host_on_one_data_directory_is_refused() {
    let host = TestHost::with(&[]).start().await;
    let said = host.command(&["serve", "--listen", "127.0.0.1:0"]).failed_with(1);
    assert!(said.contains("another `moothall serve`") && said.contains("data"), "{said}");
    host.get("/readyz").await.expect(200);
}

#[tokio::test]
async fn a_port_that_another_host_has_is_refused() {
    let host = TestHost::with(&[]).start().await;
    let address = host.url.trim_start_matches("http://");
    let said = refused(&["serve", "--listen", address], 1);
    assert!(said.contains(address), "{said}");
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused_and_left_alone() {
    let mut host = TestHost::with(&[]).start().await;
    host.put_community("acme", json!([])).await.expect(201);
    host.terminate();
    let database = host.data().join("moothall.db");
    let version = |number: u32| {
        let database = rusqlite::Connection::open(&database).expect("a database");
        let before: u32 =
            database.pragma_query_value(None, "user_version", |row| row.get(0)).expect("a number");
        database.pragma_update(None, "user_version", number).expect("it can be written");
        before
    };
    let before = version(999);
    let said = host.command(&["serve", "--listen", "127.0.0.1:0"]).failed_with(1);
    assert!(said.contains("999") && said.contains("newer"), "{said}");
    version(before);
    host.restart().await;
    host.get("/api/internal/community/acme").await.expect(200);
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let mut host = TestHost::with(&[]).start().await;
    host.terminate();
    for log in ["moothall.db-wal", "moothall.db-shm"] {
        // Absent after a good end.
        drop(std::fs::remove_file(host.data().join(log)));
    }
    let garbage = "this is no database, and long enough to be taken for one\n".repeat(500);
    std::fs::write(host.data().join("moothall.db"), &garbage).expect("written");
    let said = host.command(&["serve", "--listen", "127.0.0.1:0"]).failed_with(1);
    assert!(said.contains("moothall.db"), "{said}");
    let after = std::fs::read_to_string(host.data().join("moothall.db")).expect("still text");
    assert_eq!(after, garbage);
}

#[tokio::test]
async fn a_directory_that_lost_its_database_is_refused_unless_it_is_to_begin_anew() {
    let mut host = TestHost::with(&["tutorial"]).start().await;
    host.put_community("acme", json!([])).await.expect(201);
    host.terminate();
    let database = host.data().join("moothall.db");
    std::fs::rename(&database, host.data().join("elsewhere.db")).expect("moved");
    let said = host.command(&["serve", "--listen", "127.0.0.1:0"]).failed_with(1);
    for word in ["moothall.db", "secret.key", "volume", "--new"] {
        assert!(said.contains(word), "{word} is not in {said}");
    }
    let said = host.command(&["key", "create", "driver"]).failed_with(1);
    assert!(said.contains("--new"), "{said}");
    // Its key may be elsewhere; the cache tells the same.
    std::fs::rename(host.data().join("secret.key"), host.data().join("kept")).expect("moved");
    let said = host.command(&["serve", "--listen", "127.0.0.1:0"]).failed_with(1);
    assert!(said.contains("cache") && said.contains("--new"), "{said}");
    assert!(!database.exists(), "nothing was made in its place");

    let arguments = ["serve", "--listen", "127.0.0.1:0", "--data", "data", "--new"];
    let mut child = moothall_tests::start_in(host.directory(), &arguments);
    let driver = Driver::new(child.url.clone());
    driver.get("/api/internal/community/acme").await.expect(404);
    child.kill();
}

#[tokio::test]
async fn a_clean_end_leaves_everything_in_the_database_file() {
    let mut host = TestHost::with(&["probe"]).start().await;
    host.community("acme", "probe", json!({})).await;
    host.result("acme", "probe.put", json!({ "key": "a", "value": 1 })).await;
    host.terminate();
    for log in ["moothall.db-wal", "moothall.db-shm"] {
        let left = std::fs::metadata(host.data().join(log)).map_or(0, |file| file.len());
        assert!(left == 0 || log.ends_with("shm"), "{log} has {left} bytes after a clean end");
        drop(std::fs::remove_file(host.data().join(log)));
    }
    host.restart().await;
    assert_eq!(host.result("acme", "probe.get", json!({ "key": "a" })).await["value"], 1);
}

#[test]
fn a_backup_of_nothing_is_refused() {
    let said = refused(&["backup", "file.db"], 1);
    assert!(said.contains("moothall-data"), "{said}");
}

#[tokio::test]
async fn a_key_can_be_created_before_the_first_start() {
    let directory = tempfile::tempdir().expect("a directory");
    let key = command(directory.path(), &["key", "create", "driver"]).succeeded();
    let mut child = moothall_tests::start_in(directory.path(), &["serve", "--listen", "0.0.0.0:0"]);
    let driver = Driver::new(child.url.clone());
    driver.get("/api/internal/community").await.problem(401, "unauthorized");
    driver.with_key(key.trim()).get("/api/internal/community").await.expect(200);
    child.kill();
}

#[tokio::test]
async fn sigterm_finishes_the_calls_in_flight_and_takes_no_new_ones() {
    let mut host = TestHost::with(&["probe"]).start().await;
    host.community("acme", "probe", json!({})).await;
    let driver: Driver = (*host).clone();
    let mut call: JoinSet<Answer> = JoinSet::new();
    call.spawn(async move {
        let wait = json!({ "key": "initialized", "ms": 1_000 });
        driver.action("acme", "probe.read-then-wait", wait).await
    });
    until("the call is in flight", async || {
        let metrics = host.get("/metrics").await.text;
        metrics.lines().any(|line| line == "moothall_calls_in_flight 1").then_some(())
    })
    .await;
    host.begin_to_terminate();
    until("nobody listens any more", async || {
        let address = host.url.trim_start_matches("http://");
        std::net::TcpStream::connect(address).is_err().then_some(())
    })
    .await;
    let answer = call.join_next().await.expect("one call").expect("it did not panic");
    assert_eq!(answer.expect(200), json!({ "value": true }));
    host.terminated();
}

#[tokio::test]
async fn the_log_can_be_json() {
    let directory = tempfile::tempdir().expect("a directory");
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--log-format", "json"];
    let mut child = moothall_tests::start_in(directory.path(), &arguments);
    std::fs::write(directory.path().join("moothall-data/plugins/bad.wasm"), "bad").expect("a file");
    until("a line is logged", async || {
        let log = std::fs::read_to_string(directory.path().join("host.log")).unwrap_or_default();
        let lines = log.lines().filter(|line| line.contains("bad.wasm")).count();
        let json = log.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok());
        (lines > 0 && json).then_some(())
    })
    .await;
    child.kill();
}

#[tokio::test]
async fn a_call_whose_client_is_gone_is_finished_before_the_host_ends() {
    let mut host = TestHost::with(&["probe"]).start().await;
    host.community("acme", "probe", json!({})).await;
    let in_flight = async |calls: u32| {
        until("so many calls are in flight", async || {
            let metrics = host.get("/metrics").await.text;
            let line = format!("moothall_calls_in_flight {calls}");
            metrics.lines().any(|one| one == line).then_some(())
        })
        .await;
    };
    let mut clients = tokio::task::JoinSet::new();
    for (action, parameters) in [
        ("probe.read-then-wait", json!({ "key": "initialized", "ms": 1_000 })),
        ("probe.put", json!({ "key": "late", "value": 1 })),
    ] {
        let driver = Driver::new(host.url.clone());
        clients.spawn(async move { driver.try_action("acme", action, parameters).await });
        // The second one waits for the lock of the first.
        in_flight(u32::try_from(clients.len()).expect("few")).await;
    }
    clients.shutdown().await;
    host.terminate();
    host.restart().await;
    let late = host.result("acme", "probe.get", json!({ "key": "late" })).await;
    assert_eq!(late, json!({ "value": 1 }));
}

#[tokio::test]
async fn a_mistyped_data_directory_is_not_made_by_a_look_at_it() {
    let host = TestHost::with(&[]).start().await;
    let missing = host.directory().join("no-such-data");
    let said = command(host.directory(), &["key", "list", "--data", "no-such-data"]).failed_with(1);
    assert!(said.contains("no-such-data"), "{said}");
    assert!(!missing.exists());
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
                "[plugins.tutorail] is of no plugin that is there; did you mean `tutorial`?",
            );
        both.then_some(())
    })
    .await;
    let log = host.logs();
    assert!(
        !log.contains("[plugins.tutorial] is of") && !log.contains("[plugins.raw] is of"),
        "{log}"
    );
    host.set_toml("[plugins.nobody]\nlimits = { cpu_ms = 60 }");
    host.reload();
    until("what SIGHUP brought is said", async || {
        host.logs().contains("[plugins.nobody] is of no plugin").then_some(())
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

/// A start with this variable that must fail.
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

#[test]
fn a_process_that_may_run_no_native_code_says_what_forbids_it_and_does_not_start() {
    let directory = tempfile::tempdir().expect("a directory");
    // PR_SET_MDWE, as systemd sets it for MemoryDenyWriteExecute=yes.
    let deny = "import ctypes, os, sys\n\
                assert ctypes.CDLL(None).prctl(65, 1, 0, 0, 0) == 0\n\
                os.execv(sys.argv[1], sys.argv[1:])";
    let mut command = std::process::Command::new("python3");
    command.args(["-c", deny]).arg(moothall_tests::guests::host_binary());
    command.args(["serve", "--listen", "127.0.0.1:0"]).current_dir(directory.path());
    let said = moothall_tests::command_line::ended(command).failed_with(1);
    assert!(said.contains("MemoryDenyWriteExecute=yes"), "{said}");
    assert!(said.contains("systemd"), "{said}");
}
