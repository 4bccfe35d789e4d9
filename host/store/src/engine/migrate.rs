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
];

/// The schema that this version of the host works on.
pub const SCHEMA_VERSION: usize = MIGRATIONS.len();

fn version(conn: &Connection) -> Result<usize, StoreError> {
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

    #[test]
    fn migrations_are_valid() {
        Migrations::from_slice(MIGRATIONS).validate().unwrap();
    }

    #[test]
    fn a_newer_database_is_refused() {
        let mut conn = Connection::open_in_memory().unwrap();
        conn.pragma_update(None, "user_version", 999).unwrap();
        assert!(matches!(migrate(&mut conn), Err(StoreError::Newer { found: 999, .. })));
    }
}
