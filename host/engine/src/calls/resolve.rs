//! Makes a call of what a caller asks for: finds plugin and instance in memory, then validates the input.

use std::sync::Arc;

use super::callee::Callee;
use super::request::ValidatedCall;
use super::{CallError, Calls};
use crate::communities::{Community, ResolveError};
use crate::plugins::{Action, Plugin, Schema};
use moothall_core::config::nearest;
use moothall_core::ids::RequestId;
use moothall_core::instance::Instance;
use moothall_guest::Fault;

#[cfg(test)]
mod tests;

/// An action as a driver asks for it.
pub struct ActionRequest<'a> {
    pub community: &'a str,
    /// `community_platform_id`, where the caller gave one.
    pub platform_id: Option<&'a str>,
    pub plugin: &'a str,
    pub action: &'a str,
    /// A JSON text that was checked.
    pub parameters: String,
    pub reach: Reach,
    pub request_id: RequestId,
}

/// Which actions the route that a request came in by may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    Public,
    Every,
}

impl Reach {
    fn includes(self, is_public: bool) -> bool {
        is_public || self == Self::Every
    }
}

/// The plugin, action and instance that a request names.
pub type Resolved = (Arc<Plugin>, Arc<Action>, Arc<Instance>);

impl Calls {
    /// Validates the call of an action that was just resolved.
    pub async fn action(
        self: &Arc<Self>,
        (plugin, mut action, instance): Resolved,
        request: ActionRequest<'_>,
    ) -> Result<ValidatedCall, CallError> {
        let digest_id = plugin.digest_id;
        let ready = self.ready(plugin, instance, &request.request_id).await?;
        if ready.plugin.digest_id != digest_id {
            action = reachable(&ready.plugin, request.action, request.reach)?;
        }
        let parameters = validated(&action.parameters, request.parameters)?;
        Ok(ready.call(Callee::action(action, parameters), request.request_id))
    }

    /// Finds in memory the plugin, action and instance that a request names.
    pub fn resolve(&self, request: &ActionRequest<'_>) -> Result<Resolved, CallError> {
        if request.reach == Reach::Public {
            // Checked before the community, so that the answer for an absent plugin does not tell which communities exist.
            self.serving(request.plugin)?;
        }
        let community = self.community(request.community)?;
        let plugin = self.plugin(request.plugin, &community)?;
        let action = reachable(&plugin, request.action, request.reach)?;
        let instance = self.instance(&community, &plugin, request.platform_id)?;
        Ok((plugin, action, instance))
    }

    /// A call on an instance, which must be ready for the plugin's version.
    pub async fn on(
        self: &Arc<Self>,
        plugin: Arc<Plugin>,
        instance: Arc<Instance>,
        callee: impl Into<Callee>,
        request_id: RequestId,
    ) -> Result<ValidatedCall, CallError> {
        let digest_id = plugin.digest_id;
        let ready = self.ready(plugin, instance, &request_id).await?;
        if ready.plugin.digest_id != digest_id {
            // The caller chose the function in the version before.
            return Err(Fault::Overloaded("the plugin is being replaced").into());
        }
        Ok(ready.call(callee, request_id))
    }

    pub fn community(&self, slug: &str) -> Result<Arc<Community>, CallError> {
        let community = self.context.communities.get(slug);
        community.ok_or_else(|| CallError::UnknownCommunity(slug.to_owned()))
    }

    /// A plugin that serves, whoever has enabled it. If it is only absent for now, the error says so.
    pub fn serving(&self, name: &str) -> Result<Arc<Plugin>, CallError> {
        self.context.plugins.get(name).ok_or_else(|| {
            let is_enabled = self.context.communities.is_enabled(name);
            self.absent(name, is_enabled)
        })
    }

    /// The error that a plugin does not serve now, or that there is no such plugin: nobody has enabled it, and its file is
    /// not being compiled.
    fn absent(&self, name: &str, is_enabled: bool) -> CallError {
        let plugins = &self.context.plugins;
        if !is_enabled && !plugins.is_compiling_plugin(name) {
            return self.unknown_plugin(name);
        }
        CallError::PluginUnavailable(name.to_owned(), plugins.away(name))
    }

    /// The error that no plugin has that name, with a suggestion if a name is similar.
    pub fn unknown_plugin(&self, name: &str) -> CallError {
        CallError::UnknownPlugin { name: name.to_owned(), meant: self.plugin_meant(name) }
    }

    /// `; did you mean …?`, if a plugin with a similar name serves.
    pub fn plugin_meant(&self, name: &str) -> String {
        let all = self.context.plugins.all();
        let known: Vec<&str> = all.iter().map(|plugin| plugin.name.as_str()).collect();
        nearest(name, &known)
    }

    /// The plugin of an instance, if it serves now.
    pub fn plugin_of(&self, instance: &Instance) -> Result<Arc<Plugin>, CallError> {
        let name = instance.plugin.as_str();
        self.context.plugins.get(name).ok_or_else(|| {
            CallError::PluginUnavailable(name.to_owned(), self.context.plugins.away(name))
        })
    }

    /// A plugin that serves. If it is enabled but removed, or not compiled yet, the error says so.
    pub fn plugin(&self, name: &str, community: &Community) -> Result<Arc<Plugin>, CallError> {
        self.context.plugins.get(name).ok_or_else(|| {
            let is_enabled =
                community.instances.iter().any(|instance| instance.plugin.as_str() == name);
            self.absent(name, is_enabled)
        })
    }

    /// The instance of `plugin` with that `community_platform_id`.
    pub fn instance(
        &self,
        community: &Community,
        plugin: &Plugin,
        platform_id: Option<&str>,
    ) -> Result<Arc<Instance>, CallError> {
        let instance = community.resolve(plugin.name.as_str(), platform_id);
        instance.cloned().map_err(|error| unresolved(plugin.name.as_str(), community, error))
    }
}

/// The error that a community has no such instance.
pub fn unresolved(plugin: &str, community: &Community, error: ResolveError) -> CallError {
    let plugin = plugin.to_owned();
    match error {
        ResolveError::NotEnabled => {
            CallError::NotEnabled { plugin, names: community.names.clone() }
        }
        ResolveError::Ambiguous(choices) => CallError::Ambiguous { plugin, choices },
        ResolveError::NoSuchPlatform(choices) => CallError::NoSuchPlatform { plugin, choices },
    }
}

fn reachable(plugin: &Plugin, slug: &str, reach: Reach) -> Result<Arc<Action>, CallError> {
    let action = plugin.actions.get(slug);
    let action = action.filter(|action| reach.includes(action.public));
    action.cloned().ok_or_else(|| CallError::UnknownAction {
        plugin: plugin.name.clone(),
        action: slug.to_owned(),
        known: plugin.manifest.actions.iter().map(|action| action.slug.clone()).collect(),
    })
}

/// The parameters as the guest gets them: validated, with defaults.
pub fn validated(schema: &Schema, parameters: String) -> Result<String, CallError> {
    schema.accepted(parameters).map_err(CallError::InvalidParameters)
}
