//! One tick: what is called, and what becomes of its schedule.

use std::sync::Arc;
use std::time::Duration;

use super::Scheduler;
use crate::cadence::Cadence;
use crate::calls::{CallError, Collected, Mode, ValidatedCall, What};
use crate::clock::rfc3339;
use crate::effects::ProcessStatus;
use crate::guest::{Fault, cut};
use crate::ids::RequestId;
use crate::plugins::{Plugin, ProcessFunction};
use crate::store::{Advance, ProcessRow, ScheduleRow, StoreError, Tx};

/// After a closing time has passed, in milliseconds: between the tries to close, the last one again and
/// again.
const CLOSING_MS: [i64; 8] =
    [1_000, 5_000, 30_000, 120_000, 600_000, 1_800_000, 3_600_000, 7_200_000];
/// The longest that a closing time waits to be tried again, in milliseconds.
pub const CLOSING_MOST_MS: i64 = CLOSING_MS[CLOSING_MS.len() - 1];
/// A tick that found no room is tried again after this, in milliseconds.
const BUSY_MS: i64 = 1_000;
/// A plugin that does not serve now is looked for again after this, in milliseconds; when its file is
/// there again its ticks come with their rhythm.
const ABSENT_MS: i64 = 60_000;
/// Longest error that a schedule remembers, in bytes.
const ERROR_BYTES: usize = 500;
/// After a commit that failed.
const COMMIT_PAUSE: Duration = Duration::from_millis(500);

/// What became of a tick.
pub enum Ticked {
    /// It wrote nothing: the advance is to be stored.
    Advanced(Advance),
    /// Stored with its effects; or nothing was, and it is due again.
    Stored,
    /// Its schedule stands for nothing any more.
    Gone(i64),
}

/// A tick that can be made.
struct Ready {
    call: ValidatedCall,
    rhythm: Rhythm,
}

/// When the next one is due.
enum Rhythm {
    Cadence(Cadence),
    Closing,
}

/// Why a tick cannot be made.
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
        let Ready { call, rhythm } = match self.ready(&row).await {
            Ok(ready) => ready,
            Err(NotReady::Gone) => return Ticked::Gone(row.id),
            Err(NotReady::Error(error)) => {
                return Ticked::Advanced(self.failed(&row, None, &error));
            }
        };
        match self.calls.run(call, Mode::Collect).await {
            Ok(answer) => match answer.effects {
                Some(collected) => self.succeeded(&row, &rhythm, collected).await,
                None => Ticked::Stored,
            },
            Err(error) => Ticked::Advanced(self.failed(&row, Some(&rhythm), &error)),
        }
    }

    async fn ready(&self, row: &ScheduleRow) -> Result<Ready, NotReady> {
        let Some(instance) = self.calls.communities.instance(row.instance) else {
            // Stored and not here: not yet. Neither: it went while the schedule was added.
            let community = self.calls.store.read(|reader| reader.community_of(row.instance))?;
            community.ok_or(NotReady::Gone)?;
            return Err(Fault::Overloaded("the instance is just being made").into());
        };
        let plugin = self.calls.plugin_of(&instance)?;
        let request_id = RequestId::new(&self.calls.clock);
        let Some(process) = row.process else {
            let (what, cadence) = of_instance(&plugin, row)?;
            let call = self.calls.on(plugin, instance, what, request_id).await?;
            return Ok(Ready { call, rhythm: Rhythm::Cadence(cadence) });
        };
        let process = self.calls.store.read(|reader| reader.process_by_id(process))?;
        let process =
            process.filter(|one| one.status != ProcessStatus::Completed).ok_or(NotReady::Gone)?;
        let (what, rhythm) = of_process(&plugin, &process, row)?;
        let call = self.calls.on(plugin, instance, what, request_id).await?;
        Ok(Ready { call: call.about(Arc::new(process.reference())), rhythm })
    }

    async fn succeeded(&self, row: &ScheduleRow, rhythm: &Rhythm, collected: Collected) -> Ticked {
        let advance = match rhythm {
            Rhythm::Cadence(cadence) => self.advanced(row, cadence),
            // If the call did not complete the process, it is closed again; else this row is gone.
            Rhythm::Closing => {
                self.closing_again(row, Some("the process was not completed".to_owned()))
            }
        };
        if collected.is_empty() {
            return Ticked::Advanced(advance);
        }
        let is_closing = matches!(rhythm, Rhythm::Closing);
        let also = Box::new(move |tx: &Tx<'_>| match is_closing {
            true => tx.advance_closing(&advance),
            false => tx.advance_schedule(&advance),
        });
        match self.calls.commit(collected, Some(also)).await {
            Ok(()) | Err(StoreError::Stale) => {}
            Err(error) => {
                tracing::warn!(%error, schedule = row.id, "a tick could not be stored; it comes again");
                tokio::time::sleep(COMMIT_PAUSE).await;
            }
        }
        Ticked::Stored
    }

    /// Its plugin has as many ticks under way as one may.
    pub(super) fn later(&self, row: &ScheduleRow) -> Advance {
        let now = self.calls.clock.now_ms();
        let error = Some("its plugin has too many ticks under way".to_owned());
        let (from, failures) = (row.due_at, row.failures);
        Advance { id: row.id, from, to: now + BUSY_MS, at: now, failures, error }
    }

    fn advanced(&self, row: &ScheduleRow, cadence: &Cadence) -> Advance {
        let now = self.calls.clock.now_ms();
        let to = cadence.after(row.due_at, now);
        Advance { id: row.id, from: row.due_at, to, at: now, failures: 0, error: None }
    }

    /// After a panic of the host's own, as after a failure of the plugin.
    pub(super) fn after_panic(&self, row: &ScheduleRow) -> Advance {
        tracing::error!(schedule = row.id, "a tick panicked");
        let error = CallError::from(Fault::Host("the tick panicked; see the log".into()));
        match row.kind.as_str() {
            "closing" => self.failed(row, Some(&Rhythm::Closing), &error),
            _ => self.failed(row, Some(&Rhythm::Cadence(Cadence::default())), &error),
        }
    }

    fn closing_again(&self, row: &ScheduleRow, error: Option<String>) -> Advance {
        let now = self.calls.clock.now_ms();
        let wait = CLOSING_MS.get(row.failures as usize).copied().unwrap_or(CLOSING_MOST_MS);
        let failures = row.failures.saturating_add(1);
        Advance { id: row.id, from: row.due_at, to: now + wait, at: now, failures, error }
    }

    /// A failure of the plugin waits longer each time; what is nobody's comes again soon.
    fn failed(&self, row: &ScheduleRow, rhythm: Option<&Rhythm>, error: &CallError) -> Advance {
        let now = self.calls.clock.now_ms();
        let said = Some(cut(error.to_string(), ERROR_BYTES));
        let soon = |wait: i64| {
            let (failures, error) = (row.failures, said.clone());
            Advance { id: row.id, from: row.due_at, to: now + wait, at: now, failures, error }
        };
        match (error, rhythm) {
            (
                CallError::Fault(
                    Fault::InstanceBusy
                    | Fault::Overloaded(_)
                    | Fault::Store(_)
                    | Fault::Unsettled
                    | Fault::InstanceReplaced
                    | Fault::Taken(_),
                ),
                _,
            ) => soon(BUSY_MS),
            (_, None) => soon(ABSENT_MS),
            (_, Some(Rhythm::Closing)) => self.closing_again(row, said),
            (_, Some(Rhythm::Cadence(cadence))) => {
                let failures = row.failures.saturating_add(1);
                let to = cadence.after_failure(row.due_at, now, failures);
                Advance { id: row.id, from: row.due_at, to, at: now, failures, error: said }
            }
        }
    }
}

fn of_instance(plugin: &Plugin, row: &ScheduleRow) -> Result<(What, Cadence), NotReady> {
    if row.kind == "producer" {
        return Ok((What::Tick, plugin.producer.clone().ok_or(NotReady::Gone)?));
    }
    let schedule = plugin.schedule(&row.kind).ok_or(NotReady::Gone)?;
    let what = What::Scheduled { name: schedule.name.clone(), at: rfc3339(row.due_at) };
    Ok((what, schedule.cadence.clone()))
}

fn of_process(
    plugin: &Plugin,
    process: &ProcessRow,
    row: &ScheduleRow,
) -> Result<(What, Rhythm), NotReady> {
    let unknown =
        || CallError::UnknownProcess { plugin: plugin.name.clone(), process: process.name.clone() };
    let kind = plugin.processes.get(&process.name).cloned().ok_or_else(unknown)?;
    let closing = row.kind == "closing";
    if closing && kind.has(ProcessFunction::Close) {
        return Ok((What::Close { kind }, Rhythm::Closing));
    }
    if !kind.has(ProcessFunction::Update) {
        // Another version may have it again.
        return Err(unknown().into());
    }
    let rhythm = if closing { Rhythm::Closing } else { Rhythm::Cadence(kind.cadence.clone()) };
    Ok((What::Update { kind }, rhythm))
}
