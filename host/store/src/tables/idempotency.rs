//! The table `idempotent_response`.

use rusqlite::{OptionalExtension, params};

use crate::{Reader, StoreError, Tx};

/// A response that is replayed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredResponse {
    /// The fingerprint of the request.
    pub fingerprint: Vec<u8>,
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Reader<'_> {
    pub fn idempotent_response(
        &self,
        scope: &str,
        now: i64,
    ) -> Result<Option<StoredResponse>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT fingerprint, status, headers, body FROM idempotent_response WHERE scope = ?1 AND expires_at > ?2",
        )?;
        let row = statement.query_row(params![scope, now], |row| {
            let headers: String = row.get(2)?;
            Ok(StoredResponse {
                fingerprint: row.get(0)?,
                status: row.get(1)?,
                headers: serde_json::from_str(&headers).unwrap_or_default(),
                body: row.get(3)?,
            })
        });
        Ok(row.optional()?)
    }
}

impl Tx<'_> {
    /// Stores a response, in place of an expired one.
    pub fn remember_response(
        &self,
        scope: &str,
        response: &StoredResponse,
        expires_at: i64,
    ) -> Result<(), StoreError> {
        let headers = serde_json::to_string(&response.headers).unwrap_or_else(|_| "[]".to_owned());
        self.conn
            .prepare_cached(
                "INSERT INTO idempotent_response (scope, fingerprint, status, headers, body, expires_at) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (scope) DO UPDATE SET \
                 fingerprint = excluded.fingerprint, status = excluded.status, headers = excluded.headers, \
                 body = excluded.body, expires_at = excluded.expires_at",
            )?
            .execute(params![
                scope,
                response.fingerprint,
                response.status,
                headers,
                response.body,
                expires_at
            ])?;
        Ok(())
    }

    /// Removes at most `limit` that have expired. Returns how many.
    pub fn purge_responses(&self, now: i64, limit: usize) -> Result<usize, StoreError> {
        Ok(self
            .conn
            .prepare_cached(
                "DELETE FROM idempotent_response WHERE scope IN \
                 (SELECT scope FROM idempotent_response WHERE expires_at <= ?1 LIMIT ?2)",
            )?
            .execute(params![now, limit as i64])?)
    }
}
