//! Writes recordings down, one after the other on a thread for what blocks, and stores them in writes of their own.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::QueuedRecording;
use moothall_core::fair_share::SharePermit;
use moothall_core::secrets::Keyring;
use moothall_core::telemetry::metric::RECORDINGS_DROPPED;
use moothall_guest::MemoryReservation;
use moothall_store::{NewRecording, SecretRow, Store, Tx};

/// Recordings that one write stores, at most.
const BATCH: usize = 16;
/// A write of so many bytes takes no more of them.
const BATCH_BYTES: usize = 1 << 20;

pub struct Writing {
    pub store: Store,
    pub keyring: Arc<Keyring>,
}

/// A recording as it is stored, and what counts it until it is: its plugin's place in the queue, and guests' memory.
struct WrittenRecording {
    new: NewRecording,
    counted: (MemoryReservation, SharePermit),
}

/// Recordings of one write.
#[derive(Default)]
struct RecordingBatch {
    rows: Vec<NewRecording>,
    counted: Vec<(MemoryReservation, SharePermit)>,
    bytes: usize,
}

impl RecordingBatch {
    fn add(&mut self, written: WrittenRecording) {
        self.bytes += written.new.content.len();
        self.rows.push(written.new);
        self.counted.push(written.counted);
    }

    fn is_full(&self) -> bool {
        self.rows.len() >= BATCH || self.bytes >= BATCH_BYTES
    }
}

impl Writing {
    /// Until no more recordings can come.
    pub async fn run(self, mut queue: mpsc::Receiver<QueuedRecording>) {
        while let Some(first) = queue.recv().await {
            // Recordings wait in the queue meanwhile, as many as it holds.
            self.store.health().until_it_can_write().await;
            let (mut batch, mut next) = (RecordingBatch::default(), Some(first));
            while let Some(queued) = next {
                self.write_down(queued, &mut batch).await;
                next = if batch.is_full() { None } else { queue.try_recv().ok() };
            }
            self.add(batch).await;
        }
    }

    /// Takes milliseconds of CPU time, and more for a large recording with many secrets: it must hold up no other task.
    async fn write_down(&self, queued: QueuedRecording, batch: &mut RecordingBatch) {
        let (plugin, keyring) = (queued.row.plugin.clone(), self.keyring.clone());
        let sealed = queued.secrets.read(&self.store);
        let written = tokio::task::spawn_blocking(move || queued.written(sealed, &keyring)).await;
        match written.map_err(|panicked| panicked.to_string()).and_then(|written| written) {
            Ok(written) => batch.add(written),
            Err(error) => lost(&[plugin], &error),
        }
    }

    async fn add(&self, batch: RecordingBatch) {
        let RecordingBatch { rows, counted, bytes } = batch;
        let plugins: Vec<_> = rows.iter().map(|new| new.row.plugin.clone()).collect();
        let add = move |tx: &Tx<'_>| rows.iter().try_for_each(|new| tx.add_recording(new));
        let added = self.store.write_of("recordings.add", bytes, add, None).await;
        drop(counted);
        if let Err(error) = added {
            lost(&plugins, &error.to_string());
        }
    }
}

impl QueuedRecording {
    /// Without the secrets; without any content if they cannot be read.
    fn written(
        self,
        sealed: Result<Vec<SecretRow>, String>,
        keyring: &Keyring,
    ) -> Result<WrittenRecording, String> {
        let Self { mut row, mut recording, recorded, secrets, permit } = self;
        let reservation = match sealed.and_then(|sealed| secrets.open(&sealed, keyring)) {
            Ok(secrets) => recorded.write_into(&mut recording, &secrets),
            Err(reason) => {
                recording.forget_content(reason);
                recorded.into_reservation()
            }
        };
        row.not_replayable.clone_from(&recording.not_replayable);
        let content = serde_json::to_string(&recording).map_err(|error| error.to_string())?;
        Ok(WrittenRecording { new: NewRecording { row, content }, counted: (reservation, permit) })
    }
}

fn lost(plugins: &[String], error: &str) {
    for plugin in plugins {
        RECORDINGS_DROPPED.of(&[("plugin", plugin)]).increment(1);
    }
    tracing::warn!(error, count = plugins.len(), "recordings of calls could not be stored");
}

#[cfg(test)]
mod tests;
