//! A call's tape: notes what passes the boundary between guest and host, or answers from what was noted before.
//!
//! `imports::taped` asks it at every import, `tape::surroundings` for clocks and randomness. A call without a tape pays one
//! branch for each import. Must never note the value of a secret.

mod notes;
mod recorder;
mod replayer;
mod surroundings;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use crate::exports::Export;
use crate::fault::{Fault, GuestError};
use crate::memory::MemoryReservation;
use moothall_values::recording::{RecordedContext, Recording};

pub use notes::{OnTape, send_arguments};
pub use recorder::Recorded;
use recorder::Recorder;
use replayer::Replayer;
pub use replayer::{Given, Replayed};
pub use surroundings::surround;

/// Shared by all that a call uses: its imports, its clocks, its requests in flight.
#[derive(Clone, Debug)]
pub struct Tape(Arc<Mutex<Reel>>);

#[derive(Debug)]
enum Reel {
    Recording(Box<Recorder>),
    Replaying(Box<Replayer>),
}

/// Who answers an import.
pub enum Turn {
    /// The host; its answer is noted at this place, or nowhere if there is no room.
    Host(Option<usize>),
    /// The recording.
    Tape(Given),
}

impl Tape {
    /// A tape that notes at most `bytes`, counted as guests' memory. `input` is what is called with what.
    pub fn recording(input: &Export, bytes: usize, reservation: MemoryReservation) -> Self {
        Self::of(Reel::Recording(Box::new(Recorder::new(input, bytes, reservation))))
    }

    /// A tape that answers from a recording.
    pub fn replaying(recording: Arc<Recording>) -> Self {
        Self::of(Reel::Replaying(Box::new(Replayer::new(recording))))
    }

    fn of(reel: Reel) -> Self {
        Self(Arc::new(Mutex::new(reel)))
    }

    fn reel(&self) -> MutexGuard<'_, Reel> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The guest calls an import. Its arguments are copied only if there is room for them.
    pub fn enter(&self, import: &'static str, arguments: impl FnOnce() -> Vec<Value>) -> Turn {
        match &mut *self.reel() {
            Reel::Recording(recorder) => Turn::Host(recorder.enter(import, arguments)),
            Reel::Replaying(replayer) => Turn::Tape(replayer.enter(import, arguments())),
        }
    }

    /// The host has answered it.
    pub fn note(&self, place: Option<usize>, answer: impl FnOnce() -> Value) {
        if let (Reel::Recording(recorder), Some(place)) = (&mut *self.reel(), place) {
            recorder.note(place, answer);
        }
    }

    pub fn is_replaying(&self) -> bool {
        matches!(&*self.reel(), Reel::Replaying(_))
    }

    /// What `context` and `settings` answer in a call that is repeated.
    pub fn context(&self) -> Option<RecordedContext> {
        self.replayed(|one| one.recording.context.clone())
    }

    /// The ids of call and request that `context` answers in a call that is repeated.
    pub fn ids(&self) -> Option<(String, String)> {
        self.replayed(|one| {
            let call = &one.recording.call;
            (call.id.clone(), call.request_id.clone())
        })
    }

    fn replayed<T>(&self, read: impl FnOnce(&Replayer) -> T) -> Option<T> {
        match &*self.reel() {
            Reel::Replaying(replayer) => Some(read(replayer)),
            Reel::Recording(_) => None,
        }
    }

    /// The call uses something that no recording holds.
    pub fn cannot_be_replayed(&self, reason: &str) {
        match &mut *self.reel() {
            Reel::Recording(recorder) => recorder.cannot_be_replayed(reason),
            Reel::Replaying(replayer) => replayer.missing(reason.to_owned()),
        }
    }

    /// Whether the plugin could make TCP connections in the call that is repeated.
    pub fn had_tcp(&self) -> Option<bool> {
        self.replayed(|one| one.recording.context.has_tcp)
    }

    /// Takes out how the repetition ends because the recorded call ended there.
    pub fn take_end(&self) -> Option<Fault> {
        match &mut *self.reel() {
            Reel::Replaying(replayer) => replayer.end.take(),
            Reel::Recording(_) => None,
        }
    }

    /// Notes what the guest returned.
    pub fn returned(&self, result: &Result<Result<crate::Output, GuestError>, Fault>) {
        if let Reel::Recording(recorder) = &mut *self.reel() {
            recorder.returned(result);
        }
    }

    /// Takes out what was recorded; nothing from a tape that answers.
    pub fn take_recorded(&self) -> Option<Recorded> {
        match &mut *self.reel() {
            Reel::Recording(recorder) => Some(recorder.take()),
            Reel::Replaying(_) => None,
        }
    }

    /// Takes out what the repetition did; nothing from a tape that records.
    pub fn take_replayed(&self) -> Option<Replayed> {
        match &mut *self.reel() {
            Reel::Replaying(replayer) => Some(replayer.take()),
            Reel::Recording(_) => None,
        }
    }
}

/// The import as the contract names it.
fn wit_name(import: &str) -> String {
    import.replace('_', "-")
}

#[cfg(test)]
mod tests;
