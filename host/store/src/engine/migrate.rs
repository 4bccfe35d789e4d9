//! Brings a database to the current schema, forward only.
//!
//! A migration is never edited after it has shipped; the next one changes what it did. A database
//! written by a newer Moothall is refused, because this one would not know what to keep true.

use rusqlite::Connection;
use rusqlite_migration::{M, Migrations};

use crate::StoreError;

const MIGRATIONS: &[M<'static>] = &[
    M::up(include_str!("../../migrations/0001_spine.sql")),
    M::up(include_str!("../../migrations/0002_events.sql")),
    M::up(include_str!("../../migrations/0003_processes.sql")),
    M::up(include_str!("../../migrations/0004_webhooks.sql")),
    M::up(include_str!("../../migrations/0005_identity.sql")),
    M::up(include_str!("../../migrations/0006_idempotency.sql")),
    M::up(include_str!("../../migrations/0007_host_scope.sql")),
    M::up(include_str!("../../migrations/0008_workers.sql")),
    M::up(include_str!("../../migrations/0009_hooks.sql")),
    M::up(include_str!("../../migrations/0010_delivery_indexes.sql")),
    M::up(include_str!("../../migrations/0011_key_check.sql")),
    M::up(include_str!("../../migrations/0012_failed_calls_of_plugins.sql")),
    M::up(include_str!("../../migrations/0013_linked_by.sql")),
    M::up(include_str!("../../migrations/0014_retention.sql")),
    M::up(include_str!("../../migrations/0015_webhook_receivers.sql")),
    M::up(include_str!("../../migrations/0016_clock.sql")),
    M::up(include_str!("../../migrations/0017_shares.sql")),
    M::up(include_str!("../../migrations/0018_oauth_flows.sql")),
    M::up(include_str!("../../migrations/0019_endpoint_secrets.sql")),
    M::up(include_str!("../../migrations/0020_oauth_senders.sql")),
    M::up(include_str!("../../migrations/0021_failed_calls_of_requests.sql")),
    M::up(include_str!("../../migrations/0022_digest_ids.sql")),
    M::up(include_str!("../../migrations/0023_fan_out.sql")),
    M::up(include_str!("../../migrations/0024_undescribed_code.sql")),
    M::up(include_str!("../../migrations/0025_recordings.sql")),
    M::up(include_str!("../../migrations/0026_key_scopes.sql")),
];

/// The schema that this version of the host works on.
pub const SCHEMA_VERSION: usize = MIGRATIONS.len();

pub fn version(conn: &Connection) -> Result<usize, StoreError> {
    let found: u32 = conn.pragma_query_value(None, "user_version", |row| row.get(0))?;
    Ok(found as usize)
}

/// Refuses a schema that is not exactly this version's.
pub fn require_current(conn: &Connection) -> Result<(), StoreError> {
    match version(conn)? {
        found if found == MIGRATIONS.len() => Ok(()),
        found => Err(StoreError::Other { found, known: MIGRATIONS.len() }),
    }
}

pub fn migrate(conn: &mut Connection) -> Result<(), StoreError> {
    let found = version(conn)?;
    if found > MIGRATIONS.len() {
        return Err(StoreError::Newer { found, known: MIGRATIONS.len() });
    }
    Migrations::from_slice(MIGRATIONS).to_latest(conn).map_err(|error| {
        StoreError::Unavailable(format!("the schema could not be brought up to date: {error}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use moothall_core::config::StoreConfig;

    #[test]
    fn migrations_are_valid() {
        Migrations::from_slice(MIGRATIONS).validate().unwrap();
    }

    /// The last schema in which the columns of digest ids had other names.
    const BEFORE_DIGEST_IDS: usize = 21;

    #[test]
    fn a_database_of_an_older_schema_keeps_its_rows() {
        let mut conn = Connection::open_in_memory().unwrap();
        Migrations::from_slice(MIGRATIONS).to_version(&mut conn, BEFORE_DIGEST_IDS).unwrap();
        conn.execute_batch(
            "INSERT INTO community VALUES (1, 'acme', 'Acme', 0, 'test');
             INSERT INTO instance (id, community_id, plugin, platform_id, generation, config, plugin_version,
                 plugin_mark, created_at, written_by) VALUES (2, 1, 'probe', '', 3, '{}', '1.0.0', 77, 0, 'test');
             INSERT INTO worker (id, instance_id, community_id, name, cursor, enabled, asked_mark, asked_generation,
                 wants_change, wants_sending, crashes, trying)
                 VALUES (4, 2, 1, 'asked', 0, 1, 77, 3, 0, 0, 0, 0), (5, 2, 1, 'unasked', 0, 1, 0, 0, 0, 0, 0, 0);",
        )
        .unwrap();
        migrate(&mut conn).unwrap();
        let number = |sql: &str| conn.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
        assert_eq!(number("SELECT plugin_digest_id FROM instance"), 77);
        assert_eq!(number("SELECT asked_digest_id FROM worker WHERE id = 4"), 77);
        let unasked = "SELECT id FROM worker INDEXED BY worker_unasked WHERE asked_digest_id = 0";
        assert_eq!(number(unasked), 5);
    }

    #[test]
    fn a_database_of_an_older_schema_is_copied_before() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("a.db");
        let older = |file: &std::path::Path| {
            let mut conn = Connection::open(file).unwrap();
            Migrations::from_slice(MIGRATIONS).to_version(&mut conn, BEFORE_DIGEST_IDS).unwrap();
        };
        older(&file);
        let copy = directory.path().join("a.db.schema-21");
        drop(crate::Store::open(&file, &StoreConfig::default()).unwrap());
        assert_eq!(version(&Connection::open(&copy).unwrap()).unwrap(), BEFORE_DIGEST_IDS);
        assert_eq!(version(&Connection::open(&file).unwrap()).unwrap(), SCHEMA_VERSION);

        let other = directory.path().join("b.db");
        older(&other);
        let config = StoreConfig { copy_before_upgrade: false, ..StoreConfig::default() };
        drop(crate::Store::open(&other, &config).unwrap());
        assert!(!directory.path().join("b.db.schema-21").exists());
    }

    #[test]
    fn a_newer_database_is_refused() {
        let mut conn = Connection::open_in_memory().unwrap();
        conn.pragma_update(None, "user_version", 999).unwrap();
        assert!(matches!(migrate(&mut conn), Err(StoreError::Newer { found: 999, .. })));
    }
}
