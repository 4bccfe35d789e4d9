//! Carries a plan out: guest calls, locks, one write, and then the index.

use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret;

use super::plan::{Draft, Plan, Step};
use super::{MutationError, Mutations, Outcome};
use crate::calls::{CallError, Mode, ValidatedCall, state_changes};
use crate::communities::{Community, Turn};
use crate::guest::Fault;
use crate::ids::{Generation, RequestId};
use crate::instance::{Access, CommunityNames, Hold, HoldError, Instance, secret_context};
use crate::plugins::Lifecycle;
use crate::store::{CommunityRow, NewInstance, SecretRow, StateChange, StoreError, Tx};

/// What one step writes.
enum Write {
    Add {
        row: NewInstance,
        secrets: Vec<SecretRow>,
        state: Vec<StateChange>,
    },
    Reconfigure {
        row: NewInstance,
        to: Generation,
        secrets: Vec<SecretRow>,
        state: Vec<StateChange>,
    },
    Remove(Arc<Instance>),
}

/// An instance's lock, and the generation that may write once it is released.
type Held = (Hold, Option<Generation>);

impl Mutations {
    /// Lifecycle calls of the new instances, then the rest.
    pub(super) async fn carry_out(
        &self,
        mut plan: Plan,
        request: RequestId,
        turn: Turn,
    ) -> Outcome<Arc<Community>> {
        for step in &mut plan.steps {
            if let Step::Create(draft) | Step::Replace(_, draft) = step
                && draft.plugin.manifest.has(Lifecycle::Initialize)
            {
                let (plugin, instance) = (draft.plugin.clone(), draft.instance.clone());
                let call = ValidatedCall::initialize(
                    plugin,
                    instance,
                    draft.secrets.clone(),
                    request.clone(),
                );
                draft.state = self.collect(call).await?;
            }
        }
        let held = self.lock(&plan).await?;
        for step in &mut plan.steps {
            if let Step::Reconfigure(old, draft) = step
                && draft.plugin.manifest.has(Lifecycle::ConfigChanged)
            {
                let (plugin, instance) = (draft.plugin.clone(), draft.instance.clone());
                let (previous, secrets) = (old.config().to_string(), draft.secrets.clone());
                let call = ValidatedCall::config_changed(
                    plugin,
                    instance,
                    previous,
                    secrets,
                    request.clone(),
                );
                draft.state = self.collect(call).await?;
            }
        }
        self.write(plan, held, turn).await
    }

    /// A plan without guest calls.
    pub(super) async fn commit(&self, plan: Plan, turn: Turn) -> Outcome<Arc<Community>> {
        let held = self.lock(&plan).await?;
        self.write(plan, held, turn).await
    }

    async fn collect(&self, call: ValidatedCall) -> Result<Vec<StateChange>, CallError> {
        let answer = self.calls.run(call, Mode::Collect).await?;
        Ok(answer.effects.map(state_changes).unwrap_or_default())
    }

    /// The locks of all instances that change, in ascending id.
    async fn lock(&self, plan: &Plan) -> Outcome<Vec<Held>> {
        let mut steps: Vec<_> =
            plan.steps.iter().filter_map(|step| Some((step.changed()?, step))).collect();
        steps.sort_by_key(|(instance, _)| instance.id);
        let wait = Duration::from_millis(self.limits.lock_wait_ms);
        let mut held = Vec::with_capacity(steps.len());
        for (instance, step) in steps {
            let hold =
                instance.hold(Access::Exclusive, wait).await.map_err(|error| match error {
                    HoldError::Busy => Fault::InstanceBusy,
                    HoldError::Replaced => Fault::InstanceReplaced,
                })?;
            let next = match step {
                Step::Reconfigure(_, draft) => Some(draft.instance.generation),
                _ => None,
            };
            held.push((hold, next));
        }
        Ok(held)
    }

    async fn write(&self, plan: Plan, held: Vec<Held>, turn: Turn) -> Outcome<Arc<Community>> {
        let after = community_after(&plan);
        let names = plan.after.clone().or_else(|| plan.before.clone());
        let writes = self.writes(&plan)?;
        let (before, then, now) =
            (plan.before.clone(), plan.after.clone(), self.calls.clock.now_ms());
        let communities = self.calls.communities.clone();
        let published = after.clone();
        let slug_before = plan.before.as_ref().map(|names| names.slug.clone());
        let finish = move |committed: Option<&()>| {
            if committed.is_some() {
                communities.publish(slug_before.as_ref(), published);
                held.into_iter().for_each(release);
            }
            drop(turn);
        };
        let written = self
            .calls
            .store
            .write_then(
                "community.change",
                move |tx| apply(tx, before, then, &writes, now),
                Some(Box::new(finish)),
            )
            .await;
        match (written, names) {
            (Ok(()), Some(names)) => {
                Ok(Arc::new(after.unwrap_or(Community { names, instances: Box::default() })))
            }
            (Err(StoreError::Taken("this slug")), Some(names)) => {
                Err(MutationError::Taken(names.slug.clone()))
            }
            (Err(error), _) => Err(error.into()),
            (Ok(()), None) => Err(Fault::Host("a mutation of no community".into()).into()),
        }
    }

    fn writes(&self, plan: &Plan) -> Outcome<Vec<Write>> {
        let Some(names) = plan.after.as_ref().or(plan.before.as_ref()) else {
            return Ok(Vec::new());
        };
        let mut writes = Vec::new();
        for step in &plan.steps {
            match step {
                Step::Keep(_) => {}
                Step::Create(draft) => writes.push(self.add(names, draft)?),
                Step::Replace(old, draft) => {
                    // Before the new one: the two have the same name.
                    writes.push(Write::Remove(old.clone()));
                    writes.push(self.add(names, draft)?);
                }
                Step::Reconfigure(_, draft) => writes.push(Write::Reconfigure {
                    row: row(names, draft),
                    to: draft.instance.generation,
                    secrets: self.seal(draft)?,
                    state: draft.state.clone(),
                }),
                Step::Remove(old) => writes.push(Write::Remove(old.clone())),
            }
        }
        Ok(writes)
    }

    fn add(&self, names: &CommunityNames, draft: &Draft) -> Outcome<Write> {
        Ok(Write::Add {
            row: row(names, draft),
            secrets: self.seal(draft)?,
            state: draft.state.clone(),
        })
    }

    fn seal(&self, draft: &Draft) -> Outcome<Vec<SecretRow>> {
        let seal = |(pointer, secret): (&String, &secrecy::SecretString)| {
            let context = secret_context(draft.instance.id, pointer);
            let sealed = self.keyring.seal(&context, secret.expose_secret().as_bytes());
            let sealed = sealed.map_err(|error| Fault::Host(error.to_string()))?;
            Ok(SecretRow { pointer: pointer.clone(), sealed })
        };
        draft.secrets.iter().map(seal).collect()
    }
}

/// Lets waiting calls have the lock: they find the instance gone, or in its new generation.
fn release((mut hold, generation): Held) {
    if let Some(standing) = hold.standing_mut() {
        standing.generation = generation;
        // `config-changed` may have written; the next writer counts again.
        standing.state_bytes = None;
    }
}

fn row(names: &CommunityNames, draft: &Draft) -> NewInstance {
    NewInstance {
        id: draft.instance.id,
        community: names.id,
        plugin: draft.plugin.name.to_string(),
        platform_id: draft.instance.platform_id.as_deref().map(str::to_owned),
        config: draft.instance.config().to_string(),
        plugin_version: draft.plugin.manifest.version.clone(),
        plugin_mark: draft.plugin.mark,
    }
}

/// The community as it will be seen; none if it is deleted.
fn community_after(plan: &Plan) -> Option<Community> {
    let names = plan.after.clone()?;
    let renamed = plan.before.as_ref().is_some_and(|before| **before != *names);
    let instances = plan.steps.iter().filter_map(|step| match step {
        Step::Keep(instance) if renamed => Some(Arc::new(instance.in_community(names.clone()))),
        Step::Keep(instance) => Some(instance.clone()),
        Step::Create(draft) | Step::Replace(_, draft) | Step::Reconfigure(_, draft) => {
            Some(draft.instance.clone())
        }
        Step::Remove(_) => None,
    });
    let mut instances: Vec<_> = instances.collect();
    instances.sort_by_key(|instance| instance.id);
    Some(Community { names, instances: instances.into() })
}

fn apply(
    tx: &Tx<'_>,
    before: Option<Arc<CommunityNames>>,
    after: Option<Arc<CommunityNames>>,
    writes: &[Write],
    now: i64,
) -> Result<(), StoreError> {
    if let (None, Some(new)) = (&before, &after) {
        let (slug, readable_name) = (new.slug.to_string(), new.readable_name.to_string());
        tx.add_community(&CommunityRow { id: new.id, slug, readable_name }, now)?;
    }
    writes.iter().try_for_each(|write| apply_one(tx, write, now))?;
    match (before, after) {
        (Some(old), None) => tx.remove_community(old.id),
        (Some(old), Some(new)) if old != new => {
            tx.change_community(old.id, &new.slug, &new.readable_name)
        }
        _ => Ok(()),
    }
}

fn apply_one(tx: &Tx<'_>, write: &Write, now: i64) -> Result<(), StoreError> {
    match write {
        Write::Add { row, secrets, state } => {
            tx.add_instance(row, now)?;
            tx.replace_secrets(row.id, secrets)?;
            tx.apply_state(row.id, state)
        }
        Write::Reconfigure { row, to, secrets, state } => {
            tx.reconfigure_instance(row, *to)?;
            tx.replace_secrets(row.id, secrets)?;
            tx.apply_state(row.id, state)
        }
        Write::Remove(instance) => tx.remove_instance(instance.id),
    }
}
