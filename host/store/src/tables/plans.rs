//! How a test sees by which index a statement finds its rows, without statistics and in an empty database.

use moothall_core::config::StoreConfig;

use crate::Store;

/// Fails unless the plan of each statement has what it is listed with.
pub fn assert_plans(statements: &[(&str, &str)]) {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(&directory.path().join("a.db"), &StoreConfig::default()).unwrap();
    for (statement, expected) in statements {
        let plan = store.read(|reader| {
            let sql = format!("EXPLAIN QUERY PLAN {statement}");
            let mut explain = reader.conn.prepare(&sql)?;
            let nulls = vec![rusqlite::types::Null; explain.parameter_count()];
            let rows = explain.query_map(rusqlite::params_from_iter(nulls), |row| row.get(3))?;
            Ok(rows.collect::<Result<Vec<String>, _>>()?.join("; "))
        });
        // Whether the index has all columns that are asked for does not matter.
        let plan = plan.unwrap().replace("COVERING INDEX", "INDEX");
        assert!(plan.contains(expected), "{statement}: {plan}");
    }
}
