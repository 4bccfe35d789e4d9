//! `upgraded`: once, between an instance's last call on the old version and its first on the new.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use moothall_tests::{Driver, TestHost, guests, until};
use serde_json::{Value, json};
use tokio::task::JoinSet;

const WITH: &str = r#"["upgraded", "config-changed"]"#;
const WITHOUT: &str = r#"["config-changed"            ]"#;
const KILLS: u64 = 8;
const SWAPS: usize = 6;
const CLIENTS: usize = 4;

/// The fixture with another version, and perhaps without `upgraded`.
fn version(number: &str, lifecycle: &str) -> Vec<u8> {
    let component = guests::bytes("versions");
    let numbered =
        written_over(component, "\"version\": \"1.0.0\"", &format!("\"version\": \"{number}\""));
    written_over(numbered, WITH, lifecycle)
}

fn written_over(mut component: Vec<u8>, old: &str, new: &str) -> Vec<u8> {
    assert_eq!(old.len(), new.len(), "nothing may move");
    let places: Vec<_> =
        (0..component.len()).filter(|at| component[*at..].starts_with(old.as_bytes())).collect();
    assert_eq!(places.len(), 1, "the manifest is in the component once");
    component[places[0]..][..new.len()].copy_from_slice(new.as_bytes());
    component
}

async fn serve(host: &TestHost, number: &str, component: &[u8]) {
    host.put_plugin("versions.wasm", component);
    until("the version serves", async || {
        let file = host.file("versions.wasm").await;
        (file["serving"]["version"] == number && file["status"] == "ready").then_some(())
    })
    .await;
}

async fn serve_version(host: &TestHost, number: &str) {
    serve(host, number, &version(number, WITH)).await;
}

/// A host that serves 1.0.0 for the community `acme`, which was called once, and has compiled 2.0.0.
async fn upgradable() -> TestHost {
    upgradable_with("").await
}

async fn upgradable_with(toml: &str) -> TestHost {
    let host = TestHost::with(&["versions"]).toml(toml).start().await;
    serve_version(&host, "2.0.0").await;
    serve_version(&host, "1.0.0").await;
    host.community("acme", "versions", json!({})).await;
    touch(&host).await;
    host
}

async fn touch(driver: &Driver) -> Value {
    driver.result("acme", "versions.touch", json!({})).await
}

async fn set_upgrade(driver: &Driver, upgrade: &str) {
    let set = json!({ "key": "upgrade", "value": upgrade });
    driver.result("acme", "versions.set", set).await;
}

async fn notes(driver: &Driver) -> Vec<String> {
    let notes = driver.result("acme", "versions.notes", json!({})).await;
    let notes = notes.as_array().cloned().unwrap_or_default();
    notes.iter().map(|note| note.as_str().unwrap_or("?").to_owned()).collect()
}

async fn in_flight(host: &TestHost, calls: u32) {
    let line = format!("moothall_calls_in_flight {calls}");
    until("so many calls are in flight", async || {
        host.get("/metrics").await.text.lines().any(|one| one == line).then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_first_calls_on_a_new_version_upgrade_once() {
    let host = upgradable().await;
    serve_version(&host, "2.0.0").await;
    let mut calls = JoinSet::new();
    for _ in 0..8 {
        let driver: Driver = (*host).clone();
        calls.spawn(async move { touch(&driver).await });
    }
    for answer in calls.join_all().await {
        assert_eq!(answer["version"], "2.0.0");
    }
    let mut expected = vec!["1.0.0", "1.0.0 to 2.0.0"];
    expected.extend(["2.0.0"; 8]);
    assert_eq!(notes(&host).await, expected);
}

#[tokio::test]
async fn calls_on_the_old_version_end_before_the_upgrade() {
    // The swap has to happen while they run, however busy the machine is.
    let host = upgradable_with("[limits]\nwall_ms = 60000\nlock_wait_ms = 30000").await;
    let slow = |action: &'static str| {
        let driver: Driver = (*host).clone();
        #[expect(clippy::disallowed_methods, reason = "the test looks at how it ended")]
        tokio::spawn(async move {
            let answer = driver.result("acme", action, json!({ "ms": 8000 })).await;
            (answer, Instant::now())
        })
    };
    // One call without the instance's lock, and one with it.
    let (wait, touching) = (slow("versions.wait"), slow("versions.touch"));
    in_flight(&host, 2).await;
    serve_version(&host, "2.0.0").await;
    assert!(!wait.is_finished() && !touching.is_finished(), "they were in flight at the swap");
    assert_eq!(touch(&host).await["version"], "2.0.0");
    let answered = Instant::now();
    for slow in [wait, touching] {
        let (answer, ended) = slow.await.expect("it did not panic");
        assert_eq!(answer["version"], "1.0.0");
        assert!(ended < answered, "an old call ended after the first new one");
    }
    assert_eq!(notes(&host).await, ["1.0.0", "1.0.0", "1.0.0 to 2.0.0", "2.0.0"]);
}

#[tokio::test]
async fn an_upgrade_that_fails_stores_nothing_and_is_tried_again() {
    let host = upgradable().await;
    for way in ["refuse", "trap"] {
        set_upgrade(&host, way).await;
        serve_version(&host, "2.0.0").await;
        for _ in 0..2 {
            let refused = host.action("acme", "versions.touch", json!({})).await;
            refused.problem(503, "upgrade_failed");
        }
        serve_version(&host, "1.0.0").await;
        assert_eq!(notes(&host).await, ["1.0.0"], "after an upgrade that does {way}");
    }
    set_upgrade(&host, "work").await;
    serve_version(&host, "2.0.0").await;
    touch(&host).await;
    assert_eq!(notes(&host).await, ["1.0.0", "1.0.0 to 2.0.0", "2.0.0"]);
}

#[tokio::test]
async fn a_version_without_upgraded_is_what_a_later_one_is_told_of() {
    let host = upgradable().await;
    serve(&host, "2.0.0", &version("2.0.0", WITHOUT)).await;
    touch(&host).await;
    host.community("late", "versions", json!({})).await;
    serve_version(&host, "3.0.0").await;
    touch(&host).await;
    assert_eq!(notes(&host).await, ["1.0.0", "2.0.0", "2.0.0 to 3.0.0", "3.0.0"]);
    let late = host.result("late", "versions.notes", json!({})).await;
    assert_eq!(late, json!(["2.0.0 to 3.0.0"]), "an instance that was never called");
}

#[tokio::test]
async fn a_version_that_is_rolled_back_is_told_from_where_also_after_a_restart() {
    let mut host = upgradable().await;
    serve_version(&host, "2.0.0").await;
    touch(&host).await;
    host.terminate();
    host.put_plugin("versions.wasm", &version("1.0.0", WITH));
    host.restart().await;
    touch(&host).await;
    host.restart().await;
    touch(&host).await;
    let expected = ["1.0.0", "1.0.0 to 2.0.0", "2.0.0", "2.0.0 to 1.0.0", "1.0.0", "1.0.0"];
    assert_eq!(notes(&host).await, expected);
}

#[tokio::test]
async fn another_build_with_the_same_number_is_no_upgrade() {
    let host = upgradable().await;
    serve_version(&host, "2.0.0").await;
    touch(&host).await;
    let before = host.file("versions.wasm").await["serving"]["digest"].clone();
    let mut again = version("2.0.0", WITH);
    again.extend([0, 6, 4, b'm', b'a', b'r', b'k', 7]);
    host.put_plugin("versions.wasm", &again);
    until("the other build serves", async || {
        (host.file("versions.wasm").await["serving"]["digest"] != before).then_some(())
    })
    .await;
    touch(&host).await;
    assert_eq!(notes(&host).await, ["1.0.0", "1.0.0 to 2.0.0", "2.0.0", "2.0.0"]);
}

#[tokio::test]
async fn a_new_config_on_a_new_version_comes_after_the_upgrade() {
    let host = upgradable().await;
    serve_version(&host, "2.0.0").await;
    host.enable("acme", "versions", json!({ "changed": true })).await.expect(200);
    touch(&host).await;
    let expected = ["1.0.0", "1.0.0 to 2.0.0", "2.0.0 config-changed", "2.0.0"];
    assert_eq!(notes(&host).await, expected);
}

#[tokio::test]
async fn an_upgrade_that_is_killed_commits_once() {
    let mut host = upgradable().await;
    set_upgrade(&host, "wait").await;
    let mut expected = 0;
    for round in 0..KILLS {
        let number = ["2.0.0", "1.0.0"][round as usize % 2];
        serve_version(&host, number).await;
        let driver: Driver = (*host).clone();
        let mut first = JoinSet::new();
        first.spawn(async move { driver.try_action("acme", "versions.touch", json!({})).await });
        // Alternately in the middle of the upgrade, which waits for 300 ms, and after the call that
        // caused it.
        if round % 4 < 2 {
            in_flight(&host, 1).await;
        } else {
            let answered = first.join_next().await.expect("one call").expect("it did not panic");
            answered.expect("the host is there").expect(200);
        }
        host.kill_9();
        host.restart().await;
        touch(&host).await;
        expected += 1;
        let notes = notes(&host).await;
        let upgrades: Vec<_> = notes.iter().filter(|note| note.contains(" to ")).collect();
        assert_eq!(upgrades.len(), expected, "round {round}: {notes:?}");
        assert!(upgrades.last().is_some_and(|last| last.ends_with(number)), "{notes:?}");
    }
}

#[tokio::test]
async fn swaps_under_load_fail_no_call_and_run_none_on_the_wrong_version() {
    let host = upgradable().await;
    let done = Arc::new(AtomicBool::new(false));
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        let (driver, done): (Driver, _) = ((*host).clone(), done.clone());
        clients.spawn(async move {
            while !done.load(Ordering::Relaxed) {
                touch(&driver).await;
                driver.result("acme", "versions.wait", json!({ "ms": 5 })).await;
            }
        });
    }
    for swap in 0..SWAPS {
        serve_version(&host, ["2.0.0", "1.0.0"][swap % 2]).await;
        let expected = swap + 1;
        until("calls run on the version that serves", async || {
            let upgrades = notes(&host).await.iter().filter(|note| note.contains(" to ")).count();
            (upgrades == expected).then_some(())
        })
        .await;
    }
    done.store(true, Ordering::Relaxed);
    clients.join_all().await;
    let mut current = "1.0.0".to_owned();
    for note in notes(&host).await {
        match note.split_once(" to ") {
            Some((from, to)) => {
                assert_eq!(from, current);
                current = to.to_owned();
            }
            None => assert_eq!(note, current, "a call ran on the wrong version"),
        }
    }
}
