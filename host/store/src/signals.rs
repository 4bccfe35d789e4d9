//! What commits tell whoever does the work that is now in the store. Set inside a write, given by
//! the writer after the commit; a signal is a hint to look, never the work itself.

use std::cell::Cell;
use std::sync::Arc;

use tokio::sync::Notify;

/// To be waited for.
#[derive(Clone, Default)]
pub struct Signals {
    /// Deliveries may be waiting, or endpoints were changed.
    pub deliveries: Arc<Notify>,
    /// Schedules were added, or come earlier.
    pub schedules: Arc<Notify>,
    /// Webhook requests wait for their receivers.
    pub webhooks: Arc<Notify>,
    /// Events were stored.
    pub events: Arc<Notify>,
    /// Workers may have something to do.
    pub workers: Arc<Notify>,
}

/// What the writes of one batch have to tell.
#[derive(Default)]
pub struct Told {
    pub deliveries: Cell<bool>,
    pub schedules: Cell<bool>,
    pub webhooks: Cell<bool>,
    pub events: Cell<bool>,
    pub workers: Cell<bool>,
}

impl Told {
    /// After the commit. Whoever is not waiting yet finds the permit when it does.
    pub fn give(&self, signals: &Signals) {
        let give = |told: &Cell<bool>, notify: &Notify| {
            if told.take() {
                notify.notify_one();
            }
        };
        give(&self.deliveries, &signals.deliveries);
        give(&self.schedules, &signals.schedules);
        give(&self.webhooks, &signals.webhooks);
        give(&self.workers, &signals.workers);
        if self.events.take() {
            signals.events.notify_waiters();
        }
    }
}
