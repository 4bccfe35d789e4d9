//! Workers: each handles the events that it names, in the order of the log, with a cursor of its own.
//!
//! One task polls the end of the log and finds the workers that have something to do. Each of those runs a batch in a
//! task of its own (`run`, then `batch`). There is no order between workers: what one fails at, or waits for, holds up
//! no other.

mod batch;
mod idle;
mod plugins;
mod queue;
mod retry;
mod run;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;

use moothall_core::clock::Clock;
use moothall_core::config::WorkersConfig;
use moothall_core::fair_share::FairShare;
use moothall_core::ids::{CommunityId, InstanceId, PluginName, Position, RequestId, WorkerId};
use moothall_core::pace::Paces;
use moothall_core::retry::{RESTART, STORE_PAUSE};
use moothall_engine::calls::Calls;
use moothall_engine::context::Context;
use moothall_engine::plugins::Plugin;
use moothall_store::{Keyed, StoreError};

pub use batch::waits;
use queue::WorkerQueue;
use run::BatchOutcome;

/// How often the store is asked for events that are due again.
const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// Events of the log, or workers, that one read returns.
const READ: usize = 512;
/// Workers that one poll finds due.
const DUE: usize = 1_000;
/// Instances that one read searches for a missing worker.
const INSTANCES: usize = 5_000;
/// An event that may have ended the process that often is given up.
const CRASHES: u32 = 3;

/// Makes workers handle what they name.
pub struct Workers {
    calls: Arc<Calls>,
    context: Arc<Context>,
    config: WorkersConfig,
    /// Events that may have ended the process are handled one at a time.
    suspects: Semaphore,
    /// Batches of each plugin that are under way.
    fair_share: FairShare,
    /// Of a plugin's permits, workers that take long leave some to those that do not.
    paces: papaya::HashMap<PluginName, Arc<Paces<WorkerId>>>,
}

/// What the polling task keeps: who is waiting, who is running, and where the next poll goes on.
struct WorkersUnderWay {
    queue: WorkerQueue,
    batches: JoinSet<(WorkerId, BatchOutcome)>,
    /// Which worker each task is about, for one that panics.
    tasks: HashMap<Id, WorkerId>,
    known: BTreeMap<PluginName, Weak<Plugin>>,
    /// Where the next poll for what is due goes on.
    due_after: WorkerId,
    /// The same for workers that were not asked yet whether they are enabled.
    unasked_after: WorkerId,
    settle_at: Instant,
    /// Workers, by plugin and name, that `/metrics` shows behind.
    behind: BTreeSet<(String, String)>,
}

impl WorkersUnderWay {
    fn new(tail: Position) -> Self {
        Self {
            queue: WorkerQueue::new(tail),
            batches: JoinSet::new(),
            tasks: HashMap::new(),
            known: BTreeMap::new(),
            due_after: WorkerId(0),
            unasked_after: WorkerId(0),
            settle_at: Instant::now(),
            behind: BTreeSet::new(),
        }
    }

    fn ended(&mut self, ended: Result<(Id, (WorkerId, BatchOutcome)), JoinError>) {
        match ended {
            Ok((task, (worker, outcome))) => {
                self.tasks.remove(&task);
                self.queue.ended(worker, outcome);
            }
            Err(error) => {
                tracing::error!(%error, "a worker's batch panicked");
                if let Some(worker) = self.tasks.remove(&error.id()) {
                    let reason = error.to_string();
                    self.queue.ended(worker, BatchOutcome::BackOff { policy: RESTART, reason });
                }
            }
        }
    }
}

impl Workers {
    pub fn new(calls: Arc<Calls>, config: WorkersConfig) -> Self {
        let fair_share = FairShare::of(config.concurrency.max(1));
        let paces = papaya::HashMap::new();
        Self {
            context: calls.context.clone(),
            calls,
            config,
            suspects: Semaphore::new(1),
            fair_share,
            paces,
        }
    }

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

    fn request(&self) -> RequestId {
        RequestId::new(self.clock())
    }

    fn clock(&self) -> &Clock {
        &self.context.clock
    }
}
