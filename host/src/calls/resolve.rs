//! From what a caller asks for to a call that may run: resolve in memory, then validate.

use std::sync::Arc;

use serde_json::Value;

use super::request::{ValidatedCall, What};
use super::{CallError, Calls};
use crate::communities::{Community, ResolveError};
use crate::guest::Fault;
use crate::ids::RequestId;
use crate::instance::Instance;
use crate::plugins::{Plugin, Schema};
use crate::secrets;

/// An action as a driver asks for it.
pub struct ActionRequest<'a> {
    pub community: &'a str,
    /// `community_platform_id`, where the caller gave one.
    pub platform_id: Option<&'a str>,
    pub plugin: &'a str,
    pub action: &'a str,
    pub parameters: Value,
    pub reach: Reach,
    pub request_id: RequestId,
}

/// Which actions can be called from where a request came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    Public,
    Every,
}

impl Calls {
    /// Resolves and validates an action's call.
    pub fn action(&self, request: ActionRequest<'_>) -> Result<ValidatedCall, CallError> {
        let community = self
            .communities
            .get(request.community)
            .ok_or_else(|| CallError::UnknownCommunity(request.community.to_owned()))?;
        let plugin = self.plugin(request.plugin, &community)?;
        let action = plugin
            .actions
            .get(request.action)
            .filter(|action| action.public || request.reach == Reach::Every);
        let action = action.cloned().ok_or_else(|| CallError::UnknownAction {
            plugin: plugin.name.clone(),
            action: request.action.to_owned(),
        })?;
        let instance = self.instance(&community, &plugin, request.platform_id)?;
        let parameters = validated(&action.parameters, request.parameters)?;
        self.on(plugin, instance, What::Action { action, parameters }, request.request_id)
    }

    /// A call on an instance: its config must be right for the plugin's version.
    pub fn on(
        &self,
        plugin: Arc<Plugin>,
        instance: Arc<Instance>,
        what: What,
        request_id: RequestId,
    ) -> Result<ValidatedCall, CallError> {
        let config = match instance.config_for(plugin.mark) {
            Some(config) => config,
            None => self.accept_config(&plugin, &instance)?,
        };
        Ok(ValidatedCall::on(plugin, instance, config, what, request_id))
    }

    /// The plugin of an instance, if it serves now.
    pub fn plugin_of(&self, instance: &Instance) -> Result<Arc<Plugin>, CallError> {
        let name = instance.plugin.as_str();
        self.plugins.get(name).ok_or_else(|| CallError::PluginUnavailable(name.to_owned()))
    }

    /// A plugin that serves. One that is enabled but gone, or not compiled yet, is not unknown.
    pub fn plugin(&self, name: &str, community: &Community) -> Result<Arc<Plugin>, CallError> {
        self.plugins.get(name).ok_or_else(|| {
            let enabled =
                community.instances.iter().any(|instance| instance.plugin.as_str() == name);
            if enabled || self.plugins.is_compiling() {
                CallError::PluginUnavailable(name.to_owned())
            } else {
                CallError::UnknownPlugin(name.to_owned())
            }
        })
    }

    /// The instance of `plugin`, told apart by its `community_platform_id`.
    pub fn instance(
        &self,
        community: &Community,
        plugin: &Plugin,
        platform_id: Option<&str>,
    ) -> Result<Arc<Instance>, CallError> {
        let names = &community.names;
        let instance = community.resolve(plugin.name.as_str(), platform_id);
        instance.cloned().map_err(|error| match error {
            ResolveError::NotEnabled => {
                CallError::NotEnabled { plugin: plugin.name.clone(), names: names.clone() }
            }
            ResolveError::Ambiguous(choices) => {
                CallError::Ambiguous { plugin: plugin.name.clone(), choices }
            }
            ResolveError::NoSuchPlatform(choices) => {
                CallError::NoSuchPlatform { plugin: plugin.name.clone(), choices }
            }
        })
    }

    /// Another version of the plugin than the one the config was stored for: its schema must
    /// accept it, and fills in its own defaults. Once for each instance and version.
    fn accept_config(&self, plugin: &Plugin, instance: &Instance) -> Result<Arc<str>, CallError> {
        let invalid = |at: String| CallError::ConfigInvalid { plugin: plugin.name.clone(), at };
        let mut public: Value =
            serde_json::from_str(instance.stored_config()).map_err(|_| invalid(String::new()))?;
        plugin.config_schema.fill_defaults(&mut public);
        let sealed = self.store.read(|reader| reader.secrets(instance.id)).map_err(Fault::from)?;
        let mut whole = secrets::join(&public, &plugin.guest.open_secrets(instance.id, &sealed)?);
        let checked = plugin.config_schema.validate(&whole);
        secrets::wipe(&mut whole);
        // Where, and not what: the new schema need not know which values are secrets.
        checked.map_err(|violations| {
            invalid(violations.first().map(|one| one.path.clone()).unwrap_or_default())
        })?;
        let config: Arc<str> = public.to_string().into();
        instance.accept(plugin.mark, config.clone());
        Ok(config)
    }
}

/// Fills in the defaults, and checks: what the guest gets.
pub fn validated(schema: &Schema, mut parameters: Value) -> Result<String, CallError> {
    schema.fill_defaults(&mut parameters);
    schema.validate(&parameters).map_err(CallError::InvalidParameters)?;
    Ok(parameters.to_string())
}
