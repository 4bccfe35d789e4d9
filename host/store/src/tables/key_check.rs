//! The table `key_check`: with which sealing key this database was made.

use rusqlite::{OptionalExtension, params};

use crate::{Reader, StoreError, Tx};
use moothall_core::ids::InstanceId;

/// A sealed value of this database, and its context: the right key unseals it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedSample {
    pub of: SampleOf,
    pub sealed: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SampleOf {
    /// The secret of the endpoint with that public id.
    Endpoint(String),
    /// The secret of an instance's config at that pointer.
    Instance(InstanceId, String),
}

impl Reader<'_> {
    /// The sealed constant; none in a new database, or in one from before the constant was kept.
    pub fn key_check(&self) -> Result<Option<Vec<u8>>, StoreError> {
        let mut statement = self.conn.prepare_cached("SELECT sealed FROM key_check")?;
        Ok(statement.query_row([], |row| row.get(0)).optional()?)
    }

    /// Some of the newest sealed values: enough to check the key of a database that has no constant yet.
    pub fn sealed_samples(&self) -> Result<Vec<SealedSample>, StoreError> {
        let mut endpoints =
            self.conn.prepare_cached("SELECT public_id, secret FROM endpoint WHERE length(secret) > 0 ORDER BY id DESC LIMIT 2")?;
        let endpoints = endpoints.query_map([], |row| {
            Ok(SealedSample { of: SampleOf::Endpoint(row.get(0)?), sealed: row.get(1)? })
        })?;
        let mut secrets = self.conn.prepare_cached(
            "SELECT instance_id, pointer, sealed FROM instance_secret ORDER BY instance_id DESC LIMIT 2",
        )?;
        let secrets = secrets.query_map([], |row| {
            let of = SampleOf::Instance(InstanceId(row.get(0)?), row.get(1)?);
            Ok(SealedSample { of, sealed: row.get(2)? })
        })?;
        Ok(endpoints.chain(secrets).collect::<Result<_, _>>()?)
    }
}

impl Tx<'_> {
    pub fn put_key_check(&self, sealed: &[u8]) -> Result<(), StoreError> {
        self.conn
            .prepare_cached("INSERT INTO key_check (only, sealed, written_by) VALUES (1, ?1, ?2)")?
            .execute(params![sealed, self.name])?;
        Ok(())
    }
}
