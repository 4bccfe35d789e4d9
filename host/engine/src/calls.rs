//! The one path of every call: resolve, validate, guest, effects, commit, answer.
//!
//! HTTP handlers and mutations of communities all come through here. A call does not end when the
//! client goes away. Nothing here speaks HTTP or SQL.

mod callee;
mod commit;
mod error;
mod failed;
mod processes;
mod recordings;
mod replay;
mod request;
mod residents;
mod resolve;
mod result;
mod sending;
mod unfit;
mod versions;

use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Poll;
use std::time::Instant;

use futures_util::FutureExt;

use crate::context::Context;
use crate::plugins::{CallOutcome, Plugin, PluginCall};
use moothall_core::ids::RequestId;
use moothall_core::instance::{Instance, InstanceLock};
use moothall_guest::{Ended, Fault, MemoryReservation, Output, PluginContext};

use failed::Trace;
use residents::Residents;
use unfit::Unfit;

pub use callee::Callee;
pub use commit::{DAY_USED_UP, ExtraWrite, Writes, charge, settle};
pub use error::CallError;
pub use failed::{FailedCalls, NOT_CLOSED};
pub use processes::{StartRequest, ValidatedStart};
pub use recordings::Recordings;
pub use replay::{Repeated, repeat};
pub use request::ValidatedCall;
pub use resolve::{ActionRequest, Reach, Resolved, unresolved, validated};
pub use unfit::UnfitInstance;

/// Makes calls. Shared by everybody who does.
pub struct Calls {
    pub context: Arc<Context>,
    pub failed: FailedCalls,
    pub recordings: Recordings,
    /// Guests that live on between calls.
    pub residents: Residents,
    /// Instances whose config is not valid for the version that serves.
    unfit: Unfit,
    /// Calls in flight, and how many may be.
    in_flight: AtomicU32,
    limit: u32,
    instance_limit: u32,
    /// Processes of one instance that may be pending.
    pending_limit: usize,
}

/// Whether the effects of a call are stored. `T`: what the extra write returns.
pub enum Mode<T = ()> {
    Commit,
    /// They are stored together with something else, or nothing is.
    With(ExtraWrite<T>),
    /// The same for `close` of a process. If it does not complete the process, all of it is stored and it counts as failed.
    Closing(ExtraWrite<T>),
    /// The callback sees them first and may add to the write.
    BeforeCommit(BeforeCommit<T>),
    /// They are handed back: a dry run shows them, a mutation stores them with its own write, the
    /// scheduler stores those of many ticks at once.
    Collect,
}

impl<T> Mode<T> {
    /// Whether the effects go to the writer as soon as the guest has returned, and the lock that the guest took with them.
    fn is_stored_at_once(&self) -> bool {
        matches!(self, Self::Commit | Self::BeforeCommit(_))
    }
}

/// Called before the commit with a call's output and effects: may take from the effects, and returns what else the write
/// stores.
pub type BeforeCommit<T> = Box<dyn FnOnce(&Output, &mut Collected) -> Option<ExtraWrite<T>> + Send>;

/// What a call answered.
#[derive(Debug)]
pub struct Answer<T = ()> {
    pub output: Output,
    /// The effects, in the mode that hands them back.
    pub effects: Option<Collected>,
    /// What the extra write returned, once it is stored; none where there was none.
    pub made: Option<T>,
}

impl<T> Answer<T> {
    /// The result's JSON text, or none.
    pub fn text(self) -> Option<String> {
        match self.output {
            Output::Text(text) => text,
            Output::Url(url) => Some(url),
            _ => None,
        }
    }
}

/// What a call wants stored and is not stored yet, with the instance's lock if the call took it.
#[derive(Debug)]
pub struct Collected {
    pub instance: Option<Arc<Instance>>,
    pub writes: Writes,
    /// Outbound requests that were made: method, URL without query, status.
    pub http: Vec<(String, String, u16)>,
    /// Of the plugin that wants it.
    pub plugin_context: Arc<PluginContext>,
    /// Counts the effects as guests' memory until they are stored or dropped.
    pub reservation: MemoryReservation,
    /// The same of calls whose effects were added.
    more_reservations: Vec<MemoryReservation>,
    lock: Option<InstanceLock>,
    state_bytes: Option<u64>,
}

impl Calls {
    pub fn new(
        context: Arc<Context>,
        failed: FailedCalls,
        recordings: Recordings,
        limits: &moothall_core::config::Limits,
    ) -> Self {
        let in_flight = AtomicU32::new(0);
        let (limit, instance_limit) = (limits.calls, limits.calls_per_instance);
        let pending_limit = limits.processes_per_instance;
        Self {
            context,
            failed,
            recordings,
            residents: Residents::new(limits.residents),
            unfit: Unfit::default(),
            in_flight,
            limit,
            instance_limit,
            pending_limit,
        }
    }

    /// Runs a call to its end, even if the caller stops waiting.
    ///
    /// Most calls end at their first poll, and a task for them would cost more than their
    /// validation. One that has to wait, for a lock, a permit or the commit, becomes a task.
    pub async fn run(
        self: &Arc<Self>,
        call: ValidatedCall,
        mode: Mode,
    ) -> Result<Answer, CallError> {
        self.run_making(call, mode).await
    }

    /// The same, for an extra write that returns something.
    pub async fn run_making<T: Send + 'static>(
        self: &Arc<Self>,
        call: ValidatedCall,
        mode: Mode<T>,
    ) -> Result<Answer<T>, CallError> {
        let mut running = Box::pin(self.clone().run_here(call, mode));
        match poll_fn(|cx| Poll::Ready(running.as_mut().poll(cx))).await {
            Poll::Ready(outcome) => outcome,
            Poll::Pending => {
                #[expect(clippy::disallowed_methods, reason = "this is the home of calls' tasks")]
                let task = tokio::spawn(running);
                task.await.unwrap_or_else(|_| Err(panicked()))
            }
        }
    }

    /// Every call ends here; one that failed is logged and listed.
    async fn run_here<T: Send + 'static>(
        self: Arc<Self>,
        mut call: ValidatedCall,
        mode: Mode<T>,
    ) -> Result<Answer<T>, CallError> {
        let mut trace = Trace::begin();
        let attempt = AssertUnwindSafe(self.attempt(&mut call, mode, &mut trace));
        // A panic is the host's fault and ends only this call.
        let outcome = attempt.catch_unwind().await.unwrap_or_else(|_| Err(panicked()));
        let clock = &self.context.clock;
        self.recordings.note(clock, &call, outcome.as_ref().err(), &mut trace);
        outcome.map_err(|error| self.failed.note(clock, &call, error, trace))
    }

    async fn attempt<T: Send + 'static>(
        self: &Arc<Self>,
        call: &mut ValidatedCall,
        mode: Mode<T>,
        trace: &mut Trace,
    ) -> Result<Answer<T>, CallError> {
        let admitted = self.admit(call.plugin())?;
        let taken = call.take_for_guest(mode.is_stored_at_once() && call.can_run_ahead());
        let (export, mut call_context) =
            taken.ok_or_else(|| Fault::Host("a call ran twice".into()))?;
        trace.tape = self.recordings.tape(call, &export);
        call_context.tape.clone_from(&trace.tape);
        let ended = if call.is_for_resident() {
            Box::pin(self.residents.call(call, export, call_context)).await?
        } else {
            call.plugin().guest.call(export, call.plugin().context.clone(), call_context).await
        };
        trace.note(&ended);
        let seen = ended.lock.as_ref().and_then(InstanceLock::seen).cloned();
        let mut outcome = self.settle(call, ended, mode, trace.started).await;
        // Whatever is answered may tell of it, except for an error that is nobody's fault. The lock is released by now.
        let tells_nothing = outcome.as_ref().is_err_and(CallError::is_transient);
        if let Some(seen) = seen.filter(|_| !tells_nothing)
            && let Err(error) = self.context.store.until_stored(&seen).await
        {
            outcome = Err(error.into());
        }
        drop(admitted);
        call.metrics().record(outcome_of(&outcome), trace.started.elapsed());
        outcome
    }

    /// Checks the result and the effects, then stores them; only then there is an answer.
    async fn settle<T: Send + 'static>(
        &self,
        call: &ValidatedCall,
        mut ended: Ended,
        mode: Mode<T>,
        started: Instant,
    ) -> Result<Answer<T>, CallError> {
        let returned = std::mem::replace(&mut ended.result, Ok(Ok(Output::Nothing)));
        let output = returned?.map_err(|refusal| CallError::Refused(refusal, None))?;
        result::check(call, &output, &ended.effects).await?;
        let mut collected = Collected::of(call, ended, started);
        let extra = match mode {
            Mode::Collect => return Ok(Answer { output, effects: Some(collected), made: None }),
            Mode::Commit => None,
            Mode::With(extra) => Some(extra),
            Mode::Closing(extra) => {
                let is_completed = collected.writes.completes();
                let made = Some(self.commit(collected, extra).await?);
                let answer = Answer { output, effects: None, made };
                return if is_completed { Ok(answer) } else { Err(CallError::NotClosed(None)) };
            }
            Mode::BeforeCommit(finish) => finish(&output, &mut collected),
        };
        let made = match extra {
            Some(extra) => Some(self.commit(collected, extra).await?),
            None if collected.is_empty() => None,
            None => {
                self.commit(collected, |_| Ok(())).await?;
                None
            }
        };
        Ok(Answer { output, effects: None, made })
    }

    /// Counts the call in for the host and the plugin; dropping the answer counts it out. For its
    /// instance it was counted when it was resolved.
    pub fn admit(self: &Arc<Self>, plugin: &Arc<Plugin>) -> Result<Admitted, Fault> {
        if self.in_flight.fetch_add(1, Ordering::Relaxed) >= self.limit {
            self.in_flight.fetch_sub(1, Ordering::Relaxed);
            return Err(Fault::Overloaded("too many calls are in flight"));
        }
        let host = HostCall(self.clone());
        let plugin = plugin
            .enter()
            .ok_or(Fault::Overloaded("too many calls of this plugin are in flight"))?;
        Ok(Admitted { _host: host, _plugin: plugin })
    }

    /// Logs and lists a call that had ended well and whose answer later turned out to be wrong, by fault of the plugin.
    pub fn blame(
        &self,
        (plugin, instance): (Arc<Plugin>, Option<Arc<Instance>>),
        callee: impl Into<Callee>,
        request: RequestId,
        reason: String,
    ) {
        let call = match instance {
            Some(instance) => {
                let config = instance.stored_config().clone();
                ValidatedCall::on(plugin, instance, config, callee, request)
            }
            None => ValidatedCall::of_plugin(plugin, callee, request),
        };
        let fault = Fault::BadOutput(reason).into();
        drop(self.failed.note(&self.context.clock, &call, fault, Trace::begin()));
    }

    /// Calls in flight now.
    pub fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::Relaxed)
    }
}

/// A call in flight.
pub struct Admitted {
    _host: HostCall,
    _plugin: PluginCall,
}

struct HostCall(Arc<Calls>);

impl Drop for HostCall {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

fn panicked() -> CallError {
    Fault::Host("a call panicked".into()).into()
}

fn outcome_of<T>(outcome: &Result<T, CallError>) -> CallOutcome {
    match outcome {
        Ok(_) => CallOutcome::Ok,
        Err(CallError::Refused(..)) => CallOutcome::Refused,
        Err(_) => CallOutcome::Failed,
    }
}
