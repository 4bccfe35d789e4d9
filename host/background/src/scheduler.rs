//! Makes what is due happen: ticks of producers and schedules, updates and closing times of processes.
//!
//! The store knows what is due; memory knows only what is under way. The commit of a tick advances its schedule. Ticks
//! that wrote nothing are advanced together in one write; a tick with effects is advanced in the write that stores them.
//! A tick that has to wait becomes a task, so that it holds up no other.

mod far;
mod next;
mod shared;
mod tick;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::task::{Id, JoinError, JoinSet};

use moothall_core::ids::{InstanceId, PluginDigestId, PluginName, ProcessId};
use moothall_core::retry::STORE_PAUSE;
use moothall_core::schedule::{Schedule, ScheduleKind};
use moothall_store::{Advance, ScheduleRow};

use far::Far;
pub use shared::Scheduler;
use tick::Ticked;

/// How often the store is asked for what is due.
const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// Batches whose advances are stored while the next ticks are made.
const STORING: usize = 1;
/// Instances that one read searches for a missing schedule.
const INSTANCES: usize = 5_000;

/// The ticks of one poll: those that ended at once, and those that have to wait.
#[derive(Default)]
struct Batch {
    advances: Vec<Advance>,
    removed: Vec<i64>,
    waiting: Vec<(i64, Waiting)>,
}

/// The load of each plugin's file whose schedules were added: the id of its digest, and its time.
type Known = BTreeMap<PluginName, (PluginDigestId, i64)>;
type Waiting = std::pin::Pin<Box<dyn Future<Output = Ticked> + Send>>;

impl Scheduler {
    /// Never ends.
    pub async fn run(self) {
        let this = Arc::new(self);
        let mut under_way = UnderWay::default();
        let (mut known, mut far) = (Known::new(), Far::default());
        loop {
            under_way.forget_ended();
            if !this.context.store.health().can_write() {
                // A tick whose advance is not stored would come again and again.
                this.pause(&mut under_way).await;
                continue;
            }
            let replaced = this.add_missing(&mut known).await;
            if let Err(error) = this.bring_back(&mut far, &replaced).await {
                tracing::debug!(%error, "schedules that are due too late are searched for later");
                known.retain(|name, _| !replaced.contains(name));
            }
            let due = this.due(&under_way.busy, under_way.waiting.len());
            if due.is_empty() {
                this.pause(&mut under_way).await;
                continue;
            }
            let waiting = under_way.waiting.len();
            let room = this.config.waiting_ticks.saturating_sub(waiting).max(1);
            let batch = this.clone().first_poll(due, room).await;
            under_way.take_on(&this, batch).await;
        }
    }

    fn due(&self, busy: &HashSet<i64>, waiting: usize) -> Vec<ScheduleRow> {
        if waiting >= self.config.waiting_ticks {
            return Vec::new();
        }
        let now = (self.context.clock.now_ms(), self.context.clock.trusted_ms());
        let limit = self.config.batch_ticks.max(1) + busy.len();
        let due = self.context.store.read(|reader| reader.due_schedules(now, limit));
        let mut due = due.unwrap_or_else(|error| {
            tracing::warn!(%error, "schedules cannot be read; ticks are late");
            Vec::new()
        });
        due.retain(|row| !busy.contains(&row.id));
        due
    }

    /// Until a tick has ended, a schedule was added, or it is time for the next poll.
    async fn pause(&self, under_way: &mut UnderWay) {
        tokio::select! {
            Some(ended) = under_way.waiting.join_next_with_id() => under_way.forget(ended),
            Some(ended) = under_way.storing.join_next_with_id() => under_way.forget(ended),
            () = self.context.store.signals().schedules.notified() => {}
            () = tokio::time::sleep(POLL_INTERVAL) => {}
        }
    }

    /// Polls each due tick once, on as many threads as there are. Most end with that.
    async fn first_poll(self: Arc<Self>, due: Vec<ScheduleRow>, room: usize) -> Batch {
        let threads = self.threads.max(1);
        let (size, room) = (due.len().div_ceil(threads), room.div_ceil(threads));
        let mut parts = JoinSet::new();
        for part in due.chunks(size) {
            parts.spawn(self.clone().poll_part(part.to_vec(), room));
        }
        let mut all = Batch::default();
        while let Some(part) = parts.join_next().await {
            // A tick that panics does not end its part: `guarded`.
            let Ok(part) = part else { continue };
            all.advances.extend(part.advances);
            all.removed.extend(part.removed);
            all.waiting.extend(part.waiting);
        }
        all
    }

    async fn poll_part(self: Arc<Self>, due: Vec<ScheduleRow>, room: usize) -> Batch {
        let mut batch = Batch::default();
        for row in due {
            if batch.waiting.len() >= room {
                break;
            }
            let instance = self.context.communities.instance(row.instance);
            let permit = instance.map(|instance| self.fair_share.take(&instance.plugin));
            if let Some(None) = permit {
                batch.advances.push(next::later(&row, self.now()));
                continue;
            }
            let (id, this) = (row.id, self.clone());
            let mut tick: Waiting = Box::pin(async move {
                let _permit = permit;
                let panicked = this.panicked(&row);
                guarded(this.tick(row), panicked).await
            });
            match (&mut tick).now_or_never() {
                None => batch.waiting.push((id, tick)),
                Some(Ticked::Advanced(advance)) => batch.advances.push(advance),
                Some(Ticked::Gone(id)) => batch.removed.push(id),
                Some(Ticked::NothingToStore) => {}
            }
        }
        batch
    }

    /// Makes the end of a tick that panicked: it counts as a failure of the plugin.
    fn panicked(self: &Arc<Self>, row: &ScheduleRow) -> impl FnOnce() -> Ticked + Send + use<> {
        let (this, row) = (self.clone(), row.clone());
        move || Ticked::Advanced(this.after_panic(&row))
    }

    async fn wait_for(self: Arc<Self>, tick: Waiting) {
        match tick.await {
            Ticked::Advanced(advance) => self.store(vec![advance], Vec::new()).await,
            Ticked::Gone(id) => self.store(Vec::new(), vec![id]).await,
            Ticked::NothingToStore => {}
        }
    }

    /// Advances the schedules of ticks that wrote nothing.
    async fn store_all(self: Arc<Self>, batch: Batch) {
        self.store(batch.advances, batch.removed).await;
    }

    async fn store(&self, advances: Vec<Advance>, removed: Vec<i64>) {
        if advances.is_empty() && removed.is_empty() {
            return;
        }
        let written = self.context.store.write("schedule.advance", move |tx| {
            tx.advance_schedules(&advances)?;
            removed.iter().try_for_each(|id| tx.remove_schedule_row(*id))
        });
        if let Err(error) = written.await {
            tracing::warn!(%error, "schedules cannot be advanced; their ticks come again");
            tokio::time::sleep(STORE_PAUSE).await;
        }
    }

    /// Adds the producers and schedules that a plugin has since its file was loaded or replaced, to each of its instances.
    /// Returns those plugins.
    async fn add_missing(&self, known: &mut Known) -> BTreeSet<PluginName> {
        let (all, mut replaced) = (self.context.plugins.all(), BTreeSet::new());
        // A plugin that comes back is new.
        known.retain(|name, _| all.iter().any(|plugin| plugin.name == *name));
        for plugin in all {
            // The operator may have changed the rhythm of the same file.
            let loaded = (plugin.digest_id, plugin.loaded_at);
            if known.insert(plugin.name.clone(), loaded) == Some(loaded) {
                continue;
            }
            replaced.insert(plugin.name.clone());
            for (kind, schedule) in plugin.schedules() {
                if let Err(error) = self.add_schedules(plugin.name.as_str(), &kind, schedule).await
                {
                    let plugin = plugin.name.as_str();
                    tracing::warn!(%error, plugin, %kind, "some of its instances do not tick yet");
                    known.remove(plugin);
                }
            }
        }
        replaced
    }

    async fn add_schedules(
        &self,
        plugin: &str,
        kind: &ScheduleKind,
        schedule: &Schedule,
    ) -> Result<(), moothall_store::StoreError> {
        let mut after = Some(InstanceId(0));
        while let Some(from) = after {
            let read =
                |r: &moothall_store::Reader<'_>| r.without_schedule(plugin, kind, from, INSTANCES);
            let (lacking, next) = self.context.store.read(read)?;
            after = next;
            if lacking.is_empty() {
                continue;
            }
            let (due, kind) = (schedule.first(self.context.clock.now_ms()), kind.clone());
            let add = move |tx: &moothall_store::Tx<'_>| {
                let mut lacking = lacking.iter();
                lacking.try_for_each(|id| tx.put_schedule(*id, ProcessId(0), &kind, due))
            };
            self.context.store.write("schedule.add", add).await?;
        }
        Ok(())
    }
}

/// A tick that panics counts as one that failed: its schedule goes on, later each time, and the others are not touched.
async fn guarded(
    tick: impl Future<Output = Ticked> + Send,
    panicked: impl FnOnce() -> Ticked,
) -> Ticked {
    AssertUnwindSafe(tick).catch_unwind().await.unwrap_or_else(|_| panicked())
}

/// Schedules whose ticks are under way, and their tasks.
#[derive(Default)]
struct UnderWay {
    busy: HashSet<i64>,
    /// Ticks that wait for something.
    waiting: JoinSet<()>,
    /// Advances that are being stored, while the next ticks are made.
    storing: JoinSet<()>,
    /// The schedules of each task, however it ends.
    tasks: HashMap<Id, Vec<i64>>,
}

impl UnderWay {
    async fn take_on(&mut self, scheduler: &Arc<Scheduler>, mut batch: Batch) {
        for (id, tick) in std::mem::take(&mut batch.waiting) {
            self.busy.insert(id);
            let task = self.waiting.spawn(scheduler.clone().wait_for(tick));
            self.tasks.insert(task.id(), vec![id]);
        }
        let advanced = batch.advances.iter().map(|one| one.id);
        let ids: Vec<_> = advanced.chain(batch.removed.iter().copied()).collect();
        if ids.is_empty() {
            return;
        }
        self.busy.extend(&ids);
        let task = self.storing.spawn(scheduler.clone().store_all(batch));
        self.tasks.insert(task.id(), ids);
        if self.storing.len() > STORING
            && let Some(ended) = self.storing.join_next_with_id().await
        {
            self.forget(ended);
        }
    }

    fn forget_ended(&mut self) {
        while let Some(ended) = self.waiting.try_join_next_with_id() {
            self.forget(ended);
        }
        while let Some(ended) = self.storing.try_join_next_with_id() {
            self.forget(ended);
        }
    }

    fn forget(&mut self, ended: Result<(Id, ()), JoinError>) {
        let task = match ended {
            Ok((task, ())) => task,
            Err(error) => {
                tracing::error!(%error, "a task of ticks panicked; its schedules are still due");
                error.id()
            }
        };
        for id in self.tasks.remove(&task).into_iter().flatten() {
            self.busy.remove(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_tick_that_panics_is_one_that_failed() {
        let ticked = guarded(async { panic!("as a test wants it") }, || Ticked::Gone(7)).await;
        assert!(matches!(ticked, Ticked::Gone(7)));
        let late = async {
            tokio::task::yield_now().await;
            panic!("as a test wants it")
        };
        assert!(matches!(guarded(late, || Ticked::Gone(8)).await, Ticked::Gone(8)));
        assert!(matches!(
            guarded(async { Ticked::NothingToStore }, || Ticked::Gone(9)).await,
            Ticked::NothingToStore
        ));
    }

    #[tokio::test]
    async fn the_schedules_of_a_task_that_panicked_are_not_busy() {
        let mut under_way = UnderWay::default();
        let task = under_way.waiting.spawn(async { panic!("as a test wants it") });
        under_way.tasks.insert(task.id(), vec![1, 2]);
        under_way.busy.extend([1, 2, 3]);
        let ended = under_way.waiting.join_next_with_id().await.unwrap();
        under_way.forget(ended);
        assert_eq!(under_way.busy, HashSet::from([3]));
        assert!(under_way.tasks.is_empty());
    }
}
