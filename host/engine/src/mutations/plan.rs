//! The plan of a mutation: what happens to each instance, decided before anything is done.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use super::{Became, MutationError, MutationResult, Mutations, PluginEntry};
use crate::calls::{CallError, Collected};
use crate::communities::Community;
use crate::plugins::{Budget, OnConfigChange, Plugin};
use moothall_core::ids::{CommunityId, Generation, InstanceId, PluginName};
use moothall_core::instance::{CommunityNames, Facts, Instance};
use moothall_core::secrets::{ConfigChange, shown};
use moothall_guest::PendingSecrets;

/// A whole mutation.
pub struct Plan {
    /// The community's names now; none if it is new.
    pub before: Option<Arc<CommunityNames>>,
    /// Its names afterwards; none if it is deleted.
    pub after: Option<Arc<CommunityNames>>,
    /// One for each instance that exists before or after.
    pub steps: Vec<PlanStep>,
}

/// What happens to one instance.
pub enum PlanStep {
    Keep(Arc<Instance>),
    Create(Draft),
    /// Another config destroys the instance with its state, and makes a new one, unless it differs in secrets alone.
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
    /// The effects of its lifecycle call.
    pub collected: Option<Collected>,
}

impl PlanStep {
    /// The existing instance, if it changes: then its lock is taken.
    pub fn changed(&self) -> Option<&Arc<Instance>> {
        match self {
            Self::Keep(_) | Self::Create(_) => None,
            Self::Replace(instance, _)
            | Self::Reconfigure(instance, _)
            | Self::Remove(instance) => Some(instance),
        }
    }

    /// The plugin and `community_platform_id` of its instance.
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

/// `Keep` for every instance that has none of `steps`.
pub fn keep_others(community: &Community, steps: &[PlanStep]) -> Vec<PlanStep> {
    let others = community
        .instances
        .iter()
        .filter(|instance| !steps.iter().any(|step| step.is_about(instance)));
    others.cloned().map(PlanStep::Keep).collect()
}

/// The platform that is said beside a config has to be the config's own.
fn require_platform(said: Option<String>, of_config: Option<&str>) -> MutationResult<()> {
    match said {
        Some(said) if of_config != Some(&said) => {
            let of_config = of_config.map(str::to_owned);
            Err(MutationError::OtherPlatform { said, of_config })
        }
        _ => Ok(()),
    }
}

fn check_scope(plugin: &Plugin, names: &CommunityNames) -> MutationResult<()> {
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

/// The one instance of a plugin, which an entry without a config keeps as it is.
fn only_instance(community: &Community, plugin: &str) -> MutationResult<Option<Arc<Instance>>> {
    let mut instances = community.of_plugin(plugin);
    match (instances.next(), instances.next()) {
        (Some(one), Some(_)) => Err(MutationError::NoConfig(one.plugin.clone())),
        (one, _) => Ok(one.cloned()),
    }
}

/// What another config does to its instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    None,
    Reconfigure,
    Replace,
}

fn effect(change: ConfigChange, on_change: OnConfigChange) -> Effect {
    match (change, on_change) {
        (ConfigChange::Nothing, _) => Effect::None,
        (ConfigChange::Secrets, _) | (_, OnConfigChange::Keep) => Effect::Reconfigure,
        (ConfigChange::Config, OnConfigChange::Recreate) => Effect::Replace,
    }
}

impl Mutations {
    /// The steps that make the community's plugins exactly `entries`.
    pub(super) fn steps(
        &self,
        community: &Community,
        names: &Arc<CommunityNames>,
        entries: Vec<PluginEntry>,
    ) -> MutationResult<Vec<PlanStep>> {
        if entries.len() > self.limits.instances_per_community {
            return Err(MutationError::TooMany(self.limits.instances_per_community));
        }
        let mut steps = Vec::with_capacity(entries.len());
        // One budget for all configs of a request, which are checked one after the other.
        let mut budget = self.budget();
        let mut seen = BTreeSet::new();
        for entry in entries {
            let (_, step) =
                self.step(community, names, entry, &mut budget).map_err(|error| match error {
                    MutationError::Call(CallError::UnknownPlugin { name, .. }) => {
                        MutationError::NotRegistered(name)
                    }
                    error => error,
                })?;
            if !seen.insert(step.target()) {
                return Err(MutationError::Twice(step.target().0));
            }
            steps.push(step);
        }
        let removed = community
            .instances
            .iter()
            .filter(|instance| !steps.iter().any(|step| step.is_about(instance)));
        let removed: Vec<_> = removed.cloned().map(PlanStep::Remove).collect();
        steps.extend(removed);
        Ok(steps)
    }

    /// The instance whose config was sent just as it is shown. Asked if its plugin does not serve, and so cannot check it.
    fn as_shown(
        &self,
        community: &Community,
        entry: &PluginEntry,
    ) -> MutationResult<Option<Arc<Instance>>> {
        let Some(config) = &entry.config else { return Ok(None) };
        let sent: Value = serde_json::from_str(config).unwrap_or_default();
        let id = community.names.id;
        let pointers = self.context.store.read(|reader| reader.secret_pointers(id))?;
        let is_same = |instance: &&Arc<Instance>| {
            let public = serde_json::from_str(instance.stored_config()).unwrap_or_default();
            let secrets = pointers.get(&instance.id).map_or(&[][..], Vec::as_slice);
            shown(&public, secrets) == sent
        };
        Ok(community.of_plugin(&entry.name).find(is_same).cloned())
    }

    /// The time that checking the configs of one mutation may take.
    pub(super) fn budget(&self) -> Budget {
        Budget::of_ms(self.limits.validation_ms)
    }

    /// The step for one entry.
    pub(super) fn step(
        &self,
        community: &Community,
        names: &Arc<CommunityNames>,
        entry: PluginEntry,
        budget: &mut Budget,
    ) -> MutationResult<(Became, PlanStep)> {
        // An instance that stays as it is needs no plugin file.
        if entry.config.is_none()
            && let Some(instance) = only_instance(community, &entry.name)?
        {
            return Ok((Became::Unchanged, PlanStep::Keep(instance)));
        }
        let plugin = match self.calls.plugin(&entry.name, community) {
            Err(away @ CallError::PluginUnavailable(..)) => {
                let same = self.as_shown(community, &entry)?.ok_or(away)?;
                return Ok((Became::Unchanged, PlanStep::Keep(same)));
            }
            found => found?,
        };
        check_scope(&plugin, names)?;
        let config = entry.config.unwrap_or_else(|| "{}".to_owned());
        let config = self.check_config(&plugin, community, &config, budget)?;
        require_platform(entry.platform_id, config.platform_id.as_deref())?;
        let existing = community.find(plugin.name.as_str(), config.platform_id.as_deref()).cloned();
        if existing.is_none() && community.instances.len() >= self.limits.instances_per_community {
            return Err(MutationError::TooMany(self.limits.instances_per_community));
        }
        let facts = |id: InstanceId, generation: Generation| Facts {
            id,
            generation,
            plugin: plugin.name.clone(),
            community: names.clone(),
            platform_id: config.platform_id.clone().map(Into::into),
            config: config.public.as_str().into(),
            plugin_digest_id: plugin.digest_id,
        };
        let draft = |instance: Instance| Draft {
            plugin: plugin.clone(),
            instance: Arc::new(instance),
            secrets: Arc::new(config.secrets.clone()),
            collected: None,
        };
        let fresh =
            || Instance::new(facts(self.context.communities.next_instance(), Generation(1)));
        let Some(old) = existing else {
            return Ok((Became::Created, PlanStep::Create(draft(fresh()))));
        };
        Ok(match effect(config.change, plugin.manifest.on_config_change) {
            Effect::None => (Became::Unchanged, PlanStep::Keep(old)),
            Effect::Reconfigure => {
                let next = old.changed(facts(old.id, Generation(old.generation.0 + 1)));
                (Became::Changed, PlanStep::Reconfigure(old, draft(next)))
            }
            Effect::Replace => (Became::Created, PlanStep::Replace(old, draft(fresh()))),
        })
    }
}
