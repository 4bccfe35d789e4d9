//! Workers: each handles the events that it names, in the order of the log, with a cursor of its own.
//!
//! One task polls the end of the log and finds the workers that have something to do. Each of those runs a batch in a
//! task of its own (`run`, then `batch`). There is no order between workers: what one fails at, or waits for, holds up
//! no other.

mod batch;
mod idle;
mod plugins;
mod queue;
mod ready;
mod retry;
mod run;
mod shared;
mod under_way;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use moothall_core::ids::{CommunityId, InstanceId, Position, WorkerId};
use moothall_core::retry::STORE_PAUSE;
use moothall_store::{Keyed, StoreError};

pub use batch::waits;
use queue::WorkerQueue;
use shared::READ;
pub use shared::Workers;
use under_way::WorkersUnderWay;

/// How often the store is asked for events that are due again.
const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// Workers that one poll finds due.
const DUE: usize = 1_000;

impl Workers {
    /// Never ends.
    pub async fn run(self) {
        if !self.config.enabled {
            return std::future::pending().await;
        }
        let this = Arc::new(self);
        this.begin().await;
        let mut under_way = WorkersUnderWay::new(this.last_position());
        let signal = this.context.store.signals().workers.clone();
        loop {
            if this.context.store.health().can_write() {
                this.note_plugins(&mut under_way).await;
                this.note(this.poll(&mut under_way));
            }
            // However many batches end meanwhile.
            let poll_at = Instant::now() + POLL_INTERVAL;
            loop {
                while under_way.batches.len() < this.config.concurrency.max(1)
                    // Otherwise what a batch did could not be stored.
                    && this.context.store.health().can_write()
                    && let Some(next) = under_way.queue.next()
                {
                    let task = under_way.batches.spawn(this.clone().run_batch(next));
                    under_way.tasks.insert(task.id(), next);
                }
                // A batch that ends makes room for others; only something new is worth a poll.
                tokio::select! {
                    Some(ended) = under_way.batches.join_next_with_id() => under_way.ended(ended),
                    () = signal.notified() => break,
                    () = tokio::time::sleep_until(poll_at) => break,
                }
            }
            if this.context.store.health().can_write() {
                this.settle_idle(&mut under_way).await;
            }
        }
    }

    /// Counts a crash for each event that was being handled when the process before this one ended.
    async fn begin(&self) {
        let now = self.context.clock.now_ms();
        while let Err(error) =
            self.context.store.write("workers.start", move |tx| tx.start_workers(now)).await
        {
            tracing::warn!(%error, "workers wait: the store cannot be written");
            tokio::time::sleep(STORE_PAUSE).await;
        }
    }

    fn last_position(&self) -> Position {
        let range = self.context.store.read(|reader| reader.event_range());
        range.map_or(Position::START, |(_, last)| last)
    }

    fn note(&self, polled: Result<(), StoreError>) {
        if let Err(error) = polled {
            tracing::warn!(%error, "what workers have to do cannot be read");
        }
    }

    /// New workers, new events, and what is due again.
    fn poll(&self, under_way: &mut WorkersUnderWay) -> Result<(), StoreError> {
        let (store, queue) = (&self.context.store, &mut under_way.queue);
        loop {
            let rows = store.read(|reader| reader.workers(queue.last(), READ))?;
            let more = rows.len() == READ;
            rows.into_iter().for_each(|row| queue.add(row));
            if !more {
                break;
            }
        }
        // Read before the events: the next poll finds what is committed meanwhile.
        let last = self.last_position();
        while !queue.is_empty() {
            let tail = queue.tail();
            let (events, more) = store.read(|reader| reader.log(CommunityId::HOST, tail, READ))?;
            events.iter().for_each(|event| self.wake_for(queue, event));
            if !more {
                break;
            }
        }
        queue.seen(last);
        let now = self.context.clock.now_ms();
        let (due, next) = store.read(|reader| reader.workers_due(under_way.due_after, now, DUE))?;
        under_way.due_after = next.unwrap_or(WorkerId(0));
        let (unasked, next) = store.read(|r| r.unasked_workers(under_way.unasked_after, DUE))?;
        under_way.unasked_after = next.unwrap_or(WorkerId(0));
        due.into_iter().chain(unasked).for_each(|worker| queue.wake(worker));
        Ok(())
    }

    /// Wakes the workers that want an event.
    fn wake_for(&self, queue: &mut WorkerQueue, (event, _): &Keyed) {
        let wants = |instance: InstanceId, name: &str| {
            let instance = self.context.communities.instance(instance);
            let plugin = instance.and_then(|instance| self.calls.plugin_of(&instance).ok());
            // Of a plugin that does not serve now it is found out when the worker runs.
            plugin.is_none_or(|plugin| {
                plugin.workers.iter().any(|one| *one.name == *name && one.wants(event))
            })
        };
        queue.wake_for(event, wants);
    }
}
