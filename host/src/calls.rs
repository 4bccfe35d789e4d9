//! The one path of every call: resolve, validate, guest, effects, commit, answer.
//!
//! HTTP handlers and mutations of communities all come through here. A call does not end when the
//! client goes away. Nothing here speaks HTTP or SQL.

mod commit;
mod error;
mod failed;
mod request;

use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};
use std::time::Instant;

use serde::de::IgnoredAny;
use serde_json::Value;

use crate::clock::Clock;
use crate::communities::Communities;
use crate::effects::Effects;
use crate::guest::{Blame, Ended, Fault, Share};
use crate::instance::{InFlight, Instance};
use crate::plugins::{Outcome, Plugin, PluginCall, Plugins, Schema};
use crate::store::Store;

pub use commit::state_changes;
pub use error::CallError;
pub use failed::FailedCalls;
pub use request::{ActionRequest, Reach, ValidatedCall};

/// What the path needs, shared by all calls.
pub struct Calls {
    pub plugins: Arc<Plugins>,
    pub communities: Arc<Communities>,
    pub store: Store,
    pub clock: Clock,
    pub failed: FailedCalls,
    /// Calls in flight, and how many may be.
    in_flight: AtomicU32,
    limit: u32,
    instance_limit: u32,
}

/// Whether the effects of a call are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Commit,
    /// They are handed back: a dry run shows them, a mutation stores them with its own write.
    Collect,
}

/// What a call answered.
#[derive(Debug)]
pub struct Answer {
    /// The result's JSON text, or none.
    pub response: Option<String>,
    /// What is to be stored, where the call does not do so itself.
    pub effects: Option<Collected>,
}

/// Effects that are not stored yet, and their part of all guests' memory.
#[derive(Debug)]
pub struct Collected {
    pub effects: Effects,
    pub share: Share,
}

impl Calls {
    pub fn new(
        plugins: Arc<Plugins>,
        communities: Arc<Communities>,
        store: Store,
        clock: Clock,
        failed: FailedCalls,
        limits: &crate::config::Limits,
    ) -> Self {
        let in_flight = AtomicU32::new(0);
        let (limit, instance_limit) = (limits.calls, limits.calls_per_instance);
        Self { plugins, communities, store, clock, failed, in_flight, limit, instance_limit }
    }

    /// Runs a call to its end, whatever becomes of the caller.
    ///
    /// Most calls end at their first poll, and a task for them would cost more than their
    /// validation. One that has to wait, for a lock, its turn or the commit, becomes a task.
    pub async fn run(
        self: &Arc<Self>,
        call: ValidatedCall,
        mode: Mode,
    ) -> Result<Answer, CallError> {
        let mut running = Box::pin(self.clone().run_here(call, mode));
        let first = poll_fn(|cx| Poll::Ready(poll_once(running.as_mut(), cx))).await;
        match first {
            Some(Poll::Ready(outcome)) => outcome,
            Some(Poll::Pending) => {
                #[expect(clippy::disallowed_methods, reason = "this is the home of calls' tasks")]
                let task = tokio::spawn(running);
                task.await.unwrap_or_else(|_| Err(panicked()))
            }
            None => Err(panicked()),
        }
    }

    async fn run_here(
        self: Arc<Self>,
        mut call: ValidatedCall,
        mode: Mode,
    ) -> Result<Answer, CallError> {
        let started = Instant::now();
        let admitted = self.admit(call.plugin(), call.instance())?;
        let (export, subject) = call.take_for_guest();
        let ended = call.plugin().guest.call(export, call.plugin().terms.clone(), subject).await;
        let (id, log, cpu) = (ended.call.clone(), ended.log.clone(), ended.cpu);
        let outcome = self.settle(&call, ended, mode).await;
        drop(admitted);
        call.metrics().record(outcome_of(&outcome), started.elapsed());
        if let Err(CallError::Fault(fault)) = &outcome {
            self.failed.note(
                &self.clock,
                &call,
                fault,
                failed::Trace { id, log, cpu, duration: started.elapsed() },
            );
        }
        outcome
    }

    /// Checks the result, then stores the effects; only then there is an answer.
    async fn settle(
        &self,
        call: &ValidatedCall,
        ended: Ended,
        mode: Mode,
    ) -> Result<Answer, CallError> {
        let response = ended.result?.map_err(CallError::Refused)?;
        check_result(
            response.as_deref(),
            call.response_schema(),
            call.plugin().terms.limits.result_bytes,
        )?;
        let collected = Collected { effects: ended.effects, share: ended.share };
        if mode == Mode::Collect {
            return Ok(Answer { response, effects: Some(collected) });
        }
        if !collected.effects.is_empty() {
            self.commit(call.instance(), collected, ended.hold, ended.state_bytes).await?;
        }
        Ok(Answer { response, effects: None })
    }

    /// Counts the call in everywhere; dropping the answer counts it out.
    pub fn admit(
        self: &Arc<Self>,
        plugin: &Arc<Plugin>,
        instance: &Arc<Instance>,
    ) -> Result<Admitted, Fault> {
        if self.in_flight.fetch_add(1, Ordering::Relaxed) >= self.limit {
            self.in_flight.fetch_sub(1, Ordering::Relaxed);
            return Err(Fault::Overloaded("too many calls are in flight"));
        }
        let host = HostCall(self.clone());
        let plugin = plugin
            .enter()
            .ok_or(Fault::Overloaded("too many calls of this plugin are in flight"))?;
        let instance = instance.enter(self.instance_limit).ok_or(Fault::InstanceBusy)?;
        Ok(Admitted { _host: host, _plugin: plugin, _instance: instance })
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
    _instance: InFlight,
}

struct HostCall(Arc<Calls>);

impl Drop for HostCall {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// None: it panicked, which is a fault of the host that ends this call alone.
fn poll_once<F: Future>(future: Pin<&mut F>, cx: &mut Context<'_>) -> Option<Poll<F::Output>> {
    std::panic::catch_unwind(AssertUnwindSafe(|| future.poll(cx))).ok()
}

fn panicked() -> CallError {
    tracing::error!("a call panicked");
    Fault::Host("a call panicked".into()).into()
}

fn outcome_of(outcome: &Result<Answer, CallError>) -> Outcome {
    match outcome {
        Ok(_) => Outcome::Ok,
        Err(CallError::Refused(_)) => Outcome::Refused,
        Err(_) => Outcome::Failed,
    }
}

fn check_result(
    response: Option<&str>,
    schema: Option<&Schema>,
    limit: usize,
) -> Result<(), Fault> {
    let text = response.unwrap_or("null");
    if text.len() > limit {
        return Err(Fault::Limit(format!("{limit} bytes of result")));
    }
    let not_json = |error| Fault::BadOutput(format!("the plugin's result is not JSON: {error}"));
    let Some(schema) = schema else {
        return serde_json::from_str::<IgnoredAny>(text).map(drop).map_err(not_json);
    };
    let value: Value = serde_json::from_str(text).map_err(not_json)?;
    schema.validate(&value).map_err(|violations| {
        let first =
            violations.first().map(|v| format!("{}: {}", v.path, v.message)).unwrap_or_default();
        Fault::BadOutput(format!("the plugin's result breaks its own response_schema at {first}"))
    })
}

/// How loudly a fault is logged follows whose it is.
fn log_fault(call: &ValidatedCall, id: &str, fault: &Fault) {
    let (community, instance) = (call.instance().community.slug.as_str(), call.instance().id.0);
    let (plugin, name) = (call.plugin().name.as_str(), call.name());
    match fault.blame() {
        Blame::Nobody => {
            tracing::debug!(community, plugin, instance, call = id, name, "call refused: {fault}")
        }
        Blame::Plugin => {
            tracing::warn!(community, plugin, instance, call = id, name, "call failed: {fault}")
        }
        Blame::Host => {
            tracing::error!(community, plugin, instance, call = id, name, "call failed: {fault}")
        }
    }
}
