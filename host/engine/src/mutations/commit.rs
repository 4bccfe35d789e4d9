//! Carries out a plan: guest calls, then the locks of the instances that change, then one write, then the index.

#[cfg(test)]
mod tests;
mod written;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::plan::{Plan, PlanStep};
use super::{ExtraWriteOf, MutationError, MutationResult, Mutations};
use crate::calls::{CallError, Mode, ValidatedCall, settle};
use crate::communities::{Community, MutationLock};
use crate::plugins::Lifecycle;
use moothall_core::ids::{Generation, InstanceId, RequestId};
use moothall_core::instance::{Access, Instance, InstanceLock};
use moothall_guest::Fault;
use moothall_store::{StoreError, Taken, Tx};

use written::apply;

/// An instance's lock, and the generation that may write once it is released.
type Held = (InstanceLock, Option<Generation>);

impl Mutations {
    /// Carries out a plan with its lifecycle calls.
    pub(super) async fn carry_out(
        &self,
        plan: Plan,
        request: RequestId,
        mutation_lock: MutationLock,
    ) -> MutationResult<Arc<Community>> {
        self.carry_out_with(plan, None, request, mutation_lock).await
    }

    /// The same, with `extra_write` in its write.
    pub(super) async fn carry_out_with(
        &self,
        mut plan: Plan,
        extra_write: Option<ExtraWriteOf<Community>>,
        request: RequestId,
        mutation_lock: MutationLock,
    ) -> MutationResult<Arc<Community>> {
        let end = self.deadline(self.limits.mutation_wait_ms);
        self.in_time(end, self.initialize(&mut plan, &request)).await?;
        self.in_time(end, self.upgrade(&plan, &request)).await?;
        let held = self.lock(&plan).await?;
        self.in_time(end, self.config_changed(&mut plan, &request)).await?;
        self.write(plan, extra_write, held, mutation_lock).await
    }

    /// Carries out a plan without lifecycle calls.
    pub(super) async fn commit(
        &self,
        plan: Plan,
        mutation_lock: MutationLock,
    ) -> MutationResult<Arc<Community>> {
        let held = self.lock(&plan).await?;
        self.write(plan, None, held, mutation_lock).await
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

    /// Upgrades the instances whose `config-changed` will be called, because that is a call on the version that serves now;
    /// not where only the new config is valid for that version.
    async fn upgrade(&self, plan: &Plan, request: &RequestId) -> MutationResult<()> {
        for step in &plan.steps {
            let PlanStep::Reconfigure(old, draft) = step else { continue };
            match self.calls.ready(draft.plugin.clone(), old.clone(), request).await {
                Ok(ready) if ready.plugin.digest_id == draft.plugin.digest_id => {}
                Ok(_) => return Err(Fault::Overloaded("the plugin is being replaced").into()),
                Err(CallError::ConfigInvalid { .. }) => draft.instance.close(),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    async fn config_changed(&self, plan: &mut Plan, request: &RequestId) -> MutationResult<()> {
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

    /// A driver's own change is one that its driver asked for; authorisations and host scope change configs without a driver.
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

    /// Takes the locks of all instances that change, all within one wait.
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

    /// Completes in chunks the pending processes that were too many for the mutation's write. Their instances are gone, and
    /// nobody can start or change one any more. The purge completes what a failure or a crash leaves.
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
        extra_write: Option<ExtraWriteOf<Community>>,
        held: Vec<Held>,
        mutation_lock: MutationLock,
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
            drop((mutation_lock, costs.reservations));
        };
        let (change, view, of) = (self.change_event(&plan), self.view(&plan), names.id);
        let apply = move |tx: &Tx<'_>| {
            tx.changing(change.as_ref(), of, &view, now, |tx| {
                let rest = apply(tx, before, then, writes, now)?;
                if let (Some(extra_write), Some(community)) = (extra_write, &seen) {
                    extra_write(tx, community)?;
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
}

/// The instances that change, in the order in which their locks are taken: ascending, so that no two mutations wait for
/// each other.
fn to_lock(steps: &[PlanStep]) -> Vec<(&Arc<Instance>, &PlanStep)> {
    let mut steps: Vec<_> = steps.iter().filter_map(|step| Some((step.changed()?, step))).collect();
    steps.sort_by_key(|(instance, _)| instance.id);
    steps
}

/// Releases a lock: waiting calls find the instance gone, or in its new generation.
fn release((mut lock, generation): Held) {
    if let Some(locked_state) = lock.locked_state_mut() {
        locked_state.generation = generation;
    }
    // `config-changed` may have written state.
    lock.forget_stored();
}

/// The community after the plan; none if it is deleted.
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
