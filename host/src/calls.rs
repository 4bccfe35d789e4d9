//! The one path of every call: resolve, validate, guest, effects, commit, answer.
//!
//! HTTP handlers and mutations of communities all come through here. A call does not end when the
//! client goes away. Nothing here speaks HTTP or SQL.

mod commit;
mod error;
mod failed;
mod processes;
mod request;
mod residents;
mod resolve;
mod result;
mod sending;
mod versions;

use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};
use std::time::Instant;

use crate::clock::Clock;
use crate::communities::Communities;
use crate::guest::{Blame, Ended, Fault, Output, Share, Terms};
use crate::instance::{Hold, Instance};
use crate::plugins::{Outcome, Plugin, PluginCall, Plugins};
use crate::store::Store;

use residents::Residents;

pub use commit::{Also, DAY_USED_UP, Writes, charge, settle};
pub use error::CallError;
pub use failed::FailedCalls;
pub use processes::{StartRequest, ValidatedStart};
pub use request::{ValidatedCall, What};
pub use resolve::{ActionRequest, Reach, validated};

/// What the path needs, shared by all calls.
pub struct Calls {
    pub plugins: Arc<Plugins>,
    pub communities: Arc<Communities>,
    pub store: Store,
    pub clock: Clock,
    pub failed: FailedCalls,
    /// Guests that live on between calls.
    pub residents: Residents,
    /// Calls in flight, and how many may be.
    in_flight: AtomicU32,
    limit: u32,
    instance_limit: u32,
    /// Processes of one instance that may be pending.
    pending_limit: usize,
}

/// Whether the effects of a call are stored.
pub enum Mode {
    Commit,
    /// Together with something else, or not at all.
    With(Also),
    /// Together with what this makes of them.
    Finish(Finish),
    /// They are handed back: a dry run shows them, a mutation stores them with its own write, the
    /// scheduler stores those of many ticks at once.
    Collect,
}

/// Sees what a call answered and wants stored, may take from it, and says what else is stored with it.
pub type Finish = Box<dyn FnOnce(&Output, &mut Collected) -> Option<Also> + Send>;

/// What a call answered.
#[derive(Debug)]
pub struct Answer {
    pub output: Output,
    /// What is to be stored, where the call does not do so itself.
    pub effects: Option<Collected>,
}

impl Answer {
    /// The result's JSON text, or none.
    pub fn text(self) -> Option<String> {
        match self.output {
            Output::Text(text) => text,
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
    pub terms: Arc<Terms>,
    /// Its part of all guests' memory.
    pub share: Share,
    /// What ends only when it is stored, or is not going to be.
    pub keep: Option<Arc<dyn std::any::Any + Send + Sync>>,
    hold: Option<Hold>,
    state_bytes: Option<u64>,
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
        let pending_limit = limits.processes_per_instance;
        Self {
            plugins,
            communities,
            store,
            clock,
            failed,
            residents: Residents::new(limits.residents),
            in_flight,
            limit,
            instance_limit,
            pending_limit,
        }
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
        let admitted = self.admit(call.plugin())?;
        let (export, subject) = call.take_for_guest();
        let ended = if call.is_for_resident() {
            self.residents.call(&call, export, subject).await?
        } else {
            call.plugin().guest.call(export, call.plugin().terms.clone(), subject).await
        };
        let (id, log, cpu) = (ended.call.clone(), ended.log.clone(), ended.cpu);
        let outcome = self.settle(&call, ended, mode, started).await;
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

    /// Checks the result and the effects, then stores them; only then there is an answer.
    async fn settle(
        &self,
        call: &ValidatedCall,
        mut ended: Ended,
        mode: Mode,
        started: Instant,
    ) -> Result<Answer, CallError> {
        let returned = std::mem::replace(&mut ended.result, Ok(Ok(Output::Nothing)));
        let output = returned?.map_err(CallError::Refused)?;
        result::check(call, &output, &ended.effects).await?;
        let mut collected = Collected::of(call, ended, started);
        match mode {
            Mode::Collect => return Ok(Answer { output, effects: Some(collected) }),
            Mode::Commit if collected.is_empty() => {}
            Mode::Commit => self.commit(collected, None).await?,
            Mode::With(also) => self.commit(collected, Some(also)).await?,
            Mode::Finish(finish) => match finish(&output, &mut collected) {
                None if collected.is_empty() => {}
                also => self.commit(collected, also).await?,
            },
        }
        Ok(Answer { output, effects: None })
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

/// How loudly a fault is logged follows whose it is.
fn log_fault(call: &ValidatedCall, id: &str, fault: &Fault) {
    let (community, instance) = (call.community(), call.instance().map_or(0, |one| one.id.0));
    let (plugin, name) = (call.plugin().name.as_str(), call.name());
    match fault.blame() {
        // One line of its plugin's, which must not push out those of the others.
        Blame::Plugin | Blame::Host if !call.plugin().terms.quota.log.take() => {}
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
