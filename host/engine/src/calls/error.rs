//! Why a call has no answer. Knows whose fault it is, and nothing of HTTP.

use std::sync::Arc;

use crate::plugins::{Away, Plugin, Violation};
use moothall_core::config::nearest;
use moothall_core::ids::{CallId, PluginName};
use moothall_core::instance::CommunityNames;
use moothall_guest::{Fault, GuestError};
use moothall_store::StoreError;

#[derive(Debug, thiserror::Error)]
pub enum CallError {
    // --- the caller's
    #[error("Community '{0}' not found")]
    UnknownCommunity(String),
    /// `meant`: `; did you mean …?`, or nothing.
    #[error("No such plugin: {name}{meant}")]
    UnknownPlugin { name: String, meant: String },
    #[error("Plugin '{plugin}' has no action '{action}'{}", there_are(action, known))]
    UnknownAction { plugin: PluginName, action: String, known: Vec<String> },
    #[error("Plugin '{plugin}' has no process '{process}'{}", there_are(process, known))]
    UnknownProcess { plugin: PluginName, process: String, known: Vec<String> },
    #[error("Plugin '{plugin}' not enabled for community '{}'", names.slug)]
    NotEnabled { plugin: String, names: Arc<CommunityNames> },
    #[error(
        "Plugin '{plugin}' is enabled several times; say which with the header X-Metagov-Platform-Id: {}",
        choices.join(", ")
    )]
    Ambiguous { plugin: String, choices: Vec<String> },
    #[error(
        "Plugin '{plugin}' is not enabled with that community_platform_id; {}",
        platforms(choices)
    )]
    NoSuchPlatform { plugin: String, choices: Vec<String> },
    #[error("The parameters are not valid")]
    InvalidParameters(Vec<Violation>),

    #[error("Plugin has {0} pending processes already; close some first")]
    TooManyProcesses(usize),
    #[error("Can't close process, it has already completed")]
    AlreadyCompleted,
    #[error("{plugin}.{process} does not support manually closing the process.")]
    NoClose { plugin: PluginName, process: String },

    // --- the plugin's own answer
    /// With the id under which the call is listed, if it is.
    #[error("{}", .0.message)]
    Refused(GuestError, Option<CallId>),

    /// Its `close` returned, and the process is pending as before. With the id under which the call is listed.
    #[error("Failed to close process")]
    NotClosed(Option<CallId>),

    // --- the operator's to mend
    #[error("{}", away(.0, *.1))]
    PluginUnavailable(String, Away),
    /// Only the places, never the values: another version's schema may not know which values are secrets.
    #[error(
        "The stored config of plugin '{plugin}' is not valid for the version that is loaded: {}; \
         enable the plugin again with a config that is",
        first(.violations)
    )]
    ConfigInvalid { plugin: PluginName, violations: Vec<Violation> },

    #[error(
        "Plugin '{plugin}' could not be upgraded for this community; nothing was stored, and the next call tries again: {reason}"
    )]
    UpgradeFailed { plugin: PluginName, reason: String, call: Option<CallId> },

    /// With the id under which the call is listed, if it is.
    #[error("{0}")]
    Fault(Fault, Option<CallId>),
}

impl CallError {
    /// The id under which the failed call is listed, if it is.
    pub fn call(&self) -> Option<&CallId> {
        match self {
            Self::Refused(_, call)
            | Self::Fault(_, call)
            | Self::NotClosed(call)
            | Self::UpgradeFailed { call, .. } => call.as_ref(),
            _ => None,
        }
    }

    /// Whether another attempt soon is likely to succeed. A plugin that does not serve may be away for long.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Fault(fault, _) if fault.is_transient())
    }

    /// Adds the id under which the failed call is listed.
    pub(super) fn of_call(self, id: CallId) -> Self {
        match self {
            Self::Refused(refusal, _) => Self::Refused(refusal, Some(id)),
            Self::Fault(fault, _) => Self::Fault(fault, Some(id)),
            Self::NotClosed(_) => Self::NotClosed(Some(id)),
            other => other,
        }
    }
}

fn away(plugin: &str, why: Away) -> String {
    match why {
        Away::Compiling => {
            format!("Plugin '{plugin}' is being compiled and does not serve yet; try again soon")
        }
        Away::Gone => format!(
            "Plugin '{plugin}' does not serve now; its file was removed, did not load, or lacks a grant: GET /api/internal/plugins says it"
        ),
    }
}

fn first(violations: &[Violation]) -> String {
    violations.first().map(Violation::sentence).unwrap_or_default()
}

impl From<Fault> for CallError {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault, None)
    }
}

impl CallError {
    /// The same error for callers who may not learn which plugins exist.
    pub fn without_suggestion(self) -> Self {
        match self {
            Self::UnknownPlugin { name, .. } => Self::UnknownPlugin { name, meant: String::new() },
            other => other,
        }
    }

    pub fn unknown_process(plugin: &Plugin, process: &str) -> Self {
        let mut known: Vec<String> = plugin.processes.keys().map(ToString::to_string).collect();
        known.sort();
        Self::UnknownProcess { plugin: plugin.name.clone(), process: process.to_owned(), known }
    }
}

impl From<StoreError> for CallError {
    fn from(error: StoreError) -> Self {
        Fault::from(error).into()
    }
}

fn platforms(choices: &[String]) -> String {
    match choices {
        [] => "its instance here has none: leave it out".to_owned(),
        choices => format!("there are: {}", choices.join(", ")),
    }
}

/// Names that an error lists at most.
const LISTED: usize = 20;

/// `; did you mean …? There are: …`, or where none is near `. There are: …`
fn there_are(name: &str, known: &[String]) -> String {
    let names: Vec<&str> = known.iter().map(String::as_str).collect();
    let more = if names.len() > LISTED { ", …" } else { "" };
    match names.as_slice() {
        [] => ": it has none".to_owned(),
        all => {
            let listed = all.get(..LISTED).unwrap_or(all).join(", ");
            let meant = match nearest(name, all) {
                none if none.is_empty() => ".".to_owned(),
                meant => meant,
            };
            format!("{meant} There are: {listed}{more}")
        }
    }
}
