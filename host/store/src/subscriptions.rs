//! Which endpoints subscribe to what, as the writer knows it: read once, because each event asks for it,
//! and forgotten by whatever changes an endpoint and by each write that fails.

use std::cell::RefCell;
use std::sync::Arc;

use rusqlite::Connection;

use super::StoreError;
use super::endpoints::ENDPOINT;
use super::rows::Unreadable;
use moothall_core::events::matches;

#[derive(Default)]
pub struct Subscriptions(RefCell<Option<Arc<[Subscription]>>>);

pub struct Subscription {
    /// Row of the endpoint.
    pub endpoint: i64,
    pub is_driver: bool,
    pub in_order: bool,
    /// 0: all.
    community: i64,
    patterns: Vec<String>,
}

impl Subscriptions {
    pub fn forget(&self) {
        self.0.replace(None);
    }

    pub fn all(
        &self,
        conn: &Connection,
        unreadable: &Unreadable,
    ) -> Result<Arc<[Subscription]>, StoreError> {
        if let Some(known) = &*self.0.borrow() {
            return Ok(known.clone());
        }
        let mut statement = conn.prepare_cached(
            "SELECT id, kind = 'driver', ordering = 'fifo', community_id, event_types FROM endpoint \
             WHERE kind IN ('driver', 'endpoint') ORDER BY id",
        )?;
        let subscription = |row: &rusqlite::Row<'_>| {
            let endpoint = row.get(0)?;
            Ok(Subscription {
                endpoint,
                is_driver: row.get(1)?,
                in_order: row.get(2)?,
                community: row.get(3)?,
                patterns: patterns(endpoint, row.get_ref(4)?.as_str().unwrap_or_default()),
            })
        };
        let rows = statement.query([])?;
        let all = unreadable.list(rows, ENDPOINT, usize::MAX, subscription)?.rows;
        let all: Arc<[Subscription]> = all.into();
        self.0.replace(Some(all.clone()));
        Ok(all)
    }
}

/// Without those that can be read it gets nothing, which the operator has to know.
fn patterns(endpoint: i64, stored: &str) -> Vec<String> {
    serde_json::from_str(stored).unwrap_or_else(|error| {
        tracing::error!(endpoint, %error, "the endpoint's event types cannot be read; set them again");
        Vec::new()
    })
}

impl Subscription {
    /// Whether it is for an event of that community. The driver does not hear what the API itself tells.
    pub fn is_for(&self, community: i64, source: &str, event_type: &str) -> bool {
        (self.community == 0 || self.community == community)
            && !(self.is_driver && source == "api")
            && self.patterns.iter().any(|pattern| matches(pattern, source, event_type))
    }
}
