//! A call that may run: what is called, for which instance, with which input.
//!
//! A `ValidatedCall` exists only after the input was checked; `resolve` makes those that come from
//! outside.

use std::sync::Arc;

use super::callee::{Callee, Declaration};
use crate::plugins::{CallMetrics, Plugin, Schema};
use moothall_core::ids::RequestId;
use moothall_core::instance::{InFlight, Instance, ProcessRef};
use moothall_guest::exports::LifecycleCall;
use moothall_guest::{
    Batch, CallContext, CallGroup, CallName, Export, Fault, Function, Guests, Origin, Output,
    PendingSecrets,
};

/// A call whose input is valid, on an instance that exists (or on none).
pub struct ValidatedCall {
    plugin: Arc<Plugin>,
    instance: Option<Arc<Instance>>,
    config: Arc<str>,
    /// None once the guest was called.
    export: Option<Export>,
    function: Function,
    name: CallName,
    declaration: Declaration,
    pending_secrets: Option<PendingSecrets>,
    process: Option<Arc<ProcessRef>>,
    request_id: RequestId,
    may_send: bool,
    batch: Option<Batch>,
    wall_ms: Option<u64>,
    judge: Option<Judge>,
    /// A driver waits for the call and gets its error.
    is_asked: bool,
    /// Counts it among the instance's calls in flight; none for calls under a lock that the caller holds.
    _counted: Option<InFlight>,
}

/// Decides whether the caller can use an answer.
pub type Judge = Box<dyn Fn(&Output) -> Result<(), Fault> + Send + Sync>;

impl ValidatedCall {
    /// A call on an instance whose config the plugin's schema accepted as `config`.
    pub(super) fn on(
        plugin: Arc<Plugin>,
        instance: Arc<Instance>,
        config: Arc<str>,
        callee: impl Into<Callee>,
        request_id: RequestId,
    ) -> Self {
        Self::new(plugin, (Some(instance), config), callee.into(), request_id)
    }

    /// A call of the plugin for no instance.
    pub fn of_plugin(
        plugin: Arc<Plugin>,
        callee: impl Into<Callee>,
        request_id: RequestId,
    ) -> Self {
        Self::new(plugin, (None, "{}".into()), callee.into(), request_id)
    }

    fn new(
        plugin: Arc<Plugin>,
        (instance, config): (Option<Arc<Instance>>, Arc<str>),
        callee: Callee,
        request_id: RequestId,
    ) -> Self {
        let Callee { export, declaration } = callee;
        Self {
            plugin,
            instance,
            config,
            function: export.function(),
            name: export.name(),
            export: Some(export),
            declaration,
            pending_secrets: None,
            process: None,
            request_id,
            may_send: true,
            batch: None,
            wall_ms: None,
            judge: None,
            is_asked: false,
            _counted: None,
        }
    }

    /// `initialize` of an instance that nobody can resolve yet.
    pub fn initialize(
        plugin: Arc<Plugin>,
        instance: Arc<Instance>,
        secrets: PendingSecrets,
        request_id: RequestId,
    ) -> Self {
        let config = instance.stored_config().clone();
        let call = Self::on(plugin, instance, config, LifecycleCall::Initialize, request_id);
        Self { pending_secrets: Some(secrets), ..call }
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
        let changed = LifecycleCall::ConfigChanged { previous };
        let call = Self::on(plugin, instance, config, changed, request_id);
        Self { pending_secrets: Some(secrets), ..call }
    }

    /// Counts as one of the instance's calls in flight until it ends.
    pub(super) fn counted(mut self, counted: InFlight) -> Self {
        self._counted = Some(counted);
        self
    }

    /// The call's process.
    pub fn about(mut self, process: Arc<ProcessRef>) -> Self {
        self.process = Some(process);
        self
    }

    /// Adds the call to a batch, with a time limit of its own.
    pub fn in_batch(mut self, batch: Batch, wall_ms: u64) -> Self {
        self.batch = Some(batch);
        self.wall_ms = Some(wall_ms);
        self
    }

    /// Gives the call a time limit of its own, in milliseconds.
    pub fn within(mut self, wall_ms: u64) -> Self {
        self.wall_ms = Some(wall_ms);
        self
    }

    /// Lets the call send no requests, as in a dry run.
    pub fn without_sending(mut self) -> Self {
        self.may_send = false;
        self
    }

    /// Marks the call as part of a driver's request.
    pub fn asked_by_driver(mut self) -> Self {
        self.is_asked = true;
        self
    }

    /// If `judge` refuses the answer, the call fails by fault of the plugin, and nothing of it is stored.
    pub fn judged_by(
        mut self,
        judge: impl Fn(&Output) -> Result<(), Fault> + Send + Sync + 'static,
    ) -> Self {
        self.judge = Some(Box::new(judge));
        self
    }

    pub(super) fn judge(&self, output: &Output) -> Result<(), Fault> {
        self.judge.as_ref().map_or(Ok(()), |judge| judge(output))
    }

    pub fn plugin(&self) -> &Arc<Plugin> {
        &self.plugin
    }

    /// The instance's config as the guest gets it: JSON, with a placeholder for each secret.
    pub fn config(&self) -> &Arc<str> {
        &self.config
    }

    /// None for a call that concerns no instance.
    pub fn instance(&self) -> Option<&Arc<Instance>> {
        self.instance.as_ref()
    }

    /// The slug of the community, for logs and lists; empty where there is none.
    pub fn community(&self) -> &str {
        self.instance.as_ref().map_or("", |instance| instance.community.slug.as_str())
    }

    /// The secrets of a config that is about to be stored; none if the stored ones count.
    pub(super) fn pending_secrets(&self) -> Option<&PendingSecrets> {
        self.pending_secrets.as_ref()
    }

    pub fn process(&self) -> Option<&Arc<ProcessRef>> {
        self.process.as_ref()
    }

    /// The action's slug, the process's type, or the function.
    pub fn name(&self) -> &str {
        self.name.as_str()
    }

    pub fn origin(&self) -> Origin {
        self.function.origin
    }

    /// Whether it is `close` of a process, which has to complete it.
    pub(super) fn is_close(&self) -> bool {
        self.function.group == CallGroup::Process && self.function.name == "close"
    }

    /// Whether the live guest of a resident plugin serves the call.
    pub fn is_for_resident(&self) -> bool {
        self.function.guests == Guests::Resident && self.plugin.manifest.resident
    }

    /// Whether its result goes straight back to the caller: then an error whose kind means a bad request is not the plugin's
    /// failure.
    pub fn answers_its_caller(&self) -> bool {
        self.is_asked || self.function.answers_its_caller
    }

    pub fn request_id(&self) -> &RequestId {
        &self.request_id
    }

    pub fn response_schema(&self) -> Option<&Schema> {
        self.declaration.response_schema()
    }

    /// The schema of a completed process's outcome.
    pub fn outcome_schema(&self) -> Option<&Schema> {
        self.declaration.outcome_schema()
    }

    pub fn metrics(&self) -> &CallMetrics {
        let own = self.declaration.metrics();
        own.unwrap_or_else(|| self.plugin.metrics.of(self.function.group))
    }

    /// Whether it can see what is queued and not stored yet. A process is not part of that; a guest that lives on would
    /// remember what is never stored.
    pub(super) fn can_run_ahead(&self) -> bool {
        let limits = &self.plugin.context.limits;
        limits.unstored_writes > 0 && self.process.is_none() && !self.is_for_resident()
    }

    /// What the guest is called with; none if it was taken already, because a call runs once.
    pub(super) fn take_for_guest(&mut self, may_run_ahead: bool) -> Option<(Export, CallContext)> {
        let call_context = CallContext {
            instance: self.instance.clone(),
            config: self.config.clone(),
            request_id: Some(self.request_id.clone()),
            pending_secrets: self.pending_secrets.clone(),
            process: self.process.clone(),
            may_send: self.may_send,
            batch: self.batch.take(),
            wall_ms: self.wall_ms,
            may_run_ahead,
            tape: None,
        };
        Some((self.export.take()?, call_context))
    }
}
