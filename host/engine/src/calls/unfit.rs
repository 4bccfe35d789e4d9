//! Instances whose stored config is not valid for the version that serves. Their calls are answered 503 `config_invalid`
//! until somebody enables them again, so the log and the plugin list say so at once.
//!
//! A background task looks for them after each change of what serves. Must never hold up a call or a swap.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::{CallError, Calls};
use crate::plugins::{Plugin, Violation};
use moothall_core::ids::{PluginDigestId, PluginName};
use moothall_core::instance::Instance;

/// How often the host checks whether another version serves.
const POLL: Duration = Duration::from_millis(250);
/// How many instances of a plugin the list names; of more it gives the number.
const LISTED: usize = 100;
/// How many instances of a plugin one line of the log names.
const NAMED: usize = 10;

/// What was found, by plugin.
#[derive(Default)]
pub struct Unfit(Mutex<HashMap<PluginName, UnfitFound>>);

/// The instances of one plugin: how many, and the first of them.
#[derive(Clone, Default)]
pub struct UnfitFound {
    /// Of the version whose schema the configs were checked with.
    digest_id: PluginDigestId,
    pub count: usize,
    pub first: Vec<UnfitInstance>,
}

#[derive(Clone)]
pub struct UnfitInstance {
    pub instance: Arc<Instance>,
    pub violations: Vec<Violation>,
}

impl Calls {
    /// The plugin's instances whose config is still not valid for the version that serves.
    pub fn unfit(&self, plugin: &Plugin) -> UnfitFound {
        let found = {
            let unfit = self.unfit.0.lock().unwrap_or_else(PoisonError::into_inner);
            unfit.get(&plugin.name).filter(|found| found.digest_id == plugin.digest_id).cloned()
        };
        let found = found.unwrap_or_default();
        let is_still = |one: &UnfitInstance| {
            let now = self.context.communities.instance(one.instance.id);
            now.is_some_and(|now| Arc::ptr_eq(&now, &one.instance))
                && one.instance.config_for(plugin.digest_id).is_none()
        };
        let known = found.first.len();
        let first: Vec<_> = found.first.into_iter().filter(is_still).collect();
        UnfitFound { digest_id: found.digest_id, count: found.count - (known - first.len()), first }
    }

    /// Checks all configs after each change of what serves. Never ends.
    pub async fn watch_configs(self: Arc<Self>) {
        let mut looked_at = BTreeMap::new();
        let mut changes = None;
        loop {
            let now = self.context.plugins.changes();
            if changes.replace(now) != Some(now) {
                let all = self.context.plugins.all();
                looked_at.retain(|name, _| all.iter().any(|plugin| plugin.name == *name));
                for plugin in all {
                    if looked_at.insert(plugin.name.clone(), plugin.digest_id)
                        != Some(plugin.digest_id)
                    {
                        self.look_for_unfit(&plugin).await;
                    }
                }
            }
            tokio::time::sleep(POLL).await;
        }
    }

    async fn look_for_unfit(&self, plugin: &Plugin) {
        let mut found = UnfitFound { digest_id: plugin.digest_id, ..UnfitFound::default() };
        let of_plugin = self.context.communities.all_instances();
        for instance in of_plugin.into_iter().filter(|one| one.plugin == plugin.name) {
            if instance.config_for(plugin.digest_id).is_some() {
                continue;
            }
            if let Err(CallError::ConfigInvalid { violations, .. }) =
                self.config_for_version(plugin, &instance)
            {
                found.count += 1;
                if found.first.len() < LISTED {
                    found.first.push(UnfitInstance { instance, violations });
                }
            }
            // Each community may have one.
            tokio::task::yield_now().await;
        }
        found.report(plugin);
        let mut unfit = self.unfit.0.lock().unwrap_or_else(PoisonError::into_inner);
        unfit.insert(plugin.name.clone(), found);
    }
}

impl UnfitFound {
    fn report(&self, plugin: &Plugin) {
        if self.count == 0 {
            return;
        }
        let named: Vec<String> =
            self.first.iter().take(NAMED).map(UnfitInstance::to_string).collect();
        tracing::warn!(
            plugin = plugin.name.as_str(),
            version = plugin.manifest.version,
            instances = self.count,
            "the version that serves does not accept stored configs, and calls of these instances are answered 503 config_invalid until they are enabled again: {}",
            named.join("; ")
        );
    }
}

impl std::fmt::Display for UnfitInstance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let community = self.instance.community.slug.as_str();
        write!(f, "community `{community}`, instance {}", self.instance.id.0)?;
        match self.violations.first() {
            Some(first) => write!(f, ", {}", first.sentence()),
            None => Ok(()),
        }
    }
}
