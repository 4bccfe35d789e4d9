//! Names in the plugin directory that do not answer, or are no files: they are listed, and delay
//! nothing else.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;

use moothall_tests::{Leased, TestHost, guests, until};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde_json::{Value, json};

const IMPATIENT: &str = "[directory]\nsettle_ms = 10\nread_ms = 300\nrescan_ms = 500";

/// The plugin, as a file that does not answer.
fn blocked(host: &TestHost, guest: &str) -> Leased {
    let (before, file) =
        (host.data().join("unfinished"), host.plugin_file(&format!("{guest}.wasm")));
    fs::write(&before, guests::bytes(guest)).expect("a file");
    let leased = Leased::new(&before);
    fs::rename(before, file).expect("moved");
    leased
}

async fn failed(host: &TestHost, file: &str) -> Value {
    until("the file has failed", async || {
        let report = host.file(file).await;
        (report["status"] == "failed").then_some(report)
    })
    .await
}

async fn serves(host: &TestHost, file: &str) {
    until("the file serves", async || (host.file(file).await["status"] == "ready").then_some(()))
        .await;
}

#[tokio::test]
async fn a_file_that_does_not_answer_at_start_keeps_the_host_from_being_ready_and_from_nothing_else()
 {
    let mut host = TestHost::with(&["probe"]).toml(IMPATIENT).start().await;
    host.community("acme", "probe", json!({})).await;
    host.terminate();
    let leased = blocked(&host, "tutorial");
    host.restart_without_waiting();
    host.get("/healthz").await.expect(200);
    let fault = until("the host has looked at it", async || {
        let answer = host.get("/readyz").await;
        answer.text.contains("tutorial.wasm").then_some(answer)
    });
    fault.await.problem(503, "not_ready");
    host.action("acme", "probe.put", json!({ "key": "a", "value": 1 })).await.expect(200);
    let report = failed(&host, "tutorial.wasm").await;
    assert!(report["errors"][0]["message"].as_str().unwrap_or_default().contains("read_ms"));
    host.terminate();
    host.restart_without_waiting();
    failed(&host, "tutorial.wasm").await;
    drop(leased);
    serves(&host, "tutorial.wasm").await;
    host.ready().await;
}

#[tokio::test]
async fn a_file_that_does_not_answer_keeps_no_other_from_being_picked_up() {
    let host = TestHost::with(&["probe"]).toml(IMPATIENT).start().await;
    let leased = blocked(&host, "raw");
    let report = failed(&host, "raw.wasm").await;
    assert_eq!(report["errors"][0]["code"], "unreadable", "{report}");
    host.put_guest("tutorial");
    serves(&host, "tutorial.wasm").await;
    assert_eq!(host.file("raw.wasm").await["status"], "failed");
    host.get("/readyz").await.expect(200);
    drop(leased);
    serves(&host, "raw.wasm").await;
}

#[tokio::test]
async fn what_is_no_file_is_in_the_listing_and_says_what_it_is() {
    let mut host = TestHost::with(&["probe"]).toml(IMPATIENT).start().await;
    let fifo = Mode::RUSR | Mode::WUSR;
    mknodat(CWD, host.plugin_file("pipe.wasm"), FileType::Fifo, fifo, 0).expect("a named pipe");
    symlink(host.plugin_file("pipe.wasm"), host.plugin_file("to_pipe.wasm")).expect("a link");
    symlink("nowhere", host.plugin_file("dangling.wasm")).expect("a link");
    fs::create_dir(host.plugin_file("folder.wasm")).expect("a directory");
    let _socket = UnixListener::bind(host.plugin_file("socket.wasm")).expect("a socket");
    let odd = host.data().join("plugins").join(OsStr::from_bytes(b"odd\xff.wasm"));
    fs::write(odd, guests::bytes("tutorial")).expect("a file");
    for again in [false, true] {
        if again {
            host.terminate();
            host.restart().await;
        }
        for (file, code, words) in [
            ("pipe.wasm", "not_a_file", "a named pipe"),
            ("to_pipe.wasm", "not_a_file", "a named pipe"),
            ("dangling.wasm", "unreadable", "leads to no file"),
            ("folder.wasm", "not_a_file", "a directory"),
            ("socket.wasm", "not_a_file", "a socket"),
            ("odd\u{fffd}.wasm", "not_a_file", "not UTF-8"),
        ] {
            let report = failed(&host, file).await;
            let error = &report["errors"][0];
            assert_eq!(error["code"], code, "{report}");
            assert!(error["message"].as_str().unwrap_or_default().contains(words), "{report}");
        }
        host.get("/readyz").await.expect(200);
    }
}
