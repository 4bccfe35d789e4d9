//! The list of calls that failed by fault of plugin or host.
//!
//! Written outside the call through a bounded queue: a call never waits for it, and what does not
//! fit is dropped and counted. One plugin has a rate, and no more than three quarters of the queue.

use std::time::Duration;

use tokio::sync::mpsc;

use super::{ValidatedCall, log_fault};
use crate::clock::Clock;
use crate::guest::{Blame, Fault, cut};
use crate::ids::CallId;
use crate::slots::{Slot, Slots};
use crate::store::{FailedCall, Store};
use crate::telemetry::metric::FAILED_CALLS_DROPPED;

/// Longest detail that is kept, in bytes.
const DETAIL_BYTES: usize = 4 << 10;
/// Failed calls that one write stores.
const BATCH: usize = 100;

/// Where failed calls are noted.
pub struct FailedCalls {
    queue: mpsc::Sender<Queued>,
    slots: Slots,
}

/// A call that is to be written down, and its plugin's place in the queue until it is.
struct Queued {
    row: FailedCall,
    _slot: Slot,
}

/// What is known of a failed call beside its fault.
pub struct Trace {
    pub id: Option<CallId>,
    pub log: String,
    pub cpu: Duration,
    pub duration: Duration,
}

impl FailedCalls {
    /// The list, and the work of writing it down, which ends with the last `FailedCalls`.
    pub fn new(store: Store, queued: usize) -> (Self, impl Future<Output = ()> + Send) {
        let queued = queued.max(1);
        let (queue, calls) = mpsc::channel(queued);
        (Self { queue, slots: Slots::of(queued) }, write_down(store, calls))
    }

    pub fn note(&self, clock: &Clock, call: &ValidatedCall, fault: &Fault, trace: Trace) {
        let id = trace.id.clone().unwrap_or_else(|| CallId::new(clock));
        log_fault(call, id.as_str(), fault);
        if fault.blame() == Blame::Nobody {
            return;
        }
        let plugin = call.plugin();
        let rate = &plugin.terms.quota.failed;
        if !rate.take() {
            return;
        }
        let queued = self.slots.take(&plugin.name).is_some_and(|slot| {
            let row = row(clock, call, fault, &id, trace);
            self.queue.try_send(Queued { row, _slot: slot }).is_ok()
        });
        if !queued {
            rate.refuse();
        }
    }
}

fn row(
    clock: &Clock,
    call: &ValidatedCall,
    fault: &Fault,
    id: &CallId,
    trace: Trace,
) -> FailedCall {
    let micros = |duration: Duration| i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
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
        code: fault.code().to_owned(),
        detail: cut(fault.to_string(), DETAIL_BYTES),
        log: trace.log,
        started_at: clock.now_ms() - i64::try_from(trace.duration.as_millis()).unwrap_or(0),
        duration_us: micros(trace.duration),
        cpu_us: micros(trace.cpu),
    }
}

async fn write_down(store: Store, mut calls: mpsc::Receiver<Queued>) {
    let mut batch = Vec::new();
    while calls.recv_many(&mut batch, BATCH).await > 0 {
        // Those that come meanwhile wait in the queue, as far as it goes.
        store.health().until_it_writes().await;
        // They have left the queue, and their plugins' places in it with them.
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
