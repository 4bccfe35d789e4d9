//! The table `oauth_state`: tickets and states of authorisations that have begun.
//!
//! Only hashes of what is handed out are stored, and a row is taken by deleting it: whoever comes second
//! finds nothing.

use rusqlite::{OptionalExtension, params};

use super::{StoreError, Tx};

/// Authorisations that may be under way; the oldest give way to new ones.
const OUTSTANDING: i64 = 10_000;

/// What a row is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OAuthSecret {
    /// Lets a browser begin.
    Ticket,
    /// Comes back from the platform.
    State,
}

impl OAuthSecret {
    fn as_str(self) -> &'static str {
        match self {
            Self::Ticket => "ticket",
            Self::State => "state",
        }
    }
}

/// A row of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OAuthRow {
    pub kind: OAuthSecret,
    /// Of the secret that is handed out.
    pub hash: [u8; 32],
    pub plugin: String,
    /// Of the cookie's value; none of a ticket.
    pub browser_hash: Option<[u8; 32]>,
    /// JSON.
    pub request: String,
    pub sealed_verifier: Option<Vec<u8>>,
    pub expires_at: i64,
}

/// What was stored with a row that is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenState {
    /// JSON.
    pub request: String,
    pub sealed_verifier: Option<Vec<u8>>,
}

impl Tx<'_> {
    pub fn add_oauth_state(&self, row: &OAuthRow) -> Result<(), StoreError> {
        self.conn
            .prepare_cached(
                "INSERT INTO oauth_state (hash, kind, plugin, browser_hash, request, verifier, expires_at) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute(params![
                row.hash,
                row.kind.as_str(),
                row.plugin,
                row.browser_hash.as_ref().map_or(&[] as &[u8], |hash| hash),
                row.request,
                row.sealed_verifier,
                row.expires_at
            ])?;
        let last = self.conn.last_insert_rowid();
        self.conn
            .prepare_cached("DELETE FROM oauth_state WHERE id <= ?1")?
            .execute([last - OUTSTANDING])?;
        Ok(())
    }

    /// Takes the row. None unless it is there, for that plugin and
    /// that browser, and not expired.
    pub fn take_oauth_state(
        &self,
        kind: OAuthSecret,
        hash: [u8; 32],
        plugin: &str,
        browser_hash: Option<[u8; 32]>,
        now: i64,
    ) -> Result<Option<TakenState>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "DELETE FROM oauth_state WHERE hash = ?1 AND kind = ?2 AND plugin = ?3 AND browser_hash = ?4 \
             RETURNING request, verifier, expires_at",
        )?;
        let browser_hash = browser_hash.as_ref().map_or(&[] as &[u8], |hash| hash);
        let taken = statement
            .query_row(params![hash, kind.as_str(), plugin, browser_hash], |row| {
                let taken = TakenState { request: row.get(0)?, sealed_verifier: row.get(1)? };
                Ok((taken, row.get::<_, i64>(2)?))
            })
            .optional()?;
        let in_time = taken.filter(|(_, expires_at)| now < *expires_at);
        Ok(in_time.map(|(taken, _)| taken))
    }

    /// Removes at most `rows` that have expired; how many.
    pub fn purge_oauth_states(&self, now: i64, rows: usize) -> Result<usize, StoreError> {
        let removed = self
            .conn
            .prepare_cached(
                "DELETE FROM oauth_state WHERE id IN \
                 (SELECT id FROM oauth_state WHERE expires_at <= ?1 LIMIT ?2)",
            )?
            .execute(params![now, rows as i64])?;
        Ok(removed)
    }
}
