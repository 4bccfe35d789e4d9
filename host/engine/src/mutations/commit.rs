//! Carries a plan out: guest calls, locks, one write, and then the index.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret;
use tokio::time::Instant;

use super::plan::{Draft, Plan, PlanStep};
use super::{ExtraWriteOf, MutationError, MutationResult, Mutations};
use crate::calls::{CallError, Mode, ValidatedCall, Writes, charge, settle};
use crate::communities::{Community, Turn};
use crate::plugins::Lifecycle;
use moothall_core::day_budget::Charge;
use moothall_core::ids::{Generation, InstanceId, ProcessId, RequestId};
use moothall_core::instance::{Access, CommunityNames, Instance, InstanceLock, secret_context};
use moothall_guest::{Fault, MemoryReservation};
use moothall_store::{CommunityRow, NewInstance, NewWorker, SecretRow, StoreError, Taken, Tx};

/// Rows that one write may touch: the writer serves everybody.
const WRITE_ROWS: usize = 10_000;

/// Pending processes that the mutation's own write completes; more are completed after it.
const COMPLETED_AT_ONCE: usize = 2_000;
/// A schedule of the instance itself.
const NO_PROCESS: ProcessId = ProcessId(0);

/// What one step writes.
enum Write {
    Add(Written),
    Reconfigure(Written, Generation),
    /// Its pending processes are completed with this code.
    Remove(Arc<Instance>, &'static str),
}

/// An instance as it is written.
struct Written {
    row: NewInstance,
    secrets: Vec<SecretRow>,
    instance: Arc<Instance>,
    /// What the lifecycle call wants stored.
    writes: Writes,
    workers: Vec<NewWorker>,
    /// The schedules that it has from the beginning, and when each ticks first.
    first_ticks: Vec<(String, i64)>,
}

/// What a mutation keeps of its plugins' shares until it is stored: guests' memory, and bytes of the day.
#[derive(Default)]
struct Costs {
    reservations: Vec<MemoryReservation>,
    charges: Vec<Option<Charge>>,
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

/// An instance's lock, and the generation that may write once it is released.
type Held = (InstanceLock, Option<Generation>);

impl Mutations {
    /// Lifecycle calls of the new instances, then the rest.
    pub(super) async fn carry_out(
        &self,
        plan: Plan,
        request: RequestId,
        turn: Turn,
    ) -> MutationResult<Arc<Community>> {
        self.carry_out_with(plan, None, request, turn).await
    }

    /// The same, and `also` in its write.
    pub(super) async fn carry_out_with(
        &self,
        mut plan: Plan,
        also: Option<ExtraWriteOf<Community>>,
        request: RequestId,
        turn: Turn,
    ) -> MutationResult<Arc<Community>> {
        let end = self.deadline(self.limits.mutation_wait_ms);
        self.in_time(end, self.initialize(&mut plan, &request)).await?;
        self.in_time(end, self.upgrade(&plan, &request)).await?;
        let held = self.lock(&plan).await?;
        self.in_time(end, self.tell_changed(&mut plan, &request)).await?;
        self.write(plan, also, held, turn).await
    }

    /// A plan without guest calls.
    pub(super) async fn commit(&self, plan: Plan, turn: Turn) -> MutationResult<Arc<Community>> {
        let held = self.lock(&plan).await?;
        self.write(plan, None, held, turn).await
    }

    async fn initialize(&self, plan: &mut Plan, request: &RequestId) -> MutationResult<()> {
        for step in &mut plan.steps {
            if let PlanStep::Create(draft) | PlanStep::Replace(_, draft) = step
                && draft.plugin.manifest.has(Lifecycle::Initialize)
            {
                let (plugin, instance) = (draft.plugin.clone(), draft.instance.clone());
                let secrets = draft.secrets.clone();
                let call = ValidatedCall::initialize(plugin, instance, secrets, request.clone());
                draft.collected = self.calls.run(self.asked(call), Mode::Collect).await?.effects;
            }
        }
        Ok(())
    }

    /// `config-changed` is a call on the version that serves now: `upgraded` comes before it, unless only
    /// the new config is right for that version.
    async fn upgrade(&self, plan: &Plan, request: &RequestId) -> MutationResult<()> {
        for step in &plan.steps {
            let PlanStep::Reconfigure(old, draft) = step else { continue };
            match self.calls.ready(draft.plugin.clone(), old.clone(), request).await {
                Ok(ready) if ready.plugin.mark == draft.plugin.mark => {}
                Ok(_) => return Err(Fault::Overloaded("the plugin is being replaced").into()),
                Err(CallError::ConfigInvalid { .. }) => draft.instance.close(),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    async fn tell_changed(&self, plan: &mut Plan, request: &RequestId) -> MutationResult<()> {
        for step in &mut plan.steps {
            if let PlanStep::Reconfigure(old, draft) = step
                && draft.plugin.manifest.has(Lifecycle::ConfigChanged)
            {
                let (plugin, instance) = (draft.plugin.clone(), draft.instance.clone());
                let (previous, secrets) = (old.stored_config().to_string(), draft.secrets.clone());
                let request = request.clone();
                let call =
                    ValidatedCall::config_changed(plugin, instance, previous, secrets, request);
                draft.collected = self.calls.run(self.asked(call), Mode::Collect).await?.effects;
            }
        }
        Ok(())
    }

    /// Only what a driver changes is told of; the configs of authorisations and of host scope are not its.
    fn asked(&self, call: ValidatedCall) -> ValidatedCall {
        if self.change.is_some() { call.asked_by_driver() } else { call }
    }

    fn deadline(&self, ms: u64) -> Instant {
        Instant::now() + Duration::from_millis(ms)
    }

    async fn in_time(
        &self,
        end: Instant,
        calls: impl Future<Output = MutationResult<()>>,
    ) -> MutationResult<()> {
        let late =
            Fault::Overloaded("the plugins' lifecycle calls took longer than mutation_wait_ms");
        tokio::time::timeout_at(end, calls).await.unwrap_or_else(|_| Err(late.into()))
    }

    /// The locks of all instances that change, all within one wait.
    async fn lock(&self, plan: &Plan) -> MutationResult<Vec<Held>> {
        let steps = to_lock(&plan.steps);
        let end = self.deadline(self.limits.lock_wait_ms);
        let mut held = Vec::with_capacity(steps.len());
        for (instance, step) in steps {
            let wait = end.saturating_duration_since(Instant::now());
            let lock = instance.lock(Access::Exclusive, wait).await.map_err(Fault::from)?;
            let next = match step {
                PlanStep::Reconfigure(_, draft) => Some(draft.instance.generation),
                _ => None,
            };
            held.push((lock, next));
        }
        Ok(held)
    }

    /// So many pending processes that one write would take too long are completed in chunks after it: then
    /// their instances are gone for good, and nobody can start or change one any more. What a failure or a
    /// crash leaves is the purge's.
    async fn complete_rest(&self, removed: Vec<InstanceId>) {
        let now = self.context.clock.now_ms();
        for id in removed {
            let chunk = move |tx: &Tx<'_>| tx.complete_removed(id, now);
            loop {
                match self.context.store.write("process.complete", chunk).await {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(error) => {
                        tracing::warn!(%error, instance = id.0, "processes of a removed instance are completed later");
                        return;
                    }
                }
            }
        }
    }

    async fn write(
        &self,
        mut plan: Plan,
        also: Option<ExtraWriteOf<Community>>,
        held: Vec<Held>,
        turn: Turn,
    ) -> MutationResult<Arc<Community>> {
        let (writes, costs) = self.writes(&mut plan)?;
        let after = community_after(&plan);
        let Some(names) = plan.after.clone().or_else(|| plan.before.clone()) else {
            return Err(Fault::Host("a mutation of no community".into()).into());
        };
        let (before, then, now) =
            (plan.before.clone(), plan.after.clone(), self.context.clock.now_ms());
        let (communities, published) = (self.context.communities.clone(), after.clone());
        let seen = after.clone();
        let slug_before = plan.before.as_ref().map(|names| names.slug.clone());
        let finish = move |committed: Option<&Vec<InstanceId>>| {
            if committed.is_some() {
                communities.publish(slug_before.as_ref(), published);
                held.into_iter().for_each(release);
            }
            costs.charges.into_iter().for_each(|charge| settle(charge, committed.is_some()));
            drop((turn, costs.reservations));
        };
        let (change, view, of) = (self.told(&plan), self.view(&plan), names.id);
        let apply = move |tx: &Tx<'_>| {
            tx.changing(change.as_ref(), of, &view, now, |tx| {
                let rest = apply(tx, before, then, &writes, now)?;
                if let (Some(also), Some(community)) = (also, &seen) {
                    also(tx, community)?;
                }
                Ok(rest)
            })
        };
        let written =
            self.context.store.write_then("community.change", apply, Some(Box::new(finish)));
        match written.await {
            Ok(rest) => {
                self.complete_rest(rest).await;
                Ok(Arc::new(after.unwrap_or(Community { names, instances: Box::default() })))
            }
            Err(StoreError::Taken(Taken::Slug)) => Err(MutationError::Taken(names.slug.clone())),
            Err(error) => Err(error.into()),
        }
    }

    /// What the steps write, and what that costs.
    fn writes(&self, plan: &mut Plan) -> MutationResult<(Vec<Write>, Costs)> {
        let Some(names) = plan.after.clone().or_else(|| plan.before.clone()) else {
            return Ok(Default::default());
        };
        let (mut writes, mut costs) = (Vec::new(), Costs::default());
        let now = self.context.clock.now_ms();
        for step in &mut plan.steps {
            // A removal before what replaces it: the two have the same name.
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

/// The instances that change, in the order in which their locks are taken: ascending, so that no two mutations wait for
/// each other.
fn to_lock(steps: &[PlanStep]) -> Vec<(&Arc<Instance>, &PlanStep)> {
    let mut steps: Vec<_> = steps.iter().filter_map(|step| Some((step.changed()?, step))).collect();
    steps.sort_by_key(|(instance, _)| instance.id);
    steps
}

/// Lets waiting calls have the lock: they find the instance gone, or in its new generation.
fn release((mut lock, generation): Held) {
    if let Some(locked_state) = lock.locked_state_mut() {
        locked_state.generation = generation;
        // `config-changed` may have written; the next writer counts again.
        locked_state.state_bytes = None;
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
        plugin_mark: draft.plugin.mark,
    }
}

/// The community as it will be seen; none if it is deleted.
fn community_after(plan: &Plan) -> Option<Community> {
    let names = plan.after.clone()?;
    let renamed = plan.before.as_ref().is_some_and(|before| **before != *names);
    let instances = plan.steps.iter().filter_map(|step| match step {
        PlanStep::Keep(instance) if renamed => Some(Arc::new(instance.in_community(names.clone()))),
        PlanStep::Keep(instance) => Some(instance.clone()),
        PlanStep::Create(draft) | PlanStep::Replace(_, draft) | PlanStep::Reconfigure(_, draft) => {
            Some(draft.instance.clone())
        }
        PlanStep::Remove(_) => None,
    });
    let mut instances: Vec<_> = instances.collect();
    instances.sort_by_key(|instance| instance.id);
    Some(Community { names, instances: instances.into() })
}

/// The removed instances of which more is pending than this write completes.
fn apply(
    tx: &Tx<'_>,
    before: Option<Arc<CommunityNames>>,
    after: Option<Arc<CommunityNames>>,
    writes: &[Write],
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
                let completed = remove(tx, instance, code, room, now)?;
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

/// Completes at most `room` of the instance's processes; how many.
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

fn apply_one(tx: &Tx<'_>, write: &Write, now: i64) -> Result<(), StoreError> {
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
            tx.reconfigure_instance(&written.row, *to)?;
            let mut workers = written.workers.iter();
            workers.try_for_each(|one| tx.ask_worker_again(written.row.id, one))?;
            written
        }
        Write::Remove(..) => return Ok(()),
    };
    tx.replace_secrets(written.row.id, &written.secrets)?;
    written.writes.apply(tx, &written.instance, now)
}
