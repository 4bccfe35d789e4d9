//! The table `endpoint` as events see it: which endpoints subscribe to what.

use super::endpoints::ENDPOINT;
use crate::engine::subscriptions::Subscription;
use crate::{Reader, StoreError};
use moothall_core::endpoint::EndpointOrdering;
use moothall_core::ids::EndpointId;

impl Reader<'_> {
    /// All subscriptions, of which one that cannot be read gets nothing.
    pub(super) fn subscriptions(&self) -> Result<Vec<Subscription>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT id, kind = 'driver', ordering = 'fifo', community_id, event_types FROM endpoint \
             WHERE kind IN ('driver', 'endpoint') ORDER BY id",
        )?;
        let subscription = |row: &rusqlite::Row<'_>| {
            let endpoint = EndpointId(row.get(0)?);
            Ok(Subscription {
                endpoint,
                is_driver: row.get(1)?,
                // A word that is not known keeps no event from the endpoint: its row is unreadable until it is mended.
                ordering: if row.get(2)? {
                    EndpointOrdering::Fifo
                } else {
                    EndpointOrdering::Unordered
                },
                community: row.get(3)?,
                patterns: patterns(endpoint, row.get_ref(4)?.as_str().unwrap_or_default()),
            })
        };
        let rows = statement.query([])?;
        Ok(self.unreadable.list(rows, ENDPOINT, usize::MAX, subscription)?.rows)
    }
}

/// Without those that can be read it gets nothing, which the operator has to know.
fn patterns(endpoint: EndpointId, stored: &str) -> Vec<String> {
    serde_json::from_str(stored).unwrap_or_else(|error| {
        tracing::error!(endpoint = endpoint.0, %error, "the endpoint's event types cannot be read; set them again");
        Vec::new()
    })
}
