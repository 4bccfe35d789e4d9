//! Deliveries that end without an attempt, and how many wait.

use super::Outbox;
use moothall_core::telemetry::metric::{
    CIRCUITS_OPEN, DELIVERIES, DELIVERIES_WAITING, DELIVERY_OLDEST,
};
use moothall_store::{EXPIRE_MS, StoreError, Tx};

/// Deliveries that one write ends because their time is over or their endpoint is gone.
const SWEEP_ROWS: usize = 500;

impl Outbox {
    /// Ends what has waited too long, and what waits for an endpoint that was deleted. Whether there
    /// may be more.
    pub(super) async fn sweep(&mut self, now: i64) -> Result<bool, StoreError> {
        let store = self.shared.store.clone();
        let expired_by = self.shared.clock.trusted_ms();
        let expired = store.read(|reader| reader.expired_deliveries(expired_by, SWEEP_ROWS))?;
        let orphaned = store.read(|reader| reader.orphaned_deliveries(SWEEP_ROWS))?;
        let full = expired.len() == SWEEP_ROWS || orphaned.len() == SWEEP_ROWS;
        for (ids, state) in [(expired, "dead"), (orphaned, "cancelled")] {
            if ids.is_empty() {
                continue;
            }
            let outcome = if state == "dead" { "expired" } else { state };
            let end = move |tx: &Tx<'_>| tx.end_deliveries(&ids, state, (now, expired_by));
            let ended = store.write("delivery.end", end).await? as u64;
            DELIVERIES.of(&[("outcome", outcome)]).increment(ended);
        }
        Ok(full)
    }

    /// Ends the deliveries that cannot be read: they can be sent again once their rows are mended.
    pub(super) async fn bury(&mut self) -> Result<(), StoreError> {
        if self.unreadable.is_empty() {
            return Ok(());
        }
        let (ids, now) = (std::mem::take(&mut self.unreadable), self.shared.clock.now_ms());
        let bury = move |tx: &Tx<'_>| tx.bury_deliveries(&ids, now);
        let buried = self.shared.store.write("delivery.bury", bury).await? as u64;
        DELIVERIES.of(&[("outcome", "unreadable")]).increment(buried);
        Ok(())
    }

    pub(super) fn set_gauges(&self) {
        CIRCUITS_OPEN.set(&[], self.lanes.open_circuits() as f64);
        let Ok((waiting, expires)) = self.shared.store.read(|reader| reader.waiting_deliveries())
        else {
            return;
        };
        let now = self.shared.clock.now_ms();
        let age_ms = expires.map_or(0, |expires| now - (expires - EXPIRE_MS)).max(0);
        let fresh = self.fresh.waiting();
        DELIVERIES_WAITING.set(&[], waiting as f64 + fresh as f64);
        DELIVERY_OLDEST.set(&[], age_ms as f64 / 1000.0);
    }
}
