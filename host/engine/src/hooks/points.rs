//! The host's own hooks: what each runs before, and what its steps may do.

use crate::plugins::Plugin;
use crate::plugins::manifest::{HOST_HOOKS, HookManifest};
use moothall_core::secrets;
use moothall_values::json::{self, Exact, NULL, Object};

/// One of the host's own hooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Builtin {
    ActionRequested,
    WebhookReceived,
    ProcessStarting,
    ProcessClosing,
    PluginEnabling,
}

pub const COUNT: usize = HOST_HOOKS.len();

impl Builtin {
    pub const ALL: [Self; COUNT] = [
        Self::ActionRequested,
        Self::WebhookReceived,
        Self::ProcessStarting,
        Self::ProcessClosing,
        Self::PluginEnabling,
    ];

    pub fn name(self) -> &'static str {
        HOST_HOOKS[self as usize]
    }

    fn alias(self) -> &'static str {
        match self {
            Self::ActionRequested => "ActionRequested",
            Self::WebhookReceived => "WebhookReceived",
            Self::ProcessStarting => "ProcessStarting",
            Self::ProcessClosing => "ProcessClosing",
            Self::PluginEnabling => "PluginEnabling",
        }
    }

    fn prevents(self) -> &'static str {
        match self {
            Self::ActionRequested => "PreventAction",
            Self::WebhookReceived => "PreventWebhook",
            Self::ProcessStarting => "PreventProcess",
            Self::ProcessClosing => "PreventClose",
            Self::PluginEnabling => "PreventPlugin",
        }
    }

    fn is_mutable(self) -> bool {
        matches!(self, Self::ActionRequested | Self::ProcessStarting)
    }
}

/// What steps see of a plugin that will be enabled: its config without secrets. If the plugin is not loaded,
/// nobody knows which values are secret.
pub fn enabling_data(
    community: Option<&str>,
    name: &str,
    plugin: Option<&Plugin>,
    config: &str,
) -> String {
    let data = Object::new().with("community", community).with("plugin", name);
    let without_secrets = plugin.and_then(|plugin| {
        let (value, tokens) = (serde_json::from_str(config).ok()?, Exact::of(config).ok()?);
        let pointers = plugin.config_schema.secrets().find(&value);
        Some(json::rewritten(&secrets::split(&value, &pointers).public, &[&tokens]))
    });
    data.carrying("config", without_secrets.as_deref().unwrap_or(NULL)).end()
}

pub fn manifests() -> impl Iterator<Item = HookManifest> {
    Builtin::ALL.into_iter().map(|point| HookManifest {
        name: point.name().to_owned(),
        alias: Some(point.alias().to_owned()),
        description: String::new(),
        input_schema: None,
        mutable: if point.is_mutable() { vec!["/parameters".to_owned()] } else { Vec::new() },
        sensitive: Vec::new(),
        exceptions: [point.prevents(), "RedirectToPage", "RenderCustomResponse"]
            .map(str::to_owned)
            .to_vec(),
        halt_exception: Some(point.prevents().to_owned()),
        budget_ms: 10_000,
    })
}
