//! One tick: what is called, and when its schedule is due next.

use std::sync::Arc;

use super::next::{self, Rhythm};
use super::shared::Scheduler;
use moothall_core::clock::rfc3339;
use moothall_core::effects::ProcessStatus;
use moothall_core::ids::RequestId;
use moothall_core::retry::STORE_PAUSE;
use moothall_core::schedule::{Schedule, ScheduleKind};
use moothall_engine::calls::{CallError, Callee, Collected, Mode, ValidatedCall};
use moothall_engine::plugins::{Plugin, ProcessFunction};
use moothall_guest::Fault;
use moothall_guest::exports::{ProducerTick, ScheduleTick};
use moothall_store::{Advance, ProcessRow, ScheduleRow, StoreError, Tx};

/// How a tick ended.
pub enum Ticked {
    /// It wrote nothing, or failed. The scheduler still has to store the advance.
    Advanced(Advance),
    /// The scheduler has nothing to store: the effects and the advance are stored, or the write failed and the tick is
    /// still due.
    NothingToStore,
    /// The instance, process or tick that it was for no longer exists.
    Gone(i64),
}

/// A tick that can be called.
struct ReadyTick {
    call: ValidatedCall,
    rhythm: Rhythm,
}

/// Why a tick cannot be called.
enum NotReady {
    Gone,
    Error(CallError),
}

impl<E: Into<CallError>> From<E> for NotReady {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

impl Scheduler {
    pub(super) async fn tick(self: Arc<Self>, row: ScheduleRow) -> Ticked {
        let ReadyTick { call, rhythm } = match self.ready(&row).await {
            Ok(ready) => ready,
            Err(NotReady::Gone) => return Ticked::Gone(row.id),
            Err(NotReady::Error(error)) => {
                return Ticked::Advanced(next::after_failure(&row, None, &error, self.now()));
            }
        };
        match self.calls.run(call, Mode::Collect).await {
            Ok(answer) => match answer.effects {
                Some(collected) => self.succeeded(&row, &rhythm, collected).await,
                None => Ticked::NothingToStore,
            },
            Err(error) => {
                Ticked::Advanced(next::after_failure(&row, Some(&rhythm), &error, self.now()))
            }
        }
    }

    async fn ready(&self, row: &ScheduleRow) -> Result<ReadyTick, NotReady> {
        let Some(instance) = self.context.communities.instance(row.instance) else {
            // One that is stored and not in memory is just being made; one that is not stored was removed.
            let community = self.context.store.read(|reader| reader.community_of(row.instance))?;
            community.ok_or(NotReady::Gone)?;
            return Err(Fault::Overloaded("the instance is just being made").into());
        };
        let plugin = self.calls.plugin_of(&instance)?;
        let request_id = RequestId::new(&self.context.clock);
        let Some(process) = row.process else {
            let (what, schedule) = of_instance(&plugin, row)?;
            let call = self.calls.on(plugin, instance, what, request_id).await?;
            return Ok(ReadyTick { call, rhythm: Rhythm::Schedule(schedule) });
        };
        let process = self.context.store.read(|reader| reader.process_by_id(process))?;
        let process =
            process.filter(|one| one.status != ProcessStatus::Completed).ok_or(NotReady::Gone)?;
        let (what, rhythm) = of_process(&plugin, &process, row)?;
        let call = self.calls.on(plugin, instance, what, request_id).await?;
        Ok(ReadyTick { call: call.about(Arc::new(process.reference())), rhythm })
    }

    async fn succeeded(&self, row: &ScheduleRow, rhythm: &Rhythm, collected: Collected) -> Ticked {
        let advance = next::after_success(row, rhythm, self.now());
        if collected.is_empty() {
            return Ticked::Advanced(advance);
        }
        let is_closing = matches!(rhythm, Rhythm::Closing);
        let move_on = move |tx: &Tx<'_>| match is_closing {
            true => tx.advance_closing(&advance),
            false => tx.advance_schedule(&advance),
        };
        match self.calls.commit(collected, move_on).await {
            Ok(()) | Err(StoreError::Stale) => {}
            Err(error) => {
                tracing::warn!(%error, schedule = row.id, "a tick could not be stored; it comes again");
                tokio::time::sleep(STORE_PAUSE).await;
            }
        }
        Ticked::NothingToStore
    }

    /// After a panic of the host's own, as after a failure of the plugin.
    pub(super) fn after_panic(&self, row: &ScheduleRow) -> Advance {
        tracing::error!(schedule = row.id, "a tick panicked");
        let error = CallError::from(Fault::Host("the tick panicked; see the log".into()));
        let rhythm = match row.kind {
            ScheduleKind::Closing => Rhythm::Closing,
            _ => Rhythm::Schedule(Schedule::default()),
        };
        next::after_failure(row, Some(&rhythm), &error, self.now())
    }
}

fn of_instance(plugin: &Plugin, row: &ScheduleRow) -> Result<(Callee, Schedule), NotReady> {
    if row.kind == ScheduleKind::Producer {
        return Ok((ProducerTick.into(), plugin.producer.clone().ok_or(NotReady::Gone)?));
    }
    let schedule = row.kind.name().and_then(|name| plugin.schedule(name));
    let schedule = schedule.ok_or(NotReady::Gone)?;
    let (name, scheduled_at) = (schedule.name.clone(), rfc3339(row.due_at));
    Ok((ScheduleTick { name, scheduled_at }.into(), schedule.schedule.clone()))
}

fn of_process(
    plugin: &Plugin,
    process: &ProcessRow,
    row: &ScheduleRow,
) -> Result<(Callee, Rhythm), NotReady> {
    let unknown = || CallError::unknown_process(plugin, &process.name);
    let kind = plugin.processes.get(&process.name).cloned().ok_or_else(unknown)?;
    let closing = row.kind == ScheduleKind::Closing;
    if closing && kind.has(ProcessFunction::Close) {
        return Ok((Callee::close(kind), Rhythm::Closing));
    }
    if !kind.has(ProcessFunction::Update) {
        // Another version may have it again.
        return Err(unknown().into());
    }
    let rhythm = if closing { Rhythm::Closing } else { Rhythm::Schedule(kind.schedule.clone()) };
    Ok((Callee::update(kind), rhythm))
}
