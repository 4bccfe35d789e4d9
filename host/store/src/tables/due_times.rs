//! Impossible times: rows that are due later than any wait allows, because the clock was ahead when they were written. Readers
//! find them, and a write makes them due now. And the table `clock`.

use rusqlite::{OptionalExtension, params};

use crate::{Reader, StoreError, Tx};

/// Rows of one kind that wait until they are due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    Deliveries,
    WebhookItems,
    WorkerEvents,
}

/// Rows of one kind that expire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiring {
    Deliveries,
    Responses,
    DedupeKeys,
    OAuthStates,
    OldSecrets,
    OldSecretsShown,
}

impl Waiting {
    fn table(self) -> &'static str {
        match self {
            Self::Deliveries => "delivery",
            Self::WebhookItems => "webhook_item",
            Self::WorkerEvents => "worker_event",
        }
    }

    /// The index that has those that wait, and the column that has the number of attempts.
    fn rows(self) -> (&'static str, &'static str) {
        match self {
            Self::Deliveries => ("delivery INDEXED BY delivery_due", "attempts - resent_after"),
            Self::WebhookItems => ("webhook_item", "attempts"),
            Self::WorkerEvents => ("worker_event", "attempts"),
        }
    }

    /// The longest wait that a receiver chose, if that is longer.
    fn asked(self, asked_ms: i64) -> String {
        match self {
            Self::Deliveries => format!(
                "coalesce((SELECT {asked_ms} FROM delivery_attempt a WHERE a.delivery_id = delivery.id \
                 AND a.attempt = delivery.attempts AND a.status IN (429, 503)), 0)"
            ),
            Self::WebhookItems | Self::WorkerEvents => "0".to_owned(),
        }
    }
}

/// The longest that a row waits: for what was never tried, after one try, after two, …
#[derive(Clone, Debug)]
pub struct Waits {
    pub untried_ms: i64,
    pub after_ms: Vec<i64>,
    /// What a receiver may ask for.
    pub asked_ms: i64,
}

impl Waits {
    fn case(&self, tried: &str) -> String {
        let mut case = format!("CASE {tried} WHEN 0 THEN {}", self.untried_ms);
        for (at, wait) in self.after_ms.iter().enumerate() {
            case.push_str(&format!(" WHEN {} THEN {wait}", at + 1));
        }
        let longest = self.after_ms.iter().max().copied().unwrap_or(self.untried_ms);
        format!("{case} ELSE {longest} END")
    }
}

impl Reader<'_> {
    /// Some rows that are due later than they can be; at most `limit`.
    pub fn due_too_late(
        &self,
        waiting: Waiting,
        waits: &Waits,
        now: i64,
        limit: usize,
    ) -> Result<Vec<i64>, StoreError> {
        let (rows, tried) = waiting.rows();
        let sql = format!(
            "SELECT id FROM {rows} WHERE state = 'waiting' AND due_at IS NOT NULL AND due_at > ?1 \
             AND due_at > ?1 + {} AND due_at > ?1 + {} LIMIT ?2",
            waits.case(tried),
            waiting.asked(waits.asked_ms),
        );
        let mut statement = self.conn.prepare(&sql)?;
        let rows = statement.query_map(params![now, limit as i64], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The last trusted time of the process before this one.
    pub fn clock_seen(&self) -> Result<Option<i64>, StoreError> {
        let mut statement = self.conn.prepare_cached("SELECT seen_at FROM clock WHERE id = 1")?;
        Ok(statement.query_row([], |row| row.get(0)).optional()?)
    }
}

impl Tx<'_> {
    /// Makes the rows due now, if they still wait.
    pub fn bring_back(&self, waiting: Waiting, ids: &[i64], now: i64) -> Result<(), StoreError> {
        let table = waiting.table();
        let mut update = self.conn.prepare_cached(&format!(
            "UPDATE {table} SET due_at = ?2 WHERE id = ?1 AND state = 'waiting' AND due_at > ?2"
        ))?;
        ids.iter().try_for_each(|id| update.execute([*id, now]).map(drop))?;
        match waiting {
            Waiting::Deliveries => self.raised.deliveries.set(true),
            Waiting::WebhookItems => self.raised.webhooks.set(true),
            Waiting::WorkerEvents => self.raised.workers.set(true),
        }
        Ok(())
    }

    /// Makes at most `rows` rows that expire after `latest` expire then. Returns how many.
    pub fn expire_by(
        &self,
        expiring: Expiring,
        latest: i64,
        rows: usize,
    ) -> Result<usize, StoreError> {
        let sql = match expiring {
            Expiring::Deliveries => {
                "UPDATE delivery SET expires_at = ?1 WHERE id IN (SELECT id FROM delivery \
                 WHERE state = 'waiting' AND expires_at > ?1 LIMIT ?2)"
            }
            Expiring::Responses => {
                "UPDATE idempotent_response SET expires_at = ?1 WHERE scope IN \
                 (SELECT scope FROM idempotent_response WHERE expires_at > ?1 LIMIT ?2)"
            }
            Expiring::DedupeKeys => {
                "UPDATE event_dedupe SET expires_at = ?1 WHERE (scope, dedupe_key) IN \
                 (SELECT scope, dedupe_key FROM event_dedupe WHERE expires_at > ?1 LIMIT ?2)"
            }
            Expiring::OAuthStates => {
                "UPDATE oauth_state SET expires_at = ?1 WHERE id IN \
                 (SELECT id FROM oauth_state WHERE expires_at > ?1 LIMIT ?2)"
            }
            Expiring::OldSecrets => {
                "UPDATE endpoint_old_secret SET until = ?1 WHERE rowid IN \
                 (SELECT rowid FROM endpoint_old_secret WHERE until > ?1 LIMIT ?2)"
            }
            // The time that is shown, and by which the delivery task notices.
            Expiring::OldSecretsShown => {
                "UPDATE endpoint SET old_secret_until = ?1 WHERE id IN (SELECT id FROM endpoint \
                 WHERE kind IN ('driver', 'endpoint') AND old_secret_until > ?1 LIMIT ?2)"
            }
        };
        Ok(self.conn.prepare_cached(sql)?.execute([latest, rows as i64])?)
    }

    /// Stores the trusted time, for the next start.
    pub fn note_clock(&self, seen: i64) -> Result<(), StoreError> {
        self.conn
            .prepare_cached(
                "INSERT INTO clock (id, seen_at) VALUES (1, ?1) \
                 ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at",
            )?
            .execute([seen])?;
        Ok(())
    }
}
