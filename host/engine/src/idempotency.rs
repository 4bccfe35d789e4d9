//! Answers that are stored for the key of their request, so that a repeated request gets the answer again: with what they
//! answer, or in a write of their own. Must never know what an answer says, or how a client gives the key.
//!
//! Only memory knows which requests are running: after a crash nothing of them is stored, and clients may repeat them.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::calls::ExtraWrite;
use moothall_core::day_budget::{ROW_BYTES, Spent};
use moothall_store::{AfterWrite, Store, StoreError, StoredResponse, Tx};

/// The largest body that is stored, in bytes.
pub const BODY_BYTES: usize = 64 << 10;
/// How long a stored answer is used, in milliseconds.
pub const REMEMBERED_MS: i64 = 24 * 60 * 60 * 1000;

/// The keys of requests that are in progress. Clones share them.
#[derive(Clone, Default)]
pub struct RunningKeys(Arc<Mutex<HashSet<String>>>);

/// A key that is in progress until this is dropped.
pub struct RunningKey {
    key: String,
    running: RunningKeys,
}

/// The first request with its key. In progress until the last clone is dropped.
#[derive(Clone)]
pub struct FirstWithKey {
    key: Arc<RunningKey>,
    fingerprint: Vec<u8>,
    now: i64,
    /// The caller's day budget.
    spent: Arc<Spent>,
}

/// An answer as it is sent and stored.
#[derive(Clone, Debug)]
pub struct PreparedAnswer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl RunningKeys {
    /// None: another request with that key is in progress.
    pub fn begin(&self, key: String) -> Option<RunningKey> {
        let is_new = self.lock().insert(key.clone());
        is_new.then(|| RunningKey { key, running: self.clone() })
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RunningKey {
    pub fn as_str(&self) -> &str {
        &self.key
    }
}

impl Drop for RunningKey {
    fn drop(&mut self) {
        self.running.lock().remove(&self.key);
    }
}

impl FirstWithKey {
    /// A request with that fingerprint, of a caller whose budget has room for `BODY_BYTES`.
    pub fn new(key: RunningKey, fingerprint: Vec<u8>, now: i64, spent: Arc<Spent>) -> Self {
        Self { key: Arc::new(key), fingerprint, now, spent }
    }

    /// What is stored with a success; none if it is too large. In progress until the write has ended.
    pub fn remember(self, answer: PreparedAnswer) -> Option<ExtraWrite<Arc<RunningKey>>> {
        let Self { key, fingerprint, now, spent } = self;
        let PreparedAnswer { status, headers, body } = answer;
        if body.len() > BODY_BYTES {
            return None;
        }
        // The budget was checked before anything was done.
        spent.add(now, body.len() as u64 + ROW_BYTES);
        let response = StoredResponse { fingerprint, status, headers, body };
        Some(Box::new(move |tx| {
            tx.remember_response(&key.key, &response, now + REMEMBERED_MS)?;
            Ok(key)
        }))
    }

    /// Stores nothing. In progress until the write has ended.
    pub fn run_on(self) -> ExtraWrite<Arc<RunningKey>> {
        Box::new(move |_| Ok(self.key))
    }

    /// Stores a plugin's own refusal, in a write of its own.
    pub async fn remember_refusal(self, store: &Store, refusal: PreparedAnswer) {
        if let Some(remember) = self.remember(refusal)
            && let Err(error) = store.write("idempotency.refusal", remember).await
        {
            tracing::warn!(%error, "a refusal could not be remembered; the request may be tried again");
        }
    }
}

/// Makes a change in a write of its own, and stores the answer in it if the request has a key; a failure is not stored. In
/// progress until the write has ended, whether the client still waits or not.
pub async fn write<E: Send + 'static>(
    store: &Store,
    first: Option<FirstWithKey>,
    name: &'static str,
    make: impl FnOnce(&Tx<'_>) -> Result<Result<PreparedAnswer, E>, StoreError> + Send + 'static,
) -> Result<Result<PreparedAnswer, E>, StoreError> {
    let running = first.clone();
    let ended: AfterWrite<Result<PreparedAnswer, E>> = Box::new(move |_| drop(running));
    let write = move |tx: &Tx<'_>| {
        let made = make(tx)?;
        if let Ok(answer) = &made {
            remember_within(tx, first, answer)?;
        }
        Ok(made)
    };
    store.write_then(name, write, Some(ended)).await
}

/// Stores the answer within the write of the request, if the request has a key.
pub fn remember_within(
    tx: &Tx<'_>,
    first: Option<FirstWithKey>,
    answer: &PreparedAnswer,
) -> Result<(), StoreError> {
    let remember = first.and_then(|first| first.remember(answer.clone()));
    remember.map_or(Ok(()), |remember| remember(tx).map(drop))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_in_progress_once_until_it_is_dropped() {
        let running = RunningKeys::default();
        let first = running.begin("driver/a".into()).expect("nobody else has it");
        assert!(running.begin("driver/a".into()).is_none());
        assert!(running.begin("driver/b".into()).is_some());
        drop(first);
        assert!(running.begin("driver/a".into()).is_some());
    }
}
