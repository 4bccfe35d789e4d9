//! Calls that failed by fault of the plugin or the host: each gets a line in the log and a row in the list.
//!
//! An error that a plugin returns counts as its fault, unless the error's kind means a bad request and its caller gets it.
//!
//! Rows go through a bounded queue to a task that writes them: a call never waits for that. What does not fit is dropped
//! and counted. A plugin has a rate, and three quarters of the queue at most.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::{CallError, ValidatedCall};
use moothall_core::clock::{Clock, Moment};
use moothall_core::fair_share::{FairShare, SharePermit};
use moothall_core::ids::CallId;
use moothall_core::telemetry::metric::FAILED_CALLS_DROPPED;
use moothall_guest::{Blame, Ended, Tape, cut};
use moothall_store::{FailedCall, Store};

/// Longest detail that is kept, in bytes.
const DETAIL_BYTES: usize = 4 << 10;
/// Failed calls that one write stores.
const BATCH: usize = 100;

/// The code of a call that closed no process.
pub const NOT_CLOSED: &str = "not_closed";

/// Where failed calls are noted.
pub struct FailedCalls {
    queue: mpsc::Sender<Queued>,
    fair_share: FairShare,
}

/// A call that is to be written down, and its plugin's place in the queue until it is.
struct Queued {
    row: FailedCall,
    _permit: SharePermit,
}

/// What the log and the list say about a call besides how it failed.
pub struct Trace {
    pub started: Instant,
    id: Option<CallId>,
    log: String,
    pub(super) cpu: Duration,
    /// What is recorded of it, if anything is.
    pub(super) tape: Option<Tape>,
}

impl Trace {
    pub fn begin() -> Self {
        let (started, cpu) = (Instant::now(), Duration::ZERO);
        Self { started, id: None, log: String::new(), cpu, tape: None }
    }

    pub fn note(&mut self, ended: &Ended) {
        self.id.clone_from(&ended.call);
        self.log.clone_from(&ended.log);
        self.cpu = ended.cpu;
        if let Some(tape) = &self.tape {
            tape.returned(&ended.result);
        }
    }

    /// The call's id, made now if nothing needed it so far.
    pub(super) fn id(&mut self, clock: &Clock) -> &CallId {
        self.id.get_or_insert_with(|| CallId::new(clock))
    }

    /// When the call began.
    pub(super) fn started_at(&self, clock: &Clock) -> Moment {
        let duration = self.started.elapsed();
        Moment(clock.now_ms() - i64::try_from(duration.as_millis()).unwrap_or(0))
    }
}

impl FailedCalls {
    /// The queue, and the task that writes its rows; the task ends when the last `FailedCalls` is dropped.
    pub fn new(store: Store, queued: usize) -> (Self, impl Future<Output = ()> + Send) {
        let queued = queued.max(1);
        let (queue, calls) = mpsc::channel(queued);
        (Self { queue, fair_share: FairShare::of(queued) }, write_down(store, calls))
    }

    /// Logs a failed call, and lists it if the plugin or the host is to blame. Returns the error with the id under which it
    /// is listed.
    pub fn note(
        &self,
        clock: &Clock,
        call: &ValidatedCall,
        error: CallError,
        mut trace: Trace,
    ) -> CallError {
        let id = trace.id(clock).clone();
        let Some(failure) = Failure::of(call, &error) else { return error };
        failure.log(call, &id);
        if failure.blame == Blame::Nobody {
            return error;
        }
        let plugin = call.plugin();
        let rate = &plugin.context.quota.failed;
        if rate.take() {
            let queued = self.fair_share.take(&plugin.name).is_some_and(|permit| {
                let row = row(clock, call, failure, &id, trace);
                self.queue.try_send(Queued { row, _permit: permit }).is_ok()
            });
            if !queued {
                rate.refuse();
            }
        }
        error.of_call(id)
    }
}

/// How a call failed, in the words of the log and the list.
pub(super) struct Failure {
    pub blame: Blame,
    pub code: Cow<'static, str>,
    pub detail: String,
}

impl Failure {
    /// None if the error came before the guest was called.
    pub fn of(call: &ValidatedCall, error: &CallError) -> Option<Self> {
        match error {
            CallError::Fault(fault, _) => {
                let detail = cut(fault.to_string(), DETAIL_BYTES);
                Some(Self { blame: fault.blame(), code: fault.code().into(), detail })
            }
            CallError::Refused(refusal, _) => {
                let is_bad_request = call.answers_its_caller() && refusal.kind.means_bad_request();
                let blame = if is_bad_request { Blame::Nobody } else { Blame::Plugin };
                let detail = cut(refusal.message.clone(), DETAIL_BYTES);
                Some(Self { blame, code: refusal.kind.code().into(), detail })
            }
            CallError::NotClosed(_) => {
                let detail = "its `close` returned and did not complete the process".to_owned();
                Some(Self { blame: Blame::Plugin, code: NOT_CLOSED.into(), detail })
            }
            _ => None,
        }
    }

    /// Whose fault it is decides the level.
    fn log(&self, call: &ValidatedCall, id: &CallId) {
        let (community, instance) = (call.community(), call.instance().map_or(0, |one| one.id.0));
        let (plugin, name) = (call.plugin().name.as_str(), call.name());
        let (request, call_id, origin) =
            (call.request_id().as_str(), id.as_str(), call.origin().as_str());
        let Self { blame, code, detail } = self;
        match blame {
            // The plugin has used up its rate of log lines.
            Blame::Plugin | Blame::Host if !call.plugin().context.quota.log.take() => {}
            Blame::Nobody => tracing::debug!(
                community, plugin, instance, origin, name, request, call = call_id, %code,
                "call refused: {detail}"
            ),
            Blame::Plugin => tracing::warn!(
                community, plugin, instance, origin, name, request, call = call_id, %code,
                "call failed: {detail}"
            ),
            Blame::Host => tracing::error!(
                community, plugin, instance, origin, name, request, call = call_id, %code,
                "call failed: {detail}"
            ),
        }
    }
}

fn row(
    clock: &Clock,
    call: &ValidatedCall,
    failure: Failure,
    id: &CallId,
    trace: Trace,
) -> FailedCall {
    let (duration, started_at) = (trace.started.elapsed(), trace.started_at(clock));
    FailedCall {
        position: 0,
        id: id.to_string(),
        request_id: call.request_id().to_string(),
        community: call.community().to_owned(),
        plugin: call.plugin().name.to_string(),
        version: call.plugin().manifest.version.clone(),
        instance: call.instance().map_or(0, |instance| instance.id.0),
        origin: call.origin().as_str().to_owned(),
        name: call.name().to_owned(),
        code: failure.code.into_owned(),
        detail: failure.detail,
        log: trace.log,
        started_at,
        duration_us: micros(duration),
        cpu_us: micros(trace.cpu),
    }
}

pub(super) fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

async fn write_down(store: Store, mut calls: mpsc::Receiver<Queued>) {
    let mut batch = Vec::new();
    while calls.recv_many(&mut batch, BATCH).await > 0 {
        // Calls that fail meanwhile wait in the queue, as many as it holds.
        store.health().until_it_can_write().await;
        // Dropping the rest of each entry gives back its plugin's place in the queue.
        let rows: Vec<_> = batch.drain(..).map(|queued: Queued| queued.row).collect();
        let plugins: Vec<_> = rows.iter().map(|row| row.plugin.clone()).collect();
        let written = store
            .write("failed_calls.add", move |tx| {
                rows.iter().try_for_each(|row| tx.add_failed_call(row))
            })
            .await;
        if let Err(error) = written {
            let count = plugins.len();
            for plugin in plugins {
                FAILED_CALLS_DROPPED.of(&[("plugin", &plugin)]).increment(1);
            }
            tracing::warn!(%error, count, "failed calls could not be listed");
        }
    }
}
