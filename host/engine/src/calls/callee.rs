//! What is called: an exported function with its input, and what the plugin's manifest declares of it.

use std::sync::Arc;

use crate::plugins::{Action, CallMetrics, ProcessType, Schema};
use moothall_core::web;
use moothall_guest::Export;
use moothall_guest::exports::{Perform, ProcessCall, ProcessInput};

/// What is called.
pub struct Callee {
    pub(super) export: Export,
    pub(super) declaration: Declaration,
}

/// What the manifest declares of a call, with its schemas and metrics.
pub enum Declaration {
    None,
    Action(Arc<Action>),
    Process(Arc<ProcessType>),
}

/// For most functions the manifest declares no schema and no name to count under.
impl<E: Into<Export>> From<E> for Callee {
    fn from(export: E) -> Self {
        Self { export: export.into(), declaration: Declaration::None }
    }
}

impl Callee {
    pub fn action(action: Arc<Action>, parameters: String) -> Self {
        let (slug, is_read_only) = (action.slug.clone(), action.read_only);
        let export = Perform { slug, parameters, is_read_only }.into();
        Self { export, declaration: Declaration::Action(action) }
    }

    pub fn start(kind: Arc<ProcessType>, parameters: String) -> Self {
        Self::of_process(kind, ProcessInput::Start { parameters })
    }

    pub fn update(kind: Arc<ProcessType>) -> Self {
        Self::of_process(kind, ProcessInput::Update)
    }

    pub fn close(kind: Arc<ProcessType>) -> Self {
        Self::of_process(kind, ProcessInput::Close)
    }

    pub fn process_webhook(kind: Arc<ProcessType>, request: Arc<web::Request>) -> Self {
        Self::of_process(kind, ProcessInput::ReceiveWebhook(request))
    }

    fn of_process(kind: Arc<ProcessType>, input: ProcessInput) -> Self {
        let export = ProcessCall { process: kind.name.clone(), input }.into();
        Self { export, declaration: Declaration::Process(kind) }
    }
}

impl Declaration {
    /// The schema of the result, if there is one.
    pub fn response_schema(&self) -> Option<&Schema> {
        match self {
            Self::Action(action) => action.response.as_ref(),
            Self::Process(_) | Self::None => None,
        }
    }

    /// The schema of a completed process's outcome, if there is one.
    pub fn outcome_schema(&self) -> Option<&Schema> {
        match self {
            Self::Process(kind) => kind.outcome.as_ref(),
            Self::Action(_) | Self::None => None,
        }
    }

    /// Metrics under the name of what is called, if it has one.
    pub fn metrics(&self) -> Option<&CallMetrics> {
        match self {
            Self::Action(action) => Some(&action.metrics),
            Self::Process(kind) => Some(&kind.metrics),
            Self::None => None,
        }
    }
}
