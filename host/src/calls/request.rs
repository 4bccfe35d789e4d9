//! From what a caller asks for to a call that may run.
//!
//! A `ValidatedCall` exists only after the input was checked, and can be made nowhere else.

use std::sync::Arc;

use serde_json::Value;

use super::{CallError, Calls};
use crate::communities::{Community, ResolveError};
use crate::guest::{Export, Fault, Origin, PendingSecrets, Subject};
use crate::ids::RequestId;
use crate::instance::Instance;
use crate::plugins::{Action, CallMetrics, Plugin, Schema};
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

/// A call whose input is valid, on an instance that is there.
pub struct ValidatedCall {
    plugin: Arc<Plugin>,
    instance: Arc<Instance>,
    config: Arc<str>,
    what: What,
    request_id: RequestId,
}

enum What {
    Action { action: Arc<Action>, parameters: String },
    Initialize(PendingSecrets),
    ConfigChanged { previous: String, secrets: PendingSecrets },
}

impl ValidatedCall {
    /// `initialize` of an instance that nobody can resolve yet.
    pub fn initialize(
        plugin: Arc<Plugin>,
        instance: Arc<Instance>,
        secrets: PendingSecrets,
        request_id: RequestId,
    ) -> Self {
        let config = instance.stored_config().clone();
        Self { plugin, instance, config, what: What::Initialize(secrets), request_id }
    }

    /// `config-changed` of an instance whose lock the caller holds.
    pub fn config_changed(
        plugin: Arc<Plugin>,
        instance: Arc<Instance>,
        previous: String,
        secrets: PendingSecrets,
        request_id: RequestId,
    ) -> Self {
        let config = instance.stored_config().clone();
        Self {
            plugin,
            instance,
            config,
            what: What::ConfigChanged { previous, secrets },
            request_id,
        }
    }

    pub fn plugin(&self) -> &Arc<Plugin> {
        &self.plugin
    }

    pub fn instance(&self) -> &Arc<Instance> {
        &self.instance
    }

    /// The action's slug, or the lifecycle function.
    pub fn name(&self) -> &str {
        match &self.what {
            What::Action { action, .. } => &action.slug,
            What::Initialize(_) => "initialize",
            What::ConfigChanged { .. } => "config-changed",
        }
    }

    pub fn request_id(&self) -> &RequestId {
        &self.request_id
    }

    pub fn response_schema(&self) -> Option<&Schema> {
        match &self.what {
            What::Action { action, .. } => action.response.as_ref(),
            What::Initialize(_) | What::ConfigChanged { .. } => None,
        }
    }

    pub fn metrics(&self) -> &CallMetrics {
        match &self.what {
            What::Action { action, .. } => &action.metrics,
            What::Initialize(_) | What::ConfigChanged { .. } => &self.plugin.lifecycle_metrics,
        }
    }

    pub fn origin(&self) -> Origin {
        match &self.what {
            What::Action { .. } => Origin::Action,
            What::Initialize(secrets) => Origin::Enable(secrets.clone()),
            What::ConfigChanged { secrets, .. } => Origin::Reconfigure(secrets.clone()),
        }
    }

    /// What the guest is called with. Takes the input along: a call runs once.
    pub(super) fn take_for_guest(&mut self) -> (Export, Subject) {
        let origin = self.origin();
        let (export, read_only) = match &mut self.what {
            What::Action { action, parameters } => {
                let parameters = std::mem::take(parameters);
                (Export::Perform { slug: action.slug.clone(), parameters }, action.read_only)
            }
            What::Initialize(_) => (Export::Initialize, false),
            What::ConfigChanged { previous, .. } => {
                (Export::ConfigChanged { previous: std::mem::take(previous) }, false)
            }
        };
        let (instance, request_id) = (Some(self.instance.clone()), Some(self.request_id.clone()));
        (export, Subject { instance, config: self.config.clone(), origin, request_id, read_only })
    }
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
        let config = match instance.config_for(plugin.mark) {
            Some(config) => config,
            None => self.accept_config(&plugin, &instance)?,
        };
        let parameters = validated(&action.parameters, request.parameters)?;
        let what = What::Action { action, parameters };
        Ok(ValidatedCall { plugin, instance, config, what, request_id: request.request_id })
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

    fn instance(
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

fn validated(schema: &Schema, mut parameters: Value) -> Result<String, CallError> {
    schema.fill_defaults(&mut parameters);
    schema.validate(&parameters).map_err(CallError::InvalidParameters)?;
    Ok(parameters.to_string())
}
