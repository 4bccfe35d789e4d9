//! The data directory at the start: what is refused and left alone, and what is made.

use moothall_tests::command_line::command;
use moothall_tests::{Driver, TestHost};
use serde_json::json;

#[tokio::test]
async fn a_second_host_on_one_data_directory_is_refused() {
    let host = TestHost::with(&[]).start().await;
    let said = host.command(&["serve", "--listen", "127.0.0.1:0"]).failed_with(1);
    assert!(said.contains("another `moothall serve`") && said.contains("data"), "{said}");
    host.get("/readyz").await.expect(200);
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
        // They do not exist after a clean end.
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
    // The key may be elsewhere; the cache shows the same.
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
async fn a_mistyped_data_directory_is_not_made_by_a_look_at_it() {
    let host = TestHost::with(&[]).start().await;
    let missing = host.directory().join("no-such-data");
    let said = command(host.directory(), &["key", "list", "--data", "no-such-data"]).failed_with(1);
    assert!(said.contains("no-such-data"), "{said}");
    assert!(!missing.exists());
}
