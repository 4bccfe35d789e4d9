//! The plans of statements whose tables grow: each finds its rows by the index that is meant for it.

use super::*;
use crate::Store;
use moothall_core::config::StoreConfig;

#[test]
fn what_is_asked_often_is_found_by_its_index() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(&directory.path().join("a.db"), &StoreConfig::default()).unwrap();
    for (statement, index) in [
        (UNASKED, "worker_unasked"),
        (WANTS_SENDING, "worker_sending"),
        (WANTS_CHANGE, "worker_change"),
        (PURGE_EVENTS, "worker_event_worker"),
    ] {
        let plan = store
            .read(|reader| {
                let sql = format!("EXPLAIN QUERY PLAN {statement}");
                let mut explain = reader.conn.prepare(&sql)?;
                let nulls = vec![rusqlite::types::Null; explain.parameter_count()];
                let rows =
                    explain.query_map(rusqlite::params_from_iter(nulls), |row| row.get(3))?;
                Ok(rows.collect::<Result<Vec<String>, _>>()?.join("; "))
            })
            .unwrap();
        assert!(plan.contains(&format!("INDEX {index} ")), "{statement}: {plan}");
    }
}
