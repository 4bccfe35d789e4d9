//! The table `oauth_state`: tickets and states of authorisations that have begun.
//!
//! Only hashes of tickets and states are stored. A state is taken by deleting it, so that nobody can use it twice. A ticket
//! is deleted by the commit of the first authorisation that it began.

use rusqlite::{OptionalExtension, params};

use crate::{Reader, StoreError, Taken, Tx};

/// The hash of a ticket or a state.
pub type SecretHash = [u8; 32];

/// The kinds of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OAuthSecret {
    /// A ticket: with it a browser begins an authorisation.
    Ticket,
    /// A state: the platform sends it back.
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

/// How many rows there may be; the oldest are removed for new ones.
#[derive(Clone, Copy, Debug)]
pub struct OAuthBounds {
    pub all: u32,
    /// Of one sender, whose own oldest are removed first.
    pub of_sender: u32,
}

/// A row of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OAuthRow {
    pub kind: OAuthSecret,
    /// Who began it.
    pub sender: String,
    pub hash: SecretHash,
    pub plugin: String,
    /// The hash of the cookie's value; a ticket has none.
    pub browser_hash: Option<SecretHash>,
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

impl Reader<'_> {
    /// What the ticket is for; none unless it exists for that plugin and, if `now` is given, has not expired.
    pub fn oauth_ticket(
        &self,
        ticket: &SecretHash,
        plugin: &str,
        now: Option<i64>,
    ) -> Result<Option<String>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT request FROM oauth_state WHERE hash = ?1 AND kind = 'ticket' AND plugin = ?2 \
             AND (?3 IS NULL OR ?3 < expires_at)",
        )?;
        Ok(statement.query_row(params![ticket, plugin, now], |row| row.get(0)).optional()?)
    }
}

impl Tx<'_> {
    /// Counts an authorisation that the ticket begins; whether it may.
    pub fn begin_oauth_flow(
        &self,
        ticket: &SecretHash,
        now: i64,
        flows: u32,
    ) -> Result<bool, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "UPDATE oauth_state SET flows = flows + 1 \
             WHERE hash = ?1 AND kind = 'ticket' AND ?2 < expires_at AND flows < ?3",
        )?;
        Ok(statement.execute(params![ticket, now, flows])? == 1)
    }

    /// Deletes the ticket, in the commit of the first authorisation that completes.
    pub fn end_oauth_ticket(&self, ticket: &SecretHash) -> Result<(), StoreError> {
        let mut statement = self
            .conn
            .prepare_cached("DELETE FROM oauth_state WHERE hash = ?1 AND kind = 'ticket'")?;
        if statement.execute(params![ticket])? == 1 {
            Ok(())
        } else {
            Err(StoreError::Taken(Taken::Ticket))
        }
    }

    pub fn add_oauth_state(&self, row: &OAuthRow, bounds: OAuthBounds) -> Result<(), StoreError> {
        self.conn
            .prepare_cached(
                "INSERT INTO oauth_state (hash, kind, plugin, browser_hash, request, verifier, expires_at, sender) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .execute(params![
                row.hash,
                row.kind.as_str(),
                row.plugin,
                row.browser_hash.as_ref().map_or(&[] as &[u8], |hash| hash),
                row.request,
                row.sealed_verifier,
                row.expires_at,
                row.sender
            ])?;
        self.keep_newest_authorisations(&row.sender, bounds)
    }

    fn keep_newest_authorisations(
        &self,
        sender: &str,
        bounds: OAuthBounds,
    ) -> Result<(), StoreError> {
        self.conn
            .prepare_cached(
                "DELETE FROM oauth_state WHERE sender = ?1 AND id <= \
                 (SELECT id FROM oauth_state WHERE sender = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
            )?
            .execute(params![sender, bounds.of_sender.max(1)])?;
        let mut span = self.conn.prepare_cached(
            "SELECT (SELECT max(id) FROM oauth_state) - (SELECT min(id) FROM oauth_state)",
        )?;
        // They are counted only if the range of ids is large enough: deleted rows leave gaps.
        if span.query_row([], |row| row.get::<_, i64>(0))? >= i64::from(bounds.all.max(1)) {
            self.conn
                .prepare_cached(
                    "DELETE FROM oauth_state WHERE id <= \
                     (SELECT id FROM oauth_state ORDER BY id DESC LIMIT 1 OFFSET ?1)",
                )?
                .execute([bounds.all.max(1)])?;
        }
        Ok(())
    }

    /// Takes the state. None unless it exists for that plugin and that browser, and has not expired.
    pub fn take_oauth_state(
        &self,
        state: &SecretHash,
        plugin: &str,
        browser: &SecretHash,
        now: i64,
    ) -> Result<Option<TakenState>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "DELETE FROM oauth_state \
             WHERE hash = ?1 AND kind = 'state' AND plugin = ?2 AND browser_hash = ?3 \
             RETURNING request, verifier, expires_at",
        )?;
        let taken = statement
            .query_row(params![state, plugin, browser], |row| {
                let taken = TakenState { request: row.get(0)?, sealed_verifier: row.get(1)? };
                Ok((taken, row.get::<_, i64>(2)?))
            })
            .optional()?;
        let in_time = taken.filter(|(_, expires_at)| now < *expires_at);
        Ok(in_time.map(|(taken, _)| taken))
    }

    /// Removes at most `rows` that have expired. Returns how many.
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
