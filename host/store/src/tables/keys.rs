//! The table `api_key`.
//!
//! Only hashes are stored. A revoked key stays: once a key was created the host demands one, even if all are revoked.

use rusqlite::params;

use crate::{Reader, StoreError, Tx};

/// An API key as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKeyRow {
    pub id: String,
    pub name: String,
    /// SHA-256 of the secret part.
    pub hash: Vec<u8>,
    pub created_at: i64,
    pub revoked_at: Option<i64>,
}

impl Reader<'_> {
    pub fn api_keys(&self) -> Result<Vec<ApiKeyRow>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT id, name, hash, created_at, revoked_at FROM api_key ORDER BY created_at, id",
        )?;
        let rows = statement.query_map([], |row| {
            Ok(ApiKeyRow {
                id: row.get(0)?,
                name: row.get(1)?,
                hash: row.get(2)?,
                created_at: row.get(3)?,
                revoked_at: row.get(4)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

impl Tx<'_> {
    pub fn add_api_key(&self, key: &ApiKeyRow) -> Result<(), StoreError> {
        self.conn
            .prepare_cached(
                "INSERT INTO api_key (id, name, hash, created_at) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![key.id, key.name, key.hash, key.created_at])?;
        Ok(())
    }

    /// Whether the key existed and was not revoked yet.
    pub fn revoke_api_key(&self, id: &str, now: i64) -> Result<bool, StoreError> {
        let revoked = self
            .conn
            .prepare_cached(
                "UPDATE api_key SET revoked_at = ?2 WHERE id = ?1 AND revoked_at IS NULL",
            )?
            .execute(params![id, now])?;
        Ok(revoked == 1)
    }
}
