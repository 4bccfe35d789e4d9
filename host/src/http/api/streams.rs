//! Permits for event streams, and the signals that end streams.

use std::sync::Arc;

use tokio::sync::{Notify, Semaphore, watch};

/// The permits of streams, and the signals that end streams.
#[derive(Clone)]
pub struct Streams {
    pub room: Arc<Semaphore>,
    pub stopping: watch::Receiver<bool>,
    pub keys_changed: Arc<Notify>,
}

impl Streams {
    pub fn new(stopping: watch::Receiver<bool>, most: usize) -> Self {
        let room = Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS)));
        Self { room, stopping, keys_changed: Arc::default() }
    }

    /// The valid keys have changed: streams whose key is not valid any more end, also those that wait.
    pub fn check_keys(&self) {
        self.keys_changed.notify_waiters();
    }
}
