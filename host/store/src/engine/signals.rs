//! Signals by which commits wake the tasks that do the work which is now in the store. A write raises a signal, and the
//! writer sends it after the commit. A signal is a hint to poll, never the work itself.

use std::cell::Cell;
use std::sync::Arc;

use tokio::sync::Notify;

/// The signals, for those who wait.
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

/// The signals that the writes of one batch have raised.
#[derive(Default)]
pub struct RaisedSignals {
    pub deliveries: Cell<bool>,
    pub schedules: Cell<bool>,
    pub webhooks: Cell<bool>,
    pub events: Cell<bool>,
    pub workers: Cell<bool>,
}

impl RaisedSignals {
    /// Sends them, after the commit. A task that is not waiting yet is woken as soon as it waits.
    pub fn send(&self, signals: &Signals) {
        let send = |raised: &Cell<bool>, notify: &Notify| {
            if raised.take() {
                notify.notify_one();
            }
        };
        send(&self.deliveries, &signals.deliveries);
        send(&self.schedules, &signals.schedules);
        send(&self.webhooks, &signals.webhooks);
        send(&self.workers, &signals.workers);
        if self.events.take() {
            signals.events.notify_waiters();
        }
    }
}
