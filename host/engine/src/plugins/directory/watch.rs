//! Watches the plugin directory, and scans it when the file system reports a change, when the configuration changes, and
//! every `rescan_ms`.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use notify::Watcher;
use tokio::sync::{mpsc, watch};

use super::{Depth, Directory};
use moothall_core::config::Config;

impl Directory {
    /// Follows the directory until `reloads` is closed: each configuration that comes through it
    /// takes effect at once.
    pub async fn watch(mut self, mut reloads: watch::Receiver<Arc<Config>>) {
        let (changed, mut changes) = mpsc::channel(1);
        let watcher = self.notify(changed).await;
        self.scan(Depth::All).await;
        loop {
            self.prune().await;
            let until_next_scan = self.until_next_scan();
            tokio::select! {
                reloaded = reloads.changed() => {
                    if reloaded.is_err() {
                        break;
                    }
                    self.config = reloads.borrow_and_update().clone();
                    // Files that were refused may be accepted under the new configuration.
                    self.retry_refused();
                }
                Some(()) = changes.recv() => self.settle(&mut changes).await,
                Some(compiled) = self.compilations.next() => {
                    if self.settle_compiled(compiled) {
                        continue;
                    }
                }
                () = tokio::time::sleep(until_next_scan) => {}
            }
            self.scan(Depth::All).await;
        }
        drop(watcher);
    }

    /// Asks the file system to report changes. Without reports the regular scans remain.
    async fn notify(&self, changed: mpsc::Sender<()>) -> Option<notify::RecommendedWatcher> {
        let every = self.config.directory.rescan_ms;
        let begun = self.files.with_directory(|path| watcher(path, changed)).await;
        let begun = begun.and_then(|watcher| watcher.map_err(|error| error.to_string()));
        begun.inspect_err(|error| tracing::warn!(%error, every, "no notice of changed plugin files; looking every so many ms")).ok()
    }

    /// Waits until the directory is quiet, because a copy in progress makes many changes.
    async fn settle(&self, changes: &mut mpsc::Receiver<()>) {
        let quiet = Duration::from_millis(self.config.directory.settle_ms);
        while tokio::time::timeout(quiet, changes.recv()).await.is_ok_and(|change| change.is_some())
        {
        }
    }

    fn until_next_scan(&mut self) -> Duration {
        if std::mem::take(&mut self.is_scan_due) {
            return Duration::ZERO;
        }
        let removal = Duration::from_millis(self.config.directory.removal_ms);
        let gone = self.entries.values().filter_map(|entry| entry.gone_since);
        let until = gone.map(|since| removal.saturating_sub(since.elapsed())).min();
        // Files that blocked may be readable by now.
        let blocked = (!self.blocked.is_empty()).then_some(self.config.directory.read_ms);
        let stamp = blocked.unwrap_or(u64::MAX).min(self.config.directory.rescan_ms).max(1);
        until.unwrap_or(Duration::MAX).min(Duration::from_millis(stamp))
    }
}

fn watcher(path: &Path, changed: mpsc::Sender<()>) -> notify::Result<notify::RecommendedWatcher> {
    let on_change = move |_: notify::Result<notify::Event>| {
        // One notice in the queue is enough.
        if let Err(mpsc::error::TrySendError::Closed(())) = changed.try_send(()) {
            tracing::debug!("the plugin directory changed after its watch has ended");
        }
    };
    let mut watcher = notify::recommended_watcher(on_change)?;
    watcher.watch(path, notify::RecursiveMode::NonRecursive)?;
    Ok(watcher)
}
