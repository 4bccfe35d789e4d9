//! Workers: each handles the events that it names, in the order of the log, with a cursor of its own.
//!
//! One task looks at the log's end and says which workers have something to do; each of those then has a
//! turn in a task of its own. What one fails at, or waits for, is nobody else's: there is no order between
//! workers. `batch` is what a turn does.

mod batch;
mod plugins;
mod queue;
mod retry;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;

use moothall_core::clock::Clock;
use moothall_core::config::WorkersConfig;
use moothall_core::fair_share::{FairShare, SharePermit};
use moothall_core::ids::{CommunityId, InstanceId, PluginName, RequestId};
use moothall_core::instance::Instance;
use moothall_core::pace::{Pace, Paces};
use moothall_core::retry::{RESTART, RetryPolicy, STORE_PAUSE};
use moothall_core::telemetry::metric::WORKER_LAG;
use moothall_engine::calls::{CallError, Calls, Mode};
use moothall_engine::context::Context;
use moothall_engine::plugins::{Away, Plugin, Worker};
use moothall_guest::exports::{WorkerCall, WorkerInput};
use moothall_guest::{Fault, Output};
use moothall_store::{Asked, Keyed, StoreError, Tx, WorkerRow};

pub use batch::waits;
use queue::WorkerQueue;

/// How often it is looked for events that are to be tried again.
const LOOK: Duration = Duration::from_millis(50);
/// Events of the log that are looked at in one read.
const READ: usize = 512;
/// Workers that one look finds due.
const DUE: usize = 1_000;
/// Instances that are looked at in one read for a missing worker.
const INSTANCES: usize = 5_000;
/// How often the gauges are set, and cursors moved that nothing concerned.
const SETTLE: Duration = Duration::from_secs(10);
/// Waiting events that one write gives up.
const GIVE_UP: usize = 1_000;
/// When a worker is tried again whose plugin does not serve.
const ABSENT: RetryPolicy = RetryPolicy::doubling(30_000, 60_000);
/// The same where its plugin has as many batches under way as one may.
const NO_PLACE: RetryPolicy = RetryPolicy::doubling(50, 3_200);
/// An event that may have ended the process that often is given up.
const CRASHES: u32 = 3;

/// Makes workers handle what they name.
pub struct Workers {
    calls: Arc<Calls>,
    context: Arc<Context>,
    config: WorkersConfig,
    /// Events that may have ended the process are handled one at a time.
    suspects: Semaphore,
    /// Turns that each plugin has now.
    fair_share: FairShare,
    /// Of those of a plugin, the workers that take long leave some to those that do not.
    paces: papaya::HashMap<PluginName, Arc<Paces<i64>>>,
}

/// What the loop has in hand.
struct Work {
    queue: WorkerQueue,
    turns: JoinSet<(i64, Turn)>,
    /// Which worker each task is about, for one that panics.
    tasks: HashMap<Id, i64>,
    known: BTreeMap<PluginName, Weak<Plugin>>,
    /// Where the next look for what is due goes on.
    due_after: i64,
    /// The same for those that were not asked yet.
    unasked_after: i64,
    settle_at: Instant,
    /// Workers, by plugin and name, that `/metrics` shows behind.
    behind: BTreeSet<(String, String)>,
}

/// A turn, given back when it is dropped, and who is told how long it took.
struct Place {
    _turn: (SharePermit, Pace),
    paces: Arc<Paces<i64>>,
}

/// What became of a turn.
enum Turn {
    /// There may be more to do: the events from this time on, in milliseconds since the Unix epoch.
    More { since: Option<i64> },
    /// The events from this time on are not to be handled yet.
    Stuck { since: Option<i64> },
    /// There is nothing to do.
    Idle,
    /// It cannot run now, and is looked at again after this, later each time.
    BackOff { policy: RetryPolicy, reason: String },
    /// Its instance is gone.
    Gone,
}

/// A worker that can run: everything that a turn needs to know.
struct Ready {
    row: WorkerRow,
    worker: Arc<Worker>,
    plugin: Arc<Plugin>,
    instance: Arc<Instance>,
}

impl Ready {
    /// Whether the instance still stands for calls on this version.
    fn is_current(&self) -> bool {
        self.instance.config_for(self.plugin.mark).is_some()
    }
}

impl Work {
    fn new(tail: i64) -> Self {
        Self {
            queue: WorkerQueue::new(tail),
            turns: JoinSet::new(),
            tasks: HashMap::new(),
            known: BTreeMap::new(),
            due_after: 0,
            unasked_after: 0,
            settle_at: Instant::now(),
            behind: BTreeSet::new(),
        }
    }

    fn ended(&mut self, ended: Result<(Id, (i64, Turn)), JoinError>) {
        match ended {
            Ok((task, (worker, turn))) => {
                self.tasks.remove(&task);
                self.queue.ended(worker, turn);
            }
            Err(error) => {
                tracing::error!(%error, "a worker's turn panicked");
                if let Some(worker) = self.tasks.remove(&error.id()) {
                    let reason = error.to_string();
                    self.queue.ended(worker, Turn::BackOff { policy: RESTART, reason });
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
        let mut work = Work::new(this.last_position());
        let signal = this.context.store.signals().workers.clone();
        loop {
            if this.context.store.health().writes() {
                this.note_plugins(&mut work).await;
                this.note(this.look(&mut work));
            }
            // However many turns end meanwhile.
            let look_at = Instant::now() + LOOK;
            loop {
                while work.turns.len() < this.config.concurrency.max(1)
                    // What a batch comes to could not be stored.
                    && this.context.store.health().writes()
                    && let Some(next) = work.queue.next()
                {
                    let turn = work.turns.spawn(this.clone().turn(next));
                    work.tasks.insert(turn.id(), next);
                }
                // A turn that ends makes room for others; only something new is worth a look.
                tokio::select! {
                    Some(ended) = work.turns.join_next_with_id() => work.ended(ended),
                    () = signal.notified() => break,
                    () = tokio::time::sleep_until(look_at) => break,
                }
            }
            if this.context.store.health().writes() {
                this.settle_idle(&mut work).await;
            }
        }
    }

    /// What the end of the process before this one means for its events.
    async fn begin(&self) {
        let now = self.context.clock.now_ms();
        while let Err(error) =
            self.context.store.write("workers.start", move |tx| tx.start_workers(now)).await
        {
            tracing::warn!(%error, "workers wait: the store cannot be written");
            tokio::time::sleep(STORE_PAUSE).await;
        }
    }

    fn last_position(&self) -> i64 {
        self.context.store.read(|reader| reader.event_range()).map_or(0, |(_, last)| last)
    }

    fn note(&self, looked: Result<(), StoreError>) {
        if let Err(error) = looked {
            tracing::warn!(%error, "what workers have to do cannot be read");
        }
    }

    /// New workers, new events, and what is due again.
    fn look(&self, work: &mut Work) -> Result<(), StoreError> {
        let (store, queue) = (&self.context.store, &mut work.queue);
        loop {
            let rows = store.read(|reader| reader.workers(queue.last(), READ))?;
            let more = rows.len() == READ;
            rows.into_iter().for_each(|row| queue.add(row));
            if !more {
                break;
            }
        }
        // Read before the events: what is committed meanwhile is found by the next look.
        let last = self.last_position();
        while !queue.is_empty() {
            let tail = queue.tail();
            let (events, more) = store.read(|reader| reader.log(CommunityId::HOST, tail, READ))?;
            events.iter().for_each(|event| self.tell(queue, event));
            if !more {
                break;
            }
        }
        queue.seen(last);
        let now = self.context.clock.now_ms();
        let (due, next) = store.read(|reader| reader.workers_due(work.due_after, now, DUE))?;
        work.due_after = next.unwrap_or(0);
        let (unasked, next) = store.read(|r| r.unasked_workers(work.unasked_after, DUE))?;
        work.unasked_after = next.unwrap_or(0);
        due.into_iter().chain(unasked).for_each(|worker| queue.wake(worker));
        Ok(())
    }

    /// Wakes the workers that want an event.
    fn tell(&self, queue: &mut WorkerQueue, (event, _): &Keyed) {
        let wants = |instance: InstanceId, name: &str| {
            let instance = self.context.communities.instance(instance);
            let plugin = instance.and_then(|instance| self.calls.plugin_of(&instance).ok());
            // One that cannot be asked now is asked again at its turn.
            plugin.is_none_or(|plugin| {
                plugin.workers.iter().any(|one| *one.name == *name && one.wants(event))
            })
        };
        queue.wake_for(event, wants);
    }

    async fn turn(self: Arc<Self>, worker: i64) -> (i64, Turn) {
        let turn = match self.ready(worker) {
            Ok(Some(ready)) => match self.place(&ready) {
                Some(place) => {
                    let began = Instant::now();
                    let turn = self.have_turn(ready).await;
                    // One that had nothing to do says nothing of how long it takes.
                    if !matches!(turn, Ok(Turn::Idle)) {
                        place.paces.ended(&worker, began.elapsed());
                    }
                    turn
                }
                None => Ok(Turn::BackOff { policy: NO_PLACE, reason: String::new() }),
            },
            Ok(None) => Ok(Turn::Gone),
            Err(error) => Err(error),
        };
        let turn = turn.unwrap_or_else(|error| {
            let policy = match error {
                CallError::PluginUnavailable(..) => ABSENT,
                _ => RESTART,
            };
            Turn::BackOff { policy, reason: error.to_string() }
        });
        (worker, turn)
    }

    /// None: its plugin has as many turns as one may, or as its slow workers may.
    fn place(&self, ready: &Ready) -> Option<Place> {
        let (plugin, all) = (&ready.plugin.name, self.fair_share.most());
        let permit = self.fair_share.take(plugin)?;
        let paces = self.paces.pin();
        let paces = paces.get_or_insert_with(plugin.clone(), || Arc::new(Paces::of(all)));
        let pace = paces.try_begin(&ready.row.id)?;
        Some(Place { _turn: (permit, pace), paces: paces.clone() })
    }

    /// None: there is no such worker any more.
    fn ready(&self, id: i64) -> Result<Option<Ready>, CallError> {
        let row = self.context.store.read(|reader| reader.worker(id))?;
        let Some(row) = row.filter(|row| !row.is_retired()) else { return Ok(None) };
        // The row is retired with its instance: one that is not there is not there yet.
        let instance = self.context.communities.instance(row.instance);
        let instance = instance.ok_or(Fault::Overloaded("the instance is just being made"))?;
        let plugin = self.calls.plugin_of(&instance)?;
        let worker = plugin.workers.iter().find(|one| *one.name == *row.name).cloned();
        let Some(worker) = worker else {
            // Another version of the plugin may have it again.
            return Err(CallError::PluginUnavailable(plugin.name.to_string(), Away::Gone));
        };
        Ok(Some(Ready { row, worker, plugin, instance }))
    }

    /// Asks the plugin whether the worker is enabled, once for each file and configuration.
    async fn asked(&self, mut ready: Ready) -> Result<Ready, CallError> {
        let of = (ready.plugin.mark, ready.instance.generation);
        if ready.row.asked == of {
            return Ok(ready);
        }
        let config = ready.instance.config_for(ready.plugin.mark);
        let config = config.unwrap_or_else(|| ready.instance.stored_config().clone());
        let input = WorkerInput::Enabled { config: config.to_string() };
        let enabled = WorkerCall { worker: ready.worker.name.clone(), input };
        let call =
            self.calls.on(ready.plugin.clone(), ready.instance.clone(), enabled, self.request());
        let answer = self.calls.run(call.await?, Mode::Collect).await?;
        let asked =
            Asked { enabled: answer.output == Output::Enabled(true), mark: of.0, generation: of.1 };
        let (id, now) = (ready.row.id, self.clock().now_ms());
        if !asked.enabled {
            self.give_up_waiting(id, now).await?;
        }
        self.context.store.write("worker.ask", move |tx| tx.settle_worker(id, &asked)).await?;
        if let Some(row) = self.context.store.read(|reader| reader.worker(id))? {
            ready.row = row;
        }
        Ok(ready)
    }

    /// What waits for a worker that is off is given up, where it can be seen.
    async fn give_up_waiting(&self, worker: i64, now: i64) -> Result<(), StoreError> {
        loop {
            let give_up = move |tx: &Tx<'_>| tx.give_up_waiting(worker, now, GIVE_UP);
            if self.context.store.write("worker.give_up", give_up).await? < GIVE_UP {
                return Ok(());
            }
        }
    }

    async fn have_turn(&self, ready: Ready) -> Result<Turn, CallError> {
        let mut ready = self.asked(ready).await?;
        if !ready.row.enabled || ready.row.is_retired() {
            return Ok(Turn::Idle);
        }
        let tried = self.try_again(&ready).await?;
        if tried && let Some(row) = self.context.store.read(|reader| reader.worker(ready.row.id))? {
            ready.row = row;
        }
        let turn = self.next_batch(&ready).await?;
        match turn {
            Turn::Idle if tried => Ok(Turn::More { since: None }),
            Turn::Stuck { since } if tried => Ok(Turn::More { since }),
            turn => Ok(turn),
        }
    }

    /// Moves the cursors of those that nothing concerned, and says how far the others are.
    async fn settle_idle(&self, work: &mut Work) {
        if work.settle_at > Instant::now() {
            return;
        }
        work.settle_at = Instant::now() + SETTLE;
        let communities = &self.context.communities;
        work.queue.forget_gone(|instance| communities.instance(instance).is_some());
        self.set_gauges(work);
        let (idle, tail) = (work.queue.idle(), work.queue.tail());
        for ids in idle.chunks(INSTANCES) {
            let ids = ids.to_vec();
            let pass = move |tx: &Tx<'_>| tx.pass_workers(&ids, tail);
            if let Err(error) = self.context.store.write("worker.pass", pass).await {
                tracing::debug!(%error, "cursors are moved later");
            }
        }
    }

    /// How far the worker that is furthest behind is, in seconds, for each plugin and worker that is behind at all.
    fn set_gauges(&self, work: &mut Work) {
        let now = self.context.clock.now_ms();
        let mut caught_up = std::mem::take(&mut work.behind);
        for (name, since) in work.queue.oldest(&self.context) {
            let Some(lag_ms) = since.map(|since| now - since).filter(|lag_ms| *lag_ms > 0) else {
                continue;
            };
            set_lag(&name, lag_ms as f64 / 1000.0);
            caught_up.remove(&name);
            work.behind.insert(name);
        }
        caught_up.iter().for_each(|name| set_lag(name, 0.0));
    }

    fn request(&self) -> RequestId {
        RequestId::new(self.clock())
    }

    fn clock(&self) -> &Clock {
        &self.context.clock
    }
}

fn set_lag((plugin, worker): &(String, String), seconds: f64) {
    WORKER_LAG.set(&[("plugin", plugin), ("worker", worker)], seconds);
}
