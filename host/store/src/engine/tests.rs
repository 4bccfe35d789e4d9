//! A store that hangs, is full or damaged, or whose callbacks panic: what its callers get, and what its health says. On
//! real files; a store hangs in a write or a read that waits for the test.

mod linked;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use tokio::task::JoinHandle;

use super::*;
use crate::StoredResponse;

/// A write that is begun and then waits for the test.
struct Hanging {
    begun: Receiver<()>,
    go_on: Sender<()>,
    answer: JoinHandle<Result<(), StoreError>>,
}

fn config() -> StoreConfig {
    StoreConfig { stalled_ms: 300, retry_ms: 50, busy_ms: 60_000, ..StoreConfig::default() }
}

fn open(config: &StoreConfig) -> (tempfile::TempDir, Store) {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(&directory.path().join("a.db"), config).unwrap();
    (directory, store)
}

#[expect(clippy::disallowed_methods, reason = "a test sees how its own task ends")]
fn hang(store: &Store) -> Hanging {
    let (begin, begun) = channel();
    let (go_on, wait) = channel::<()>();
    let store = store.clone();
    let answer = tokio::spawn(async move {
        let hang = move |tx: &Tx<'_>| {
            begin.send(()).unwrap();
            wait.recv().unwrap();
            add(tx, "hung")
        };
        store.write("test.hang", hang).await
    });
    Hanging { begun, go_on, answer }
}

fn add(tx: &Tx<'_>, scope: &str) -> Result<(), StoreError> {
    let response =
        StoredResponse { fingerprint: vec![], status: 200, headers: vec![], body: vec![] };
    tx.remember_response(scope, &response, i64::MAX)
}

fn has(store: &Store, scope: &str) -> bool {
    store.read(|reader| reader.idempotent_response(scope, 0)).unwrap().is_some()
}

fn until(what: &str, mut seen: impl FnMut() -> bool) {
    for _ in 0..3_000 {
        if seen() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("waited in vain until {what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_hangs_is_answered_and_nothing_lines_up_behind_it() {
    let (_directory, store) = open(&config());
    let first = hang(&store);
    first.begun.recv().unwrap();
    let behind = store.write("test.behind", |tx| add(tx, "behind")).await;
    assert!(matches!(behind, Err(StoreError::Stalled)), "{behind:?}");
    let begun = first.answer.await.unwrap();
    assert!(matches!(begun, Err(StoreError::Unsettled)), "it may be stored yet: {begun:?}");
    assert_eq!(store.health().worst(), Some(Trouble::Stalled));
    assert!(!store.health().can_write());
    let (queued, refused) = (store.queued(), store.write("test.late", |_| Ok(())).await);
    assert!(matches!(refused, Err(StoreError::Stalled)), "{refused:?}");
    assert_eq!(store.queued(), queued, "it was not even queued");

    first.go_on.send(()).unwrap();
    store.health().until_it_can_write().await;
    store.write("test.after", |tx| add(tx, "after")).await.unwrap();
    assert_eq!(store.health().worst(), None);
    assert!(has(&store, "hung") && has(&store, "after"));
    assert!(!has(&store, "behind"), "what was given up before it began is never stored");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_another_process_holds_up_is_answered() {
    let (directory, store) = open(&config());
    let other = Connection::open(directory.path().join("a.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let held_up = store.write("test.held_up", |tx| add(tx, "held up")).await;
    assert!(matches!(held_up, Err(StoreError::Stalled)), "{held_up:?}");
    assert!(!has(&store, "held up"), "reads go on");
    other.execute_batch("COMMIT").unwrap();
    store.health().until_it_can_write().await;
    store.write("test.after", |tx| add(tx, "after")).await.unwrap();
    assert!(!has(&store, "held up"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_that_hangs_takes_no_other_thread_along() {
    let (_directory, store) = open(&config());
    let (go_on, wait) = channel::<()>();
    let (begin, begun) = channel();
    let reading = store.clone();
    let thread = std::thread::Builder::new().name("reads".into()).spawn(move || {
        reading.read(|_| {
            begin.send(()).unwrap();
            wait.recv().unwrap();
            Ok(())
        })
    });
    begun.recv().unwrap();
    until("the read is seen to hang", || store.health().has(Trouble::Hanging));
    assert_eq!(store.health().worst(), Some(Trouble::Hanging));
    until("it is named", || store.health().long_reads() == ["this host's thread reads"]);
    let other = store.read(|_| Ok(()));
    assert!(matches!(other, Err(StoreError::Stalled)), "{other:?}");
    go_on.send(()).unwrap();
    let late = thread.unwrap().join().unwrap();
    assert!(matches!(late, Err(StoreError::Stalled)), "whoever waited got an answer: {late:?}");
    until("reads come back", || !store.health().has(Trouble::Hanging));
    store.read(|_| Ok(())).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_store_is_tried_until_it_has_room() {
    let (_directory, store) = open(&StoreConfig { database_bytes: Some(2_000_000), ..config() });
    let put = async |scope: &str, bytes: usize| {
        let scope = scope.to_owned();
        let put = move |tx: &Tx<'_>| {
            let body = vec![0; bytes];
            let response =
                StoredResponse { fingerprint: vec![], status: 200, headers: vec![], body };
            tx.remember_response(&scope, &response, i64::MAX)
        };
        store.write("test.put", put).await
    };
    put("small", 1_000_000).await.unwrap();
    let full = put("large", 1_500_000).await;
    assert!(matches!(full, Err(StoreError::Full(_))), "{full:?}");
    // There is room for most writes: the next try finds it.
    store.health().until_it_can_write().await;
    assert_eq!(store.health().worst(), None);

    let mut number = 0;
    while put(&format!("more {number}"), 10_000).await.is_ok() {
        number += 1;
    }
    until("the store is found full", || store.health().has(Trouble::Full));
    assert!(!store.health().can_write());
    let remove = |tx: &Tx<'_>| Ok(tx.conn.execute("DELETE FROM idempotent_response", [])?);
    store.write("test.remove", remove).await.unwrap();
    assert!(store.health().can_write(), "a write that changed rows says so");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_that_panics_ends_nothing_and_is_told() {
    // A panic takes its time to be reported.
    let (_directory, store) = open(&StoreConfig { stalled_ms: 600_000, ..config() });
    let after: AfterWrite<()> = Box::new(|_| panic!("as a test wants it"));
    let answered = store.write_then("test.panic", |tx| add(tx, "first"), Some(after)).await;
    assert!(answered.is_ok(), "what was stored is answered: {answered:?}");
    store.write("test.after", |tx| add(tx, "second")).await.unwrap();
    assert!(has(&store, "first") && has(&store, "second"));
    assert_eq!(store.health().worst(), Some(Trouble::Diverged));
    assert!(store.health().can_write());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thread_that_panics_is_fatal() {
    let (_directory, store) = open(&config());
    store.health().spawn_thread("store-test", || panic!("as a test wants it")).unwrap();
    let fatal = tokio::time::timeout(Duration::from_secs(60), store.health().fatal());
    let reason = fatal.await.expect("the process is told that it cannot go on");
    assert!(reason.contains("store-test"), "{reason}");
    assert_eq!(store.health().worst(), Some(Trouble::Ended));
    let refused = store.write("test.late", |_| Ok(())).await;
    assert!(refused.is_err());
}

#[test]
fn a_row_that_cannot_be_read_is_damage() {
    let (_directory, store) = open(&config());
    let read = store.read(|reader| {
        Ok(reader.conn.query_row("SELECT 'text'", [], |row| row.get::<_, i64>(0))?)
    });
    assert!(matches!(read, Err(StoreError::Unreadable(_))), "{read:?}");
    assert_eq!(store.health().worst(), Some(Trouble::Damaged));
    assert!(store.health().can_write(), "what is sound goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_has_only_so_many_bytes() {
    let (_directory, store) = open(&StoreConfig { batch_bytes: 1_000, ..config() });
    let first = hang(&store);
    first.begun.recv().unwrap();
    let write = |n: usize| {
        let (store, reader) = (store.clone(), store.clone());
        let committed = move |tx: &Tx<'_>| {
            add(tx, &format!("sized {n}"))?;
            let count = "SELECT count(*) FROM idempotent_response WHERE scope LIKE 'sized %'";
            reader
                .read(|reader| Ok(reader.conn.query_row(count, [], |row| row.get::<_, i64>(0))?))
        };
        async move { store.write_of("test.sized", 600, committed, None).await }
    };
    let writes = futures_util::future::join_all((0..4).map(write));
    let all_wait = async {
        until("all wait", || store.queued() == 4);
        first.go_on.send(()).unwrap();
    };
    let (committed, ()) = tokio::join!(writes, all_wait);
    let committed: Vec<_> = committed.into_iter().map(Result::unwrap).collect();
    assert_eq!(committed, [0, 0, 2, 2], "two of them were enough for one transaction");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_has_only_so_much_time() {
    let (_directory, store) = open(&StoreConfig { batch_ms: 1, stalled_ms: 600_000, ..config() });
    let first = hang(&store);
    first.begun.recv().unwrap();
    // Each write takes longer than a batch may, and sees how many were answered before it began.
    let answered = Arc::new(AtomicUsize::new(0));
    let write = |n: usize| {
        let (store, before, after) = (store.clone(), answered.clone(), answered.clone());
        let slow = move |tx: &Tx<'_>| {
            std::thread::sleep(Duration::from_millis(2));
            add(tx, &format!("slow {n}"))?;
            Ok(before.load(Ordering::SeqCst))
        };
        let note: AfterWrite<usize> = Box::new(move |_| {
            after.fetch_add(1, Ordering::SeqCst);
        });
        async move { store.write_then("test.slow", slow, Some(note)).await }
    };
    let writes = futures_util::future::join_all((0..4).map(write));
    let all_wait = async {
        until("all wait", || store.queued() == 4);
        first.go_on.send(()).unwrap();
    };
    let (seen, ()) = tokio::join!(writes, all_wait);
    let seen: Vec<_> = seen.into_iter().map(Result::unwrap).collect();
    assert_eq!(seen, [0, 1, 2, 3], "no write waited for a later one");
    assert_eq!(store.queued(), 0);
    assert!((0..4).all(|n| has(&store, &format!("slow {n}"))));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_room_is_stored_whatever_finds_none_beside_it() {
    let (_directory, store) = open(&StoreConfig { database_bytes: Some(2_000_000), ..config() });
    store.write("test.old", |tx| add(tx, "old")).await.unwrap();
    let first = hang(&store);
    first.begun.recv().unwrap();
    let remove = |tx: &Tx<'_>| Ok(tx.conn.execute("DELETE FROM idempotent_response", [])?);
    let purge = store.write("purge.test", remove);
    let large = store.write("test.large", |tx| {
        let body = vec![0; 3_000_000];
        let response = StoredResponse { fingerprint: vec![], status: 200, headers: vec![], body };
        tx.remember_response("large", &response, i64::MAX)
    });
    let both_wait = async {
        until("both wait", || store.queued() == 2);
        first.go_on.send(()).unwrap();
    };
    let (purged, full, ()) = tokio::join!(purge, large, both_wait);
    assert!(matches!(full, Err(StoreError::Full(_))), "{full:?}");
    purged.unwrap();
    assert!(!has(&store, "old"));
}
