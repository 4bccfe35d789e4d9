//! What a start makes of marks. Workers 1, 2 and 3 have not handled the one event yet; worker 3 also tries the event of
//! row 4 again.

use super::*;
use crate::Store;
use moothall_core::config::StoreConfig;

const FIRST: Suspect = Suspect::Next(WorkerId(1));
const SECOND: Suspect = Suspect::Next(WorkerId(2));
const AGAIN: Suspect = Suspect::Again(4);

const ROWS: &str = "
    INSERT INTO event (id, key_id, seq, community_id, community, source, event_type, time, data, origin_kind, request_id,
        listed) VALUES ('evt_1', 1, 1, 7, 'c', 's', 't', 0, '1', 'action', 'r', 1);
    INSERT INTO worker (id, instance_id, community_id, name, cursor, enabled, asked_digest_id, asked_generation,
        wants_change, wants_sending, crashes, trying)
        SELECT id, id, 7, 'w', 0, 1, 1, 1, 0, 0, 0, 0 FROM (SELECT 1 AS id UNION SELECT 2 UNION SELECT 3);
    INSERT INTO worker_event (id, worker_id, position, key_id, state, attempts, crashes, trying, due_at)
        VALUES (4, 3, 1, 1, 'waiting', 1, 0, 0, 5);";

/// A store with those rows.
struct Marks {
    store: Store,
    _directory: tempfile::TempDir,
}

impl Marks {
    /// A host that has begun, and whose events are not suspected of anything.
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&directory.path().join("a.db"), &StoreConfig::default()).unwrap();
        let marks = Self { store, _directory: directory };
        marks.write(|tx| Ok(tx.conn.execute_batch(ROWS)?)).await;
        marks.start().await;
        marks
    }

    async fn write(&self, run: impl FnOnce(&Tx<'_>) -> Result<(), StoreError> + Send + 'static) {
        self.store.write("test", run).await.unwrap();
    }

    async fn start(&self) {
        self.write(|tx| tx.start_workers(9)).await;
    }

    /// How many crashes count for the next events of the three workers, and for the event of row 4.
    fn crashes(&self) -> Vec<u32> {
        let all = "SELECT crashes FROM (SELECT id, crashes FROM worker UNION SELECT id, crashes FROM worker_event) ORDER BY id";
        let read = self.store.read(|reader| {
            let mut statement = reader.conn.prepare(all)?;
            Ok(statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
        });
        read.unwrap()
    }
}

#[tokio::test]
async fn after_a_clean_stop_nothing_is_suspected() {
    let marks = Marks::new().await;
    marks.write(|tx| tx.mark_alone(FIRST)).await;
    marks.write(|tx| tx.end_workers()).await;
    marks.start().await;
    assert_eq!(marks.crashes(), [0, 0, 0, 0]);
}

#[tokio::test]
async fn without_a_mark_every_next_event_counts_its_first_crash() {
    let marks = Marks::new().await;
    marks.start().await;
    assert_eq!(marks.crashes(), [1, 1, 1, 1]);
    marks.start().await;
    assert_eq!(marks.crashes(), [1, 1, 1, 1], "nothing says which one it was");
}

#[tokio::test]
async fn only_the_one_that_was_handled_alone_counts_whatever_was_slow_beside_it() {
    let marks = Marks::new().await;
    for slow in [FIRST, AGAIN] {
        marks.write(move |tx| tx.mark_alone(slow)).await;
        marks.write(move |tx| tx.mark_slow(slow)).await;
    }
    marks.write(|tx| tx.mark_alone(SECOND)).await;
    marks.start().await;
    assert_eq!(marks.crashes(), [0, 1, 0, 0]);
    marks.write(|tx| tx.mark_alone(AGAIN)).await;
    marks.start().await;
    assert_eq!(marks.crashes(), [0, 1, 0, 1], "marks are of one run of the host");
}

#[tokio::test]
async fn where_none_was_alone_those_that_were_slow_count() {
    let marks = Marks::new().await;
    for slow in [FIRST, AGAIN] {
        marks.write(move |tx| tx.mark_alone(slow)).await;
        marks.write(move |tx| tx.mark_slow(slow)).await;
    }
    marks.write(|tx| tx.mark_alone(SECOND)).await;
    marks.write(|tx| tx.unmark(SECOND)).await;
    marks.write(|tx| tx.mark_slow(SECOND)).await;
    marks.start().await;
    assert_eq!(marks.crashes(), [1, 0, 0, 1]);
}

#[test]
fn the_workers_of_communities_are_found_by_an_index() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(&directory.path().join("a.db"), &StoreConfig::default()).unwrap();
    let plan = store.read(|reader| {
        let mut explain = reader.conn.prepare(&format!("EXPLAIN QUERY PLAN {NEXT}"))?;
        let rows = explain.query_map([], |row| row.get::<_, String>(3))?;
        Ok(rows.collect::<Result<Vec<_>, _>>()?.join("; "))
    });
    assert!(plan.as_ref().is_ok_and(|plan| plan.contains("INDEX event_community ")), "{plan:?}");
}
