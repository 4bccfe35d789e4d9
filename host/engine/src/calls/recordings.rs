//! Which calls are recorded, and where recordings go: through a bounded queue to a task that writes them down (`writing`). A
//! call never waits for that. What does not fit is dropped and counted.
//!
//! Never recorded: authorisations, which are about nothing but secrets, and calls of a guest that lives on, whose memory no
//! recording has.

mod known_secrets;
mod writing;

use std::sync::Arc;

use tokio::sync::mpsc;

use super::failed::{Failure, Trace, micros};
use super::{CallError, ValidatedCall};
use moothall_core::clock::{Clock, rfc3339};
use moothall_core::config::{CallsConfig, Record};
use moothall_core::fair_share::{FairShare, SharePermit};
use moothall_core::secrets::Keyring;
use moothall_guest::{Blame, Export, MemoryReservation, Origin, Recorded, Tape};
use moothall_store::{RecordedRow, Store};
use moothall_values::recording::{
    FORMAT, Readings, RecordedCall, RecordedContext, RecordedFailure, RecordedLimits, Recording,
    Returned,
};

use known_secrets::KnownSecrets;
use writing::Writing;

/// Where recordings are kept.
pub struct Recordings {
    queue: mpsc::Sender<QueuedRecording>,
    fair_share: FairShare,
    bytes: usize,
}

/// A recording that is to be written down, and its plugin's place in the queue until it is.
struct QueuedRecording {
    row: RecordedRow,
    /// Without what the tape has.
    recording: Recording,
    recorded: Recorded,
    secrets: KnownSecrets,
    permit: SharePermit,
}

impl Recordings {
    /// The queue, and the task that writes its recordings; the task ends when the last `Recordings` is dropped.
    pub fn new(
        store: Store,
        keyring: Arc<Keyring>,
        config: &CallsConfig,
    ) -> (Self, impl Future<Output = ()> + Send + use<>) {
        let queued = config.queued_recordings.max(1);
        let (queue, recordings) = mpsc::channel(queued);
        let this = Self { queue, fair_share: FairShare::of(queued), bytes: config.recording_bytes };
        (this, Writing { store, keyring }.run(recordings))
    }

    /// A tape for a call that is about to run, if it may be recorded.
    pub fn tape(&self, call: &ValidatedCall, export: &Export) -> Option<Tape> {
        let context = &call.plugin().context;
        let is_secret = matches!(call.origin(), Origin::OAuth | Origin::Describe);
        if context.record == Record::Off || is_secret || call.is_for_resident() {
            return None;
        }
        let reservation = MemoryReservation::of_call(&context.quota.memory);
        Some(Tape::recording(export, self.bytes, reservation))
    }

    /// Keeps what was recorded of a call that has ended, if its plugin's calls of that kind are kept.
    pub fn note(
        &self,
        clock: &Clock,
        call: &ValidatedCall,
        error: Option<&CallError>,
        trace: &mut Trace,
    ) {
        let Some(tape) = trace.tape.take() else { return };
        let failure = error.map(|error| (error, Failure::of(call, error)));
        let keeps = match &failure {
            None => call.plugin().context.record == Record::All,
            Some((_, None)) => false,
            Some((error, Some(failure))) => {
                failure.blame != Blame::Nobody
                    || call.plugin().context.record == Record::All && !error.is_transient()
            }
        };
        if !keeps || !call.plugin().context.quota.recorded.take() {
            return;
        }
        let failure = failure.and_then(|(_, failure)| failure).map(|failure| RecordedFailure {
            code: failure.code.into_owned(),
            detail: failure.detail,
        });
        let queued = self.fair_share.take(&call.plugin().name).is_some_and(|permit| {
            let Some(recorded) = tape.take_recorded() else { return true };
            let row = row(clock, call, failure.as_ref(), trace);
            let recording = recording(call, &row, failure, trace);
            let secrets = KnownSecrets::of(call);
            self.queue
                .try_send(QueuedRecording { row, recording, recorded, secrets, permit })
                .is_ok()
        });
        if !queued {
            call.plugin().context.quota.recorded.refuse();
        }
    }
}

fn row(
    clock: &Clock,
    call: &ValidatedCall,
    failure: Option<&RecordedFailure>,
    trace: &mut Trace,
) -> RecordedRow {
    let plugin = call.plugin();
    RecordedRow {
        position: 0,
        id: trace.id(clock).to_string(),
        request_id: call.request_id().to_string(),
        instance: call.instance().map_or(0, |instance| instance.id.0),
        community: call.community().to_owned(),
        plugin: plugin.name.to_string(),
        version: plugin.manifest.version.clone(),
        digest: plugin.digest.clone(),
        origin: call.origin().as_str().to_owned(),
        name: call.name().to_owned(),
        code: failure.map(|failure| failure.code.clone()),
        not_replayable: None,
        started_at: trace.started_at(clock),
    }
}

/// Everything but what the tape has.
fn recording(
    call: &ValidatedCall,
    row: &RecordedRow,
    failure: Option<RecordedFailure>,
    trace: &Trace,
) -> Recording {
    let plugin = call.plugin();
    let instance = call.instance();
    let limits = &plugin.context.limits;
    let returned = RecordedFailure { code: String::new(), detail: String::new() };
    Recording {
        format: FORMAT,
        call: RecordedCall {
            id: row.id.clone(),
            request_id: row.request_id.clone(),
            plugin: row.plugin.clone(),
            version: row.version.clone(),
            digest: row.digest.clone(),
            name: row.name.clone(),
            started_at: rfc3339(row.started_at.0),
        },
        context: RecordedContext {
            community: row.community.clone(),
            community_name: instance
                .map(|instance| instance.community.readable_name.to_string())
                .unwrap_or_default(),
            instance: row.instance.unsigned_abs(),
            community_platform_id: instance
                .and_then(|instance| instance.platform_id.as_deref().map(str::to_owned)),
            origin: row.origin.clone(),
            config: call.config().to_string(),
            settings: plugin.context.settings.public.clone(),
            has_tcp: !plugin.context.grants.tcp().is_empty(),
        },
        limits: RecordedLimits {
            cpu_ms: limits.cpu_ms,
            wall_ms: limits.wall_ms,
            memory_bytes: limits.memory_bytes as u64,
            result_bytes: limits.result_bytes as u64,
        },
        input: None,
        imports: Vec::new(),
        readings: Readings::default(),
        returned: Returned::Fault(returned),
        failure,
        cpu_us: micros(trace.cpu),
        not_replayable: None,
    }
}
