//! Starting, refusing to start, and ending: one sentence and an exit code for each reason.

mod data_directory;
mod settings;

use moothall_tests::command_line::command;
use moothall_tests::{Answer, Driver, TestHost, until};
use serde_json::json;
use tokio::task::JoinSet;

/// Starts the host, which must fail; returns its message.
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

#[tokio::test]
async fn a_host_s_name_can_be_listened_on() {
    let directory = tempfile::tempdir().expect("a directory");
    // A directory's name is a text, even if it looks like a number.
    let arguments = ["serve", "--listen", "localhost:0", "--data", "2024"];
    let mut child = moothall_tests::start_in(directory.path(), &arguments);
    assert!(child.url.starts_with("http://127.0.0.1:"), "{}", child.url);
    Driver::new(child.url.clone()).get("/healthz").await.expect(200);
    assert!(directory.path().join("2024/moothall.db").is_file());
    child.kill();
}

#[tokio::test]
async fn a_port_that_another_host_has_is_refused() {
    let host = TestHost::with(&[]).start().await;
    let address = host.url.trim_start_matches("http://");
    let said = refused(&["serve", "--listen", address], 1);
    assert!(said.contains(address), "{said}");
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
