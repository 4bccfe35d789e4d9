//! Starting and closing governance processes.
//!
//! A process is stored by the commit of its own `start`: if that fails, there never was one.

use std::sync::Arc;

use super::{BeforeCommit, CallError, Callee, Calls, ExtraWrite, Mode, ValidatedCall, validated};
use crate::plugins::{Plugin, ProcessFunction, ProcessType};
use moothall_core::effects::{ProcessChange, ProcessStatus};
use moothall_core::ids::{RequestId, unguessable_ulid};
use moothall_core::instance::{Instance, ProcessRef};
use moothall_core::schedule::ScheduleKind;
use moothall_guest::Fault;
use moothall_store::{ProcessRow, StoreError, Tx};

/// A process as a driver asks for it.
pub struct StartRequest<'a> {
    pub community: &'a str,
    pub platform_id: Option<&'a str>,
    pub plugin: &'a str,
    pub process: &'a str,
    /// A JSON text that was checked.
    pub parameters: String,
    pub callback_url: Option<String>,
    pub request_id: RequestId,
}

/// The plugin, process type and instance that a start names.
pub type ResolvedStart = (Arc<Plugin>, Arc<ProcessType>, Arc<Instance>);

/// The start of a process, validated.
pub struct ValidatedStart {
    call: ValidatedCall,
    kind: Arc<ProcessType>,
    instance: Arc<Instance>,
    callback_url: Option<String>,
}

impl Calls {
    /// Finds in memory the plugin, process type and instance that a start names.
    pub fn resolve_process(&self, request: &StartRequest<'_>) -> Result<ResolvedStart, CallError> {
        let community = self.community(request.community)?;
        let plugin = self.plugin(request.plugin, &community)?;
        let kind = known(&plugin, request.process)?;
        let instance = self.instance(&community, &plugin, request.platform_id)?;
        Ok((plugin, kind, instance))
    }

    /// Resolves and validates a start.
    pub async fn process(
        self: &Arc<Self>,
        request: StartRequest<'_>,
    ) -> Result<ValidatedStart, CallError> {
        let (plugin, mut kind, instance) = self.resolve_process(&request)?;
        let digest_id = plugin.digest_id;
        let ready = self.ready(plugin, instance.clone(), &request.request_id).await?;
        if ready.plugin.digest_id != digest_id {
            kind = known(&ready.plugin, request.process)?;
        }
        let parameters = validated(&kind.parameters, request.parameters)?;
        let pending = self.context.store.read(|reader| reader.pending_count(instance.id))?;
        if pending >= self.pending_limit {
            return Err(CallError::TooManyProcesses(self.pending_limit));
        }
        let start = Callee::start(kind.clone(), parameters);
        let call = ready.call(start, request.request_id);
        let call = call.about(Arc::new(self.new_process(&kind)?));
        Ok(ValidatedStart { call, kind, instance, callback_url: request.callback_url })
    }

    fn new_process(&self, kind: &ProcessType) -> Result<ProcessRef, CallError> {
        let public_id = unguessable_ulid(&self.context.clock)
            .map_err(|error| Fault::Host(format!("there is no randomness: {error}")))?;
        let (id, name) = (self.context.communities.next_process(), kind.name.clone());
        Ok(ProcessRef { id, public_id: public_id.into(), name, is_new: true })
    }

    /// Starts a process and returns it as its `start` left it. `more` says what must be stored with it, and what that
    /// returns is kept until the write has ended.
    pub async fn start<T: Send + 'static>(
        self: &Arc<Self>,
        start: ValidatedStart,
        more: impl FnOnce(&ProcessRow) -> ExtraWrite<T> + Send + 'static,
    ) -> Result<ProcessRow, CallError> {
        let ValidatedStart { call, kind, instance, callback_url } = start;
        let process = call.process().cloned();
        let process = process.ok_or_else(|| Fault::Host("a start of no process".into()))?;
        let now = self.context.clock.now_ms();
        let finish: BeforeCommit<(ProcessRow, T)> = Box::new(move |_, collected| {
            let change = collected.writes.process.take().map(|(_, change)| change);
            let change = change.unwrap_or_default();
            let row = first_row(&process, &instance, &change, callback_url);
            let more = more(&row);
            Some(Box::new(move |tx| {
                store_new(tx, &row, &change, &kind, now)?;
                let kept = more(tx)?;
                Ok((row, kept))
            }))
        });
        let answer = self.run_making(call, Mode::BeforeCommit(finish)).await?;
        let started = answer.made.map(|(row, _kept)| row);
        started.ok_or_else(|| Fault::Host("a start that started nothing".into()).into())
    }

    /// Closes a process that is not completed, and returns it as `close` completed it.
    pub async fn close(
        self: &Arc<Self>,
        row: &ProcessRow,
        request_id: RequestId,
        extra_write: ExtraWrite,
    ) -> Result<ProcessRow, CallError> {
        if row.status == ProcessStatus::Completed {
            return Err(CallError::AlreadyCompleted);
        }
        let instance = self.context.communities.instance(row.instance);
        let instance = instance.ok_or(CallError::AlreadyCompleted)?;
        let plugin = self.plugin_of(&instance)?;
        let kind = plugin.processes.get(&row.name).cloned();
        let kind = kind.filter(|kind| kind.has(ProcessFunction::Close));
        let kind = kind.ok_or_else(|| CallError::NoClose {
            plugin: plugin.name.clone(),
            process: row.name.clone(),
        })?;
        let call = self.on(plugin, instance, Callee::close(kind), request_id).await?;
        let ended =
            self.run(call.about(Arc::new(row.reference())), Mode::Closing(extra_write)).await;
        let now = self.context.store.read(|reader| reader.process_by_id(row.id))?;
        let now = now.ok_or(StoreError::Stale)?;
        match ended {
            Ok(_) => Ok(now),
            // The scheduler closed it first, at its closing time.
            Err(_) if now.status == ProcessStatus::Completed => Err(CallError::AlreadyCompleted),
            Err(error) => Err(error),
        }
    }
}

fn known(plugin: &Plugin, process: &str) -> Result<Arc<ProcessType>, CallError> {
    let kind = plugin.processes.get(process).cloned();
    kind.ok_or_else(|| CallError::unknown_process(plugin, process))
}

fn store_new(
    tx: &Tx<'_>,
    row: &ProcessRow,
    change: &ProcessChange,
    kind: &ProcessType,
    now: i64,
) -> Result<(), StoreError> {
    tx.add_process(row, change, now)?;
    if row.status != ProcessStatus::Completed && kind.has(ProcessFunction::Update) {
        tx.put_schedule(row.instance, row.id, &ScheduleKind::Update, kind.schedule.first(now))?;
    }
    Ok(())
}

fn first_row(
    process: &ProcessRef,
    instance: &Instance,
    change: &ProcessChange,
    callback_url: Option<String>,
) -> ProcessRow {
    let empty = ProcessRow {
        id: process.id,
        public_id: process.public_id.to_string(),
        community: instance.community.id,
        slug: instance.community.slug.to_string(),
        instance: instance.id,
        plugin: instance.plugin.to_string(),
        name: process.name.to_string(),
        // Unless `start` set them.
        status: ProcessStatus::Pending,
        outcome: "{}".to_owned(),
        errors: "{}".to_owned(),
        url: None,
        callback_url,
        closing_at: None,
        state_bytes: 0,
    };
    empty.with(change)
}
