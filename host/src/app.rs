//! Assembles the host, runs it, and shuts it down in order.
//!
//! HTTP threads make calls. A second runtime does the work that belongs to no request: it loads plugins, records failed
//! calls, purges old rows and notices new API keys.

mod assemble;
mod background;
mod data;
mod descriptors;
mod due_times;
mod examiner;
mod gauges;
mod key;
mod leftovers;
mod listening;
mod loader;
mod purge;
mod reread;
mod started;
mod tasks;
mod unknown_plugin_names;
mod unwritten;
mod work;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::runtime::Runtime;
use tokio::sync::watch;

use crate::http::Api;
use crate::http::serve::BoundAddress;
use moothall_core::config::Config;
use moothall_store::Trouble;

pub use data::{DataDirectory, key_source};
pub use examiner::{Examined, Examiner};
pub use leftovers::{HeldChild, Scratch, tell_of_first_signal};

use listening::HostListeners;
use tasks::{Failed, Tasks};
use work::Work;

/// How long background work may take to end after the last connection.
const BACKGROUND_END: Duration = Duration::from_millis(100);

/// A host that is assembled and bound to its port, but does not answer yet.
pub struct Host {
    config: Arc<Config>,
    listening: HostListeners,
    api: Arc<Api>,
    work: Work,
    stop: watch::Sender<bool>,
    background: Runtime,
    _data: DataDirectory,
}

impl Host {
    pub fn place(&self) -> &BoundAddress {
        &self.listening.api.place
    }

    /// Answers until SIGTERM or SIGINT, then finishes what is in flight.
    pub fn run(self) -> anyhow::Result<()> {
        started::log(&self.config, &self.api, &self.listening);
        started::warn(&self.config);
        let failed = Failed::default();
        let (runtime, stopping) = (&self.background, self.stop.subscribe());
        let tasks = Tasks { runtime, stop: self.stop, failed: failed.clone() };
        let running = self.work.start(&tasks, &self.config, &self.api);
        self.listening.serve(&self.api, stopping)?;
        let store = &self.api.context.store;
        if store.health().has(Trouble::Ended) {
            // The next process reads what is stored; this one can store nothing more.
            self.background.shutdown_timeout(BACKGROUND_END);
            return failed.outcome();
        }
        running.end(runtime, &self.api)?;
        self.background.shutdown_timeout(BACKGROUND_END);
        store.finish().context("the database's log could not be copied")?;
        tracing::info!("stopped");
        failed.outcome()
    }
}
