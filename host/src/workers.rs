//! Workers: each handles the events that it names, in the order of the log, with a cursor of its own.
//!
//! One task looks at the log's end and says which workers have something to do; each of those then has a
//! turn in a task of its own. What one fails at, or waits for, is nobody else's: there is no order between
//! workers. `batch` is what a turn does.

mod batch;
mod retry;
mod roster;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use metrics::gauge;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::calls::{CallError, Calls, Mode, What};
use crate::clock::Clock;
use crate::config::WorkersConfig;
use crate::guest::Output;
use crate::ids::{InstanceId, PluginName, RequestId};
use crate::instance::Instance;
use crate::plugins::{Plugin, Worker};
use crate::store::{Asked, Keyed, NewWorker, StoreError, Tx, WorkerRow};

use roster::Roster;

/// How often it is looked for events that are to be tried again.
const LOOK: Duration = Duration::from_millis(50);
/// Events of the log that are looked at in one read.
const READ: usize = 512;
/// Workers that one look finds due.
const DUE: usize = 1_000;
/// Instances that are looked at in one read for a missing worker.
const INSTANCES: usize = 5_000;
/// How often the gauges are set.
const GAUGES: Duration = Duration::from_secs(10);
/// A worker that cannot run now is looked at again after this.
const REST: Duration = Duration::from_secs(1);
/// The same where its plugin does not serve.
const ABSENT: Duration = Duration::from_secs(5);
/// An event that may have ended the process that often is given up.
const CRASHES: u32 = 3;

/// Makes workers handle what they name.
pub struct Workers {
    pub calls: Arc<Calls>,
    pub config: WorkersConfig,
    /// Events that may have ended the process are handled one at a time.
    pub suspects: Semaphore,
}

/// What became of a turn.
enum Turn {
    /// There may be more to do.
    More,
    /// There is nothing to do.
    Idle,
    /// It cannot run now, and is looked at again after this.
    Rest(Duration),
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

impl Workers {
    /// Never ends.
    pub async fn run(self) {
        if !self.config.enabled {
            return std::future::pending().await;
        }
        let this = Arc::new(self);
        this.begin().await;
        let mut roster = Roster::new(this.last_position());
        let mut turns: JoinSet<(i64, Turn)> = JoinSet::new();
        let (mut known, mut gauges_at) = (BTreeMap::new(), Instant::now());
        let signal = this.calls.store.signals().workers.clone();
        loop {
            this.add_missing(&mut known).await;
            this.note(this.look(&mut roster));
            while turns.len() < this.config.concurrency.max(1)
                && let Some(next) = roster.next()
            {
                turns.spawn(this.clone().turn(next));
            }
            tokio::select! {
                Some(ended) = turns.join_next() => match ended {
                    Ok((worker, turn)) => roster.ended(worker, &turn),
                    Err(error) => tracing::error!(%error, "a worker's turn panicked"),
                },
                () = signal.notified() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
            while let Some(ended) = turns.try_join_next() {
                if let Ok((worker, turn)) = ended {
                    roster.ended(worker, &turn);
                }
            }
            if gauges_at <= Instant::now() {
                gauges_at = Instant::now() + GAUGES;
                this.set_gauges(&roster);
            }
        }
    }

    /// What the end of the process before this one means for its events.
    async fn begin(&self) {
        let now = self.calls.clock.now_ms();
        while let Err(error) =
            self.calls.store.write("workers.start", move |tx| tx.start_workers(now)).await
        {
            tracing::warn!(%error, "workers wait: the store cannot be written");
            tokio::time::sleep(REST).await;
        }
    }

    fn last_position(&self) -> i64 {
        self.calls.store.read(|reader| reader.event_range()).map_or(0, |(_, last)| last)
    }

    fn note(&self, looked: Result<(), StoreError>) {
        if let Err(error) = looked {
            tracing::warn!(%error, "what workers have to do cannot be read");
        }
    }

    /// New workers, new events, and what is due again.
    fn look(&self, roster: &mut Roster) -> Result<(), StoreError> {
        let store = &self.calls.store;
        loop {
            let rows = store.read(|reader| reader.workers(roster.last(), READ))?;
            let more = rows.len() == READ;
            rows.into_iter().for_each(|row| roster.add(row));
            if !more {
                break;
            }
        }
        loop {
            let tail = roster.tail();
            let events =
                store.read(|reader| reader.log(crate::ids::CommunityId::HOST, tail, READ))?;
            events.iter().for_each(|event| self.tell(roster, event));
            if events.len() < READ {
                break;
            }
        }
        let now = self.calls.clock.now_ms();
        let due = store.read(|reader| reader.workers_due(now, DUE))?;
        due.into_iter().for_each(|worker| roster.wake(worker));
        Ok(())
    }

    /// Wakes the workers that want an event.
    fn tell(&self, roster: &mut Roster, (event, _): &Keyed) {
        let wants = |instance: InstanceId, name: &str| {
            let instance = self.calls.communities.instance(instance);
            let plugin = instance.and_then(|instance| self.calls.plugin_of(&instance).ok());
            // One that cannot be asked now is asked again at its turn.
            plugin.is_none_or(|plugin| {
                plugin.workers.iter().any(|one| *one.name == *name && one.wants(event))
            })
        };
        roster.wake_for(event, wants);
    }

    async fn turn(self: Arc<Self>, worker: i64) -> (i64, Turn) {
        let turn = match self.ready(worker).await {
            Ok(Some(ready)) => self.have_turn(ready).await,
            Ok(None) => Ok(Turn::Gone),
            Err(error) => Err(error),
        };
        let turn = turn.unwrap_or_else(|error| {
            tracing::debug!(%error, worker, "a worker rests");
            match error {
                CallError::PluginUnavailable(_) => Turn::Rest(ABSENT),
                _ => Turn::Rest(REST),
            }
        });
        (worker, turn)
    }

    /// None: there is no such worker any more.
    async fn ready(&self, id: i64) -> Result<Option<Ready>, CallError> {
        let Some(row) = self.calls.store.read(|reader| reader.worker(id))? else { return Ok(None) };
        let Some(instance) = self.calls.communities.instance(row.instance) else {
            return Ok(None);
        };
        let plugin = self.calls.plugin_of(&instance)?;
        let worker = plugin.workers.iter().find(|one| *one.name == *row.name).cloned();
        let Some(worker) = worker else {
            // Another version of the plugin may have it again.
            return Err(CallError::PluginUnavailable(plugin.name.to_string()));
        };
        let ready = Ready { row, worker, plugin, instance };
        self.asked(ready).await.map(Some)
    }

    /// Asks the plugin whether the worker is enabled, once for each file and configuration.
    async fn asked(&self, mut ready: Ready) -> Result<Ready, CallError> {
        let of = (ready.plugin.mark, ready.instance.generation);
        if ready.row.asked == of {
            return Ok(ready);
        }
        let config = ready.instance.config_for(ready.plugin.mark);
        let config = config.unwrap_or_else(|| ready.instance.stored_config().clone());
        let what = What::Enabled { worker: ready.worker.clone(), config: config.to_string() };
        let call =
            self.calls.on(ready.plugin.clone(), ready.instance.clone(), what, self.request());
        let answer = self.calls.run(call.await?, Mode::Collect).await?;
        let wanted = ready.worker.row();
        let asked = Asked {
            enabled: answer.output == Output::Enabled(true),
            mark: of.0,
            generation: of.1,
            wants_change: wanted.wants_change,
            wants_sending: wanted.wants_sending,
        };
        let id = ready.row.id;
        self.calls.store.write("worker.ask", move |tx| tx.settle_worker(id, &asked)).await?;
        if let Some(row) = self.calls.store.read(|reader| reader.worker(id))? {
            ready.row = row;
        }
        Ok(ready)
    }

    async fn have_turn(&self, mut ready: Ready) -> Result<Turn, CallError> {
        if !ready.row.enabled {
            return Ok(Turn::Idle);
        }
        let tried = self.try_again(&ready).await?;
        if tried && let Some(row) = self.calls.store.read(|reader| reader.worker(ready.row.id))? {
            ready.row = row;
        }
        let turn = self.next_batch(&ready).await?;
        Ok(if tried { Turn::More } else { turn })
    }

    /// A plugin that has a worker since its file was replaced: its instances get it.
    async fn add_missing(&self, known: &mut BTreeMap<PluginName, i64>) {
        for plugin in self.calls.plugins.all() {
            if known.insert(plugin.name.clone(), plugin.mark) == Some(plugin.mark) {
                continue;
            }
            for worker in &plugin.workers {
                if let Err(error) = self.add_worker(plugin.name.as_str(), worker.row()).await {
                    let (plugin, worker) = (plugin.name.as_str(), &worker.name);
                    tracing::warn!(%error, plugin, %worker, "a worker of some instances is not there yet");
                    known.remove(plugin);
                }
            }
        }
    }

    async fn add_worker(&self, plugin: &str, worker: NewWorker) -> Result<(), StoreError> {
        let mut after = Some(InstanceId(0));
        while let Some(from) = after {
            let (lacking, next) = self
                .calls
                .store
                .read(|r| r.without_worker(plugin, &worker.name, from, INSTANCES))?;
            after = next;
            let worker = worker.clone();
            let add = move |tx: &Tx<'_>| {
                lacking.iter().try_for_each(|instance| tx.put_worker(*instance, &worker))
            };
            self.calls.store.write("worker.add", add).await?;
        }
        Ok(())
    }

    /// How far the worker that is furthest behind is, in seconds, for each plugin and worker.
    fn set_gauges(&self, roster: &Roster) {
        let now = self.calls.clock.now_ms();
        for ((plugin, worker), since) in roster.oldest(&self.calls) {
            let lag = since.map_or(0, |since| (now - since).max(0)) as f64 / 1000.0;
            gauge!("moothall_worker_lag_seconds", "plugin" => plugin, "worker" => worker).set(lag);
        }
    }

    fn request(&self) -> RequestId {
        RequestId::new(self.clock())
    }

    fn clock(&self) -> &Clock {
        &self.calls.clock
    }
}
