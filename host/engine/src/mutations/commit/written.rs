//! The rows that a mutation writes: what each step of its plan makes of its instance, and the statements for it.

use std::sync::Arc;

use secrecy::ExposeSecret;

use super::super::plan::{Draft, Plan, PlanStep};
use super::super::{MutationError, MutationResult, Mutations};
use crate::calls::{Writes, charge};
use moothall_core::day_budget::Charge;
use moothall_core::ids::{Generation, InstanceId, ProcessId};
use moothall_core::instance::{CommunityNames, Instance, secret_context};
use moothall_core::schedule::ScheduleKind;
use moothall_guest::{Fault, MemoryReservation};
use moothall_store::{CommunityRow, NewInstance, NewWorker, SecretRow, StoreError, Tx};

/// Rows that one write may touch: other writes wait for it.
const WRITE_ROWS: usize = 10_000;

/// Pending processes that the mutation's own write completes; the others are completed after it.
const COMPLETED_AT_ONCE: usize = 2_000;
/// In a schedule of the instance itself.
const NO_PROCESS: ProcessId = ProcessId(0);

/// What one step writes.
pub(super) enum Write {
    Add(Written),
    Reconfigure(Written, Generation),
    /// Its pending processes are completed with this code.
    Remove(Arc<Instance>, &'static str),
}

/// An instance as it is written.
pub(super) struct Written {
    row: NewInstance,
    secrets: Vec<SecretRow>,
    instance: Arc<Instance>,
    /// The effects of its lifecycle call.
    writes: Writes,
    workers: Vec<NewWorker>,
    /// Its schedules, and when each ticks first.
    first_ticks: Vec<(ScheduleKind, i64)>,
}

/// What a mutation keeps reserved until it is stored: memory of guests, and bytes of its plugins' days.
#[derive(Default)]
pub(super) struct Costs {
    pub reservations: Vec<MemoryReservation>,
    pub charges: Vec<Option<Charge>>,
}

impl Write {
    fn rows(&self) -> usize {
        match self {
            Self::Add(written) | Self::Reconfigure(written, _) => {
                1 + written.secrets.len() + written.writes.rows()
            }
            Self::Remove(..) => 3,
        }
    }
}

impl Mutations {
    /// What the steps write, and what that costs.
    pub(super) fn writes(&self, plan: &mut Plan) -> MutationResult<(Vec<Write>, Costs)> {
        let Some(names) = plan.after.clone().or_else(|| plan.before.clone()) else {
            return Ok(Default::default());
        };
        let (mut writes, mut costs) = (Vec::new(), Costs::default());
        let now = self.context.clock.now_ms();
        for step in &mut plan.steps {
            // A removal comes before the instance that replaces it: both have the same name.
            match step {
                PlanStep::Replace(old, _) => {
                    writes.push(Write::Remove(old.clone(), "instance_replaced"));
                }
                PlanStep::Remove(old) => {
                    writes.push(Write::Remove(old.clone(), "instance_disabled"))
                }
                _ => {}
            }
            if let PlanStep::Create(draft)
            | PlanStep::Replace(_, draft)
            | PlanStep::Reconfigure(_, draft) = step
            {
                let written = self.written(&names, draft, &mut costs.reservations)?;
                costs.charges.push(charge(&draft.plugin.context, &written.writes, now)?);
                let to = draft.instance.generation;
                writes.push(match step {
                    PlanStep::Reconfigure(..) => Write::Reconfigure(written, to),
                    _ => Write::Add(written),
                });
            }
        }
        let rows: usize = writes.iter().map(Write::rows).sum();
        if rows > WRITE_ROWS {
            Err(MutationError::TooMuch(WRITE_ROWS))
        } else {
            Ok((writes, costs))
        }
    }

    fn written(
        &self,
        names: &CommunityNames,
        draft: &mut Draft,
        reservations: &mut Vec<MemoryReservation>,
    ) -> MutationResult<Written> {
        let now = self.context.clock.now_ms();
        let writes = draft.collected.take().map(|collected| {
            reservations.push(collected.reservation);
            collected.writes
        });
        Ok(Written {
            row: row(names, draft),
            secrets: self.seal(draft)?,
            instance: draft.instance.clone(),
            writes: writes.unwrap_or_default(),
            workers: draft.plugin.workers.iter().map(|one| one.row()).collect(),
            first_ticks: draft
                .plugin
                .schedules()
                .map(|(kind, one)| (kind, one.first(now)))
                .collect(),
        })
    }

    fn seal(&self, draft: &Draft) -> MutationResult<Vec<SecretRow>> {
        let seal = |(pointer, secret): (&String, &secrecy::SecretString)| {
            let context = secret_context(draft.instance.id, pointer);
            let sealed = self.context.keyring.seal(&context, secret.expose_secret().as_bytes());
            let sealed = sealed.map_err(|error| Fault::Host(error.to_string()))?;
            Ok(SecretRow { pointer: pointer.clone(), sealed })
        };
        draft.secrets.iter().map(seal).collect()
    }
}

fn row(names: &CommunityNames, draft: &Draft) -> NewInstance {
    NewInstance {
        id: draft.instance.id,
        community: names.id,
        plugin: draft.plugin.name.to_string(),
        platform_id: draft.instance.platform_id.as_deref().map(str::to_owned),
        config: draft.instance.stored_config().to_string(),
        plugin_version: draft.plugin.manifest.version.clone(),
        plugin_digest_id: draft.plugin.digest_id,
    }
}

/// Stores what the steps write. Returns the removed instances of which more processes are pending than this write completes.
pub(super) fn apply(
    tx: &Tx<'_>,
    before: Option<Arc<CommunityNames>>,
    after: Option<Arc<CommunityNames>>,
    writes: Vec<Write>,
    now: i64,
) -> Result<Vec<InstanceId>, StoreError> {
    if let (None, Some(new)) = (&before, &after) {
        let (slug, readable_name) = (new.slug.to_string(), new.readable_name.to_string());
        tx.add_community(&CommunityRow { id: new.id, slug, readable_name }, now)?;
    }
    let (mut room, mut rest) = (COMPLETED_AT_ONCE, Vec::new());
    for write in writes {
        match write {
            Write::Remove(instance, code) => {
                let completed = remove(tx, &instance, code, room, now)?;
                if completed == room {
                    rest.push(instance.id);
                }
                room -= completed;
            }
            Write::Add(_) | Write::Reconfigure(..) => apply_one(tx, write, now)?,
        }
    }
    match (before, after) {
        (Some(old), None) => tx.remove_community(old.id)?,
        (Some(old), Some(new)) if old != new => {
            tx.change_community(old.id, &new.slug, &new.readable_name)?;
        }
        _ => {}
    }
    Ok(rest)
}

/// Removes an instance, and completes at most `room` of its processes. Returns how many.
fn remove(
    tx: &Tx<'_>,
    instance: &Instance,
    code: &str,
    room: usize,
    now: i64,
) -> Result<usize, StoreError> {
    let completed = tx.complete_pending(instance.id, code, now, room)?;
    tx.remove_schedules(instance.id)?;
    tx.retire_workers(instance.id)?;
    tx.remove_instance(instance.id, Some(code).filter(|_| completed == room))?;
    Ok(completed)
}

fn apply_one(tx: &Tx<'_>, write: Write, now: i64) -> Result<(), StoreError> {
    let written = match write {
        Write::Add(written) => {
            tx.add_instance(&written.row, now)?;
            for (kind, due) in &written.first_ticks {
                tx.put_schedule(written.row.id, NO_PROCESS, kind, *due)?;
            }
            written.workers.iter().try_for_each(|one| tx.put_worker(written.row.id, one))?;
            written
        }
        Write::Reconfigure(written, to) => {
            tx.reconfigure_instance(&written.row, to)?;
            let mut workers = written.workers.iter();
            workers.try_for_each(|one| tx.ask_worker_again(written.row.id, one))?;
            written
        }
        Write::Remove(..) => return Ok(()),
    };
    tx.replace_secrets(written.row.id, &written.secrets)?;
    written.writes.apply(tx, &written.instance, now)
}
