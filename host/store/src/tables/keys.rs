//! The table `api_key`.
//!
//! Only hashes are stored. A revoked key stays: once a key was created the host demands one, even if all are revoked.

use rusqlite::{Row, params};

use crate::{Reader, StoreError, Tx};
use moothall_core::scope::Scopes;

/// An API key as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKeyRow {
    pub id: String,
    pub name: String,
    /// SHA-256 of the secret part.
    pub hash: Vec<u8>,
    /// The secret before the last rotation, and until when it still counts.
    pub replaced: Option<(Vec<u8>, i64)>,
    pub scopes: Scopes,
    pub created_at: i64,
    pub expires_at: Option<i64>,
    pub revoked_at: Option<i64>,
    /// As it was last noted: a running host knows of later uses.
    pub last_used_at: Option<i64>,
}

const COLUMNS: &str = "id, name, hash, replaced_hash, replaced_until, scopes, created_at, expires_at, revoked_at, \
                       last_used_at";

fn key(row: &Row<'_>) -> rusqlite::Result<ApiKeyRow> {
    let (replaced, until): (Option<Vec<u8>>, Option<i64>) = (row.get(3)?, row.get(4)?);
    let scopes: String = row.get(5)?;
    Ok(ApiKeyRow {
        id: row.get(0)?,
        name: row.get(1)?,
        hash: row.get(2)?,
        replaced: replaced.zip(until),
        scopes: Scopes::stored(&scopes),
        created_at: row.get(6)?,
        expires_at: row.get(7)?,
        revoked_at: row.get(8)?,
        last_used_at: row.get(9)?,
    })
}

impl Reader<'_> {
    pub fn api_keys(&self) -> Result<Vec<ApiKeyRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM api_key ORDER BY created_at, id");
        let mut statement = self.conn.prepare_cached(&sql)?;
        let rows = statement.query_map([], key)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

impl Tx<'_> {
    pub fn add_api_key(&self, key: &ApiKeyRow) -> Result<(), StoreError> {
        self.conn
            .prepare_cached(
                "INSERT INTO api_key (id, name, hash, scopes, created_at, expires_at) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![
                key.id,
                key.name,
                key.hash,
                key.scopes.to_string(),
                key.created_at,
                key.expires_at
            ])?;
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

    /// Gives a key another secret; the one that it has counts until then. Whether there is such a key that is valid.
    pub fn rotate_api_key(
        &self,
        id: &str,
        hash: &[u8],
        until: i64,
        now: i64,
    ) -> Result<bool, StoreError> {
        let rotated = self
            .conn
            .prepare_cached(
                "UPDATE api_key SET replaced_hash = hash, replaced_until = ?3, hash = ?2 \
                 WHERE id = ?1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?4)",
            )?
            .execute(params![id, hash, until, now])?;
        Ok(rotated == 1)
    }

    /// Notes when keys were last used.
    pub fn put_key_uses(&self, uses: &[(String, i64)]) -> Result<(), StoreError> {
        let mut statement =
            self.conn.prepare_cached("UPDATE api_key SET last_used_at = ?2 WHERE id = ?1")?;
        for (id, at) in uses {
            statement.execute(params![id, at])?;
        }
        Ok(())
    }
}
