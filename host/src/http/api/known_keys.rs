//! The API keys as the store has them: read again after each change, by whomever it was made.

use std::sync::{Arc, Mutex, PoisonError};

use crate::http::api::Api;
use moothall_deliveries::LocalRule;
use moothall_store::{ApiKeyRow, StoreError};

/// The rows that the keys in memory were made from.
#[derive(Default)]
pub struct KnownKeys(Mutex<Vec<ApiKeyRow>>);

impl Api {
    /// Takes the keys as they are stored now. One reads and replaces at a time, so that none takes back what another
    /// has read later.
    pub fn reread_keys(&self) -> Result<(), StoreError> {
        let mut known = self.known_keys.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut rows = self.context.store.read(|reader| reader.api_keys())?;
        // Noted by the host itself.
        rows.iter_mut().for_each(|row| row.last_used_at = None);
        if rows != *known {
            let keys = self.keys.load().replaced_by(&rows);
            self.local.set(LocalRule {
                operator_allows: self.config.loopback_callbacks,
                needs_key: keys.are_required(),
            });
            self.keys.store(Arc::new(keys));
            self.streams.check_keys();
            *known = rows;
        }
        Ok(())
    }
}
