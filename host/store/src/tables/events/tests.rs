//! The events of one transaction: when they get positions, and what becomes of them if a write fails.

use std::sync::mpsc::channel;

use super::*;
use crate::tables::plans::assert_plans;
use crate::{EXPIRE_MS, Store};
use moothall_core::config::StoreConfig;

type Write = Box<dyn FnOnce(&Tx<'_>) -> Result<String, StoreError> + Send>;

fn event(id: &str, key: &str) -> NewEvent {
    NewEvent {
        id: id.into(),
        community: None,
        slug: String::new(),
        key: key.into(),
        source: "s".into(),
        event_type: "t".into(),
        time: 0,
        data: "1".into(),
        initiator: None,
        dedupe: None,
        origin: "published",
        instance: None,
        request_id: "r".into(),
        audience: Audience::Endpoints,
    }
}

/// With a dedupe key.
fn once(id: &str, key: &str) -> NewEvent {
    NewEvent { dedupe: Some(("scope".into(), key.into())), ..event(id, "k") }
}

fn open() -> (tempfile::TempDir, Store) {
    let directory = tempfile::tempdir().unwrap();
    // The writes that wait are one transaction, however slow the machine is.
    let config = StoreConfig { stalled_ms: 600_000, batch_ms: 600_000, ..StoreConfig::default() };
    let store = Store::open(&directory.path().join("a.db"), &config).unwrap();
    (directory, store)
}

/// A write that appends these.
fn appends<const N: usize>(events: [NewEvent; N]) -> Write {
    Box::new(move |tx| {
        events.into_iter().try_for_each(|event| tx.append_event(event))?;
        Ok(String::new())
    })
}

/// The same, and then it fails.
fn appends_and_fails(event: NewEvent) -> Write {
    Box::new(move |tx| {
        tx.append_event(event)?;
        Err(StoreError::Stale)
    })
}

/// Makes these writes in one transaction: they wait while another is being made.
async fn together<const N: usize>(
    store: &Store,
    writes: [Write; N],
) -> Vec<Result<String, StoreError>> {
    let (begin, begun) = channel();
    let (go_on, wait) = channel::<()>();
    let hang = move |_: &Tx<'_>| {
        begin.send(()).unwrap();
        wait.recv().unwrap();
        Ok(())
    };
    let first = store.queue_write("test.hang", 0, hang, None, None).unwrap();
    begun.recv().unwrap();
    let queued = writes.map(|write| store.queue_write("test", 0, write, None, None).unwrap());
    go_on.send(()).unwrap();
    first.stored().await.unwrap();
    let mut outcomes = Vec::new();
    for one in queued {
        outcomes.push(one.stored().await);
    }
    outcomes
}

/// The log: each event's position, id, and number within its key.
fn log(reader: &Reader<'_>) -> Result<Vec<(i64, String, i64)>, StoreError> {
    let (events, _) = reader.events(None, Position::START, 99)?;
    Ok(events.into_iter().map(|one| (one.position.0, one.id, one.seq)).collect())
}

fn entry(position: i64, id: &str, seq: i64) -> (i64, String, i64) {
    (position, id.to_owned(), seq)
}

#[tokio::test(flavor = "multi_thread")]
async fn all_events_of_a_transaction_get_positions_in_their_order_and_numbers_within_their_keys() {
    let (_directory, store) = open();
    together(&store, [appends([event("1", "a")])]).await;
    let writes = [
        appends([event("2", "b"), event("3", "a")]),
        appends([event("4", "a")]),
        appends([event("5", "c"), event("6", "b")]),
    ];
    let outcomes = together(&store, writes).await;
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    let expected = [
        entry(1, "1", 1),
        entry(2, "2", 1),
        entry(3, "3", 2),
        entry(4, "4", 3),
        entry(5, "5", 1),
        entry(6, "6", 2),
    ];
    assert_eq!(store.read(log).unwrap(), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_event_has_a_row_before_all_writes_of_the_transaction_are_made() {
    let (_directory, store) = open();
    let look: Write = Box::new(|tx| {
        tx.append_event(event("2", "a"))?;
        Ok(format!("{:?}", log(&tx.reader())?))
    });
    let outcomes = together(&store, [appends([event("1", "a")]), look]).await;
    assert_eq!(outcomes[1].as_deref().unwrap(), "[]");
    assert_eq!(store.read(log).unwrap(), [entry(1, "1", 1), entry(2, "2", 2)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_with_many_events_begins_no_further_write() {
    let (_directory, store) = open();
    let hundred = |write: usize| -> Write {
        Box::new(move |tx| {
            let before = tx.reader().last_position()?;
            for number in 0..100 {
                tx.append_event(event(&format!("{write}-{number}"), "a"))?;
            }
            Ok(before.0.to_string())
        })
    };
    let outcomes = together(&store, std::array::from_fn::<Write, 12, _>(hundred)).await;
    let before: Vec<String> = outcomes.into_iter().map(Result::unwrap).collect();
    assert_eq!(before[..10], vec!["0"; 10], "they are one transaction");
    assert_eq!(before[10..], ["1000", "1000"], "the others are the next");
    assert_eq!(store.read(|reader| reader.last_position()).unwrap(), Position(1_200));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_fails_takes_its_events_with_it_and_leaves_no_gap() {
    let (_directory, store) = open();
    let panics: Write = Box::new(|tx| {
        tx.append_event(event("lost", "a"))?;
        panic!("as a test wants it")
    });
    let writes = [
        appends([event("1", "a")]),
        appends_and_fails(once("lost too", "key")),
        panics,
        appends([event("2", "a")]),
    ];
    let outcomes = together(&store, writes).await;
    let are_stored: Vec<bool> = outcomes.iter().map(Result::is_ok).collect();
    assert_eq!(are_stored, [true, false, false, true]);
    assert_eq!(store.read(log).unwrap(), [entry(1, "1", 1), entry(2, "2", 2)]);
    assert_eq!(store.read(|reader| reader.deduplicated("scope", "key", 0)).unwrap(), None);
    // One that fails alone, outside of a savepoint.
    let outcomes = together(&store, [appends_and_fails(event("3", "a"))]).await;
    assert!(outcomes[0].is_err());
    together(&store, [appends([event("4", "a")])]).await;
    assert_eq!(store.read(log).unwrap()[2..], [entry(3, "4", 3)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_cannot_be_written_fail_the_transaction_and_nothing_of_it_is_stored() {
    let (_directory, store) = open();
    together(&store, [appends([event("1", "a")])]).await;
    let before_it = appends([event("2", "a"), once("3", "key")]);
    let outcomes = together(&store, [before_it, appends([event("1", "a")])]).await;
    assert!(outcomes.iter().all(Result::is_err), "the id exists: {outcomes:?}");
    assert_eq!(store.read(log).unwrap(), [entry(1, "1", 1)]);
    assert_eq!(store.read(|reader| reader.deduplicated("scope", "key", 0)).unwrap(), None);
    let outcomes = together(&store, [appends([event("1", "b")])]).await;
    assert!(outcomes[0].is_err(), "it fails alone, too");
    let outcomes = together(&store, [appends([event("2", "a")])]).await;
    assert!(outcomes[0].is_ok(), "the next is stored: {outcomes:?}");
    assert_eq!(store.read(log).unwrap(), [entry(1, "1", 1), entry(2, "2", 2)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dedupe_key_counts_for_the_writes_behind_it_in_the_same_transaction() {
    let (_directory, store) = open();
    let publish = |id: &'static str| -> Write {
        Box::new(move |tx| match tx.deduplicated("scope", "key", 0)? {
            Some(known) => Ok(known),
            None => tx.append_event(once(id, "key")).map(|()| id.to_owned()),
        })
    };
    let outcomes = together(&store, [publish("1"), publish("2")]).await;
    let ids: Vec<_> = outcomes.into_iter().map(Result::unwrap).collect();
    assert_eq!(ids, ["1", "1"]);
    assert_eq!(store.read(log).unwrap(), [entry(1, "1", 1)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_for_one_receiver_alone_is_stored_with_its_event() {
    let (_directory, store) = open();
    let audience = Audience::Callback { url: "https://example.com/".into(), not_before: 7 };
    let callback = NewEvent { audience, ..event("2", "process/1") };
    together(&store, [appends([event("1", "a")]), appends([callback])]).await;
    let over = store.read(|reader| reader.expired_deliveries(EXPIRE_MS, 9)).unwrap();
    let [delivery] = over[..] else { panic!("{over:?}") };
    let waiting = store.read(|reader| reader.waiting_delivery(delivery)).unwrap().row().unwrap();
    assert_eq!((waiting.event.position, waiting.due_at), (Position(2), Some(7)));
}

#[test]
fn what_still_needs_an_event_is_found_by_its_index() {
    assert_plans(&[
        (OLDEST, "INDEX delivery_held"),
        (OLDEST, "INDEX worker_event_position (position=?)"),
        (OLDEST, "INDEX worker_cursor"),
    ]);
}
