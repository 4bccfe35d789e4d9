//! What a mutation is going to do, worked out before anything is done.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Became, MutationError, Mutations, Outcome, PluginEntry};
use crate::calls::Collected;
use crate::communities::Community;
use crate::guest::PendingSecrets;
use crate::ids::{CommunityId, Generation, InstanceId, PluginName};
use crate::instance::{CommunityNames, Facts, Instance};
use crate::plugins::{Budget, OnConfigChange, Plugin};

/// A whole mutation.
pub struct Plan {
    /// What the community is called now; none if it is new.
    pub before: Option<Arc<CommunityNames>>,
    /// What it will be called; none if it is deleted.
    pub after: Option<Arc<CommunityNames>>,
    /// One for each instance that is there before or after.
    pub steps: Vec<Step>,
}

/// What happens to one instance.
pub enum Step {
    Keep(Arc<Instance>),
    Create(Draft),
    /// Another config destroys the instance with its state, and makes a new one.
    Replace(Arc<Instance>, Draft),
    /// Another config, the same instance with its state.
    Reconfigure(Arc<Instance>, Draft),
    Remove(Arc<Instance>),
}

/// An instance with a new config, as it will be once it is committed.
pub struct Draft {
    pub plugin: Arc<Plugin>,
    pub instance: Arc<Instance>,
    pub secrets: PendingSecrets,
    /// What its lifecycle call wrote.
    pub collected: Option<Collected>,
}

impl Step {
    /// The instance that was there before and does not stay as it is: its lock is taken.
    pub fn changed(&self) -> Option<&Arc<Instance>> {
        match self {
            Self::Keep(_) | Self::Create(_) => None,
            Self::Replace(instance, _)
            | Self::Reconfigure(instance, _)
            | Self::Remove(instance) => Some(instance),
        }
    }

    /// The plugin and `community_platform_id` that it is about.
    pub fn target(&self) -> (PluginName, Option<Box<str>>) {
        let instance = match self {
            Self::Keep(instance) | Self::Remove(instance) => instance,
            Self::Create(draft) | Self::Replace(_, draft) | Self::Reconfigure(_, draft) => {
                &draft.instance
            }
        };
        (instance.plugin.clone(), instance.platform_id.clone())
    }

    fn is_about(&self, instance: &Instance) -> bool {
        self.target() == (instance.plugin.clone(), instance.platform_id.clone())
    }
}

/// `Keep` for every instance that `steps` are not about.
pub fn keep_others(community: &Community, steps: &[Step]) -> Vec<Step> {
    let others = community
        .instances
        .iter()
        .filter(|instance| !steps.iter().any(|step| step.is_about(instance)));
    others.cloned().map(Step::Keep).collect()
}

fn check_scope(plugin: &Plugin, names: &CommunityNames) -> Outcome<()> {
    let name = &plugin.name;
    match (plugin.is_of_host(), names.id == CommunityId::HOST) {
        (true, false) => Err(MutationError::OtherScope(format!(
            "Plugin '{name}' is of host scope: it is configured under [plugins.{name}] in moothall.toml, and enabled for no community"
        ))),
        (false, true) => {
            Err(MutationError::OtherScope(format!("Plugin '{name}' is not of host scope")))
        }
        _ => Ok(()),
    }
}

impl Mutations {
    /// The steps that make the community's plugins exactly `entries`.
    pub(super) fn steps(
        &self,
        community: &Community,
        names: &Arc<CommunityNames>,
        entries: Vec<PluginEntry>,
    ) -> Outcome<Vec<Step>> {
        if entries.len() > self.limits.instances_per_community {
            return Err(MutationError::TooMany(self.limits.instances_per_community));
        }
        let mut steps = Vec::with_capacity(entries.len());
        // One for all configs of a request: they come in one body, and are checked one after the other.
        let mut budget = self.budget();
        let mut seen = BTreeSet::new();
        for entry in entries {
            let (_, step) = self.step(community, names, entry, &mut budget)?;
            if !seen.insert(step.target()) {
                return Err(MutationError::Twice(step.target().0));
            }
            steps.push(step);
        }
        let removed = community
            .instances
            .iter()
            .filter(|instance| !steps.iter().any(|step| step.is_about(instance)));
        let removed: Vec<_> = removed.cloned().map(Step::Remove).collect();
        steps.extend(removed);
        Ok(steps)
    }

    /// The time that checking the configs of one mutation may take.
    pub(super) fn budget(&self) -> Budget {
        Budget::of_ms(self.limits.validation_ms)
    }

    /// What one entry asks for.
    pub(super) fn step(
        &self,
        community: &Community,
        names: &Arc<CommunityNames>,
        entry: PluginEntry,
        budget: &mut Budget,
    ) -> Outcome<(Became, Step)> {
        let plugin = self.calls.plugin(&entry.name, community)?;
        check_scope(&plugin, names)?;
        let config = self.check_config(&plugin, community, entry.config, budget)?;
        let existing = community.find(plugin.name.as_str(), config.platform_id.as_deref()).cloned();
        if let Some(existing) = &existing
            && config.is_same
        {
            return Ok((Became::Unchanged, Step::Keep(existing.clone())));
        }
        if existing.is_none() && community.instances.len() >= self.limits.instances_per_community {
            return Err(MutationError::TooMany(self.limits.instances_per_community));
        }
        let keeps = plugin.manifest.on_config_change == OnConfigChange::Keep;
        let facts = |id: InstanceId, generation: Generation| Facts {
            id,
            generation,
            plugin: plugin.name.clone(),
            community: names.clone(),
            platform_id: config.platform_id.clone().map(Into::into),
            config: config.public.as_str().into(),
            plugin_mark: plugin.mark,
        };
        let draft = |instance: Instance| Draft {
            plugin: plugin.clone(),
            instance: Arc::new(instance),
            secrets: Arc::new(config.secrets.clone()),
            collected: None,
        };
        let fresh = || Instance::new(facts(self.calls.communities.next_instance(), Generation(1)));
        Ok(match existing {
            None => (Became::Created, Step::Create(draft(fresh()))),
            Some(old) if keeps => {
                let next = old.changed(facts(old.id, Generation(old.generation.0 + 1)));
                (Became::Changed, Step::Reconfigure(old, draft(next)))
            }
            Some(old) => (Became::Created, Step::Replace(old, draft(fresh()))),
        })
    }
}
