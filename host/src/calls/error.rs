//! Why a call has no answer. Knows whose fault it is, and nothing of HTTP.

use std::sync::Arc;

use crate::guest::{Fault, GuestError};
use crate::ids::PluginName;
use crate::instance::CommunityNames;
use crate::plugins::Violation;
use crate::store::StoreError;

#[derive(Debug, thiserror::Error)]
pub enum CallError {
    // --- the caller's
    #[error("Community '{0}' not found")]
    UnknownCommunity(String),
    #[error("No such plugin: {0}")]
    UnknownPlugin(String),
    #[error("Plugin '{plugin}' has no action '{action}'")]
    UnknownAction { plugin: PluginName, action: String },
    #[error("Plugin '{plugin}' has no process '{process}'")]
    UnknownProcess { plugin: PluginName, process: String },
    #[error("Plugin '{plugin}' not enabled for community '{}'", names.slug)]
    NotEnabled { plugin: PluginName, names: Arc<CommunityNames> },
    #[error(
        "Plugin '{plugin}' is enabled several times; say which with the header X-Metagov-Platform-Id: {}",
        choices.join(", ")
    )]
    Ambiguous { plugin: PluginName, choices: Vec<String> },
    #[error("Plugin '{plugin}' is not enabled with that community_platform_id; there are: {}", choices.join(", "))]
    NoSuchPlatform { plugin: PluginName, choices: Vec<String> },
    #[error("The parameters are not valid")]
    InvalidParameters(Vec<Violation>),

    #[error("Plugin has {0} pending processes already; close some first")]
    TooManyProcesses(usize),
    #[error("Can't close process, it has already completed")]
    AlreadyCompleted,
    #[error("{plugin}.{process} does not support manually closing the process.")]
    NoClose { plugin: PluginName, process: String },

    // --- the plugin's own answer
    #[error("{}", .0.message)]
    Refused(GuestError),

    // --- the operator's to mend
    #[error(
        "Plugin '{0}' does not serve now; its file was removed, did not load, or lacks a grant: GET /api/internal/plugins says it"
    )]
    PluginUnavailable(String),
    #[error(
        "The stored config of plugin '{plugin}' is not valid for the version that is loaded, at `{at}`; \
         enable the plugin again with a config that is"
    )]
    ConfigInvalid { plugin: PluginName, at: String },

    #[error(
        "Plugin '{plugin}' could not be upgraded for this community; nothing was stored, and the next call tries again: {reason}"
    )]
    UpgradeFailed { plugin: PluginName, reason: String },

    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<StoreError> for CallError {
    fn from(error: StoreError) -> Self {
        Self::Fault(error.into())
    }
}
